"""Curves of a few characters, for the metrics of running steps."""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

from wingspan.runner.metrics import LastValue

_LEVELS: Final = "▁▂▃▄▅▆▇█"
_POINTS: Final = 16


def spark(values: Sequence[float]) -> str:
    """Return a curve with a character per value; empty without two finite values.

    >>> spark([3.0, 2.0, 1.0])
    '█▅▁'
    """
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) < 2:
        return ""
    low, high = min(finite), max(finite)
    scale = (len(_LEVELS) - 1) / ((high - low) or 1.0)
    return "".join(_LEVELS[round((value - low) * scale)] for value in finite)


class Sparks:
    """The last values of each metric of each step."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], deque[LastValue]] = {}

    def add(self, step: str, values: Mapping[str, LastValue]) -> Mapping[str, str]:
        """Add a step's newest values; return the curve of each metric."""
        found = {}
        for name, last in values.items():
            seen = self._seen.setdefault((step, name), deque(maxlen=_POINTS))
            if not seen or seen[-1].step != last.step:
                seen.append(last)
            found[name] = spark([each.value for each in seen])
        return found
