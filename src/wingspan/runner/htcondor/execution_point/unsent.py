"""Collect logged values that no message has carried yet.

Of one metric all values are kept, of the others the last one.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from wingspan.runner.htcondor.messages import Point, packed_points

_MOST: Final = (
    500  # values of the metric of which all are wanted; of more, every second one is given up
)


class Unsent:
    """Unsent values by step and metric.

    `whole` is the metric of which every value is wanted.
    """

    def __init__(self, whole: str = "") -> None:
        self._whole = whole
        self._values: dict[str, dict[str, dict[int, float]]] = {}

    def __bool__(self) -> bool:
        return bool(self._values)

    def add(self, point: Point) -> None:
        """Add a value; it replaces an earlier one of the same place.

        Of a metric whose last value is enough, it replaces every earlier one.
        """
        metrics = self._values.pop(point.key, {})
        self._values[point.key] = metrics  # the step that logged last comes last
        values = metrics.setdefault(point.metric, {})
        if point.metric != self._whole:
            values.clear()
        values.pop(point.place, None)
        values[point.place] = point.value
        if len(values) > _MOST:
            for place in list(values)[:-1:2]:
                del values[place]

    def take(self, most: int) -> Iterator[dict[str, Any]]:
        """Yield at most `most` messages, and forget the values in them.

        The step that logged last comes first.
        """
        packed = packed_points(list(self._points()))
        for content, inside in islice(packed, most):
            self._forget(inside)
            yield content

    def _points(self) -> Iterator[Point]:
        for key, metrics in reversed(self._values.items()):
            for metric, values in metrics.items():
                for place, value in values.items():
                    yield Point(key, metric, place, value)

    def _forget(self, points: Iterable[Point]) -> None:
        for point in points:
            metrics = self._values[point.key]
            del metrics[point.metric][point.place]
            if not metrics[point.metric]:
                del metrics[point.metric]
            if not metrics:
                del self._values[point.key]
