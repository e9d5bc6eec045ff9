"""Mark steps as up to date with the last results that they had.

A touched result gets its present key by second names of its files, and says that it was touched.
"""

import os
from collections.abc import Mapping
from typing import Any

from wingspan.errors import SettingError
from wingspan.planning.plan import Plan, PlannedStep
from wingspan.planning.reads import Present
from wingspan.runner.adoption import input_digests
from wingspan.runner.plan_file import load_plan
from wingspan.runner.run_folder import Home, RunFolder
from wingspan.store.store import Store

_NAMED = 5  # steps that a message names


def touch(plan: Plan, home: Home) -> None:
    """Give every step that is to run its last result; raises the errors of `last_results`."""
    store = Store(home.store)
    last = last_results(plan, home)
    for step in plan.to_run():
        _adopt(step, last[step.name], store)


def last_results(plan: Plan, home: Home) -> dict[str, str]:
    """Return, by name, the key of the last result of each step that is to run.

    Raises
    ------
    SettingError
        A step never ran, or its last result has other outputs.
    """
    store = Store(home.store)
    last = _last_keys(plan, home, store)
    never = [step.name for step in plan.to_run() if step.name not in last]
    if never:
        more = f" and {len(never) - _NAMED} more" if len(never) > _NAMED else ""
        problem = f"no result to keep: {', '.join(never[:_NAMED])}{more} never ran to the end"
        fix = f"leave --touch out, or run it first: --until {never[0]}"
        raise SettingError("--touch", problem, fix)
    for step in plan.to_run():
        made = sorted(store.result(last[step.name])["outputs"])
        if made != sorted(step.outputs):
            problem = f"step {step.name} gives {', '.join(step.outputs)}, but its last result has {', '.join(made)}"
            raise SettingError("--touch", problem, "leave --touch out: the step must run")
    return {step.name: last[step.name] for step in plan.to_run()}


def _adopt(step: PlannedStep, old: str, store: Store) -> None:
    changes: dict[str, Any] = {
        "step": step.name,
        "inputs": input_digests(step, store),
        "touched": True,
    }
    reads = store.result(old).get("reads")
    if reads:  # so that its undeclared reads count as unchanged, too
        changes["reads"] = Present(os.environ)(reads, str(step.action.get("project", "")))
    store.adopt(old, step.key, changes)


def _last_keys(plan: Plan, home: Home, store: Store) -> dict[str, str]:
    """Return the key of the newest stored result of each step that is to run, by name."""
    missing = {step.name for step in plan.to_run()}
    found = _stored(plan.previous, missing, store)
    for run_id in reversed(home.run_ids()):
        if missing <= found.keys():
            break
        folder = RunFolder(home.runs / run_id)
        if folder.header["pipeline"] == plan.pipeline:
            planned = {step.name: {"key": step.key} for step in load_plan(folder).steps}
            found = _stored(planned, missing - found.keys(), store) | found
    return found


def _stored(
    steps: Mapping[str, Mapping[str, Any]], wanted: set[str], store: Store
) -> dict[str, str]:
    keys = {name: str(steps[name]["key"]) for name in wanted & steps.keys()}
    there = store.done(keys.values())
    return {name: key for name, key in keys.items() if key in there}
