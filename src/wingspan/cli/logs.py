"""The job event logs that a command is given."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wingspan.eventlog.events import Events


def read(files: Iterable[Path], timezone: str | None = None, cpus: int = 1) -> "Events":
    """Read logs, folders of them and Parquet files; those that are empty are told on stderr."""
    from wingspan.eventlog.logs import read_logs

    given = list(files)
    events = read_logs(given, timezone=timezone, cpus=cpus)
    tell_empty(given)
    return events


def tell_empty(files: Iterable[Path]) -> None:
    """Say on stderr which files have nothing in them."""
    for path in files:
        if path.is_file() and not path.stat().st_size:
            print(f"{path} is empty: no event yet", file=sys.stderr)
