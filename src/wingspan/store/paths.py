"""Files, folders and bytes <-> themselves. A file keeps its name, so that its suffix survives."""

import os
import shutil
from pathlib import Path
from typing import Any

from wingspan.errors import NotFoundError, UnsupportedTypeError
from wingspan.files import copy


def write(value: Path | bytes, path: Path) -> None:
    """Write bytes; or put a file or folder, under its own name, into the folder `path`.

    A file inside the current folder is linked, not copied: the step has no use for it any more.

    Raises
    ------
    NotFoundError
        There is no such file.
    UnsupportedTypeError
        A folder with symbolic links in it.
    """
    if isinstance(value, bytes):
        path.write_bytes(value)
        return
    source = value.absolute()
    if not source.exists():
        raise NotFoundError(
            str(value),
            "the step returned a path where nothing is",
            "write the file, then return its path",
        )
    if source.is_dir() and any(entry.is_symlink() for entry in source.rglob("*")):
        problem = "the folder holds symbolic links, which mean nothing elsewhere"
        raise UnsupportedTypeError(str(value), problem, "write files instead")
    path.mkdir()
    ours = source.resolve().is_relative_to(Path.cwd())
    place = path / (source.name or "folder")
    copy(source, place, _link if ours else shutil.copyfile)


def _link(source: Path, place: Path) -> None:
    try:
        os.link(source, place)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, place)


def read(path: Path, record: dict[str, Any], _trusted: frozenset[str]) -> Path | bytes:
    """Return the bytes, or the path of the file or folder where it is kept."""
    return path.read_bytes() if record["codec"].startswith("bytes") else next(path.iterdir())
