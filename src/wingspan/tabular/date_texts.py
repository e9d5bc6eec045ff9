"""Recognise dates that were read as texts or numbers, and name the option that reads them."""

import json
import re
from collections.abc import Collection
from datetime import date, datetime

_DATE = re.compile(
    r"^([A-Za-z]{3,9},? )?(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}"
    r"|\d{1,2}[ -]?[A-Za-z]{3,9}\.?[ -]?\d{2,4}|[A-Za-z]{3,9}\.? \d{1,2},? \d{4})([ T]\d{1,2}:\d{2}\S*( ?[AaPp][Mm])?)?$"
)
_MONTH = re.compile(r"^\d{4}-(0[1-9]|1[0-2])$")
_ZONE = re.compile(r"\d{2}:\d{2}\S*?(Z|[-+]\d{2}:?\d{2})$")
_MOST = 0.95
_FORMATS = (
    *("%Y-%m-%d", "%Y.%m.%d", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y"),
    *("%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y"),
    *("%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%A, %d %B %Y", "%Y-%m-%dT%H:%M:%S"),
    *("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d.%m.%Y %H:%M", "%m/%d/%y %I:%M %p"),
    *("%m/%d/%Y %I:%M %p", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S"),
)


def dates_in(column: str, texts: Collection[str]) -> tuple[str, str] | None:
    """Return what dates a column of texts holds and how to read them, if nearly all are dates."""
    values = [text.strip() for text in texts]
    if len(values) >= 3 and all(map(_MONTH.match, values)):
        what = f"holds months such as {max(values)!r}, and is read as text"
        return what, f"give their format: {date_rule(column, '%Y-%m')}"
    dates = [text for text in values if _DATE.match(text)]
    if len(values) < 3 or len(dates) < _MOST * len(values):
        return None
    odd = sorted(text for text in values if not _is_iso(text))
    if 0 < len(odd) <= (1 - _MOST) * len(values):
        words = odd[:3]
        what = f"holds dates and {', '.join(map(repr, words))}, and is read as text"
        return what, f"take these words as missing: --missing {_shell(','.join(words))}"
    zoned = [text for text in values if _ZONE.search(text)]
    if zoned and len(zoned) < len(values) and not odd:
        plain = next(text for text in values if not _ZONE.search(text))
        what = f"holds times with and without an offset, such as {zoned[0]!r} and {plain!r}, and is read as text"
        return what, "write all of them with an offset, or none"
    example = max(dates, key=lambda text: (not text[:4].isdigit(), text))
    what = f"holds dates such as {example!r}, and is read as text"
    fitting = [form for form in _FORMATS if all(_reads(text, form) for text in values)]
    if not fitting:
        return (
            what,
            "write them all as 2024-12-31, or give their format by a date rule: --rules FILE",
        )
    either = " (or %m first, if the month comes first)" if _ambiguous(fitting) else ""
    return what, f"give their format: {date_rule(column, fitting[0])}{either}"


def compact_dates(values: Collection[int]) -> bool:
    """Return whether whole numbers are dates such as 20241231."""
    return len(values) >= 20 and all(
        1900_00_00 < value < 2101_00_00 and _reads(str(value), "%Y%m%d") for value in values
    )


def date_rule(column: str, form: str) -> str:
    """Return the option that reads the dates of a column in a format."""
    rule = {"column": column, "format": form, "parts": ["year", "month", "weekday"]}
    return f"--rules FILE with {json.dumps({'dates': [rule]}, ensure_ascii=False)}"


def _ambiguous(fitting: list[str]) -> bool:
    return len({form.replace("%m", "%d") for form in fitting}) < len(fitting)


def _reads(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)  # noqa: DTZ007 - only whether it fits
    except ValueError:
        return False
    return True


def _is_iso(text: str) -> bool:
    """Return whether a text is a date or a time as ISO writes it."""
    try:
        date.fromisoformat(text[:10].replace("/", "-"))
        return len(text) == 10 or bool(datetime.fromisoformat(text.replace("/", "-")))
    except ValueError:
        return False


def _shell(text: str) -> str:
    return text if re.fullmatch(r"[\w.,-]+", text) else f"'{text}'"
