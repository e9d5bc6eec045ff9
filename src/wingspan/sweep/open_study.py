"""Draw trials for a study: journal, ledger and search together.

Each method first writes its entry to the journal. Then it does what reading that entry after a restart would do. So a
search that was killed continues as if nothing had happened.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from wingspan.files import json_text
from wingspan.sweep.distributions import Json
from wingspan.sweep.journal import Journal, readable
from wingspan.sweep.metric import is_value
from wingspan.sweep.records import (
    COMPLETE,
    FAILED,
    NO_METRIC,
    RUNNING,
    Call,
    Draw,
    Ending,
    Entry,
    Ledger,
    Trial,
    TrialRecord,
)
from wingspan.sweep.search import Search
from wingspan.sweep.spec import Spec
from wingspan.sweep.study import Study, best_first

_MOST_FAILURES: Final = 8
_CONFIRMING: Final = 2  # extra calls of each trial that is confirmed


def open_study(folder: Path, spec: Spec, run_id: str) -> "OpenStudy":
    """Open a study to draw trials, and create it if it is new.

    Use it as a context manager.

    Raises
    ------
    ConflictError
        Another run has it open.
    FormatError
        A newer Wingspan made it.
    """
    journal = Journal(folder, spec.json(), run_id)
    try:
        return OpenStudy(journal, spec)
    except BaseException:
        journal.__exit__(None, None, None)
        raise


class OpenStudy:
    """A study that is being searched. Only one thread calls its methods."""

    def __init__(self, journal: Journal, spec: Spec) -> None:
        self.spec = spec
        self._journal = journal
        self._ledger = Ledger(spec)
        self._search = Search(self._ledger)
        self._first: dict[str, int] = {}  # trial by its parameters' text
        self._given: dict[str, int] = {}  # trial by what drew it, see `draw_given`
        self._size = spec.space.size
        with readable(journal.folder):
            for each in journal.entries:
                self._take(each)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._journal.__exit__(kind, error, trace)

    def close(self) -> None:
        """Release the lock, so that another run may continue the study."""
        self._journal.__exit__(None, None, None)

    def unended(self, limit: int) -> list[Draw]:
        """Return the calls that were handed out and have not ended.

        After a restart, run these first.
        """
        return [
            _draw_of(record, repeat)
            for record in self._ledger.records[:limit]
            for repeat, call in sorted(record.calls.items())
            if call.state == RUNNING
        ]

    def running(self, number: int, repeat: int = 0) -> bool:
        """Return whether a call was handed out and has not ended."""
        record = self._ledger.records[number]
        return record.same_as is None and record.call(repeat).state == RUNNING

    def key(self, number: int, repeat: int = 0) -> str:
        """Return the key under which a call was begun; empty before that."""
        return self._ledger.records[number].call(repeat).key

    def attempts(self, number: int, repeat: int = 0) -> int:
        """Return how often a call was begun."""
        return self._ledger.records[number].call(repeat).attempts

    def curve(self, number: int, repeat: int = 0) -> dict[float, float]:
        """Return what a call has reported, by step."""
        return dict(self._ledger.records[number].call(repeat).curve)

    def draw(self, limit: int) -> Draw | None:
        """Return the next call, or None if no call is ready; there are at most `limit` trials.

        The call is on the disk before it is returned. One with `same_as` takes that trial's result by itself.
        """
        if self.spec.repeats > 1:
            for record in self._ledger.records[:limit]:
                for repeat in record.waiting(self.spec.repeats):
                    record.call(repeat)
                    return _draw_of(record, repeat)
        if self._drawn_out(limit):
            return None
        number = len(self._ledger.records)
        flat, point = self._search.draw(number)
        entry = self._new_draw(number, self.spec.space.nested(flat))
        if point:
            entry["point"] = point
        self._write(entry, durable=True)
        return _draw_of(self._ledger.records[number], 0)

    def draw_ahead(self, limit: int) -> None:
        """Draw all trials up to `limit` at once, for calls that cannot be requested one by one.

        A learning search then draws at random. All draws are on the disk when this returns.
        """
        while not self._drawn_out(limit):
            number = len(self._ledger.records)
            values = self.spec.space.nested(self._search.draw_blindly(number))
            self._write(self._new_draw(number, values))
        self._journal.sync()

    def draw_given(self, values: Mapping[str, Json], origin: str) -> Draw:
        """Return a trial whose parameters were drawn elsewhere, recorded once for each origin.

        The trial is on the disk before it is returned.
        """
        if origin not in self._given:
            number = len(self._ledger.records)
            self._write({**self._new_draw(number, values), "origin": origin}, durable=True)
        return _draw_of(self._ledger.records[self._given[origin]], 0)

    def _new_draw(self, number: int, values: Mapping[str, Json]) -> dict[str, Any]:
        entry: dict[str, Any] = {"event": "draw", "number": number, "parameters": values}
        if (first := self._first.get(json_text(values))) is not None:
            entry["same_as"] = first
        return entry

    def exhausted(self, limit: int) -> str:
        """Return why `draw` will return no further call; empty while it still may."""
        reason = self._drawn_out(limit)
        if reason and self.spec.repeats > 1:
            for record in self._ledger.records[:limit]:
                first = record.calls.get(0)
                if first is not None and (
                    first.state == RUNNING or record.waiting(self.spec.repeats)
                ):
                    return ""
        return reason

    def _drawn_out(self, limit: int) -> str:
        drawn = len(self._ledger.records)
        if self._size is not None and len(self._first) >= self._size:
            return f"all {self._size:,} combinations are drawn"
        return f"{limit:,} of {limit:,} trials are drawn" if drawn >= limit else ""

    def confirmations(self, most: int, limit: int) -> list[Draw]:
        """Return calls with other seeds for the `most` best trials.

        Call it after the last trial has ended.
        """
        first = self.spec.repeats
        found = []
        for trial in self.top(most, limit):
            record = self._ledger.records[trial.number]
            for repeat in range(first, first + _CONFIRMING):
                if repeat not in record.calls:
                    record.call(repeat)
                    found.append(_draw_of(record, repeat))
        return found

    def began(self, number: int, key: str, repeat: int = 0) -> None:
        """Record that a call was started, or found in the store, under a key."""
        self._write({"event": "began", "number": number, "repeat": repeat, "key": key})

    def lost(self, number: int, repeat: int = 0) -> None:
        """Record that a call's process was lost; the caller restarts it."""
        self._write({"event": "lost", "number": number, "repeat": repeat})

    def report(self, number: int, step: float | None, value: float, repeat: int = 0) -> bool:
        """Record a report of the metric; return whether the call is to stop.

        A step that was reported before changes nothing, nor does a value that is not a finite number.
        """
        if is_value(value):
            entry = {"event": "report", "number": number, "step": step, "value": float(value)}
            self._write(entry | ({"repeat": repeat} if repeat else {}))
        return (number, repeat) in self.to_stop()

    def to_stop(self) -> set[Call]:
        """Return the running calls that the rule stops; it never stops repeats of a trial."""
        return {(number, 0) for number in self._search.stops()}

    def ended(self, number: int, ending: Ending, repeat: int = 0) -> None:
        """Record how a call ended.

        A call that succeeded without the metric has failed, and so has one whose metric is not a finite number.
        """
        ending, reason = _judged(ending, self.spec.metric)
        entry: dict[str, Any] = {"event": "ended", "number": number, "repeat": repeat}
        entry |= {"state": ending.state, "value": ending.value, "problem": ending.problem}
        entry |= {"wall_s": round(ending.wall_s, 3), "cached": ending.cached, "reason": reason}
        curve = [[step, value] for step, value in ending.curve if is_value(value)]
        self._write({name: each for name, each in (entry | {"curve": curve}).items() if each != []})

    def mark(self, event: str, **fields: Any) -> None:  # noqa: ANN401 - JSON
        """Record anything else that a restart must know, such as that the user ended the sweep."""
        self._write({"event": "mark", "mark": event, **fields}, durable=True)

    @property
    def marks(self) -> list[Entry]:
        """What `mark` recorded."""
        return list(self._ledger.marks)

    def look(self, limit: int | None = None) -> Study:
        """Return the study as it is now, of the first `limit` trials."""
        return Study(self.spec, tuple(self._ledger.trials(limit)))

    def top(self, most: int, limit: int) -> list[Trial]:
        """Return the best trials, best first, by the calls that all trials have."""
        return best_first(self._ledger.trials(limit), self.spec)[:most]

    def best(self, limit: int, confirm: int = 0) -> Trial | None:
        """Return the best complete trial.

        Confirmed trials are compared by the mean of all their calls.
        """
        return self.look(limit).chosen(confirm)

    def failure(self, parallel: int, limit: int) -> str:
        """Return why the sweep ends without a result; empty while a result is still possible."""
        trials = self._ledger.trials(limit)
        if any(each.state == COMPLETE for each in trials):
            return ""
        for record in self._ledger.records[:limit]:
            for call in record.calls.values():
                if call.reason == NO_METRIC:
                    return f"trial {record.number} succeeded, but {call.problem}"
        failed = [each for each in trials if each.state == FAILED and each.same_as is None]
        over = bool(self._drawn_out(limit)) and not any(each.state == RUNNING for each in trials)
        if len(failed) < max(_MOST_FAILURES, parallel) and not (over and trials):
            return ""
        return _commonest(failed, len(trials))

    def _write(self, entry: Mapping[str, Any], *, durable: bool = False) -> None:
        self._journal.append(entry, durable=durable)
        self._take(entry)

    def _take(self, entry: Entry) -> None:
        if self._ledger.take(entry):
            self._search.follow(entry)
        if entry["event"] == "draw":
            self._first.setdefault(json_text(entry["parameters"]), entry["number"])
            if "origin" in entry:
                self._given.setdefault(entry["origin"], entry["number"])


