"""How far a request grows when a job lacked memory or disk: to the pool's largest slots; and what to say there."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from wingspan.pipeline.resources import Resources
from wingspan.planning.plan import PlannedStep
from wingspan.runner.failure import too_large
from wingspan.runner.runner import Outcome, StepEvent

if TYPE_CHECKING:
    from wingspan.runner.htcondor.profile import Profile

Most = Callable[[Resources], Mapping[str, int]]  # ``memory`` and ``disk``, in MB; empty: not known


def unknown(_: Resources) -> Mapping[str, int]:
    """Return nothing: no pool was looked at."""
    return {}


def look_up(profile: "Profile") -> Most:
    """Return what asks the pool, once a different request, for the largest slots that meet all else it asks."""
    from wingspan.accesspoint.idle import largest_slots
    from wingspan.runner.htcondor.preflight import commands_of

    known: dict[str, Mapping[str, int]] = {}

    def most(asked: Resources) -> Mapping[str, int]:
        text = repr(asked)
        if text not in known:
            known[text] = largest_slots(commands_of(asked, profile))
        return known[text]

    return most


def unmet_by(steps: Iterable[PlannedStep], most: Most) -> dict[str, str]:
    """Return what no slot of the pool meets now of the requests of some steps, by their keys."""
    from wingspan.runner.htcondor.nodes import (
        request_of,  # jobs import this file, and need no more of it
    )

    known: dict[str, str] = {}  # by what a step asks for: many ask for the same
    found = {}
    for step in steps:
        text = repr(step.resources)
        if text not in known:
            asked = request_of([step])
            known[text] = _unmet(asked, most(asked))
        if known[text]:
            found[step.key] = known[text]
    return found


def _unmet(asked: Resources, most: Mapping[str, int]) -> str:
    if not most:
        return "no slot that the pool has now meets its request"
    wanted = {"memory": asked.memory_mb, "disk": asked.disk_mb}
    return "; ".join(
        f"asks for {wanted[kind]:,} MB of {kind}; the largest slot that the pool has now has {has:,} MB"
        for kind, has in most.items()
        if wanted[kind] > has and f"request_{kind}" not in asked.submit
    )


def ends_here(provided: Mapping[str, int], most: Mapping[str, int]) -> bool:
    """Say whether a slot has as much memory as any that could run the job, so that no other one would help.

    Parameters
    ----------
    provided
        What the slot gives: ``Memory``, in MB.
    """
    return "memory" in most and provided.get("Memory", 0) >= most["memory"]


def told(outcome: Outcome, most: Mapping[str, int]) -> Outcome:
    """Return the outcome of a job in a slot as large as any, its steps that lacked memory with what to do there."""
    steps = {name: _told(event, most["memory"]) for name, event in outcome.steps.items()}
    return Outcome(outcome.run_id, steps)


def _told(event: StepEvent, most_mb: int) -> StepEvent:
    if event.cause != "memory":
        return event
    return replace(event, fix=too_large("memory", most_mb))


def fix_of_removed(cause: str, part: Mapping[str, object]) -> str:
    """Return what to do about a job that was held for its use again and again, and removed.

    Parameters
    ----------
    cause
        ``memory`` or ``disk``.
    part
        What its node was to do.
    """
    most, steps = part.get("most"), part.get("steps")
    asked = [Resources(**step["resources"]) for step in steps] if isinstance(steps, list) else []
    wanted = max((one.memory_mb if cause == "memory" else one.disk_mb for one in asked), default=0)
    if isinstance(most, Mapping) and 4 * wanted > most.get(cause, 4 * wanted):
        return too_large(cause, most[cause])
    return f'ask for more: ws.Resources({cause}="{8 * wanted}MB")'
