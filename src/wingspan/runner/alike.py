"""Group steps whose problems differ only in numbers and quoted text.

Sixty equal failures so become one message.
"""

import re
from collections.abc import Iterable, Sequence

from wingspan.runner.events import FAILED, StepEvent
from wingspan.shown import shown_name

_MANY = 3  # equal failures from which on only the first is shown
_SHOWN = 3  # names of a group that are printed
_PLACE = re.compile(
    r" \([^()]*:\d+\)$"
)  # where an exception was raised: other lines are other problems
_VARIES = re.compile(r"'[^']*'|\"[^\"]*\"|[-+]?\d[\d.,_]*(?:e[-+]?\d+)?")


def alike(events: Iterable[StepEvent]) -> list[list[StepEvent]]:
    """Return the events in groups of the same problem, in order of each group's first event."""
    groups: dict[tuple[str, str, str], list[StepEvent]] = {}
    for event in events:
        groups.setdefault((event.state, *_kind(event.problem)), []).append(event)
    return list(groups.values())


def _kind(problem: str) -> tuple[str, str]:
    place = _PLACE.search(problem)
    words = problem[: place.start()] if place else problem
    return _VARIES.sub("#", words), place[0] if place else ""


def pointers(events: Iterable[StepEvent]) -> dict[str, str]:
    """Return, for each failed step but the first of a large group, the first one."""
    groups = alike(event for event in events if event.state == FAILED)
    return {
        event.step: group[0].step for group in groups if len(group) >= _MANY for event in group[1:]
    }


def names_of(events: Sequence[StepEvent]) -> str:
    """Return the names of steps; of many, the first few and the number of the others."""
    shown = ", ".join(shown_name(event.step) for event in events[:_SHOWN])
    more = len(events) - _SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
