"""A DAG file as records: nodes, who comes before whom, layers, and cycles found. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Script:
    """A PRE, POST or HOLD script; `defer` is (exit code, seconds), `debug` (file, streams)."""

    kind: str
    command: str
    defer: tuple[int, int] | None = None
    debug: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class DagNode:
    """One node.

    Parameters
    ----------
    name
        With ``splice+`` before it for each splice that it is in.
    kind
        ``job``, ``subdag``, ``final``, ``service`` or ``provisioner``.
    submit
        The submit description's file or name, or the file of the sub-DAG; empty with `inline`.
    inline
        The submit description that stands in the DAG file itself.
    folder
        As DIR says, splices' DIR before it; empty: where DAGMan runs.
    unless_exit
        The exit code after which it is not tried again.
    variables
        Name and value of each VARS macro, in order.
    abort_on
        (exit code that aborts the DAG, the DAG's own exit code or None).
    place
        ``file:line`` of its declaration.
    """

    name: str
    kind: str
    submit: str
    inline: str = ""
    folder: str = ""
    noop: bool = False
    done: bool = False
    scripts: tuple[Script, ...] = ()
    retries: int = 0
    unless_exit: int | None = None
    variables: tuple[tuple[str, str], ...] = ()
    priority: int = 0
    category: str = ""
    pre_skip: int | None = None
    abort_on: tuple[int, int | None] | None = None
    save_point: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Dag:
    """All nodes of a DAG file, those of splices and includes too.

    Parameters
    ----------
    edges
        (parents, children): each parent comes before each child.
    descriptions
        Name -> text of each SUBMIT-DESCRIPTION.
    max_jobs
        Category -> how many of its nodes may be submitted at a time.
    commands
        (keyword, rest of the line) of what concerns the whole DAG: CONFIG, ENV, DOT and so on.
    rescue
        The rescue DAG whose DONE lines are applied.
    """

    path: Path
    nodes: Mapping[str, DagNode]
    edges: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = ()
    descriptions: Mapping[str, str] = field(default_factory=dict)
    max_jobs: Mapping[str, int] = field(default_factory=dict)
    commands: tuple[tuple[str, str], ...] = ()
    rescue: Path | None = None

    def parents(self) -> dict[str, tuple[str, ...]]:
        """Return the parents of each node; FINAL nodes and their like have none."""
        found: dict[str, dict[str, None]] = {name: {} for name in self.nodes}
        for parents, children in self.edges:
            for child in children:
                found[child].update(dict.fromkeys(parents))
        return {name: tuple(needs) for name, needs in found.items()}

    def layers(self) -> list[list[str]]:
        """Return the names by length of the longest path to each; a FINAL node comes last.

        What is in a cycle, or after one, is in no layer.
        """
        depth = depths(self.nodes, self.edges)
        found: list[list[str]] = [[] for _ in range(1 + max(depth.values(), default=-1))]
        final = [name for name, node in self.nodes.items() if node.kind == "final"]
        for name in self.nodes:
            if name in depth and name not in final:
                found[depth[name]].append(name)
        return [*(layer for layer in found if layer), *([final] if final else [])]


Edges = Iterable[tuple[tuple[str, ...], tuple[str, ...]]]


def depths(nodes: Iterable[str], edges: Edges) -> dict[str, int]:
    """Return the length of the longest path to each node that no cycle leads to.

    The time grows with the length of the text, not with parents times children: a line of edges is
    passed when all its parents are.
    """
    lines = [(tuple(dict.fromkeys(parents)), children) for parents, children in edges]
    waits = dict.fromkeys(nodes, 0)
    after: dict[str, list[int]] = {}
    for number, (parents, children) in enumerate(lines):
        for child in children:
            waits[child] += 1
        for parent in parents:
            after.setdefault(parent, []).append(number)
    missing = [len(parents) for parents, _ in lines]
    found = dict.fromkeys(waits, 0)
    ready = [name for name, count in waits.items() if not count]
    for name in ready:  # grows on the way
        for number in after.get(name, ()):
            missing[number] -= 1
            if missing[number]:
                continue
            deepest = 1 + max(found[parent] for parent in lines[number][0])
            for child in lines[number][1]:
                found[child] = max(found[child], deepest)
                waits[child] -= 1
                if not waits[child]:
                    ready.append(child)
    return {name: found[name] for name in ready}


def find_cycle(nodes: Iterable[str], edges: Edges) -> list[str]:
    """Return the names along a cycle, the first again at the end; empty if there is no cycle."""
    names, lines = list(nodes), list(edges)
    free = depths(names, lines)
    if len(free) == len(names):
        return []
    before: dict[str, str] = {}
    for parents, children in lines:
        caught = next((parent for parent in parents if parent not in free), None)
        if caught is not None:
            before.update((child, caught) for child in children if child not in before)
    name = next(name for name in names if name not in free)
    seen: dict[str, None] = {}
    while name not in seen:
        seen[name] = None
        name = before[name]
    walked = list(seen)
    loop = walked[walked.index(name) :]
    return [loop[0], *reversed(loop)]
