"""What events do to a job, by a table; the node that a body names."""

import pytest

from wingspan.eventlog.bodies import exit_of, node_of
from wingspan.eventlog.body import parse_body
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.job_state import CHANGE_OF, STATE_AFTER_EVENT, Change, Phase, State, step

LIVES = [  # events (transfers as a pair) -> what the job does in the end, its state
    ((0,), "queued", State.IDLE),
    ((0, (40, 1), (40, 2)), "sending input", State.IDLE),
    ((0, (40, 2), (40, 3)), "sending input", State.IDLE),
    ((0, 1, 6, 28), "running", State.RUNNING),
    ((0, 1, (40, 4), (40, 5)), "sending output", State.RUNNING),
    ((0, 1, 22), "disconnected", State.RUNNING),
    ((0, 1, 22, 23), "running", State.RUNNING),
    ((0, 1, 22, 24), "queued", State.IDLE),
    ((0, 1, 10), "suspended", State.SUSPENDED),
    ((0, 1, 10, 11), "running", State.RUNNING),
    ((0, 1, 7), "queued", State.IDLE),
    ((0, 1, 4), "queued", State.IDLE),
    ((0, 1, 21, 12), "held", State.HELD),
    ((0, 1, 12, 13), "queued", State.IDLE),
    ((0, 1, (40, 5), 5), "sending output", State.COMPLETED),
    ((0, 1, 9), "running", State.REMOVED),
    ((0, 46), "queued", State.COMPLETED),
]


@pytest.mark.parametrize(("events", "phase", "state"), LIVES)
def test_what_a_job_does_after_its_events(events, phase, state):
    """Phase and state are those of the last event that changes them."""
    now, last = Phase.QUEUED, State.UNKNOWN
    for event in events:
        code, transfer = event if isinstance(event, tuple) else (event, 0)
        now, last = step(now, code, transfer), STATE_AFTER_EVENT.get(code, last)
    assert (now, last) == (phase, state)


def test_a_disconnected_job_is_running_for_its_queue():
    """As HTCondor has it: its state does not change, so no run ends there."""
    told = {CHANGE_OF[code] for code in CHANGE_OF.keys() - STATE_AFTER_EVENT.keys()}
    assert told == {Change.DISCONNECTED, Change.RECONNECTED, Change.SPOKE}


@pytest.mark.parametrize(
    ("code", "lines", "node"),
    [
        (0, ['    [ DAGNodeName = "fit-1"; ]'], "fit-1"),
        (0, ["    DAG Node: fit-1"], "fit-1"),
        (0, ["    a user's note"], ""),
        (0, [], ""),
        (16, ["\t(1) Normal termination (return value 0)", "    DAG Node: fit-1"], "fit-1"),
    ],
)
def test_the_node_of_a_job(code, lines, node):
    """As DAGMan writes it now, wrote it before, and not at all."""
    first = "Job submitted from host: <>" if code == Event.SUBMIT else "POST Script terminated."
    record = "\n".join([f"{code:03} (7.0.0) 2026-11-21 10:00:00 {first}", *lines, "...\n"])
    assert node_of(parse_body(code, record.encode())) == node


def test_how_a_process_ended():
    """By itself, by a signal, or the log does not tell."""
    assert exit_of({"ReturnValue": 3}) == "exit 3"
    assert exit_of({"TerminatedBySignal": 9}) == "signal 9"
    assert exit_of({}) == "exit ?"
