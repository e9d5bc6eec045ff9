"""Append to and read a record file, which has one JSON object a line.

Lines are appended whole, so that the file can be read while it grows and after a crash.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from wingspan.files import disk_errors, json_text


def append(path: Path, entry: Mapping[str, Any]) -> None:
    """Append one entry by a single write, so that a reader never sees half a line."""
    with disk_errors(path):
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(handle, f"{json_text(entry)}\n".encode())
        finally:
            os.close(handle)


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the entries of a record, oldest first.

    A line torn by a crash or a full disk is skipped.
    """
    yield from read_new(path, 0)[0]


def read_new(path: Path, offset: int) -> tuple[list[dict[str, Any]], int]:
    """Return the entries after an offset, and the offset after the last whole line."""
    if not path.exists():
        return [], offset
    with path.open("rb") as file:
        file.seek(offset)
        content = file.read()
    whole = content.rfind(b"\n") + 1
    entries = []
    for line in content[:whole].splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            entries.append(entry)
    return entries, offset + whole
