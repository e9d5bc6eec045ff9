"""Pictures of many trials: curves, parallel coordinates, bars and slices, as SVG. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from wingspan.draw.frame import Axis, Frame, Point
from wingspan.shown import in_markup, shown_name

GOOD: Final = "#2a9d5c"
GREY: Final = "#c4c9cf"
PLAIN: Final = "#30638e"
_OPENING: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
    'aria-label="{title}" font-family="sans-serif" font-size="11" fill="#333">'
)
_WIDTH, _HEIGHT = 640.0, 300.0
_MOST_POINTS: Final = 60  # of one line
_WIDEST: Final = 16  # characters of a label


@dataclass(frozen=True, slots=True)
class Line:
    """A trial's line through points; those that say more are drawn over the others.

    Parameters
    ----------
    name
        Shown where the pointer rests on it.
    over
        A number that is larger for what is drawn later.
    number
        The trial's, by which a page finds it in all pictures; None for none.
    """

    name: str
    points: Sequence[Point] = field(repr=False)
    colour: str = PLAIN
    over: int = 0
    width: float = 1.0
    number: int | None = None


def lines_svg(across: Axis, up: Axis, lines: Sequence[Line], title: str) -> str:
    """Return lines in one frame; what lies beyond an axis' ends is drawn at its end."""
    frame = Frame(70, 34, _WIDTH - 16, _HEIGHT - 46, across, up)
    parts = [*frame.parts(), *(_line(frame, each) for each in sorted(lines, key=_over))]
    return _picture(title, _WIDTH, _HEIGHT, parts)


def parallel_svg(axes: Sequence[Axis], lines: Sequence[Line], title: str) -> str:
    """Return parallel coordinates: one upright axis a value, one line a trial.

    A line's points are ``(number of the axis, value there)``.
    """
    width = max(_WIDTH, 110.0 * len(axes))
    left, right, top, bottom = 60.0, width - 60, 60.0, _HEIGHT - 20
    step = (right - left) / max(len(axes) - 1, 1)
    parts = []
    for line in sorted(lines, key=_over):
        path = " ".join(
            f"{left + step * place:.1f},{bottom - axes[int(place)].share(value) * (bottom - top):.1f}"
            for place, value in line.points
        )
        parts.append(_polyline(path, line))
    for place, axis in enumerate(axes):
        x = left + step * place
        parts.append(f'<path d="M{x:.1f} {top}V{bottom}" stroke="#555"/>')
        name = f'x="{x:.1f}" y="{top - 14 - 12 * (place % 2)}" text-anchor="middle"'
        parts.append(f'<text {name} font-weight="bold">{_short(axis.name)}</text>')
        for value, text in axis.ticks():
            y = bottom - axis.share(value) * (bottom - top)
            parts.append(f'<text x="{x + 4:.1f}" y="{y + 4:.1f}">{_short(text)}</text>')
    return _picture(title, width, _HEIGHT, parts)


def bars_svg(shares: Mapping[str, float], title: str) -> str:
    """Return one bar a name, whose length is its share of the whole."""
    left, row = 170.0, 22.0
    height = 40 + row * len(shares)
    parts = []
    for place, (name, share) in enumerate(shares.items()):
        y = 34 + row * place
        width = (_WIDTH - left - 60) * share
        parts.append(
            f'<text x="{left - 8}" y="{y + 11}" text-anchor="end">{in_markup(name)}</text>'
        )
        parts.append(f'<rect x="{left}" y="{y}" width="{width:.1f}" height="14" fill="{PLAIN}"/>')
        parts.append(f'<text x="{left + width + 6:.1f}" y="{y + 11}">{share:.0%}</text>')
    return _picture(title, _WIDTH, height, parts)


def slices_svg(slices: Sequence[tuple[Axis, Sequence[Line]]], up: Axis, title: str) -> str:
    """Return one frame a parameter with a dot a trial: the first point of each line."""
    columns, wide, high = 3, 300.0, 240.0
    parts = []
    for place, (across, dots) in enumerate(slices):
        x, y = wide * (place % columns), 24 + high * (place // columns)
        frame = Frame(70, 10, wide - 14, high - 46, across, up)
        inner = [*frame.parts(), *(_dot(frame, each) for each in sorted(dots, key=_over))]
        parts.append(f'<g transform="translate({x} {y})">{"".join(inner)}</g>')
    rows = -(-len(slices) // columns)
    return _picture(title, wide * min(columns, max(len(slices), 2)), 24 + high * rows, parts)


def thinned(points: Sequence[Point]) -> Sequence[Point]:
    """Return a line with few points: the lowest and the highest of each stretch, in order."""
    if len(points) <= _MOST_POINTS:
        return points
    size = -(-len(points) // (_MOST_POINTS // 2))
    found: list[Point] = []
    for start in range(0, len(points), size):
        stretch = points[start : start + size]
        found += sorted({min(stretch, key=_height), max(stretch, key=_height)})
    return [points[0], *found, points[-1]]


def _height(point: Point) -> float:
    return point[1]


def _over(line: Line) -> int:
    return line.over


def _line(frame: Frame, line: Line) -> str:
    up = frame.up
    inside = [(x, min(max(y, up.low), up.high)) for x, y in thinned(line.points)]
    if len(inside) == 1:
        return _dot(frame, Line(line.name, inside, line.colour, number=line.number))
    return _polyline(frame.path(inside), line)


def _polyline(path: str, line: Line) -> str:
    pen = f'fill="none" stroke="{line.colour}" stroke-width="{line.width}" stroke-opacity="0.8"'
    pen += _mark(line)
    return f'<polyline points="{path}" {pen}><title>{in_markup(line.name)}</title></polyline>'


def _dot(frame: Frame, line: Line) -> str:
    x, y = frame.place(line.points[0]).split(",")
    title = f"<title>{in_markup(line.name)}</title>"
    pen = f'fill="{line.colour}" fill-opacity="0.8"{_mark(line)}'
    return f'<circle cx="{x}" cy="{y}" r="3" {pen}>{title}</circle>'


def _mark(line: Line) -> str:
    return "" if line.number is None else f' data-trial="{line.number}"'


def _short(text: str) -> str:
    plain = shown_name(text)
    return in_markup(plain if len(plain) <= _WIDEST else f"{plain[: _WIDEST - 1]}…")


def _picture(title: str, width: float, height: float, parts: Sequence[str]) -> str:
    heading = f'<text x="12" y="18" font-size="13" font-weight="bold">{in_markup(title)}</text>'
    opening = _OPENING.format(width=width, height=height, title=in_markup(title))
    return "\n".join([opening, heading, *parts, "</svg>", ""])
