"""The digests of input files, remembered as long as the files stay as they are."""

import json
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from wingspan.errors import NotFoundError
from wingspan.files import digest_file, digest_folder, json_text, write_atomically

_FORMAT = 1
SETTLED_NS = 2_000_000_000  # a file system may give two writes in this time one modification time


class DigestCache:
    """Digests of files by path, inode, size and modification time, kept in one JSON file.

    A file modified less than two seconds before it was read is digested again next time. A cache
    that cannot be read is as good as an empty one: it only saves time.

    Parameters
    ----------
    path
        The cache's file; made by `save`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known = _read(path)
        self._changed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.save()

    def digest(self, file: Path) -> str:
        """Return what `wingspan.files.digest_file` returns for a file or a folder.

        Raises
        ------
        NotFoundError
            There is no such file; names the close ones in its folder.
        """
        try:
            return digest_folder(file, self._file) if file.is_dir() else self._file(file)
        except FileNotFoundError as error:
            raise _missing(Path(error.filename)) from error

    def save(self) -> None:
        """Write the cache's file, without the files that are gone, if anything was learnt."""
        if not self._changed:
            return
        files = {name: entry for name, entry in self._known.items() if Path(name).exists()}
        write_atomically(self.path, json_text({"format": _FORMAT, "files": files}))
        self._changed = False

    def _file(self, file: Path) -> str:
        name = str(file.absolute())
        status = os.stat(file)  # noqa: PTH116 - of what a link leads to, before its bytes are read
        identity = [status.st_ino, status.st_size, status.st_mtime_ns]
        known = self._known.get(name)
        if known is not None and known[:3] == identity:
            return str(known[3])
        digest = digest_file(file)
        if time.time_ns() - status.st_mtime_ns > SETTLED_NS:
            self._known[name] = [*identity, digest]
            self._changed = True
        return digest


def _read(path: Path) -> dict[str, list[int | str]]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    known = content.get("files") if isinstance(content, dict) else None
    if not isinstance(known, dict) or content.get("format") != _FORMAT:
        return {}
    return {
        name: entry for name, entry in known.items() if isinstance(entry, list) and len(entry) == 4
    }


def _missing(file: Path) -> NotFoundError:
    folder = file.parent
    if not folder.is_dir():
        return NotFoundError(str(file), f"there is no folder {folder}", "correct the path")
    names = sorted(entry.name for entry in folder.iterdir())
    from difflib import get_close_matches

    close = get_close_matches(file.name, names, n=3)
    hint = (
        f"close names there: {', '.join(close)}"
        if close
        else f"the folder holds {len(names)} names, none close"
    )
    return NotFoundError(
        str(file), f"there is no such file; {hint}", "correct the path, or make the file first"
    )
