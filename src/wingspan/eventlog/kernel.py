"""Call the compiled scanner (scan.c, columns.c), which turns blocks of bytes into columns."""

import ctypes
import mmap
from collections.abc import Callable, Sequence
from functools import cache
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wingspan.errors import NotFoundError

BLOCK: Final = 1 << 20  # bytes read at once: they fit into a core's own cache
SPARE: Final = 128  # zero bytes that the scanner may read after a block
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
_COUNTS: Final = ("rows", "room", "damages", "damage_room", "consumed", "foreign")


TakeAds: TypeAlias = Callable[[bytes, int], int]


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
    number, pointer = ctypes.c_int64, ctypes.c_void_p
    library.assign_owners.restype = None
    library.assign_owners.argtypes = (
        *(number, pointer, pointer, pointer, ctypes.c_int16),
        *(pointer, pointer, number),
    )
    library.next_without_year.restype = ctypes.c_int64
    library.next_without_year.argtypes = (pointer, number, ctypes.c_int)
    library.add_years.restype = None
    library.add_years.argtypes = (
        *(number, pointer, pointer, number, ctypes.c_int, ctypes.c_double),
    )
    return library


def assign_owners(
    cluster: NDArray[np.int32], proc: NDArray[np.int32], owner: NDArray[np.int16], first: int
) -> None:
    """Give each row of a file the owner of its job, from the job's last submit event so far.

    Parameters
    ----------
    owner
        Of submit events, -1 elsewhere; int16, contiguous. It is filled in place.
    first
        The owner of rows before any submit event.
    """
    room = 1 << int(2 * np.count_nonzero(owner >= 0) + 1).bit_length()
    keys, owners = np.empty(room, np.int64), np.zeros(room, np.int16)
    columns: list[NDArray[Any]] = [*map(np.ascontiguousarray, (cluster, proc)), owner]
    addresses = [column.ctypes.data for column in columns]
    _library().assign_owners(
        len(owner), *addresses, first, keys.ctypes.data, owners.ctypes.data, room - 1
    )


def next_without_year(stamp: NDArray[np.uint8], row: int, step: int) -> int:
    """Return the next row, in steps of 1 or -1, whose stamp has no year; there must be one."""
    return int(_library().next_without_year(stamp.ctypes.data, row, step))


def add_years(
    time: NDArray[np.float64], stamp: NDArray[np.uint8], at: int, year: int, latest: float
) -> None:
    """Give the stamps of one file that lack a year their years, in place.

    They were read as of 1972.

    Parameters
    ----------
    time, stamp
        In file order; contiguous.
    at, year
        A row without a year, and its year; the year before, if the row were later than `latest` so.
    """
    _library().add_years(len(time), time.ctypes.data, stamp.ctypes.data, at, year, latest)


