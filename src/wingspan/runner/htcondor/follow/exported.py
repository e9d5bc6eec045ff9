"""Bring in what the jobs of an exported DAG have finished.

A user submitted it by hand.
"""

import time

from wingspan.planning.plan import is_sweep
from wingspan.runner.events import DONE, FAILED, SKIPPED, WAITING, StepEvent
from wingspan.runner.htcondor.dag_folder import DagFolder
from wingspan.runner.htcondor.follow.collect import collect_step, drop_stored, stored
from wingspan.runner.htcondor.follow.trials import LaneTrials
from wingspan.runner.htcondor.shared import clean
from wingspan.runner.plan_file import load_plan
from wingspan.runner.record import write_event
from wingspan.runner.run_folder import Home, RunFolder
from wingspan.store.store import Store


def collect(folder: RunFolder, home: Home) -> dict[str, StepEvent]:
    """Bring in what the jobs of an exported DAG have finished; return the events by step."""
    store = Store(home.store)
    plan = load_plan(folder)
    events: dict[str, StepEvent] = {}
    bad: dict[str, str] = {}
    dag = DagFolder(folder.root)
    node_of = {key: node for node, keys in dag.keys().items() for key in keys}
    trials, sweeps = LaneTrials(plan, dag, folder, store), dag.sweeps()
    for step in plan.steps:
        node = node_of.get(step.key, "")
        if is_sweep(step) and dag.result(step.key).exists():  # its lanes have ended
            for lane in sweeps[node].lanes if node in sweeps else ():
                trials.take(lane)
        event = stored(step, dag, store, time.time())
        if event is None:
            event = collect_step(step, dag, node, folder, store) or StepEvent(
                time.time(), step.name, step.key, WAITING
            )
        needed = next((bad[key] for key in step.needs if key in bad), None)
        if event.state == WAITING and needed:
            problem = f"needs {needed}, which failed"
            event = StepEvent(time.time(), step.name, step.key, SKIPPED, problem=problem)
        if event.state in {FAILED, SKIPPED}:
            bad[step.key] = needed or step.name
        events[step.name] = event
        write_event(folder, event)
    if all(event.state == DONE for event in events.values()):
        folder.complete.touch()
        drop_stored(plan.steps, dag, store)
    if not any(event.state == WAITING for event in events.values()):
        clean(folder.root)
    return events
