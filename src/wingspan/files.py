"""Write whole files or none, and name bytes by their digest.

All other modules write through this one.
"""

import errno
import fcntl
import hashlib
import json
import os
import shlex
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from wingspan.errors import DeclarationError, ReadOnlyError, SpaceError, WingspanError

DIGEST = "blake2b-256"
_CHUNK = 1 << 20
_MOST_LINKS = 10_000  # to folders, followed in one folder
_OPEN = open  # a job notes what its step opens; not the files that Wingspan itself keeps there


def read_file(path: str | Path) -> bytes:
    """Return the bytes of a file that Wingspan wrote."""
    with _OPEN(path, "rb") as file:
        return file.read()


def write_file(path: str | Path, content: str | bytes) -> None:
    """Write a file of Wingspan's own in place; see `write_atomically` for what must be whole."""
    with _OPEN(path, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)


def digest_bytes(content: bytes) -> str:
    """Return ``blake2b-256:<64 hex digits>`` of the bytes."""
    return f"{DIGEST}:{hashlib.blake2b(content, digest_size=32).hexdigest()}"


def digest_file(path: Path) -> str:
    """Return the digest of a file's bytes, or of a folder's relative names and files, sorted.

    Raises
    ------
    DeclarationError
        It is, or the folder holds, what is neither file nor folder; or its links lead in circles without end.
    """
    status = os.stat(path)  # noqa: PTH116 - one look for kind, size and times
    if stat.S_ISDIR(status.st_mode):
        return digest_folder(path, lambda found: digest_bytes_of(found.path, found.status))
    return digest_bytes_of(str(path), status)


def digest_bytes_of(path: str, status: os.stat_result) -> str:
    """Return the digest of a regular file's bytes; `status` is what `os.stat` says of it."""
    require_regular(path, status)
    state = hashlib.blake2b(digest_size=32)
    with open(path, "rb") as file:  # noqa: PTH123 - a hundred thousand paths as text are quicker
        while chunk := file.read(_CHUNK):
            state.update(chunk)
    return f"{DIGEST}:{state.hexdigest()}"


def digest_folder(
    folder: Path, digest: Callable[["Found"], str], note: Callable[["Found"], None] | None = None
) -> str:
    """Return the digest of a folder's relative names and of what `digest` says of its files.

    Links are followed: what they lead to counts as if it lay there. `note` is called with each entry first.
    """
    state = hashlib.blake2b(digest_size=32)
    for found in walk(folder):
        if note is not None:
            note(found)
        if found.loop:
            kind = f"loop {found.loop}"
        elif stat.S_ISDIR(found.status.st_mode):
            kind = "folder"
        else:
            kind = digest(found)
        state.update(os.fsencode(found.name) + f"\0{kind}\0".encode())
    return f"{DIGEST}:{state.hexdigest()}"


class Found(NamedTuple):
    """What `walk` found in a folder.

    Parameters
    ----------
    name
        Relative to the folder, with ``/``.
    status
        Of what a link leads to, not of the link.
    loop
        Of a link to a folder that it lies in: how many levels above the link that folder is. Else 0.
    """

    name: str
    path: str
    status: os.stat_result
    loop: int


def walk(folder: Path) -> Iterator[Found]:
    """Yield the content of a folder and of linked folders, sorted, folders first.

    Raises
    ------
    DeclarationError
        Folders that link to one another are reached in more than ten thousand ways.
    """
    top = os.stat(folder)  # noqa: PTH116
    followed = 0
    # Of each folder that is still to be read: its path and name, and the identities of those above it and its own.
    waiting: list[Iterator[Found]] = [_entries(str(folder), "")]
    above = [(top.st_dev, top.st_ino)]
    while waiting:
        found = next(waiting[-1], None)
        if found is None:
            waiting.pop()
            above.pop()
            continue
        if not stat.S_ISDIR(found.status.st_mode):
            yield found
            continue
        own = (found.status.st_dev, found.status.st_ino)
        if own in above:  # without links no folder lies in itself
            yield found._replace(loop=len(above) - above.index(own))
            continue
        followed += os.path.islink(found.path)  # noqa: PTH114
        if followed > _MOST_LINKS:
            problem = f"more than {_MOST_LINKS:,} linked folders are reached through one another"
            raise DeclarationError(str(folder), problem, "pass the folders that the step reads")
        yield found
        waiting.append(_entries(found.path, f"{found.name}/"))
        above.append(own)


