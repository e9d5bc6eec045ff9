"""Decide the states of a run's steps from what happened to their jobs. Pure.

Nothing here reads a file, a clock or a queue, so any sequence of events can be tried in a test of a few lines.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.codes import HoldCode, VacateCode
from wingspan.eventlog.job_state import Change, Phase, step
from wingspan.eventlog.rules import explain
from wingspan.planning.plan import Plan, PlannedStep
from wingspan.runner.events import (
    DISCONNECTED,
    DONE,
    FAILED,
    HELD,
    LEFT,
    RUNNING,
    SKIPPED,
    STOPPED,
    WAITING,
    StepEvent,
)
from wingspan.runner.failure import Failure
from wingspan.runner.htcondor.follow.dag_logs import (
    DAGMAN,
    SAME_S,
    NodeChange,
    left_queue,
)
from wingspan.runner.htcondor.growth import fix_of_removed
from wingspan.runner.htcondor.hold_policy import lacked
from wingspan.runner.htcondor.messages import ENDED, RUNS, WAITS, read_line, states_of

_MORE_FOLLOWS: Final = (VacateCode.ClaimDeactivated, VacateCode.JobRemoved)
_AGAIN: Final = "run the command again to go on"
Members = Mapping[str, Sequence[PlannedStep]]  # node -> its steps, all that are the same call


class Left(NamedTuple):
    """What is known of a node's job besides its events.

    Parameters
    ----------
    results
        The last events of its steps, by key, as far as the job has sent them.
    part
        What its node was to do.
    given_back
        Keys of steps that the job had no time for; other nodes run them.
    lease_s
        How long after it was last heard of a disconnected job may come back; None if that is not known.
    """

    results: Mapping[str, StepEvent] = {}
    part: Mapping[str, object] = {}
    lease_s: float | None = None
    given_back: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Job:
    """The job of a node as its events left it.

    Parameters
    ----------
    why
        What it fails with if HTCondor gives it up.
    states
        What each of several steps does, a letter a step, as in `messages`; empty unless the job has said so.
    """

    phase: Phase = Phase.QUEUED
    since: float = 0.0
    event: int = Event.SUBMIT
    why: Failure | None = None
    states: str = ""


@dataclass(frozen=True, slots=True)
class Following:
    """A DAG after the events that were read so far.

    Parameters
    ----------
    steps
        The last event of each step, by name.
    begun
        When the DAG was last submitted.
    removed
        Whether DAGMan was, before its nodes had all ended.
    ended
        When DAGMan left the queue; None while it is there.
    held
        Why HTCondor held DAGMan's own job, or how that left the queue where no event says so.
    stuck
        Why DAGMan's own job is held now: it submits no jobs until it is released.
    """

    steps: Mapping[str, StepEvent] = field(default_factory=dict)
    jobs: Mapping[str, Job] = field(default_factory=dict)
    begun: float = float("inf")
    ended: float | None = None
    held: str = ""
    stuck: str = ""
    removed: bool = False

    @property
    def over(self) -> bool:
        """Whether DAGMan has left the queue."""
        return self.ended is not None


def members_of(plan: Plan, keys: Mapping[str, Iterable[str]]) -> dict[str, list[PlannedStep]]:
    """Return the steps of each node; several of one key are the same call."""
    named: dict[str, list[PlannedStep]] = {}
    for one in plan.steps:
        named.setdefault(one.key, []).append(one)
    return {node: [one for key in of for one in named.get(key, ())] for node, of in keys.items()}


def advance(
    now: Following, changes: Sequence[NodeChange], members: Members, left: Mapping[str, Left]
) -> tuple[Following, list[StepEvent]]:
    """Apply changes to a DAG's state; return the new state and the events of its steps."""
    steps, jobs, events = dict(now.steps), dict(now.jobs), list[StepEvent]()
    dagman = now
    for change in changes:
        if change.node == DAGMAN:
            dagman = _of_dagman(dagman, change)
        elif change.node in members:
            job = jobs.get(change.node, Job())
            if _says_nothing(job, change):
                jobs[change.node] = replace(job, phase=step(job.phase, change.event))
                continue
            known = left.get(change.node, Left())
            jobs[change.node] = job = _job_after(job, change, members[change.node], known)
            for event in _events(change, job, members[change.node], known, steps):
                before = steps.get(event.step)
                if before is None or before.state != DONE:
                    steps[event.step] = event
                    events.append(event)
    return replace(dagman, steps=steps, jobs=jobs), events


def _of_dagman(now: Following, change: NodeChange) -> Following:
    ended = now.ended or change.at
    over = left_queue(change.kind, over=now.over)
    begun = change.at if change.kind == Change.SUBMITTED else now.begun
    unseen = change.kind == Change.REMOVED and not change.event
    by_itself = change.kind == Change.HELD and change.code != HoldCode.UserRequest
    held = change.reason if by_itself or unseen else now.held
    stuck = held_by(change) if change.kind == Change.HELD else ""
    removed = change.kind == Change.REMOVED or (now.removed and over)
    left = ended if over else None
    return replace(now, begun=begun, ended=left, held=held, stuck=stuck, removed=removed)


