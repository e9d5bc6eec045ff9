"""Find the steps that a user names: a step, all steps of a map, or what they need."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from wingspan.errors import NotFoundError, near
from wingspan.pipeline.binding import handles_in
from wingspan.pipeline.handles import Handle, Handles, by_label, step_of

if TYPE_CHECKING:
    from wingspan.pipeline.step import Step

Name = str | Handle | Handles
Names = Name | Iterable[Name]


def named(steps: Mapping[str, "Step"], names: Names, option: str) -> frozenset[str]:
    """Return the steps that some names of steps or maps, or their handles, stand for.

    Raises
    ------
    NotFoundError
        There is no such step; `option` is where the name was given.
    """
    given = [names] if isinstance(names, str | Handle | Handles) else list(names)
    found: set[str] = set()
    for name in given:
        if isinstance(name, Handles):
            found |= {step_of(handle) for handle in by_label(name).values()}
            continue
        wanted = step_of(name) if isinstance(name, Handle) else name
        chosen = {step for step in steps if step == wanted or step.startswith(f"{wanted}[")}
        if not chosen:
            known = dict.fromkeys([*steps, *(step.partition("[")[0] for step in steps)])
            problem = f"the pipeline has no step {wanted!r}"
            raise NotFoundError(f"{option} {wanted}", problem, near(str(wanted), known))
        found |= {wanted} if wanted in chosen else chosen
    return frozenset(found)


def needed(steps: Mapping[str, "Step"], wanted: Iterable[str]) -> dict[str, "Step"]:
    """Return some steps and all that they need, in order of declaration."""
    waiting, found = list(wanted), set(wanted)
    while waiting:
        for handle in handles_in(steps[waiting.pop()].arguments):
            maker = step_of(handle)
            if maker not in found:
                found.add(maker)
                waiting.append(maker)
    return {name: step for name, step in steps.items() if name in found}
