"""Adopt a result of an earlier run: same code, same parameters, same bytes of all inputs.

If an edited step gives the same bytes as before, the steps that need it do not run again.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from wingspan.errors import CorruptError, NotFoundError, SpaceError
from wingspan.planning.key import FORMAT, content_key
from wingspan.planning.plan import Plan, PlannedStep, is_sweep
from wingspan.runner.events import DONE, StepEvent
from wingspan.runner.undeclared import READS, holds
from wingspan.store.store import Store, read_digest

ADOPTED = "not run: same code, parameters and input bytes as before"


class Adoption:
    """The results of earlier runs that the steps of a plan may adopt, as of the run's start."""

    def __init__(self, store: Store, steps: Iterable[PlannedStep]) -> None:
        self._store = store
        reading = [step for step in steps if step.inputs]
        trials = any(is_sweep(step) for step in reading)  # their bases come with the draws
        bases = None if trials else {step.base for step in reading}
        self._known = store.contents.known(bases)

    def adopt(self, step: PlannedStep) -> str:
        """Store an earlier result under the key of a step; return the result's own key.

        The step's inputs must be stored. The key is empty if no earlier result fits.
        """
        if not self._known.has(step.base):
            return ""
        try:
            inputs = input_digests(step, self._store)
            old = self._known.key(step.base, content_key(step.base, inputs))
            made = self._store.result(old) if old else {}
        except (NotFoundError, CorruptError):
            return ""
        # what it read besides its inputs may have changed
        if not inputs or made.get("inputs") != inputs or not holds(step, made):
            return ""
        try:
            adopted = self._store.adopt(old, step.key, {"step": step.name, "key_format": FORMAT})
        except SpaceError:  # the step's job says so
            return ""
        if adopted:
            note_content(step, inputs, self._store)
        return old if adopted else ""


def unconditional(result: Mapping[str, Any]) -> bool:
    """Return whether a result's job read only its declared inputs."""
    return not any(result.get(READS, {}).values())


def note_content(step: PlannedStep, inputs: Mapping[str, str], store: Store) -> None:
    """Let later runs find the result of a step by the digests of its inputs."""
    if inputs and step.base:
        store.contents.add(step.base, content_key(step.base, inputs), step.key)


def adopt_stored(plan: Plan, store: Store, report: Callable[[StepEvent], None]) -> Plan:
    """Return the plan with the steps marked done whose results can be adopted now.

    `report` is called with an event of each such step.
    """
    adoption, done = Adoption(store, plan.to_run()), {step.key for step in plan.steps if step.done}
    adopted: dict[str, str] = {}
    for step in plan.to_run():
        if step.key not in adopted and done.issuperset(step.needs):
            adopted[step.key] = adoption.adopt(step)
        if adopted.get(step.key):
            done.add(step.key)
            old = adopted[step.key]
            report(StepEvent(time.time(), step.name, step.key, DONE, note=ADOPTED, adopted=old))
    return replace(plan, steps=tuple(replace(s, done=s.key in done) for s in plan.steps))


def input_digests(step: PlannedStep, store: Store) -> dict[str, str]:
    """Return the present digests of a step's inputs, by place.

    Raises
    ------
    NotFoundError
        The result of a step that it needs is not stored.
    """
    made = {key: store.result(key) for key in step.needs}
    return {place: read_digest(made[key], output) for place, (key, output) in step.inputs.items()}
