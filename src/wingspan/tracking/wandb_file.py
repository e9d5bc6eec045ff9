"""Read what a script logs with W&B's own client, while it runs.

The client writes a ``.wandb`` file in blocks of 32 KiB, as LevelDB's log has. A record is a protobuf message, of which
only the history is read.
"""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wingspan.tracking.protobuf import fields

_BLOCK, _START = 1 << 15, 7  # bytes of a block, and of the file's header
_HEAD = struct.Struct("<IHB")  # checksum, length, kind
_WHOLE, _FIRST, _LAST = 1, 2, 4  # kinds of a record's parts; 3 is a middle part
_HISTORY, _ITEM = 2, 1  # fields of a record, and of its history
_KEY, _NESTED, _JSON = 1, 2, 16  # fields of an item


def history_file(work: Path) -> Path | None:
    """Return the file to which a script in a folder logs offline, or None."""
    found = sorted(work.glob("wandb/offline-run-*/run-*.wandb"))
    return found[-1] if found else None


def read_history(file: Path) -> list[dict[str, float]]:
    """Return the numbers of each ``wandb.log``, oldest first.

    A record that is still being written is left out.
    """
    rows = []
    for record in _records(file.read_bytes()):
        for number, history in fields(record):
            if number == _HISTORY and isinstance(history, bytes):
                rows.append(_row(history))
    return [row for row in rows if row]


def _records(content: bytes) -> Iterator[bytes]:
    place, parts = _START, b""
    while place + _HEAD.size <= len(content):
        if _BLOCK - place % _BLOCK < _HEAD.size:  # the rest of the block is too short for a header
            place += _BLOCK - place % _BLOCK
            continue
        _, size, kind = _HEAD.unpack_from(content, place)
        begin, place = place + _HEAD.size, place + _HEAD.size + size
        if place > len(content) or kind == 0:
            return
        parts = content[begin:place] if kind in {_WHOLE, _FIRST} else parts + content[begin:place]
        if kind in {_WHOLE, _LAST}:
            yield parts


def _row(history: bytes) -> dict[str, float]:
    row = {}
    for number, item in fields(history):
        if number == _ITEM and isinstance(item, bytes):
            name, value = _item(item)
            if isinstance(value, int | float) and not isinstance(value, bool):
                row[name] = float(value)
    return row


def _item(content: bytes) -> tuple[str, Any]:
    names, text = [], "null"
    for number, value in fields(content):
        if isinstance(value, bytes) and number in {_KEY, _NESTED}:
            names.append(value.decode(errors="replace"))
        elif isinstance(value, bytes) and number == _JSON:
            text = value.decode(errors="replace")
    try:
        return ".".join(names), json.loads(text)
    except ValueError:
        return ".".join(names), None
