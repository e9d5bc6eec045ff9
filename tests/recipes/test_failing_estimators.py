"""Steps of one estimator that fail are told from those of the whole training."""

import pytest

from wingspan.recipes.table_training import DEFAULTS, Training, failed_estimators, table_training
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
    forest = Training(table, "late", estimators={"forest": "random_forest"})
    object.__setattr__(forest, "size", type(forest.size)(300_000, 30))
    asked = {name: step.resources.memory_mb for name, step in table_training(forest).steps.items()}
    assert asked["fit[forest]"] > 6_000
    assert asked["fit[forest]"] > asked["evaluate[forest]"] > asked["prepare"]


def test_the_default_estimators_include_boosted_trees():
    """Beside the two of the loan workflow, which a training without a list of estimators has."""
    assert DEFAULTS == ("logistic_regression", "decision_tree", "hist_gradient_boosting")
