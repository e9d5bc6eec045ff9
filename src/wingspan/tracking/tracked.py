"""The record of a run -> what a mirror shows: one `Tracked` a step or trial, one row a step of its curve. Pure.

A job that was started again logs some steps twice; the last attempt's numbers count. Steps rise, and none is there twice.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from wingspan.files import digest_bytes, json_text

RUNNING: Final = "running"


@dataclass(frozen=True, slots=True)
class Row:
    """The metrics of one step of a curve, and when the last of them was logged; in seconds since 1970."""

    step: int
    time: float
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Artifact:
    """Files of a result: a path in the artifact -> a file or folder on disk. `kind` is such as ``model``."""

    name: str
    kind: str
    files: Mapping[str, Path]


@dataclass(frozen=True, slots=True)
class Tracked:
    """One step, trial or sweep.

    Attributes
    ----------
    id
        The same at every look, after every restart of its job, and in every mirror.
    kind
        ``step``, ``trial`` or ``sweep``.
    state
        ``running``, or how it ended.
    config
        What it was given, JSON.
    rows
        Its curve, steps rising.
    summary
        What it came to, JSON.
    """

    id: str
    name: str
    group: str
    kind: str
    state: str
    config: Mapping[str, Any] = field(default_factory=dict)
    rows: tuple[Row, ...] = ()
    summary: Mapping[str, Any] = field(default_factory=dict)
    artifacts: tuple[Artifact, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether nothing more will come, unless its run goes on."""
        return self.state != RUNNING

    @property
    def digest(self) -> str:
        """Digest of all that a mirror shows of it."""
        rows = [[row.step, sorted(row.values.items())] for row in self.rows]
        artifacts = [[each.name, each.kind, sorted(each.files)] for each in self.artifacts]
        shown = [self.name, self.group, self.state, self.config, repr(rows), self.summary]
        return digest_bytes(json_text([*map(repr, shown), artifacts]).encode())


def rows_of(attempts: Iterable[Iterable[Mapping[str, Any]]]) -> tuple[Row, ...]:
    """Return the rows of a curve from the lines that each attempt has logged, oldest attempt first.

    What an attempt logs at one step is one row. A step that a later attempt logs again is the later attempt's alone. A
    line without a step comes after all before it.

    >>> [row.step for row in rows_of([[{"step": 1, "metrics": {"a": 1}}, {"step": None, "metrics": {"a": 2}}]])]
    [1, 2]
    """
    rows: dict[int, tuple[int, float, dict[str, float]]] = {}
    last = -1
    for attempt, lines in enumerate(attempts):
        for line in lines:
            metrics = line.get("metrics")
            if not isinstance(metrics, Mapping) or not metrics:
                continue
            given = line.get("step")
            step = given if isinstance(given, int) else last + 1
            last = max(last, step)
            time = float(line.get("time") or 0.0)
            before = rows.get(step)
            values = before[2] if before is not None and before[0] == attempt else {}
            rows[step] = attempt, time, {**values, **metrics}
    return tuple(Row(step, time, values) for step, (_, time, values) in sorted(rows.items()))
