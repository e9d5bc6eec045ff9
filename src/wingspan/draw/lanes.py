"""Bars in lanes along time, such as jobs in slots, as SVG. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from wingspan.draw.ticks import elapsed_ticks
from wingspan.shown import in_markup, shown_name

KINDS: Final = {
    "queued": "#b8c4d0",
    "transfer": "#30638e",
    "running": "#2a9d5c",
    "failed": "#d1495b",
    "held": "#edae49",
    "lost": "#8d6a9f",
    "several": "#6b8f7b",
}
_LEFT: Final = 150.0
_WIDTH: Final = 960.0
_RIGHT: Final = 16.0
_ROW: Final = 18.0
_BAR: Final = 13.0
_TOP: Final = 46.0
_NAME: Final = 22  # characters of a lane's name that are shown
_NARROW: Final = 1.0  # pixels, below which neighbours are drawn as one


@dataclass(frozen=True, slots=True)
class Bar:
    """One stretch of time, in seconds since 1970 UTC.

    Parameters
    ----------
    kind
        One of `KINDS`, which gives the colour.
    href
        Where a click leads; empty for nowhere.
    critical
        On the critical path: drawn with a frame.
    """

    start: float
    end: float
    kind: str
    title: str = ""
    href: str = ""
    critical: bool = False


@dataclass(frozen=True, slots=True)
class Lane:
    """What one slot did; its bars do not overlap."""

    name: str
    bars: Sequence[Bar] = field(repr=False)


def packed(spans: Iterable[tuple[float, float]]) -> list[int]:
    """Return a lane for each span, in order of start, so that no two of a lane overlap."""
    ends: list[float] = []
    chosen = []
    for start, end in spans:
        free = next((lane for lane, until in enumerate(ends) if until <= start + 1e-6), len(ends))
        if free == len(ends):
            ends.append(end)
        ends[free] = max(end, ends[free])
        chosen.append(free)
    return chosen


def lanes_svg(lanes: Sequence[Lane], title: str, between: tuple[float, float] | None = None) -> str:
    """Return the lanes below one another, with the time above and the kinds that occur below.

    Parameters
    ----------
    between
        Instants at both ends of the picture, whose time counts from the first one; None for those
        of the bars.
    """
    bars = [bar for lane in lanes for bar in lane.bars]
    first, last = between or (
        min((bar.start for bar in bars), default=0.0),
        max((bar.end for bar in bars), default=1.0),
    )
    span = max(last - first, 1e-3)
    scale = (_WIDTH - _LEFT - _RIGHT) / span
    bottom = _TOP + _ROW * len(lanes)
    parts = [_clock(span, scale, bottom)]
    for row, lane in enumerate(lanes):
        y = _TOP + _ROW * row
        parts.append(_name(lane.name, y))
        parts += [_bar(bar, first, scale, y) for bar in _merged(lane.bars, scale)]
    kinds = [kind for kind in KINDS if any(bar.kind == kind for bar in bars)]
    parts += [_key(kind, place, bottom) for place, kind in enumerate(kinds)]
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:.0f} {bottom + 34:.0f}" role="group" '
        f'aria-label="{in_markup(title)}" font-family="system-ui, sans-serif" font-size="11" fill="#333">'
    )
    heading = f'<text x="0" y="14" font-size="13" font-weight="bold">{in_markup(title)}</text>'
    return "\n".join([opening, heading, *parts, "</svg>", ""])


def _merged(bars: Sequence[Bar], scale: float) -> list[Bar]:
    """Return a lane's bars with neighbours that are too narrow to see as one."""
    found: list[Bar] = []
    joined = 0
    for bar in sorted(bars, key=lambda each: each.start):
        last = found[-1] if found else None
        narrow = (bar.end - bar.start) * scale < _NARROW
        near = last is not None and (bar.start - last.end) * scale < _NARROW
        if last is None or not (narrow and near) or last.critical != bar.critical:
            found.append(bar)
            joined = 1
            continue
        if joined > 1 or (last.end - last.start) * scale < _NARROW:
            joined += 1
            kind = bar.kind if bar.kind == last.kind else "several"
            end = max(bar.end, last.end)
            found[-1] = Bar(last.start, end, kind, f"{joined} short ones", "", bar.critical)
        else:
            found.append(bar)
            joined = 1
    return found


def _bar(bar: Bar, first: float, scale: float, y: float) -> str:
    x, width = _LEFT + (bar.start - first) * scale, max((bar.end - bar.start) * scale, 0.8)
    frame = ' class="critical" stroke="#202124" stroke-width="1.6"' if bar.critical else ""
    box = f'x="{x:.1f}" y="{y:.0f}" width="{width:.1f}" height="{_BAR:.0f}"'
    drawn = (
        f'<rect {box} fill="{KINDS[bar.kind]}"{frame}><title>{in_markup(bar.title)}</title></rect>'
    )
    if not bar.href:
        return drawn
    # The table lists the steps too: the keyboard should not stop at every bar.
    return f'<a href="{in_markup(bar.href)}" tabindex="-1" aria-hidden="true">{drawn}</a>'


def _name(name: str, y: float) -> str:
    plain = shown_name(name)
    short = plain if len(plain) <= _NAME else f"…{plain[1 - _NAME :]}"
    title = f"<title>{in_markup(plain)}</title>"
    return (
        f'<text x="{_LEFT - 8}" y="{y + 10:.0f}" text-anchor="end">{in_markup(short)}{title}</text>'
    )


def _clock(span: float, scale: float, bottom: float) -> str:
    lines = []
    for at, label in elapsed_ticks(span, 8):
        x = _LEFT + at * scale
        lines.append(f'<path d="M{x:.1f} {_TOP - 6}V{bottom:.0f}" stroke="#bbb" opacity="0.6"/>')
        lines.append(f'<text x="{x:.1f}" y="{_TOP - 10}" text-anchor="middle">{label}</text>')
    return "".join(lines)


def _key(kind: str, place: int, bottom: float) -> str:
    x = _LEFT + 110 * place
    box = f'<rect x="{x:.0f}" y="{bottom + 12:.0f}" width="12" height="12" fill="{KINDS[kind]}"/>'
    return f'{box}<text x="{x + 18:.0f}" y="{bottom + 22:.0f}">{kind}</text>'
