"""Read event logs, whole: `read_events`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from io import BytesIO, FileIO
from itertools import pairwise
from os import PathLike, fspath
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wingspan.eventlog.access_points import name_access_points
from wingspan.eventlog.ads import scan_ads
from wingspan.eventlog.events import Damage, Events, LogFile
from wingspan.eventlog.header import read_header
from wingspan.eventlog.kernel import ROW, Columns, close_up, scan_blocks, side_by_side
from wingspan.eventlog.overlaps import join_overlapping
from wingspan.eventlog.sources import (
    Copy,
    Reader,
    compression_of,
    decompressed,
    format_of,
    open_log,
    seekable,
    skip,
)
from wingspan.eventlog.times import to_utc, zone_of

PathInput: TypeAlias = str | PathLike[str]
Stretch: TypeAlias = tuple[int, int, str]  # offset, length, why it is damaged

_WINDOW = 1 << 16
_WORTH_SPLITTING = 1 << 24


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of one file to scan; `stop` None reads to the end.

    `continues`: the piece before it is of the same file. `copy` has a compressed file's bytes. `before` is when the record
    before it was written, UTC seconds.
    """

    path: Path
    format: str
    start: int = 0
    stop: int | None = None
    continues: bool = False
    copy: Copy | None = None
    before: float | None = None

    @property
    def source(self) -> Path:
        """Return the file to read."""
        return self.copy.path if self.copy else self.path


@dataclass(frozen=True, slots=True)
class Scanned:
    """The result of a piece; its rows and damage are in its thread's columns at these places."""

    rows: int
    damage: list[Stretch]
    end: int
    whole: int


def read_events(
    paths: PathInput | Iterable[PathInput],
    *,
    timezone: str | tzinfo | None = None,
    cpus: int = 1,
) -> Events:
    """Read all events of some logs: classic, XML or JSON, plain, gzip or zstd, in any mix.

    A pipe is copied to a temporary file first, which lasts as long as the process. A compressed file is decompressed into
    one (`TMPDIR`), which lasts as long as the events; where there is no room, it is decompressed at each use.

    Parameters
    ----------
    timezone
        The zone of stamps without one (HTCondor writes local time unless UTC is configured): a name such as
        America/Chicago, or a tzinfo. Default: this machine's zone, as in HTCondor's own reader.
    cpus
        Number of threads that scan. A compressed file is decompressed by one.

    Raises
    ------
    NotFoundError
        A file does not exist. Damage within a file is never an error: see `Events.damage` and `LogFile.tail`.
    """
    given = [paths] if isinstance(paths, str | PathLike) else paths
    chosen = [seekable(Path(fspath(path))) for path in given]
    zone = zone_of(timezone)
    pieces = [piece for path in chosen for piece in split(path, cpus)]
    return join_overlapping(read_pieces(pieces, zone, cpus))


