"""Remember the digests of input files as long as the files stay as they are."""

import json
import os
import shlex
import stat
import time
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, NoReturn, Self

from wingspan.errors import DeclarationError, NotFoundError
from wingspan.files import (
    Found,
    Stamper,
    digest_bytes_of,
    digest_folder,
    identity,
    json_text,
    stamp_of,
    write_atomically,
)

_FORMAT = 2
_DIGITS = 16  # of a file's digest, by which folders are compared for a reader
SETTLED_NS = 2_000_000_000  # a file system may give two writes in this time one modification time


class Seen(NamedTuple):
    """An input as it was at one moment.

    Parameters
    ----------
    size
        Bytes of the file, or of all files of the folder.
    stamp
        What `wingspan.files.stamp` returned before the content was read.
    """

    digest: str
    size: int
    stamp: str


class DigestCache:
    """Digests of files by path, inode, size, both times and device, kept in one JSON file.

    A file changed less than two seconds before it was read is digested again next time. A cache
    that cannot be read is as good as an empty one: it only saves time.

    Parameters
    ----------
    path
        The cache's file, in the home folder; made by `save`.

    Attributes
    ----------
    folders
        Digest of each folder that was looked at -> its files by name, with the first digits of their digests.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folders: dict[str, dict[str, str]] = {}
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
        """Return what `wingspan.files.digest_file` returns for a path; errors are those of `look`."""
        return self.look(file).digest

    def look(self, file: Path) -> Seen:
        """Return the digest of a path, and a state by which a later change shows.

        Raises
        ------
        NotFoundError
            There is no such file; names the close ones in its folder.
        DeclarationError
            It is, or the folder holds, what cannot be an input; it cannot be read; it holds the home folder.
        """
        try:
            status = os.stat(file)  # noqa: PTH116 - of what a link leads to, before its bytes are read
            if stat.S_ISDIR(status.st_mode):
                return self._folder(file)
            path = str(file.absolute())
            return Seen(self._file(path, status), status.st_size, stamp_of(status))
        except FileNotFoundError as error:
            raise _missing(Path(error.filename or file)) from error
        except (OSError, ValueError) as error:
            if isinstance(error, DeclarationError):
                raise
            _refuse(file, error)

    def save(self) -> None:
        """Write the cache's file, without the files that are gone, if anything was learnt."""
        if not self._changed:
            return
        there = os.path.exists  # quicker than Path's
        files = {name: entry for name, entry in self._known.items() if there(name)}
        write_atomically(self.path, json_text({"format": _FORMAT, "files": files}))
        self._changed = False

    def _folder(self, folder: Path) -> Seen:
        home = self.path.parent
        there = home.is_dir() or home.name == ".wingspan"  # a run would make it
        if there and home.resolve().is_relative_to(folder.resolve()):
            problem = f"it holds {home}, which Wingspan changes with every run"
            fix = "pass the files or sub-folders that the step reads, or choose another home: --home FOLDER"
            raise DeclarationError(f"input folder {folder}", problem, fix)
        stamper, members, size = Stamper(), {}, 0

        def digest(found: Found) -> str:
            nonlocal size
            size += found.status.st_size
            content = self._file(found.path, found.status)
            members[found.name] = content.partition(":")[2][:_DIGITS]
            return content

        whole = digest_folder(folder.absolute(), digest, stamper.add)
        self.folders[whole] = members
        return Seen(whole, size, stamper.text())

    def _file(self, path: str, status: os.stat_result) -> str:
        now = identity(status)
        known = self._known.get(path)
        if known is not None and known[:-1] == now:
            return str(known[-1])
        looked = time.time_ns()
        digest = digest_bytes_of(path, status)
        if looked - max(status.st_mtime_ns, status.st_ctime_ns) > SETTLED_NS:
            self._known[path] = [*now, digest]
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
        name: entry for name, entry in known.items() if isinstance(entry, list) and len(entry) == 6
    }


def _refuse(file: Path, error: OSError | ValueError) -> NoReturn:
    """Raise the error of an input that is there and cannot be read."""
    path = getattr(error, "filename", None) or file
    words = getattr(error, "strerror", None) or str(error)
    fix = f"make it readable (ls -ld {shlex.quote(str(path))}), or pass another file"
    raise DeclarationError(f"input {path}", f"it cannot be read: {words}", fix) from error


def _missing(file: Path) -> NotFoundError:
    folder = file.parent
    if file.is_symlink():
        problem = f"it is a link to {file.readlink()}, and there is no such file"
        return NotFoundError(
            str(file), problem, "remove the link, or make the file that it leads to"
        )
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
