"""Bring in what the jobs of an exported DAG have finished.

A user submitted it by hand.
"""

import time
from dataclasses import replace

from wingspan.planning.plan import PlannedStep, is_sweep
from wingspan.runner.events import DONE, FAILED, SKIPPED, UNDER_WAY, WAITING, StepEvent
from wingspan.runner.htcondor.dag_folder import DagFolder
from wingspan.runner.htcondor.follow.collect import (
    collect_step,
    drop_stored,
    keep_output,
    stored,
)
from wingspan.runner.htcondor.follow.reading import Reading
from wingspan.runner.htcondor.follow.trials import LaneTrials
from wingspan.runner.htcondor.shared import clean
from wingspan.runner.plan_file import load_plan
from wingspan.runner.record import read_events, write_event
from wingspan.runner.run_folder import Home, RunFolder
from wingspan.store.store import Store


def collect(folder: RunFolder, home: Home) -> dict[str, StepEvent]:
    """Bring in what the jobs of an exported DAG have finished; return the events by step."""
    given = _Exported(folder, home)
    events: dict[str, StepEvent] = {}
    bad: dict[str, str] = {}
    for step in given.plan.steps:
        event = given.event(step)
        needed = next((bad[key] for key in step.needs if key in bad), None)
        if event.state == WAITING and needed:
            problem = f"needs {needed}, which failed"
            event = StepEvent(time.time(), step.name, step.key, SKIPPED, problem=problem)
        if event.state in {FAILED, SKIPPED}:
            bad[step.key] = needed or step.name
        events[step.name] = event
        if event is not given.recorded.get(step.name):
            write_event(folder, event)
    if all(event.state == DONE for event in events.values()):
        folder.complete.touch()
        drop_stored(given.plan.steps, given.dag, given.store)
    if not any(event.state in {WAITING, *UNDER_WAY} for event in events.values()):
        clean(folder.root)
    return events


class _Exported:
    """An exported DAG whose results are brought in.

    Attributes
    ----------
    recorded
        The last event of each step, as an earlier call recorded it.
    """

    def __init__(self, folder: RunFolder, home: Home) -> None:
        self.plan = load_plan(folder)
        self.dag = DagFolder(folder.root)
        self.store = Store(home.store)
        self.recorded = read_events(folder)
        self._folder = folder
        self._node_of = {key: node for node, keys in self.dag.keys().items() for key in keys}
        self._trials = LaneTrials(self.plan, self.dag, folder, self.store)
        self._sweeps = self.dag.sweeps()
        reading = Reading(self.plan, self.dag, folder, home)
        for _ in reading.advance():
            pass
        self._at_work = {
            name: event
            for name, event in reading.events.items()
            if event.state in {FAILED, *UNDER_WAY}
        }

    def event(self, step: PlannedStep) -> StepEvent:
        """Bring in what a step's job has sent; return what became of the step."""
        node = self._node_of.get(step.key, "")
        if is_sweep(step) and self.dag.result(step.key).exists():  # its lanes have ended
            for lane in self._sweeps[node].lanes if node in self._sweeps else ():
                self._trials.take(lane)
        event = stored(step, self.dag, self.store, time.time())
        if event is not None:
            return event
        before = self.recorded.get(step.name)
        if before is not None and self._is_over(step, before):
            return before
        event = collect_step(step, self.dag, node, self._folder, self.store)
        event = event or self._at_work.get(step.name)
        if event is None:
            return StepEvent(time.time(), step.name, step.key, WAITING)
        if event.state == FAILED and not event.attempt:
            kept = keep_output(step, self.dag, [node], self._folder, self.store)
            return replace(event, attempt=kept)
        return event

    def _is_over(self, step: PlannedStep, before: StepEvent) -> bool:
        """Say whether a step is recorded as failed, and no job of it has ended since."""
        if before.state != FAILED:
            return False
        at_work = self._at_work.get(step.name)
        if at_work is not None and at_work.time > before.time:
            return False
        sent = (self.dag.result(step.key), self.dag.refusal(self._node_of.get(step.key, "")))
        return all(file.stat().st_mtime < before.time for file in sent if file.exists())
