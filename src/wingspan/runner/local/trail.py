"""A run on this machine, for a process that does not drive it; its record has everything."""

import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from wingspan.errors import ConflictError
from wingspan.runner.events import StepEvent
from wingspan.runner.logged import Curves, Logged, add_points
from wingspan.runner.protocol import Trail
from wingspan.runner.run_folder import RunFolder


class LocalTrail(Trail):
    """A run whose jobs end with the process that drives it."""

    without_jobs = "it ran on this machine, not in a pool"

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._logged: dict[Path, tuple[Logged, Curves]] = {}

    def live_curves(self, keys: Iterable[str]) -> dict[str, Curves]:
        """Return what the last attempts of steps have logged."""
        found = {}
        for key in keys:
            for attempt in self._folder.attempts(key)[-1:]:
                fresh = Logged(attempt, script=True), Curves()
                logged, found[key] = self._logged.setdefault(attempt, fresh)
                for entry in logged.new():
                    add_points(found[key], entry)
        return found

    def look(self) -> tuple[list[StepEvent], bool]:
        """Return nothing: without a driver nothing happens."""
        return [], False

    def catch_up(self) -> bool:
        """Return that the run does not go on: its driver has recorded all."""
        return False

    def stop(self) -> None:
        """Send Ctrl-C to the process that drives the run, if there is one.

        Raises
        ------
        ConflictError
            The process is on another machine.
        """
        run_id = self._folder.run_id
        pid, host = self._folder.driver() or (None, "")
        if pid is None:
            return
        if host != os.uname().nodename:
            problem = f"it is driven from {host}, so it cannot be stopped from here"
            raise ConflictError(f"run {run_id}", problem, f"on {host}: wingspan stop {run_id}")
        with suppress(ProcessLookupError):  # it has just ended
            os.kill(pid, signal.SIGINT)
