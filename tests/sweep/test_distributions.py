"""Distributions: their quantiles, the way back, what is refused, and W&B's own package beside them."""

import json
import math
import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wingspan.errors import SettingError
from wingspan.sweep.distributions import from_json
from wingspan.sweep.space import (
    beta,
    choice,
    int_uniform,
    log_normal,
    log_uniform,
    normal,
    uniform,
)
from wingspan.sweep.wandb_yaml import parsed

ALL = [
    uniform(-1, 3),
    uniform(0, 20, q=5),
    uniform(0, 1, q=0.1),
    log_uniform(1e-5, 1e-1),
    log_uniform(1, 100, q=5),
    int_uniform(-2, 7),
    int_uniform(0, 1),
    normal(3, 0.5),
    normal(64, 16, q=8),
    log_normal(0, 1),
    log_normal(1, 2, q=0.5),
    beta(2, 5),
    beta(2, 5, q=0.1),
    choice(["a", "b", None]),
    choice([1, 2.5, True], [0.5, 0.25, 0.25]),
]
SHARES = st.floats(2.0**-40, 1 - 2.0**-40)


@pytest.mark.parametrize("distribution", ALL, ids=repr)
@settings(deadline=None, max_examples=40)
@given(u=SHARES, v=SHARES)
def test_a_value_leads_back_to_itself(distribution, u, v):
    """A starting point is searched from where it lies; quantiles rise; JSON gives the same distribution."""
    value = distribution.quantile(u)
    back = distribution.quantile(distribution.position(value))
    assert back == pytest.approx(value, 1e-5) if isinstance(value, float) else back == value
    assert from_json(json.loads(json.dumps(distribution.json()))) == distribution
    if (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and distribution.kind != "choice"
    ):
        low, high = sorted([u, v])
        assert distribution.quantile(low) <= distribution.quantile(high)
    if (values := distribution.values()) is not None:
        assert value in values


def test_integers_stay_integers():
    assert [uniform(0, 20, q=5).quantile(u) for u in (0.1, 0.5, 0.9)] == [0, 10, 20]
    drawn = [int_uniform(1, 3), uniform(0, 9, q=2), normal(5, 1, q=1), log_uniform(1, 9, q=3)]
    assert {type(each.quantile(0.3)) for each in drawn} == {int}
    assert uniform(0, 1, q=0.1).values() == [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda: uniform(2, 1), "expected low < high, found 2 and 1"),
        (lambda: uniform(1, 1), r"write \[1\] for one value"),
        (lambda: uniform(0, math.inf), "expected a finite number as high, found inf"),
        (lambda: uniform("0", 1), "expected a finite number as low, found '0'"),
        (lambda: uniform(True, 2), "as low, found True"),
        (lambda: uniform(0, 1, q=0), "expected q > 0"),
        (lambda: log_uniform(0, 1), "expected low > 0"),
        (lambda: log_uniform(-5, -1), "not their exponents"),
        (lambda: int_uniform(1.0, 2), "expected an integer as low, found 1.0"),
        (lambda: normal(0, 0), "expected sigma > 0"),
        (lambda: normal(math.nan), "as mu, found nan"),
        (lambda: beta(0, 1), "expected a > 0"),
        (lambda: choice([]), "the list of values is empty"),
        (lambda: choice([1, 2], [0.5, 0.4]), "sum to 0.9, not to 1"),
        (lambda: choice([1, 2], [1]), "as many probabilities as values, found 1 and 2"),
        (lambda: choice([1, 2], [1.5, -0.5]), "at least 0, found -0.5"),
        (lambda: uniform(-1.7e308, 1.7e308), "too large for a number"),
        (lambda: uniform(0, 1e300, q=1e-300).count, "q=1e-300 is too small"),
        (lambda: int_uniform(0, 2**64), r"between -2\^53 and 2\^53, found 18446744073709551616"),
        (lambda: uniform(0, np.float32(1)), r"write the plain number 1\.0"),
        (lambda: uniform(0, 1, q=1e-9).values(), "a grid would have 1,000,000,001 values"),
    ],
)
def test_a_wrong_distribution_is_refused(make, part):
    with pytest.raises(SettingError, match=part):
        make()


