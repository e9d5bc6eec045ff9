"""Write and read TensorBoard's event files, without TensorBoard.

A file is a pure function of its rows: an update appends what the file lacks. So a writer that was killed in the middle
of a record leaves the beginning of the right bytes, and the next one completes them.
"""

import os
import struct
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

from wingspan.errors import CorruptError
from wingspan.files import disk_errors, write_atomically
from wingspan.shown import counted
from wingspan.tracking.protobuf import double, fields, float32, integer, message, signed, single
from wingspan.tracking.tracked import Compared, Row, Tracked

_NAME: Final = "events.out.tfevents.wingspan"
_POLYNOMIAL, _MASK_DELTA, _ALL = 0x82F63B78, 0xA282EAD8, 0xFFFFFFFF  # CRC-32C with TFRecord's mask
_TIME, _STEP, _VERSION, _SUMMARY = 1, 2, 3, 5  # fields of an event
_LENGTH = struct.Struct("<Q")


def event_file(folder: Path, one: Tracked) -> Path:
    """Return a step's or trial's file below the folder for `tensorboard --logdir`."""
    name = one.name.replace("%", "%25").replace("/", "%2F")  # not _, which another name may have
    return folder / name / _NAME


def update(folder: Path, one: Tracked) -> None:
    """Update the file of a step or trial."""
    rows = _with_results(one)
    if not rows:
        return
    path = event_file(folder, one)
    content = encode(rows)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        there = path.read_bytes() if path.exists() else b""
        if content.startswith(there):
            with path.open("ab") as file:
                file.write(content[len(there) :])
            return
    write_atomically(path, content)  # an earlier attempt logged other numbers


def compared(folder: Path, one: Tracked) -> Compared:
    """Compare a file with what was logged: every point once, in order, with its value."""
    rows = _with_results(one)
    path = event_file(folder, one)
    found = read(path) if path.exists() else []
    expected = [
        (row.step, name, _as_float32(value)) for row in rows for name, value in row.values.items()
    ]
    if repr(found) == repr(expected):  # NaN is not equal to itself
        return Compared()
    if len(found) != len(expected):
        return Compared(f"{path} has {counted(len(found), 'point')}, logged: {len(expected)}")
    first = next(b for a, b in zip(found, expected, strict=True) if repr(a) != repr(b))
    return Compared(f"{path} has other numbers, first {first[1]} at step {first[0]}")


def _with_results(one: Tracked) -> list[Row]:
    """Return the rows; numbers that a finished step only returned are one row more."""
    rows = list(one.rows)
    logged = {name for row in rows for name in row.values}
    numbers = {
        name: float(value)
        for name, value in one.summary.items()
        if isinstance(value, int | float) and name not in logged and "/" not in name
    }
    if one.ended and numbers and one.state != "stopped":
        last = rows[-1] if rows else Row(0, float(one.summary.get("wingspan/ended", 0.0)), {})
        rows[-1:] = [Row(last.step, last.time, {**last.values, **numbers})]
    return rows


def encode(rows: Iterable[Row]) -> bytes:
    """Return the bytes of an event file."""
    rows = list(rows)
    begin = rows[0].time if rows else 0.0
    head = double(_TIME, begin) + message(_VERSION, b"brain.Event:2")
    return _record(head) + b"".join(_record(_event(row)) for row in rows)


def read(path: Path) -> list[tuple[int, str, float]]:
    """Return the points of an event file as ``(step, name, value)``.

    A torn last record is left out.

    Raises
    ------
    CorruptError
        A checksum does not match.
    """
    found: list[tuple[int, str, float]] = []
    for event in _records(path):
        step, points = 0, []
        for number, value in fields(event):
            if number == _STEP and isinstance(value, int):
                step = signed(value)
            elif number == _SUMMARY and isinstance(value, bytes):
                points = [
                    _point(each)
                    for at, each in fields(value)
                    if at == 1 and isinstance(each, bytes)
                ]
        found += [(step, name, value) for name, value in points]
    return found


def _event(row: Row) -> bytes:
    values = b"".join(
        message(1, message(1, name.encode()) + single(2, value))
        for name, value in row.values.items()
    )
    return double(_TIME, row.time) + integer(_STEP, row.step) + message(_SUMMARY, values)


def _as_float32(value: float) -> float:
    return float(struct.unpack("<f", float32(value))[0])


def _record(content: bytes) -> bytes:
    length = _LENGTH.pack(len(content))
    return length + _checksum(length) + content + _checksum(content)


@cache
def _table() -> tuple[int, ...]:
    found = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        found.append(value)
    return tuple(found)


def _checksum(content: bytes) -> bytes:
    """Return the masked CRC-32C of some bytes."""
    table, value = _table(), _ALL
    for byte in content:
        value = table[(value ^ byte) & 255] ^ value >> 8
    value ^= _ALL
    return struct.pack("<I", ((value >> 15 | value << 17) + _MASK_DELTA) & _ALL)


def _records(path: Path) -> Iterator[bytes]:
    content, at = path.read_bytes(), 0
    while at + 12 <= len(content):
        (size,) = _LENGTH.unpack_from(content, at)
        end = at + 12 + size + 4
        right = content[at + 8 : at + 12] == _checksum(content[at : at + 8])
        if right and end > len(content):
            return
        body = content[at + 12 : end - 4]
        if not right or content[end - 4 : end] != _checksum(body):
            fix = "write it again: wingspan track sync RUN --track tensorboard"
            raise CorruptError(os.fspath(path), f"the checksum of the record at {at} is wrong", fix)
        yield body
        at = end


def _point(value: bytes) -> tuple[str, float]:
    name, number = "", 0.0
    for at, part in fields(value):
        if at == 1 and isinstance(part, bytes):
            name = part.decode()
        elif at == 2 and isinstance(part, bytes):
            number = float(struct.unpack("<f", part)[0])
    return name, number
