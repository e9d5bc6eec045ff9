"""Define what each event does to a job, in one state machine for every reader of logs.

Histories, attempts and the follower of a run interpret the same events. They share this table, so that a job is never
idle for one of them and running for another.
"""

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import Final

from wingspan.eventlog.codes import EventNumber as Event

_INPUT_STARTED, _OUTPUT_STARTED = 2, 5  # sub-types of file-transfer events (040)


class State(IntEnum):
    """A job's status in the queue, as in `JobStatus`; a disconnected job counts as running."""

    UNKNOWN = 0
    IDLE = 1
    RUNNING = 2
    SUSPENDED = 3
    HELD = 4
    COMPLETED = 5
    REMOVED = 6


class Change(StrEnum):
    """The effect of an event on a job."""

    SUBMITTED = "submitted"
    STARTED = "started"
    DISCONNECTED = "disconnected"
    RECONNECTED = "reconnected"
    SUSPENDED = "suspended"
    CONTINUED = "continued"
    SPOKE = "spoke"  # by a line of its own in the log, which changes nothing by itself
    REQUEUED = "requeued"
    HELD = "held"
    RELEASED = "released"
    REMOVED = "removed"
    ENDED = "ended"


class Phase(StrEnum):
    """What a job in the queue is doing."""

    QUEUED = "queued"
    INPUT = "sending input"
    RUN = "running"
    DISCONNECTED = "disconnected"
    SUSPENDED = "suspended"
    OUTPUT = "sending output"
    HELD = "held"


CHANGE_OF: Final[Mapping[int, Change]] = {
    Event.SUBMIT: Change.SUBMITTED,
    Event.EXECUTE: Change.STARTED,
    Event.EXECUTABLE_ERROR: Change.REQUEUED,
    Event.JOB_EVICTED: Change.REQUEUED,
    Event.JOB_TERMINATED: Change.ENDED,
    Event.SHADOW_EXCEPTION: Change.REQUEUED,
    Event.JOB_ABORTED: Change.REMOVED,
    Event.JOB_SUSPENDED: Change.SUSPENDED,
    Event.JOB_UNSUSPENDED: Change.CONTINUED,
    Event.JOB_HELD: Change.HELD,
    Event.JOB_RELEASED: Change.RELEASED,
    Event.JOB_DISCONNECTED: Change.DISCONNECTED,
    Event.JOB_RECONNECTED: Change.RECONNECTED,
    Event.JOB_RECONNECT_FAILED: Change.REQUEUED,
    Event.GENERIC: Change.SPOKE,
    Event.DATAFLOW_JOB_SKIPPED: Change.ENDED,
}
_STATE_AFTER: Final[Mapping[Change, State]] = {
    Change.SUBMITTED: State.IDLE,
    Change.STARTED: State.RUNNING,
    Change.SUSPENDED: State.SUSPENDED,
    Change.CONTINUED: State.RUNNING,
    Change.REQUEUED: State.IDLE,
    Change.HELD: State.HELD,
    Change.RELEASED: State.IDLE,
    Change.REMOVED: State.REMOVED,
    Change.ENDED: State.COMPLETED,
}
_PHASE_AFTER: Final[Mapping[Change, Phase]] = {
    Change.SUBMITTED: Phase.QUEUED,
    Change.STARTED: Phase.RUN,
    Change.DISCONNECTED: Phase.DISCONNECTED,
    Change.RECONNECTED: Phase.RUN,
    Change.SUSPENDED: Phase.SUSPENDED,
    Change.CONTINUED: Phase.RUN,
    Change.REQUEUED: Phase.QUEUED,
    Change.HELD: Phase.HELD,
    Change.RELEASED: Phase.QUEUED,
}
STATE_AFTER_EVENT: Final[Mapping[int, State]] = {
    int(code): _STATE_AFTER[change] for code, change in CHANGE_OF.items() if change in _STATE_AFTER
}


def step(phase: Phase, code: int, transfer: int = 0) -> Phase:
    """Return the phase of a job after an event; a job that left the queue keeps its last phase.

    Parameters
    ----------
    transfer
        The sub-type of a file-transfer event, as in `wingspan.eventlog.events.TRANSFERS`.
    """
    if code == Event.FILE_TRANSFER:
        return {_INPUT_STARTED: Phase.INPUT, _OUTPUT_STARTED: Phase.OUTPUT}.get(transfer, phase)
    change = CHANGE_OF.get(code)
    return phase if change is None else _PHASE_AFTER.get(change, phase)
