"""Write whole files or none, and name bytes by their digest. All other modules write through here."""

import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wingspan.errors import SpaceError

DIGEST = "blake2b-256"
_CHUNK = 1 << 20


def digest_bytes(content: bytes) -> str:
    """Return ``blake2b-256:<64 hex digits>`` of the bytes."""
    return f"{DIGEST}:{hashlib.blake2b(content, digest_size=32).hexdigest()}"


def digest_file(path: Path) -> str:
    """Return the digest of a file's bytes, or of a folder's relative names and files, in sorted order."""
    if path.is_dir():
        return digest_folder(path, digest_file)
    state = hashlib.blake2b(digest_size=32)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            state.update(chunk)
    return f"{DIGEST}:{state.hexdigest()}"


def digest_folder(folder: Path, digest: Callable[[Path], str]) -> str:
    """Return the digest of a folder's relative names and of what `digest` says of its files."""
    state = hashlib.blake2b(digest_size=32)
    for entry in sorted(folder.rglob("*")):
        kind = "folder" if entry.is_dir() else digest(entry)
        state.update(f"{entry.relative_to(folder).as_posix()}\0{kind}\0".encode())
    return f"{DIGEST}:{state.hexdigest()}"


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files of a folder."""
    if path.is_dir():
        return sum(entry.stat().st_size for entry in path.rglob("*") if entry.is_file())
    return path.stat().st_size


def json_text(value: Any) -> str:  # noqa: ANN401 - whatever json takes
    """Return the one JSON text of a value: sorted keys, no spaces, NaN refused."""
    return _JSON.encode(value)


_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def no_space(path: Path) -> SpaceError:
    """Return the error that says that a path could not be written for want of room."""
    problem = f"no space left to write {path.name}"
    fix = "free some space (`wingspan store gc` removes old results), then give the same command again"
    return SpaceError(str(path.parent), problem, fix)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn "no space" and "quota exceeded" into a `SpaceError` that names the folder."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise no_space(path) from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path` against other processes and threads; waits for it. The file stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)  # released by close, also when the process is killed
        yield
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
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
    """Give a path beside `path` to write to; when the block ends well, it becomes `path` in one step.

    A file or a folder; a file replaces what was there. On any error what was there stays, and nothing is left over.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}.part")
    try:
        with disk_errors(path):
            yield temporary
            sync_tree(temporary)
            temporary.rename(path)
            sync_file(path.parent)
    except BaseException:
        remove(temporary)
        raise


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file whole, on the disk when this returns, or leave what was there."""
    with aside(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def copy(
    source: Path, place: Path, copy_file: Callable[[Path, Path], object] = shutil.copyfile
) -> None:
    """Copy a file, or a folder with all that is in it; the first error is raised as it is."""
    if not source.is_dir():
        copy_file(source, place)
        return
    place.mkdir()
    for entry in sorted(source.iterdir()):
        copy(entry, place / entry.name, copy_file)


def remove(path: Path) -> None:
    """Remove a file or a folder, also one with read-only content; nothing if it is not there."""
    if path.is_dir() and not path.is_symlink():
        path.chmod(0o755)
        for entry in path.iterdir():
            remove(entry)
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
