"""The model card tells what was recorded, and nothing else."""

import json

import numpy as np

from wingspan.tabular.card import Card, card_markdown, notes_of, versions_of
from wingspan.tabular.clean import RangeRule, Rules
from wingspan.tabular.evaluate import Evaluation, Metric, evaluation
from wingspan.tabular.importance import Importance
from wingspan.tabular.metrics import count_scores, digits_for, shown_value
from wingspan.tabular.prepare import learn_preparation
from wingspan.tabular.split import SplitRule


def made(classes=("no", "yes"), **changes):
    random = np.random.default_rng(0)
    y = random.integers(0, len(classes), 200)
    scores = random.random((200, len(classes))) + np.eye(len(classes))[y]
    scores /= scores.sum(axis=1, keepdims=True)
    found = evaluation(count_scores(scores, y, 0, threshold=0.3), list(classes), threshold=0.3)
    facts = {
        "data": ["loans.csv"],
        "data_digest": "blake2b-256:00ff",
        "rows": 1000,
        "columns": {"age": "number", "a|b": "category", "late": "category"},
        "target": "late",
        "split": {"kind": "hash", "test_size": 0.2, "seed": 42, "stratify": False},
        "estimator": "decision_tree",
        "parameters": {"max_depth": 3},
        "seed": 42,
        "evaluation": found,
        "versions": {"numpy": "2.0"},
    }
    return Card(**{**facts, **changes})


def test_card_has_every_fact():
    """Digest, columns, target, split, metrics with intervals, threshold, parameters, seed, date, versions."""
    card = made(notes=["age above 100 was set to missing: 3 rows"])
    text = card_markdown(card)
    roc = card.evaluation.metric("roc_auc")
    for fact in (
        "blake2b-256:00ff",
        "`late`",
        "test_size 0.2",
        f"| roc_auc | {roc.value:.4f} | {roc.low:.4f} to {roc.high:.4f} |",
        "threshold **0.3**",
        "`decision_tree(max_depth=3)`, seed 42",
        "| numpy | 2.0 |",
        "unseen categories: counted",
        "age above 100 was set to missing: 3 rows",
        "1,000 rows",
    ):
        assert fact in text, fact


def test_bars_in_names_do_not_break_tables():
    """A column name with a bar stays one cell."""
    assert "| a\\|b | category |" in card_markdown(made())


def test_undefined_metric_is_told():
    """A metric without a value reads "not defined"."""
    found = evaluation(count_scores(np.array([0.1]), np.array([0]), 0), [0, 1])
    assert "| roc_auc | not defined |  |" in card_markdown(made(evaluation=found))


def test_several_classes():
    """With three classes the card speaks of the highest score and shows three by three counts."""
    text = card_markdown(made(classes=("a", "b", "c")))
    assert "the one of the highest score" in text
    assert "| Rows | predicted `a` | predicted `b` | predicted `c` |" in text


def test_candidates_are_compared():
    """The models that were compared are a table with the rule that chose."""
    candidates = {"tree": {"precision": 0.5, "roc_auc": None}, "forest": {"precision": 0.6}}
    text = card_markdown(made(candidates=candidates, selected_by=["precision", "f1"]))
    assert "Chosen by precision, then f1, on " in text
    assert "| forest |" in text
    assert "## Compared" not in card_markdown(made())


def test_errors_of_small_numbers_are_shown_with_their_digits():
    """In the units of the target; a share has its four decimals, and none is minus zero."""
    small = {"rmse": Metric(2.5e-7, 2e-7, 3e-7), "r2": Metric(-1e-9, -0.1, 0.1)}
    text = card_markdown(made(evaluation=Evaluation(30, [], [], small)))
    assert "| rmse | 2.5e-07 | 2e-07 to 3e-07 |" in text
    assert "| r2 | 0.0000 | -0.1000 to 0.1000 |" in text
    assert [shown_value(v, digits_for([v], 4)) for v in (0.00123, 12.5, 1234.5, 2e15)] == [
        "0.001230", "12.5000", "1,234", "2e+15",
    ]  # fmt: skip


def test_a_card_that_was_stored_keeps_what_comes_first():
    """Though JSON has sorted the names: the usual order of metrics, and the most important column."""
    worse = {"a": Metric(0.1, 0, 1), "b": Metric(0.5, 0, 1)}
    found = Importance("rmse", 30, worse, {"a": 0.1, "b": -2.0}, 2)
    metrics = {name: Metric(1.0, 1.0, 1.0) for name in ("mae", "rmse")}
    card = made(importance=found, evaluation=Evaluation(30, [], [], metrics))
    again = Card.from_json(json.loads(json.dumps(card.as_json(), sort_keys=True)))
    assert list(again.evaluation.metrics) == ["rmse", "mae"]
    assert list(again.importance.columns) == list(again.importance.coefficients) == ["b", "a"]


def test_json_comes_back():
    """from_json(as_json(card)) == card."""
    card = made(candidates={"tree": {"precision": None}})
    assert Card.from_json(json.loads(json.dumps(card.as_json(), allow_nan=False))) == card


def test_versions():
    """Versions are those installed; what is not installed is left out."""
    found = versions_of(("numpy", "no-such-package"))
    assert found["numpy"] == np.__version__
    assert set(found) == {"python", "numpy"}


def test_notes_tell_what_the_preparation_did(table_of, people):
    """Values that cleaning changed, columns that are not used, and a leak that compatibility asks for."""
    table, split = table_of(people(300)), SplitRule("sklearn")
    rules = Rules(ranges=(RangeRule("age", high=70),))
    learned = learn_preparation(table, split, target="late", drop=["key"], rules=rules)
    changed = int((people(300)["age"] > 70).sum())
    assert f"age: out of range, made missing: {changed}" in notes_of(learned)
    assert "column `key` is not used: dropped" in notes_of(learned)
    leaky = learn_preparation(table, split, target="late", drop=["key"], compatibility=True)
    assert any("learned from all rows" in note for note in notes_of(leaky))