def _judged(ending: Ending, metric: str) -> tuple[Ending, str]:
    """Return an ending with a finite value if it is complete, and the reason of a failure."""
    if ending.state == COMPLETE and ending.value is None:
        problem = ending.problem or f"it reported no metric called {metric}"
        return replace(ending, state=FAILED, problem=problem), NO_METRIC
    if ending.value is None or is_value(ending.value):
        return ending, ""
    state = FAILED if ending.state == COMPLETE else ending.state
    problem = ending.problem or f"its metric {metric} is {ending.value}, not a finite number"
    return replace(ending, state=state, value=None, problem=problem), ""


def _draw_of(record: TrialRecord, repeat: int) -> Draw:
    return Draw(record.number, record.parameters, repeat, record.same_as)


def _commonest(failed: Sequence[Trial], count: int) -> str:
    """Return the commonest problem once, with how many trials have it."""
    if not failed:
        return f"none of {count} trials is complete: all were pruned"
    by_end = Counter(each.problem.strip().rpartition("\n")[2] for each in failed)
    end, many = by_end.most_common(1)[0]
    text = next(each.problem for each in failed if each.problem.strip().endswith(end))
    same = "all" if many == len(failed) else f"{many}"
    return (
        f"{len(failed)} of {count} trials failed and none is complete; {same} of them with:\n{text}"
    )
