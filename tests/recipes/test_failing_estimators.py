"""Steps of one estimator that fail are told from those of the whole training."""

import polars as pl
import pytest

from wingspan.errors import SettingError, TableError
from wingspan.recipes.table_steps import prepare
from wingspan.recipes.table_training import LOANS, Training, failed_estimators, table_training
from wingspan.runner.events import FAILED, StepEvent
from wingspan.tabular.preparation import Treatment
from wingspan.tabular.read import read_table


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


def test_the_target_is_nothing_else(table):
    """Neither groups, nor times, nor weights, nor left out: refused before any step runs."""
    for option, given in {
        "--group": {"group": "late"},
        "--time": {"time": "late"},
        "--weight": {"treatment": Treatment(weight="late")},
        "--drop": {"drop": ("late",)},
    }.items():
        with pytest.raises(SettingError, match=f"{option} late: the column is the target"):
            table_training(Training(table, "late", **given))


@pytest.mark.parametrize(
    "given",
    [
        {"threshold": "f1"},
        {"stratify": True},
        {"treatment": Treatment(balanced=True)},
        {"treatment": Treatment(calibration="sigmoid")},
    ],
    ids=["threshold", "stratify", "weight", "calibrate"],
)
def test_options_for_classes_do_not_go_with_numbers(table, given):
    """They are refused rather than passed over."""
    with pytest.raises(SettingError, match="this option is for classes"):
        table_training(Training(table, "a", **given))


def test_parts_without_rows_or_of_one_class_are_refused_before_any_fit(table, tmp_path):
    """With the option that divides the rows otherwise."""
    frame = pl.DataFrame({"g": [1, 2] * 30, "t": range(60), "y": ["a"] * 30 + ["b"] * 30})
    frame.write_parquet(tmp_path / "t.parquet")
    read = read_table(tmp_path / "t.parquet", tmp_path / "read")
    for given, said, fix in (
        ({"group": "g", "folds": 2}, "no row is in ", "group by a column of more values"),
        ({"folds": 60}, "no row is in fold ", "give fewer --folds"),
        ({"time": "t", "folds": 3, "test_size": 0.3}, "are all of class 'a'", "give fewer --folds"),
        ({"time": "t", "test_size": 0.6}, "no training row has", "give a smaller --test-size"),
    ):
        what = Training(table, "y", **given)
        with pytest.raises(TableError, match=said) as caught:
            prepare(read, what.split, what.wanted)
        assert fix in caught.value.fix


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
