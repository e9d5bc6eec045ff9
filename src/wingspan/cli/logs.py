"""The job event logs that a command is given."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wingspan.cli.paper import counted

if TYPE_CHECKING:
    from wingspan.eventlog.events import Events

_NAMED: Final = 5  # files of a folder that are named


def read(files: Iterable[Path], timezone: str | None = None, cpus: int = 1) -> "Events":
    """Read logs, folders of them and Parquet files; those that are empty are told on stderr."""
    from wingspan.eventlog.logs import read_logs

    given = list(files)
    events = read_logs(given, timezone=timezone, cpus=cpus)
    tell_empty(given)
    return events


def files_of(logs: Iterable[Path]) -> list[Path]:
    """Return the files that there are of some logs, with their rotations, and of folders."""
    from wingspan.eventlog.logs import sort_folder
    from wingspan.eventlog.rotation import rotations_of

    found = [sort_folder(log)[0] if log.is_dir() else rotations_of(log) for log in logs]
    return [path for each in found for path in each if path.exists()]


def say_missing(logs: Iterable[Path]) -> None:
    """Say on stderr which logs are not there yet."""
    for log in logs:
        if not log.exists():
            print(f"{log} is not there: waiting for it", file=sys.stderr)


def tell_empty(files: Iterable[Path]) -> None:
    """Say on stderr which files have nothing in them, and which files of folders are not event logs."""
    for path in files:
        if path.is_file() and not path.stat().st_size:
            print(f"{path} is empty: no event yet", file=sys.stderr)
        elif path.is_dir():
            _tell_others(path)


def _tell_others(folder: Path) -> None:
    from wingspan.eventlog.logs import sort_folder

    _, others = sort_folder(folder)
    if not others:
        return
    names = [str(each.relative_to(folder)) for each in others[:_NAMED]]
    names += [f"{len(others) - _NAMED:,} more"] if len(others) > _NAMED else []
    verb = "is not an event log" if len(others) == 1 else "are not event logs"
    found = f"{folder}: {counted(len(others), 'file')} {verb} and not read: {', '.join(names)}"
    print(found, file=sys.stderr)
