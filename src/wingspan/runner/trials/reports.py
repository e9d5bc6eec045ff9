"""Read what a running trial logs of its metric, and write the verdict for it to wait for."""

import os
from pathlib import Path
from typing import Any

from wingspan.runner.run_folder import METRICS, STOP, VERDICT, WORK
from wingspan.runner.wandb_file import history_file, read_history
from wingspan.tracking import record


class Reports:
    """One attempt of a trial; a trial that was started again has others before it.

    Attributes
    ----------
    stopped
        The trial was asked to stop.
    """

    def __init__(
        self, attempt: Path, metric: str, before: int = 0, *, script: bool = False
    ) -> None:
        """Follow an attempt; `before` counts the reports of earlier attempts, a `script` may log with W&B's client."""
        self.attempt = attempt
        self.stopped = False
        self._metric = metric
        self._offset = 0
        self._lines = 0
        self._reports = before
        self._script = script
        self._size = self._rows = 0

    def new(self) -> list[tuple[int, float]]:
        """Return the values that were logged since the last call, with their steps."""
        entries, self._offset = record.read_new(self.attempt / METRICS, self._offset)
        self._lines += len(entries)
        entries += self._from_wandb()
        found = []
        for entry in entries:
            value = _logged(entry, self._metric)
            if value is not None:
                step = entry.get("step")
                found.append((step if isinstance(step, int) else self._reports, value))
                self._reports += 1
        return found

    def _from_wandb(self) -> list[dict[str, Any]]:
        """Return what a script has logged with W&B's client since the last call."""
        file = history_file(self.attempt / WORK) if self._script else None
        size = 0 if file is None else file.stat().st_size
        if file is None or size == self._size:
            return []
        self._size = size
        rows = read_history(file)
        new, self._rows = rows[self._rows :], len(rows)
        return [{"step": int(row.get("_step", 0)), "metrics": row} for row in new]

    def stop(self) -> None:
        """Let ``ws.should_stop()`` say yes."""
        self.stopped = True
        (self.attempt / STOP).touch()

    def answer(self) -> None:
        """Say that all lines read so far are judged; written after `stop`."""
        draft = self.attempt / f".{VERDICT}"
        draft.write_text(str(self._lines))
        os.replace(draft, self.attempt / VERDICT)  # noqa: PTH105 - quicker than Path's


def _logged(entry: dict[str, Any], metric: str) -> float | None:
    metrics = entry.get("metrics")
    value = metrics.get(metric) if isinstance(metrics, dict) else None
    return float(value) if isinstance(value, int | float) else None
