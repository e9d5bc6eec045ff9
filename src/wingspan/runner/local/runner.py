"""Carry out a plan on this machine, each job in its own folder and process."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from wingspan.errors import SettingError, WingspanError
from wingspan.files import no_space, remove
from wingspan.planning.plan import Plan, PlannedStep, is_sweep
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
from wingspan.runner.job.process import NO_SPACE, PRUNED
from wingspan.runner.local.preload import preload, preload_of
from wingspan.runner.local.processes import Ended, Limits, Processes
from wingspan.runner.local.schedule import Machine, Schedule, Turns, this_machine
from wingspan.runner.local.sweeps import Over, Sweeps
from wingspan.runner.prepare import prepare, write_constants
from wingspan.runner.protocol import Runner
from wingspan.runner.publish import finished, notes, publish
from wingspan.runner.record import write_event
from wingspan.runner.run_folder import (
    RESULT,
    SHARED,
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

_TARGET = "wingspan.runner.job.run:run_job"
_POLL_S = 0.5
_CLAIMED_POLL_S = 0.1  # while another run computes what this one needs


class LocalRunner(Runner):
    """Runs plans on this machine or a given part of it; nothing it starts outlives it.

    Use it as a context manager when templates are warmed before a plan exists; leaving it stops them. `fork` is for a
    small process without threads, see `warm`. Results that are not `durable` are not forced to the disk. At most `jobs`
    steps run at once. `sweeps` makes the sources of trials.
    """

    def __init__(
        self,
        machine: Machine | None = None,
        *,
        fork: bool = False,
        durable: bool = True,
        jobs: int | None = None,
        turns: Turns | None = None,
        sweeps: Callable[..., Sweeps] = Sweeps,
    ) -> None:
        if jobs is not None and jobs < 1:
            raise SettingError(f"jobs={jobs}", "expected at least 1", "give a whole number from 1")
        self._machine = machine
        self._durable = durable
        self._jobs = jobs
        self._turns = turns
        self._sweeps = sweeps
        self._fork = fork
        self._processes = Processes(_TARGET, fork=fork)

    def __exit__(self, *_: object) -> None:
        self._processes.close()

    def expect(self, cpus: int, library: str, module: str) -> None:
        """Begin to import what steps of a module that use a library will need."""
        self._processes.warm(cpus, preload([library], module))

    def warnings(self, plan: Plan) -> list[str]:
        """Return a line for each submit command that is unknown to HTCondor, for a later pool run."""
        from wingspan.runner.submit_warnings import command_warnings  # no job needs it

        return command_warnings(plan.steps)

    def begin(self, plan: Plan) -> None:
        """Begin to import what the steps of a plan will need."""
        for step in plan.to_run():
            self._processes.warm(int(step.resources.get("cpus", 1)), preload_of(step))

    def run(self, plan: Plan, folder: RunFolder, home: Home, listener: Listener) -> Outcome:
        """Run the open steps; a failed step stops only the steps that need it.

        Raises
        ------
        SettingError
            A step asks for more GPUs than this machine has.
        """
        limited = {key: (name, plan.limits[name]) for key, name in plan.limited().items()}
        schedule = Schedule(
            plan.to_run(), self._machine or this_machine(), self._jobs, limited, self._turns
        )
        for step in plan.to_run():
            if schedule.requests[step.key].gpus > len(schedule.free.gpus):
                problem = f"asks for {schedule.requests[step.key].gpus} GPUs, this machine has {len(schedule.free.gpus)}"
                raise SettingError(
                    f"step {step.name}", problem, "run it on a pool that has them, or set gpus=0"
                )
        write_constants(plan, folder)
        # a forked template would inherit the locks and keep them; its store is for this job alone
        claims = Claims(None if self._fork else home.claims)
        with self._processes as processes, claims:
            self.begin(plan)
            results = home, Store(home.store, durable=self._durable), claims
            sweeps = self._sweeps((folder, home, results[1]), schedule, processes.stop)
            work = _Work(plan, folder, results, listener, processes, schedule, sweeps)
            try:
                work.carry_out()
            finally:
                remove(folder.root / SHARED)
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
        sweeps: Sweeps,
    ) -> None:
        self.folder = folder
        self.listener = listener
        self.processes = processes
        self.schedule = schedule
        self.home, self.store, self.claims = results
        self.events: dict[str, StepEvent] = {}
        self.running: dict[str, tuple[PlannedStep, Path]] = {}
        self.lost: dict[str, int] = {}
        self.sweeps = sweeps
        self.steps = {step.key: step for step in plan.steps}
        self.names: dict[str, list[str]] = {}  # steps that are the same call share a key
        for step in plan.steps:
            self.names.setdefault(step.key, []).append(step.name)
            if step.done:
                self.events[step.name] = StepEvent(time.time(), step.name, step.key, DONE)
        self.adoption = Adoption(self.store, plan.to_run())
        self.earlier = earlier_attempts(self.home, frozenset(step.key for step in plan.to_run()))

    def carry_out(self) -> None:
        """Start jobs and process ended ones until no step is left."""
        try:
            while self.schedule.unfinished:
                self._look_aside()
                while (found := self.schedule.start()) is not None:
                    self._start(*found)
                self._sweep()
                pause_s = self.sweeps.pause_s or (
                    _CLAIMED_POLL_S if self.schedule.aside else _POLL_S
                )
                if self.running:
                    for ended in self.processes.wait(pause_s):
                        self._take_in(ended)
                elif self.schedule.aside:
                    time.sleep(pause_s)
                self.sweeps.look()
        except BaseException:
            for step, path in self.running.values():
                self._say(step, STOPPED, attempt=int(path.name))
            for step in (*self.schedule.aside.values(), *self.sweeps.under_way):
                self._say(step, STOPPED)
            raise
        finally:
            self.sweeps.close()

    def _sweep(self) -> None:
        """Start the trials that there is room for, and end the sweeps that are over."""
        for _ in self.sweeps.trials():
            while (found := self.schedule.start()) is not None:
                self._start(*found)
        for ended in self.sweeps.over():
            self._end_sweep(ended)
        for step, note in self.sweeps.notes():
            self._say(step, RUNNING, note=note)

    def _look_aside(self) -> None:
        """Make steps ready that another run has computed or given up."""
        for key in list(self.schedule.aside):
            if self.store.done([key]) or self.claims.free(key):
                self.schedule.take_up(key)
                self.earlier |= earlier_attempts(self.home, frozenset([key]))

    def _start(self, step: PlannedStep, gpus: list[int | str]) -> None:
        """Start a job, unless its result exists, can be adopted, or another run computes it."""
        claimed = self.claims.take(step.key)
        if self.store.done([step.key]):
            self._take_stored(step)
        elif not claimed:
            self._wait_for_another(step)
        elif is_sweep(step):
            self._begin_sweep(step)
        elif "trials" in step.action:
            self._list_trials(step)
        elif old := self.adoption.adopt(step):
            self._end(step, note=ADOPTED, adopted=old)
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

    def _begin_sweep(self, step: PlannedStep) -> None:
        try:
            begun = self.sweeps.begin(step)
        except WingspanError as error:
            self._give_up(step, refusal(error), attempt=0)
        else:
            self.earlier |= earlier_attempts(self.home, begun)
            self._say(step, RUNNING)

    def _end_sweep(self, ended: Over) -> None:
        if ended.failure is not None:
            self._give_up(ended.step, ended.failure, attempt=0)
        else:
            self._end(ended.step, note=ended.note, wall_s=time.time() - ended.began)

    def _list_trials(self, step: PlannedStep) -> None:
        """Store the table of a sweep's trials, which their journal has."""
        from wingspan.runner.trials.result import list_trials, study_of

        began = time.time()
        try:
            study = study_of(self.steps[step.needs[0]], self.home.studies)
            list_trials(step, study, self.folder, self.store)
        except WingspanError as error:
            self._give_up(step, refusal(error), attempt=0)
        else:
            self._end(step, wall_s=time.time() - began)

    def _wait_for_another(self, step: PlannedStep) -> None:
        self.schedule.set_aside(step.key)
        before = self.events.get(step.name)
        if before is None or before.state != WAITING:
            run_id = computing(self.home, step.key, self.folder)
            problem = f"run {run_id} computes it" if run_id else "another run computes it"
            self._say(step, WAITING, problem=problem)

    def _left_result(self, step: PlannedStep) -> bool:
        """Publish the finished result that an interrupted run has left; return whether it is valid."""
        return any(
            finished(path, step) and self._publish(step, path, {})
            for path in self.earlier.get(step.key, [])
        )

    def _end(self, step: PlannedStep, **fields: Any) -> None:  # noqa: ANN401 - of StepEvent
        """Note that a step's result is stored."""
        self.schedule.done(step.key)
        self.claims.give_back(step.key)
        if self.sweeps.owns(step.key):
            self.sweeps.stored(step.key, fields.get("wall_s", 0.0), cached="wall_s" not in fields)
        else:
            self._say(step, DONE, **fields)

    def _start_job(self, step: PlannedStep, gpus: list[int | str]) -> None:
        try:
            path = prepare(step, self.folder, self.store, self.earlier.get(step.key, []))
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
        if self.sweeps.owns(step.key):
            self.sweeps.started(step.key, path)
        self.running[step.key] = (step, path)  # first: an interrupt in between stops a running step
        self.processes.start(step.key, path, limits, preload_of(step), environment, streams)
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
        if self.sweeps.owns(step.key) and self._trial_is_over(step, path, result, ended):
            return
        ran = ended.cause in {"exit", "lost", "stopped"}
        if result is not None and result["status"] == "ok" and ran:
            if not self._publish(step, path, seen):
                self._again(step)
            return
        killed = ended.cause == "exit" and ended.signal in {9, 15}  # from outside
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

    def _trial_is_over(
        self,
        step: PlannedStep,
        path: Path,
        result: Mapping[str, Any] | None,
        ended: Ended,
    ) -> bool:
        """Process a trial without a stored result: it was pruned, or another one is better."""
        status = None if result is None else result["status"]
        pruned = status == PRUNED or (ended.cause == "stopped" and status != "ok")
        worse = status == "ok" and not self.sweeps.keeps(step.key, path, result or {})
        if pruned or worse:
            self.claims.give_back(step.key)
            self.schedule.done(step.key)
        if pruned:
            self.sweeps.pruned(step.key, ended.wall_s)
        elif worse:
            self.sweeps.not_kept(step.key, path, result or {}, ended.wall_s)
        return pruned or worse

    def _again(self, step: PlannedStep) -> None:
        if self.sweeps.owns(step.key):
            self.sweeps.lost(step.key)
        self.claims.give_back(step.key)
        self.schedule.again(step.key)

    def _publish(self, step: PlannedStep, path: Path, seen: dict[str, Any]) -> bool:
        """Store a result; return False if the job read other bytes than the stored ones."""
        try:
            made = publish(path, step, self.store, seen)
        except WingspanError as error:
            self._give_up(step, refusal(error), attempt=int(path.name), **seen)
            return True
        if made.stale:
            return False
        note = notes(step.name, made)
        if note:
            from logging import getLogger  # no job needs it

            getLogger(__name__).warning(note)
        self._end(step, attempt=int(path.name), note=note, **seen)
        return True

    def _give_up(self, step: PlannedStep, why: Failure, *, attempt: int, **seen: float) -> None:
        self.claims.give_back(step.key)
        lost = self.schedule.failed(step.key)
        if self.sweeps.owns(step.key):
            self.sweeps.failed(step.key, why, seen.get("wall_s", 0.0), prepared=attempt > 0)
            return
        self._say(step, FAILED, attempt=attempt, **why._asdict(), **seen)
        for reader in lost:
            self._say(reader, SKIPPED, problem=f"needs {step.name}, which failed")

    def _say(self, step: PlannedStep, state: str, **fields: Any) -> None:  # noqa: ANN401 - of StepEvent
        for name in self.names.get(step.key, ()):  # a trial has none: its sweep has the progress
            event = StepEvent(time.time(), name, step.key, state, **fields)
            self.events[name] = event
            write_event(self.folder, event)
            self.listener(event)
