"""A timeline: how many there were of each kind at each time, stacked, as SVG."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from wingspan.draw.ticks import Tick, elapsed_ticks, number_ticks, time_ticks
from wingspan.shown import in_markup

_LEFT: Final = 62
_TOP: Final = 34
_HEIGHT: Final = 220
_LEGEND: Final = 26
_LINE: Final = 14  # pixels that a label is high
_STAMP: Final = 170  # pixels from an end that its stamp takes, with half a label
_TIMES: Final = 9
_BOX: Final = 42  # pixels of a box of the legend, with its gaps
_LETTER: Final = 7  # pixels of a character
_ENTRY: Final = 120  # least pixels of an entry of the legend
_SHORT_S: Final = 3600  # below which stamps have seconds
COLOURS: Final = {
    "running": "#2a9d5c",
    "idle": "#b8c4d0",
    "held": "#d1495b",
    "suspended": "#edae49",
    "queued": "#b8c4d0",
    "transfer": "#30638e",
}
_OTHERS: Final = ("#30638e", "#8d6a9f", "#6b705c", "#c77b30", "#3d9aa1", "#b05a7a", "#9a8f3c")


def timeline_svg(
    times: Sequence[float],
    counts: Mapping[str, Sequence[int]],
    *,
    title: str = "",
    width: int = 900,
    left: int = _LEFT,
    elapsed: bool = False,
) -> str:
    """Return a stacked-area picture.

    Parameters
    ----------
    times
        Ascending instants, in seconds since 1970 UTC.
    counts
        For each kind, from the bottom up, its count at each time.
    left
        Pixels that are kept for the numbers of the axis.
    elapsed
        Label the time since the first instant, instead of the clock.
    """
    top = max((sum(column) for column in zip(*counts.values(), strict=True)), default=0) or 1
    right = width - 16
    heights = [0.0] * len(times)
    parts = []
    colours: dict[str, str] = {}
    for number, (kind, values) in enumerate(counts.items()):
        below, heights = heights, [a + b for a, b in zip(heights, values, strict=True)]
        colour = COLOURS.get(kind, _OTHERS[number % len(_OTHERS)])
        points = _area(times, below, heights, top, (left, right))
        label = in_markup(kind)
        parts.append(f'<polygon points="{points}" fill="{colour}"><title>{label}</title></polygon>')
        colours[kind] = colour
    legend, height = _legend(colours, left, right)
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{in_markup(title)}" font-family="sans-serif" font-size="12" fill="#333">'
    )
    heading = f'<text x="{left}" y="20" font-size="14" font-weight="bold">{in_markup(title)}</text>'
    axes = _axes(top, left, right)
    if times:
        axes += (_lengths if elapsed else _clock)(times, left, right)
    return "\n".join([opening, heading, *parts, *legend, *axes, "</svg>", ""])


def _legend(colours: Mapping[str, str], left: int, right: int) -> tuple[list[str], int]:
    """Return the names of the kinds, in as many lines as they need, and the picture's height."""
    parts = []
    x, y = left, _TOP + _HEIGHT + _LEGEND + 12
    for kind, colour in colours.items():
        width = _BOX + _LETTER * len(kind)
        if x > left and x + width > right:
            x, y = left, y + _LINE + 6
        parts.append(f'<rect x="{x}" y="{y}" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{x + 18}" y="{y + 11}">{in_markup(kind)}</text>')
        x += max(width, _ENTRY)
    return parts, y + _LEGEND - 12


def _area(
    times: Sequence[float],
    low: list[float],
    high: list[float],
    top: int,
    ends: tuple[int, int],
) -> str:
    """Return the corners of one area; a count holds until the next time, so its edge has steps."""
    if not times:
        return ""
    span = (times[-1] - times[0]) or 1.0
    upper, lower = [], []
    for place, time in enumerate(times):
        until = times[min(place + 1, len(times) - 1)]
        for instant in (time, until):
            x = ends[0] + (ends[1] - ends[0]) * (instant - times[0]) / span
            upper.append(f"{x:.1f},{_TOP + _HEIGHT * (1 - high[place] / top):.1f}")
            lower.append(f"{x:.1f},{_TOP + _HEIGHT * (1 - low[place] / top):.1f}")
    return " ".join([*upper, *reversed(lower)])


def _axes(top: int, left: int, right: int) -> list[str]:
    bottom = _TOP + _HEIGHT
    lines = [
        f'<path d="M{left} {_TOP}V{bottom}H{right}" fill="none" stroke="#888"/>',
        f'<text x="{left - 6}" y="{_TOP + 5}" text-anchor="end">{top:,}</text>',
    ]
    for count, label in number_ticks(0, top):
        y = bottom - _HEIGHT * count / top
        if count == int(count) and (y - _TOP > _LINE or count == top):
            lines.append(f'<path d="M{left - 4} {y:.1f}h4" stroke="#888"/>')
        if count == int(count) and y - _TOP > _LINE:
            lines.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    return lines


def _lengths(times: Sequence[float], left: int, right: int) -> list[str]:
    """Return the labels below: round lengths of time since the first instant."""
    span = (times[-1] - times[0]) or 1.0
    ticks = [(at / span, label) for at, label in elapsed_ticks(span, _TIMES)]
    return _ticks_below(ticks, (left, right), (left, right))


def _clock(times: Sequence[float], left: int, right: int) -> list[str]:
    """Return the labels below: full stamps at both ends, round times between them."""
    bottom = _TOP + _HEIGHT
    lines = []
    form = "%Y-%m-%d %H:%M" + (":%S UTC" if times[-1] - times[0] < _SHORT_S else " UTC")
    for instant, x, anchor in ((times[0], left, "start"), (times[-1], right, "end")):
        stamp = datetime.fromtimestamp(instant, UTC).strftime(form)
        lines.append(f'<text x="{x}" y="{bottom + 18}" text-anchor="{anchor}">{stamp}</text>')
    span = (times[-1] - times[0]) or 1.0
    ticks = [
        ((at - times[0]) / span, label) for at, label in time_ticks(times[0], times[-1], _TIMES)
    ]
    return lines + _ticks_below(ticks, (left, right), (left + _STAMP, right - _STAMP))


def _ticks_below(
    ticks: Sequence[Tick], ends: tuple[int, int], labelled: tuple[int, int]
) -> list[str]:
    """Return a mark for each share of the axis, and its label where there is room."""
    bottom = _TOP + _HEIGHT
    lines = []
    for share, label in ticks:
        x = ends[0] + (ends[1] - ends[0]) * share
        lines.append(f'<path d="M{x:.1f} {bottom}v4" stroke="#888"/>')
        if labelled[0] <= x <= labelled[1]:
            lines.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{label}</text>')
    return lines
