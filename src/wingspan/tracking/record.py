"""A record file: one JSON object a line, appended whole, readable while it grows and after a crash."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from wingspan.files import disk_errors, json_text


def append(path: Path, entry: Mapping[str, Any]) -> None:
    """Append one entry by a single write, so that a reader never sees half of another's line."""
    with disk_errors(path):
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(handle, f"{json_text(entry)}\n".encode())
        finally:
            os.close(handle)


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the entries of a record, oldest first; a torn line, left by a crash or a full disk, is passed over."""
    if not path.exists():
        return
    for line in path.read_bytes().splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            yield entry
