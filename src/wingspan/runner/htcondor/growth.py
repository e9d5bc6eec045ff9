"""How far a request grows when a job lacked memory or disk: to the pool's largest slots; and what to say there."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from wingspan.pipeline.resources import Resources
from wingspan.runner.events import Outcome, StepEvent
from wingspan.runner.failure import too_large

Most = Callable[[Resources], Mapping[str, int]]  # ``memory`` and ``disk``, in MB; empty: not known


def unknown(_: Resources) -> Mapping[str, int]:
    """Return nothing: no pool was looked at."""
    return {}


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
