"""Weights, filled numbers, indicators, date parts and importance do what scikit-learn, or a plain script, does."""

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from wingspan.errors import SettingError, TableError
from wingspan.tabular.importance import importance
from wingspan.tabular.inputs import Wanted, choose_inputs
from wingspan.tabular.matrix import matrix
from wingspan.tabular.medians import with_medians
from wingspan.tabular.preparation import Preparation, Treatment
from wingspan.tabular.prepare import learn_part, merge_parts
from wingspan.tabular.split import SplitRule, assign, test_mask, train_mask
from wingspan.tabular.train import train_table

RULE = SplitRule(folds=2)


def rows(count=600):
    random = np.random.default_rng(4)
    x, z = random.normal(size=count), random.exponential(size=count)
    return pl.DataFrame(
        {
            "x": x,
            "z": np.where(random.random(count) < 0.2, np.nan, z),
            "noise": random.normal(size=count),
            "w": random.integers(0, 4, count),
            "y": np.where(x + random.normal(size=count) > 1, "yes", "no"),
        }
    ).with_columns(pl.col("z").fill_nan(None))


def prepared(table, treatment, rule=RULE, **how):
    part = learn_part(table, rule, choose_inputs(table, Wanted("y", treatment=treatment, **how)))
    return with_medians(table, [rule], [merge_parts([part], rule.fold)])[0]


def plain(frame, mask, weights=None, **how):
    x = StandardScaler().fit_transform(frame.select("x", "noise").to_numpy()[mask])
    y = (frame["y"] == "yes").to_numpy()[mask]
    return LogisticRegression(**how).fit(x, y, sample_weight=weights).coef_


@pytest.mark.parametrize("how", ["balanced", "column"])
def test_weights_are_those_of_scikit_learn(table_of, how):
    """Balanced classes as ``class_weight``, a column as ``sample_weight``; the column is not a feature."""
    frame = rows()
    table = table_of(frame)
    treatment = Treatment(balanced=True) if how == "balanced" else Treatment(weight="w")
    drop = ("z",) if how == "column" else ("z", "w")
    ready = prepared(table, treatment, drop=drop)
    mask = train_mask(assign(table, RULE), 0, frame)
    model = train_table(table, RULE, ready, "logistic_regression")
    if how == "balanced":
        expected = plain(frame, mask, class_weight="balanced")
    else:
        expected = plain(frame, mask, frame["w"].to_numpy()[mask])
    assert ready.features == ("x", "noise")
    assert model.steps[-1][1].coef_ == pytest.approx(expected, rel=1e-4)
    assert Preparation.from_json(ready.as_json()) == ready


def test_weights_that_are_none_are_refused(table_of):
    """Of the column, and of an estimator that takes none."""
    bad = table_of(rows().with_columns(w=pl.lit(-1)))
    with pytest.raises(TableError, match=r"expected weights of 0 or more, row \d+ has -1"):
        train_table(bad, RULE, prepared(bad, Treatment(weight="w")), "logistic_regression")
    none = table_of(rows().with_columns(w=pl.lit(0)), "none")
    with pytest.raises(TableError, match="the weights of all training rows are 0"):
        train_table(none, RULE, prepared(none, Treatment(weight="w")), "logistic_regression")
    with pytest.raises(SettingError, match="takes no weights"):
        train_table(bad, RULE, prepared(bad, Treatment(balanced=True)), "k_neighbors")
    with pytest.raises(SettingError, match="expected mean, median or a number"):
        Treatment(fill="mode")


@pytest.mark.parametrize("fold", [None, 1])
def test_missing_numbers_become_the_median_of_the_training_rows(table_of, fold):
    """Of those of the fold; an indicator says where they were; a number fills as it is."""
    frame = rows()
    table = table_of(frame)
    rule = RULE if fold is None else RULE.rules_of_folds[fold]
    ready = prepared(table, Treatment("median", indicators=True), rule)
    z = frame["z"].to_numpy()
    mask = train_mask(assign(table, rule), 0, frame)
    assert ready.features == ("x", "z", "z_missing", "noise", "w")
    x = matrix(table, rule, ready, "train").x
    assert x[:, 2].tolist() == np.isnan(z[mask]).tolist()
    assert set(x[x[:, 2] == 1, 1]) == {np.nanmedian(z[mask])}
    zero = prepared(table, Treatment(0.0), rule)
    assert next(n.fill for n in zero.numbers if n.name == "z") == 0


def test_dates_become_their_parts(table_of):
    """Where that is wanted, and no rule of the user's says otherwise."""
    days = pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 4, 9), eager=True)
    table = table_of(pl.DataFrame({"day": days, "y": ["a", "b"] * (len(days) // 2)}))
    ready = prepared(table, Treatment(), date_parts=True)
    assert ready.features == ("day_year", "day_month", "day_weekday")


def test_what_the_target_depends_on_is_important(table_of):
    """Shuffling it costs; shuffling noise does not, within the interval."""
    frame = rows(3_000)
    table = table_of(frame)
    fold = RULE.rules_of_folds[0]
    ready = prepared(table, Treatment(), fold)
    model = train_table(table, fold, ready, "logistic_regression")
    found = importance(model, table, fold, ready, "log_loss")
    assert next(iter(found.columns)) == "x"
    assert found.columns["x"].low > 0.05
    assert found.columns["noise"].value < 0.01
    assert set(found.coefficients) == set(ready.features)
    assert found.rows == min(2_000, test_mask(assign(table, fold), 0, frame).sum())
    assert importance(model, table, fold, ready, "log_loss") == found
