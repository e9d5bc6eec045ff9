"""A run as it goes on: lines for maps, the time that is left, why jobs are idle or held, small curves."""

import io
import time
from types import SimpleNamespace

import pytest
from rich.console import Console

from wingspan.cli.idle_text import Idle
from wingspan.cli.job_text import job_now
from wingspan.cli.progress import Progress, left_text, metrics_now
from wingspan.cli.spark import Sparks, spark
from wingspan.errors import PoolError
from wingspan.eventlog.attempt import Attempt
from wingspan.eventlog.job_state import Phase
from wingspan.runner.eta import time_left, usual_times
from wingspan.runner.events import StepEvent
from wingspan.runner.metrics import LastValue

NOW = 1_000.0


def event(name, state, *, wall_s=0.0, at=NOW, note=""):
    return StepEvent(at, name, "k", state, wall_s=wall_s, note=note)


def told(progress, width=120):
    """Return the lines of the table of a run."""
    out = io.StringIO()
    Console(file=out, width=width, markup=False).print(progress._table())
    return out.getvalue().splitlines()


def test_many_steps_are_a_line_for_each_map_and_what_moves():
    """What failed and what is held come first; no line for each of 5,000 steps."""
    names = ["read", *(f"fit[{k}]" for k in range(5_000)), *(f"score[{k}]" for k in range(5_000))]
    needs = {f"fit[{k}]": ["read"] for k in range(5_000)}
    needs |= {f"score[{k}]": [f"fit[{k}]"] for k in range(5_000)}
    progress = Progress(dict.fromkeys(names, False), io.StringIO(), needs=needs)
    for name in names[:3_000]:
        progress.states[name] = event(name, "done", wall_s=1.0)
    for name in names[3_000:3_100]:
        progress.states[name] = event(name, "running")
    progress.states["fit[3090]"] = event("fit[3090]", "held")
    progress.states["fit[7]"] = event("fit[7]", "failed", wall_s=1.0)
    lines = told(progress)
    assert len(lines) <= 48
    assert any(line.startswith("read ") and line.rstrip().endswith("1 done") for line in lines)
    fits = next(line for line in lines if line.startswith("fit "))
    assert "1 failed, 1 held, 99 running, 1,901 waiting, 2,998 done" in fits
    assert "5,000 waiting" in next(line for line in lines if line.startswith("score "))
    below = [line.split()[0] for line in lines[4:8]]
    assert below[:2] == ["fit[7]", "fit[3090]"]


def test_steps_that_wait_in_one_job_are_one_line():
    """Without a terminal each change is a line; a note that many steps share is printed once."""
    out, names = io.StringIO(), [f"fit[{k}]" for k in range(100)]
    progress = Progress(dict.fromkeys(names, False), out)
    progress(event(names[0], "running", note="in a job with 99 others"))
    for name in names[1:]:
        progress(event(name, "waiting", note="in a job with 99 others, which is running"))
    progress(event(names[0], "done", wall_s=1.0))
    states = [line.split()[:2] for line in out.getvalue().splitlines()]
    assert states == [["running", "fit[0]"], ["waiting", "fit[1]"], ["done", "fit[0]"]]


def test_the_time_left_is_that_of_the_longest_chain_or_of_all_work():
    """Times of this run win over earlier ones; what has run already is subtracted."""
    events = {
        "a[1]": event("a[1]", "done", wall_s=10.0),
        "a[2]": event("a[2]", "running", at=NOW - 4),
        "b": event("b", "waiting"),
    }
    usual = usual_times(events.values(), {"a": [99.0], "b": [5.0]})
    assert usual == {"a": 10.0, "b": 5.0}
    assert time_left(events, {"b": ["a[2]"]}, usual, NOW) == (11.0, 0)
    wide = {f"a[{k}]": event(f"a[{k}]", "waiting") for k in range(10)}
    wide["a[0]"] = wide["a[1]"] = event("a", "running")
    assert time_left(wide, {}, usual, NOW) == (50.0, 0)  # ten steps, two at once


