"""Estimators are tuned inside the training rows, and what that gained is measured on rows that no fit saw."""

import numpy as np
import polars as pl
import pytest

from wingspan.errors import SettingError
from wingspan.recipes.table_training import Training, failed_estimators, table_training
from wingspan.recipes.table_tuning import Tuning, read_tuning, start_of
from wingspan.runner.events import FAILED, StepEvent
from wingspan.sweep.distributions import LogUniform
from wingspan.tabular.blocks import iter_blocks
from wingspan.tabular.prepare import learn_preparation
from wingspan.tabular.read import read_table
from wingspan.tabular.spaces import SPACES, Searched, space_of
from wingspan.tabular.split import TEST, SplitRule, assign, roles
from wingspan.tabular.train import train_table
from wingspan.tabular.tune import gain, tuning_rule

ROWS = 600


@pytest.fixture
def data(tmp_path):
    random = np.random.default_rng(0)
    x = random.normal(size=(ROWS, 4))
    y = x[:, 0] + np.sin(3 * x[:, 1]) + random.normal(size=ROWS) / 2
    when = random.permutation(ROWS)
    columns = {f"x{number}": x[:, number] for number in range(4)}
    frame = pl.DataFrame(columns | {"when": when, "town": when % 40, "late": (y > 0).astype(int)})
    frame.write_csv(tmp_path / "data.csv")
    return tmp_path / "data.csv"


@pytest.fixture
def table(data, tmp_path):
    return read_table(data, tmp_path / "table")


@pytest.mark.parametrize(
    "split",
    [
        SplitRule(validation=0.2),
        SplitRule(validation=0.3, stratify="late", seed=3),
        SplitRule(validation=0.2, column="town"),
        SplitRule(validation=0.2, time="when"),
    ],
    ids=["hash", "stratified", "grouped", "time"],
)
def test_the_folds_of_a_tuning_hold_no_row_of_the_test_or_the_validation_part(table, split):
    """All other rows are in one fold each; by time the first rows are for training alone."""
    frame = next(iter_blocks(table))
    outer = roles(assign(table, split), 0, frame)
    rule = tuning_rule(split, 3)
    inner = roles(assign(table, rule), 0, frame)
    seen = (outer == TEST) | (outer == 1)
    assert (inner[seen] == TEST).all()
    assert set(inner[~seen]) == ({0, 1, 2, 3} if split.time else {1, 2, 3})


def test_a_gain_is_clear_or_it_is_said_that_it_is_not(table):
    """Both models are judged on the same rows, so that the interval is that of their difference."""
    split = SplitRule(validation=0.4).rules_of_folds[0]
    prepared = learn_preparation(table, split, target="late")
    dull, bright = (
        train_table(
            table, split, prepared, "decision_tree", {"max_depth": depth, "min_samples_leaf": 9}, 0
        )
        for depth in (1, 5)
    )
    better = gain("tree", dull, bright, table, split, prepared, "brier_score")
    assert 0 < better.low < better.value < better.high
    assert "brier_score better by" in str(better)
    worse = gain("tree", bright, dull, table, split, prepared, "brier_score")
    assert worse.value == pytest.approx(-better.value)
    assert "brier_score worse by" in str(worse)
    none = gain("tree", dull, dull, table, split, prepared, "roc_auc")
    assert (none.value, none.low, none.high) == (0, 0, 0)
    assert f"no clear gain of roc_auc (+0, +0 to +0), on {none.rows:,} validation rows" in str(none)


def test_every_space_begins_with_the_values_that_the_estimator_has(data):
    """The first trial is the estimator as it comes, so that a tuning cannot choose worse by its own measure."""
    for name, space in SPACES.items():
        start = start_of(space)
        assert start == [{f"parameters.{key}": each.first for key, each in space.items()}], name
    assert "C" not in space_of("logistic_regression", ["C"])
    assert space_of("lightgbm:LGBMClassifier") == SPACES["lgbm"]
    assert start_of({"alpha": Searched(LogUniform(1, 2), None)}) == []
    tuned = Training(data, "late", estimators={"tree": "decision_tree"}, tuning=Tuning(3))
    steps = table_training(tuned).steps
    assert {"tune[tree]", "fit[tree]", "fit[tree_tuned]", "evaluate[tree_tuned]", "gains"} <= set(
        steps
    )


