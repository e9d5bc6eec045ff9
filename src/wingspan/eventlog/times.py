"""Convert stamps as written to seconds of UTC, with missing years and time zones."""

import time as clock
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from itertools import pairwise
from typing import TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from wingspan.errors import SettingError
from wingspan.eventlog.kernel import HAS_ZONE, NO_YEAR, add_years, next_without_year

_DAY = 86400.0
_STEP = 4 * _DAY  # no zone has changed twice within a week since 1970 (IANA time zones)
_CHUNK = 1 << 16

Seconds: TypeAlias = NDArray[np.float64]


def zone_of(timezone: str | tzinfo | None) -> tzinfo | None:
    """Return the time zone of a name; None means the machine's own zone."""
    if not isinstance(timezone, str):
        return timezone
    try:
        return UTC if timezone.upper() in {"UTC", "Z"} else ZoneInfo(timezone)
    except (LookupError, ValueError, OSError) as error:
        fix = "give a name of the IANA time zones, e.g. America/Chicago, or UTC"
        raise SettingError("timezone", f"{timezone!r} is not a time zone", fix) from error


def offset_at(zone: tzinfo | None) -> Callable[[float], int]:
    """Return a function from an instant (UTC seconds) to the zone's offset from UTC in seconds."""

    def of_machine(instant: float) -> int:
        return clock.localtime(instant).tm_gmtoff

    def of_zone(instant: float) -> int:
        offset = datetime.fromtimestamp(instant, zone).utcoffset()
        return round(offset.total_seconds()) if offset is not None else 0

    return of_machine if zone is None else of_zone


def to_utc(
    time: Seconds,
    stamp: NDArray[np.uint8],
    zone: tzinfo | None,
    anchor: tuple[int, float],
    before: float | None = None,
) -> None:
    """Turn one file's stamps, in file order, into UTC seconds, in place.

    Parameters
    ----------
    time
        Seconds since 1970 of the date and clock time as written; already UTC where `stamp` has `HAS_ZONE`.
    anchor
        For stamps without a year: a row, and an instant in UTC seconds close to it. The row gets the latest year
        that puts it at most a day after that instant.
    before
        When the record before the first one was written, in UTC seconds, if that is known.
    """
    offset = offset_at(zone)
    if np.bitwise_or.reduce(stamp, initial=0) & NO_YEAR:
        _add_years(time, stamp, anchor, offset)
    local = np.bitwise_and.reduce(stamp, initial=HAS_ZONE) & HAS_ZONE == 0
    if local and len(time) and zone is not UTC:
        _subtract_offsets(time, stamp, offset, before)


def _add_years(
    time: Seconds,
    stamp: NDArray[np.uint8],
    anchor: tuple[int, float],
    offset: Callable[[float], int],
) -> None:
    last = next_without_year(stamp, len(stamp) - 1, -1)
    if last + 1 < len(time):
        row, instant = last, float(time[last + 1])
    else:
        row, instant = anchor
    at = last if row >= last else next_without_year(stamp, row, 1)
    local = instant + offset(instant)
    add_years(time, stamp, at, datetime.fromtimestamp(local, UTC).year, local + _DAY)


def _subtract_offsets(
    time: Seconds, stamp: NDArray[np.uint8], offset: Callable[[float], int], before: float | None
) -> None:
    changes = _changes(float(time.min()), float(time.max()), offset)
    bounds = np.array([instant + max(before, after) for instant, before, after in changes])
    ahead = np.array([before for _, before, _ in changes[:1]] + [after for *_, after in changes])
    if not changes:
        ahead = np.array([offset(float(time[0]))])
        if not ahead[0]:
            return
    for start in range(0, len(time), _CHUNK):
        part, flags = time[start : start + _CHUNK], stamp[start : start + _CHUNK]
        first, last = np.searchsorted(bounds, (part.min(), part.max()), "right")
        places = np.searchsorted(bounds[first:last], part, "right") if first < last else 0
        part -= np.where(flags & HAS_ZONE, 0, ahead[first + places])
    for instant, ahead_before, ahead_after in changes:
        if ahead_after < ahead_before:
            _second_hour(time, stamp, instant, ahead_before - ahead_after, before)


def _second_hour(
    time: Seconds, stamp: NDArray[np.uint8], instant: float, width: int, before: float | None
) -> None:
    """Correct the second of two equal hours when clocks go back.

    In the file's order, a step back in time marks where it begins; `before` is the time before the first row.
    """
    rows = np.flatnonzero((time >= instant - width) & (time < instant) & ((stamp & HAS_ZONE) == 0))
    if not len(rows):
        return
    earliest = instant - width if before is None else before
    if instant <= earliest < instant + 2 * width:
        time[rows] += width
        return
    earliest = earliest if instant - width <= earliest < instant else instant - width
    back = np.flatnonzero(np.diff(time[rows], prepend=earliest) < -width / 4)
    if len(back):
        time[rows[back[0] :]] += width


def _changes(
    low: float, high: float, offset: Callable[[float], int]
) -> list[tuple[float, int, int]]:
    """Return (instant, offset before, offset after) of each change of the zone's offset."""
    low, high = max(low - 2 * _DAY, 0.0), min(high + 2 * _DAY, 5e9)  # 1970 to 2128
    samples = np.arange(low, max(high, low) + _STEP, _STEP).tolist()
    known = [offset(sample) for sample in samples]
    return [
        (_first_with(known[i + 1], a, b, offset), known[i], known[i + 1])
        for i, (a, b) in enumerate(pairwise(samples))
        if known[i] != known[i + 1]
    ]


def _first_with(wanted: int, low: float, high: float, offset: Callable[[float], int]) -> float:
    first, last = int(low), int(high) + 1
    while last - first > 1:
        middle = (first + last) // 2
        if offset(middle) == wanted:
            last = middle
        else:
            first = middle
    return float(last)
