"""Send what a job's steps log to the access point, and which of them runs."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from wingspan.runner.events import ENDED as ENDED_STATES
from wingspan.runner.events import RUNNING, StepEvent
from wingspan.runner.htcondor.execution_point.sender import Sender
from wingspan.runner.htcondor.execution_point.unsent import Unsent
from wingspan.runner.htcondor.messages import (
    ENDED,
    RUNS,
    STEPS,
    WAITS,
    Point,
    named,
    packed_states,
)
from wingspan.runner.logged import Logged, numbers_of
from wingspan.runner.run_folder import RunFolder

_LINES, _LAST_LINES = 4, 8  # of metrics at once, and when the job ends
_LONGEST_STATES: Final = 800  # bytes
_STOP_EACH_S, _STOP_SOON_S = 1.0, (0.05, 0.1, 0.2, 0.4)  # between looks for a stop; after a report


@dataclass(slots=True)
class _Followed:
    """The running attempt of a step.

    `counts` numbers the values of metrics that are logged without steps.
    """

    name: str
    logged: Logged
    counts: dict[str, int] = field(default_factory=dict)

    def points(self) -> Iterator[Point]:
        """Yield what was logged since the last call."""
        for entry in self.logged.new():
            step = entry.get("step")
            for metric, value in numbers_of(entry).items():
                count = self.counts.get(metric, 0)
                self.counts[metric] = count + 1
                yield Point(self.name, metric, step if type(step) is int else count, value)

    def counted(self) -> dict[str, int]:
        """Return how many values of each metric there are by now."""
        for _ in self.points():
            pass
        return self.counts


class Relay:
    """A listener of a job's steps; a timer lets it look for news at any moment.

    Parameters
    ----------
    steps
        Key -> whether it was done before, of the job's steps in order.
    script
        Steps may log with W&B's client.
    name_of
        Gives what names a step in messages.
    whole
        A metric of which every value is sent; of the others the last ones.
    """

    def __init__(
        self,
        steps: Mapping[str, bool],
        folder: RunFolder,
        sender: Sender,
        *,
        script: bool = False,
        name_of: Callable[[str], str] = named,
        whole: str = "",
    ) -> None:
        self._states = {key: ENDED if done else WAITS for key, done in steps.items()}
        self._said = packed_states(self._states.values())
        self._folder = folder
        self._sender = sender
        self._script = script
        self._name_of = name_of
        self._unsent = Unsent(whole)
        self._followed: dict[str, _Followed] = {}
        self._busy = False
        self._asked = False
        self._look_at = float("-inf")  # when to look next whether a call is to stop
        self._pauses: Iterator[float] = iter(())

    def __call__(self, event: StepEvent) -> None:
        """Record a change of a step, and send what is new."""
        with self._alone():
            running = event.state == RUNNING
            ended = ENDED if event.state in ENDED_STATES else WAITS
            self._states[event.key] = RUNS if running else ended
            if running and event.attempt:
                self.follow(event.key, self._folder.step(event.key) / str(event.attempt))
            elif not running:
                self.leave(event.key)
            self._send()

    @property
    def hears(self) -> bool:
        """Whether files of the access point can be read."""
        return self._sender.hears

    def next(self, call: str) -> Mapping[str, Any] | None:
        """Return what the search has written for a call of a lane; the first call is asked for."""
        with self._alone():
            content = self._sender.fetch(f"../params/{call}.json")
            if self.hears and not self._asked:
                self._asked = True
                self._sender.say({"ask": call})
        found: dict[str, Any] | None = None if content is None else json.loads(content)
        return found

    def stopped(self, call: str) -> bool:
        """Return whether a call of a lane is to stop.

        The search is asked soon after a metric was logged, then each second.
        """
        now = time.monotonic()
        if not self.hears or now < self._look_at:
            return False
        self._look_at = now + next(self._pauses, _STOP_EACH_S)
        with self._alone():
            return self._sender.fetch(f"../stop/{call}") is not None

    def follow(self, key: str, attempt: Path) -> None:
        """Begin to read what an attempt logs; what earlier attempts logged was sent by then."""
        counts: dict[str, int] = {}
        for path in self._folder.attempts(key):
            if int(path.name) < int(attempt.name):
                counts = _Followed("", Logged(path, script=self._script), counts).counted()
        self._followed[key] = _Followed(
            self._name_of(key), Logged(attempt, script=self._script), counts
        )

    def leave(self, key: str) -> None:
        """Read for the last time what an attempt logs."""
        followed = self._followed.pop(key, None)
        if followed is not None:
            self._read(followed)

    def say(self, content: Mapping[str, Any]) -> None:
        """Send a message after all that was logged before it."""
        with self._alone():
            self._read_all()
            for each in self._unsent.take(_LINES):
                self._sender.say(each)
            self._sender.say(content)

    def look(self) -> None:
        """Read what is new, and send it unless something was sent just now."""
        if not self._busy:
            with self._alone():
                self._read_all()
                self._send()

    def close(self) -> None:
        """Send what is left, and end the connection."""
        with self._alone():
            self._read_all()
            for content in self._unsent.take(_LAST_LINES):
                self._sender.say(content)
            self._sender.close()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep the timer from looking in the meantime."""
        before, self._busy = self._busy, True
        try:
            yield
        finally:
            self._busy = before

    def _read_all(self) -> None:
        for followed in self._followed.values():
            self._read(followed)

    def _read(self, followed: _Followed) -> None:
        with suppress(OSError):  # the step that writes there reports it
            for point in followed.points():
                self._unsent.add(point)

    def _send(self) -> None:
        self._sender.flush()
        if not self._sender.ready:
            return
        states = packed_states(self._states.values())
        if states != self._said and len(self._states) > 1 and len(states) <= _LONGEST_STATES:
            self._said = states
            self._say_now({STEPS: states})
        if self._unsent:
            self._pauses = iter(_STOP_SOON_S)
            self._look_at = time.monotonic() + next(self._pauses)
        for content in self._unsent.take(_LINES):
            self._say_now(content)

    def _say_now(self, content: Mapping[str, Any]) -> None:
        """Send a message that could wait, after which the next such one does."""
        self._sender.say(content)
        self._sender.rest()
