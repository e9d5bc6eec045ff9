"""Turn the steps of a run into the boxes of its picture: steps, maps or layers. Pure."""

from collections.abc import Sequence

from wingspan.draw.graph import Node
from wingspan.report.amounts import megabytes, seconds
from wingspan.report.details import step_href
from wingspan.report.step_facts import StepFacts
from wingspan.runner.events import DONE
from wingspan.runner.layers import fewer
from wingspan.shown import counted


def nodes_of(steps: Sequence[StepFacts]) -> tuple[Sequence[Node], str]:
    """Return the boxes, and what a reader should know of them."""
    nodes = list(map(_one, steps))
    found = fewer(nodes, "#steps")
    if len(found) == len(nodes):
        return nodes, ""
    return found, f"{counted(len(steps), 'step')} in {len(found):,} boxes; the table has each step."


def _one(step: StepFacts) -> Node:
    event = step.event
    note = ", ".join(
        filter(None, (seconds(event.wall_s or None), megabytes(step.memory_mb or None)))
    )
    note = note or ("from the store" if event.state == DONE else "")
    return Node(step.name, event.state, note, step.needs, step_href(step.name))
