"""Turn the steps of a run into the boxes of its picture: steps, maps or layers. Pure."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from wingspan.draw.graph import Node
from wingspan.report.amounts import megabytes, seconds
from wingspan.report.details import step_id
from wingspan.report.run_facts import StepFacts
from wingspan.runner.events import DONE, FAILED, HELD, RUNNING, SKIPPED, STOPPED, WAITING
from wingspan.runner.layers import Group, grouped

SINGLE: Final = 60  # steps up to which each has a box
_WORST: Final = (FAILED, HELD, RUNNING, STOPPED, SKIPPED, WAITING, DONE)


def nodes_of(steps: Sequence[StepFacts]) -> tuple[list[Node], str]:
    """Return the boxes, and what a reader should know of them."""
    if len(steps) <= SINGLE:
        return [_one(step, place) for place, step in enumerate(steps)], ""
    groups = grouped({step.name: step.needs for step in steps})
    states = {step.name: step.event.state for step in steps}
    text = f"{len(steps):,} steps in {len(groups):,} boxes; the table has each step."
    return [_many(group, states, groups) for group in groups], text


def _one(step: StepFacts, place: int) -> Node:
    event = step.event
    note = f"{seconds(event.wall_s)}, {megabytes(event.peak_memory_mb)}" if event.wall_s else ""
    note = note or ("from the store" if event.state == DONE else "")
    return Node(step.name, event.state, note, step.needs, f"#{step_id(place)}")


def _many(group: Group, states: dict[str, str], groups: Sequence[Group]) -> Node:
    counts = Counter(states[name] for name in group.steps)
    worst = next((state for state in _WORST if counts[state]), WAITING)
    text = ", ".join(f"{counts[state]:,} {state}" for state in _WORST if counts[state])
    needs = tuple(groups[number].name for number in group.needs)
    return Node(group.name, worst, text, needs, "#steps")
