"""One sweep under way: which call comes next, what each ended call means, when it is over.

This starts nothing and stores no result. A runner requests the next trial and reports how each one ended.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from wingspan.errors import NotFoundError, WingspanError
from wingspan.planning.plan import PlannedStep
from wingspan.planning.trial import prunes, trial_of
from wingspan.runner.failure import Failure, refusal
from wingspan.runner.trials.progress import progress_note
from wingspan.runner.trials.reports import Reports
from wingspan.runner.trials.source import Trials
from wingspan.runner.trials.under_way import Under
from wingspan.runner.trials.value import Curve
from wingspan.sweep.records import (
    CLOSED,
    COMPLETE,
    FAILED,
    PRUNED,
    Call,
    Draw,
    Ending,
    Trial,
    is_closed,
)
from wingspan.sweep.spec import Spec

_NOTE_S, _QUIET_S = 1.0, 60.0  # between two notes on the sweep's progress; if no call has ended
_SECONDS = 3600.0  # an hour's

Present = Callable[[PlannedStep], PlannedStep]


class Sweeping:
    """One sweep; leaving this context closes the study, so that another run may continue it.

    Attributes
    ----------
    calls
        Calls under way, by key.
    reads
        What the trials read without declaring it.
    hurry
        The sweep ends before its budget; calls under way are asked to stop.
    """

    def __init__(
        self, step: PlannedStep, study: Trials, present: Present, *, waits: bool = True
    ) -> None:
        """Continue the study of a planned sweep.

        Parameters
        ----------
        present
            Gives a trial the key by which its result is found now.
        waits
            In a sweep that prunes, ``ws.should_stop()`` waits for the verdict on the latest report.
        """
        sweep = step.sweep or {}
        self.step = step
        self.parallel: int | None = sweep["parallel"]
        self.keep: str = sweep["keep"]
        self.calls: dict[str, Under] = {}
        self.pruning = prunes(step)
        self.hurry = False
        self.began = time.time()
        self._budget: dict[str, Any] = sweep["budget"]
        self._limit: int = self._budget["trials"]
        self._present = present
        self._waits = waits
        self._spec = Spec.from_json(sweep["spec"])
        self.study = study
        self._again = deque(self.study.unended(self._limit))
        self._closed = is_closed(self.study.marks, step.key)
        if self._closed:
            self._drop_drawn()
        before = self.study.look(self._limit)
        self._used_s = before.used_s
        counts = before.counts
        self._complete = counts.get("complete", 0)
        self._since = time.time(), sum(counts.values()) - counts.get("running", 0)
        self._failure: Failure | None = None
        self.reads: dict[str, dict[str, str]] = {}
        self._made_again = False
        self._dry = False  # `next` has no call, and will have none until one ends
        self._news = False  # a call has ended since the last note
        self._noted = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.study.close()

    def begun(self) -> frozenset[str]:
        """Return the keys of calls that an earlier run has begun and not ended."""
        drawn = [draw for draw in self._again if draw.same_as is None]
        trials = (trial_of(self.step, draw.values, draw.number, draw.repeat) for draw in drawn)
        return frozenset(self._present(trial).key for trial in trials)

    def next(self, own: Collection[Call] | None = None) -> Under | None:
        """Return the next call that may be made now, if any; its draw is on the disk.

        Parameters
        ----------
        own
            Which of the calls that were drawn before are made first; the others are made last.
        """
        while self.parallel is None or len(self.calls) < self.parallel:
            draw = self._draw(own)
            self._dry = draw is None
            if draw is None:
                return None
            if draw.same_as is not None:
                self._look_at_budget()
                continue
            trial = self._present(trial_of(self.step, draw.values, draw.number, draw.repeat))
            if trial.key in self.calls:
                self.calls[trial.key].twins.append(draw)
                continue
            self.calls[trial.key] = Under(draw, trial)
            return self.calls[trial.key]
        return None

    def _draw(self, own: Collection[Call] | None) -> Draw | None:
        if self._failure is not None:
            return None
        if self._again and own is not None:
            chosen = next((each for each in self._again if each.call in own), self._again[-1])
            self._again.remove(chosen)
            return chosen
        if self._again:
            return self._again.popleft()
        draw = None if self._closed else self.study.draw(self._limit)
        if draw is None and not self.calls and self._budget["confirm"]:
            self._again.extend(self.study.confirmations(self._budget["confirm"], self._limit))
            return self._again.popleft() if self._again else None
        return draw

    @property
    def done(self) -> bool:
        """Whether no further call will come, even when those under way have ended."""
        if self._failure is not None:
            return True
        if self.calls and self._budget["confirm"]:
            return False
        return self._closed or not self.calls or bool(self.study.exhausted(self._limit))

    @property
    def cut_short(self) -> bool:
        """Whether the sweep has ended before its trials: by its user, its budget, or a failure."""
        return self._closed or self._failure is not None

    @property
    def drawn_ahead(self) -> int:
        """How many calls are drawn and not handed out."""
        return len(self._again)

    @property
    def over(self) -> bool:
        """Whether no call is under way and `next` has none."""
        return self._dry and not self.calls

    @property
    def failure(self) -> Failure | None:
        """Why the sweep cannot have a result; None while it may have one."""
        return self._failure

    def adopt(self, draw: Draw, values: Mapping[float, float]) -> str:
        """Note a call that was handed out before or elsewhere; return its key.

        Parameters
        ----------
        values
            The values that it has reported, by step.
        """
        kept = [each for each in self._again if each.call != draw.call]
        self._again = deque(kept)
        trial = self._present(trial_of(self.step, draw.values, draw.number, draw.repeat))
        under = self.calls.setdefault(trial.key, Under(draw, trial, curve=dict(values)))
        if under.draw.call != draw.call and draw not in under.twins:
            under.twins.append(draw)
        return trial.key

    def give_back(self, draw: Draw, key: str) -> None:
        """Make a call that was not begun the next one, unless the sweep draws no more."""
        call = self.calls.get(key)
        if call is not None and call.draw.call != draw.call:
            call.twins.remove(draw)
        elif call is not None:
            del self.calls[key]
            self._again.extend(call.twins)
        self._again.append(draw)
        if self._closed:
            self._drop_drawn()

    def hear(self, key: str, step: int, value: float) -> None:
        """Record a report of a call."""
        call = self.calls.get(key)
        if call is None or step in call.curve:
            return
        call.curve[step] = value
        if self.pruning and math.isfinite(value):
            self.study.report(call.draw.number, step, value, call.draw.repeat)

    def to_stop(self) -> Iterator[str]:
        """Yield the keys of calls that the rule or the end of the sweep stops."""
        verdicts = self.study.to_stop() if self.pruning and not self.hurry else set()
        for key, call in self.calls.items():
            if self.hurry or call.draw.call in verdicts:
                yield key

    def started(self, key: str, attempt: Path) -> None:
        """Follow the reports of a call's new attempt."""
        call = self.calls[key]
        self.found(key)
        script = "command" in call.step.action
        call.reports = Reports(attempt, self._spec.metric, len(call.curve), script=script)
        if self.pruning and self._waits:
            call.reports.answer()  # from now on ws.should_stop() waits for verdicts

    def found(self, key: str) -> None:
        """Record the key of a call that is started, or whose result is stored."""
        call = self.calls[key]
        call.begun = True
        if not call.again:
            self.study.began(call.draw.number, key, call.draw.repeat)

    def look(self) -> Iterator[Under]:
        """Record the calls' reports since the last look; yield the calls that must stop."""
        followed = [call for call in self.calls.values() if call.reports is not None]
        news = [call for call in followed if self._take_reports(call)]
        judged = not self._waits or (self.pruning and bool(news))
        verdicts = self.study.to_stop() if judged else set()
        for call in followed:
            if call.draw.call in verdicts and call.reports is not None and not call.reports.stopped:
                call.reports.stop()
                yield call
        for call in news:
            if call.reports is not None and self.pruning and self._waits:
                call.reports.answer()

    def _take_reports(self, call: Under) -> bool:
        """Hand the new reports of a call to the study; return whether there are any."""
        new = call.reports.new() if call.reports is not None else []
        for step, value in new:
            call.curve.setdefault(step, value)
            if self.pruning and math.isfinite(value):
                self.study.report(call.draw.number, step, value, call.draw.repeat)
        return bool(new)

    def stop_all(self) -> Iterator[Under]:
        """Ask every call under way to stop, as the sweep is over; yield them."""
        for call in self.calls.values():
            if call.reports is not None and not call.reports.stopped:
                call.reports.stop()
                yield call

    def complete(
        self, key: str, value: float, curve: Curve, wall_s: float, *, cached: bool
    ) -> None:
        """Record a call that succeeded."""
        self._complete += 1
        curve = curve or tuple(self.calls[key].curve.items())
        self._ended(key, Ending(COMPLETE, value, wall_s=wall_s, cached=cached, curve=curve))

    def pruned(self, key: str, wall_s: float) -> None:
        """Record a call that stopped on request."""
        self._take_reports(self.calls[key])
        curve = tuple(self.calls[key].curve.items())
        self._ended(key, Ending(PRUNED, wall_s=wall_s, curve=curve))

    def failed(self, key: str, why: Failure, wall_s: float) -> None:
        """Record a call that failed for good."""
        curve = tuple(self.calls[key].curve.items())
        self._ended(key, Ending(FAILED, problem=why.problem, wall_s=wall_s, curve=curve))
        parallel = self.parallel or len(self.calls) + 1
        said = "" if self._complete else self.study.failure(parallel, self._limit)
        if said and self._failure is None:
            self._failure = Failure(said, why.fix)
            self.hurry = True

    def unusable(self, key: str, error: WingspanError, wall_s: float) -> None:
        """Record a call without a value; if no call had one, the first ends the sweep."""
        if not self._complete and isinstance(error, NotFoundError):
            self._failure, self.hurry = self._failure or refusal(error), True
        self.failed(key, refusal(error), wall_s)

    def lost(self, key: str) -> None:
        """Note that a call is made again, as its process was lost."""
        draw = self.calls[key].draw
        self.study.lost(draw.number, draw.repeat)

    def refuse(self, why: Failure) -> None:
        """End the sweep, as a trial could not be prepared and so no other can be."""
        self._failure = self._failure or why

    def close(self, why: str, *, hurry: bool = True) -> None:
        """Stop drawing; this is remembered, so that a restart goes on with the best trial too."""
        self.hurry = self.hurry or hurry
        if not self._closed:
            self._closed = True
            self._drop_drawn()
            self.study.mark(CLOSED, sweep=self.step.key, why=why)

    def _drop_drawn(self) -> None:
        """Drop calls that were drawn ahead and not handed out, as on a pool."""
        if not self._waits:
            self._again.clear()

    def again(self, best: Trial) -> PlannedStep | None:
        """Return a trial's first call, to repeat it as its result is gone; None if that was done."""
        if self._made_again:
            return None
        self._made_again = True
        step = self._present(trial_of(self.step, best.parameters, best.number))
        self.calls[step.key] = Under(Draw(best.number, best.parameters), step, again=True)
        return step

    def key_of(self, best: Trial) -> str:
        """Return the key under which a trial's result is stored."""
        if best.keys:
            return best.keys[0]
        return self._present(trial_of(self.step, best.parameters, best.number)).key

    def better(self, value: float) -> bool:
        """Return whether a value is better than the best so far."""
        best = self.study.best(self._limit)
        return best is None or best.value is None or self._spec.better(value, best.value)

    def best(self) -> Trial | None:
        """Return the best trial."""
        return self.study.best(self._limit, self._budget["confirm"])

    def nothing_found(self) -> Failure:
        """Return the failure of a sweep without a complete trial."""
        if self._failure is not None:
            return self._failure
        counts = self.study.look(self._limit).counts
        problem = self.study.failure(1, self._limit)
        states = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
        fix = (
            "correct the function, then run the command again; wingspan sweep show lists the trials"
        )
        return Failure(problem or f"no trial is complete: {states or 'none was drawn'}", fix)

    def note(self, *, always: bool = False) -> str:
        """Return the sweep's progress; empty if it was reported just now."""
        waited_s = time.monotonic() - self._noted
        due_s = _NOTE_S if self._news else _QUIET_S
        if not always and (waited_s < due_s or not self.calls):
            return ""
        self._noted, self._news = time.monotonic(), False
        seen = self.study.look(self._limit)
        return progress_note(seen, self._limit, len(self.calls), self._since)

    def _ended(self, key: str, ending: Ending) -> None:
        if not self.calls[key].begun:  # its result was left by an earlier start
            self.found(key)
        call = self.calls.pop(key)
        self._news = True
        if call.again:
            if ending.state == FAILED and self._failure is None:
                self._failure = Failure(ending.problem, "see its output: wingspan logs")
            return
        self._used_s += 0.0 if ending.cached else ending.wall_s
        self.study.ended(call.draw.number, ending, call.draw.repeat)
        for twin in call.twins:
            self.study.began(twin.number, key, twin.repeat)
            same = replace(ending, wall_s=0.0, cached=True)
            self.study.ended(twin.number, same, twin.repeat)
        self._look_at_budget()

    def _look_at_budget(self) -> None:
        """Stop drawing once the time is used or the target is reached."""
        hours, target = self._budget["hours"], self._budget["target"]
        if hours is not None and self._used_s >= hours * _SECONDS:
            self.close("its hours are used", hurry=False)
        best = self.study.best(self._limit) if target is not None else None
        reached = best is not None and best.value is not None
        if reached and not self._spec.better(target, best.value):  # type: ignore[union-attr, arg-type]
            self.close("the target is reached")
