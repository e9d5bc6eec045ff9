"""Metrics of a regression are those of scikit-learn, with honest intervals, and no number of shards changes a bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from wingspan.errors import TableError
from wingspan.tabular import residuals
from wingspan.tabular.evaluate import evaluation, merge_some
from wingspan.tabular.residuals import (
    Residuals,
    count_errors,
    error_bounds,
    merge_residuals,
    regression_metrics,
)


def sample(rows, seed=0, offset=0.0):
    random = np.random.default_rng(seed)
    y = offset + random.normal(3, 2, rows)
    return y + random.normal(0, 0.7, rows), y


def counted(predicted, y, block=0):
    return count_errors(predicted, y, block, center=float(y.mean()), scale=float(y.std()))


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_values_are_those_of_scikit_learn(offset):
    """Each metric, also of a target far from 0, where sums of squares would lose it."""
    predicted, y = sample(1_001, offset=offset)
    found = {
        name: value[0] for name, value in regression_metrics(counted(predicted, y), 0.95).items()
    }
    assert found["mae"] == pytest.approx(sk.mean_absolute_error(y, predicted), rel=1e-9)
    assert found["rmse"] == pytest.approx(sk.root_mean_squared_error(y, predicted), rel=1e-9)
    assert found["r2"] == pytest.approx(sk.r2_score(y, predicted), rel=1e-9)
    assert found["median_error"] == pytest.approx(sk.median_absolute_error(y, predicted), rel=1e-9)
    mape = sk.mean_absolute_percentage_error(y, predicted)
    assert found["mape"] == pytest.approx(mape, rel=1e-9)


def test_a_metric_that_is_not_defined_has_no_value():
    """Relative errors of a target of 0; the share explained of a constant one."""
    y = np.array([0.0, 1.0, 2.0])
    one = evaluation(count_errors(y + 0.1, y, 0, center=1.0, scale=1.0))
    assert one.metric("mape").value is None
    assert one.metric("mae").value == pytest.approx(0.1)
    flat = evaluation(count_errors(np.array([1.0, 2.0]), np.ones(2), 0, center=1.0, scale=1.0))
    assert flat.metric("r2").value is None
    assert flat.task == "regression"


def test_a_prediction_that_is_not_finite_is_refused():
    """A model that overflowed says so."""
    with pytest.raises(TableError, match="not finite"):
        count_errors(np.array([np.inf]), np.ones(1), 0, center=0.0, scale=1.0)


@given(st.integers(0, 2**32), st.integers(1, 6))
@settings(max_examples=20, deadline=None)
def test_no_number_of_shards_changes_a_bit(seed, shards):
    """Blocks in any order, merged at once or shard by shard."""
    random = np.random.default_rng(seed)
    predicted, y = sample(400, seed)
    blocks = [count_errors(predicted[k::7], y[k::7], k, center=3.0, scale=2.0) for k in range(7)]
    whole = evaluation(merge_residuals(blocks))
    order = random.permutation(7)
    parts = [
        merge_residuals([blocks[k] for k in part])
        for part in np.array_split(order, shards)
        if len(part)
    ]
    assert evaluation(merge_some(iter(parts))) == whole


def test_many_rows_are_kept_in_bounded_memory(monkeypatch):
    """Beyond the limit errors are rounded: the median stays within a ten-thousandth, in any number of parts."""
    predicted, y = sample(40_000)
    exact = counted(predicted, y)
    monkeypatch.setattr(residuals, "EXACT_ROWS", 5_000)
    scale = {"center": exact.center, "scale": exact.scale}
    parts = [count_errors(predicted[k::10], y[k::10], k, **scale) for k in range(10)]
    one = merge_residuals(parts)
    two = merge_residuals([merge_residuals(parts[:3]), merge_residuals(parts[3:])])
    assert len(one.errors) < 32_000
    assert np.array_equal(one.errors, two.errors)
    assert np.array_equal(one.rows, two.rows)
    median = regression_metrics(exact, 0.95)["median_error"][0]
    assert regression_metrics(one, 0.95)["median_error"][0] == pytest.approx(median, rel=1e-4)


def test_intervals_cover_the_truth():
    """Of 200 samples about 95 % have the value of the population inside their interval."""
    truth = {n: v[0] for n, v in regression_metrics(counted(*sample(400_000, 1)), 0.95).items()}
    inside = dict.fromkeys(truth, 0)
    for seed in range(200):
        found = regression_metrics(counted(*sample(300, 10 + seed)), 0.95)
        for name, (value, low, high) in found.items():
            assert low <= value <= high
            inside[name] += low <= truth[name] <= high
    del inside["mape"]  # of a target around 0, whose relative errors have no variance
    assert all(180 <= count <= 200 for count in inside.values()), inside


def test_new_rows_stay_within_the_bounds():
    """Split conformal: at least the promised share, on average."""
    shares = []
    for seed in range(40):
        bounds = error_bounds(counted(*sample(200, seed)))
        predicted, y = sample(2_000, 1_000 + seed)
        shares.append(np.mean(np.abs(predicted - y) <= bounds["90"]))
    assert 0.895 <= np.mean(shares) <= 0.92
    assert "99" not in error_bounds(counted(*sample(50)))


def test_residuals_are_read_as_they_were_written(tmp_path):
    """From their folder, equal to the bit."""
    one = counted(*sample(100))
    one.save(tmp_path)
    two = Residuals.load(tmp_path)
    assert evaluation(one) == evaluation(two)
