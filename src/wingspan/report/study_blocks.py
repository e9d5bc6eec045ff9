"""Lay out the trials of a sweep as blocks of a page. Pure."""

import re
from collections.abc import Sequence
from statistics import NormalDist, fmean, stdev
from typing import TYPE_CHECKING

from wingspan.files import json_text
from wingspan.report.amounts import hours, number, seconds
from wingspan.report.page import Block, Cell, Pairs, Picture, Table
from wingspan.sweep.study import best_first

if TYPE_CHECKING:
    from wingspan.sweep.records import Trial
    from wingspan.sweep.study import Study

_CAPTIONS = {
    "curves": "Each line is a trial. Grey: pruned. Green: the best. Point at one to see it in every picture.",
    "parallel": "Each line is a trial, from its parameters to its value.",
    "importance": "Share of the metric's spread that each parameter explains.",
    "slices": "Each dot is a trial.",
}
_WITHOUT_VALUES = frozenset({"curves", "importance"})
_TITLE = re.compile(r"<title>.*?</title>")


def study_blocks(study: "Study", name: str, *, values: bool = True) -> list[Block]:
    """Return what there is to see of a study.

    Parameters
    ----------
    name
        Name of its table.
    values
        Also the values of the parameters.
    """
    pictures = study.pictures()
    if not values:
        pictures = {
            each: _TITLE.sub("", svg) for each, svg in pictures.items() if each in _WITHOUT_VALUES
        }
    blocks: list[Block] = [Pairs(_facts(study, values=values))]
    blocks += [Picture(svg, _CAPTIONS.get(each, "")) for each, svg in pictures.items()]
    return [*blocks, trials_table(study, name, values=values)]


def _facts(study: "Study", *, values: bool) -> list[tuple[str, str]]:
    spec = study.spec
    counts = ", ".join(f"{count} {state}" for state, count in study.counts.items() if count)
    rows = [
        ("trials", f"{len(study.trials)}: {counts}"),
        ("metric", f"{spec.metric}, the {'lowest' if spec.least_first else 'highest'} is best"),
        ("search", f"{spec.search}, prune {spec.prune.rule}"),
    ]
    best = study.best
    if best is not None:
        flat = spec.space.flat(best.parameters)
        text = ", ".join(f"{key}={_value(value)}" for key, value in flat.items())
        shown = f": {text}" if values else ""
        rows.append(("best", f"{number(best.value)}, trial {best.number}{shown}"))
    rows += _second(study)
    attempts = sum(each.attempts for each in study.trials)
    extra = attempts - sum(each.attempts > 0 for each in study.trials) * max(spec.repeats, 1)
    rows.append(("slot time", hours(study.used_s)))
    if study.saved_s:
        rows.append(("saved by pruning (estimate)", hours(study.saved_s)))
    if extra > 0:
        rows.append(("attempts begun again", f"{extra}"))
    return rows


def _second(study: "Study") -> list[tuple[str, str]]:
    """Return the gap of the best trial to the second, with an interval if both were repeated."""
    ranked = best_first(study.trials, study.spec)
    others = [each for each in ranked if each.same_as is None][:2]
    if len(others) < 2:
        return []
    first, second = others
    gap = abs((first.value or 0.0) - (second.value or 0.0))
    text = f"{number(second.value)}, trial {second.number}: a gap of {number(gap)}"
    interval = _interval(first.values, second.values)
    if interval is None:
        return [("second", f"{text}; one run each, so chance is not ruled out")]
    low, high = interval
    sure = "more than chance" if low > 0 or high < 0 else "this may be chance"
    return [("second", f"{text}; 95 % interval {number(low)} to {number(high)}: {sure}")]


def _interval(first: Sequence[float], second: Sequence[float]) -> tuple[float, float] | None:
    """Return the interval of the difference of two means; None where one was not repeated."""
    if min(len(first), len(second)) < 2:
        return None
    error = (stdev(first) ** 2 / len(first) + stdev(second) ** 2 / len(second)) ** 0.5
    away = NormalDist().inv_cdf(0.975) * error
    gap = fmean(first) - fmean(second)
    return gap - away, gap + away


def trials_table(study: "Study", name: str, *, values: bool = True) -> Table:
    """Return the trials, best first; each is found in all pictures by its number."""
    spec = study.spec
    ranked = best_first(study.trials, spec)
    first = {each.number for each in ranked}
    trials = [*ranked, *(each for each in study.trials if each.number not in first)]
    flat = [spec.space.flat(each.parameters) for each in trials] if values else []
    names = list(dict.fromkeys(key for each in flat for key in each))
    columns = ["trial", "state", spec.metric, *names, "reports", "tries", "time"]
    rows = [_row(study, each, names) for each in trials]
    known = [_numeric([row[column] for row in rows]) for column in range(len(columns))]
    numeric = frozenset(column for column, yes in enumerate(known) if yes)
    numbers = [each.number for each in trials]
    return Table(name, "Trials, best first", columns, rows, numeric, trials=numbers, states=1)


def _numeric(cells: Sequence[Cell]) -> bool:
    return any(isinstance(cell, tuple) for cell in cells)


def _row(study: "Study", each: "Trial", names: Sequence[str]) -> list[Cell]:
    flat = study.spec.space.flat(each.parameters)
    row: list[Cell] = [(str(each.number), each.number), each.state, _cell(each.value)]
    row += [_cell(flat.get(name)) for name in names]
    row += [(str(len(each.curve)), len(each.curve)), (str(each.attempts), each.attempts)]
    return [*row, (seconds(each.wall_s), each.wall_s)]


def _cell(value: object) -> Cell:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number(value), float(value)
    return _value(value)


def _value(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return number(value) if isinstance(value, int | float) else json_text(value)
