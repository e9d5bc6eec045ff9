"""Show evaluations of models: metrics side by side, curves, confusion. Pure."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from wingspan.draw.curves import Panel, curves_svg
from wingspan.draw.heat import Heat, heat_svg
from wingspan.draw.trials import bars_svg
from wingspan.report.amounts import number
from wingspan.report.page import Block, Cell, Picture, Table
from wingspan.shown import counted
from wingspan.tabular.pictures import panels_of

if TYPE_CHECKING:
    from wingspan.tabular.evaluate import Evaluation, Metric
    from wingspan.tabular.importance import Importance

_CURVES: Final = 5  # models in one picture
_CONFUSIONS: Final = 4
_BARS: Final = 20


def evaluation_blocks(
    evaluations: "Mapping[str, Evaluation]", chosen: tuple[str, Sequence[str]] = ("", ())
) -> list[Block]:
    """Return the models side by side, in a group for each set of rows that they were judged on.

    Parameters
    ----------
    chosen
        The label of the best model, and the metrics that decided.
    """
    groups: dict[tuple[str, int], dict[str, Evaluation]] = {}
    for name, one in evaluations.items():
        groups.setdefault((one.task, one.rows), {})[name] = one
    blocks: list[Block] = []
    for place, ((_, rows), of) in enumerate(groups.items()):
        blocks.append(_metrics(of, f"models-{place}", rows, chosen))
        panels = _panels(of)
        if panels:
            title = f"On {counted(rows, 'row')}"
            blocks.append(
                Picture(curves_svg([panels], title), f"Computed on {counted(rows, 'row')}.")
            )
        for name, one in list(of.items())[:_CONFUSIONS]:
            if one.classes:
                labels = [str(label) for label in one.classes]
                heat = Heat(name, "predicted", "is", labels, labels, one.confusion)
                caption = f"Of {counted(rows, 'row')}, at threshold {one.threshold:g}."
                blocks.append(Picture(heat_svg(heat), caption))
    return blocks


def _metrics(
    of: "Mapping[str, Evaluation]", name: str, rows: int, chosen: tuple[str, Sequence[str]]
) -> Table:
    """Return a row for each metric, those that decided first, and a column for each model."""
    best, deciding = chosen
    names = list(dict.fromkeys(metric for one in of.values() for metric in one.metrics))
    names.sort(key=lambda metric: list(deciding).index(metric) if metric in deciding else 99)
    models = [f"{model} (best)" if best and model.endswith(f"[{best}]") else model for model in of]
    body: list[list[Cell]] = [
        [metric, *(interval_cell(one.metrics.get(metric)) for one in of.values())]
        for metric in names
    ]
    level = next(iter(of.values())).level
    caption = f"On {counted(rows, 'row')}, with {level:.0%} intervals"
    if best:
        caption += f"; chosen by {', then '.join(deciding)}"
    return Table(name, caption, ["metric", *models], body, frozenset(range(1, len(models) + 1)))


def interval_cell(metric: "Metric | None") -> Cell:
    """Return a metric with its interval; empty where it is not defined."""
    if metric is None or metric.value is None:
        return ""
    value = f"{metric.value:.4f}" if abs(metric.value) < 1000 else number(metric.value)
    if metric.low is None or metric.high is None:
        return value, metric.value
    return (
        f"{value} ({number(round(metric.low, 4))} to {number(round(metric.high, 4))})",
        metric.value,
    )


def _panels(of: "Mapping[str, Evaluation]") -> list[Panel]:
    """Return each kind of curve with a line for each model."""
    found: dict[str, Panel] = {}
    for name, one in list(of.items())[:_CURVES]:
        for panel in panels_of(one):
            lines = {**(found[panel.title].lines if panel.title in found else {})}
            lines[name] = next(iter(panel.lines.values()))
            found[panel.title] = Panel(
                panel.title, panel.x, panel.y, lines, panel.unit, panel.dates, level=panel.level
            )
    return list(found.values())


def importance_blocks(found: "Importance | None", name: str) -> list[Block]:
    """Return how much a model needs each column; `name` is that of the table."""
    if found is None or not found.columns:
        return []
    worse = {column: max(one.value or 0.0, 0.0) for column, one in found.columns.items()}
    whole = sum(worse.values()) or 1.0
    shares = {column: value / whole for column, value in list(worse.items())[:_BARS]}
    rows: list[list[Cell]] = [[column, interval_cell(one)] for column, one in found.columns.items()]
    caption = f"How much worse {found.metric} is on {counted(found.rows, 'row')} when a column is shuffled"
    blocks: list[Block] = [
        Picture(bars_svg(shares, "Share of the sum"), f"{caption}."),
        Table(name, caption, ["column", "worse by"], rows, frozenset({1})),
    ]
    weights: list[list[Cell]] = [
        [feature, (number(value), value)] for feature, value in found.coefficients.items()
    ]
    if weights:
        columns = ["feature", "a standard deviation more adds"]
        blocks.append(Table(f"{name}-weights", "Coefficients", columns, weights, frozenset({1})))
    return blocks
