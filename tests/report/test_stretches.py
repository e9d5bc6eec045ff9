"""Lanes, the critical path and slot time, from what jobs did when."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from wingspan.draw.lanes import Bar, Lane, lanes_svg, packed
from wingspan.eventlog.attempt import Attempt
from wingspan.eventlog.job_state import Phase
from wingspan.report.stretches import (
    Stretch,
    critical_path,
    of_attempts,
    of_record,
    queued_since,
    spans_of,
    spent,
)
from wingspan.runner.events import StepEvent


def event(at, name, state, attempt=1):
    return StepEvent(at, name, "k", state, attempt)


def test_a_record_gives_the_runs_of_each_step():
    """A process that was lost, a failure, and one that still runs are each of their kind."""
    events = [
        event(0, "a", "running"),
        event(2, "a", "running", 2),
        event(5, "a", "done", 2),
        event(5, "b", "running"),
        event(6, "b", "failed"),
        event(6, "c", "running"),
    ]
    told = [(one.step, one.kind, one.start, one.end) for one in of_record(events, 10.0)]
    assert told == [
        ("a", "lost", 0, 2),
        ("a", "running", 2, 5),
        ("b", "failed", 5, 6),
        ("c", "running", 6, 10.0),
    ]
    assert of_record(events, None)[-1].kind == "lost"  # the run has ended, and the step has not


def test_attempts_give_the_phases_of_each_job_once():
    """Two steps of one job have one bar; the queue takes no slot; what was evicted is lost."""
    first = Attempt(
        "n", 1, 100.0, Phase.RUN, "m1", 40.0, 5.0, 30.0, 0.0, outcome="evicted", job="1.0"
    )
    second = Attempt(
        "n", 2, 200.0, Phase.OUTPUT, "m2", 50.0, 5.0, 40.0, 5.0, 0.0, "exit 0", job="1.0"
    )
    found = of_attempts({"a": [first, second], "b": [first, second]}, [], None)
    assert [(one.kind, one.place, one.start, one.end) for one in found] == [
        ("queued", "", 25.0, 65.0),
        ("transfer", "m1", 65.0, 70.0),
        ("lost", "m1", 70.0, 100.0),
        ("queued", "", 100.0, 150.0),
        ("transfer", "m2", 150.0, 155.0),
        ("running", "m2", 155.0, 195.0),
        ("transfer", "m2", 195.0, 200.0),
    ]
    sums = spent(found, 7.0, 0.0)
    assert (sums.good_s, sums.lost_s, sums.queued_s, sums.cached_s) == (50.0, 35.0, 90.0, 7.0)


def test_a_job_that_is_held_is_held_until_now():
    """Its run was in vain."""
    held = Attempt("n", 1, 100.0, Phase.HELD, "m", 10.0, 0.0, 20.0, outcome="held", job="1.0")
    found = of_attempts({"a": [held]}, [], 160.0)
    assert [(one.kind, one.length) for one in found] == [("queued", 10), ("lost", 20), ("held", 60)]


def test_a_job_of_several_steps_is_named_for_the_one_that_failed():
    """Its steps are one link of the critical path, and its transfers are lost with it."""
    one = Attempt("n", 1, 110.0, Phase.OUTPUT, "m", 5.0, 2.0, 3.0, outcome="exit 1", job="1.0")
    tried = {"prepare": [one], "dock": [one]}
    found = of_attempts(tried, ["dock"], None)
    assert {each.step for each in found} == {"dock"}
    assert {each.steps for each in found} == {("prepare", "dock")}
    (link,) = critical_path({"dock": ("prepare",)}, spans_of(found), queued_since(found))
    assert (link.step, link.waited_s, link.ran_s) == ("dock", 5.0, 5.0)
    sums = spent(found, 0.0, 0.0)
    assert (sums.good_s, sums.failed_s) == (0.0, 5.0)


def test_the_critical_path_is_what_the_end_waited_for():
    """Of two inputs the later one; the wait is counted between its end and the start."""
    spans = {"a": (0.0, 4.0), "b": (0.0, 9.0), "c": (11.0, 12.0), "d": (1.0, 2.0)}
    links = critical_path({"c": ("a", "b"), "d": ("a",)}, spans)
    assert [(link.step, link.waited_s, link.ran_s) for link in links] == [("b", 0, 9), ("c", 2, 1)]
    assert critical_path({}, {}) == []


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 20)), max_size=40))
def test_bars_of_a_lane_never_overlap(spans):
    """And no lane is opened while an earlier one is free."""
    ends = [(start, start + length) for start, length in sorted(spans)]
    lanes = packed(ends)
    for lane in set(lanes):
        own = [span for span, of in zip(ends, lanes, strict=True) if of == lane]
        assert all(b[0] >= a[1] - 1e-5 for a, b in pairwise(own))


def test_ten_thousand_short_bars_are_few_in_the_picture():
    """Neighbours that are too narrow to be told apart are one, which says how many it stands for."""
    bars = [Bar(k, k + 0.9, "running", f"s{k}", f"#s{k}") for k in range(10_000)]
    svg = lanes_svg([Lane("one", bars)], "jobs")
    assert svg.count("<rect") < 1_000
    assert "short ones" in svg


def test_spans_leave_out_the_queue():
    """A step begins when it is first on a machine."""
    found = spans_of([Stretch("a", "", "queued", 0, 5), Stretch("a", "m", "running", 5, 9)])
    assert found == {"a": (5, 9)}
