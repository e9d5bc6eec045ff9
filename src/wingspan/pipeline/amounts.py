"""Read sizes and times as people write them, such as ``"512MiB"`` and ``"1h30m"``."""

import math
import re
from datetime import timedelta
from functools import lru_cache
from numbers import Real

MOST_MB = 1024.0**3  # 1 PB: larger than any machine
MOST_S = 3650 * 86_400.0  # ten years
_UNITS = {
    "MB": {
        "": 1.0,
        **dict.fromkeys(("k", "kb", "kib"), 1 / 1024),
        **dict.fromkeys(("m", "mb", "mib"), 1.0),
        **dict.fromkeys(("g", "gb", "gib"), 1024.0),
        **dict.fromkeys(("t", "tb", "tib"), 1024.0**2),
    },
    "s": {
        "": 1.0,
        **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
        **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
        **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600.0),
        **dict.fromkeys(("d", "day", "days"), 86400.0),
        **dict.fromkeys(("w", "week", "weeks"), 604800.0),
    },
}
_PART = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([A-Za-z]*)\s*", re.ASCII)


def megabytes(value: object) -> float:
    """Return a size in MB of 1024 KB; ``"2GB"``, ``"2 GiB"`` and ``"2g"`` are the same.

    Raises
    ------
    ValueError
        It is not a size; the message says what is expected.
    """
    found = _of_text(value, "MB") if isinstance(value, str) else number(value)
    if not 0 < found <= MOST_MB:
        raise ValueError(
            'a size above 0 such as "2GB" or "512MiB", or a number of MB; at most 1 PB'
        )
    return found


def seconds(value: object) -> float:
    """Return a time in seconds, of a text such as ``"1h30m"``, a number or a timedelta.

    Raises
    ------
    ValueError
        It is not a time; the message says what is expected.
    """
    if isinstance(value, timedelta):
        found = value.total_seconds()
    else:
        found = _of_text(value, "s") if isinstance(value, str) else number(value)
    if not 0 < found <= MOST_S:
        expected = 'a time above 0 such as "1h30m", "90s" or "2d", or a number of seconds'
        raise ValueError(f"{expected}; at most 10 years")
    return found


def number(value: object) -> float:
    """Return a number as a float, and nan for what is not a number: a bool is not."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan


@lru_cache(maxsize=1024)  # many steps ask for the same
def _of_text(text: str, measure: str) -> float:
    """Return the sum of the parts of a text, each a number with a unit; nan if it is not that."""
    units = _UNITS[measure]
    total, place, smallest = 0.0, 0, math.inf
    while match := _PART.match(text, place):
        size = units.get(match[2].lower())
        bare = not match[2] and match.end() - match.start() < len(text)
        if size is None or bare or size >= smallest:  # "1h30" and "30m1h" are slips
            return math.nan
        total += float(match[1]) * size
        place, smallest = match.end(), size
    whole = measure == "s" or _PART.fullmatch(text) is not None
    return total if whole and 0 < place == len(text) else math.nan
