"""Read one DAG from look to look: its logs, the run's record, and results sent so far.

`Reading` changes nothing. What its jobs sent is looked at by `take`, which is where a `Follower` brings it in instead.
"""

import json
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from wingspan.errors import PoolError
from wingspan.eventlog.job_state import Change
from wingspan.planning.plan import Plan, PlannedStep
from wingspan.runner.events import (
    DONE,
    ENDED,
    FINAL,
    STOPPED,
    StepEvent,
)
from wingspan.runner.htcondor.dag_folder import DagFolder, read_sent
from wingspan.runner.htcondor.follow.collect import peek, stored
from wingspan.runner.htcondor.follow.conclusion import conclude, settled
from wingspan.runner.htcondor.follow.dag_logs import DagLog, NodeChange, dagman_says
from wingspan.runner.htcondor.follow.dagman_job import own_jobs
from wingspan.runner.htcondor.follow.lanes import advance_sweeps, lanes_of, runs
from wingspan.runner.htcondor.follow.state import Following, Left, advance, members_of
from wingspan.runner.record import read_new_events
from wingspan.runner.run_folder import Home, RunFolder
from wingspan.store.store import Store

Take = Callable[[PlannedStep, str], StepEvent | None]  # a step and its node -> its last event


def stuck_text(dag: DagFolder, why: str) -> str:
    """Return what to do about a held job of DAGMan; empty if it is not held."""
    if not why:
        return ""
    job = dag.cluster.read_text()
    return f"DAGMan, job {job}, is {why}; it starts no more jobs until you release it\n  -> condor_release {job}"


def stuck_now(dag: DagFolder) -> str:
    """Return what to do about DAGMan's own job if it is held, as its log says; else nothing."""
    now, _ = advance(Following(), DagLog(dag).of_dagman(), {}, {})
    return stuck_text(dag, now.stuck)


