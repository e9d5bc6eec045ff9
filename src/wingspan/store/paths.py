"""Store files, folders and bytes as they are.

A file keeps its name, so that its suffix survives.
"""

import os
import shutil
from pathlib import Path
from typing import Any

from wingspan.errors import NotFoundError, UnsupportedTypeError
from wingspan.files import copy


def write(value: Path | bytes | bytearray, path: Path, own: str | None = None) -> None:
    """Write bytes; or put a file or folder, under its own name, into the folder `path`.

    Parameters
    ----------
    own
        A folder whose files are not needed any more: they are linked, however large, not copied.

    Raises
    ------
    NotFoundError
        There is no such file.
    UnsupportedTypeError
        A folder with symbolic links in it, or something that is neither file nor folder.
    """
    if isinstance(value, bytes | bytearray):
        path.write_bytes(value)
        return
    if not value.exists():
        fix = "write the file, then return its path"
        raise NotFoundError(str(value), "the step returned a path where nothing is", fix)
    source = value.resolve()
    for entry in source.rglob("*") if source.is_dir() else [source]:
        if entry.is_symlink() or not (entry.is_file() or entry.is_dir()):
            problem = f"{entry} is a symbolic link or a device, which means nothing elsewhere"
            raise UnsupportedTypeError("", problem, "write a file instead")
    path.mkdir()
    ours = own is not None and source.is_relative_to(Path(own).resolve())
    copy(source, path / (value.absolute().name or "folder"), _link if ours else shutil.copyfile)


def _link(source: Path, place: Path) -> None:
    """Link a file that has no other name; a file that has one may be a user's."""
    try:
        if source.stat().st_nlink == 1:
            os.link(source, place)
            return
    except OSError:  # another file system, or one without links
        pass
    shutil.copyfile(source, place)


def read(path: Path, record: dict[str, Any], _trusted: frozenset[str]) -> Path | bytes | bytearray:
    """Return the bytes, or the path of the file or folder where it is kept."""
    if record["codec"].startswith("bytearray"):
        return bytearray(path.read_bytes())
    return path.read_bytes() if record["codec"].startswith("bytes") else next(path.iterdir())
