"""Requests are in HTCondor's units and refuse what they cannot mean."""

import copy
import dataclasses
import math
import pickle  # noqa: TID251 - a user may send a request to another process
from datetime import timedelta
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wingspan.errors import DeclarationError
from wingspan.pipeline.resources import Resources
from wingspan.planning.requests import merged


@pytest.mark.parametrize(
    ("stated", "mb"),
    [
        ("2GB", 2048),
        ("512MB", 512),
        ("1.5 gb", 1536),
        (300, 300),
        ("1TB", 1024**2),
        ("1KB", 1),
        ("512MiB", 512),
        ("1GiB", 1024),
        ("1 tib", 1024**2),
        ("2g", 2048),
        ("700", 700),
        (0.5, 1),
        (np.int64(300), 300),
        (np.float32(1.5), 2),
        (Fraction(3, 2), 2),
    ],
)
def test_memory_is_counted_in_mb_of_1024_kb(stated, mb):
    """Amounts are read in any unit, as HTCondor counts, and rounded up."""
    assert Resources(memory=stated).memory_mb == mb


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [
        ("2h", 7200),
        ("30min", 1800),
        (12.5, 12.5),
        ("1d", 86400),
        ("1h30m", 5400),
        ("90s", 90),
        ("2d", 172_800),
        ("1 h 30 min", 5400),
        ("2 Hours", 7200),
        ("1d2h3m4s", 93_784),
        ("90", 90),
        (timedelta(hours=1), 3600),
        (np.int32(5), 5),
    ],
)
def test_runtime_is_in_seconds(stated, seconds):
    """A run time is read in any unit."""
    assert Resources(runtime=stated).runtime_s == seconds


def test_all_faults_are_told_at_once():
    """One message names every wrong field and what is accepted."""
    with pytest.raises(DeclarationError) as told:
        Resources(
            cpus=0, memory="lots", gpus=-1, runtime="soon", submit={"Queue": "3", "rank": "Mips"}
        )
    message = str(told.value)
    for part in ("cpus=0", "memory='lots'", '"2GB"', "gpus=-1", "runtime='soon'", "queue"):
        assert part in message
    assert "rank" not in message


def test_json_holds_what_differs_from_the_defaults():
    """Two requests that ask for the same are the same JSON."""
    assert Resources().to_json() == {}
    asked = Resources(cpus=4, submit={"rank": "Mips"})
    assert asked.to_json() == {"cpus": 4, "submit": {"rank": "Mips"}}
    assert Resources(**asked.to_json()) == asked
    assert Resources(memory="2GB", disk="2048MB").to_json() == {"memory": 2048}


def test_a_request_cannot_be_changed():
    """Records between stages are frozen, what they hold too."""
    with pytest.raises(TypeError):
        Resources(submit={"rank": "Mips"}).submit["rank"] = "0"


SAME = [
    (Resources(memory="2GB"), Resources(memory=2048), Resources(memory="2048mb"), Resources(memory="2GiB")),
    (Resources(disk="1GB"), Resources(disk=1024.0)),
    (Resources(runtime="1h30m"), Resources(runtime=5400), Resources(runtime=timedelta(minutes=90))),
    (Resources(expected="90s"), Resources(expected="1m30s")),
    (Resources(gpus=1, gpu_memory="10GB"), Resources(gpus=1, gpu_memory=10240)),
    (
        Resources(submit={"rank": "Mips", "+A": 1}),
        Resources(submit={"+A": "1", "Rank": "Mips"}),
    ),
    (Resources(cpus=np.int64(2)), Resources(cpus=2)),
    (Resources(), Resources(disk="2GB"), Resources(submit={})),
]  # fmt: skip


def test_requests_that_mean_the_same_are_equal():
    """Units and the order of submit commands do not matter; a hash goes with it."""
    for group in SAME:
        assert len(set(group)) == 1
        assert all(one == group[0] for one in group)
    assert len({group[0] for group in SAME}) == len(SAME)
    assert Resources() != 2048


