"""A frame with two axes: where a point lies in it, and the numbers along its sides."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wingspan.draw.ticks import Tick, log_ticks, number_ticks, time_ticks
from wingspan.shown import in_markup

Point = tuple[float, float]

_TICKS: Final = 6


@dataclass(frozen=True, slots=True)
class Axis:
    """One side of a frame.

    Parameters
    ----------
    low, high
        Its ends; never equal.
    choices
        Texts at 0, 1, 2 ... instead of numbers.
    """

    name: str
    low: float
    high: float
    log: bool = False
    dates: bool = False
    choices: tuple[str, ...] = ()

    def share(self, value: float) -> float:
        """Return how far along the axis a value lies: 0 at its low end, 1 at the high one."""
        if self.log:
            from math import log

            return log(value / self.low) / log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[Tick]:
        """Return the places of its labels."""
        if self.choices:
            return [(float(place), text) for place, text in enumerate(self.choices)]
        if self.log:
            return log_ticks(self.low, self.high, _TICKS)
        return (time_ticks if self.dates else number_ticks)(self.low, self.high, _TICKS)


@dataclass(frozen=True, slots=True)
class Frame:
    """A box on the picture, in pixels, with an axis across and one up."""

    left: float
    top: float
    right: float
    bottom: float
    across: Axis
    up: Axis

    def place(self, point: Point) -> str:
        """Return a point's place as SVG writes it."""
        x = self.left + self.across.share(point[0]) * (self.right - self.left)
        y = self.bottom - self.up.share(point[1]) * (self.bottom - self.top)
        return f"{x:.1f},{y:.1f}"

    def path(self, line: Sequence[Point]) -> str:
        """Return a line's points."""
        return " ".join(map(self.place, line))

    def parts(self) -> list[str]:
        """Return the box, the labels along both axes, and the axes' names."""
        left, top, right, bottom = self.left, self.top, self.right, self.bottom
        size = f'width="{right - left}" height="{bottom - top}"'
        parts = [f'<rect x="{left}" y="{top}" {size} fill="none" stroke="#bbb"/>']
        for value, text in self.up.ticks():
            y = bottom - self.up.share(value) * (bottom - top)
            label = in_markup(text)
            parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
        for value, text in self.across.ticks():
            x = left + self.across.share(value) * (right - left)
            label = in_markup(text)
            parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{label}</text>')
        middle = f'x="{(left + right) / 2}" y="{bottom + 34}" text-anchor="middle"'
        parts.append(f"<text {middle}>{in_markup(self.across.name)}</text>")
        turned = f'transform="translate({left - 48} {(top + bottom) / 2}) rotate(-90)"'
        parts.append(f'<text {turned} text-anchor="middle">{in_markup(self.up.name)}</text>')
        return parts


def ends(values: Sequence[float], least: float = 1.0) -> Point:
    """Return the ends of an axis that holds all values, never equal.

    The ends of a single value are `least` apart.
    """
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    return (low, high) if high > low else (low, low + least)
