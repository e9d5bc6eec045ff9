"""Decide how steps ended that have no end event, once DAGMan is gone. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from wingspan.accesspoint.bindings import credentials_fix
from wingspan.planning.plan import Plan, PlannedStep
from wingspan.runner.events import (
    FAILED,
    FINAL,
    LEFT,
    SKIPPED,
    STALE,
    STOPPED,
    StepEvent,
)
from wingspan.runner.htcondor.follow.dag_logs import DagmanSays
from wingspan.runner.htcondor.follow.state import Following, Members

_CORRECT: Final = (
    "correct what is asked: submit in the pool's table of wingspan.toml, or ws.Resources(submit=...); "
    "then run the command again"
)


def conclude(
    now: Following,
    plan: Plan,
    members: Members,
    results: Mapping[str, StepEvent],
    says: DagmanSays,
) -> tuple[Following, list[StepEvent]]:
    """Say what becomes of the steps that never ended, now that DAGMan is gone.

    Parameters
    ----------
    results
        By key, the ends of steps without an end event: the log could not be written, or another run made them.
    """
    steps = dict(now.steps)
    found = [
        replace(results[one.key], step=one.name, time=results[one.key].time or now.ended or 0.0)
        for one in plan.steps
        if not one.done and one.key in results and not settled(steps.get(one.name))
    ]
    steps |= {event.step: event for event in found}
    for node, reason in says.refused.items():
        of = members.get(node, ())
        if not any(settled(steps.get(one.name)) for one in of):
            problem = f"the access point refused its job: {reason}"
            access = credentials_fix(reason)
            fix = f"{access}; then run the command again" if access else _CORRECT
            made = [_conclusion(now, one, FAILED, problem, fix) for one in of]
            steps |= {event.step: event for event in made}
            found += made
    rest = _never_ended(replace(now, steps=steps), plan, says)
    return replace(now, steps=steps | {event.step: event for event in rest}), found + rest


def _never_ended(now: Following, plan: Plan, says: DagmanSays) -> list[StepEvent]:
    failed = {event.key: event.step for event in now.steps.values() if event.state == FAILED}
    lost = skipped(plan.steps, failed)
    problem = says.error or now.held or "the workflow was removed"
    access = credentials_fix(problem)
    fix = f"{access}; then run the command again" if access else ""
    cause = LEFT if failed and not now.removed else ""
    found = []
    for one in plan.steps:
        last = now.steps.get(one.name)
        if one.done or settled(last) or (last and last.state == STOPPED):
            continue
        if one.key in lost:
            found.append(_conclusion(now, one, SKIPPED, f"needs {lost[one.key]}, which failed"))
        else:
            found.append(replace(_conclusion(now, one, STOPPED, problem, fix), cause=cause))
    return found


def _conclusion(
    now: Following, one: PlannedStep, state: str, problem: str, fix: str = ""
) -> StepEvent:
    return StepEvent(now.ended or 0.0, one.name, one.key, state, problem=problem, fix=fix)


def settled(event: StepEvent | None) -> bool:
    """Return whether a step has ended.

    A step that read a result other than the stored one has ended too, and runs again.
    """
    return event is not None and (event.state in FINAL or event.cause == STALE)


def skipped(steps: Iterable[PlannedStep], failed: Mapping[str, str]) -> dict[str, str]:
    """Return the keys of steps that can never run, with the step that failed before each.

    Parameters
    ----------
    steps
        In order.
    failed
        Key -> name of the steps that failed themselves.
    """
    lost: dict[str, str] = {}
    for one in steps:
        causes = (failed.get(key) or lost.get(key) for key in one.needs)
        cause = next((name for name in causes if name), None)
        if cause is not None:
            lost[one.key] = cause
    return lost
