"""Keep the journal of a study, one JSON object a line.

Lines are only appended. A draw is on the disk before the search hands it out.

::

    studies/STUDY/
      journal.jsonl    first line: format and spec; then draws, starts, reports, endings, marks
      lock             held by the one search that draws; names its run
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from wingspan.errors import ConflictError, CorruptError, FormatError, NotFoundError
from wingspan.files import disk_errors, json_text, no_space, sync_file
from wingspan.sweep.records import Entry

FORMAT: Final = 1
JOURNAL: Final = "journal.jsonl"
LOCK: Final = "lock"


class Journal:
    """A journal that is open for writing; as a context manager, it releases the lock at the end."""

    def __init__(self, folder: Path, spec: Mapping[str, Any], run_id: str) -> None:
        """Take the lock, and cut off a last line that a crash left unfinished.

        Raises
        ------
        ConflictError
            Another run has the study open, or the folder holds another study.
        FormatError
            A newer Wingspan wrote the journal.
        CorruptError
            A line before the last one cannot be read.
        """
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(folder, run_id)
        try:
            self._file, self.entries = self._open(folder / JOURNAL, spec)
            self._size = os.fstat(self._file).st_size
        except BaseException:
            os.close(self._lock)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._file)
        os.close(self._lock)

    def append(self, entry: Mapping[str, Any], *, durable: bool = False) -> None:
        """Add one entry by a single write; a durable entry is on the disk when this returns."""
        line = f"{json_text(entry)}\n".encode()
        with disk_errors(self.folder / JOURNAL):
            try:
                if os.write(self._file, line) < len(line):
                    raise no_space(self.folder / JOURNAL)
            except OSError:
                os.ftruncate(self._file, self._size)  # half a line would spoil the next one
                raise
            self._size += len(line)
            if durable:
                os.fsync(self._file)

    def sync(self) -> None:
        """Return once all entries are on the disk."""
        with disk_errors(self.folder / JOURNAL):
            os.fsync(self._file)

    def _open(self, path: Path, spec: Mapping[str, Any]) -> tuple[int, list[Entry]]:
        header = {"event": "study", "format": FORMAT, "spec": spec}
        content = path.read_bytes() if path.exists() else b""
        entries, whole = _parsed(content, path)
        if entries:
            _check_header(entries[0], path)
            if json_text(entries[0]["spec"]) != json_text(spec):
                problem = "the folder holds a study with other settings"
                raise ConflictError(str(path), problem, "use another --home")
        with disk_errors(path):
            file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            if whole < len(content):
                os.ftruncate(file, whole)
            if not entries:
                os.write(file, f"{json_text(header)}\n".encode())
                os.fsync(file)
                sync_file(path.parent)
                sync_file(path.parent.parent)
        return file, entries[1:]


def read_journal(folder: Path) -> tuple[Mapping[str, Any], list[Entry]]:
    """Return a study's spec and entries without taking its lock.

    An unfinished last line is skipped.

    Raises
    ------
    NotFoundError
        The study does not exist.
    """
    path = folder / JOURNAL
    if not path.exists():
        raise NotFoundError(str(folder), "there is no study here", "run the sweep first")
    entries, _ = _parsed(path.read_bytes(), path)
    if not entries:
        raise NotFoundError(str(folder), "the study has not begun", "run the sweep first")
    _check_header(entries[0], path)
    return entries[0]["spec"], entries[1:]


def _parsed(content: bytes, path: Path) -> tuple[list[Entry], int]:
    """Return the entries of all whole lines, and their size in bytes."""
    whole = content.rfind(b"\n") + 1
    lines = content[:whole].splitlines()
    entries: list[Entry] = []
    for number, line in enumerate(lines, 1):
        entry = _entry(line)
        if entry is None and number == len(lines):  # a crash can leave a damaged last line
            return entries, whole - len(line) - 1
        if entry is None:
            problem = f"line {number} is not an entry of a study's journal"
            fix = (
                f"restore the file from a backup, or remove {path.parent} to begin the study again"
            )
            raise CorruptError(str(path), problem, fix)
        entries.append(entry)
    return entries, whole


def _entry(line: bytes) -> Entry | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and "event" in entry else None


@contextmanager
def readable(folder: Path) -> Iterator[None]:
    """Turn the error of an incomplete entry into one that names the journal.

    Raises
    ------
    CorruptError
        An entry or the spec does not have this format.
    """
    try:
        yield
    except (KeyError, IndexError, TypeError) as error:
        problem = f"an entry is malformed: {type(error).__name__}: {error}"
        fix = f"restore the file from a backup, or remove {folder} to begin the study again"
        raise CorruptError(str(folder / JOURNAL), problem, fix) from error


def _check_header(header: Entry, path: Path) -> None:
    if header.get("event") != "study" or "spec" not in header:
        problem = "the first line does not describe a study"
        raise CorruptError(str(path), problem, f"remove {path.parent} to begin the study again")
    if header.get("format") != FORMAT:
        problem = f"expected format {FORMAT}, found {header.get('format')}"
        raise FormatError(
            str(path), problem, "use the newer Wingspan that wrote it, or another --home"
        )


def _lock(folder: Path, run_id: str) -> int:
    path = folder / LOCK
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if not isinstance(error, BlockingIOError):
            os.close(handle)
            problem = f"the file system cannot lock files ({error.strerror}), so two runs could search at once"
            raise ConflictError(str(folder), problem, "use a --home on a local disk") from None
        holder = os.read(handle, 1000).decode(errors="replace") or "another run"
        os.close(handle)
        problem = f"run {holder} is searching this study now"
        fix = f"wait for it (wingspan watch {holder}), or end it: wingspan stop {holder}"
        raise ConflictError(str(folder), problem, fix) from None
    os.ftruncate(handle, 0)
    os.pwrite(handle, run_id.encode(), 0)
    return handle


def keys_in(entries: Sequence[Entry]) -> set[str]:
    """Return the keys of all calls that were started."""
    return {each["key"] for each in entries if each["event"] == "began"}
