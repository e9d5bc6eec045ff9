"""Send messages from a job to the access point, and read files there.

A connection is made only when it is needed.

A message is a line of the job's event log, by HTCondor's chirp. Where chirp is closed, or cut off by a container, it is a
line of the job's standard error, which HTCondor brings home while the job runs.
"""

import os
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from wingspan.runner.htcondor.execution_point.chirp import RefusedError, Starter
from wingspan.runner.htcondor.messages import LONGEST, Message, line_of

IO = "io"  # ways: messages go out and files come in, by chirp
IO_STREAM = "io, stream"  # files come in by chirp, messages go out by standard error
UPDATES = "updates"  # messages go out by chirp, nothing comes in
STREAM = "stream"  # messages go out by standard error, nothing comes in
OFF = "off"  # nothing does
_ERRORS: Final = 2  # standard error
_EACH_S: Final = 1.0  # a line, on average
_CLOCK = 10**10  # more than seconds since 1970
_RETRY_S, _LONGEST_RETRY_S = 2.0, 60.0


class Sender:
    """The one sender of a job.

    Attributes
    ----------
    hears
        Files of the access point can be read.
    """

    def __init__(self, allowed: str = UPDATES, *, streams: bool = False) -> None:
        """Take the pool's choice.

        `allowed` is `IO`, `UPDATES`, or `OFF` for no chirp; `streams` means that standard error comes home at once.
        """
        self.hears = False
        self._allowed = allowed
        self._streams = streams
        self._chirps = allowed != OFF
        self._start = start_of_job()
        self._number = 0
        self._waiting: deque[Mapping[str, Any]] = deque()
        self._starter: Starter | None = None
        self._at = self._retry_at = float("-inf")
        self._retry_s = _RETRY_S

    @property
    def way(self) -> str:
        """How the job reaches the access point, as far as it was tried."""
        if self._chirps:
            return IO if self.hears else UPDATES
        if self._streams:
            return IO_STREAM if self.hears else STREAM
        return OFF

    @property
    def ready(self) -> bool:
        """Whether something may be said now that can wait."""
        now = time.monotonic()
        return self.way != OFF and not self._waiting and now >= max(self._at, self._retry_at)

    def probe(self, path: str) -> None:
        """Find out which way works.

        It tries the starter's file, its connection, and a file that may be missing.
        """
        if self._allowed == OFF:
            return
        try:
            self._starter = Starter()
        except OSError:
            self._chirps = False
        else:
            self.hears = self._allowed == IO
            self.fetch(path)

    def fetch(self, path: str) -> bytes | None:
        """Return the content of a file of the access point.

        None if it does not exist, or cannot be read now.
        """
        if not self.hears or time.monotonic() < self._retry_at:
            return None
        try:
            self._starter = self._starter or Starter()
            return self._starter.fetch(path)
        except RefusedError:
            self.hears = False
        except OSError:
            self._try_later()
        return None

    def say(self, content: Mapping[str, Any]) -> None:
        """Send a message now, or as soon as the starter can be reached, in order."""
        if self.way != OFF:
            self._waiting.append(content)
            self.flush()

    def rest(self) -> None:
        """Make messages that can wait do so for a while, after one was sent."""
        self._at = max(time.monotonic(), self._at) + _EACH_S

    def flush(self) -> None:
        """Send what waits."""
        while self._waiting and time.monotonic() >= self._retry_at:
            if not self._send(self._waiting[0]):
                return
            self._waiting.popleft()

    def close(self) -> None:
        """End the connection."""
        if self._starter is not None:
            with suppress(OSError):
                self._starter.close()
            self._starter = None

    def _send(self, content: Mapping[str, Any]) -> bool:
        sent = self._chirp(self._line(content)) if self._chirps else False
        if not sent and self.way in {STREAM, IO_STREAM}:
            os.write(_ERRORS, f"{self._line(content)}\n".encode())
            sent = True
        if sent:
            self._number += 1
            self._retry_s = _RETRY_S
        elif self.way == OFF:
            self._waiting.clear()
        return sent

    def _line(self, content: Mapping[str, Any]) -> str:
        first = {} if self._number else {"way": self.way}
        line = line_of(Message(self._start, self._number + 1, {**first, **content}))
        if len(line) > LONGEST:
            raise ValueError(f"expected at most {LONGEST} bytes, found {len(line)}")
        return line

    def _chirp(self, line: str) -> bool:
        """Send a line by chirp; where that is closed, or was never open, give it up."""
        try:
            if self._starter is None:
                self._starter = Starter()
            self._starter.say(line)
        except OSError as error:
            if isinstance(error, RefusedError) or not (self._number or self.hears):
                self._chirps = False
            else:
                self._try_later()
            return False
        return True

    def _try_later(self) -> None:
        self.close()
        self._retry_at = time.monotonic() + self._retry_s
        self._retry_s = min(2 * self._retry_s, _LONGEST_RETRY_S)


def start_of_job() -> int:
    """Return a number that rises with each start of the job; 0 without a job ad.

    After a checkpoint the same machine starts the job again and changes nothing in its ad, but the clock goes on.
    """
    with suppress(OSError, KeyError, ValueError):
        for line in Path(os.environ["_CONDOR_JOB_AD"]).read_text(errors="replace").splitlines():
            name, _, value = line.partition(" = ")
            if name == "NumShadowStarts":
                return int(value) * _CLOCK + int(time.time()) % _CLOCK
    return 0
