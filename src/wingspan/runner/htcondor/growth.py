"""Limit how far a request grows after a job lacked memory or disk.

The limit is the pool's largest slot; messages say what to do at the limit.
"""

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
    """Say whether a slot has as much memory as any slot that could run the job.

    Then another machine would not help.

    Parameters
    ----------
    provided
        What the slot gives: ``Memory``, in MB.
    """
    return "memory" in most and provided.get("Memory", 0) >= most["memory"]


def with_fix(outcome: Outcome, most: Mapping[str, int]) -> Outcome:
    """Return a job's outcome with a fix for the steps that lacked memory.

    The job's slot was as large as any in the pool.
    """
    steps = {name: _with_fix(event, most["memory"]) for name, event in outcome.steps.items()}
    return Outcome(outcome.run_id, steps)


def _with_fix(event: StepEvent, most_mb: int) -> StepEvent:
    if event.cause != "memory":
        return event
    return replace(event, fix=too_large("memory", most_mb))


def fix_of_removed(cause: str, part: Mapping[str, object]) -> str:
    """Return the fix for a job that was held for its use several times, and removed.

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