def _says_nothing(job: Job, change: NodeChange) -> bool:
    """Say whether a change only repeats another one.

    It is part of a hold, a removal, a reported loss, or a run that has ended.
    """
    if change.kind == Change.RECONNECTED:
        return job.phase != Phase.DISCONNECTED
    if change.kind == Change.SPOKE:
        return job.phase != Phase.RUN
    if change.kind == Change.DISCONNECTED:
        return job.phase not in {Phase.RUN, Phase.SUSPENDED}
    if change.kind != Change.REQUEUED:
        return False
    if whole_removed(change.reason) or change.code in _MORE_FOLLOWS:
        return True
    if 0 < change.code < VacateCode.JobPolicyVacate:  # of a hold, which is the next event
        return True
    same = change.code == VacateCode.ReconnectFailed or change.at - job.since <= SAME_S
    return same and job.event == Event.JOB_RECONNECT_FAILED


def whole_removed(reason: str) -> bool:
    """Say whether a job was taken out of the queue because its whole workflow was."""
    return "DAGManJobId" in reason or reason.startswith("DAG Removed")


def _job_after(job: Job, change: NodeChange, of: Sequence[PlannedStep], left: Left) -> Job:
    states = "" if change.kind == Change.STARTED else job.states
    if change.kind == Change.SPOKE:
        states = states_of(read_line(change.reason), len({one.key for one in of})) or states
    phase = step(job.phase, change.event)
    return Job(phase, change.at, change.event, _why(job, change, left), states)


def _why(job: Job, change: NodeChange, left: Left) -> Failure | None:
    """Return what the job fails with if HTCondor gives it up after this change."""
    if change.kind == Change.HELD:
        cause = explain(change.code, change.subcode, change.reason).cause
        fix = f"{cause} See to that, then run the command again."  # it is said once the job is gone
        return Failure(f"was {held_by(change)}", fix, cause=lacked(change.code, change.subcode))
    if change.kind == Change.REQUEUED and not change.exit:
        reason = f": {change.reason}" if change.reason else ""
        fix = "look at the machines it was lost on (wingspan status), then run the command again"
        return Failure(f"its job was started several times and lost each time{reason}", fix)
    if change.kind == Change.REMOVED and job.why and job.why.cause:
        return job.why._replace(fix=fix_of_removed(job.why.cause, left.part))
    return job.why


def held_by(change: NodeChange) -> str:
    """Return who or what holds a job: ``held by the user: ...``, or ``held: ...``."""
    reason = change.reason.removeprefix("via ")
    who = "held by the user" if change.code == HoldCode.UserRequest else "held"
    return f"{who}: {reason}" if reason else who


def _events(
    change: NodeChange,
    job: Job,
    of: Sequence[PlannedStep],
    left: Left,
    steps: Mapping[str, StepEvent],
) -> list[StepEvent]:
    """Return the events of a node's steps that a change of its job means."""
    if change.kind == Change.ENDED:
        return _ended(change, of, left, steps)
    if change.kind in _RUNNING:
        return _running(change, job, of, steps)
    make = _MADE.get(change.kind)
    return [] if make is None else [make(change, job, one, left) for one in of]


def _event(
    change: NodeChange, one: PlannedStep, state: str, problem: str = "", fix: str = ""
) -> StepEvent:
    return StepEvent(change.at, one.name, one.key, state, problem=problem, fix=fix)


_RUNNING: Final = (Change.STARTED, Change.RECONNECTED, Change.CONTINUED, Change.SPOKE)
_SHARED: Final = {  # by what a step does in a job of several
    RUNS: (RUNNING, "in a job with {others}"),
    WAITS: (WAITING, "in a job with {others}, which is running"),
    ENDED: (WAITING, "has ended; its result comes with those of the {others} of its job"),
}


def _running(
    change: NodeChange, job: Job, of: Sequence[PlannedStep], steps: Mapping[str, StepEvent]
) -> list[StepEvent]:
    """Return the events of a running job's steps.

    Of several steps the first one runs, until the job has said more.
    """
    keys = list(dict.fromkeys(one.key for one in of))
    if len(keys) == 1:
        return [] if change.kind == Change.SPOKE else [_event(change, one, RUNNING) for one in of]
    doing = dict(zip(keys, job.states or RUNS + WAITS * (len(keys) - 1), strict=True))
    others = "1 other" if len(keys) == 2 else f"{len(keys) - 1} others"
    found = []
    for one in of:
        state, words = _SHARED[doing[one.key]]
        problem = words.format(others=others)
        before = steps.get(one.name)
        same = before is not None and (before.state, before.problem) == (state, problem)
        if not (same and change.kind == Change.SPOKE):
            found.append(_event(change, one, state, problem))
    return found


