"""Turn a plan into the nodes of its DAG. Pure.

A node says which steps one job runs, what it reads, and which nodes it waits for.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from wingspan.pipeline.resources import Resources
from wingspan.planning.plan import Plan, PlannedStep
from wingspan.runner.htcondor.dag_folder import trials_file
from wingspan.runner.htcondor.write.lanes import Lanes, with_tables
from wingspan.runner.run_folder import file_name

_WORD = re.compile(r"[^A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Node:
    """One node of the DAG, one job: the steps of one group, in order.

    Parameters
    ----------
    name
        Unique, of letters, digits, ``_`` and ``-``; starts with the first step's name.
    made
        Files that other nodes make, or that were done before: ``KEY.json`` and ``KEY.OUTPUT``, as they lie in
        the folder of results.
    given
        Other files to send, relative to the folder of results: the user's inputs and constants.
    parents
        Names of the nodes it waits for.
    tasks
        The keys of its steps by tasks, where it may give tasks back that it has no time for.
    after
        Name of the node that runs these steps, unless it gives them back; then this one does.
    lane_of
        The node of the sweep that this node is a lane of; empty for other nodes.
    lanes
        The nodes of the sweep's lanes, if this is the node of a sweep.
    sweeps
        It is the node of a sweep.
    retries
        How often DAGMan starts it again.
    map
        Name of the map that limits how many of its jobs there are at once; empty without a limit.
    """

    name: str
    steps: tuple[PlannedStep, ...]
    asked: Resources
    made: tuple[str, ...]
    given: tuple[str, ...]
    parents: tuple[str, ...]
    map: str = ""
    tasks: tuple[tuple[str, ...], ...] = ()
    after: str = ""
    lane_of: str = ""
    lanes: tuple[str, ...] = ()
    sweeps: bool = False
    retries: int = 0


def nodes_of(
    plan: Plan,
    given: Callable[[PlannedStep], Iterable[str]],
    lanes: Mapping[str, Lanes] | None = None,
) -> tuple[Node, ...]:
    """Return a node for each group of steps that are to run, parents before children.

    Parameters
    ----------
    given
        Gives the files to send with a step that no step makes.
    lanes
        Those of each sweep, by its key.
    """
    steps = {step.key: step for step in plan.to_run()}
    outputs_of = {step.key: step.outputs for step in plan.steps}
    groups: list[_Group] = []
    for keys in with_tables(plan.groups, steps):
        groups += _with_given_back(keys, plan.tasks.get(keys[0], ()), steps)
    own = [_name(group.steps[0], number) for number, group in enumerate(groups, 1)]
    # of steps that may be given back, the node that runs them then
    names = {
        step.key: name for name, group in zip(own, groups, strict=True) for step in group.steps
    }
    requests: dict[str, Resources] = {}  # by what one step asks for: many ask for the same
    limits = plan.limited()
    nodes: list[Node] = []
    first = ""
    for name, group in zip(own, groups, strict=True):
        node = _node(name, group.steps, names, outputs_of, given, requests, limits)
        if group.given_back:
            node = replace(node, after=first, parents=(first,))
        elif group.tasks:
            node, first = replace(node, tasks=group.tasks), name
        nodes += _with_lanes(node, (lanes or {}).get(group.steps[0].key))
    return tuple(nodes)


def _with_lanes(node: Node, lanes: Lanes | None) -> Iterator[Node]:
    """Yield the lanes of a sweep's node, then the node itself, which waits for them.

    Any other node is yielded unchanged.
    """
    if lanes is None:
        yield node
        return
    names = tuple(f"{node.name}_lane{number}" for number in range(1, lanes.number + 1))
    for name in names:
        yield replace(
            node,
            name=name,
            steps=node.steps[:1],
            given=(*node.given, trials_file(name)),
            lane_of=node.name,
            retries=lanes.starts,
        )
    yield replace(node, parents=names or node.parents, lanes=names, sweeps=True)


class _Group(NamedTuple):
    """Steps of one job, and the tasks that it may give back to the jobs that come after it."""

    steps: list[PlannedStep]
    tasks: tuple[tuple[str, ...], ...] = ()
    given_back: bool = False


def _with_given_back(
    group: Sequence[str], tasks: Sequence[Sequence[str]], steps: Mapping[str, PlannedStep]
) -> Iterable[_Group]:
    """Return the groups of a group's steps: all to run, then each task that may come back."""
    found = [steps[key] for key in group if key in steps]
    left = [left for task in tasks if (left := [steps[key] for key in task if key in steps])]
    if len(left) < 2:
        return [_Group(found)] if found else []
    keys = tuple(tuple(step.key for step in task) for task in left)
    return [_Group(found, keys), *(_Group(task, given_back=True) for task in left[1:])]


def request_of(group: Sequence[PlannedStep]) -> Resources:
    """Return the request of a job that runs these steps one after the other.

    It is the most that any of them asks for.
    """
    if len(group) == 1 and "expected" not in group[0].resources:
        return Resources(**group[0].resources)
    asked = [Resources(**step.resources) for step in group]
    runtimes = [one.runtime_s for one in asked]
    return replace(
        asked[0],
        cpus=max(one.cpus for one in asked),
        memory=max(one.memory_mb for one in asked),
        disk=max(one.disk_mb for one in asked),
        runtime=None if None in runtimes else sum(filter(None, runtimes)),
        expected=None,
        expected_memory=None,
    )


def _name(first: PlannedStep, number: int) -> str:
    plain = (
        first.name.isascii() and first.name.isidentifier()
    )  # most are: faster than a look at each letter
    name = first.name if plain else _WORD.sub("_", first.name)
    return f"{name.strip('_')[:40] or 'step'}-{number}"


def _node(
    name: str,
    group: list[PlannedStep],
    names: Mapping[str, str],
    outputs_of: Mapping[str, tuple[str, ...]],
    given: Callable[[PlannedStep], Iterable[str]],
    requests: dict[str, Resources],
    limits: Mapping[str, str],
) -> Node:
    own = {step.key for step in group}
    made: dict[str, None] = {}
    parents: dict[str, None] = {}
    sent: dict[str, None] = {}
    for step in group:
        for key, output in step.inputs.values():
            if key not in own:
                made[f"{key}.json"] = None
                for each in outputs_of[key] if output is None else (output,):
                    made[file_name(key, each)] = None
        for need in step.needs:
            maker = names.get(need, name)
            if need not in own and maker != name:
                parents[maker] = None
        for file in given(step):
            sent[file] = None
    asked = _request(group, requests)
    limited = next((limits[step.key] for step in group if step.key in limits), "")
    return Node(name, tuple(group), asked, tuple(made), tuple(sent), tuple(parents), limited)


def _request(group: list[PlannedStep], known: dict[str, Resources]) -> Resources:
    if len(group) > 1:
        return request_of(group)
    text = repr(group[0].resources)
    if text not in known:
        known[text] = request_of(group)
    return known[text]
