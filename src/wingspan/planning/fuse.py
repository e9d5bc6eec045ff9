"""Group the steps of a plan into the jobs of a pool.

Every job waits for a machine, and that wait costs more than a short step. The functions are pure.

Three rules, in this order; only steps are joined that ask for the same, but for memory within a factor of two, and in
short wholes for any cores and memory:

chain
    A step and its only reader. Nothing is lost: the second could not have started earlier.
whole
    All steps that hang together, if their times are known, and running them one after the other costs less than the
    waits it saves.
batch
    Short steps that wait for the same ones, up to a job of `BATCH_S`, or longer where a job is costly to start.
try
    Of a wide map whose steps are of unknown length, several to a job, which begins none of them once it has run for the
    task time. Those that it gives back get jobs of their own.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter
from typing import Any

from wingspan.files import json_text
from wingspan.pipeline.resources import Resources
from wingspan.planning.plan import Plan, PlannedStep, is_sweep
from wingspan.planning.times import family

WAIT_S = 30.0  # what a job waits for its start, between a tuned pool (2 s) and one with default settings (60 s)
BATCH_S = 20.0
WORTH = (
    4.0  # a batch works at least this many times as long as its job takes to get its environment
)
WIDTH = 32  # jobs of a map of unknown length at first: a pool that gives more at once waits for the first ones
TRIED = 16  # tasks of such a job at most: what it gives back is then worth a job of its own
_SWEEP = "trials run in lanes, jobs of their own; the access point takes the best"
_VARIED = frozenset({"expected", "expected_memory", "cpus", "memory", "disk"})


@dataclass(slots=True)
class _Group:
    key: str
    steps: list[PlannedStep]
    request: str  # but for cores and memory
    cpus: tuple[int, int]  # smallest, largest
    memory_mb: tuple[int, int]
    needs: set[str]  # keys of groups
    time_s: float | None
    why: str = ""
    readers: set[str] = field(default_factory=set)
    tasks: list[list[PlannedStep]] = field(default_factory=list)  # which the job may give back


def _joined(groups: list[_Group], needs: set[str], why: str) -> _Group:
    steps = [step for group in groups for step in group.steps]
    return _Group(
        key=groups[0].key,
        steps=steps,
        request=groups[0].request,
        cpus=_range(group.cpus for group in groups),
        memory_mb=_range(group.memory_mb for group in groups),
        needs=needs,
        time_s=_sum(groups),
        why=why,
    )


def _range(ranges: Iterable[tuple[int, int]]) -> tuple[int, int]:
    lows, highs = zip(*ranges, strict=True)
    return min(lows), max(highs)


def _alike(groups: Collection[_Group]) -> bool:
    return len({group.request for group in groups}) == 1


def _agree(groups: Collection[_Group]) -> bool:
    fewest, most = _range(group.cpus for group in groups)
    low, high = _range(group.memory_mb for group in groups)
    return _alike(groups) and fewest == most and high <= 2 * low


def fuse(plan: Plan, times: Mapping[str, float], task_time_s: float, start_s: float = 0.0) -> Plan:
    """Return the plan with `groups` of the steps that one job is to run.

    Parameters
    ----------
    times
        Seconds a step is known, or said, to take; by key. Steps that are missing are of unknown length.
    task_time_s
        The longest job to make of several steps.
    start_s
        What each job needs besides its wait for a machine: to be sent its environment, and to unpack it.
    """
    batch_s = BATCH_S + min(WORTH * start_s, max(task_time_s - BATCH_S, 0.0))
    groups = list(_singles(plan, times))
    groups = _chains(groups, task_time_s)
    groups = _wholes(groups, task_time_s, WAIT_S + start_s)
    groups = _batches(groups, batch_s)
    groups = _tries(groups, plan.limits) if task_time_s > 0 else groups
    order = {step.key: place for place, step in enumerate(plan.steps)}
    for group in groups:
        for task in group.tasks or [group.steps]:
            task.sort(key=lambda step: order[step.key])
        group.steps = [step for task in group.tasks for step in task] or group.steps
    groups.sort(key=lambda group: order[group.steps[0].key])
    known = {group.key: group for group in groups}
    sorter = TopologicalSorter(
        {key: sorted(group.needs, key=order.__getitem__) for key, group in known.items()}
    )
    sequence = [known[key] for key in sorter.static_order()]
    keys = tuple(tuple(step.key for step in group.steps) for group in sequence)
    tasks = {
        group.steps[0].key: tuple(tuple(step.key for step in task) for task in group.tasks)
        for group in sequence
        if group.tasks
    }
    why = {group.steps[0].key: group.why for group in sequence if group.why}
    return replace(plan, groups=keys, why=why, tasks=tasks)


def _singles(plan: Plan, times: Mapping[str, float]) -> Iterator[_Group]:
    """Yield a group for each step; a sweep shares its own with the table of its trials alone."""
    steps = {step.key: step for step in plan.to_run()}
    tables = {step.needs[0]: step for step in steps.values() if "trials" in step.action}
    sweep_of = {table.key: key for key, table in tables.items() if key in steps}
    for key, step in steps.items():
        if key in sweep_of:
            continue
        request = json_text({n: v for n, v in step.resources.items() if n not in _VARIED})
        members, why = [step], ""
        if is_sweep(step):
            members, request, why = [step, *filter(None, [tables.get(key)])], key, _SWEEP
        asked = Resources(**step.resources)
        cpus, memory_mb = (asked.cpus, asked.cpus), (asked.memory_mb, asked.memory_mb)
        needs = {sweep_of.get(need, need) for need in step.needs if need in steps}
        yield _Group(key, members, request, cpus, memory_mb, needs, times.get(key), why)


def _linked(groups: Iterable[_Group]) -> dict[str, _Group]:
    """Note in each group who reads it; return the groups by key."""
    found = {group.key: group for group in groups}
    for group in found.values():
        group.readers = set()
    for group in found.values():
        for need in group.needs:
            found[need].readers.add(group.key)
    return found


def _sum(groups: Iterable[_Group]) -> float | None:
    times = [group.time_s for group in groups]
    return None if None in times else sum(time for time in times if time is not None)


def _chains(groups: list[_Group], task_time_s: float) -> list[_Group]:
    known = _linked(groups)
    taken: dict[str, _Group] = {}  # key of a group -> the group that has its steps
    kept = []
    for group in groups:
        head = _head(group, known, taken)
        if head is None or not _agree([head, group]) or (_sum([head, group]) or 0.0) > task_time_s:
            kept.append(group)
            continue
        head.time_s = _sum([head, group])
        head.memory_mb = _range([head.memory_mb, group.memory_mb])
        head.steps.extend(group.steps)
        head.why = f"a chain of {len(head.steps)} steps"
        taken[group.key] = head
    for group in kept:
        group.needs = {taken[need].key if need in taken else need for need in group.needs}
    return kept


def _head(group: _Group, known: Mapping[str, _Group], taken: Mapping[str, _Group]) -> _Group | None:
    """Return the group that ends with the one step this one needs, if no other step reads that."""
    if len(group.needs) != 1:
        return None
    need = next(iter(group.needs))
    return taken.get(need, known[need]) if len(known[need].readers) == 1 else None


def _wholes(groups: list[_Group], task_time_s: float, wait_s: float) -> list[_Group]:
    kept = []
    for part in _components(groups):
        total = _sum(part)
        if len(part) > 1 and total is not None and total <= task_time_s and _may_share(part, total):
            longest, levels = _critical(part)
            if total - longest <= (levels - 1) * wait_s:
                count = sum(len(group.steps) for group in part)
                why = f"{count} steps, {total:.0f} s together: {levels} waits would take longer"
                kept.append(_joined(part, set(), why))
                continue
        kept += part
    return kept


def _may_share(part: list[_Group], total_s: float) -> bool:
    """Return whether one request serves all: cores idle for less than a wait are cheaper."""
    return _agree(part) or (_alike(part) and total_s <= WAIT_S)


def _components(groups: list[_Group]) -> Iterator[list[_Group]]:
    """Yield the groups that hang together, each in order."""
    known, seen = _linked(groups), set[str]()
    for group in groups:
        if group.key in seen:
            continue
        part, waiting = set[str](), {group.key}
        while waiting:
            key = waiting.pop()
            part.add(key)
            waiting |= (known[key].needs | known[key].readers) - part
        seen |= part
        yield [each for each in groups if each.key in part] if len(part) > 1 else [group]


def _critical(part: list[_Group]) -> tuple[float, int]:
    """Return the time of the longest path and the number of levels.

    Groups come after the groups that they need.
    """
    ends: dict[str, tuple[float, int]] = {}
    for group in part:
        before = [ends[need] for need in group.needs]
        start = max((end for end, _ in before), default=0.0)
        level = max((level for _, level in before), default=0)
        ends[group.key] = (start + (group.time_s or 0.0), level + 1)
    return max(end for end, _ in ends.values()), max(level for _, level in ends.values())


def _batches(groups: list[_Group], batch_s: float) -> list[_Group]:
    alike: dict[tuple[Any, ...], list[_Group]] = {}
    kept = []
    for group in groups:
        if group.time_s is not None and group.time_s <= batch_s / 2:
            same = frozenset(group.needs), group.request, group.cpus, group.memory_mb
            alike.setdefault(same, []).append(group)
        else:
            kept.append(group)
    moved: dict[str, str] = {}
    for members in alike.values():
        total = _sum(members) or 0.0
        size = math.ceil(len(members) / max(1, math.ceil(total / batch_s)))
        for part in (members[start : start + size] for start in range(0, len(members), size)):
            whole = part[0]
            if len(part) > 1:
                why = f"{len(part)} short ones, {_sum(part):.0f} s together"
                whole = _joined(part, set(part[0].needs), why)
            moved |= {group.key: whole.key for group in part}
            kept.append(whole)
    for group in kept:
        group.needs = {moved.get(need, need) for need in group.needs}
    return kept


def _tries(groups: list[_Group], limits: Mapping[str, int]) -> list[_Group]:
    """Join steps of unknown length of a wide map, to run in turn while time is left."""
    alike: dict[tuple[Any, ...], list[_Group]] = {}
    kept = []
    for group in groups:
        name = group.steps[0].name
        if group.time_s is None and family(name) != name:
            same = family(name), frozenset(group.needs), group.request, group.cpus, group.memory_mb
            alike.setdefault(same, []).append(group)
        else:
            kept.append(group)
    moved: dict[str, str] = {}
    for (name, *_), members in alike.items():
        size = min(math.ceil(len(members) / min(WIDTH, limits.get(name, WIDTH))), TRIED)
        for part in (members[start : start + size] for start in range(0, len(members), size)):
            whole = part[0]
            if len(part) > 1:
                why = f"{len(part)} of unknown length: those that do not fit into the task time are given back"
                whole = _joined(part, set(part[0].needs), why)
                whole.tasks = [group.steps for group in part]
            moved |= {group.key: whole.key for group in part}
            kept.append(whole)
    for group in kept:
        group.needs = {moved.get(need, need) for need in group.needs}
    return kept
