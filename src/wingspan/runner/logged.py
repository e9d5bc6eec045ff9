"""Read what a running attempt logs with ``ws.log``, or a script with W&B's client."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wingspan.runner.run_folder import METRICS, WORK
from wingspan.tracking import record
from wingspan.tracking.wandb_file import history_file, read_history

Curves = dict[str, dict[int, float]]  # metric -> step of training -> value, the newest last


class Logged:
    """The log of one attempt; each call reads on from where the last one ended.

    Attributes
    ----------
    lines
        Number of lines of its file of metrics that were read.
    """

    def __init__(self, attempt: Path, *, script: bool = False) -> None:
        self.lines = 0
        self._file = f"{attempt}/{METRICS}"
        self._work = attempt / WORK if script else None
        self._offset = self._size = self._rows = 0

    def new(self) -> list[dict[str, Any]]:
        """Return the entries logged since the last call, each with its ``step`` and ``metrics``."""
        return self._from_file() + self._from_wandb()

    def _from_file(self) -> list[dict[str, Any]]:
        try:
            size = os.stat(self._file).st_size  # noqa: PTH116 - quicker than Path's, and asked often
        except FileNotFoundError:
            return []
        if size == self._offset:
            return []
        entries, self._offset = record.read_new(Path(self._file), self._offset)
        self.lines += len(entries)
        return entries

    def _from_wandb(self) -> list[dict[str, Any]]:
        file = history_file(self._work) if self._work is not None else None
        size = 0 if file is None else file.stat().st_size
        if file is None or size == self._size:
            return []
        self._size = size
        rows = read_history(file)
        new, self._rows = rows[self._rows :], len(rows)
        return [entry_of(row) for row in new]


def add_points(curves: Curves, entry: Mapping[str, Any]) -> None:
    """Add an entry's numbers to curves; a newer value of a step replaces the older one."""
    step = entry.get("step")
    for name, value in numbers_of(entry).items():
        points = curves.setdefault(name, {})
        place = step if isinstance(step, int) else len(points)
        points.pop(place, None)
        points[place] = value


def entry_of(row: Mapping[str, float]) -> dict[str, Any]:
    """Return a row of W&B's history as ``ws.log`` would have written it."""
    numbers = {name: value for name, value in row.items() if not name.startswith("_")}
    time = row.get("_timestamp", 0.0)
    return {"time": time, "step": int(row.get("_step", 0)), "metrics": numbers}


def keep_what_scripts_log(attempt: Path) -> None:
    """Add what a script logged with W&B's client to the metrics of its attempt.

    The attempt's work folder, where the client writes, does not come with it.
    """
    file = history_file(attempt / WORK)
    for row in read_history(file) if file is not None else ():
        record.append(attempt / METRICS, entry_of(row))


def numbers_of(entry: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of an entry by name."""
    metrics = entry.get("metrics")
    pairs = metrics.items() if isinstance(metrics, dict) else ()
    return {name: float(value) for name, value in pairs if type(value) in {int, float}}
