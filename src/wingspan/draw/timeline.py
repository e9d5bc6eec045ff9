"""A timeline: how many there were of each kind at each time, stacked, as SVG."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from wingspan.draw.ticks import number_ticks, time_ticks
from wingspan.shown import in_markup

_LEFT: Final = 62
_TOP: Final = 34
_HEIGHT: Final = 220
_LEGEND: Final = 26
_LINE: Final = 14  # pixels that a label is high
_STAMP: Final = 170  # pixels from an end that its stamp takes, with half a label
_TIMES: Final = 9
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
) -> str:
    """Return a stacked-area picture.

    Parameters
    ----------
    times
        Ascending instants, in seconds since 1970 UTC.
    counts
        For each kind, from the bottom up, its count at each time.
    """
    top = max((sum(column) for column in zip(*counts.values(), strict=True)), default=0) or 1
    right = width - 16
    heights = [0.0] * len(times)
    parts = []
    for number, (kind, values) in enumerate(counts.items()):
        below, heights = heights, [a + b for a, b in zip(heights, values, strict=True)]
        colour = COLOURS.get(kind, _OTHERS[number % len(_OTHERS)])
        points = _area(times, below, heights, top, right)
        label = in_markup(kind)
        parts.append(f'<polygon points="{points}" fill="{colour}"><title>{label}</title></polygon>')
        x = _LEFT + 120 * number
        y = _TOP + _HEIGHT + _LEGEND + 12
        parts.append(f'<rect x="{x}" y="{y}" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{x + 18}" y="{y + 11}">{label}</text>')
    height = _TOP + _HEIGHT + 2 * _LEGEND
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{in_markup(title)}" font-family="sans-serif" font-size="12" fill="#333">'
    )
    heading = (
        f'<text x="{_LEFT}" y="20" font-size="14" font-weight="bold">{in_markup(title)}</text>'
    )
    return "\n".join([opening, heading, *parts, *_axes(times, top, right), "</svg>", ""])


def _area(times: Sequence[float], low: list[float], high: list[float], top: int, right: int) -> str:
    """Return the corners of one area; a count holds until the next time, so its edge has steps."""
    if not times:
        return ""
    span = (times[-1] - times[0]) or 1.0
    upper, lower = [], []
    for place, time in enumerate(times):
        until = times[min(place + 1, len(times) - 1)]
        for instant in (time, until):
            x = _LEFT + (right - _LEFT) * (instant - times[0]) / span
            upper.append(f"{x:.1f},{_TOP + _HEIGHT * (1 - high[place] / top):.1f}")
            lower.append(f"{x:.1f},{_TOP + _HEIGHT * (1 - low[place] / top):.1f}")
    return " ".join([*upper, *reversed(lower)])


def _axes(times: Sequence[float], top: int, right: int) -> list[str]:
    bottom = _TOP + _HEIGHT
    lines = [
        f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" fill="none" stroke="#888"/>',
        f'<text x="{_LEFT - 6}" y="{_TOP + 5}" text-anchor="end">{top:,}</text>',
    ]
    for count, label in number_ticks(0, top):
        y = bottom - _HEIGHT * count / top
        if count == int(count) and (y - _TOP > _LINE or count == top):
            lines.append(f'<path d="M{_LEFT - 4} {y:.1f}h4" stroke="#888"/>')
        if count == int(count) and y - _TOP > _LINE:
            lines.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    return [*lines, *_clock(times, right)] if times else lines


def _clock(times: Sequence[float], right: int) -> list[str]:
    """Return the labels below: full stamps at both ends, round times between them."""
    bottom = _TOP + _HEIGHT
    lines = []
    for instant, x, anchor in ((times[0], _LEFT, "start"), (times[-1], right, "end")):
        stamp = datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%d %H:%M UTC")
        lines.append(f'<text x="{x}" y="{bottom + 18}" text-anchor="{anchor}">{stamp}</text>')
    span = (times[-1] - times[0]) or 1.0
    for instant, label in time_ticks(times[0], times[-1], _TIMES):
        place = _LEFT + (right - _LEFT) * (instant - times[0]) / span
        lines.append(f'<path d="M{place:.1f} {bottom}v4" stroke="#888"/>')
        if _LEFT + _STAMP < place < right - _STAMP:
            lines.append(
                f'<text x="{place:.1f}" y="{bottom + 18}" text-anchor="middle">{label}</text>'
            )
    return lines
