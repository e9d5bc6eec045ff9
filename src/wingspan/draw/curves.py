"""Curves: panels of lines through points, in rows, as SVG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from wingspan.draw.frame import Axis, Frame, Point, ends
from wingspan.shown import in_markup

_WIDTH: Final = 440
_HEIGHT: Final = 300
_PLOT: Final = (62.0, 40.0, 420.0, 240.0)  # left, top, right, bottom
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
        Both axes go from 0 to 1; a diagonal shows where they are equal.
    dates
        x is seconds since 1970 UTC.
    dots
        Points are dots that no line joins.
    level
        Height of a grey line across, in place of the diagonal.
    """

    title: str
    x: str
    y: str
    lines: Mapping[str, Sequence[Point]] = field(repr=False)
    unit: bool = False
    dates: bool = False
    dots: bool = False
    level: float | None = None


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
    unit = (0.0, 1.0)
    across = unit if panel.unit else ends([x for x, _ in points], _DAY if panel.dates else 1.0)
    up = unit if panel.unit else ends([0.0, *(y for _, y in points)])
    frame = Frame(*_PLOT, Axis(panel.x, *across, dates=panel.dates), Axis(panel.y, *up))
    parts = [
        f'<text x="{left}" y="18" font-size="13" font-weight="bold">{in_markup(panel.title)}</text>',
        *frame.parts(),
    ]
    grey = [(0.0, 0.0), (1.0, 1.0)] if panel.unit else []
    if panel.level is not None:
        grey = [(across[0], panel.level), (across[1], panel.level)]
    if grey:
        parts.append(f'<polyline points="{frame.path(grey)}" stroke="#bbb"/>')
    if not points:
        middle = f'x="{(left + right) / 2}" y="{(top + bottom) / 2}" text-anchor="middle"'
        parts.append(f"<text {middle}>nothing to show</text>")
    for number, (name, line) in enumerate(panel.lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        if not panel.dots:
            path = frame.path(line)
            stroke = f'stroke="{colour}" stroke-width="2"'
            parts.append(f'<polyline points="{path}" fill="none" {stroke}/>')
        if panel.dots or len(line) <= _FEW:
            size = 'r="1.8" fill-opacity="0.5"' if panel.dots else 'r="3.5"'
            dots = (frame.place(point).split(",") for point in line)
            parts += [f'<circle cx="{x}" cy="{y}" {size} fill="{colour}"/>' for x, y in dots]
        parts.append(
            f'<text x="{left + 8}" y="{top + 14 + 14 * number}" fill="{colour}">{in_markup(name)}</text>'
        )
    return "".join(parts)
