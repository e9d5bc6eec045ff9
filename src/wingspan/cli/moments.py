"""Read the times between which a command lists, as users write them."""

import math
import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Final

import typer

from wingspan.errors import SettingError

_AGE: Final = re.compile(r"(\d+(?:\.\d+)?) ?(s|min|h|d|w)")
_UNIT_S: Final = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_FIX: Final = (
    "give a time in UTC, such as 2026-05-01 or '2026-05-01 09:30', or an age: 30min, 2h, 7d"
)

Since = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="From this time on: 2026-05-01, '2026-05-01 09:30' (UTC), or 2h ago as 2h.",
    ),
]
Until = Annotated[
    str | None, typer.Option(metavar="TIME", help="Up to this time, or the end of this day.")
]


def between(since: str | None, until: str | None, now: float) -> tuple[float, float]:
    """Return the first and the last instant that --since and --until allow, UTC seconds."""
    first = -math.inf if since is None else _moment("--since", since, now)
    last = math.inf if until is None else _moment("--until", until, now, whole_day=True)
    if first > last:
        raise SettingError(
            "--until", "it is before --since", f"swap them: --since '{until}' --until '{since}'"
        )
    return first, last


def _moment(option: str, text: str, now: float, *, whole_day: bool = False) -> float:
    text = text.strip()
    if age := _AGE.fullmatch(text):
        return now - float(age[1]) * _UNIT_S[age[2]]
    try:
        found = datetime.fromisoformat(text)
        if whole_day and _is_day(text):
            found += timedelta(days=1, microseconds=-1)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise SettingError(option, f"{text!r} is neither a time nor an age", _FIX) from error


def _is_day(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False