def test_memory_that_is_not_stated_differs_from_two_gigabytes():
    """A pool is asked for as much in both cases; only a stated request is a limit."""
    unstated, stated = Resources(), Resources(memory="2GB")
    assert unstated.memory is None
    assert unstated != stated
    assert (unstated.memory_mb, stated.memory_mb) == (2048, 2048)
    assert (unstated.memory_limit_mb, stated.memory_limit_mb) == (None, 2048)
    assert "memory" not in unstated.to_json()
    assert Resources(**unstated.to_json()).memory is None


@pytest.mark.parametrize("group", SAME)
def test_a_request_is_copied_and_sent(group):
    """copy, deepcopy, pickle and replace give an equal request, submit commands included."""
    for one in group:
        sent = pickle.loads(pickle.dumps(one))
        for made in (copy.copy(one), copy.deepcopy(one), sent, dataclasses.replace(one)):
            assert made == one
            assert hash(made) == hash(one)
            assert repr(made) == repr(one)
        assert dataclasses.replace(one, cpus=9).cpus == 9
        assert Resources(**dataclasses.asdict(one)) == one


def test_repr_shows_what_was_stated():
    """In the user's own units, and nothing else."""
    assert repr(Resources()) == "Resources()"
    asked = Resources(cpus=2, memory="1.5 GB", submit={"rank": "Mips"})
    assert repr(asked) == "Resources(cpus=2, memory='1.5 GB', submit={'rank': 'Mips'})"
    assert eval(repr(asked)) == asked


WRONG = {
    "cpus": [0, -1, True, 1.0, 2.5, "2", None, math.nan, 10**9],
    "gpus": [-1, True, 1.0, "1", None, 10**9],
    "memory": [0, -5, True, math.nan, math.inf, 10**400, "lots", "", "GB", "-2GB", "2 GB 3 MB", "1e3", [1],
               "9" * 400, "2XB", "2 000MB", timedelta(1), 1 + 2j, "1h"],
    "disk": [0, None, False, math.inf, "2000000TB"],
    "gpu_memory": [0, True, "many"],
    "gpu_capability": [0, -1, True, math.nan, math.inf, "8.0", 10**400],
    "runtime": [0, -1, True, math.nan, "soon", "1h30", "30m1h", "1h1h", "99999d", timedelta(0), timedelta.max, "2GB"],
    "expected": [0, "x"],
    "image": ["", 5, True],
    "submit": [None, [], "rank", {"rank": None}, {"": "1"}, {1: "1"}, {"rank": [1]}, {"a": math.nan},
               {"rank": "1", "Rank": "2"}],
}  # fmt: skip


@pytest.mark.parametrize(("field", "value"), [(f, v) for f, given in WRONG.items() for v in given])
def test_a_wrong_request_names_its_field_and_the_line(field, value):
    """No number that is not one, nothing without an end; the message says where."""
    with pytest.raises(DeclarationError) as refused:
        Resources(**{field: value})
    assert field in refused.value.problem
    assert len(refused.value.problem) < 300
    assert refused.value.where.startswith(__file__)


@settings(max_examples=100)
@given(st.floats(0.01, 1e3), st.sampled_from(["k", "MB", "gib", "T", ""]), st.text(" ", max_size=2))
def test_a_size_means_the_same_wherever_it_is_read(number, unit, space):
    """As text, in MB, or read back from its JSON."""
    asked = Resources(memory=f"{number:.3f}{space}{unit}")
    again = Resources(**asked.to_json())
    assert asked == again
    assert asked.memory_mb == again.memory == Resources(memory=asked.memory_mb).memory_mb


def test_expected_memory_is_requested_and_is_no_limit():
    likely = Resources(expected_memory="3GB")
    assert (likely.memory_mb, likely.memory_limit_mb) == (3072, None)
    assert (Resources(**likely.to_json()), likely.to_json()) == (likely, {"expected_memory": 3072})
    stated = Resources(memory="1GB", expected_memory="3GB")
    assert (stated.memory_mb, stated.memory_limit_mb) == (1024, 1024)
    assert merged([likely, Resources(expected_memory="4GB"), Resources()]).memory_mb == 4096
    assert merged([likely, Resources(memory="5GB")]).memory_limit_mb == 5120
    with pytest.raises(DeclarationError, match="expected_memory"):
        Resources(expected_memory="much")
