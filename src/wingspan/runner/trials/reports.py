"""Read the metric that a running trial logs, and write the verdict that it may wait for."""

import os
from pathlib import Path

from wingspan.runner.logged import Logged, numbers_of
from wingspan.runner.run_folder import STOP, VERDICT


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
        """Follow an attempt.

        `before` counts the reports of earlier attempts. A `script` may log with W&B's client.
        """
        self.attempt = attempt
        self.stopped = False
        self._metric = metric
        self._logged = Logged(attempt, script=script)
        self._reports = before

    def new(self) -> list[tuple[int, float]]:
        """Return the values that were logged since the last call, with their steps."""
        found = []
        for entry in self._logged.new():
            value = numbers_of(entry).get(self._metric)
            if value is not None:
                step = entry.get("step")
                found.append((step if isinstance(step, int) else self._reports, value))
                self._reports += 1
        return found

    def stop(self) -> None:
        """Make ``ws.should_stop()`` return True."""
        self.stopped = True
        (self.attempt / STOP).touch()

    def answer(self) -> None:
        """Record that all lines read so far are judged; called after `stop`."""
        draft = self.attempt / f".{VERDICT}"
        draft.write_text(str(self._logged.lines))
        os.replace(draft, self.attempt / VERDICT)  # noqa: PTH105 - quicker than Path's
