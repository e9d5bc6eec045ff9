"""The sweeps of a run on this machine.

Trials join the schedule one by one, and their metrics are read while they run.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from wingspan.errors import WingspanError
from wingspan.planning.plan import PlannedStep
from wingspan.runner.failure import Failure
from wingspan.runner.local.schedule import Schedule
from wingspan.runner.publish import with_metrics
from wingspan.runner.run_folder import OUTPUTS, Home, RunFolder
from wingspan.runner.trials.value import curve_of, value_of
from wingspan.runner.undeclared import as_read_now
from wingspan.store.store import Store

_SAME = "correct what it reports, then run the command again"
_LOOK_S = 0.02  # between looks at the trials' reports, as a trial may wait for a verdict


if TYPE_CHECKING:
    from wingspan.runner.trials.sweeping import Sweeping


class Over(NamedTuple):
    """A sweep that has ended; `failure` is None if its result is stored."""

    step: PlannedStep
    failure: Failure | None
    note: str
    began: float


class Sweeps:
    """The sweeps under way, and whose trial a key is.

    Parameters
    ----------
    stop
        Asks the job of a key to end.
    """

    def __init__(
        self,
        places: tuple[RunFolder, Home, Store],
        schedule: Schedule,
        stop: Callable[[str], None],
    ) -> None:
        self._folder, self._home, self._store = places
        self._schedule = schedule
        self._stop = stop
        self._sweeps: dict[str, Sweeping] = {}
        self._of: dict[str, Sweeping] = {}
        self._waiting: list[tuple[Sweeping, str]] = []  # for a step that makes the same call

    def begin(self, step: PlannedStep) -> frozenset[str]:
        """Open the study of a sweep; return the keys of trials that an earlier run has begun.

        Raises
        ------
        ConflictError
            Another run draws in the same study.
        """
        from logging import getLogger

        self._sweeps[step.key] = self._opened(step)
        for note in (step.sweep or {})["notes"]:
            getLogger("wingspan.runner").info("sweep %s: %s", step.name, note)
        return self._sweeps[step.key].begun()

    def _opened(self, step: PlannedStep) -> "Sweeping":
        from wingspan.runner.trials.sweeping import Sweeping  # most jobs do not need this import
        from wingspan.sweep.open_study import open_study
        from wingspan.sweep.spec import Spec

        sweep = step.sweep or {}
        study = self._home.studies / str(sweep["study"])
        found = open_study(study, Spec.from_json(sweep["spec"]), self._folder.run_id)
        return Sweeping(step, found, self._present)

    def _present(self, trial: PlannedStep) -> PlannedStep:
        return as_read_now(trial, self._store)

    def owns(self, key: str) -> bool:
        """Return whether a key is that of a trial under way."""
        return key in self._of

    @property
    def under_way(self) -> list[PlannedStep]:
        """The sweeps that have begun and not ended."""
        return [sweeping.step for sweeping in self._sweeps.values()]

    @property
    def pause_s(self) -> float | None:
        """How soon to look again; None if there is no hurry."""
        hurry = any(each.pruning and each.calls for each in self._sweeps.values())
        return _LOOK_S if hurry else None

    def trials(self) -> Iterator[PlannedStep]:
        """Draw trials as long as the machine has room; yield each after it is in the schedule."""
        self._waiting = [each for each in self._waiting if not self._known(*each)]
        for sweeping in list(self._sweeps.values()):
            request = self._schedule.requests[sweeping.step.key]
            while self._schedule.room(request) and (call := sweeping.next()) is not None:
                if self._known(sweeping, call.step.key):
                    continue
                if self._schedule.knows(call.step.key):
                    self._waiting.append((sweeping, call.step.key))
                    continue
                self._of[call.step.key] = sweeping
                self._schedule.add(call.step)
                yield call.step

    def _known(self, sweeping: "Sweeping", key: str) -> bool:
        """Process a call that needs no job: its result is stored, or the same call has failed here."""
        if self._store.done([key]):
            sweeping.found(key)
            self._take_in(sweeping, key, 0.0, cached=True)
            return True
        if self._schedule.knows(key) and not self._schedule.pending(key):
            sweeping.failed(key, Failure("the step that makes the same call failed", _SAME), 0.0)
            return True
        return False

    def started(self, key: str, attempt: Path) -> None:
        """Follow a trial's new attempt."""
        self._of[key].started(key, attempt)

    def lost(self, key: str) -> None:
        """Note that a trial is started again."""
        self._of[key].lost(key)

    def stored(self, key: str, wall_s: float, *, cached: bool = False) -> None:
        """Process a trial whose result is in the store now."""
        self._take_in(self._forget(key), key, wall_s, cached=cached)

    def keeps(self, key: str, attempt: Path, result: Mapping[str, Any]) -> bool:
        """Return whether the result of a trial that ended well is to be stored."""
        sweeping = self._of[key]
        if sweeping.keep == "all":
            return True
        try:
            metric = _metric(sweeping)
            found = with_metrics(result, attempt)
            return sweeping.better(value_of(metric, found, (attempt / OUTPUTS).joinpath))
        except WingspanError:
            return True

    def not_kept(self, key: str, attempt: Path, result: Mapping[str, Any], wall_s: float) -> None:
        """Process a trial whose result is not stored, as another one is better."""
        sweeping = self._forget(key)
        metric = _metric(sweeping)
        found = with_metrics(result, attempt)
        value = value_of(metric, found, (attempt / OUTPUTS).joinpath)
        sweeping.complete(key, value, curve_of(metric, found), wall_s, cached=False)

    def pruned(self, key: str, wall_s: float) -> None:
        """Process a trial that stopped on request."""
        self._forget(key).pruned(key, wall_s)

    def was_stopped(self, key: str) -> bool:
        """Return whether a trial was asked to stop."""
        reports = self._of[key].calls[key].reports
        return reports is not None and reports.stopped

    def failed(self, key: str, why: Failure, wall_s: float, *, prepared: bool) -> None:
        """Process a trial that failed for good; if its job could not be prepared, no other can be."""
        sweeping = self._forget(key)
        if not prepared:
            sweeping.refuse(why)
        sweeping.failed(key, why, wall_s)

    def _forget(self, key: str) -> "Sweeping":
        self._schedule.forget(key)
        return self._of.pop(key)

    def look(self) -> None:
        """Read the trials' reports, and stop the trials that the search gives up."""
        ended = self._folder.end_sweeps.exists() if self._sweeps else False
        for sweeping in self._sweeps.values():
            stopping = [*sweeping.look()]
            if ended:
                sweeping.close("ended by the user")
            if sweeping.hurry:
                stopping += sweeping.stop_all()
            for call in stopping:
                if "command" in call.step.action:  # a script does not check whether to stop
                    self._stop(call.step.key)

    def notes(self) -> Iterator[tuple[PlannedStep, str]]:
        """Yield the progress of each sweep, unless it was reported just now."""
        for sweeping in self._sweeps.values():
            note = sweeping.note()
            if note:
                yield sweeping.step, note

    def over(self) -> list[Over]:
        """Close the sweeps that are over; each then has its result or a failure."""
        found = []
        for key, sweeping in list(self._sweeps.items()):
            ended = self._conclude(sweeping) if sweeping.over else None
            if ended is not None:
                sweeping.__exit__()
                del self._sweeps[key]
                found.append(ended)
        return found

    def close(self) -> None:
        """Close the studies of a run that is interrupted."""
        for sweeping in self._sweeps.values():
            sweeping.__exit__()

    def _conclude(self, sweeping: "Sweeping") -> Over | None:
        """Store the best trial's result as the sweep's; None if that trial must run again first."""
        from wingspan.runner.trials.result import take_best

        step, best = sweeping.step, sweeping.best()
        note = sweeping.note(always=True)
        if sweeping.failure is not None or best is None:
            return Over(step, sweeping.nothing_found(), note, sweeping.began)
        if not take_best(step, best, sweeping.key_of(best), self._store):
            again = sweeping.again(best)
            if again is None:
                problem = f"the result of trial {best.number}, which is the best, cannot be stored"
                return Over(step, Failure(problem, _SAME), note, sweeping.began)
            self._of[again.key] = sweeping
            self._schedule.add(again)
            return None
        return Over(step, None, note, sweeping.began)

    def _take_in(self, sweeping: "Sweeping", key: str, wall_s: float, *, cached: bool) -> None:
        from wingspan.runner.trials.result import note_reads

        metric = _metric(sweeping)
        result = self._store.result(key)
        note_reads(sweeping.step, sweeping.reads, result, self._store)
        try:
            value = value_of(metric, result, lambda name: self._store.output_path(key, name))
        except WingspanError as error:
            sweeping.unusable(key, error, wall_s)
            return
        sweeping.complete(key, value, curve_of(metric, result), wall_s, cached=cached)


def _metric(sweeping: "Sweeping") -> str:
    return str((sweeping.step.sweep or {})["spec"]["metric"])