class Reading:
    """A DAG as its files have it.

    Parameters
    ----------
    take
        Gives the last event of a step whose job has ended; by default the one that the job reports.
    take_lane
        Is called with each lane whose job has ended.
    """

    def __init__(
        self,
        plan: Plan,
        dag: DagFolder,
        folder: RunFolder,
        home: Home,
        take: Take | None = None,
        take_lane: Callable[[str], object] | None = None,
    ) -> None:
        self.dag = dag
        self._plan = plan
        self._folder = folder
        self._store = Store(home.store)
        self._take = take or (lambda step, node: peek(step, dag, node))
        members = members_of(plan, dag.keys())
        self._take_lane = take_lane
        # the job of a sweep's own node makes the best trial again: it is like one of its lanes
        sweeps = {node: (*facts.lanes, node) for node, facts in dag.sweeps().items()}
        self._sweeps = {node: of for node, of in members.items() if node in sweeps}
        self._members = {node: of for node, of in members.items() if node not in sweeps}
        self._lanes = lanes_of(sweeps, {node: of[0] for node, of in self._sweeps.items()})
        self._node_of = {one.name: node for node, of in members.items() for one in of}
        self._last_node = {one.key: node for node, of in members.items() for one in of}
        self._log = DagLog(dag)
        self._pending: deque[NodeChange] = deque()
        self._now = Following()
        self._concluded = False
        self._known: dict[tuple[str, str, float], StepEvent] = {}
        self._last: dict[str, StepEvent] = {}  # by step, as the record has it
        self._offset = 0  # bytes of the record that were read
        self._leases: dict[str, float] = {}

    @property
    def events(self) -> dict[str, StepEvent]:
        """The last event of each step of this DAG."""
        return dict(self._now.steps)

    @property
    def over(self) -> bool:
        """Whether DAGMan has left the queue."""
        return self._now.over

    @property
    def stuck(self) -> str:
        """What to do about DAGMan's own job, which is held; empty if it is not."""
        return stuck_text(self.dag, self._now.stuck)

    def advance(self) -> Iterator[StepEvent]:
        """Read what is new; yield the events that the run's record does not have yet."""
        recorded, self._offset = read_new_events(self._folder, self._offset)
        for event in recorded:
            self._remember(event)
        self._now, _ = advance(self._now, self._log.of_dagman(), {}, {})
        if self._now.over and self._all_recorded():
            self._now = replace(self._now, steps=dict(self._last))
            return
        self._pending.extend(self._log.of_nodes())
        while self._pending:
            if self._reads_sweep(self._pending[0]):
                yield from self._new(self._selected())
            batch, left = self._batch()
            self._now, events = advance(self._now, batch, self._members, left)
            self._now, more = advance_sweeps(self._now, batch, self._lanes)
            yield from self._new(events + more)
        yield from self._new(self._selected())
        if not self._now.over:
            self._concluded = False
        elif not self._concluded:
            yield from self._new(self._conclude())
            self._concluded = True

    def _selected(self) -> list[StepEvent]:
        """Return the ends of sweeps whose result was selected on the access point.

        No event of a job reports them.
        """
        found = []
        for node, of in self._sweeps.items():
            first = of[0]
            if settled(self._now.steps.get(first.name)):
                continue
            sent = self.dag.result(first.key)
            if read_sent(sent) is not None:
                at = sent.stat().st_mtime
                events = [self._recorded(one, at) or self._came_to(one, node) for one in of]
                found += [
                    replace(event, step=one.name, time=at)
                    for one, event in zip(of, events, strict=True)
                    if event is not None
                ]
        steps = {event.step: event for event in found}
        self._now = replace(self._now, steps={**self._now.steps, **steps})
        return found

    def _reads_sweep(self, change: NodeChange) -> bool:
        """Say whether an ended job read a sweep whose end is not yet known here.

        No event reports that end.
        """
        if not self._sweeps or not change.exit:
            return False
        lane = self._lanes.get(change.node)
        needs = {key for one in self._members.get(change.node, ()) for key in one.needs}
        needs |= set(() if lane is None else lane.needs)
        open_ = (
            of[0] for of in self._sweeps.values() if not settled(self._now.steps.get(of[0].name))
        )
        return any(sweep.key in needs for sweep in open_)

    def lanes_running(self, node: str) -> int:
        """Return how many jobs of a sweep's lanes run."""
        first = self._sweeps[node][0]
        own = (self._now.jobs.get(lane) for lane, sweep in self._lanes.items() if sweep is first)
        return sum(job is not None and runs(job) for job in own)

    def _all_recorded(self) -> bool:
        """Return whether the record has the end of every step.

        Then the nodes' log need not be read.
        """
        lasts = ((step, self._last.get(step.name)) for step in self._plan.steps)
        return all(step.done or (last and self._final(last, ENDED)) for step, last in lasts)

    def _final(self, event: StepEvent, states: frozenset[str]) -> bool:
        """Return whether a recorded event is an end that still counts.

        A step that is done stays done.
        """
        return event.state == DONE or (event.state in states and event.time > self._now.begun)

    def _remember(self, event: StepEvent) -> None:
        self._known[event.step, event.state, event.time] = event
        self._last[event.step] = event

    def _new(self, events: list[StepEvent]) -> Iterator[StepEvent]:
        for event in events:
            known = self._last.get(event.step)
            if event.state == STOPPED and known and known.state == STOPPED:
                continue  # another log reported it first
            if (event.step, event.state, event.time) not in self._known:
                self._remember(event)
                yield event

    def _batch(self) -> tuple[list[NodeChange], dict[str, Left]]:
        """Return the next changes, and what is known of their jobs.

        The batch ends with the first change whose results are not recorded.

        A full disk is an error of `take`: then the change stays for the next call.
        """
        batch: list[NodeChange] = []
        left: dict[str, Left] = {}
        while self._pending:
            change = self._pending[0]
            taken = False
            if batch and self._reads_sweep(change):
                break
            if self._take_lane and change.node in self._lanes and change.exit:
                self._take_lane(change.node)
            if change.node in self._members:
                known, taken = self._left(change)
                if known is not None:
                    left[change.node] = known
            batch.append(self._pending.popleft())
            if taken:
                break
        return batch, left

    def _left(self, change: NodeChange) -> tuple[Left | None, bool]:
        """Return what is known of a changed job, and whether results were brought in for that."""
        node = change.node
        if change.kind == Change.ENDED:
            found: dict[str, StepEvent] = {}
            given_back = frozenset(self._given_back(node))
            recorded = True
            for step in self._members[node]:
                if step.key in given_back:
                    continue
                known = self._recorded(step, change.at)
                recorded = recorded and known is not None
                event = known or found.get(step.key) or self._came_to(step, node)
                if event is not None:
                    found[step.key] = event
            return Left(results=found, given_back=given_back), not recorded
        if change.kind == Change.REQUEUED and change.exit:
            sent = ((step.key, peek(step, self.dag, node)) for step in self._members[node])
            return Left(results={key: event for key, event in sent if event is not None}), False
        if change.kind == Change.REMOVED and "PeriodicRemove" in change.reason:
            return Left(part=self._part(node)), False
        if change.kind == Change.DISCONNECTED:
            return Left(lease_s=self._lease(change)), False
        return None, False

    def _given_back(self, node: str) -> Iterator[str]:
        """Yield the keys of steps that a job has not run, and that another node runs instead."""
        for step in self._members[node]:
            if self._last_node[step.key] != node:
                sent = read_sent(self.dag.result(step.key))
                if sent is None or sent.get("node", node) != node:
                    yield step.key

    def _recorded(self, step: PlannedStep, at: float) -> StepEvent | None:
        found = (self._known.get((step.name, state, at)) for state in ENDED)
        return next((event for event in found if event is not None), None)

    def _came_to(self, step: PlannedStep, node: str) -> StepEvent | None:
        done = stored(step, self.dag, self._store, 0.0)
        if done is not None:
            return done
        return self._take(step, node) if node else None

    def _part(self, node: str) -> dict[str, Any]:
        """Return what a node was to do; nothing where that cannot be read."""
        with suppress(OSError, ValueError):
            return dict(json.loads(self.dag.job(node).read_text()))
        return {}

    def _lease(self, change: NodeChange) -> float | None:
        """Ask the queue how long a disconnected job may stay away.

        None if the job came back, or the queue does not say.
        """
        if any(later.node == change.node for later in list(self._pending)[1:]):
            return None
        if change.job not in self._leases:
            from wingspan.accesspoint.jobs import query
            from wingspan.pool.personal import use_pool

            names = ["ClusterId", "ProcId", "JobLeaseDuration"]
            cluster, ours = change.job.partition(".")[0], own_jobs(self.dag, self._folder.run_id)
            with suppress(PoolError):
                use_pool()
                for ad in query(f"ClusterId == {cluster} && {ours}", names):
                    lease = ad.get("JobLeaseDuration")
                    if isinstance(lease, int | float):
                        self._leases[f"{ad['ClusterId']}.{ad['ProcId']}"] = float(lease)
        return self._leases.get(change.job)

    def _conclude(self) -> list[StepEvent]:
        """Return the events of steps that have no end event."""
        now = self._now
        finals = {name: event for name, event in self._last.items() if self._final(event, FINAL)}
        steps = {**now.steps, **finals}  # another process may have concluded before
        results: dict[str, StepEvent] = {}
        for step in self._plan.steps:
            if not step.done and not settled(steps.get(step.name)) and step.key not in results:
                event = self._came_to(step, self._node_of.get(step.name, ""))
                if event is not None:
                    results[step.key] = event
        given = (self._plan, self._members, results, dagman_says(self.dag))
        self._now, events = conclude(replace(now, steps=steps), *given)
        return events