def _entries(path: str, prefix: str) -> Iterator[Found]:
    with os.scandir(path) as listing:
        entries = sorted(listing, key=attrgetter("name"))
    for entry in entries:
        yield Found(prefix + entry.name, entry.path, entry.stat(), 0)


_KINDS = {
    stat.S_IFIFO: "a FIFO (named pipe)",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
}


def require_regular(path: str, status: os.stat_result) -> None:
    """Refuse what is neither a file nor a folder: reading it might never end.

    Raises
    ------
    DeclarationError
        Names it and its kind.
    """
    if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
        return
    kind = _KINDS.get(stat.S_IFMT(status.st_mode), "of an unknown kind")
    fix = "write its content to a file and pass that file, or move it out of the folder"
    raise DeclarationError(path, f"expected a file or a folder, found {kind}", fix)


def identity(status: os.stat_result) -> list[int]:
    """Return what changes whenever a file's content does: inode, size, both times, device.

    A program can set the modification time back after a change, but not the change time.
    """
    times = (status.st_mtime_ns, status.st_ctime_ns)
    return [status.st_ino, status.st_size, *times, status.st_dev]


def stamp(path: str | Path) -> str:
    """Return a text that stays the same while a file or folder is certainly unchanged.

    It also changes with what is not content, such as permissions or a further hard link: then compare digests.
    """
    status = os.stat(path)  # noqa: PTH116
    if not stat.S_ISDIR(status.st_mode):
        return stamp_of(status)
    stamper = Stamper()
    for found in walk(Path(path)):
        stamper.add(found)
    return stamper.text()


class Stamper:
    """Makes the `stamp` of a folder while something else is done with its content."""

    def __init__(self) -> None:
        self._state = hashlib.blake2b(digest_size=16)

    def add(self, found: Found) -> None:
        """Take in the next entry that `walk` yields."""
        folder = stat.S_ISDIR(found.status.st_mode)
        kind = f"folder {found.loop}" if folder else stamp_of(found.status)
        self._state.update(os.fsencode(found.name) + f"\0{kind}\0".encode())

    def text(self) -> str:
        """Return the stamp."""
        return self._state.hexdigest()


