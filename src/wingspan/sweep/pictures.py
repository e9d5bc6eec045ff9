"""Draw a study: curves, parallel coordinates, slices, importance."""

import math
from collections.abc import Sequence
from typing import Final

from wingspan.draw.frame import Axis, ends
from wingspan.draw.trials import (
    GOOD,
    GREY,
    PLAIN,
    Line,
    bars_svg,
    lines_svg,
    parallel_svg,
    slices_svg,
)
from wingspan.files import json_text
from wingspan.shown import counted
from wingspan.sweep.distributions import Choice, Json, LogNormal, LogUniform
from wingspan.sweep.importance import FEWEST, Importance
from wingspan.sweep.records import COMPLETE, FAILED, Trial
from wingspan.sweep.space import Dimension
from wingspan.sweep.spec import Spec

_MOST: Final = 1000  # trials in a picture: complete ones first, the latest first


def pictures(
    spec: Spec, trials: Sequence[Trial], best: int | None, importance: Importance | None
) -> dict[str, str]:
    """Return each picture that has something to show, by name.

    `best` is the number of the best trial.
    """
    own = [each for each in trials if each.same_as is None]
    found = {
        "curves": _curves(spec, own, best),
        "parallel": _parallel(spec, own, best),
        "importance": _importance(importance),
        "slices": _slices(spec, own, best),
    }
    return {name: picture for name, picture in found.items() if picture}


def _curves(spec: Spec, own: Sequence[Trial], best: int | None) -> str:
    trials = [each for each in own if each.curve][-_MOST:]
    if not trials:
        return ""
    steps = [step for each in trials for step, _ in each.curve]
    low, high = _span([value for each in trials for _, value in each.curve])
    lines = [_line(spec, best, each, each.curve) for each in trials]
    across, up = Axis("step", *ends(steps)), Axis(spec.metric, low, high)
    return lines_svg(
        across, up, lines, f"{spec.metric} of {counted(len(trials), 'trial')}; grey: pruned"
    )


def _parallel(spec: Spec, own: Sequence[Trial], best: int | None) -> str:
    trials = _valued(own)
    dimensions = spec.space.searched
    if not trials or not dimensions:
        return ""
    columns = [
        _column(each, [spec.space.flat(trial.parameters)[each.name] for trial in trials])
        for each in dimensions
    ]
    values = [trial.value or 0.0 for trial in trials]
    axes = [axis for axis, _ in columns] + [Axis(spec.metric, *_span(values))]
    rows = [[places[number] for _, places in columns] for number in range(len(trials))]
    lines = []
    for trial, row, value in zip(trials, rows, values, strict=True):
        inside = min(max(value, axes[-1].low), axes[-1].high)
        lines.append(_line(spec, best, trial, list(enumerate([*row, inside]))))
    title = f"Parameters and {spec.metric} of {counted(len(trials), 'trial')}; green: best, grey: pruned"
    return parallel_svg(axes, lines, title)


def _slices(spec: Spec, own: Sequence[Trial], best: int | None) -> str:
    trials = _valued(own)
    if not trials or not spec.space.searched:
        return ""
    values = [trial.value or 0.0 for trial in trials]
    up = Axis(spec.metric, *_span(values))
    slices = []
    for each in spec.space.searched:
        axis, places = _column(
            each, [spec.space.flat(trial.parameters)[each.name] for trial in trials]
        )
        dots = [
            _line(spec, best, trial, [(place, min(max(value, up.low), up.high))])
            for trial, place, value in zip(trials, places, values, strict=True)
        ]
        slices.append((axis, dots))
    return slices_svg(slices, up, f"{spec.metric} by each parameter")


def _importance(found: Importance | None) -> str:
    if found is None:
        return ""
    return bars_svg(found.shares, f"Importance by {found.method}, from {FEWEST} or more trials")


def _valued(own: Sequence[Trial]) -> list[Trial]:
    """Return the trials with a value, at most a thousand: complete ones first."""
    known = [each for each in own if each.value is not None and each.state != FAILED]
    return sorted(known, key=lambda each: (each.state != COMPLETE, -each.number))[:_MOST]


def _line(
    spec: Spec, best: int | None, trial: Trial, points: Sequence[tuple[float, float]]
) -> Line:
    """Return a trial's line.

    The best one is green and on top, complete ones are plain, all others are grey and below.
    """
    flat = spec.space.flat(trial.parameters)
    shown = ", ".join(f"{name}={value}" for name, value in flat.items())
    name = f"trial {trial.number} ({trial.state}) {spec.metric} {trial.value}: {shown}"
    if trial.number == best:
        return Line(name, points, GOOD, 2, 2.5, trial.number)
    complete = trial.state == COMPLETE
    return Line(name, points, PLAIN if complete else GREY, int(complete), number=trial.number)


def _column(dimension: Dimension, values: Sequence[Json]) -> tuple[Axis, list[float]]:
    """Return a parameter's axis, and the position of each value on it."""
    distribution = dimension.distribution
    if isinstance(distribution, Choice):
        choices = Choice(tuple(distribution.values() or ()))
        shown = tuple(
            each if isinstance(each, str) else json_text(each) for each in choices.choices
        )
        axis = Axis(dimension.name, -0.5, len(shown) - 0.5, choices=shown)
        return axis, [float(choices.place(value)) for value in values]
    log = isinstance(distribution, LogUniform | LogNormal) and min(values) > 0
    low, high = ends(values, least=abs(values[0]) or 1.0)
    return Axis(dimension.name, low, high, log=log), [float(value) for value in values]


def _span(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of the metric's axis, without outliers that would squeeze the rest."""
    ranked = sorted(values)
    low, high = ranked[len(ranked) // 20], ranked[-1 - len(ranked) // 20]
    room = 3 * (high - low)
    near = [
        value for value in ranked if low - room <= value <= high + room and math.isfinite(value)
    ]
    return ends(near)
