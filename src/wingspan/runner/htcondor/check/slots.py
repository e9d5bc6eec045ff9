"""Look at the pool's largest slots: request limits, and steps that no slot can hold."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from wingspan.pipeline.resources import Resources
from wingspan.planning.plan import PlannedStep
from wingspan.runner.htcondor.growth import Most

if TYPE_CHECKING:
    from wingspan.runner.htcondor.profile import Profile


def look_up(profile: "Profile") -> Most:
    """Return a cached lookup from a request to its largest slots.

    These slots satisfy everything that the request asks for except memory and disk.
    """
    from wingspan.accesspoint.idle import largest_slots
    from wingspan.runner.htcondor.write.submit_description import commands_of

    known: dict[str, Mapping[str, int]] = {}

    def most(asked: Resources) -> Mapping[str, int]:
        text = repr(asked)
        if text not in known:
            known[text] = largest_slots(commands_of(asked, profile))
        return known[text]

    return most


def unmet_by(steps: Iterable[PlannedStep], most: Most) -> dict[str, str]:
    """Return what no slot of the pool meets now of the requests of some steps, by their keys."""
    from wingspan.runner.htcondor.write.nodes import request_of

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
