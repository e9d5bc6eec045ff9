"""One line in a job's event log that says which of its steps runs: written by the job, read where the run is followed.

Only a job of several steps writes it, at most once a second. It goes through the starter (HTCondor's chirp, which the job
may use with ``WantRemoteUpdates`` for lines of its log and nothing else); where that is closed, no line comes.
"""

import os
import re
import socket
import time
from collections.abc import Iterable, Mapping
from io import BufferedReader
from itertools import groupby
from pathlib import Path

from wingspan.runner.events import ENDED as ENDED_STATES
from wingspan.runner.events import RUNNING, StepEvent

WAITS, RUNS, ENDED = "w", "r", "e"
_PREFIX = "wingspan steps "
_ESCAPED = "\\ "  # a space within an argument
_LONGEST = 900  # bytes: HTCondor cuts what is longer without a word
_EACH_S = 1.0
_PATIENCE_S = 5.0


def line_of(states: Iterable[str]) -> str:
    """Return the line for the steps' states, in order.

    >>> line_of("eeerww")
    'wingspan steps 3e1r2w'
    """
    runs = ((state, len(list(group))) for state, group in groupby(states))
    return _PREFIX + "".join(f"{count}{state}" for state, count in runs)


def states_of(line: str, count: int) -> str:
    """Return the states that a line gives for so many steps, a letter a step; empty if the line is not of them.

    >>> states_of("wingspan steps 3e1r2w", 6)
    'eeerww'
    """
    if not re.fullmatch(rf"{_PREFIX}(\d{{1,6}}[{WAITS}{RUNS}{ENDED}])+", line):
        return ""
    runs = [
        (int(number), state) for number, state in re.findall(r"(\d+)(\w)", line[len(_PREFIX) :])
    ]
    if sum(number for number, _ in runs) != count:
        return ""
    return "".join(number * state for number, state in runs)


class ProgressLine:
    """A listener of a job's steps that writes the line when they change.

    Parameters
    ----------
    steps
        Key -> whether it was done before, of the job's steps in order.
    """

    def __init__(self, steps: Mapping[str, bool]) -> None:
        self._states = {key: ENDED if done else WAITS for key, done in steps.items()}
        self._written = ""
        self._at = float("-inf")
        self._starter: tuple[socket.socket, BufferedReader] | None = None
        self._open = len(self._states) > 1
        self._busy = False

    def __call__(self, event: StepEvent) -> None:
        """Take in a change of a step."""
        ended = ENDED if event.state in ENDED_STATES else WAITS
        self._states[event.key] = RUNS if event.state == RUNNING else ended
        self.flush()

    def flush(self) -> None:
        """Write what has changed, unless a line was written just now; also called by a timer, so never twice at once."""
        if not self._open or self._busy or time.monotonic() - self._at < _EACH_S:
            return
        line = line_of(self._states.values())
        if line == self._written or len(line) > _LONGEST:
            return
        self._busy = True
        try:
            self._ask(f"ulog {line.replace(' ', _ESCAPED)}")
            self._written, self._at = line, time.monotonic()
        except (OSError, ValueError):  # closed by the pool's administrator, or out of reach
            self._open = False
            self.close()
        finally:
            self._busy = False

    def close(self) -> None:
        """End the connection."""
        for end in self._starter or ():
            end.close()

    def _ask(self, command: str) -> None:
        """Send a command to the starter, which the first call connects to."""
        if self._starter is None:
            settings = Path(os.environ.get("_CONDOR_CHIRP_CONFIG", ""))
            host, port, cookie = settings.read_text().split()
            connection = socket.create_connection((host, int(port)), _PATIENCE_S)
            self._starter = connection, connection.makefile("rb")
            self._ask(f"cookie {cookie}")
        connection, answers = self._starter
        connection.sendall(f"{command}\n".encode())
        if int(answers.readline()) < 0:
            raise OSError(command)