@pytest.mark.parametrize(
    "distribution",
    [normal(0, 1e308), normal(0, 1e308, q=1e-3), log_normal(0, 1e4), log_normal(0, 1e4, q=0.5)],
)
def test_a_drawn_number_is_finite(distribution):
    """Also far out in the tails."""
    assert all(math.isfinite(distribution.quantile(u)) for u in (2.0**-53, 0.5, 1 - 2.0**-53))


@pytest.mark.parametrize(
    ("distribution", "value"),
    [
        (uniform(0, 1), 1.5),
        (uniform(0, 1), "half"),
        (uniform(0, 20, q=5), 7),
        (log_uniform(1, 9), 0),
        (int_uniform(1, 3), 4),
        (int_uniform(1, 3), 1.5),
        (choice([1, 2]), 3),
        (choice([1, 0]), True),
        (beta(2, 2), -0.1),
        (normal(), math.nan),
    ],
)
def test_a_value_outside_has_no_position(distribution, value):
    with pytest.raises(SettingError):
        distribution.position(value)


WANDB = [
    {"distribution": "constant", "value": 3},
    {"values": ["a", "b", "c"]},
    {"values": [1, 2, 3], "probabilities": [0.5, 0.3, 0.2]},
    {"min": 0, "max": 1},
    {"min": 0, "max": 1.0},
    {"distribution": "int_uniform", "min": -3, "max": 8},
    {"distribution": "uniform", "min": 2, "max": 7},
    {"distribution": "q_uniform", "min": 0, "max": 10},
    {"distribution": "q_uniform", "min": 0.5, "max": 3.3, "q": 0.25},
    {"distribution": "log_uniform", "min": -3, "max": 2},
    {"distribution": "q_log_uniform", "min": 0, "max": 4},
    {"distribution": "q_log_uniform", "min": 0, "max": 4, "q": 3},
    {"distribution": "inv_log_uniform", "min": -1, "max": 2},
    {"distribution": "log_uniform_values", "min": 1e-5, "max": 0.1},
    {"distribution": "q_log_uniform_values", "min": 1, "max": 100, "q": 5},
    {"distribution": "q_log_uniform_values", "min": 1, "max": 100},
    {"distribution": "inv_log_uniform_values", "min": 0.9, "max": 1},
    {"distribution": "normal"},
    {"distribution": "normal", "mu": 3, "sigma": 0.1},
    {"distribution": "log_normal", "mu": 1, "sigma": 0.5},
    {"distribution": "q_normal", "mu": 64, "sigma": 16, "q": 8},
    {"distribution": "q_normal"},
    {"distribution": "q_log_normal", "mu": 2, "q": 0.5},
    {"distribution": "beta"},
    {"distribution": "beta", "a": 2, "b": 5},
    {"distribution": "q_beta", "a": 2, "b": 5, "q": 0.05},
]


@pytest.mark.long
def test_quantiles_are_those_of_wandbs_own_package(wandb_python):
    """The same value for each of a thousand shares, the ends of the support among them."""
    shares = [1e-9, *(n / 1000 + 0.0003 for n in range(999)), 1 - 1e-9]
    code = (
        "import json, sys\n"
        "from sweeps.params import HyperParameter\n"
        "configs, shares = json.load(sys.stdin)\n"
        "plain = lambda v: v.item() if hasattr(v, 'item') else v\n"
        "found = [[plain(HyperParameter('x', c).ppf(u)) for u in shares] for c in configs]\n"
        "print(json.dumps(found))"
    )
    done = subprocess.run(
        [wandb_python, "-W", "ignore", "-c", code],
        input=json.dumps([WANDB, shares]),
        capture_output=True,
        text=True,
        check=True,
    )
    for config, theirs in zip(WANDB, json.loads(done.stdout), strict=True):
        found = parsed({"method": "random", "parameters": {"x": config}}, "here")
        distribution = found.space.dimensions[0].distribution
        ours = [distribution.quantile(u) for u in shares]
        if isinstance(theirs[0], str):
            assert ours == theirs, config
        else:
            assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-12), config
