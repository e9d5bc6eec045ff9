"""Run a sweep's lane: one job that runs trial after trial on an execution point.

The job ends when no trial is left or its time is up.
"""

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from wingspan.planning.plan import PlannedStep
from wingspan.planning.trial import trial_of
from wingspan.runner.events import DONE, FAILED, Outcome, StepEvent
from wingspan.runner.failure import Failure
from wingspan.runner.htcondor.execution_point.channel import Channel
from wingspan.runner.htcondor.execution_point.hand_over import translated
from wingspan.runner.htcondor.execution_point.lane_study import LaneStudy, local_number
from wingspan.runner.htcondor.execution_point.starts import (
    LEFT,
    bad_hosts,
    before,
    this_start,
)
from wingspan.runner.htcondor.hold_policy import (
    DISK_EXIT,
    ELSEWHERE_EXIT,
    FAILED_EXIT,
    MEMORY_EXIT,
    MORE_EXIT,
    STARTS,
)
from wingspan.runner.local.schedule import Schedule
from wingspan.runner.local.sweeps import Over, Sweeps
from wingspan.runner.run_folder import Home, RunFolder
from wingspan.runner.trials.sweeping import Sweeping
from wingspan.store.store import Store
from wingspan.sweep.records import COMPLETE
from wingspan.sweep.records import FAILED as FAILED_TRIAL
from wingspan.sweep.spec import Spec
from wingspan.tracking import record

TRIALS = "trials.jsonl"  # in the name of the file with a lane's ended trials
_UNLIMITED = {"trials": 1_000_000_000, "hours": None, "target": None, "confirm": 0}


class Lane:
    """What a lane has done in this job.

    Attributes
    ----------
    failure
        Why no trial of the sweep can do better; None as far as is known here.
    """

    def __init__(
        self,
        part: Mapping[str, Any],
        job: tuple[Path, str],
        begun: float,
        origins: Mapping[str, str],
        *,
        grows: bool,
    ) -> None:
        """Take up a lane.

        Parameters
        ----------
        job
            The sandbox, and the node.
        begun
            When the job began, by the monotonic clock.
        origins
            Path here -> path on the access point, of code and input files.
        grows
            A job that ends for lack of memory or disk starts again with more.
        """
        sandbox, self.name = job
        self._file = sandbox / "home" / TRIALS  # travels with the checkpoint
        self._sent = sandbox / f"{self.name}.{TRIALS}"
        if not self._file.exists():
            shutil.copyfile(self._sent, self._file)
        self._begun = begun
        self._start = this_start(sandbox)
        lines = list(record.read(self._file))
        self._before = before(lines, self._start)
        again = self._start.cluster > 0 and self._start.ended < STARTS - 1
        self.grows = grows and again
        self.shunned = again and not self._start.ended and os.uname().nodename in bad_hosts(lines)
        self._given = {
            **part["lane"],
            "until": begun + part["task_time_s"],
            "start": self._start,
            "before": self._before,
            "again": again,
            "at_home": lambda text: translated(text, origins),
        }
        self.metric = str(part["steps"][0]["sweep"]["spec"]["metric"])
        self.failure: Failure | None = None
        self.study: LaneStudy | None = None

    def call_of(self, key: str) -> str:
        """Return what names the trial under way in messages."""
        return self.study.call_of(key) if self.study is not None else ""

    def sweeps(self, channel: Channel) -> Callable[..., Sweeps]:
        """Return a factory of this job's sweeps: one sweep, whose trials are the lane's."""

        def make(
            places: tuple[RunFolder, Home, Store], schedule: Schedule, stop: Callable[[str], None]
        ) -> Sweeps:
            return _LaneSweeps(self, channel, places, schedule, stop)

        return make

    def opened(self, step: PlannedStep, channel: Channel) -> LaneStudy:
        """Return the trials of this lane."""
        spec = Spec.from_json((step.sweep or {})["spec"])
        self.study = LaneStudy(self.name, self._given, spec, self._file, channel)
        self.study.elsewhere = self.shunned
        return self.study

    def outcome(
        self, sweep: PlannedStep, folder: RunFolder, store: Store
    ) -> tuple[Outcome, tuple[PlannedStep, ...]]:
        """Return the outcome of the trials that ran here, as if they were steps of a plan."""
        events: dict[str, StepEvent] = {}
        trials: list[PlannedStep] = []
        for line in self.study.lines if self.study is not None else ():
            number = local_number(line)
            trial = trial_of(sweep, line["values"], number, line["repeat"])
            event = StepEvent(time.time(), trial.name, trial.key, DONE, wall_s=line["wall_s"])
            if line["state"] == FAILED_TRIAL and folder.attempts(trial.key):
                event = replace(event, state=FAILED, problem=line["problem"])
            elif line["state"] != COMPLETE or not store.done([trial.key]):
                continue  # it ran in an earlier job, or leaves no result
            events[trial.name] = event
            trials.append(trial)
        return Outcome(folder.run_id, events), tuple(trials)

    def lack(self, what: str) -> None:
        """Say what this job had too little of."""
        if self.study is not None:
            self.study.lacking = what

    def pause(self) -> None:
        """Note, in what travels as a checkpoint, what the trial under way has taken."""
        self._note(0)

    def _note(self, over: int) -> None:
        """Note how this start ends; `over` is 1 if the next one is another shadow's."""
        elapsed_s = self._before.elapsed_s + time.monotonic() - self._begun
        left = {} if self.study is None else self.study.left()
        facts = {"cluster": self._start.cluster, "shadow": self._start.shadow, "over": over}
        record.append(self._file, {LEFT: {**facts, "elapsed_s": round(elapsed_s, 3), **left}})

    def leave(self) -> int:
        """Send the lines of all trials home; return the exit code."""
        if self.failure is not None:
            problem = self._given["at_home"](self.failure.problem)
            record.append(self._file, {"failure": self.failure._replace(problem=problem)._asdict()})
        self._note(1)
        shutil.copyfile(self._file, self._sent)
        if self.study is None:
            return FAILED_EXIT
        if self.study.elsewhere:
            return ELSEWHERE_EXIT
        if self.study.lacking:
            return DISK_EXIT if self.study.lacking == "disk" else MEMORY_EXIT
        return MORE_EXIT if self.study.more else 0


