"""The rule of early stopping, against another way to say it."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wingspan.errors import SettingError
from wingspan.tracking.patience import Patience, progress_of


def test_it_waits_as_keras_and_lightning_do():
    """Patience 2: two epochs in a row without a better value end the training, and a tie is not better."""
    values = [0.9, 0.5, 0.6, 0.4, 0.4, 0.41]
    ended = [progress_of(Patience(2), values[: n + 1]).ended for n in range(6)]
    assert ended == [False, False, False, False, False, True]
    progress = progress_of(Patience(2), values)
    assert (progress.best, progress.best_epoch, progress.wait, progress.epochs) == (0.4, 3, 2, 6)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.floats(-10, 10), min_size=1, max_size=30),
    st.integers(1, 5),
    st.sampled_from([0.0, 0.5]),
)
def test_goals_mirror_each_other_and_the_best_is_never_beaten_by_more_than_delta(values, n, delta):
    """To maximize is to minimize the negative; no value up to now is better than the best by more than `min_delta`."""
    low = progress_of(Patience(n, delta), values)
    high = progress_of(Patience(n, delta, "maximize"), [-value for value in values])
    assert (low.best_epoch, low.wait, low.ended) == (high.best_epoch, high.wait, high.ended)
    assert all(low.best - value <= delta for value in values)
    assert low.best == values[low.best_epoch]
    assert low.wait == len(values) - 1 - low.best_epoch


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_ends_it_at_once(value):
    """It never becomes the best one."""
    progress = progress_of(Patience(5), [1.0, value])
    assert (progress.ended, progress.best, progress.best_epoch) == (True, 1.0, 0)
    assert progress_of(Patience(5), [value]).best is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"patience": 0}, "whole number of at least 1, found 0"),
        ({"patience": 2.5}, "found 2.5"),
        ({"patience": True}, "found True"),
        ({"min_delta": -0.1}, "at least 0, found -0.1"),
        ({"min_delta": math.nan}, "found nan"),
        ({"goal": "min"}, "minimize or maximize, found 'min'"),
    ],
)
def test_options_out_of_range_are_refused(options, said):
    """The message says what was expected and what was found."""
    with pytest.raises(SettingError) as caught:
        Patience(**options)
    assert said in str(caught.value)
