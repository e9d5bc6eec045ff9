"""Fold the entries of a study's journal into its trials. Pure."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from wingspan.sweep.distributions import Json
from wingspan.sweep.spec import Spec

Entry: TypeAlias = Mapping[str, Any]  # one line of a journal
Call: TypeAlias = tuple[int, int]  # a trial's number, and which of its repeats

COMPLETE: Final = "complete"
PRUNED: Final = "pruned"
FAILED: Final = "failed"
RUNNING: Final = "running"
STATES: Final = (COMPLETE, PRUNED, FAILED, RUNNING)
CLOSED: Final = "closed"  # mark of a sweep that draws no more
NO_METRIC: Final = "no metric"  # why a call without an error failed


def is_closed(marks: Iterable[Entry], sweep: str) -> bool:
    """Return whether a sweep draws no more, by its key.

    Its budget is used, or its user has ended it.
    """
    return any(mark.get("mark") == CLOSED and mark.get("sweep") == sweep for mark in marks)


@dataclass(frozen=True, slots=True)
class Draw:
    """A call to make: a trial's parameters, and which of its repeats.

    Parameters
    ----------
    values
        The function's swept arguments: JSON, nested.
    repeat
        0 is the same call as a direct step; other numbers stand for other seeds.
    same_as
        The earlier trial with the same parameters. This trial takes its result, and nothing runs.
    """

    number: int
    values: Mapping[str, Json]
    repeat: int = 0
    same_as: int | None = None

    @property
    def call(self) -> Call:
        """The name of the call in messages."""
        return self.number, self.repeat


@dataclass(frozen=True, slots=True)
class Ending:
    """How a call ended.

    Parameters
    ----------
    state
        ``complete``, ``pruned`` or ``failed``.
    value
        The metric; None if it was not reported. For a pruned call None stands for its last report.
    problem
        The traceback of a call that failed.
    wall_s
        Slot time of all its attempts.
    cached
        Whether its result was in the store.
    curve
        Reports that did not arrive one by one, such as those of a cached result.
    """

    state: str
    value: float | None = None
    problem: str = ""
    wall_s: float = 0.0
    cached: bool = False
    curve: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """One choice of the swept parameters, and its outcome.

    Parameters
    ----------
    parameters
        The function's swept arguments.
    state
        ``complete``, ``pruned``, ``failed`` or ``running``.
    value
        The metric: the mean of `values`, or the last report of a pruned trial.
    curve
        ``(step, value)`` of each report of the first call.
    attempts
        How often its calls were started, lost attempts included.
    keys
        The keys of its calls, by repeat.
    wall_s
        Slot time of all calls.
    values
        One value for each complete repeat.
    same_as
        The earlier trial that this one takes its result from.
    """

    number: int
    parameters: Mapping[str, Json]
    state: str = RUNNING
    value: float | None = None
    curve: tuple[tuple[float, float], ...] = ()
    attempts: int = 0
    keys: tuple[str, ...] = ()
    problem: str = ""
    wall_s: float = 0.0
    cached: bool = False
    values: tuple[float, ...] = ()
    same_as: int | None = None


@dataclass(slots=True)
class CallRecord:
    """The state of one call."""

    state: str = RUNNING
    value: float | None = None
    key: str = ""
    attempts: int = 0
    problem: str = ""
    reason: str = ""
    wall_s: float = 0.0
    cached: bool = False
    curve: dict[float, float] = field(default_factory=dict)
    unnumbered: int = 0

    def step(self, given: float | None) -> float:
        """Return a report's step: the given one, else its place in this attempt."""
        self.unnumbered += 1
        return self.unnumbered if given is None else given

    def take_report(self, step: float, value: float) -> bool:
        """Keep a report; return False if the step is a repeat or the value is not finite."""
        if step in self.curve or not math.isfinite(value):
            return False
        self.curve[step] = value
        return True


