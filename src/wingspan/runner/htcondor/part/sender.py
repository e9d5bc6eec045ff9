"""Send messages from a job into its event log, few and short; nothing is connected before there is something to say."""

import os
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from wingspan.runner.htcondor.messages import LONGEST, Message, line_of
from wingspan.runner.htcondor.part.chirp import RefusedError, Starter

UPDATES, OFF = "updates", "off"  # ways: messages leave; nothing does
_EACH_S: Final = 1.0  # a line, on average
_RETRY_S, _LONGEST_RETRY_S = 2.0, 60.0


class Sender:
    """The one sender of a job.

    Attributes
    ----------
    way
        How messages leave, as far as it was tried.
    """

    def __init__(self) -> None:
        self.way = UPDATES
        self._start = start_of_job()
        self._number = 0
        self._waiting: deque[Mapping[str, Any]] = deque()
        self._starter: Starter | None = None
        self._at = self._retry_at = float("-inf")
        self._retry_s = _RETRY_S

    @property
    def ready(self) -> bool:
        """Whether something may be said now that can wait."""
        now = time.monotonic()
        return self.way != OFF and not self._waiting and now >= max(self._at, self._retry_at)

    def say(self, content: Mapping[str, Any]) -> None:
        """Send a message now, or as soon as the starter can be reached; never two at once, and in order."""
        if self.way != OFF:
            self._waiting.append(content)
            self.flush()

    def flush(self) -> None:
        """Send what waits."""
        while self._waiting and time.monotonic() >= self._retry_at:
            if not self._send(self._waiting[0]):
                return
            self._waiting.popleft()
            self._at = max(time.monotonic(), self._at) + _EACH_S

    def close(self) -> None:
        """End the connection."""
        if self._starter is not None:
            with suppress(OSError):
                self._starter.close()
            self._starter = None

    def _send(self, content: Mapping[str, Any]) -> bool:
        first = {} if self._number else {"way": self.way}
        line = line_of(Message(self._start, self._number + 1, {**first, **content}))
        if len(line) > LONGEST:
            raise ValueError(f"expected at most {LONGEST} bytes, found {len(line)}")
        try:
            if self._starter is None:
                self._starter = Starter()
            self._starter.say(line)
        except OSError as error:
            self._fail(for_good=isinstance(error, RefusedError) or not self._number)
            return False
        self._number += 1
        self._retry_s = _RETRY_S
        return True

    def _fail(self, *, for_good: bool) -> None:
        """Give up a connection, and try again later; a job that was refused, or never had one, is alone."""
        self.close()
        if for_good:
            self.way = OFF
            self._waiting.clear()
        self._retry_at = time.monotonic() + self._retry_s
        self._retry_s = min(2 * self._retry_s, _LONGEST_RETRY_S)


def start_of_job() -> int:
    """Return which start of its job this is, by the job's ad; 0 where there is none."""
    with suppress(OSError, KeyError, ValueError):
        for line in Path(os.environ["_CONDOR_JOB_AD"]).read_text(errors="replace").splitlines():
            name, _, value = line.partition(" = ")
            if name == "NumShadowStarts":
                return int(value)
    return 0
