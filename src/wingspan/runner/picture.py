"""Draw a run: its steps with their states and times, and what its sweeps have found."""

from collections.abc import Mapping

from wingspan.draw.graph import Node, graph_svg
from wingspan.planning.plan import PlannedStep
from wingspan.runner.events import StepEvent


def run_svg(steps: Mapping[str, PlannedStep], events: Mapping[str, StepEvent]) -> str:
    """Return the graph of the steps of a run as SVG."""
    names = {step.key: step.name for step in steps.values()}
    nodes = []
    for name, event in events.items():
        needs = tuple(names[key] for key in steps[name].needs)
        note = f"{event.wall_s:.2f} s, {event.peak_memory_mb:.0f} MB" if event.wall_s else ""
        nodes.append(Node(name, event.state, note, needs))
    return graph_svg(nodes)
