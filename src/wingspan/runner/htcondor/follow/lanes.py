"""What the sweeps of a DAG do, from what the jobs of their lanes do: values in, values out."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.job_state import Change, Phase, step
from wingspan.eventlog.rules import explain
from wingspan.planning.plan import PlannedStep
from wingspan.runner.events import (
    DISCONNECTED,
    ENDED,
    HELD,
    RUNNING,
    STOPPED,
    WAITING,
    StepEvent,
)
from wingspan.runner.htcondor.follow.dag_logs import NodeChange
from wingspan.runner.htcondor.follow.state import Following, Job, held_by, whole_removed

_GONE: Final = (Event.JOB_TERMINATED, Event.JOB_ABORTED)
_WORKS: Final = frozenset({Phase.INPUT, Phase.RUN, Phase.SUSPENDED, Phase.OUTPUT})
Lanes = Mapping[str, PlannedStep]  # node of a lane -> its sweep


def advance_sweeps(
    now: Following, changes: Sequence[NodeChange], lanes: Lanes
) -> tuple[Following, list[StepEvent]]:
    """Apply the changes of lanes; return the new state and the events of their sweeps."""
    steps, jobs, events = dict(now.steps), dict(now.jobs), list[StepEvent]()
    for change in changes:
        sweep = lanes.get(change.node)
        if sweep is None or change.kind == Change.SPOKE:
            continue
        phase = step(jobs.get(change.node, Job()).phase, change.event)
        jobs[change.node] = Job(phase, change.at, change.event)
        own = [jobs[lane] for lane, of in lanes.items() if of is sweep and lane in jobs]
        doing = {job.phase for job in own if job.event not in _GONE}
        before = steps.get(sweep.name)
        event = _event(change, doing, sweep)
        ended = before is not None and before.state in ENDED and before.time >= now.begun
        if event is not None and not ended and (before is None or before.state != event.state):
            steps[sweep.name] = event
            events.append(event)
    return replace(now, steps=steps, jobs=jobs), events


def _event(change: NodeChange, doing: Collection[Phase], sweep: PlannedStep) -> StepEvent | None:
    """Return a sweep's event for its lanes' phases; None if the change does not matter to it."""
    known = (change.at, sweep.name, sweep.key)
    if change.kind == Change.REMOVED and whole_removed(change.reason):
        return StepEvent(*known, STOPPED, problem="the workflow was removed")
    if not _WORKS.isdisjoint(doing):
        return StepEvent(*known, RUNNING)
    if Phase.DISCONNECTED in doing:
        fix = "nothing: HTCondor reconnects, or starts the jobs again elsewhere"
        return StepEvent(*known, DISCONNECTED, problem="its machines do not answer", fix=fix)
    if Phase.HELD in doing:
        if change.kind != Change.HELD:
            return None
        rule = explain(change.code, change.subcode, change.reason)
        problem = held_by(change).removeprefix("held: ")
        return StepEvent(*known, HELD, problem=problem, fix=rule.fix.replace("JOB", change.job))
    return StepEvent(*known, WAITING) if doing else None


def runs(job: Job) -> bool:
    """Return whether a lane's job works now."""
    return job.event not in _GONE and job.phase in _WORKS


def lanes_of(sweeps: Mapping[str, Sequence[str]], of: Mapping[str, PlannedStep]) -> Lanes:
    """Return the sweep of each lane, from the lanes and the sweep of each node."""
    return {lane: of[node] for node, lanes in sweeps.items() for lane in lanes if node in of}
