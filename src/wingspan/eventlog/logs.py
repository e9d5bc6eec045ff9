"""Read logs, folders and Parquet files as the user names them; refuse other files."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import tzinfo
from pathlib import Path
from typing import Final, TypeAlias

from wingspan.errors import EventLogError
from wingspan.eventlog.copies import without_copies
from wingspan.eventlog.events import Events
from wingspan.eventlog.overlaps import join_overlapping
from wingspan.eventlog.parquet import join, read_parquet
from wingspan.eventlog.read import PathInput, read_events
from wingspan.eventlog.sources import open_log

PARQUET: Final = ".parquet"
_START: Final = 1 << 20  # bytes in which a log is recognised
_RECORD: Final = re.compile(
    rb"^\d{3} \(-?\d+\.-?\d+\.|EventTypeNumber|<classads>|<c>", re.MULTILINE
)
Looked: TypeAlias = dict[Path, tuple[tuple[int, ...], bool]]  # a file's state, whether it is a log
_BEGUN: Final = re.compile(
    rb"\s*(\d{1,3}( \(?[\d.-]*)?|[{\[]\s*|<[^>]*)"
)  # a writer was interrupted


def read_logs(
    paths: Iterable[PathInput], *, timezone: str | tzinfo | None = None, cpus: int = 1
) -> Events:
    """Read events as `read_events` does, and accept folders and Parquet files too.

    `write_parquet` makes such Parquet files.

    A folder of such parts is one table. In any other folder every file that is a job event log by its content is read, at
    any depth. A file that is named twice, or also by a folder, is read once; so is one with copies (`LogFile.copies`).

    Raises
    ------
    NotFoundError
        A file does not exist.
    EventLogError
        A file that is not empty has no record, or a folder has no log.
    """
    given = [Path(path) for path in paths]
    tables = [read_parquet(path) for path in given if _is_table(path)]
    found = [each for path in given if not _is_table(path) for each in logs_in(path)]
    copies = without_copies(found)
    if not copies and tables:
        return join_overlapping(join(tables))
    events = read_events(copies, timezone=timezone, cpus=cpus)
    _refuse_others(events)
    events = _with_copies(events, copies)
    return join_overlapping(join([*tables, events])) if tables else events


def _is_table(path: Path) -> bool:
    return path.suffix == PARQUET or any(path.glob(f"part-*{PARQUET}"))


def _with_copies(events: Events, copies: Mapping[Path, tuple[Path, ...]]) -> Events:
    if not any(copies.values()):
        return events
    files = (replace(file, copies=copies.get(file.path, ())) for file in events.files)
    return replace(events, files=tuple(files))


def logs_in(path: Path) -> list[Path]:
    """Return a file itself, or the files of a folder that are event logs by content."""
    if not path.is_dir():
        return [path]
    found = sort_folder(path).logs
    if not found:
        fix = "give the files themselves, or the folder that has them; a log begins with an event, and hidden folders are not searched"
        raise EventLogError(str(path), "no job event log is in this folder", fix)
    return found


@dataclass(frozen=True, slots=True)
class FolderFiles:
    """The job event logs in a folder, at any depth, the other files, and hidden paths.

    Hidden files and folders are not searched. Parquet files are in no list.
    """

    logs: list[Path]
    others: list[Path]
    hidden: list[Path]


def sort_folder(path: Path, looked: Looked | None = None) -> FolderFiles:
    """Return what is in a folder.

    Parameters
    ----------
    looked
        What was found in files before: those that have not changed, and logs that grew, are not read again.
    """
    files, hidden = [], []
    for folder, folders, names in os.walk(path):
        hidden += [Path(folder, name) for name in (*folders, *names) if name.startswith(".")]
        folders[:] = [name for name in folders if not name.startswith(".")]
        files += [Path(folder, name) for name in names if not name.startswith(".")]
    files = sorted(each for each in files if each.is_file() and each.suffix != PARQUET)
    logs = [each for each in files if _is_still_log(each, looked)]
    return FolderFiles(logs, sorted({*files} - {*logs}), sorted(hidden))


def _is_still_log(path: Path, looked: Looked | None) -> bool:
    if looked is None:
        return _is_log_in_folder(path)
    try:
        facts = path.stat()
    except OSError:  # it is gone by now
        return False
    state = (facts.st_ino, facts.st_size, facts.st_mtime_ns)
    before, log = looked.get(path, ((), False))
    grew = log and before[0] == state[0] and before[1] <= state[1]
    if before != state and not grew:
        log = _is_log_in_folder(path)
    looked[path] = state, log
    return log


def _is_log_in_folder(path: Path) -> bool:
    """Return whether a file in a folder is an event log.

    A file without a log's name must begin with an event, so that texts that quote one are left out.
    """
    try:
        return is_log(path) if _is_log_name(path.name) else _begins_with_event(path)
    except EventLogError:
        return False


def _begins_with_event(path: Path) -> bool:
    start = _start_of(path).lstrip()
    first = start[:4096]
    return bool(
        re.match(rb"\d{3} \(-?\d+\.-?\d+\.", first)
        or (first[:1] in {b"{", b"["} and b"EventTypeNumber" in first)
        or (first[:1] == b"<" and (b"<classads>" in first or first.startswith(b"<c>")))
    )


def _is_log_name(name: str) -> bool:
    bare = name.removesuffix(".gz").removesuffix(".zst")
    return bare.endswith(".log") or bare.startswith("EventLog")


def is_log(path: Path) -> bool:
    """Return whether a file is empty, or its first MiB has an event record or the start of one."""
    start = _start_of(path)
    return not start or bool(_RECORD.search(start) or _BEGUN.fullmatch(start))


def _refuse_others(events: Events) -> None:
    read = set(events.file.tolist()) if len(events.files) > 1 else {0} if len(events) else set()
    for number, file in enumerate(events.files):
        if file.size and number not in read:
            check_log(file.path)


def check_log(path: Path) -> None:
    """Raise `EventLogError` if a file is not an event log."""
    if is_log(path):
        return
    text = _start_of(path)[:200].decode(errors="replace").strip()
    first = text.splitlines()[0][:50] if text else ""
    problem = (
        "expected a job event log (classic, XML or JSON), found no record of one; "
        f"the file begins with {first!r}"
    )
    fix = "give the log that HTCondor writes: `log` of the submit file, a DAG's nodes.log, or EventLog"
    raise EventLogError(str(path), problem, fix)


def _start_of(path: Path) -> bytes:
    start, got = bytearray(_START), 0
    with open_log(path) as source, memoryview(start) as view:
        while got < len(start) and (more := source.readinto(view[got:])):
            got += more
    return bytes(start[:got])