def test_a_file_names_what_is_searched(tmp_path):
    """Parameters are written as in a sweep file of W&B."""
    file = tmp_path / "spaces.yaml"
    file.write_text(
        "trials: 7\nfolds: 4\nridge:\n  alpha: {min: 0.1, max: 10, distribution: log_uniform_values}\n"
    )
    assert read_tuning(str(file)) == Tuning(7, 4, {"ridge": {"alpha": LogUniform(0.1, 10)}})
    assert read_tuning("12") == Tuning(12)


@pytest.mark.parametrize(
    ("given", "content", "said"),
    [
        ("0", None, "expected 1 or more trials, found 0"),
        ("many", None, "expected a number of trials, or a YAML file, found 'many'"),
        ("a.yaml", "- 1", "expected estimators and their parameters"),
        ("a.yaml", "trials: lots", "expected a whole number, found 'lots'"),
        ("a.yaml", "ridge: {alpha: 3}", "expected value, values or a distribution, found 3"),
    ],
)
def test_what_is_no_tuning_is_refused(tmp_path, monkeypatch, given, content, said):
    """With the place in the file."""
    monkeypatch.chdir(tmp_path)
    if content:
        (tmp_path / given).write_text(content)
    with pytest.raises(SettingError, match=said):
        read_tuning(given)


def test_a_tuning_that_cannot_be_measured_is_refused_before_any_fit(data):
    """There must be validation rows, an estimator that is tuned, and parameters that it has."""
    tree = {"estimators": {"tree": "decision_tree"}}
    for more in ({"folds": 3}, {"validation": 0.0}, {"compatibility": True}):
        with pytest.raises(SettingError, match="tuning has folds of its own"):
            table_training(Training(data, "late", tuning=Tuning(2), **tree, **more))
    with pytest.raises(SettingError, match="nothing to search of none"):
        table_training(Training(data, "late", estimators={"none": "dummy"}, tuning=Tuning(2)))
    for spaces, said in (
        ({"ridge": {"alpha": LogUniform(1, 2)}}, "no estimator is called 'ridge'"),
        ({"tree": {"alpha": LogUniform(1, 2)}}, "has no parameter 'alpha'"),
    ):
        with pytest.raises(SettingError, match=said):
            table_training(Training(data, "late", tuning=Tuning(2, spaces=spaces), **tree))


def test_a_tuning_that_fails_leaves_the_estimator_as_it_comes(data):
    """The training goes on without it."""
    names = {"tree": "decision_tree", "linear": "logistic_regression"}
    what = Training(data, "late", estimators=names, tuning=Tuning(2))
    lost = [StepEvent(0.0, "tune[tree]", "", FAILED)]
    assert failed_estimators(lost, what) == ["tree_tuned"]
    left = what.without(["tree_tuned"])
    assert list(left.labels) == ["tree", "linear", "linear_tuned"]
    assert list(left.without(["linear"]).labels) == ["tree"]


@pytest.mark.long
def test_a_tuned_model_is_compared_and_can_be_the_best(data, tmp_path):
    """A depth that fits the data is found, wins on the validation rows, and is in the card with what it gained."""
    spaces = {"tree": {"max_depth": LogUniform(1, 8, q=1)}}
    what = Training(
        data,
        "late",
        estimators={"tree": "decision_tree"},
        drop=("when", "town"),
        tuning=Tuning(3, 2, spaces),
    )
    run = table_training(what).run(home=tmp_path / "home")
    tuned = run["tune[tree]"]
    assert run["choose_best"].selection.best == "tree_tuned"
    assert run["gains"]["tree"].low > 0
    from wingspan.tabular.bundle import Bundle

    bundle = Bundle.load(run["choose_best"].bundle)
    assert bundle.card.parameters == tuned.parameters
    assert bundle.model.max_depth == tuned.parameters["max_depth"]
    assert str(run["gains"]["tree"]) in bundle.card.notes
