"""Give a lane its trials: from the search, or from those that came with the job.

A lane is one after the other, so a trial is known by its place: the first one that the lane ever had is 0, also if it
ran in an earlier job of the lane. Ended trials are lines of a file that goes home and comes back with the lane's next job.
"""

import math
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from wingspan.runner.htcondor.execution_point.channel import Channel
from wingspan.runner.htcondor.execution_point.starts import (
    DOUBTED,
    Before,
    Start,
    may_doubt,
)
from wingspan.sweep.records import COMPLETE, FAILED, Call, Draw, Ending, Entry, Trial
from wingspan.sweep.spec import Spec
from wingspan.sweep.study import Study
from wingspan.tracking import record

_ASK_S = 5.0  # the longest wait for the search to answer
_PAUSES_S = 0.02, 0.1  # between looks for its answer, at first and at last
_AT_ONCE_S = 10.0  # a trial that fails within this time may have failed for its machine
_SAID = 200  # characters of a problem
_WAIT_S = 1.0  # where the search has nothing now, and will have


class LaneStudy:
    """The trials of one lane, as far as this job and those before it had them.

    Attributes
    ----------
    more
        The lane ends for its time, and trials may be left.
    lacking
        What a trial had too little of; it is not over, and runs again in a job that asks for more.
    elsewhere
        A trial has failed at once on a machine where none went well; it is not over, and runs again on another one.
    """

    def __init__(
        self, lane: str, given: Mapping[str, Any], spec: Spec, file: Path, channel: Channel
    ) -> None:
        """Go on with a lane.

        Parameters
        ----------
        given
            ``reserve``, the lane's own trials as ``[number or null, values, repeat]``; ``until``, by the monotonic clock;
            ``start``, which start of which job this is; ``before``, what earlier starts of the job have left;
            ``again``, whether the job may start again elsewhere; ``at_home``, which gives a text with the paths of the
            access point.
        file
            The lines of trials that have ended.
        """
        self.more = self.elsewhere = False
        self.lacking = ""
        self.lines = [line for line in record.read(file) if "call" in line]
        self._lane, self._spec, self._file, self._channel = lane, spec, file, channel
        self._reserve: list[tuple[int | None, dict[str, Any], int]] = list(given["reserve"])
        self._until: float = given["until"]
        self._before: Before = given["before"]
        self._start: Start = given["start"]
        self._again: bool = given["again"]
        self._at_home: Callable[[str], str] = given["at_home"]
        self._well = False  # a trial has ended well in this start
        self._began_at = 0.0
        self._begun = False
        self._over = False
        self._now: dict[str, Any] = {}  # the trial under way, as its line will have it
        self._keys: dict[Call, str] = {}

    @property
    def marks(self) -> list[Entry]:
        """Nothing: the search keeps them."""
        return []

    def call_of(self, key: str) -> str:
        """Return the name in messages of the trial under way; empty for any other key."""
        return str(self._now["call"]) if key and self._now.get("key") == key else ""

    def unended(self, limit: int) -> list[Draw]:  # noqa: ARG002
        """Return nothing: a trial that was interrupted is drawn again."""
        return []

    def draw(self, limit: int) -> Draw | None:  # noqa: ARG002
        """Return the next trial; None once the lane or its time is over."""
        if self._over or self.more or self.lacking or self.elsewhere:
            return None
        given = self._next()
        if given is None:
            self._over = not self.more
            return None
        if self._begun and time.monotonic() >= self._until:
            self.more = True
            return None
        self._begun = True
        self._began_at = time.monotonic()
        self._now = {"call": self._call, "index": len(self.lines), **given}
        return Draw(local_number(given), given["values"], given["repeat"])

    @property
    def _call(self) -> str:
        return f"{self._lane}.{len(self.lines)}"

    def _next(self) -> dict[str, Any] | None:
        """Return the search's next trial; if nothing is heard of it, the lane's own next one."""
        end = time.monotonic() + (_ASK_S if self._channel.hears else 0.0)
        pause, most = _PAUSES_S
        while True:
            said = self._channel.next(self._call)
            if said is None:
                if time.monotonic() >= end:
                    return self._own()
                time.sleep(pause)
                pause = min(1.3 * pause, most)
            elif said.get("over"):
                return None
            elif "values" in said:
                return {**said, "reserve": None}
            elif self._begun and time.monotonic() >= self._until:
                self.more = True
                return None
            else:
                time.sleep(_WAIT_S)
                end = time.monotonic() + _ASK_S

    def _own(self) -> dict[str, Any] | None:
        """Return the next of the trials that came along, or the next call of the last one."""
        own = {(number, repeat) for number, _, repeat in self._reserve}
        last = self.lines[-1] if self.lines else {}
        if last.get("reserve") is not None and last["state"] == COMPLETE:
            call = last["number"], last["repeat"] + 1
            if call[1] < self._spec.repeats and call not in own:
                same = {name: last[name] for name in ("number", "values", "reserve")}
                return {**same, "repeat": call[1]}
        run = {(line["number"], line["repeat"]) for line in self.lines}
        for place, (number, values, repeat) in enumerate(self._reserve):
            # without a number each takes the place of a trial that the search would have given
            left = place >= len(self.lines) if number is None else (number, repeat) not in run
            if left:
                return {"number": number, "values": values, "repeat": repeat, "reserve": place}
        return None

    def exhausted(self, limit: int) -> str:  # noqa: ARG002
        """Return whether the lane is over."""
        return "the lane is over" if self._over else ""

    def confirmations(self, most: int, limit: int) -> list[Draw]:  # noqa: ARG002
        """Return nothing: only the search knows the best."""
        return []

    def began(self, number: int, key: str, repeat: int = 0) -> None:
        """Say which trial begins."""
        self._keys[number, repeat] = self._now["key"] = key
        names = ("call", "number", "repeat", "reserve")
        self._channel.say({"begin": {name: self._now[name] for name in names}})

    def lost(self, number: int, repeat: int = 0) -> None:
        """Do nothing: the trial is begun again."""

    def report(self, number: int, step: float | None, value: float, repeat: int = 0) -> bool:  # noqa: ARG002
        """Do nothing: the reports of all steps go home another way."""
        return False

    def to_stop(self) -> set[Call]:
        """Return the trial under way, if the search gives it up."""
        stopped = bool(self._now) and self._channel.stopped(self._now["call"])
        return {(local_number(self._now), self._now["repeat"])} if stopped else set()

    def ended(self, number: int, ending: Ending, repeat: int = 0) -> None:
        """Add the line of a trial that has ended, and say so."""
        call, self._now = self._now, {}
        failed_at_once = ending.state == FAILED and ending.wall_s < _AT_ONCE_S and not self._well
        if failed_at_once and self._again and may_doubt(record.read(self._file), call["call"]):
            host = os.uname().nodename
            record.append(self._file, {DOUBTED: {"call": call["call"], "host": host}})
            self.elsewhere = True
        if self.lacking or self.elsewhere:
            return
        self._well = self._well or ending.state != FAILED
        problem = self._at_home(ending.problem)
        value = ending.value if ending.value is not None and math.isfinite(ending.value) else None
        state = ending.state
        if state == COMPLETE and value is None:
            state = FAILED
            problem = problem or f"its metric {self._spec.metric} is not a finite number"
        line = {
            **{name: call[name] for name in ("call", "index", "number", "values", "reserve")},
            "repeat": repeat,
            "key": self._keys.get((number, repeat), ""),
            "state": state,
            "value": value,
            "problem": problem,
            "curve": [[step, each] for step, each in ending.curve if math.isfinite(each)],
            "wall_s": round(ending.wall_s + self._before.spent_s, 3),
            "attempts": 1 + self._before.lost,
            "host": os.uname().nodename,
            "cluster": self._start.cluster,
            "start": self._start.shadow,
        }
        self._before = Before("", 0.0, 0, 0.0)
        self.lines.append(line)
        record.append(self._file, line)
        said = {"call": call["call"], "state": state, "value": value, "wall_s": line["wall_s"]}
        if state == FAILED:
            said["problem"] = _in_a_message(problem)
        self._channel.say({"end": said})

    def left(self) -> dict[str, Any]:
        """Return what the next start of this job is to know of the trial under way."""
        spent_s = time.monotonic() - self._began_at if self._now else 0.0
        call = self._now["call"] if self._now else ""
        spent_s += self._before.spent_s
        return {"call": call, "spent_s": round(spent_s, 3), "lost": self._before.lost}

    def mark(self, event: str, **fields: Any) -> None:  # noqa: ANN401 - JSON
        """Do nothing: the search ends the sweep."""

    def look(self, limit: int | None = None) -> Study:  # noqa: ARG002
        """Return the trials of this lane, numbered as they came."""
        trials = (
            Trial(
                place,
                line["values"],
                line["state"],
                line["value"],
                wall_s=line["wall_s"],
                values=() if line["value"] is None else (line["value"],),
            )
            for place, line in enumerate(self.lines)
        )
        return Study(self._spec, tuple(trials))

    def best(self, limit: int, confirm: int = 0) -> Trial | None:  # noqa: ARG002
        """Return the best trial of this lane."""
        return self.look().best

    def failure(self, parallel: int, limit: int) -> str:  # noqa: ARG002
        """Return nothing: a lane does not know the trials of the others."""
        return ""

    def close(self) -> None:
        """Do nothing."""


def local_number(given: Mapping[str, Any]) -> int:
    """Return a trial's number; of one without a number, one that no other trial of the lane has."""
    number = given["number"]
    return -1 - int(given["reserve"]) if number is None else int(number)


def _in_a_message(problem: str) -> str:
    """Return the last line of a problem, short and of plain characters."""
    line = problem.strip().rpartition("\n")[2].encode("ascii", "replace").decode()
    return "".join(each if each.isprintable() else "?" for each in line[:_SAID])
