"""Read what a running trial logs of its metric, and write the verdict for it to wait for."""

import os
from pathlib import Path
from typing import Any

from wingspan.runner.run_folder import METRICS, STOP, VERDICT
from wingspan.tracking import record


class Reports:
    """One attempt of a trial; a trial that was started again has others before it.

    Attributes
    ----------
    stopped
        The trial was asked to stop.
    """

    def __init__(self, attempt: Path, metric: str, before: int = 0) -> None:
        """Follow an attempt; `before` counts the reports of earlier attempts."""
        self.attempt = attempt
        self.stopped = False
        self._metric = metric
        self._offset = 0
        self._lines = 0
        self._reports = before

    def new(self) -> list[tuple[int, float]]:
        """Return the values that were logged since the last call, with their steps."""
        entries, self._offset = record.read_new(self.attempt / METRICS, self._offset)
        self._lines += len(entries)
        found = []
        for entry in entries:
            value = _logged(entry, self._metric)
            if value is not None:
                step = entry.get("step")
                found.append((step if isinstance(step, int) else self._reports, value))
                self._reports += 1
        return found

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
