"""Draw a run: its steps with states and times, and the trials of its sweeps."""

from collections.abc import Mapping
from contextlib import suppress

from wingspan.draw.graph import Node, graph_svg
from wingspan.errors import NotFoundError
from wingspan.planning.plan import PlannedStep
from wingspan.runner.events import DONE, FAILED, StepEvent
from wingspan.runner.layers import fewer, tally
from wingspan.runner.trials.studies import Studies
from wingspan.runner.watch import Look
from wingspan.shown import brief, counted, in_markup, shown_name

_LINES = 100  # steps that the text lists
_FAILURES = 5
_PROBLEM = 300  # characters of a problem


def run_svg(steps: Mapping[str, PlannedStep], events: Mapping[str, StepEvent]) -> str:
    """Return the graph of a run's steps as SVG; many steps are grouped by map or layer."""
    names = {step.key: step.name for step in steps.values()}
    nodes = []
    for name, event in events.items():
        needs = tuple(names[key] for key in steps[name].needs)
        note = f"{event.wall_s:.2f} s, {event.peak_memory_mb:.0f} MB" if event.wall_s else ""
        nodes.append(Node(name, event.state, note, needs))
    return graph_svg(fewer(nodes))


def run_text(run_id: str, look: Look) -> str:
    """Return a run as text: its state and a line per step; of many steps, the open ones."""
    events = list(look.events.values())
    if len(events) > _LINES:
        events = [event for event in events if event.state != DONE][:_LINES]
    lines = [f"Run {run_id}: {look.state}"]
    lines += [f"  {shown_name(event.step)}: {event.state}" for event in events]
    if more := len(look.events) - len(events):
        lines.append(
            f"  and {counted(more, 'more step')}: "
            f"{tally([e.state for e in look.events.values()])[1]}"
        )
    return "\n".join(lines)


def run_html(run_id: str, steps: Mapping[str, PlannedStep], look: Look, studies: Studies) -> str:
    """Return a run for a notebook: progress, failures, the picture and its sweeps."""
    events = list(look.events.values())
    done = sum(event.state == DONE for event in events)
    failed = [event for event in events if event.state == FAILED][:_FAILURES]
    problems = "".join(
        f"<p><b>{in_markup(event.step)}</b> failed: {in_markup(brief(event.problem, _PROBLEM))}<br>"
        f"&#8594; {in_markup(event.fix)}</p>"
        for event in failed
    )
    head = f"<p>Run <b>{in_markup(run_id)}</b>: {look.state}, {done:,} of {len(events):,} steps done</p>"
    return f"{head}{problems}{run_svg(steps, look.events)}{studies_html(studies)}"


def studies_html(studies: Studies) -> str:
    """Return the trials of a run's sweeps for a notebook: the best of each, and pictures."""
    shown = []
    for name in studies:
        with suppress(NotFoundError):  # it has not begun
            shown.append(f"<p>Sweep <b>{in_markup(name)}</b></p>{studies[name]._repr_html_()}")
    return "".join(shown)
