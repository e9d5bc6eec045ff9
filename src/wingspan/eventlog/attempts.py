"""Turn the events of jobs into their attempts, with phases, hosts, ends and use."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeAlias

import numpy as np

from wingspan.eventlog.attempt import Amounts, Attempt, enter
from wingspan.eventlog.bodies import exit_of, node_of, read_bodies
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.events import TRANSFERS, Events
from wingspan.eventlog.job_state import CHANGE_OF, Change, Phase, step
from wingspan.eventlog.places import place_of

Job: TypeAlias = tuple[int, int]  # cluster and proc
Jobs: TypeAlias = dict[Job, list[Attempt]]
Spoken: TypeAlias = Callable[[str, Job, int], None]

_WITHOUT_BODY: Final = (Event.JOB_RELEASED, Event.JOB_DISCONNECTED, Event.JOB_RECONNECTED)
_CHANGES: Final = tuple(code for code, change in CHANGE_OF.items() if change != Change.SPOKE)
_CODES: Final = (*_CHANGES, Event.IMAGE_SIZE, Event.FILE_TRANSFER)
_WITH_BODY: Final = tuple(code for code in _CHANGES if code not in _WITHOUT_BODY)
_REQUEUED: Final[Mapping[int, str]] = {
    Event.JOB_EVICTED: "evicted",
    Event.JOB_RECONNECT_FAILED: "lost",
    Event.SHADOW_EXCEPTION: "shadow exception",
    Event.EXECUTABLE_ERROR: "not executable",
}
_LOST: Final = ("lost", "shadow exception")
_KB: Final = 1024.0
_HOLD_S: Final = 2.0  # at most, from the eviction of a job that is being held to its hold
_REMOVAL_S: Final = 2.0  # at most, from the eviction of a job that is being removed to its removal


def take_in(events: Events, jobs: Jobs, spoken: Spoken | None = None) -> None:
    """Add the events of a log to the attempts of its jobs.

    Parameters
    ----------
    spoken
        Called with each message of a job (event 008), the job, and the place of its attempt, -1 without one. Without it,
        messages are not read.
    """
    more = () if spoken is None else (Event.GENERIC,)
    rows = np.flatnonzero(np.isin(events.code, (*_WITH_BODY, *more))).tolist()
    bodies = dict(zip(rows, read_bodies(events, rows), strict=True))
    wanted = np.flatnonzero(np.isin(events.code, (*_CODES, *more)))
    numbers = (events.cluster, events.proc, events.code, events.time, events.transfer)
    columns = [column[wanted].tolist() for column in (*numbers, events.memory_mb)]
    for row, cluster, proc, code, at, transfer, memory_mb in zip(
        wanted.tolist(), *columns, strict=True
    ):
        made = jobs.get((cluster, proc), [])
        if code == Event.FILE_TRANSFER:
            _transfer(made, transfer, at)
        elif code == Event.IMAGE_SIZE:
            _measured(made, memory_mb)
        elif spoken is not None and code == Event.GENERIC:
            spoken(str(bodies[row].get("Info", "")), (cluster, proc), len(made) - 1)
        else:
            _advance(made, code, at, bodies.get(row, {}))
            if code == Event.SUBMIT:
                made[-1] = replace(made[-1], job=f"{cluster}.{proc}")
        if made:  # else its beginning was lost
            jobs[cluster, proc] = made


def _advance(made: list[Attempt], code: int, at: float, body: Mapping[str, Any]) -> None:
    """Add one event of a job to its attempts."""
    change = CHANGE_OF[code]
    if change == Change.SUBMITTED:
        made.append(Attempt(node_of(dict(body)), 1, at))
    elif not made:
        return
    elif change == Change.STARTED:
        started = replace(_open(made), host=place_of(dict(body)).host)
        made[-1] = enter(started, step(started.phase, code), at)
    elif change == Change.RELEASED:
        made[-1] = enter(made[-1], made[-1].phase, at)
        if not made[-1].outcome:  # the log does not have its hold
            made[-1] = replace(made[-1], outcome="held")
        _again(made, at)
    elif change == Change.HELD:
        last = made[-1]
        soon = at - last.since <= _HOLD_S
        ended = last.outcome and last.phase != Phase.HELD and soon  # for this hold
        last = replace(last, since=at) if ended else _open(made)
        reason = str(body.get("HoldReason", ""))
        made[-1] = replace(enter(last, Phase.HELD, at), outcome="held", reason=reason)
    elif change in {Change.REQUEUED, Change.REMOVED, Change.ENDED}:
        _end(made, code, at, body)
    elif not made[-1].outcome:
        made[-1] = enter(made[-1], step(made[-1].phase, code), at)


def _end(made: list[Attempt], code: int, at: float, body: Mapping[str, Any]) -> None:
    if code == Event.JOB_EVICTED and made[-1].outcome in _LOST:  # the end of the same attempt
        made[-1] = replace(made[-1], outcome="evicted", since=at)
        return
    last = made[-1]
    removed = (
        code == Event.JOB_ABORTED and last.outcome == "evicted" and at - last.since <= _REMOVAL_S
    )
    if last.phase != Phase.HELD and not removed:
        last = _open(made)
    outcome = _outcome(code, body)
    reason = str(body.get("Reason", body.get("Message", "")))
    if outcome.startswith("exit") or "PeriodicRemove" in reason:  # an expression of our own
        reason = last.reason
    made[-1] = replace(
        enter(last, last.phase, at),
        outcome=outcome,
        reason=reason,
        memory_mb=_amounts(body, "Memory", 1.0, last.memory_mb.used),
        disk_mb=_amounts(body, "Disk", _KB),
        cpus=_amounts(body, "Cpus", 1.0),
        gpus=_amounts(body, "GPUs", 1.0),
        slot_s=_amounts(body, "TimeSlotBusy", 1.0).used,
    )


def _open(made: list[Attempt]) -> Attempt:
    """Return the attempt that goes on, or a new one in the queue since the last one's end."""
    if made[-1].outcome:
        _again(made, made[-1].since)
    return made[-1]


