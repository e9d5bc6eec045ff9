"""Put the steps of a large pipeline into few groups: maps, else whole layers; pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wingspan.draw.graph import Node
from wingspan.runner.events import (
    DISCONNECTED,
    DONE,
    FAILED,
    HELD,
    RUNNING,
    SKIPPED,
    STOPPED,
    WAITING,
)

SINGLE: Final = 60  # most steps that have their own boxes
_WORST: Final = (FAILED, HELD, DISCONNECTED, RUNNING, STOPPED, SKIPPED, WAITING, DONE)
_MOST: Final = 80  # groups
_LAYERS: Final = 40


@dataclass(frozen=True, slots=True)
class Group:
    """Steps that are shown as one.

    Parameters
    ----------
    name
        Unique among the groups.
    needs
        Numbers of the earlier groups that it reads from.
    """

    name: str
    steps: tuple[str, ...]
    needs: tuple[int, ...]


def map_of(step: str) -> str:
    """Return the name of a step without its label.

    >>> map_of("fit[tree]")
    'fit'
    """
    return step.partition("[")[0]


def depths(needs: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return the layer of each step, the longest path to it; steps come after those they need."""
    found: dict[str, int] = {}
    for name, before in needs.items():
        found[name] = 1 + max((found[one] for one in before if one in found), default=-1)
    return found


def grouped(needs: Mapping[str, Sequence[str]], most: int = _MOST) -> list[Group]:
    """Return at most `most` groups in order of layers; steps come after those they need."""
    depth = depths(needs)
    last = max(depth.values(), default=0)
    keys = {name: (depth[name], map_of(name)) for name in needs}
    if len(set(keys.values())) > most:
        wide = max(1, -(-(last + 1) // _LAYERS))
        keys = {name: (depth[name] // wide, "") for name in needs}
    members: dict[tuple[int, str], list[str]] = {}
    for name, key in keys.items():
        members.setdefault(key, []).append(name)
    order = sorted(members, key=lambda key: key[0])
    numbers = {key: number for number, key in enumerate(order)}
    titles = _titles([(key, members[key]) for key in order], depth)
    found = []
    for number, key in enumerate(order):
        tied = {
            numbers[keys[need]] for name in members[key] for need in needs[name] if need in keys
        }
        tied.discard(number)
        found.append(Group(titles[number], tuple(members[key]), tuple(sorted(tied))))
    return found


def tally(states: Sequence[str]) -> tuple[str, str]:
    """Return the state that matters most, and the number of each state."""
    counts = Counter(states)
    worst = next((state for state in _WORST if counts[state]), WAITING)
    return worst, ", ".join(f"{counts[state]:,} {state}" for state in _WORST if counts[state])


def fewer(nodes: Sequence[Node], href: str = "") -> Sequence[Node]:
    """Return the boxes; of many steps, one for each map or layer that leads to `href`."""
    if len(nodes) <= SINGLE:
        return nodes
    groups = grouped({node.name: node.needs for node in nodes})
    states = {node.name: node.state for node in nodes}
    found = []
    for group in groups:
        worst, text = tally([states[name] for name in group.steps])
        needs = tuple(groups[number].name for number in group.needs)
        found.append(Node(group.name, worst, text, needs, href))
    return found


def _titles(
    groups: Sequence[tuple[tuple[int, str], list[str]]], depth: Mapping[str, int]
) -> list[str]:
    """Return a unique name for each group."""
    plain = [name if len(steps) > 1 else steps[0] for (_, name), steps in groups]
    titles: list[str] = []
    for (_, name), steps in groups:
        layers = sorted({depth[step] for step in steps})
        if not name:
            many = f"layers {layers[0] + 1}-{layers[-1] + 1}"
            titles.append(many if len(layers) > 1 else f"layer {layers[0] + 1}")
            continue
        title = name if len(steps) > 1 else steps[0]
        titles.append(title if plain.count(title) == 1 else f"{title}, layer {layers[0] + 1}")
    return titles
