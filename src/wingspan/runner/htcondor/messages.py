"""Write and read the messages of running jobs.

Each is one line of a job's event log, such as ``ws1 2 17 {"metrics": ...}``.

The line names the start of the job and the number of the message since then, because the log of a restarted job repeats
itself. It is ASCII and short, because HTCondor cuts longer lines without a word, and it never holds a user's raw text,
because some texts stop DAGMan.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Final, NamedTuple

WAITS, RUNS, ENDED = "w", "r", "e"  # what a step of a job does
LONGEST: Final = 900  # bytes
METRICS: Final = "metrics"  # entry of a message: numbers that steps have logged
STEPS: Final = "steps"  # entry of a message: what each step of a job of several does
_NAMED: Final = 16  # digits of a key that name a step
_FRAME: Final = 72  # bytes of a line besides the points in it
_LINE: Final = re.compile(r"ws1 (\d{1,20}) (\d{1,9}) (\{.*\})", re.ASCII)
_RUN: Final = re.compile(rf"(\d{{1,6}})([{WAITS}{RUNS}{ENDED}])", re.ASCII)


class Message(NamedTuple):
    """One message: which start of its job sent it, its number since then, and what it says."""

    start: int
    number: int
    content: Mapping[str, Any]


class Point(NamedTuple):
    """One number that a step has logged.

    `place` is the step of training, or the number's position among the metric's values.

    Parameters
    ----------
    key
        What names the step in messages: the beginning of its key, or the call of a lane.
    """

    key: str
    metric: str
    place: int
    value: float


def line_of(message: Message) -> str:
    """Return the line of a message.

    >>> line_of(Message(1, 2, {"steps": "3e1r"}))
    'ws1 1 2 {"steps":"3e1r"}'
    """
    return f"ws1 {message.start} {message.number} {_text(message.content)}"


def read_line(line: str) -> Message | None:
    """Return the message of a line; None of a line that Wingspan did not write."""
    found = _LINE.fullmatch(line) if len(line) <= LONGEST else None
    if found is None:
        return None
    try:
        content = json.loads(found[3])
    except (ValueError, RecursionError):
        return None
    return Message(int(found[1]), int(found[2]), content)


def without_messages(content: bytes) -> bytes:
    """Return what a job wrote to standard error besides its messages."""
    lines = content.splitlines(keepends=True)
    return b"".join(
        line for line in lines if read_line(line.decode(errors="replace").rstrip("\n")) is None
    )


def packed_states(states: Iterable[str]) -> str:
    """Return the states of a job's steps, in order, as short as they are alike.

    >>> packed_states("eeerww")
    '3e1r2w'
    """
    return "".join(f"{len(list(group))}{state}" for state, group in groupby(states))


def states_of(message: Message | None, count: int) -> str:
    """Return the states that a message gives for `count` steps, a letter each.

    Empty if the message has none.

    >>> states_of(Message(1, 2, {"steps": "3e1r2w"}), 6)
    'eeerww'
    """
    packed = message.content.get(STEPS) if message is not None else None
    if not isinstance(packed, str) or len(packed) > LONGEST:
        return ""
    runs = [(int(number), state) for number, state in _RUN.findall(packed)]
    if _RUN.sub("", packed) or sum(number for number, _ in runs) != count:
        return ""
    return "".join(number * state for number, state in runs)


def packed_points(points: Iterable[Point]) -> Iterator[tuple[dict[str, Any], list[Point]]]:
    """Yield the contents of as few messages as hold the points, each with those that are in it.

    A metric whose name leaves no room for a number is left out.
    """
    content: dict[str, dict[str, list[list[Any]]]] = {}
    inside: list[Point] = []
    room = LONGEST - _FRAME
    for point in points:
        pair = [point.place, point.value if math.isfinite(point.value) else None]
        key, size = point.key, _size(pair)
        size += 0 if point.metric in content.get(key, ()) else _size(point.metric) + 4
        size += 0 if key in content else len(key) + 6
        if size > room and inside:
            yield {METRICS: content}, inside
            content, inside, room = {}, [], LONGEST - _FRAME
            size = _size(pair) + _size(point.metric) + len(key) + 10
        if size <= room:
            content.setdefault(key, {}).setdefault(point.metric, []).append(pair)
            inside.append(point)
            room -= size
    if inside:
        yield {METRICS: content}, inside


def points_of(message: Message) -> Iterator[Point]:
    """Yield the numbers of a message; `Point.key` is the beginning of a step's key."""
    for key, metrics in _items(message.content.get(METRICS)):
        for name, pairs in _items(metrics):
            for pair in pairs if isinstance(pairs, list) else ():
                if isinstance(pair, list) and len(pair) == 2 and type(pair[0]) is int:
                    value = pair[1]
                    if value is None or type(value) in {int, float}:
                        yield Point(key, name, pair[0], math.nan if value is None else value)


def named(key: str) -> str:
    """Return what names a step in messages: the beginning of its key."""
    return key[:_NAMED]


def _items(value: object) -> Iterable[tuple[str, Any]]:
    return value.items() if isinstance(value, dict) else ()


def _text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _size(value: object) -> int:
    """Return the bytes of a value in a message, with what parts it from the next."""
    return len(_text(value)) + 1


class Once:
    """A filter that lets each message of a job through once.

    Messages from an earlier start of the job are dropped.
    """

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, int]] = {}

    def begin(self, job: str) -> None:
        """Note that a job was started.

        A job that cannot count its starts numbers its messages from 1 again.
        """
        if self._last.get(job, (0, 0))[0] == 0:
            self._last.pop(job, None)

    def new(self, job: str, line: str) -> Message | None:
        """Return the message of a line; None if it passed before, or is not Wingspan's."""
        message = read_line(line)
        if message is None or message[:2] <= self._last.get(job, (0, 0)):
            return None
        self._last[job] = message[:2]
        return message