class Columns:
    """Growing columns that the scanner appends to; `finish` returns them cut to size.

    They hold one array per name of `ROW`, and the damaged stretches. Unused room costs no memory: the system provides a
    page when it is first written to.
    """

    def __init__(self, arrays: dict[str, NDArray[Any]] | None = None) -> None:
        self._struct = _Struct()
        self._arrays: dict[str, NDArray[Any]] = {}
        self._use(arrays or {name: np.empty(1024, kind) for name, kind in ROW.items()}, "room")
        self._use({name: np.empty(64, kind) for name, kind in _DAMAGE.items()}, "damage_room")

    def __len__(self) -> int:
        return int(self._struct.rows)

    @property
    def damages(self) -> int:
        """How many damaged stretches have been found so far."""
        return int(self._struct.damages)

    def _use(self, arrays: dict[str, NDArray[Any]], room_name: str) -> None:
        self._arrays |= arrays
        for name, array in arrays.items():
            setattr(self._struct, name, array.ctypes.data)
            setattr(self._struct, room_name, len(array))

    def _double(self, kinds: dict[str, Any], room_name: str, used: int) -> None:
        for name, kind in kinds.items():
            grown = np.empty(2 * used, kind)
            grown[:used] = self._arrays[name][:used]
            self._use({name: grown}, room_name)

    def _make_room(self) -> None:
        rows, damages = int(self._struct.rows), int(self._struct.damages)
        if rows == self._struct.room:
            self._double(ROW, "room", rows)
        if damages == self._struct.damage_room:
            self._double(_DAMAGE, "damage_room", damages)

    def scan(self, address: int, size: int, base: int, take_ads: TakeAds, *, last: bool) -> int:
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
            if self._struct.foreign:
                self._replace_by_ads(address - base, take_ads)
            elif not full:
                return taken

    def _replace_by_ads(self, origin: int, take_ads: TakeAds) -> None:
        """Replace the last damaged stretch by the ads in it.

        `origin` is the address of the log's first byte.
        """
        self._struct.damages -= 1
        offset, length = (
            int(self._arrays[name][self.damages]) for name in ("damage_offset", "damage_length")
        )
        end = take_ads(ctypes.string_at(origin + offset, length), offset)
        if end < offset + length:
            self.append_damage(end, offset + length - end, TORN)

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

    def damage(self, start: int) -> list[tuple[int, int, str]]:
        """Return (offset, length, why) of the damaged stretches from number `start` on."""
        columns = (self._arrays[name][start : self.damages].tolist() for name in _DAMAGE)
        return [(offset, length, WHY[why]) for offset, length, why in zip(*columns, strict=True)]

    def finish(self) -> dict[str, NDArray[Any]]:
        """Return the columns cut to size; nothing can be added afterwards."""
        rows = len(self)
        return {name: self._arrays.pop(name)[:rows] for name in ROW}


def side_by_side(rooms: Sequence[int]) -> list[Columns]:
    """Return columns with at least 1 row of room each, which lie next to each other in memory."""
    whole = {name: np.empty(sum(rooms), kind) for name, kind in ROW.items()}
    ends = list(accumulate(rooms, initial=0))
    return [
        Columns({name: column[start:stop] for name, column in whole.items()})
        for start, stop in pairwise(ends)
    ]


def close_up(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Join the parts of one column.

    Parts from `side_by_side` are joined in place, without more memory, unless one has outgrown its room.
    """
    whole = parts[0].base
    if whole is None or any(part.base is not whole for part in parts):
        return np.concatenate(parts)
    end = len(parts[0])
    for part in parts[1:]:
        whole[end : end + len(part)] = part
        end += len(part)
    return whole[:end]


def scan_blocks(
    read_into: Callable[[memoryview], int], base: int, columns: Columns, take_ads: TakeAds
) -> int:
    """Scan all bytes from `read_into`; return the offset where the last whole record ends.

    Parameters
    ----------
    read_into
        Fills a buffer from its start and returns how many bytes it put there; 0 at the end.
    base
        The offset of the first byte in the log.
    take_ads
        Is given the bytes and the offset of each stretch that begins as an XML or JSON ad does, appends its events to
        the columns, and returns the offset where the last whole one ends.
    """
    room, held = BLOCK, 0  # bytes kept from the blocks before stand right in front of the block
    buffer, address = _pages(room + BLOCK + SPARE)
    while True:
        got = read_into(memoryview(buffer)[room : room + BLOCK])
        ctypes.memset(address + room + got, 0, SPARE)
        start = address + room - held
        taken = columns.scan(start, held + got, base, take_ads, last=not got)
        base += taken
        rest, held = start + taken, held + got - taken
        if not got:
            tail = ctypes.string_at(rest, held)
            return take_ads(tail, base) if tail.startswith((b"{", b"<")) else base
        if held > room:  # a record longer than the room
            kept = ctypes.string_at(rest, held)
            room = 2 * held
            buffer, address = _pages(room + BLOCK + SPARE)
            buffer[room - held : room] = kept
        else:
            ctypes.memmove(address + room - held, rest, held)


def _pages(size: int) -> tuple[mmap.mmap, int]:
    """Return fresh page-aligned memory and its address, for the fastest copy by the system."""
    pages = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return pages, ctypes.addressof(ctypes.c_char.from_buffer(pages))
