"""Follow a log that grows and rotates, and report every event once.

Rotation, truncation and restarts lose no event unnoticed: gaps are reported.
"""

import json
import time as clock
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import Any, Final

from wingspan.errors import FormatError, NotFoundError
from wingspan.eventlog.events import Events
from wingspan.eventlog.header import RotationHeader, read_header
from wingspan.eventlog.read import Piece, read_pieces
from wingspan.eventlog.rotations import family_of
from wingspan.eventlog.sources import format_of, read_ranges
from wingspan.eventlog.times import zone_of
from wingspan.files import digest_bytes, write_atomically

VERSION: Final = 1
_TRIES: Final = 5  # reads of a log that rotates meanwhile
_INODE: Final = "inode:"
_MARK: Final = 1024
_HEADER: Final = 512  # the header's record is written again in place when the file rotates


@dataclass(frozen=True, slots=True)
class Mark:
    """The position in one file; `digest` of the bytes before `offset` detects a replaced file."""

    offset: int
    digest: str = ""
    end: int = (
        -1
    )  # the same place counted from the log's first rotation, by the header; -1 without one


@dataclass(frozen=True, slots=True)
class Position:
    """How far a log has been read, in all its rotations.

    It is kept as JSON, so that a restart resumes there.

    `files` maps a file's identity (sequence and id of its rotation header, else its inode) to its mark; `sequence` is
    that of the newest rotation read, `access_point` the name of its access point.
    """

    files: dict[str, Mark] = field(default_factory=dict)
    sequence: int = -1
    access_point: str = ""


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


@dataclass(frozen=True, slots=True)
class _Rotation:
    path: Path
    identity: str
    size: int
    header: RotationHeader | None


def rotations_of(log: Path) -> list[Path]:
    """Return a log and its rotations (``log.N`` .. ``log.1``, or ``log.old``), oldest first."""
    found = [path for path in log.parent.glob(f"{log.name}.*") if family_of(path) == str(log)]
    numbered = sorted(
        (path for path in found if path.suffix != ".old"), key=lambda path: -int(path.suffix[1:])
    )
    old = [path for path in found if path.suffix == ".old"]
    return [*numbered, *old, *([log] if log.exists() else [])]


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
    return [_rotation(path).identity for path in rotations_of(log)]


def _read_new(log: Path, position: Position, timezone: str | tzinfo | None) -> News:
    rotations = [_rotation(path) for path in rotations_of(log)]
    if not rotations:
        fix = "check the path; HTCondor's EVENT_LOG and a job's `log` name it"
        raise NotFoundError(str(log), "neither this log nor a rotation of it exists", fix)
    gaps = _gaps_between(rotations, position)
    gone = position.files.keys() - {each.identity for each in rotations}
    if any(name.startswith(_INODE) for name in gone):
        gaps.append(
            Gap(log, None, "the file that was read before is gone, with what was added to it since")
        )
    pieces = []
    for rotation in rotations:
        start, gap = _start(rotation, position)
        gaps += [gap] if gap else []
        pieces.append(Piece(rotation.path, format_of(rotation.path), start, rotation.size))
    known = {str(log): position.access_point} if position.access_point else {}
    events = read_pieces(pieces, zone_of(timezone), known=known)
    marks = {
        rotation.identity: _mark(rotation, file.size if file.tail is None else file.tail)
        for rotation, file in zip(rotations, events.files, strict=True)
    }
    sequences = [each.header.sequence for each in rotations if each.header]
    name = events.access_points[events.access_point[-1]] if len(events) else position.access_point
    newest = max([position.sequence, *sequences])
    return News(events, Position(marks, newest, name), tuple(gaps))


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


def save_position(path: Path, position: Position) -> None:
    """Write a position as JSON, atomically."""
    write_atomically(path, json.dumps({"version": VERSION, **asdict(position)}, indent=1))


def load_position(path: Path) -> Position:
    """Read a position that `save_position` wrote."""
    fix = "remove the file to read the log from its start again"
    content = load_versioned(path, VERSION, "position", fix)
    try:
        return position_of(content)
    except (KeyError, TypeError, AttributeError) as error:
        raise FormatError(str(path), f"the position lacks or garbles {error}", fix) from error


def load_versioned(path: Path, version: int, what: str, fix: str) -> dict[str, Any]:
    """Return the JSON object in a file, without its version, which must be the expected one."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = content.pop("version")
    except (ValueError, KeyError, TypeError, AttributeError):
        content, found = {}, None
    if found != version:
        problem = f"expected a {what} of version {version}, found something else"
        raise FormatError(str(path), problem, fix)
    return dict(content)


def position_of(content: Mapping[str, Any]) -> Position:
    """Return a position from what `dataclasses.asdict` made of it."""
    files = {name: Mark(**mark) for name, mark in content["files"].items()}
    return Position(**{**content, "files": files})


def _rotation(path: Path) -> _Rotation:
    header = read_header(path)
    facts = path.stat()
    identity = f"{header.sequence}:{header.id}" if header else f"{_INODE}{facts.st_ino}"
    return _Rotation(path, identity, facts.st_size, header)


def _gaps_between(rotations: list[_Rotation], position: Position) -> list[Gap]:
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


def _start(rotation: _Rotation, position: Position) -> tuple[int, Gap | None]:
    """Return where to resume in a file: at its start if it is new or not the file that was read."""
    mark = position.files.get(rotation.identity)
    if mark is None:
        return 0, None
    if mark.offset <= rotation.size and _mark(rotation, mark.offset).digest == mark.digest:
        return mark.offset, None
    why = "the file was truncated or replaced: what was added before that is gone"
    return 0, Gap(rotation.path, None, why)


def _mark(rotation: _Rotation, offset: int) -> Mark:
    length = min(_MARK, max(offset - (_HEADER if rotation.header else 0), 0))
    digest = ""
    if length:
        digest = digest_bytes(next(read_ranges(rotation.path, [(offset - length, length)])))
    header = rotation.header
    return Mark(offset, digest, header.offset + offset if header else -1)