@dataclass(slots=True)
class TrialRecord:
    """The state of one trial and of each of its calls."""

    number: int
    parameters: Mapping[str, Json]
    point: Mapping[str, float]
    same_as: int | None = None
    calls: dict[int, CallRecord] = field(default_factory=dict)

    def call(self, repeat: int) -> CallRecord:
        """Return the record of a call, and create it if necessary."""
        found = self.calls.get(repeat)
        if found is None:
            found = self.calls[repeat] = CallRecord()
        return found

    def waiting(self, repeats: int) -> list[int]:
        """Return the repeats that may start now.

        All but the first wait until that one is complete.
        """
        first = self.calls.get(0)
        if first is None or first.state != COMPLETE or self.same_as is not None:
            return []
        return [each for each in range(1, repeats) if each not in self.calls]

    def state(self, repeats: int) -> str:
        """Return the state of the trial, which has `repeats` calls."""
        states = [each.state for each in self.calls.values()]
        if FAILED in states:
            return FAILED
        if PRUNED in states:
            return PRUNED
        first = [self.calls.get(each) for each in range(repeats)]
        done = all(each is not None and each.state == COMPLETE for each in first)
        return COMPLETE if done else RUNNING  # calls that confirm it may still run

    def trial(self, repeats: int) -> Trial:
        """Return the trial as its user sees it."""
        calls = [self.calls[each] for each in sorted(self.calls)]
        values = tuple(
            each.value for each in calls if each.state == COMPLETE and each.value is not None
        )
        first = self.calls.get(0, CallRecord())
        state = self.state(repeats)
        value = math.fsum(values) / len(values) if values else None
        return Trial(
            self.number,
            self.parameters,
            state,
            first.value if state == PRUNED else value if state == COMPLETE else None,
            tuple(first.curve.items()),
            sum(each.attempts for each in calls),
            tuple(each.key for each in calls if each.key),
            next((each.problem for each in calls if each.problem), ""),
            sum(each.wall_s for each in calls),
            all(each.cached for each in calls) if calls else False,
            values,
            self.same_as,
        )


class Ledger:
    """All trials of a study. Feed it the journal's entries in their order."""

    def __init__(self, spec: Spec, entries: Iterable[Entry] = ()) -> None:
        self.spec = spec
        self.records: list[TrialRecord] = []
        self.marks: list[Entry] = []
        self._trials: dict[int, Trial] = {}
        for each in entries:
            self.take(each)

    def take(self, entry: Entry) -> bool:
        """Apply one entry; return whether it was new.

        Entries of unknown kinds are ignored.
        """
        event = entry["event"]
        if event == "draw":
            self._draw(entry)
        elif event == "mark":
            self.marks.append(entry)
        elif event in _CALLS:
            record = self.records[entry["number"]]
            self._trials.pop(record.number, None)
            return _CALLS[event](record.call(entry.get("repeat", 0)), entry)
        return True

    def _draw(self, entry: Entry) -> None:
        point, same_as = entry.get("point", {}), entry.get("same_as")
        record = TrialRecord(entry["number"], entry["parameters"], point, same_as)
        if same_as is None:
            record.call(0)
        self.records.append(record)

    def trial(self, number: int) -> Trial:
        """Return one trial; a duplicate has the result of the trial that it equals."""
        record = self.records[number]
        if record.same_as is None:
            if number not in self._trials:
                self._trials[number] = record.trial(self.spec.repeats)
            return self._trials[number]
        source = self.trial(record.same_as)
        return replace(
            source,
            number=number,
            parameters=record.parameters,
            attempts=0,
            wall_s=0.0,
            cached=True,
            same_as=record.same_as,
        )

    def trials(self, limit: int | None = None) -> list[Trial]:
        """Return the first `limit` trials, or all."""
        return [self.trial(number) for number in range(len(self.records[:limit]))]


def _began(call: CallRecord, entry: Entry) -> bool:
    call.key = entry["key"]
    call.attempts += 1
    call.unnumbered = 0
    return True


def _lost(call: CallRecord, _: Entry) -> bool:
    call.unnumbered = 0
    return True


def _report(call: CallRecord, entry: Entry) -> bool:
    return call.state == RUNNING and call.take_report(call.step(entry.get("step")), entry["value"])


def _ended(call: CallRecord, entry: Entry) -> bool:
    if call.state != RUNNING:
        return False
    call.state = entry["state"]
    call.value = entry.get("value")
    call.problem = entry.get("problem", "")
    call.reason = entry.get("reason", "")
    call.wall_s = entry.get("wall_s", 0.0)
    call.cached = entry.get("cached", False)
    for step, value in entry.get("curve", ()):
        call.take_report(step, value)
    if call.state == PRUNED and call.value is None and call.curve:
        call.value = list(call.curve.values())[-1]
    return True


_CALLS: Final[Mapping[str, Callable[[CallRecord, Entry], bool]]] = {
    "began": _began,
    "lost": _lost,
    "report": _report,
    "ended": _ended,
}
