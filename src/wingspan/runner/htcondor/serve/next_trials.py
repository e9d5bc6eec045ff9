"""Search one sweep: answer its lanes with trials, and decide which trials to stop."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from wingspan.errors import WingspanError
from wingspan.files import json_text, write_atomically
from wingspan.planning.plan import PlannedStep
from wingspan.runner.failure import Failure
from wingspan.runner.htcondor.dag_folder import DagFolder, SweepNode, read_sent
from wingspan.runner.htcondor.messages import Message, points_of
from wingspan.runner.htcondor.search.intake import lines_of, take_in
from wingspan.runner.trials.sweeping import Sweeping
from wingspan.runner.trials.under_way import Under
from wingspan.runner.trials.value import curve_of, value_of
from wingspan.runner.undeclared import as_read_now
from wingspan.store.store import Store
from wingspan.sweep.open_study import OpenStudy
from wingspan.sweep.records import COMPLETE, PRUNED, Call, Draw
from wingspan.sweep.search import LEARNING

_FIX = "correct the function, then run the command again"
_SHORT_S = 10.0  # a trial that takes less is handed out before its lane asks


class ServedSweep:
    """A sweep under way.

    A trial of a lane is named ``LANE.INDEX``, its CALL; what was handed out for a call stays there, unless the sweep ends, or
    the lane loses its job, before the lane has begun it.

    A lane that has begun a short trial gets the next one at once, so that it need not wait. Two conditions: the search does
    not learn from the trial that runs, and more trials are left than there are lanes, so no lane hoards the last ones.
    """

    def __init__(
        self,
        dag: DagFolder,
        node: SweepNode,
        step: PlannedStep,
        study: OpenStudy,
        store: Store,
        end_file: Path,
    ) -> None:
        """Go on with a sweep; the file `end_file` is there once its user has ended it."""
        self.lanes = node.lanes
        self._dag, self._study, self._store, self._end_file = dag, study, store, end_file
        alone = replace(step, sweep={**(step.sweep or {}), "parallel": None})
        self._sweeping = Sweeping(alone, study, self._present, waits=False)
        self._metric = study.spec.metric
        self._reserves = {lane: _reserve(dag, lane) for lane in self.lanes}
        self._answers: dict[str, Draw] = {}  # what is handed out, by call
        self._keys: dict[str, str] = {}  # of calls under way
        self._begun: Counter[str] = Counter()
        self._asking: dict[str, str] = {}  # lane -> the call for which it has nothing
        self._hearing: set[str] = set()
        self._waiting: set[str] = set()  # calls that have "wait" as their answer
        self._ahead: dict[str, str] = {}  # lane -> the call after the one that it has begun
        self._withdrawn: dict[str, Draw] = {}  # by call; the lane may have read it before
        self._learns = study.spec.search in LEARNING
        self._short = False  # the last complete trial was
        for lane in self.lanes:
            self._remember(lane)

    @property
    def ended_by_user(self) -> bool:
        """Whether the user has ended the sweep."""
        return self._end_file.exists()

    def _present(self, trial: PlannedStep) -> PlannedStep:
        return as_read_now(trial, self._store)

    def _remember(self, lane: str) -> None:
        """Read what was handed out before."""
        for file in self._dag.params_of(lane):
            said = read_sent(file)
            if said is not None and "values" in said:
                draw = Draw(int(said["number"]), said["values"], int(said["repeat"]))
                self._answers[file.stem] = draw
                self._follow(file.stem, draw)

    def _follow(self, call: str, draw: Draw) -> None:
        """Follow a trial that a lane has, unless it has ended."""
        if self._study.running(draw.number, draw.repeat):
            curve = self._study.curve(draw.number, draw.repeat)
            self._keys[call] = self._sweeping.adopt(draw, curve)

    def take(self, lane: str, message: Message) -> None:
        """Record a message of a lane."""
        said = message.content
        if _is_of(lane, said.get("ask")):
            self._hearing.add(lane)
            self._asking[lane] = str(said["ask"])
        begin, end = said.get("begin"), said.get("end")
        if isinstance(begin, dict) and _is_of(lane, begin.get("call")):
            self._begin(lane, begin)
        for point in points_of(message):
            if point.metric == self._metric and point.key in self._keys and _is_of(lane, point.key):
                self._sweeping.hear(self._keys[point.key], point.place, point.value)
        if isinstance(end, dict) and _is_of(lane, end.get("call")):
            self._end(lane, end)

    def _begin(self, lane: str, said: Mapping[str, Any]) -> None:
        """Record which trial a lane has begun."""
        call = str(said["call"])
        self._asking.pop(lane, None)
        withdrawn = self._withdrawn.pop(call, None)
        if withdrawn is not None and said.get("reserve") is None:
            self._hand_out(call, withdrawn)
        draw = self._answers.get(call)
        if said.get("reserve") is not None or draw is None:
            draw = self._own(lane, said)
            if draw is None:
                return
            given = self._answers.get(call)
            if given is not None and given.call != draw.call:  # the lane did not wait for it
                self._sweeping.give_back(given, self._keys.pop(call, ""))
            self._hand_out(call, draw)
        self._begun[call] += 1
        self._ahead[lane] = _next_call(call)
        if call in self._keys and self._begun[call] > self._study.attempts(*draw.call):
            self._sweeping.found(self._keys[call])

    def _own(self, lane: str, said: Mapping[str, Any]) -> Draw | None:
        """Return a trial that a lane takes from those that came with its job."""
        place, number = said.get("reserve"), said.get("number")
        reserve = self._reserves[lane]
        if type(place) is not int or not 0 <= place < len(reserve):
            return None
        values = reserve[place][1]
        if type(number) is int:
            return Draw(number, values, int(said.get("repeat", 0)))
        return self._study.draw_given(values, f"{lane} {place}")

    def _end(self, lane: str, said: Mapping[str, Any]) -> None:
        """Record how a trial has ended; the lane's next one is due."""
        call = str(said["call"])
        key = self._keys.pop(call, "")
        self._ahead.pop(lane, None)
        if key:
            self._ended(key, {"problem": "see its output: wingspan logs", **said, "curve": []})
        if lane in self._hearing:
            self._asking[lane] = _next_call(call)

    def _ended(self, key: str, said: Mapping[str, Any]) -> None:
        wall_s, value = float(said.get("wall_s") or 0.0), said.get("value")
        if key not in self._sweeping.calls:  # another lane had the same trial
            return
        if said.get("state") == COMPLETE and value is not None:
            curve = tuple((step, each) for step, each in said["curve"])
            self._sweeping.complete(key, float(value), curve, wall_s, cached=False)
            self._short = wall_s < _SHORT_S
        elif said.get("state") == PRUNED:
            self._sweeping.pruned(key, wall_s)
        else:
            self._sweeping.failed(key, Failure(str(said["problem"]), _FIX), wall_s)

    def take_home(self, lane: str) -> None:
        """Record the trials that a lane's job has sent home."""
        for line in lines_of(self._dag, [lane]):
            key = self._keys.pop(str(line["call"]), "")
            if key:
                self._ended(key, line)
        take_in(self._study, self._dag, [lane])
        self._asking.pop(lane, None)  # its next job asks
        self._ahead.pop(lane, None)

    def take_back(self, lane: str) -> None:
        """Give other lanes the trial that a lane without a job has not begun."""
        for call in self._not_begun():
            if call.startswith(f"{lane}."):
                self._withdraw(call)
                self._dag.params(call).unlink(missing_ok=True)

    def _not_begun(self) -> list[str]:
        """Return the calls that lanes have, or will find, and have not begun."""
        given = [call for call in self._keys if not self._begun[call]]
        return [call for call in given if not self._study.attempts(*self._answers[call].call)]

    def _withdraw(self, call: str) -> Draw:
        draw = self._answers.pop(call)
        self._sweeping.give_back(draw, self._keys.pop(call))
        return draw

    def settle(self) -> None:
        """Stop the trials that the rule gives up; give each lane that asks its next trial.

        The end of a sweep stops its trials as well, and those that were handed out do not begin.
        """
        if self._sweeping.cut_short:
            for call in self._not_begun():
                self._withdrawn[call] = self._withdraw(call)
                self._write(call, {"over": True})
        stops = set(self._sweeping.to_stop())
        for call, key in self._keys.items():
            if key in stops and not self._dag.stop(call).exists():
                write_atomically(self._dag.stop(call), "stop\n")  # chirp reads no empty file
        for lane, call in list(self._asking.items()):
            self._answer(lane, call)
        if self._short and not self._learns:
            self._hand_out_ahead()

    def _hand_out_ahead(self) -> None:
        """Give lanes that run a trial their next one, so that they do not wait for it."""
        for lane, call in list(self._ahead.items()):
            if lane not in self._hearing or self._sweeping.drawn_ahead <= len(self.lanes):
                continue
            del self._ahead[lane]
            under = None if call in self._answers else self._next(lane)
            if under is not None:
                self._hand_out(call, under.draw)

    def _answer(self, lane: str, call: str) -> None:
        if call in self._answers:
            del self._asking[lane]
            return
        under = self._next(lane)
        if under is not None:
            del self._asking[lane]
            self._hand_out(call, under.draw)
        elif self._sweeping.done:
            del self._asking[lane]
            self._write(call, {"over": True})
        elif call not in self._waiting:
            self._waiting.add(call)
            self._write(call, {"wait": True})

    def _next(self, lane: str) -> Under | None:
        """Return the next trial for a lane, its own ones first.

        Trials whose results are stored need no job.
        """
        own: set[Call] = {(number, repeat) for number, _, repeat in self._reserves[lane]}
        while (under := self._sweeping.next(own)) is not None and self._known(under):
            continue
        return under

    def _known(self, under: Under) -> bool:
        key = under.step.key
        if not self._store.done([key]):
            return False
        result = self._store.result(key)
        self._sweeping.found(key)
        try:
            value = value_of(self._metric, result, lambda name: self._store.output_path(key, name))
        except WingspanError as error:
            self._sweeping.unusable(key, error, 0.0)
        else:
            curve = curve_of(self._metric, result)
            self._sweeping.complete(key, value, curve, 0.0, cached=True)
        return True

    def _hand_out(self, call: str, draw: Draw) -> None:
        self._answers[call] = draw
        said = {"number": draw.number, "repeat": draw.repeat, "values": draw.values}
        self._write(call, said)
        self._follow(call, draw)

    def _write(self, call: str, said: Mapping[str, Any]) -> None:
        write_atomically(self._dag.params(call), json_text(said))

    def end(self) -> None:
        """Draw no more, and stop what is under way: the user has ended the sweep."""
        self._sweeping.close("ended by the user")

    def close(self) -> None:
        """Record what has been sent home, and leave the study to others."""
        for lane in self.lanes:
            self.take_home(lane)
        self._sweeping.__exit__()


def _reserve(dag: DagFolder, lane: str) -> Sequence[Sequence[Any]]:
    given = read_sent(dag.job(lane)) or {}
    return list((given.get("lane") or {}).get("reserve", ()))


def _is_of(lane: str, call: object) -> bool:
    """Return whether a text names a call of a lane."""
    return isinstance(call, str) and call.startswith(f"{lane}.") and call[len(lane) + 1 :].isdigit()


def _next_call(call: str) -> str:
    """Return the name of a lane's next call.

    >>> _next_call("fit-2.9")
    'fit-2.10'
    """
    lane, _, index = call.rpartition(".")
    return f"{lane}.{int(index) + 1}"