def stamp_of(status: os.stat_result) -> str:
    """Return the `stamp` of a file of which `os.stat` said this."""
    times = f"{status.st_mtime_ns} {status.st_ctime_ns}"
    return f"{status.st_ino} {status.st_size} {times} {status.st_dev}"


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files of a folder."""
    status = os.stat(path)  # noqa: PTH116
    if stat.S_ISDIR(status.st_mode):
        return sum(entry.stat().st_size for entry in path.rglob("*") if entry.is_file())
    return status.st_size


def json_text(value: Any) -> str:  # noqa: ANN401 - whatever json takes
    """Return the one JSON text of a value: sorted keys, no spaces, NaN refused."""
    return _JSON.encode(value)


_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def no_space(path: Path) -> SpaceError:
    """Return the error that says that a path could not be written for want of room."""
    problem = f"no space left to write {path.name}"
    fix = "free some space (`wingspan store gc` removes old results), then give the same command again"
    return SpaceError(str(path.parent), problem, fix)


def no_room(error: OSError) -> bool:
    """Return whether an error says "no space" or "quota exceeded"."""
    return error.errno in _FULL


@contextmanager
def disk_errors(path: str | Path) -> Iterator[None]:
    """Turn "no space" and "quota exceeded" into a `SpaceError` that names the folder."""
    try:
        yield
    except OSError as error:
        if not no_room(error):
            raise
        raise no_space(Path(path)) from error


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_CLOSED = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_OPEN_IT = "make it writable, or name another folder: --home FOLDER, or WINGSPAN_HOME"


@contextmanager
def writing(path: Path, fix: str = "") -> Iterator[None]:
    """Turn the errors of a path that cannot be written into a `SpaceError` or a `ReadOnlyError`.

    Parameters
    ----------
    fix
        What to do about a folder that may not be written; by default to name another home.
    """
    try:
        with disk_errors(path):
            yield
    except ReadOnlyError as error:
        raise ReadOnlyError(error.where, error.problem, fix or error.fix) from error.__cause__
    except OSError as error:
        place = Path(error.filename or path)
        if error.errno not in _CLOSED or not (
            place.is_relative_to(path.parent) or path.is_relative_to(place)
        ):
            raise
        raise _read_only(place, error, fix) from error


def _read_only(place: Path, error: OSError, fix: str = "") -> ReadOnlyError:
    folder = place if place.is_dir() else place.parent
    return ReadOnlyError(str(folder), f"it cannot be written: {error.strerror}", fix or _OPEN_IT)


def explained(error: OSError) -> WingspanError | None:
    """Return a fix for a file that could not be read or written, or None."""
    if error.filename is None or isinstance(error, WingspanError):
        return None
    path = Path(os.fsdecode(error.filename))
    if error.errno in _FULL:
        return no_space(path)
    if error.errno == errno.EROFS:
        return _read_only(path, error)
    if error.errno in _CLOSED:
        fix = f"look who may: ls -ld {shlex.quote(str(path))}"
        return ReadOnlyError(str(path), f"it cannot be opened: {error.strerror}", fix)
    return None


@contextmanager
def locked(path: Path, *, make: bool = True) -> Iterator[None]:
    """Wait for a lock file, which stays, and hold it against other threads; `make` its folder."""
    with writing(path):
        if make:
            path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)  # released by close, also when the process is killed
        yield
    finally:
        os.close(handle)


def sync_file(path: str | Path) -> None:
    """Force a file's, or a folder's own, content to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(path: Path) -> None:
    """Force a file, or a folder with all that is in it, to the disk."""
    if path.is_dir():
        for entry in path.iterdir():
            if not entry.is_symlink():
                sync_tree(entry)
    sync_file(path)


@contextmanager
def aside(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to `path`; rename it to `path` when the block ends well.

    A file or a folder; a file replaces what was there. On any error what was there stays, and nothing is left over.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}.part")
    try:
        with writing(path):
            yield temporary
            sync_tree(temporary)
            temporary.rename(path)
            sync_file(path.parent)
    except BaseException:
        with suppress(OSError):  # the first error is the one that counts
            remove(temporary)
        raise


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file whole, on the disk when this returns, or leave what was there."""
    with aside(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def copy(
    source: Path, place: Path, copy_file: Callable[[Path, Path], object] = shutil.copyfile
) -> None:
    """Copy a file, or a folder with everything in it that its links reach.

    The first error is raised unchanged. A link that leads in a circle stays a link.
    """
    if not source.is_dir():
        copy_file(source, place)
        return
    place.mkdir()
    for found in walk(source):
        target = place / found.name
        if found.loop:
            target.symlink_to("/".join([".."] * (found.loop - 1)) or ".")
        elif stat.S_ISDIR(found.status.st_mode):
            target.mkdir()
        else:
            require_regular(found.path, found.status)
            copy_file(Path(found.path), target)


def remove(path: str | Path) -> None:
    """Remove a file or a folder, also one with read-only content; nothing if it is not there."""
    try:
        status = os.lstat(path)
        if not stat.S_ISDIR(status.st_mode):
            os.unlink(path)  # noqa: PTH108
            return
    except FileNotFoundError:
        return
    os.chmod(path, 0o755)  # noqa: PTH101
    for name in os.listdir(path):  # noqa: PTH208
        remove(os.path.join(path, name))  # noqa: PTH118
    os.rmdir(path)  # noqa: PTH106
