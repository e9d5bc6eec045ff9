"""What a run's steps have logged so far: ended steps in files, running ones by their jobs."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from wingspan.planning.plan import PlannedStep
from wingspan.runner.events import ENDED, RUNNING, StepEvent
from wingspan.runner.protocol import Trail
from wingspan.runner.written import Metric, as_metrics, joined, read_curves


class LastValue(NamedTuple):
    """The last logged value of a metric, and its step of training."""

    step: int
    value: float


def last_values(events: Iterable[StepEvent], trail: Trail) -> dict[str, dict[str, LastValue]]:
    """Return the last value of each metric of the steps that run, by step.

    Parameters
    ----------
    events
        The last event of each step.
    """
    running = {event.step: event.key for event in events if event.state == RUNNING}
    curves = trail.live_curves(running.values()) if running else {}
    found = {
        step: {name: LastValue(*next(reversed(of.items()))) for name, of in curves[key].items()}
        for step, key in running.items()
        if key in curves
    }
    return {step: values for step, values in found.items() if values}


def metrics_of(
    trail: Trail,
    steps: Mapping[str, PlannedStep],
    tried: Mapping[str, list[Path]],
    events: Mapping[str, StepEvent],
) -> dict[str, dict[str, Metric]]:
    """Return what the steps of a run have logged, by step and metric.

    Parameters
    ----------
    tried
        Folders of the attempts of each key, oldest first.
    """
    live = trail.live_curves(step.key for step in steps.values())
    found = {}
    for name, step in steps.items():
        said, written = live.get(step.key, {}), read_curves(tried.get(step.key, ()))
        over = (
            events[name].state in ENDED
        )  # then the files have all, else only those of earlier attempts
        found[name] = joined(said, written) if over else joined(written, said)
    return {name: as_metrics(curves) for name, curves in found.items() if curves}
