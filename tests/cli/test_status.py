"""``wingspan status``: a table that fits the terminal, and tells of now what is so now."""

import time

from wingspan.cli.status import _lines
from wingspan.eventlog.job_state import Phase
from wingspan.runner.htcondor.attempts import Attempt
from wingspan.runner.run import Look
from wingspan.runner.runner import StepEvent

PROBLEM = "ValueError: " + "it is not what it was said to be " * 5


def lines(events, attempts, width, state="running"):
    return _lines(Look({event.step: event for event in events}, state), attempts, {}, width)


def test_the_table_fits_its_width():
    """A note that is too long stands below; columns that have no room are named."""
    tried = Attempt("n", 1, 5.0, phase="running", host="m" * 30, outcome="exit 0", queued_s=12345)
    events = [
        StepEvent(1.0, "a" * 30, "k", "failed", wall_s=1.0, problem=PROBLEM),
        StepEvent(1.0, "b", "l", "done", wall_s=123.0),
    ]
    attempts = {event.step: [tried] for event in events}
    wide, narrow = (lines(events, attempts, width) for width in (200, 60))
    assert max(map(len, wide)) <= 200
    assert max(map(len, narrow)) <= 60
    assert len(wide) == 4
    assert wide[0].split()[-1] == "disk"
    assert narrow[0].split() == ["step", "state", "time", "memory"]
    assert narrow[-1].startswith("no room for: ")
    assert " ".join(" ".join(narrow[2:-2]).split()).startswith(" ".join(PROBLEM.split()))


def test_what_goes_on_is_counted_until_now():
    """A job that waits has waited; one of a run that is over waits no more; a step that is done is held nowhere."""
    now = time.time()
    idle = StepEvent(now, "idle", "k", "waiting")
    done = StepEvent(now, "done", "l", "done")
    attempts = {
        "idle": [Attempt("n", 1, now - 31, phase=Phase.QUEUED)],
        "done": [Attempt("m", 1, now - 5, phase=Phase.HELD, host="vm", outcome="held")],
    }
    first, second = lines([idle, done], attempts, 80)[1:]
    assert "31 s" in first
    assert "queued for 31 s" in first
    assert second.split()[-1] == "vm"
    assert "held" not in second
    over = lines([idle], {"idle": attempts["idle"]}, 80, "stopped")[1]
    assert over.count("31 s") == 1  # of what it does
