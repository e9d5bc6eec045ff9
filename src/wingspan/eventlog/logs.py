"""What a user names -> events: logs, folders of them and Parquet files; files that are no event logs are refused."""

import re
from collections.abc import Iterable
from datetime import tzinfo
from pathlib import Path
from typing import Final

from wingspan.errors import EventLogError
from wingspan.eventlog.events import Events
from wingspan.eventlog.parquet import join, read_parquet
from wingspan.eventlog.read import PathInput, read_events
from wingspan.eventlog.sources import open_log

PARQUET: Final = ".parquet"
_START: Final = 1 << 20  # bytes in which a log shows what it is
_RECORD: Final = re.compile(
    rb"^\d{3} \(-?\d+\.-?\d+\.|EventTypeNumber|<classads>|<c>", re.MULTILINE
)
_BEGUN: Final = re.compile(
    rb"\s*(\d{1,3}( \(?[\d.-]*)?|[{\[]\s*|<[^>]*)"
)  # a writer was interrupted


def read_logs(
    paths: Iterable[PathInput], *, timezone: str | tzinfo | None = None, cpus: int = 1
) -> Events:
    """Read events as `read_events` does, also of folders and of Parquet files that `write_parquet` made.

    A folder of such parts is one table. In another folder, files named ``*.log`` or ``EventLog*`` (also ``.gz``, ``.zst``) are read, at any depth, and of those the
    ones that are job event logs.

    Raises
    ------
    NotFoundError
        A file is not there.
    EventLogError
        A file with content holds no record at all, or a folder no log.
    """
    given = [Path(path) for path in paths]
    tables = [read_parquet(path) for path in given if _is_table(path)]
    logs = [each for path in given if not _is_table(path) for each in logs_in(path)]
    if not logs and tables:
        return join(tables)
    events = read_events(logs, timezone=timezone, cpus=cpus)
    _refuse_others(events)
    return join([*tables, events]) if tables else events


def _is_table(path: Path) -> bool:
    return path.suffix == PARQUET or any(path.glob(f"part-*{PARQUET}"))


def logs_in(path: Path) -> list[Path]:
    """Return the files to read: of a folder those whose names and content say that they are logs."""
    if not path.is_dir():
        return [path]
    named = [each for each in path.rglob("*") if each.is_file() and _is_log_name(each.name)]
    found = [each for each in named if is_log(each)]
    if not found:
        fix = (
            "give the files themselves; in a folder, *.log and EventLog* (also .gz, .zst) are read"
        )
        raise EventLogError(str(path), "no job event log is in this folder", fix)
    return sorted(found)


def _is_log_name(name: str) -> bool:
    bare = name.removesuffix(".gz").removesuffix(".zst")
    return bare.endswith(".log") or bare.startswith("EventLog")


def is_log(path: Path) -> bool:
    """Say whether a file is empty, or has a record of a job event log, or the beginning of one, in its first MiB."""
    start = _start_of(path)
    return not start or bool(_RECORD.search(start) or _BEGUN.fullmatch(start))


def _refuse_others(events: Events) -> None:
    told = set(events.file.tolist()) if len(events.files) > 1 else {0} if len(events) else set()
    for number, file in enumerate(events.files):
        if file.size and number not in told:
            check_log(file.path)


def check_log(path: Path) -> None:
    """Raise `EventLogError` if a file `is_log` not."""
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
