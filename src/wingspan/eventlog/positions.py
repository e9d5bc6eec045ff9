"""Keep how far a log was read, in all its rotations."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from wingspan.errors import FormatError
from wingspan.files import write_atomically

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Mark:
    """The position in one file; `digest` of the bytes before `offset` detects a replaced file.

    Attributes
    ----------
    end
        The same place counted from the log's first rotation, by the header; -1 without one.
    file
        The file on disk (`Rotation.file`); empty in positions of earlier versions.
    time
        When the last event before it was written, UTC seconds.
    size
        Of a compressed file, the number of its decompressed bytes.
    """

    offset: int
    digest: str = ""
    end: int = -1
    file: str = ""
    size: int = 0
    time: float | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """How far a log has been read, in all its rotations.

    It is kept as JSON, so that a restart resumes there.

    `files` maps a file's identity (sequence and id of its rotation header, else its first inode) to its mark, the oldest
    first; `sequence` is that of the newest rotation read, `access_point` the name of its access point.
    """

    files: dict[str, Mark] = field(default_factory=dict)
    sequence: int = -1
    access_point: str = ""


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
