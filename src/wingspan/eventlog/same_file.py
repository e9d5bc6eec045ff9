"""Recognise the files of a log that were read before, whatever they are called by now.

A rotation header identifies a file. Without one, a plain file is known by its inode, and a file that was copied or
compressed by the bytes before the position.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from wingspan.eventlog.header import RotationHeader, read_header
from wingspan.eventlog.positions import Mark, Position
from wingspan.eventlog.rotations import rotations_of
from wingspan.eventlog.sources import Copy, compression_of, decompressed, length_of, read_ranges
from wingspan.files import digest_bytes

INODE: Final = "inode:"
_MARK: Final = 1024
_HEADER: Final = 512  # the header's record is written again in place when the file rotates


@dataclass(frozen=True, slots=True)
class Rotation:
    """A file of a log.

    Attributes
    ----------
    file
        The file on disk: its inode. Of a compressed file, which does not grow, size and modification time too.
    size
        Number of its decompressed bytes; -1 if it is not known yet.
    identity
        See `Position.files`; empty if it is not known yet.
    copy
        The decompressed bytes.
    known
        The mark of a compressed file that was read before; it needs no reading.
    """

    path: Path
    header: RotationHeader | None
    file: str
    size: int
    identity: str = ""
    copy: Copy | None = None
    known: Mark | None = None

    @property
    def source(self) -> Path:
        """Return the file to read."""
        return self.copy.path if self.copy else self.path

    def mark(self, offset: int) -> Mark:
        """Return the mark of an offset in this file."""
        length = min(_MARK, max(offset - (_HEADER if self.header else 0), 0))
        digest = ""
        if length:
            digest = digest_bytes(next(read_ranges(self.source, [(offset - length, length)])))
        end = self.header.offset + offset if self.header else -1
        return Mark(offset, digest, end, self.file, self.size)

    def is_of(self, mark: Mark) -> bool:
        """Return whether a mark is of this file, by the bytes before it."""
        return mark.offset <= self.size and self.mark(mark.offset).digest == mark.digest


def identity_of(path: Path) -> str:
    """Return what identifies a file on disk: its rotation header, else its inode."""
    header = read_header(path)
    return f"{header.sequence}:{header.id}" if header else f"{INODE}{path.stat().st_ino}"


def find_files(log: Path, position: Position) -> list[Rotation]:
    """Return the files of a log, oldest first, with their identities.

    A compressed file is decompressed, unless it was read before.
    """
    files = [_on_disk(path) for path in rotations_of(log)]
    free = {name: mark for name, mark in position.files.items() if name.startswith(INODE)}
    files = [_with_header(each, position) if each.header else each for each in files]
    files = _match(files, free, _is_where_it_was)
    files = [_unpacked(each) if each.size < 0 else each for each in files]
    files = _match(files, free, lambda each, _, mark: bool(mark.digest) and each.is_of(mark))
    return _with_new_names(files)


def _on_disk(path: Path) -> Rotation:
    facts = path.stat()
    if compression_of(path):
        state = f"{facts.st_ino}:{facts.st_size}:{facts.st_mtime_ns}"
        return Rotation(path, read_header(path), state, -1)
    return Rotation(path, read_header(path), str(facts.st_ino), facts.st_size)


def _with_header(each: Rotation, position: Position) -> Rotation:
    identity = identity_of(each.path)
    mark = position.files.get(identity)
    if each.size < 0 and mark and mark.file == each.file:
        return replace(each, identity=identity, size=mark.size, known=mark)
    return replace(each, identity=identity)


def _is_where_it_was(each: Rotation, identity: str, mark: Mark) -> bool:
    if (mark.file or identity.removeprefix(INODE)) != each.file:
        return False
    return each.size < 0 or each.is_of(mark)


def _match(
    files: list[Rotation],
    free: dict[str, Mark],
    fits: Callable[[Rotation, str, Mark], bool],
) -> list[Rotation]:
    """Give files without an identity that of a mark that fits, which is free no longer."""
    found = []
    for each in files:
        names = (
            () if each.identity else (name for name, mark in free.items() if fits(each, name, mark))
        )
        name = next(iter(names), "")
        if not name:
            found.append(each)
            continue
        mark, named = free.pop(name), replace(each, identity=name)
        found.append(replace(named, size=mark.size, known=mark) if each.size < 0 else named)
    return found


def _unpacked(each: Rotation) -> Rotation:
    copy = decompressed(each.path)
    size = copy.path.stat().st_size if copy else length_of(each.path)
    return replace(each, copy=copy, size=size)


def _with_new_names(files: list[Rotation]) -> list[Rotation]:
    """Name the other files by their inodes, which may be names of other files by now."""
    taken = {each.identity for each in files}
    found = []
    for each in files:
        name = each.identity or f"{INODE}{each.path.stat().st_ino}"
        while not each.identity and name in taken:
            name += "+"
        taken.add(name)
        found.append(replace(each, identity=name))
    return found
