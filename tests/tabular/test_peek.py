"""Whether a target is a class or a number is guessed from its first rows, and checked on all of them."""

import polars as pl
import pytest

from wingspan.errors import SettingError, TableError
from wingspan.tabular.estimators import (
    check_estimator,
    check_probabilities,
    make_estimator,
    short_names,
)
from wingspan.tabular.inputs import Wanted, choose_inputs
from wingspan.tabular.peek import guess_task
from wingspan.tabular.read import ReadOptions


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ([0, 1] * 20, "classification"),
        (list(range(20)) * 2, "classification"),
        (list(range(21)) * 2, "regression"),
        ([1.0, 2.0] * 20, "classification"),
        ([1.5, 2.0] * 20, "regression"),
        (["a", "b"] * 20, "classification"),
        (["1", "2.5", "x"] * 20, "classification"),
        (["", "2.5"] * 20, "regression"),
        ([float("inf"), 2.5] * 20, "regression"),
        (["true", "false"] * 20, "classification"),
    ],
)
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_the_task_is_that_of_the_values(tmp_path, table_of, values, task, suffix):
    """By the first rows, as by all rows."""
    path = tmp_path / f"t.{suffix}"
    frame = pl.DataFrame({"x": range(len(values)), "y": values}, strict=False)
    frame.write_csv(path) if suffix == "csv" else frame.write_parquet(path)
    assert guess_task(path, ReadOptions(), "y")[0] == task
    if suffix == "csv":
        from wingspan.tabular.read import read_table

        table = read_table(path, tmp_path / "read")
        assert choose_inputs(table, Wanted("y")).task == task


def test_numbers_with_marks_are_guessed_as_they_are_read(tmp_path):
    """By the decimal and the thousands mark, and the currency of a column that is named."""
    path = tmp_path / "t.csv"
    path.write_text("x;y\n" + "".join(f"{n};1.000,{n % 9} kr\n" for n in range(30)))
    marks = {"delimiter": ";", "decimal": ",", "thousands": "."}
    assert guess_task(path, ReadOptions(**marks), "y")[0] == "classification"
    assert guess_task(path, ReadOptions(**marks, numbers=("y",)), "y")[0] == "regression"


def test_a_guess_that_the_other_rows_contradict_is_refused(table_of):
    """The message has both options."""
    table = table_of(pl.DataFrame({"x": range(50), "y": range(50)}))
    with pytest.raises(TableError, match="look like classes") as caught:
        choose_inputs(table, Wanted("y", task="classification", guessed=True))
    assert "--task regression" in caught.value.fix
    assert choose_inputs(table, Wanted("y", task="classification")).task == "classification"
    text = table_of(pl.DataFrame({"x": range(4), "y": ["a", "b"] * 2}), "text")
    with pytest.raises(TableError, match="expected numbers as the target"):
        choose_inputs(text, Wanted("y", task="regression"))


def test_estimators_of_a_regression_have_their_names():
    """In snake case; those for classes are refused with one that fits."""
    names = short_names("regression")
    wanted = {
        "linear_regression",
        "ridge",
        "lasso",
        "random_forest",
        "hist_gradient_boosting",
        "svr",
        "dummy",
    }
    assert wanted <= set(names)
    assert not any(name.startswith("multi") or "logistic" in name for name in names)
    assert (
        type(make_estimator("decision_tree", task="regression")).__name__ == "DecisionTreeRegressor"
    )
    with pytest.raises(SettingError, match="is for classes, the target is numbers"):
        check_estimator("logistic_regression", task="regression")
    with pytest.raises(SettingError, match="is for numbers"):
        check_estimator("linear_regression")
    with pytest.raises(SettingError, match="is a classifier, not a regressor"):
        make_estimator("sklearn.svm:SVC", task="regression")


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_every_regression_by_name_can_be_made():
    """None is abstract, or needs another estimator."""
    for name in short_names("regression"):
        make_estimator(name, task="regression")


def test_an_estimator_without_probabilities_is_refused_by_name():
    """Where the metric needs them."""
    check_probabilities("log_loss", {"a": "logistic_regression"}, {})
    with pytest.raises(SettingError, match="svc gives no probabilities"):
        check_probabilities("log_loss", {"svc": "linear_svc"}, {})
