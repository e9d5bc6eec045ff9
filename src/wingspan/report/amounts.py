"""Write times, sizes and numbers as people read them. Pure."""

import math
import time

from wingspan.shown import counted


def seconds(value: float | None) -> str:
    """Return a duration.

    >>> seconds(0.25), seconds(75), seconds(7300), seconds(180_000)
    ('0.25 s', '1 min 15 s', '2 h 1 min', '2 d 2 h')
    """
    if value is None or not math.isfinite(value):
        return ""
    if value < 60:
        return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"
    whole = round(value)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 172_800:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def hours(value_s: float) -> str:
    """Return slot time in hours; short ones in their own unit too.

    >>> hours(9000), hours(36), hours(9)
    ('2.5 h', '0.01 h (36 s)', '9.00 s')
    """
    if 0 < value_s < 18:
        return seconds(value_s)
    text = f"{value_s / 3600:,.1f} h" if value_s >= 3600 else f"{value_s / 3600:.2f} h"
    return text if value_s >= 3600 or not value_s else f"{text} ({seconds(value_s)})"


def megabytes(value: float | None) -> str:
    """Return a size that is given in MB."""
    if value is None:
        return ""
    return f"{value / 1024:,.1f} GB" if value >= 10_240 else f"{value:,.0f} MB"


def size(count: float) -> str:
    """Return a size that is given in bytes."""
    for unit, of in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= of:
            return f"{count / of:,.1f} {unit}"
    return counted(round(count), "byte")


def number(value: object) -> str:
    """Return a number with the digits that matter; any other value as text.

    >>> number(0.123456789), number(1200), number(3e-7)
    ('0.12346', '1,200', '3e-07')
    """
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e15):
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.5g}"


def stamp(at: float | None) -> str:
    """Return an instant in UTC."""
    return "" if at is None else time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))
