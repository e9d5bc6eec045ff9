"""Lines that a job writes into its event log: what is written is read, and nothing else is."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wingspan.runner.htcondor.messages import (
    LONGEST,
    Message,
    Once,
    Point,
    line_of,
    packed_points,
    packed_states,
    points_of,
    read_line,
    states_of,
)

NAMES = st.text(min_size=1, max_size=300) | st.sampled_from(
    ["...", "loss\n", "größe", "\U0001f600" * 40]
)
POINTS = st.builds(
    Point,
    st.sampled_from(["a" * 16, "b" * 16, "fit-2.3"]),
    NAMES,
    st.integers(-(10**9), 10**12),
    st.floats(),
)  # fmt: skip


def same(points):
    """Return points as texts: NaN and infinities are one, as JSON has neither."""
    return [repr(p._replace(value=p.value if math.isfinite(p.value) else None)) for p in points]


@settings(max_examples=40, deadline=None)
@given(st.lists(POINTS, max_size=60))
def test_what_is_packed_is_read_again(points):
    """Every line is short, plain ASCII; values come back to the bit, and only names without room are left out."""
    lines, carried = [], []
    for number, (content, inside) in enumerate(packed_points(points), 1):
        first = {"way": "updates"} if number == 1 else {}
        lines.append(line_of(Message(3, number, {**first, **content})))
        carried += inside
    assert all(len(line) <= LONGEST and line.isascii() and line.isprintable() for line in lines)
    read = [point for line in lines for point in points_of(read_line(line))]
    assert sorted(same(read)) == sorted(same(carried))
    left_out = [point for point in points if len(json.dumps(point.metric)) < 700]
    assert set(same(left_out)) <= set(same(carried))


@pytest.mark.parametrize("text", [
    "", "...", "loss 0.3", "ws1", "ws1 1 1", "ws1 1 1 3", "ws1 1 1 [1]", "ws1 1 1 {", "ws1 -1 1 {}", "ws2 1 1 {}",
    'ws1 1 1 {"metrics":', "ws1 1 1 {\udcff}", "ws1 1 1 " + "{" * 500 + "}" * 500, "wingspan steps 3e", "ws1 1 1 {}x",
    "ws1 123456789012345678901 1 {}", 'ws1 1 1 {"a":"' + "b" * 900 + '"}',
])  # fmt: skip
def test_other_lines_are_not_messages(text):
    """Whatever a user's own condor_chirp writes, and what HTCondor has cut."""
    assert read_line(text) is None


@settings(max_examples=60, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)))  # fmt: skip
def test_strange_contents_are_no_error(content):
    """A message that someone else made up gives the points that are of the right form, and no others."""
    message = Message(1, 1, {"metrics": content, "steps": content})
    assert all(type(point.place) is int for point in points_of(message))
    assert set(states_of(message, 3)) <= set("wre")


def test_states_are_packed():
    """And read for as many steps as the job has."""
    message = Message(1, 1, {"steps": packed_states("eerrww")})
    assert states_of(message, 6) == "eerrww"
    assert states_of(message, 5) == states_of(None, 6) == ""
    assert [
        states_of(Message(1, 1, {"steps": text}), 3) for text in ("3x", "3e 1", "999999e", "", 3)
    ] == [""] * 5


def test_each_message_counts_once():
    """A log that is read twice, a repeated number, an earlier start, and a job that cannot count its starts."""
    once = Once()
    lines = [
        line_of(Message(start, number, {}))
        for start, number in ((1, 1), (1, 2), (1, 2), (2, 1), (1, 3), (2, 2))
    ]
    seen = [once.new("7.0", line) for line in lines]
    assert [message and message[:2] for message in seen] == [
        (1, 1),
        (1, 2),
        None,
        (2, 1),
        None,
        (2, 2),
    ]
    assert once.new("8.0", lines[0]) is not None
    blind = line_of(Message(0, 1, {}))
    assert [once.new("9.0", blind) is None for _ in range(2)] == [False, True]
    once.begin("9.0")
    assert once.new("9.0", blind) is not None
    once.begin("7.0")
    assert once.new("7.0", lines[-1]) is None
