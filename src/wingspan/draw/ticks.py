"""Where an axis has its labels: at round numbers, and at round times of UTC."""

import math
from datetime import UTC, datetime
from typing import Final

Tick = tuple[float, str]

_DAY: Final = 86_400
_STEPS: Final = (
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10_800, 21_600, 43_200),
    *(_DAY * days for days in (1, 2, 7, 14, 28, 56, 91, 182, 365, 730, 1825, 3650)),
)


def number_ticks(low: float, high: float, most: int = 6) -> list[Tick]:
    """Return at most `most` round numbers from `low` to `high` (inclusive), with their labels."""
    least = max(high - low, 1e-300) / max(most - 1, 1)
    power = 10.0 ** math.floor(math.log10(least))
    step = next(power * each for each in (1, 2, 5, 10) if power * each >= least * (1 - 1e-9))
    return [(step * n, f"{step * n:,.10g}") for n in _multiples(low, high, step)]


def log_ticks(low: float, high: float, most: int = 6) -> list[Tick]:
    """Return at most `most` powers of ten in a span of positive numbers.

    Where the span holds fewer than two of them, round numbers are returned.
    """
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    if last - first < 1:
        return [tick for tick in number_ticks(low, high, most) if tick[0] > 0]
    step = math.ceil((last - first + 1) / most)
    return [(10.0**power, f"{10.0**power:,.10g}") for power in range(first, last + 1, step)]


def time_ticks(start: float, end: float, most: int = 6) -> list[Tick]:
    """Return at most `most` round instants in a span, with labels that all differ.

    Instants are in seconds since 1970 UTC.

    The day stands where it changes; the year where a step is of weeks or more.
    """
    step = _time_step(end - start, most)
    form = "%Y-%m-%d" if step >= 28 * _DAY else "%m-%d" if step >= _DAY else "%H:%M"
    form += ":%S" if step < 60 else ""
    found: list[Tick] = []
    day = ""
    for number in _multiples(start, end, step):
        at = datetime.fromtimestamp(number * step, UTC)
        before, day = day, f"{at:%m-%d}"
        label = at.strftime(form)
        found.append((number * step, label if step >= _DAY or day == before else f"{day} {label}"))
    return found


def elapsed_ticks(span: float, most: int = 6) -> list[Tick]:
    """Return at most `most` round lengths of time from 0 to `span` seconds, with their labels.

    >>> [label for _, label in elapsed_ticks(100)], [label for _, label in elapsed_ticks(1.2, 4)]
    (['0', '30 s', '60 s', '90 s'], ['0 s', '0.5 s', '1 s'])
    >>> [label for _, label in elapsed_ticks(9_000)]
    ['0', '30 min', '1 h', '1 h 30 min', '2 h', '2 h 30 min']
    """
    if span < 2:
        return [(at, f"{label} s") for at, label in number_ticks(0.0, span, most)]
    step = _time_step(span, most)
    lengths = [number * step for number in _multiples(0, span, step)]
    in_seconds = step < 60 and span <= 180
    return [(float(at), f"{at} s" if at and in_seconds else _length(at)) for at in lengths]


def _length(whole: int) -> str:
    """Return a round length of time, such as ``1 h 30 min``."""
    words = []
    for unit, size in (("d", _DAY), ("h", 3600), ("min", 60), ("s", 1)):
        count, whole = divmod(whole, size)
        words += [f"{count} {unit}"] if count else []
    return " ".join(words) or "0"


def _time_step(span: float, most: int) -> int:
    least = span / max(most - 1, 1)
    return next(
        (each for each in _STEPS if each >= least), _STEPS[-1] * math.ceil(least / _STEPS[-1])
    )


def _multiples(low: float, high: float, step: float) -> range:
    slack = 1e-9
    return range(math.ceil(low / step - slack), math.floor(high / step + slack) + 1)
