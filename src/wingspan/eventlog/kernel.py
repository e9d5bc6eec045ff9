"""The one door to the compiled scanner (scan.c): blocks of bytes in, growing columns out."""

import ctypes
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wingspan.errors import NotFoundError

BLOCK: Final = 1 << 18  # bytes read at once: what a core's own cache holds
NO_YEAR: Final = 1
HAS_ZONE: Final = 2
NO_HEADER: Final = 1
TORN: Final = 2
BAD_BODY: Final = 3
WHY: Final = ("", "no header", "torn", "body does not fit the event")
ABSENT: Final = int(np.iinfo(np.int32).min)

ROW: Final = {
    "time": np.float64,
    "offset": np.int64,
    "value": np.int64,
    "length": np.int32,
    "cluster": np.int32,
    "proc": np.int32,
    "detail": np.int32,
    "subproc": np.int16,
    "code": np.int16,
    "stamp": np.uint8,
}
_DAMAGE: Final = {"damage_offset": np.int64, "damage_length": np.int64, "damage_why": np.uint8}
_COUNTS: Final = ("rows", "room", "damages", "damage_room", "consumed")


class _Struct(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int64) for name in _COUNTS] + [
        (name, ctypes.c_void_p) for name in (*ROW, *_DAMAGE)
    ]


@cache
def _library() -> ctypes.CDLL:
    path = Path(__file__).with_name("_scan.so")
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        fix = "install Wingspan again (`pip install --force-reinstall --no-deps wingspan`): that compiles it"
        raise NotFoundError(
            str(path), f"the compiled log scanner cannot be loaded ({error})", fix
        ) from error
    library.scan.restype = None
    plain = (ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int)
    library.scan.argtypes = (*plain, ctypes.POINTER(_Struct))
    return library


class Columns:
    """Growing columns that the scanner appends to; `finish` gives them away cut to size.

    One array per name of `ROW`, and the damaged stretches. Room that is never used costs no memory: the system gives
    a page when it is first written to.
    """

    def __init__(self, room: int = 1024) -> None:
        self._struct = _Struct()
        self._arrays: dict[str, NDArray[Any]] = {}
        self._resize(ROW, "room", room)
        self._resize(_DAMAGE, "damage_room", 64)

    def __len__(self) -> int:
        return int(self._struct.rows)

    @property
    def damages(self) -> int:
        """How many damaged stretches have been found so far."""
        return int(self._struct.damages)

    def _resize(self, names: dict[str, Any], room_name: str, room: int, used: int = 0) -> None:
        for name, kind in names.items():
            grown = np.empty(room, kind)
            if used:
                grown[:used] = self._arrays[name][:used]
            self._arrays[name] = grown
            setattr(self._struct, name, grown.ctypes.data)
        setattr(self._struct, room_name, room)

    def _make_room(self) -> None:
        rows, damages = int(self._struct.rows), int(self._struct.damages)
        if rows == self._struct.room:
            self._resize(ROW, "room", rows * 2, rows)
        if damages == self._struct.damage_room:
            self._resize(_DAMAGE, "damage_room", damages * 2, damages)

    def scan(self, address: int, size: int, base: int, *, last: bool) -> int:
        """Append the whole records of `size` bytes at `address`; return how many bytes they took."""
        taken = 0
        while True:
            self._make_room()
            _library().scan(address + taken, size - taken, base + taken, last, self._struct)
            taken += int(self._struct.consumed)
            full = (
                self._struct.rows == self._struct.room
                or self._struct.damages == self._struct.damage_room
            )
            if not full:
                return taken

    def append(self, row: dict[str, float]) -> None:
        """Append one row by hand (for logs that are not in the classic format)."""
        self._make_room()
        for name in ROW:
            self._arrays[name][self._struct.rows] = row[name]
        self._struct.rows += 1

    def append_damage(self, offset: int, length: int, why: int) -> None:
        """Append one damaged stretch by hand."""
        self._make_room()
        for name, value in zip(_DAMAGE, (offset, length, why), strict=True):
            self._arrays[name][self._struct.damages] = value
        self._struct.damages += 1

    def sort(self, start: int, by: str) -> None:
        """Bring the rows from `start` on into the order of one column."""
        order = np.argsort(self._arrays[by][start : len(self)], kind="stable")
        for name in ROW:
            part = self._arrays[name][start : len(self)]
            part[:] = part[order]

    def damage(self, start: int) -> list[tuple[int, int, str]]:
        """Return (offset, length, why) of the damaged stretches from number `start` on."""
        columns = (self._arrays[name][start : self.damages].tolist() for name in _DAMAGE)
        return [(offset, length, WHY[why]) for offset, length, why in zip(*columns, strict=True)]

    def finish(self) -> dict[str, NDArray[Any]]:
        """Give the columns away, cut to size; nothing can be added afterwards."""
        rows = len(self)
        return {name: self._arrays.pop(name)[:rows] for name in ROW}


def scan_blocks(read_into: Callable[[memoryview], int], base: int, columns: Columns) -> int:
    """Scan all bytes that `read_into` gives, until it gives none; return the offset behind the last whole record.

    Parameters
    ----------
    read_into
        Fills a buffer from its start and returns how many bytes it put there; 0 at the end.
    base
        The offset of the first byte in the log.
    """
    buffer = bytearray(BLOCK)
    held = 0
    while True:
        if held == len(buffer):
            buffer = buffer + bytearray(len(buffer))  # a record longer than the buffer
        with memoryview(buffer) as view, view[held:] as free:
            got = read_into(free)
        held += got
        address = ctypes.addressof(ctypes.c_char.from_buffer(buffer))
        taken = columns.scan(address, held, base, last=not got)
        base += taken
        if not got:
            return base
        held -= taken
        ctypes.memmove(address, address + taken, held)
