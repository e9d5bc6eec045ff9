"""Counts in a grid of squares, darker for larger shares of their row, as SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wingspan.shown import in_markup

_CELL: Final = 64
_LEFT: Final = 140
_TOP: Final = 70
_MOST: Final = 30  # more rows and columns than this would not be read


@dataclass(frozen=True, slots=True)
class Heat:
    """Counts by row and column.

    Attributes
    ----------
    x, y
        Names of the axes.
    columns, rows
        Labels.
    """

    title: str
    x: str
    y: str
    columns: Sequence[str]
    rows: Sequence[str]
    counts: Sequence[Sequence[int]]


def heat_svg(heat: Heat) -> str:
    """Return the picture; of many rows and columns the first 30."""
    columns, rows = heat.columns[:_MOST], heat.rows[:_MOST]
    width, height = _LEFT + _CELL * len(columns) + 20, _TOP + _CELL * len(rows) + 20
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{in_markup(heat.title)}" font-family="sans-serif" font-size="11" fill="#333">'
    )
    parts = [
        opening,
        f'<text x="12" y="20" font-size="13" font-weight="bold">{in_markup(heat.title)}</text>',
        f'<text x="{_LEFT}" y="42">{in_markup(heat.x)}</text>',
        f'<text x="12" y="{_TOP + 16}">{in_markup(heat.y)}</text>',
    ]
    for place, label in enumerate(columns):
        x = _LEFT + _CELL * place + _CELL / 2
        parts.append(
            f'<text x="{x}" y="{_TOP - 8}" text-anchor="middle">{in_markup(label[:12])}</text>'
        )
    for line, label in enumerate(rows):
        y = _TOP + _CELL * line
        parts.append(
            f'<text x="{_LEFT - 8}" y="{y + _CELL / 2 + 4}" text-anchor="end">{in_markup(label[:18])}</text>'
        )
        total = sum(heat.counts[line]) or 1
        for place, count in enumerate(heat.counts[line][:_MOST]):
            x, share = _LEFT + _CELL * place, count / total
            ink = "#fff" if share > 0.5 else "#333"
            parts += [
                f'<rect x="{x}" y="{y}" width="{_CELL - 2}" height="{_CELL - 2}" fill="#30638e" fill-opacity="{0.06 + 0.94 * share:.3f}"/>',
                f'<text x="{x + _CELL / 2}" y="{y + _CELL / 2 + 4}" text-anchor="middle" fill="{ink}">{count:,}</text>',
            ]
    return "\n".join([*parts, "</svg>", ""])
