"""Steps of one estimator that fail are told from those of the whole training."""

import pytest

from wingspan.recipes.table_training import LOANS, Training, failed_estimators, table_training
from wingspan.runner.events import FAILED, StepEvent


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b,late\n" + "".join(f"{n},{n % 3},{n % 2}\n" for n in range(40)))
    return path


def failed(*steps):
    return [StepEvent(0.0, step, "", FAILED) for step in steps]


def test_estimators_that_failed_are_named(table):
    """Once each, in whichever step; none where the table itself is at fault."""
    what = Training(table, "late", estimators={"one": "dummy", "two": "dummy"}, shards=2)
    assert failed_estimators(failed("fit[one]"), what) == ["one"]
    assert failed_estimators(failed("score-two[1]", "fit[one]", "fit[two]"), what) == ["two", "one"]
    assert failed_estimators(failed("fit[one]", "prepare"), what) == []
    assert failed_estimators([], what) == []


def test_memory_reaches_every_step(table):
    """What the user says holds for all; else each step of a large estimator asks for more."""
    said = table_training(Training(table, "late", memory="3GB"))
    assert {step.resources.memory_mb for step in said.steps.values()} == {3072}
    estimated = table_training(Training(table, "late"))  # which is no limit
    assert {step.resources.memory_limit_mb for step in estimated.steps.values()} == {None}
    forest = Training(table, "late", estimators={"forest": "random_forest"})
    object.__setattr__(forest, "size", type(forest.size)(300_000, 30))
    asked = {name: step.resources.memory_mb for name, step in table_training(forest).steps.items()}
    assert asked["fit[forest]"] > 6_000
    assert asked["fit[forest]"] > asked["evaluate[forest]"] > asked["prepare"]


def test_the_default_estimators_include_boosted_trees(table):
    """Beside the two of the loan workflow, which the compatibility mode has alone."""
    more = {"logistic_regression", "decision_tree", "hist_gradient_boosting"}
    assert set(Training(table, "late").labels) == more
    assert set(Training(table, "late", compatibility=True).labels) == set(LOANS)
    assert "hist_gradient_boosting" in Training(table, "a").labels
    assert "ridge" in Training(table, "a").labels


def test_folds_are_steps_of_their_own(table):
    """Each fold is fitted and scored by itself; the best is fitted again, and meets the test rows once."""
    what = Training(table, "late", estimators={"tree": "decision_tree"}, folds=3)
    steps = table_training(what).steps
    assert {f"fit[tree,{fold}]" for fold in (1, 2, 3)} <= set(steps)
    assert {f"score-tree[{fold}]" for fold in (1, 2, 3)} <= set(steps)
    assert {"evaluate[tree]", "survey", "rank", "refit", "test"} <= set(steps)
    assert failed_estimators(failed("fit[tree,2]"), what) == ["tree"]
    none = table_training(Training(table, "late", validation=0.0)).steps
    assert "test" not in none
