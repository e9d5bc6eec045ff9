"""Read the job event logs that a command names."""

import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wingspan.cli.paper import wrap
from wingspan.shown import counted, duration, listed

if TYPE_CHECKING:
    from wingspan.eventlog.events import Events
    from wingspan.eventlog.read_new import Gap

_NAMED: Final = 5  # files of a folder that are named


def read(files: Iterable[Path], timezone: str | None = None, cpus: int = 1) -> "Events":
    """Read logs, folders of them and Parquet files; empty ones are reported on stderr."""
    from wingspan.eventlog.logs import read_logs

    given = list(files)
    events = read_logs(given, timezone=timezone, cpus=cpus)
    report_empty(given)
    report_copies(events)
    for line in clock_lines(events):
        print(line, file=sys.stderr)
    return events


def files_of(logs: Iterable[Path]) -> list[Path]:
    """Return the existing files of logs, with their rotations, and of folders."""
    from wingspan.eventlog.logs import sort_folder
    from wingspan.eventlog.rotations import rotations_of

    found = [sort_folder(log).logs if log.is_dir() else rotations_of(log) for log in logs]
    return [path for each in found for path in each if path.exists()]


def say_missing(logs: Iterable[Path]) -> None:
    """Report on stderr which logs do not exist yet."""
    for log in logs:
        if not log.exists():
            print(f"{log} does not exist yet: waiting for it", file=sys.stderr)


def gap_text(gap: "Gap") -> str:
    """Return a line on bytes of a log that are lost."""
    lost = "an unknown part of the log" if gap.length is None else counted(gap.length, "byte")
    return wrap(f"gap: {lost} missing before {gap.path}: {gap.why}", "  ")


def report_empty(files: Iterable[Path]) -> None:
    """Report on stderr which files are empty, and what in folders was not read."""
    for path in files:
        if path.is_file() and not path.stat().st_size:
            print(f"{path} is empty: no event yet", file=sys.stderr)
        elif path.is_dir():
            _report_others(path)


def report_copies(events: "Events") -> None:
    """Report on stderr which files have the same events as another one."""
    for file in events.files:
        if file.copies:
            names = listed(map(str, file.copies), _NAMED)
            text = f"not read, all events are in {file.path}: {names}"
            print(wrap(text, "  "), file=sys.stderr)


def clock_lines(events: "Events") -> list[str]:
    """Return a line on each log whose clock went back, or is ahead of this machine's."""
    from wingspan.eventlog.clocks import ahead_of, steps_back

    found = [
        f"the clock of {one.path} went back by up to {duration(one.most_s)} ({counted(one.times, 'time')}, first at "
        f"{_instant(one.at)} in job {one.job}): the log's order decides, and times are as written"
        for one in steps_back(events)
    ]
    found += [
        f"{one.path}: {counted(one.events, 'event')} up to {duration(one.most_s)} later than this machine's clock, "
        "which means a wrong clock or a log of another time zone"
        for one in ahead_of(events, time.time())
    ]
    return [wrap(line, "  ") for line in found]


def _instant(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}Z"


def _report_others(folder: Path) -> None:
    from wingspan.eventlog.logs import sort_folder

    found = sort_folder(folder)
    verb = "is not an event log" if len(found.others) == 1 else "are not event logs"
    _report_unread(folder, found.others, "file", f"{verb} and not read")
    verb = "is not searched" if len(found.hidden) == 1 else "are not searched"
    _report_unread(folder, found.hidden, "hidden path", verb)


def _report_unread(folder: Path, paths: Sequence[Path], kind: str, why: str) -> None:
    if not paths:
        return
    names = [str(each.relative_to(folder)) for each in paths[:_NAMED]]
    names += [f"{len(paths) - _NAMED:,} more"] if len(paths) > _NAMED else []
    print(f"{folder}: {counted(len(paths), kind)} {why}: {', '.join(names)}", file=sys.stderr)
