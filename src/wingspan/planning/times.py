"""Estimate how long steps take, from earlier runs of them and of their siblings.

The functions are pure.

A step's siblings are those of the same function, or of the same map, whatever their arguments. What was seen wins over
what the user has said.
"""

from collections.abc import Callable, Iterable, Mapping
from statistics import fmean
from typing import Any, NamedTuple

from wingspan.files import json_text
from wingspan.pipeline.resources import Resources
from wingspan.planning.plan import Plan, PlannedStep

_SAMPLES = 20  # siblings whose results are looked at
Seconds = Callable[[str], float | None]


class Lasted(NamedTuple):
    """What the records of earlier runs of a pipeline say, in seconds.

    Parameters
    ----------
    ended
        Of each map, or step, how long its steps took that ended well.
    stopped
        By name of a step, how long it had run when its run was stopped: it takes longer than that.
    """

    ended: Mapping[str, list[float]] = {}
    stopped: Mapping[str, float] = {}


def family(step: str) -> str:
    """Return what a step shares with its siblings: the name of its map, or its own."""
    return step.partition("[")[0]


def known_times(
    plan: Plan,
    previous: Mapping[str, Mapping[str, Any]],
    seconds: Seconds,
    records: Callable[[], Lasted] = Lasted,
) -> dict[str, float]:
    """Return how long steps are known to take, by key.

    Parameters
    ----------
    previous
        What `history` gave for the last plan of this pipeline.
    seconds
        Wall time of the result of a key, or None.
    records
        Reads the records of earlier runs; called only for steps of which nothing else is known.
    """
    todo = plan.to_run()
    own = {step.key: _last(step, previous, seconds) for step in todo}
    siblings = _siblings(plan, own, previous, seconds)
    found = {}
    for step in todo:
        taken = own[step.key]
        found[step.key] = siblings(step) if taken is None else taken
    if None in found.values():
        lasted = records()
        for step in todo:
            if found[step.key] is None:
                found[step.key] = _recorded(step, lasted)
    hints = {
        step.key: Resources(**step.resources).expected_s for step in todo if found[step.key] is None
    }
    return {key: time for key, time in {**found, **hints}.items() if time is not None}


def _last(
    step: PlannedStep, previous: Mapping[str, Mapping[str, Any]], seconds: Seconds
) -> float | None:
    """Return how long a step took when it ran last, with whatever code and inputs."""
    last = previous.get(step.name)
    return None if last is None else seconds(last["key"])


def _siblings(
    plan: Plan,
    own: Mapping[str, float | None],
    previous: Mapping[str, Mapping[str, Any]],
    seconds: Seconds,
) -> Callable[[PlannedStep], float | None]:
    """Return a function for the mean time of a step's siblings.

    Siblings are those that run again, those that are done, and those of the last plan.
    """
    todo = plan.to_run()
    functions = {step.key: json_text(step.action) for step in todo}
    seen: dict[str, list[float]] = {}
    for step in todo:
        taken = own[step.key]
        if taken is not None:
            seen.setdefault(functions[step.key], []).append(taken)
    wanted = set(functions.values()) - seen.keys()
    done: dict[str, list[str]] = {}
    for step in plan.steps if wanted else ():
        if step.done and (function := json_text(step.action)) in wanted:
            done.setdefault(function, []).append(step.key)
    for function, keys in done.items():
        seen[function] = _times(keys, seconds)
    maps = {family(step.name) for step in todo if not seen.get(functions[step.key])}
    before: dict[str, list[str]] = {}
    for name, last in previous.items() if maps else ():
        if family(name) in maps:
            before.setdefault(family(name), []).append(last["key"])
    of_map = {name: _times(keys, seconds) for name, keys in before.items()}

    def mean(step: PlannedStep) -> float | None:
        times = seen.get(functions[step.key]) or of_map.get(family(step.name))
        return fmean(times) if times else None

    return mean


def _times(keys: list[str], seconds: Seconds) -> list[float]:
    """Return the times of some of the results, spread over all of them."""
    every = max(1, len(keys) // _SAMPLES)
    found: Iterable[float | None] = (seconds(key) for key in keys[::every])
    return [time for time in found if time is not None]


def _recorded(step: PlannedStep, lasted: Lasted) -> float | None:
    """Return a step's recorded time; if it was stopped, at least the time that it had run."""
    times = lasted.ended.get(family(step.name))
    stopped = lasted.stopped.get(step.name, 0.0)
    if times:
        return max(fmean(times), stopped)
    siblings = [s for name, s in lasted.stopped.items() if family(name) == family(step.name)]
    return max(siblings, default=None)
