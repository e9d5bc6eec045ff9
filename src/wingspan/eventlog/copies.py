"""Find logs that are given under several names: links, copies, and compressed copies.

A copy would count each of its events twice. One that was made earlier, while the log was shorter, is a copy too.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from wingspan.eventlog.header import read_header
from wingspan.eventlog.sources import Reader, compression_of, open_log

_HEAD: Final = 512  # bytes by which likely copies are found; a rotation header is within them
_CHUNK: Final = 1 << 20


class _Start(NamedTuple):
    """What likely copies have in common: the first bytes, or the id of the rotation header."""

    head: bytes
    header: str


def without_copies(paths: Iterable[Path]) -> dict[Path, tuple[Path, ...]]:
    """Return each log once, under its first name, with the paths of its copies.

    A plain file goes before a compressed one, and a longer one before one that it begins with. Links are not listed.
    """
    files: dict[tuple[int, int] | Path, Path] = {}
    for path in paths:
        files.setdefault(_identity(path), path)
    found: dict[Path, tuple[Path, ...]] = {}
    alike: dict[_Start, list[Path]] = {}
    chosen = list(files.values())
    for path in sorted(chosen, key=_is_compressed) if len(chosen) > 1 else ():
        if not path.is_file():  # a pipe is read once, and a missing file is reported later
            continue
        same = alike.setdefault(_start(path), [])
        for number, other in enumerate(same):
            if (contained := _contained(path, other)) is None:
                continue
            kept = path if contained is other else other
            found[kept] = (*found.pop(other, ()), contained)
            same[number] = kept
            break
        else:
            same.append(path)
    gone = {copy for copies in found.values() for copy in copies}
    return {path: found.get(path, ()) for path in chosen if path not in gone}


def _identity(path: Path) -> tuple[int, int] | Path:
    try:
        facts = path.stat()
    except OSError:
        return path
    return facts.st_dev, facts.st_ino


def _is_compressed(path: Path) -> bool:
    return path.is_file() and bool(compression_of(path))


def _start(path: Path) -> _Start:
    with open_log(path) as source:
        head = _read(source, _HEAD)
    header = read_header(path) if len(head) == _HEAD else None
    return _Start(b"", f"{header.sequence}:{header.id}") if header else _Start(head, "")


def _contained(one: Path, other: Path) -> Path | None:
    """Return which of two logs is the start of the other; None if they differ.

    Of equal logs it is the first. A rotation header is written again in place, so it is not compared.
    """
    with open_log(one) as first, open_log(other) as second:
        heads = _read(first, _HEAD), _read(second, _HEAD)
        if min(map(len, heads)) < _HEAD:
            return one if heads[0] == heads[1] else None
        while True:
            left, right = _read(first, _CHUNK), _read(second, _CHUNK)
            common = min(len(left), len(right))
            if left[:common] != right[:common]:
                return None
            if common < _CHUNK:
                return one if len(left) <= len(right) else other


def _read(source: Reader, most: int) -> bytes:
    content, got = bytearray(most), 0
    with memoryview(content) as view:
        while got < most and (more := source.readinto(view[got:])):
            got += more
    return bytes(content[:got])
