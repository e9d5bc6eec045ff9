"""Draw a run: its steps with their states and times, and what its sweeps have found."""

from collections.abc import Mapping
from contextlib import suppress

from wingspan.draw.graph import Node, graph_svg
from wingspan.errors import NotFoundError
from wingspan.planning.plan import PlannedStep
from wingspan.runner.events import StepEvent
from wingspan.runner.trials.studies import Studies
from wingspan.shown import in_markup


def run_svg(steps: Mapping[str, PlannedStep], events: Mapping[str, StepEvent]) -> str:
    """Return the graph of the steps of a run as SVG."""
    names = {step.key: step.name for step in steps.values()}
    nodes = []
    for name, event in events.items():
        needs = tuple(names[key] for key in steps[name].needs)
        note = f"{event.wall_s:.2f} s, {event.peak_memory_mb:.0f} MB" if event.wall_s else ""
        nodes.append(Node(name, event.state, note, needs))
    return graph_svg(nodes)


def studies_html(studies: Studies) -> str:
    """Return the trials of a run's sweeps for a notebook: the best of each, and pictures."""
    shown = []
    for name in studies:
        with suppress(NotFoundError):  # it has not begun
            shown.append(f"<p>Sweep <b>{in_markup(name)}</b></p>{studies[name]._repr_html_()}")
    return "".join(shown)
