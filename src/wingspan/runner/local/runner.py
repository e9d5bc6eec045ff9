"""Carry out a plan on this machine: each job in its own folder and process, as many at a time as the machine holds."""

import logging
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from wingspan.errors import SettingError, WingspanError
from wingspan.files import no_space
from wingspan.planning.plan import Plan, PlannedStep
from wingspan.runner import attempt as attempts
from wingspan.runner.adoption import ADOPTED, Adoption
from wingspan.runner.events import (
    DONE,
    FAILED,
    RUNNING,
    SKIPPED,
    STOPPED,
    WAITING,
    Listener,
    Outcome,
    StepEvent,
)
from wingspan.runner.failure import Failure, crashed_in, failure, refusal
from wingspan.runner.job.process import NO_SPACE
from wingspan.runner.local.processes import Ended, Limits, Processes
from wingspan.runner.local.schedule import Machine, Schedule, this_machine
from wingspan.runner.record import write_event
from wingspan.runner.run_folder import (
    RESULT,
    STDERR,
    STDOUT,
    WORK,
    Home,
    RunFolder,
    computing,
    earlier_attempts,
    read_result,
)
from wingspan.runner.undeclared import require_same_reads
from wingspan.store.claims import Claims
from wingspan.store.store import Store

_LOG = logging.getLogger(__name__)
_TARGET = "wingspan.runner.job.run:run_job"
_POLL_S = 0.5
_CLAIMED_POLL_S = 0.1  # while another run computes what this one needs
_LIGHT = frozenset({"wingspan.workflow"})  # a file that declares a pipeline imports it
_TABLES = _LIGHT | {"numpy", "polars"}
_MODELS = _TABLES | {"scipy.special", "sklearn.linear_model", "sklearn.tree", "skops.io"}


def _preload(libraries: Iterable[str], module: str) -> frozenset[str]:
    """Return what the template of a step should have imported: of few kinds, so that few templates serve all steps."""
    names = set(libraries)
    light = _LIGHT | (
        {module} if module.startswith("wingspan.") else set()
    )  # ours: no user can have changed it
    if "torch" in names:
        return light | {"numpy", "torch"}
    if names & {"sklearn", "skops", "scipy"}:
        return light | _MODELS
    return light | _TABLES if names & {"polars", "numpy", "pandas"} else light


def _preload_of(step: PlannedStep) -> frozenset[str]:
    return _preload(step.preload, str(step.action.get("module", "")))


class LocalRunner:
    """Runs plans on this machine, or on the part of it that is given; nothing it starts outlives it.

    A context manager for what is started before there is a plan, lest there is none. `fork` is for a small process without
    threads: see `warm`; results that are not `durable` are not forced to the disk. At most `jobs` steps run at once.
    """

    def __init__(
        self,
        machine: Machine | None = None,
        *,
        fork: bool = False,
        durable: bool = True,
        jobs: int | None = None,
    ) -> None:
        if jobs is not None and jobs < 1:
            raise SettingError(f"jobs={jobs}", "expected at least 1", "give a whole number from 1")
        self._machine = machine
        self._durable = durable
        self._jobs = jobs
        self._fork = fork
        self._processes = Processes(_TARGET, fork=fork)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._processes.close()

    def expect(self, cpus: int, library: str, module: str) -> None:
        """Begin to import what steps of a module that need a library will need."""
        self._processes.warm(cpus, _preload([library], module))

    def run(self, plan: Plan, folder: RunFolder, home: Home, listener: Listener) -> Outcome:
        """Run what is not done; a failed step stops only those that need it.

        Raises
        ------
        SettingError
            A step asks for more GPUs than this machine has.
        """
        limited = {key: (name, plan.limits[name]) for key, name in plan.limited().items()}
        schedule = Schedule(plan.to_run(), self._machine or this_machine(), self._jobs, limited)
        for step in plan.to_run():
            if schedule.requests[step.key].gpus > len(schedule.free.gpus):
                problem = f"asks for {schedule.requests[step.key].gpus} GPUs, this machine has {len(schedule.free.gpus)}"
                raise SettingError(
                    f"step {step.name}", problem, "run it on a pool that has them, or set gpus=0"
                )
        attempts.write_constants(plan, folder)
        # a forked template would inherit the locks and keep them; its store is for this job alone
        claims = Claims(None if self._fork else home.claims)
        with self._processes as processes, claims:
            for step in plan.to_run():
                processes.warm(schedule.requests[step.key].cpus, _preload_of(step))
            store = Store(home.store, durable=self._durable)
            work = _Work(plan, folder, (home, store, claims), listener, processes, schedule)
            work.carry_out()
        return Outcome(folder.run_id, work.events)


