"""Follow a DAG on the access point: bring results in, and record what happened.

Any process may follow, at any time and as often as it likes: what was recorded or brought in before is not again.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace

from wingspan.errors import ConflictError, PoolError
from wingspan.files import locked
from wingspan.planning.plan import Plan, PlannedStep
from wingspan.runner.events import (
    DONE,
    FAILED,
    RUNNING,
    WAITING,
    Listener,
    StepEvent,
    ignore,
)
from wingspan.runner.htcondor.dag_folder import DagFolder, newest
from wingspan.runner.htcondor.follow.collect import collect_step, drop_stored, keep_output
from wingspan.runner.htcondor.follow.dagman_job import in_queue, say_gone
from wingspan.runner.htcondor.follow.reading import Reading
from wingspan.runner.htcondor.follow.trials import LaneTrials
from wingspan.runner.htcondor.shared import clean
from wingspan.runner.plan_file import load_plan
from wingspan.runner.record import write_event
from wingspan.runner.run_folder import Home, RunFolder
from wingspan.store.store import Store

_LOG = logging.getLogger(__name__)
SILENT_S = 300.0  # without news: ask the queue whether DAGMan is still there


class Follower:
    """One DAG being followed; `dag` is its folder.

    Parameters
    ----------
    heard
        When DAGMan was last known to be in the queue, by the monotonic clock; by default the queue is asked at first.
    """

    def __init__(
        self,
        plan: Plan,
        dag: DagFolder,
        folder: RunFolder,
        home: Home,
        listener: Listener,
        heard: float | None = None,
    ) -> None:
        self.dag = dag
        self._plan = plan
        self._folder = folder
        self._listener = listener
        self._store = Store(home.store)
        self._heard = heard
        self._news = False  # a lane has sent something
        self._stuck = ""  # what was said of DAGMan's own hold
        self._trials = LaneTrials(plan, dag, folder, self._store)
        self._reading = Reading(plan, dag, folder, home, self._bring_in, self._bring_in_lane)

    @property
    def events(self) -> dict[str, StepEvent]:
        """The last event of each step of this DAG."""
        return self._reading.events

    @property
    def over(self) -> bool:
        """Whether DAGMan has left the queue."""
        return self._reading.over

    def advance(self) -> None:
        """Bring in new results; record and report each change once.

        Raises
        ------
        ConflictError
            The run's folder is not there any more.
        """
        with self._alone():
            before = self.over
            self._take_in()
            if not self.over and self._silent() and self._left_unseen():
                say_gone(self.dag)
                self._take_in()
            if self.over and not before:
                clean(self.dag.root)
                drop_stored(self._plan.steps, self.dag, self._store)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock on following.

        The lock does not create the run's folder: it may have been moved.
        """
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(self._folder.root / "follow", make=False))
            except FileNotFoundError:
                where = f"run {self._folder.run_id}"
                problem = (
                    f"its folder {self._folder.root} was moved or removed while it was followed"
                )
                fix = f"in the project's new place: wingspan resume {self._folder.run_id}"
                raise ConflictError(where, problem, fix) from None
            yield

    def _take_in(self) -> None:
        for event in self._reading.advance():
            self._record(event)
            if self._heard is not None:
                self._heard = time.monotonic()
        if self._reading.stuck not in {"", self._stuck}:
            _LOG.warning(self._reading.stuck)
        self._stuck = self._reading.stuck
        self._note_sweeps()

    def _bring_in_lane(self, lane: str) -> None:
        self._trials.take(lane)
        self._news = True

    def _note_sweeps(self) -> None:
        """Record how far the sweeps are, where a lane has sent something."""
        if not self._news:
            return
        self._news = False
        for sweep, note in self._trials.notes(self._reading.lanes_running):
            last = self.events.get(sweep.name)
            if last is not None and last.state == RUNNING:
                self._record(replace(last, time=time.time(), note=note))

    def _silent(self) -> bool:
        return self._heard is None or time.monotonic() - self._heard > SILENT_S

    def _left_unseen(self) -> bool:
        """Ask whether DAGMan has left the queue without a word in its log."""
        self._heard = time.monotonic()
        with suppress(PoolError):
            if in_queue(self.dag) is False:
                self._take_in()  # it may have ended between the two looks
                return not self.over
        return False

    def catch_up(self) -> bool:
        """Read what happened; return whether the run is still in the pool.

        A run whose steps are all done is marked complete.
        """
        self.advance()
        if self.over and all(event.state == DONE for event in self.events.values()):
            self._folder.complete.touch()
        return not self.over

    def warn(self, problems: Mapping[str, str]) -> None:
        """Report why steps may have to wait, right after the submission.

        `problems` is by the steps' keys.
        """
        run = self._folder.run_id
        fix = f"ask for less, or wait for such a machine: `wingspan why {run}` says what would do"
        for step in self._plan.steps:
            if step.key in problems:
                problem = problems[step.key]
                self._record(
                    StepEvent(time.time(), step.name, step.key, WAITING, problem=problem, fix=fix)
                )

    def _bring_in(self, step: PlannedStep, node: str) -> StepEvent | None:
        return collect_step(step, self.dag, node, self._folder, self._store)

    def _record(self, event: StepEvent) -> None:
        if event.state == FAILED and not event.attempt:
            event = replace(event, attempt=self._kept(event))
        write_event(self._folder, event)
        if event.note and not event.adopted and event.state != RUNNING:
            _LOG.warning(event.note)
        self._listener(event)

    def _kept(self, event: StepEvent) -> int:
        """Keep what the job of a step wrote that sent no result; return the attempt's number."""
        step = next(step for step in self._plan.steps if step.name == event.step)
        nodes = [node for node, keys in self.dag.keys().items() if step.key in keys]
        return keep_output(step, self.dag, nodes, self._folder, self._store)


def follower_of(
    folder: RunFolder, home: Home, listener: Listener = ignore, plan: Plan | None = None
) -> Follower | None:
    """Return what follows a run's last DAG; None of a run that is done, or was never submitted."""
    dag = newest(folder)
    if dag is None or folder.complete.exists():
        return None
    return Follower(plan or load_plan(folder), dag, folder, home, listener)


def catch_up(folder: RunFolder, home: Home, listener: Listener = ignore) -> bool:
    """Bring in what a run's jobs have finished; return whether it is still in the pool."""
    follower = follower_of(folder, home, listener)
    return follower is not None and follower.catch_up()