class _LaneSweeps(Sweeps):
    """The sweep of a lane: one trial at a time.

    Trials are not judged here, and the sweep itself has no result here.
    """

    def __init__(
        self,
        lane: Lane,
        channel: Channel,
        places: tuple[RunFolder, Home, Store],
        schedule: Schedule,
        stop: Callable[[str], None],
    ) -> None:
        super().__init__(places, schedule, stop)
        self._lane, self._channel = lane, channel
        self._run = places[0]

    def begin(self, step: PlannedStep) -> frozenset[str]:
        """Take up the lane; return the keys of trials that an earlier start of this job has begun."""
        super().begin(step)
        steps = self._run.root / "steps"
        return frozenset(path.name for path in steps.iterdir()) if steps.is_dir() else frozenset()

    def _opened(self, step: PlannedStep) -> Sweeping:
        alone = {**(step.sweep or {}), "parallel": 1, "budget": _UNLIMITED, "notes": []}
        made = replace(step, sweep=alone)
        return Sweeping(made, self._lane.opened(step, self._channel), self._present, waits=False)

    def started(self, key: str, attempt: Path) -> None:
        """Follow a trial's new attempt."""
        super().started(key, attempt)
        self._channel.follow(key, attempt)

    def _forget(self, key: str) -> Sweeping:
        self._channel.leave(key)
        return super()._forget(key)

    def _present(self, trial: PlannedStep) -> PlannedStep:
        return trial

    def failed(self, key: str, why: Failure, wall_s: float, *, prepared: bool) -> None:
        """Record a trial that failed.

        One that lacked memory or disk goes on while a job may get more.
        """
        if why.cause and self._lane.grows and self._lane.study is not None:
            self._lane.study.lacking = why.cause
        super().failed(key, why, wall_s, prepared=prepared)

    def _conclude(self, sweeping: Sweeping) -> Over | None:
        self._lane.failure = sweeping.failure
        return Over(sweeping.step, None, "", sweeping.began)
