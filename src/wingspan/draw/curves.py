"""Curves: panels of lines through points, in rows, as SVG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from wingspan.draw.ticks import number_ticks, time_ticks
from wingspan.shown import in_markup

Point = tuple[float, float]

_WIDTH: Final = 440
_HEIGHT: Final = 300
_PLOT: Final = (62.0, 40.0, 420.0, 240.0)  # left, top, right, bottom
_TICKS: Final = 6
_FEW: Final = 12  # points of a line, up to which each is a dot too: one alone would not be seen
_DAY: Final = 86_400.0
_COLOURS: Final = ("#d1495b", "#30638e", "#2a9d5c", "#edae49", "#8d6a9f")


@dataclass(frozen=True, slots=True)
class Panel:
    """Lines in one frame.

    Attributes
    ----------
    lines
        By name, their points; from left to right, if x is time.
    x, y
        Names of the axes.
    unit
        Both axes go from 0 to 1, and a diagonal says where they are equal.
    dates
        x is seconds since 1970 UTC.
    """

    title: str
    x: str
    y: str
    lines: Mapping[str, Sequence[Point]] = field(repr=False)
    unit: bool = False
    dates: bool = False


def curves_svg(rows: Sequence[Sequence[Panel]], title: str = "") -> str:
    """Return a picture of all panels, row by row."""
    width = _WIDTH * max((len(row) for row in rows), default=1)
    parts = [
        f'<g transform="translate({_WIDTH * column} {_HEIGHT * line})">{_panel(panel)}</g>'
        for line, row in enumerate(rows)
        for column, panel in enumerate(row)
    ]
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_HEIGHT * len(rows)}" '
        f'role="img" aria-label="{in_markup(title)}" font-family="sans-serif" font-size="11" fill="#333">'
    )
    return "\n".join([opening, *parts, "</svg>", ""])


def _panel(panel: Panel) -> str:
    left, top, right, bottom = _PLOT
    points = [point for line in panel.lines.values() for point in line]
    across = _range([x for x, _ in points], panel.unit, _DAY if panel.dates else 1.0)
    up = _range([0.0, *(y for _, y in points)], panel.unit)

    def place(point: Point) -> str:
        x = left + (point[0] - across[0]) / (across[1] - across[0]) * (right - left)
        y = bottom - (point[1] - up[0]) / (up[1] - up[0]) * (bottom - top)
        return f"{x:.1f},{y:.1f}"

    parts = [
        f'<text x="{left}" y="18" font-size="13" font-weight="bold">{in_markup(panel.title)}</text>',
        f'<rect x="{left}" y="{top}" width="{right - left}" height="{bottom - top}" fill="none" stroke="#bbb"/>',
        *_labels(panel, across, up),
    ]
    if panel.unit:
        parts.append(f'<polyline points="{place((0, 0))} {place((1, 1))}" stroke="#bbb"/>')
    if not points:
        middle = f'x="{(left + right) / 2}" y="{(top + bottom) / 2}" text-anchor="middle"'
        parts.append(f"<text {middle}>nothing to show</text>")
    for number, (name, line) in enumerate(panel.lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        path = " ".join(map(place, line))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        if len(line) <= _FEW:
            dots = (place(point).split(",") for point in line)
            parts += [f'<circle cx="{x}" cy="{y}" r="3.5" fill="{colour}"/>' for x, y in dots]
        x = left + 8
        parts.append(
            f'<text x="{x}" y="{top + 14 + 14 * number}" fill="{colour}">{in_markup(name)}</text>'
        )
    return "".join(parts)


def _range(values: Sequence[float], unit: bool, least: float = 1.0) -> Point:
    """Return the two ends of an axis, never equal: of one value, `least` apart."""
    if unit or not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    return (low, high) if high > low else (low, low + least)


def _labels(panel: Panel, across: Point, up: Point) -> list[str]:
    """Return the numbers along both axes, and the axes' names."""
    left, top, right, bottom = _PLOT
    parts = []
    for value, text in number_ticks(*up, _TICKS):
        y = bottom - (value - up[0]) / (up[1] - up[0]) * (bottom - top)
        parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
    for value, text in (time_ticks if panel.dates else number_ticks)(*across, _TICKS):
        x = left + (value - across[0]) / (across[1] - across[0]) * (right - left)
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{text}</text>')
    parts.append(
        f'<text x="{(left + right) / 2}" y="{bottom + 34}" text-anchor="middle">{in_markup(panel.x)}</text>'
    )
    parts.append(
        f'<text transform="translate(14 {(top + bottom) / 2}) rotate(-90)" text-anchor="middle">{in_markup(panel.y)}</text>'
    )
    return parts