def _released(change: NodeChange, job: Job, one: PlannedStep, left: Left) -> StepEvent:  # noqa: ARG001
    return _event(change, one, WAITING)


def _suspended(change: NodeChange, job: Job, one: PlannedStep, left: Left) -> StepEvent:  # noqa: ARG001
    return _event(change, one, RUNNING, f"suspended by its machine since {_clock(change.at)}")


def _disconnected(change: NodeChange, job: Job, one: PlannedStep, left: Left) -> StepEvent:  # noqa: ARG001
    until = (
        "" if left.lease_s is None else f", may come back until {_clock(change.at + left.lease_s)}"
    )
    why = f": {change.host}: {change.reason}" if change.host else f": {change.reason}"
    problem = f"disconnected since {_clock(change.at)}{until}{why}"
    fix = "nothing: HTCondor reconnects, or starts the job again elsewhere"
    return _event(change, one, DISCONNECTED, problem, fix)


def _held(change: NodeChange, job: Job, one: PlannedStep, left: Left) -> StepEvent:  # noqa: ARG001
    rule = explain(change.code, change.subcode, change.reason)
    problem = held_by(change).removeprefix("held: ")
    return _event(change, one, HELD, problem, rule.fix.replace("JOB", change.job))


def _removed(change: NodeChange, job: Job, one: PlannedStep, left: Left) -> StepEvent:  # noqa: ARG001
    if whole_removed(change.reason):
        return _event(change, one, STOPPED, "the workflow was removed")
    if job.why is not None and "PeriodicRemove" in change.reason:
        return _event(change, one, FAILED, job.why.problem, job.why.fix)
    by_hand = change.reason.startswith("via condor_rm") or "(by user " in change.reason
    reason = change.reason.removeprefix("via ")
    who = "its job was removed by the user" if by_hand else "its job was removed"
    return _event(change, one, FAILED, f"{who}: {reason}" if reason else who, _AGAIN)


def _requeued(change: NodeChange, job: Job, one: PlannedStep, left: Left) -> StepEvent:  # noqa: ARG001
    if change.exit:
        lacking = next((event for event in left.results.values() if event.cause), None)
        if lacking is None:
            return _event(change, one, WAITING, f"ended with {change.exit}, and waits to go on")
        fix = "nothing, where a machine has twice as much: see `wingspan why`"
        return _event(
            change, one, WAITING, f"{lacking.problem}; waits for more {lacking.cause}", fix
        )
    reason = f": {change.reason}" if change.reason else ""
    lost = _LOST.get(change.event, "was evicted")
    return _event(change, one, WAITING, f"{lost}, and waits to go on{reason}")


_LOST: Final[Mapping[int, str]] = {
    Event.SHADOW_EXCEPTION: "lost its machine (shadow exception)",
    Event.JOB_RECONNECT_FAILED: "its machine did not come back",
    Event.EXECUTABLE_ERROR: "could not be executed",
}
_Make = Callable[[NodeChange, Job, PlannedStep, Left], StepEvent]
_MADE: Final[Mapping[Change, _Make]] = {
    Change.SUSPENDED: _suspended,
    Change.DISCONNECTED: _disconnected,
    Change.REQUEUED: _requeued,
    Change.HELD: _held,
    Change.RELEASED: _released,
    Change.REMOVED: _removed,
}


def _clock(at: float) -> str:
    return time.strftime("%H:%M", time.localtime(at))


def _ended(
    change: NodeChange, of: Sequence[PlannedStep], left: Left, steps: Mapping[str, StepEvent]
) -> list[StepEvent]:
    """Return the events of the steps of a job that has ended.

    A step without a result has failed, or needs a step that failed.
    """
    missing = any(one.key not in left.results for one in of)
    failed = {e.key: e.step for e in steps.values() if e.state == FAILED} if missing else {}
    found = []
    for one in of:
        event = left.results.get(one.key)
        needed = next((failed[key] for key in one.needs if key in failed), "")
        if event is not None:
            event = replace(event, step=one.name, time=change.at)
        elif one.key in left.given_back:
            event = _given_back(change, one)
        elif needed:
            event = _event(change, one, SKIPPED, f"needs {needed}, which failed")
        else:
            problem = f"its job ended with {change.exit} and sent no result"
            fix = f"read what it wrote: wingspan logs {one.name}"
            event = _event(change, one, FAILED, problem, fix)
        if event.state in {FAILED, SKIPPED}:
            failed[one.key] = needed or one.name
        found.append(event)
    return found


def _given_back(change: NodeChange, one: PlannedStep) -> StepEvent:
    """Return the event of a step that its job had no time for.

    No other node runs it if another step of that job failed.
    """
    if change.exit == "exit 0":
        problem = "given back: its job had run for the task time; waits for a job of its own"
        return _event(change, one, WAITING, problem)
    problem = "given back: its job had run for the task time, and another step of it failed"
    return replace(_event(change, one, STOPPED, problem, _AGAIN), cause=LEFT)