def _again(made: list[Attempt], at: float) -> None:
    made.append(Attempt(made[-1].node, made[-1].number + 1, at, job=made[-1].job))


def _transfer(made: list[Attempt], kind: int, at: float) -> None:
    if made and TRANSFERS[kind].endswith("started"):
        last = _open(made)
        made[-1] = enter(last, step(last.phase, Event.FILE_TRANSFER, kind), at)
    elif made and TRANSFERS[kind] == "output finished" and not made[-1].outcome:
        made[-1] = enter(made[-1], Phase.OUTPUT, at)


def _measured(made: list[Attempt], memory_mb: float) -> None:
    if made and not made[-1].outcome and memory_mb >= 0:
        most = max(made[-1].memory_mb.used or 0.0, memory_mb)
        made[-1] = replace(made[-1], memory_mb=replace(made[-1].memory_mb, used=most))


def _outcome(code: int, body: Mapping[str, Any]) -> str:
    change = CHANGE_OF[code]
    if change == Change.REMOVED:
        return "removed"
    if code == Event.DATAFLOW_JOB_SKIPPED:
        return "skipped"
    if change == Change.ENDED or body.get("TerminatedAndRequeued"):
        return exit_of(dict(body))
    return _REQUEUED[code]


def _amounts(body: Mapping[str, Any], tag: str, unit: float, used: float | None = None) -> Amounts:
    """Return the amounts in the table at an attempt's end, with the peak of earlier reports."""
    cells = (body.get(name) for name in (f"{tag}Usage", f"Request{tag}", tag))
    numbers = [one / unit if isinstance(one, int | float) else None for one in cells]
    most = max((one for one in (numbers[0], used) if one is not None), default=None)
    return Amounts(most, numbers[1], numbers[2])