class _Work:
    """One run under way."""

    def __init__(
        self,
        plan: Plan,
        folder: RunFolder,
        results: tuple[Home, Store, Claims],
        listener: Listener,
        processes: Processes,
        schedule: Schedule,
    ) -> None:
        self.folder = folder
        self.listener = listener
        self.processes = processes
        self.schedule = schedule
        self.home, self.store, self.claims = results
        self.events: dict[str, StepEvent] = {}
        self.running: dict[str, tuple[PlannedStep, Path]] = {}
        self.lost: dict[str, int] = {}
        self.names: dict[str, list[str]] = {}  # steps that are the same call share a key
        for step in plan.steps:
            self.names.setdefault(step.key, []).append(step.name)
            if step.done:
                self.events[step.name] = StepEvent(time.time(), step.name, step.key, DONE)
        self.adoption = Adoption(self.store, plan.to_run())
        self.earlier = earlier_attempts(self.home, frozenset(step.key for step in plan.to_run()))

    def carry_out(self) -> None:
        """Start what can start, take in what ended, until nothing is left."""
        try:
            while self.schedule.unfinished:
                self._look_aside()
                while (found := self.schedule.start()) is not None:
                    self._start(*found)
                pause_s = _CLAIMED_POLL_S if self.schedule.aside else _POLL_S
                if self.running:
                    for ended in self.processes.wait(pause_s):
                        self._take_in(ended)
                elif self.schedule.aside:
                    time.sleep(pause_s)
        except BaseException:
            for step, path in self.running.values():
                self._say(step, STOPPED, attempt=int(path.name))
            for step in self.schedule.aside.values():
                self._say(step, STOPPED)
            raise

    def _look_aside(self) -> None:
        """Make ready what another run computed, or gave up: it failed, or was killed."""
        for key in list(self.schedule.aside):
            if self.store.done([key]) or self.claims.free(key):
                self.schedule.take_up(key)
                self.earlier |= earlier_attempts(self.home, frozenset([key]))

    def _start(self, step: PlannedStep, gpus: list[int | str]) -> None:
        """Start a job, unless its result is there, can be adopted, was left by a stopped run, or another run computes it."""
        claimed = self.claims.take(step.key)
        if self.store.done([step.key]):
            self._take_stored(step)
        elif not claimed:
            self._wait_for_another(step)
        elif old := self.adoption.adopt(step):
            self._end(step)
            self._say(step, DONE, note=ADOPTED, adopted=old)
        elif not self._left_result(step):
            self._start_job(step, gpus)

    def _take_stored(self, step: PlannedStep) -> None:
        """Take the result that another run has stored meanwhile."""
        try:
            require_same_reads(step, self.store.result(step.key))
        except WingspanError as error:
            self._give_up(step, refusal(error), attempt=0)
        else:
            self._end(step)
            self._say(step, DONE)

    def _wait_for_another(self, step: PlannedStep) -> None:
        self.schedule.set_aside(step.key)
        before = self.events.get(step.name)
        if before is None or before.state != WAITING:
            run_id = computing(self.home, step.key, self.folder)
            problem = f"run {run_id} computes it" if run_id else "another run computes it"
            self._say(step, WAITING, problem=problem)

    def _left_result(self, step: PlannedStep) -> bool:
        """Publish the finished result that an interrupted run has left; return whether there was one that holds."""
        return any(
            attempts.finished(path, step) and self._publish(step, path, {})
            for path in self.earlier.get(step.key, [])
        )

    def _end(self, step: PlannedStep) -> None:
        self.schedule.done(step.key)
        self.claims.give_back(step.key)

    def _start_job(self, step: PlannedStep, gpus: list[int | str]) -> None:
        try:
            path = attempts.prepare(step, self.folder, self.store, self.earlier.get(step.key, []))
        except WingspanError as error:
            self._give_up(step, refusal(error), attempt=0)
            return
        asked = self.schedule.requests[step.key]
        limits = Limits(asked.cpus, asked.memory_limit_mb, asked.runtime_s)
        work = path / WORK
        work.mkdir()
        environment = {
            "HOME": str(work),
            "TMPDIR": str(work),
            "CUDA_VISIBLE_DEVICES": ",".join(map(str, gpus)),
        }
        streams = (path / STDOUT, path / STDERR)
        self.processes.start(step.key, path, limits, _preload_of(step), environment, streams)
        self.running[step.key] = (step, path)
        self._say(step, RUNNING, attempt=int(path.name))

    def _take_in(self, ended: Ended) -> None:
        step, path = self.running.pop(ended.token)
        seen = {
            "wall_s": ended.wall_s,
            "cpu_s": ended.cpu_s,
            "peak_memory_mb": ended.peak_memory_mb,
        }
        result = read_result(path)
        if result is not None:
            seen["wall_s"] = result["wall_s"]  # without the wait for a template that was starting
        if result is not None and result["status"] == "ok" and ended.cause in {"exit", "lost"}:
            if not self._publish(step, path, seen):
                self._again(step)
            return
        killed = ended.cause == "exit" and ended.signal in {9, 15}  # by somebody else
        gone = result is None and (ended.cause == "lost" or killed)
        if gone and self.lost.get(step.key, 0) < step.retries:
            self.lost[step.key] = self.lost.get(step.key, 0) + 1
            self.earlier.setdefault(step.key, []).insert(0, path)  # its checkpoint goes on
            self._again(step)
            return
        if result is None and ended.exit_code == NO_SPACE:
            why = refusal(no_space(path / RESULT))
        else:
            asked = self.schedule.requests[step.key]
            seen_by_us = (ended.cause, ended.signal, ended.peak_memory_mb)
            crash = crashed_in(path / STDERR) if ended.signal else ""
            why = failure(result, *seen_by_us, asked, code=ended.exit_code, crash=crash)
        self._give_up(step, why, attempt=int(path.name), **seen)

    def _again(self, step: PlannedStep) -> None:
        self.claims.give_back(step.key)
        self.schedule.again(step.key)

    def _publish(self, step: PlannedStep, path: Path, seen: dict[str, Any]) -> bool:
        """Bring a result into the store; return False if the job read other bytes than those that are stored now."""
        try:
            made = attempts.publish(path, step, self.store, seen)
        except WingspanError as error:
            self._give_up(step, refusal(error), attempt=int(path.name), **seen)
            return True
        if made.stale:
            return False
        note = attempts.notes(step.name, made)
        if note:
            _LOG.warning(note)
        self._end(step)
        self._say(step, DONE, attempt=int(path.name), note=note, **seen)
        return True

    def _give_up(self, step: PlannedStep, why: Failure, *, attempt: int, **seen: float) -> None:
        self.claims.give_back(step.key)
        lost = self.schedule.failed(step.key)
        self._say(step, FAILED, attempt=attempt, **why._asdict(), **seen)
        for reader in lost:
            self._say(reader, SKIPPED, problem=f"needs {step.name}, which failed")

    def _say(self, step: PlannedStep, state: str, **fields: Any) -> None:  # noqa: ANN401 - of StepEvent
        for name in self.names[step.key]:
            event = StepEvent(time.time(), name, step.key, state, **fields)
            self.events[name] = event
            write_event(self.folder, event)
            self.listener(event)