def test_what_is_not_known_is_said():
    """Nothing where no time is known; else how many steps come on top."""
    events = {"a": event("a", "waiting"), "b": event("b", "waiting")}
    assert time_left(events, {}, {}, NOW) is None
    assert left_text(events, {}, {}) == ""
    assert (
        left_text(events, {}, {"a": [600.0]}) == "about 10 min left, and steps of unknown time: 1"
    )


def test_where_there_is_no_terminal_a_line_says_how_far_it_is(monkeypatch):
    """Once a minute, with what is left and why jobs are idle."""
    out = io.StringIO()
    progress = Progress({"a": False, "b": False}, out, earlier=lambda: {"a": [60.0], "b": [60.0]})
    progress.idle = "2 jobs idle for over a minute: no slot has so much memory"
    progress.draw({}, {})
    assert out.getvalue() == ""
    monkeypatch.setattr("wingspan.cli.progress._SUMMARY_EACH_S", 0.0)
    monkeypatch.setattr("wingspan.cli.progress._ESTIMATE_EACH_S", 0.0)
    progress.draw({}, {})
    assert out.getvalue() == (
        "0 of 2 steps done; about 2 min left; 2 jobs idle for over a minute: no slot has so much memory\n"
    )


def test_a_held_job_has_its_cause():
    """Where, for how long, and why."""
    held = Attempt(
        "n", 1, time.time() - 31, Phase.HELD, "vm", outcome="held", reason="disk is full"
    )
    assert job_now(held) == "held on vm for 31 s: disk is full"


@pytest.fixture
def pool(monkeypatch):
    """Give a pool of one slot that no job fits, and count how often it is asked."""
    asked = []

    def look():
        asked.append(1)
        return "pool"

    why = SimpleNamespace(problem="no slot has\n4 GB", fix="request 2 GB")
    monkeypatch.setattr("wingspan.accesspoint.idle.look_at_pool", look)
    monkeypatch.setattr("wingspan.accesspoint.idle.why_idle", lambda ad, pool: why)
    return asked


def test_a_job_that_is_idle_for_a_minute_is_explained_once_a_minute(pool):
    """Not before; the pool is asked once, however often the run is looked at."""
    run = SimpleNamespace(trail=SimpleNamespace(queued=lambda: [{"JobStatus": 1}], notice=str))
    idle = Idle(run)
    young = Attempt("n", 1, time.time() - 30, Phase.QUEUED)
    old = Attempt("m", 1, time.time() - 90, Phase.QUEUED)
    assert idle.text([young]) == ""
    assert pool == []
    for _ in range(3):
        assert (
            idle.text([young, old])
            == "1 job idle for over a minute: no slot has 4 GB -> request 2 GB"
        )
    assert pool == [1]


def test_a_pool_that_cannot_be_asked_is_no_error():
    """The run is watched nevertheless."""

    def refuse():
        raise PoolError("pool", "it does not answer", "start it")

    idle = Idle(SimpleNamespace(trail=SimpleNamespace(queued=refuse, notice=str)))
    old = Attempt("m", 1, time.time() - 90, Phase.QUEUED)
    assert idle.text([old, old]) == "2 jobs idle for over a minute"


def test_metrics_have_small_curves():
    """A character for each value that was seen; numbers that are not finite have none."""
    sparks = Sparks()
    for turn in range(40):
        values = {"loss": LastValue(turn, 40.0 - turn), "odd": LastValue(turn, float("nan"))}
        curves = sparks.add("fit", values)
        again = sparks.add("fit", values)
    assert curves == again
    assert len(curves["loss"]) == 16
    assert (curves["loss"][0], curves["loss"][-1], curves["odd"]) == ("█", "▁", "")
    assert metrics_now({"loss": LastValue(7, 0.25)}, {"loss": "█▁"}) == "loss 0.25 █▁ at step 7"
    assert spark([5.0, 5.0]) == "▁▁"
