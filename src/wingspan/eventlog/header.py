"""Read the header of a global event log, which gives the file's place among its rotations."""

import re
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Final

from wingspan.eventlog.sources import read_ranges

BANNER: Final = "Global JobLog:"


@dataclass(frozen=True, slots=True)
class RotationHeader:
    """The first record of a global log; `size` and `events` are 0 until the file is rotated.

    Source: HTCondor's user_log_header.cpp. `offset` is the sum of the sizes of all files before this one.
    """

    ctime: int
    id: str
    sequence: int
    size: int = 0
    events: int = 0
    offset: int = 0
    event_off: int = 0
    max_rotation: int = -1
    creator_name: str = ""


def read_header(path: Path) -> RotationHeader | None:
    """Return the rotation header at the start of a log of any format, None when it has none."""
    start = next(read_ranges(path, [(0, 1024)])).decode(errors="replace")
    record = re.split(r"\n(?:\.\.\.|\}|</c>)", start, maxsplit=1)[0]
    return parse_header(unescape(record))


def parse_header(text: str) -> RotationHeader | None:
    """Return the header in a generic event's text, or None if it lacks ctime, id or sequence."""
    if BANNER not in text:
        return None
    found = dict(re.findall(r"(\w+)=(<[^>]*>|\S+)", text.split(BANNER, 1)[1]))
    numbers = {
        name: int(found[name])
        for name in ("ctime", "sequence", "size", "events", "offset", "event_off", "max_rotation")
        if re.fullmatch(r"-?\d{1,18}", found.get(name, ""))
    }
    if "id" not in found or not {"ctime", "sequence"} <= numbers.keys():
        return None
    creator = found.get("creator_name", "").strip("<>")
    return RotationHeader(**numbers, id=found["id"], creator_name=creator)