def split(path: Path, parts: int) -> list[Piece]:
    """Cut a file into pieces of about equal size, each ending after a separator line."""
    form, copy = format_of(path), decompressed(path)
    if form != "classic" or (copy is None and compression_of(path)):
        return [Piece(path, form, copy=copy)]
    source = copy.path if copy else path
    size = source.stat().st_size
    if parts < 2 or size < _WORTH_SPLITTING:
        return [Piece(path, form, 0, size, copy=copy)]
    with source.open("rb") as file:
        cuts = {0, size}
        for part in range(1, parts):
            position = file.seek(size * part // parts)
            cuts.add(_after_separator(file, position, size))
    return [
        Piece(path, form, start, stop, start > 0, copy) for start, stop in pairwise(sorted(cuts))
    ]


def _after_separator(file: BinaryIO, position: int, size: int) -> int:
    held = b""
    while chunk := file.read(_WINDOW):
        held = held[-8:] + chunk
        position += len(chunk)
        found = held.find(b"\n...\n")
        if found >= 0:
            return position - len(held) + found + 5
    return size


def _scan_all(pieces: Sequence[Piece], cpus: int) -> tuple[dict[str, NDArray[Any]], list[Scanned]]:
    """Scan pieces in threads; return all rows in the pieces' order. Neighbours share a thread."""
    lots = [lot.tolist() for lot in np.array_split(np.arange(len(pieces)), cpus) if len(lot)]
    stores = side_by_side([_room(pieces[index] for index in lot) for lot in lots])

    def work(lot: list[int], store: Columns) -> list[Scanned]:
        return [_scan_piece(pieces[index], store) for index in lot]

    if len(lots) < 2:
        scanned = [
            each for lot, store in zip(lots, stores, strict=True) for each in work(lot, store)
        ]
        return stores[0].finish() if stores else Columns().finish(), scanned
    from concurrent.futures import ThreadPoolExecutor  # it costs a tenth of this module's import

    with ThreadPoolExecutor(cpus) as threads:
        scanned = [each for lot in threads.map(work, lots, stores) for each in lot]
        parts = [store.finish() for store in stores]

        def join(name: str) -> NDArray[Any]:
            return close_up([part.pop(name) for part in parts])

        return dict(zip(ROW, threads.map(join, ROW), strict=True)), scanned


def _room(pieces: Iterable[Piece]) -> int:
    """Return enough rows for nearly all logs: records of under 128 bytes on average are rare."""
    size = sum((piece.stop or piece.source.stat().st_size) - piece.start for piece in pieces)
    return max(size // 128, 1024)


def _scan_piece(piece: Piece, columns: Columns) -> Scanned:
    rows, damages = len(columns), columns.damages
    if piece.start == piece.stop:
        return Scanned(0, [], piece.start, piece.start)
    with open_log(piece.source) as file:
        if isinstance(file, FileIO):
            file.seek(piece.start)
        else:
            skip(file, piece.start)
        if piece.format == "classic":
            end, whole = _scan_classic(file, piece, columns)
        else:
            end, whole = scan_ads(piece.format, file, columns, piece.start)
    return Scanned(len(columns) - rows, columns.damage(damages), end, whole)


def _scan_classic(file: Reader, piece: Piece, columns: Columns) -> tuple[int, int]:
    position = piece.start

    def read_into(buffer: memoryview) -> int:
        nonlocal position
        if piece.stop is not None:
            buffer = buffer[: piece.stop - position]
        got = (file.readinto(buffer) or 0) if len(buffer) else 0
        position += got
        return got

    def take_ads(content: bytes, offset: int) -> int:
        """Read ads between classic records: DAGMan writes its own events in the pool's format."""
        form = "xml" if content.startswith(b"<") else "json"
        return scan_ads(form, BytesIO(content), columns, offset)[1]

    whole = scan_blocks(read_into, piece.start, columns, take_ads)
    return position, whole


def read_pieces(
    pieces: Sequence[Piece],
    zone: tzinfo | None,
    cpus: int = 1,
    known: Mapping[str, str] | None = None,
) -> Events:
    """Read parts of files.

    The parts of one file follow each other, and all but the first are marked `continues`.

    `known` names the access point of a log (`family_of` its path), for parts that do not name it.
    """
    columns, scanned = _scan_all(pieces, cpus)
    firsts = [index for index, piece in enumerate(pieces) if not piece.continues]
    files: list[LogFile] = []
    damage: list[Damage] = []
    counts: list[int] = []
    start = 0
    for first, stop in pairwise([*firsts, len(pieces)]):
        lot = scanned[first:stop]
        count = sum(each.rows for each in lot)
        part = {name: column[start : start + count] for name, column in columns.items()}
        damage += [Damage(len(files), *each) for one in lot for each in one.damage]
        files.append(_file(pieces[first], lot[-1]))
        header, before = files[-1].header, pieces[first].before
        if header and not pieces[first].start:
            before = float(header.ctime)
        anchor = _anchor(pieces[first], files[-1], count)
        to_utc(part["time"], part["stamp"], zone, anchor, before)
        counts.append(count)
        start += count
    del columns["stamp"]
    file = np.zeros(start, np.int32)  # of one file: memory that is never touched
    if len(files) > 1:
        file[:] = np.repeat(np.arange(len(files), dtype=np.int32), counts)
    names, access_point = name_access_points(tuple(files), file, columns, known or {})
    return Events(
        files=tuple(files),
        access_points=names,
        access_point=access_point,
        damage=tuple(damage),
        file=file,
        kept=None,
        **columns,
    )


def _anchor(piece: Piece, file: LogFile, rows: int) -> tuple[int, float]:
    """Return a row and its approximate time: the first by the header, or the last by the mtime."""
    if file.header and not piece.start:
        return 0, float(file.header.ctime)
    return rows, piece.path.stat().st_mtime


def _file(piece: Piece, last: Scanned) -> LogFile:
    tail = last.whole if last.whole < last.end else None
    compression, header = compression_of(piece.path), read_header(piece.source)
    return LogFile(piece.path, piece.format, compression, last.end, tail, header, piece.copy)
