"""How many lanes a sweep has, and which trials are theirs. Pure.

A lane is one node whose jobs run trial after trial. The node of the sweep itself runs no job where the best trial's
files are there: the script before it makes them the sweep's result.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from wingspan.planning.plan import PlannedStep

LANES = 8  # where the sweep does not say how many trials run at once

_SPARE = 3


class Lanes(NamedTuple):
    """How a sweep is run: by `number` lanes, for `trials` trials in all."""

    number: int
    trials: int

    @property
    def starts(self) -> int:
        """How often DAGMan starts a lane again at most: one could have all the trials."""
        return self.trials + _SPARE


def lanes_for(parallel: int | None, trials: int) -> Lanes:
    """Return how many lanes run the trials that are left."""
    return Lanes(min(parallel or LANES, trials), trials)


def reserves(draws: Sequence[object], count: int) -> list[list[object]]:
    """Return the trials of each lane, in turn: what it runs where the search is not heard.

    >>> reserves([0, 1, 2, 3, 4], 2)
    [[0, 2, 4], [1, 3]]
    """
    return [list(draws[lane::count]) for lane in range(count)]


def with_tables(
    groups: Iterable[tuple[str, ...]], steps: Mapping[str, PlannedStep]
) -> list[tuple[str, ...]]:
    """Return the groups with the table of a sweep's trials in the group of the sweep."""
    table_of = {
        step.needs[0]: key
        for key, step in steps.items()
        if "trials" in step.action and step.needs[0] in steps
    }
    moved = set(table_of.values())
    found = []
    for group in groups:
        kept = [key for key in group if key not in moved]
        found.append((*kept, *(table_of[key] for key in kept if key in table_of)))
    return [group for group in found if group]
