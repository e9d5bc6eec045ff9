"""Follow a log that grows and rotates, and report every event once.

Rotation, truncation and restarts lose no event unnoticed: gaps are reported.
"""

import time as clock
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import tzinfo
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from wingspan.errors import NotFoundError
from wingspan.eventlog.events import Events
from wingspan.eventlog.positions import Position, load_position, save_position
from wingspan.eventlog.read import Piece, read_pieces
from wingspan.eventlog.rotations import rotations_of
from wingspan.eventlog.same_file import INODE, Rotation, find_files, identity_of
from wingspan.eventlog.sources import format_of
from wingspan.eventlog.times import zone_of

_TRIES: Final = 5  # reads of a log that rotates meanwhile


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes of the log that are lost; `length` is None if their number is unknown."""

    path: Path
    length: int | None
    why: str


@dataclass(frozen=True, slots=True)
class News:
    """What was added since the last look: events, the next position, and gaps in between."""

    events: Events
    position: Position
    gaps: tuple[Gap, ...]

    @property
    def complete(self) -> bool:
        """Whether no bytes are known to be missing since the last look."""
        return not self.gaps


def read_new(
    log: Path, position: Position | None = None, *, timezone: str | tzinfo | None = None
) -> News:
    """Read what was added to a log and its rotations since `position`; everything if it is None.

    If the log rotates while it is read, it is read again.

    Raises
    ------
    NotFoundError
        Neither the log nor a rotation of it exists.
    """
    for tries in range(_TRIES, 0, -1):
        try:
            before = _identities(log)
            news = _read_new(log, position or Position(), timezone)
            if before == _identities(log):
                return news
        except (NotFoundError, FileNotFoundError):
            if tries == 1 or not rotations_of(log):
                raise
    return news


def _identities(log: Path) -> list[str]:
    return [identity_of(path) for path in rotations_of(log)]


def _read_new(log: Path, position: Position, timezone: str | tzinfo | None) -> News:
    rotations = find_files(log, position)
    if not rotations:
        fix = "check the path; HTCondor's EVENT_LOG and a job's `log` name it"
        raise NotFoundError(str(log), "neither this log nor a rotation of it exists", fix)
    gaps = _gaps_between(rotations, position)
    newest = next(reversed(position.files), "")  # nothing is added to the others
    if newest.startswith(INODE) and newest not in {each.identity for each in rotations}:
        gaps.append(
            Gap(log, None, "the file that was read before is gone, with what was added to it since")
        )
    pieces = []
    for rotation in rotations:
        start, gap = _start(rotation, position)
        gaps += [gap] if gap else []
        stop = start if rotation.known else rotation.size
        form = format_of(rotation.path)
        mark = position.files.get(rotation.identity)
        before = mark.time if mark and start else None
        pieces.append(Piece(rotation.path, form, start, stop, copy=rotation.copy, before=before))
    known = {str(log): position.access_point} if position.access_point else {}
    events = read_pieces(pieces, zone_of(timezone), known=known)
    marks = {
        rotation.identity: rotation.known
        or replace(rotation.mark(file.size if file.tail is None else file.tail), time=time)
        for rotation, file, time in zip(
            rotations, events.files, _last_times(events, pieces), strict=True
        )
    }
    sequences = [each.header.sequence for each in rotations if each.header]
    name = events.access_points[events.access_point[-1]] if len(events) else position.access_point
    last = max([position.sequence, *sequences])
    return News(events, Position(marks, last, name), tuple(gaps))


def _last_times(events: Events, pieces: list[Piece]) -> list[float | None]:
    """Return when the last event of each file was written, also if it was read before."""
    stops = np.searchsorted(events.file, np.arange(len(pieces) + 1, dtype=np.int32))
    return [
        float(events.time[stop - 1]) if stop > start else piece.before
        for piece, (start, stop) in zip(pieces, pairwise(stops.tolist()), strict=True)
    ]


def follow(
    log: Path,
    state: Path | None = None,
    *,
    timezone: str | tzinfo | None = None,
    every_s: float = 1.0,
) -> Iterator[News]:
    """Yield what is added to a log, forever.

    The log is checked every `every_s` seconds, and an item is yielded when there is something new.

    Parameters
    ----------
    state
        A file that keeps the position. It is written when the next item is requested, that is, after the last one was
        processed: after a crash that item is yielded again, and none is lost.
    """
    position = load_position(state) if state and state.exists() else None
    while True:
        news = read_new(log, position, timezone=timezone)
        if len(news.events) or news.gaps:
            yield news
        if state and news.position != position:
            save_position(state, news.position)
        position = news.position
        clock.sleep(every_s)


def _gaps_between(rotations: list[Rotation], position: Position) -> list[Gap]:
    """Compare sequence, offset and size of the headers to find missing files and bytes."""
    gaps = []
    headed = [(each, each.header) for each in rotations if each.header]
    ends = [mark.end for mark in position.files.values()]
    sequence, end = position.sequence, max(ends, default=-1)
    for rotation, header in headed:
        new = header.sequence > sequence
        if new and sequence >= 0 and (header.sequence != sequence + 1 or header.offset > end >= 0):
            missing = header.offset - end if end >= 0 else None
            why = f"rotation {header.sequence} follows {sequence}: files in between are gone"
            gaps.append(Gap(rotation.path, missing, why))
        if header.size > rotation.size:
            why = "the file is shorter than its header says"
            gaps.append(Gap(rotation.path, header.size - rotation.size, why))
        if new:
            sequence = header.sequence
        end = max(end, header.offset + max(header.size, rotation.size))
    return gaps


def _start(rotation: Rotation, position: Position) -> tuple[int, Gap | None]:
    """Return where to resume in a file: at its start if it is new or not the file that was read."""
    mark = position.files.get(rotation.identity)
    if mark is None:
        return 0, None
    if rotation.known or rotation.is_of(mark):
        return mark.offset, None
    why = "the file was truncated or replaced: what was added before that is gone"
    return 0, Gap(rotation.path, None, why)
