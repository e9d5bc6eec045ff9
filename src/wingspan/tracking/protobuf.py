"""Encode and decode protobuf fields, as far as TensorBoard's and W&B's files need."""

import struct
from collections.abc import Iterator
from typing import Final

_VARINT: Final = 0  # wire types of a field
_FIXED64: Final = 1
_BYTES: Final = 2
_FIXED32: Final = 5
_WORD = (1 << 64) - 1


def integer(number: int, value: int) -> bytes:
    """Return an integer field."""
    return _tag(number, _VARINT) + _encoded(value & _WORD)


def signed(value: int) -> int:
    """Return an integer from `fields` as the signed integer that it encodes."""
    return value - _WORD - 1 if value >> 63 else value


def double(number: int, value: float) -> bytes:
    """Return a 64-bit float field."""
    return _tag(number, _FIXED64) + struct.pack("<d", value)


def single(number: int, value: float) -> bytes:
    """Return a 32-bit float field."""
    return _tag(number, _FIXED32) + float32(value)


def float32(value: float) -> bytes:
    """Return the four bytes of a number; a number that is too large becomes infinite."""
    try:
        return struct.pack("<f", value)
    except OverflowError:
        return struct.pack("<f", float("inf") if value > 0 else float("-inf"))


def message(number: int, content: bytes) -> bytes:
    """Return a field with text or another message."""
    return _tag(number, _BYTES) + _encoded(len(content)) + content


def _tag(number: int, kind: int) -> bytes:
    return _encoded(number << 3 | kind)


def _encoded(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def fields(message: bytes) -> Iterator[tuple[int, bytes | int]]:
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
