"""Read what a script logs with W&B's own client while it runs: the history in its ``.wandb`` file.

The file has blocks of 32 KiB as LevelDB's log has; a record is a protobuf message, of which only the history is read.
"""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_BLOCK, _START = 1 << 15, 7  # bytes of a block, and of the file's own header
_HEAD = struct.Struct("<IHB")  # checksum, length, kind
_WHOLE, _FIRST, _LAST = 1, 2, 4  # kinds of a part of a record; 3 is in the middle
_HISTORY, _ITEM = 2, 1  # fields of a record, and of its history
_KEY, _NESTED, _JSON = 1, 2, 16  # fields of an item
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # kinds of a field


def history_file(work: Path) -> Path | None:
    """Return the file to which a script in a folder logs without a server; None if there is none."""
    found = sorted(work.glob("wandb/offline-run-*/run-*.wandb"))
    return found[-1] if found else None


def read_history(file: Path) -> list[dict[str, float]]:
    """Return the numbers of each ``wandb.log``, oldest first; a record that is being written is left out."""
    rows = []
    for record in _records(file.read_bytes()):
        for number, history in _fields(record):
            if number == _HISTORY and isinstance(history, bytes):
                rows.append(_row(history))
    return [row for row in rows if row]


def _records(content: bytes) -> Iterator[bytes]:
    place, parts = _START, b""
    while place + _HEAD.size <= len(content):
        if _BLOCK - place % _BLOCK < _HEAD.size:  # too little is left of the block for a head
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
    for number, item in _fields(history):
        if number == _ITEM and isinstance(item, bytes):
            name, value = _item(item)
            if isinstance(value, int | float) and not isinstance(value, bool):
                row[name] = float(value)
    return row


def _item(content: bytes) -> tuple[str, Any]:
    names, text = [], "null"
    for number, value in _fields(content):
        if isinstance(value, bytes) and number in {_KEY, _NESTED}:
            names.append(value.decode(errors="replace"))
        elif isinstance(value, bytes) and number == _JSON:
            text = value.decode(errors="replace")
    try:
        return ".".join(names), json.loads(text)
    except ValueError:
        return ".".join(names), None


def _fields(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    """Yield the fields of a protobuf message: number, and content or integer."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        kind = tag & 7
        if kind == _VARINT:
            value, place = _varint(message, place)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            size, place = _varint(message, place)
        elif kind in {_FIXED64, _FIXED32}:
            size = 8 if kind == _FIXED64 else 4
        else:
            return
        yield tag >> 3, message[place : place + size]
        place += size


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(message):
        byte = message[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            break
    return value, place
