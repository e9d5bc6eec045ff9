"""Turn the record of a run into what a mirror shows.

There is one `Tracked` a step or trial, and one row a step of its curve. A job that was restarted logs some steps twice;
its last attempt counts. Steps rise, and each is there once. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from wingspan.files import digest_bytes, json_text

RUNNING: Final = "running"
ROWS: Final = "the values of rows: only their number was compared"
ARTIFACTS: Final = "the digests of artifacts: they were not compared"


@dataclass(frozen=True, slots=True)
class Row:
    """The metrics at one step of a curve, and when the last of them was logged.

    The time is in seconds since 1970.
    """

    step: int
    time: float
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Artifact:
    """Files of a result: path in the artifact, and file or folder on disk.

    `kind` is a word such as ``model``.
    """

    name: str
    kind: str
    files: Mapping[str, Path]


@dataclass(frozen=True, slots=True)
class Tracked:
    """One step, trial or sweep.

    Attributes
    ----------
    id
        The id; it stays the same in every mirror and after every restart of the job.
    kind
        ``step``, ``trial`` or ``sweep``.
    state
        ``running``, or how it ended.
    config
        Its arguments as JSON.
    rows
        Its curve, in rising steps.
    summary
        Its results as JSON.
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
        """Whether it has ended. A resumed run may still add to it."""
        return self.state != RUNNING

    @property
    def digest(self) -> str:
        """Digest of everything that a mirror shows."""
        rows = [[row.step, sorted(row.values.items())] for row in self.rows]
        artifacts = [[each.name, each.kind, sorted(each.files)] for each in self.artifacts]
        shown = [self.name, self.group, self.state, self.config, repr(rows), self.summary]
        return digest_bytes(json_text([*map(repr, shown), artifacts]).encode())


@dataclass(frozen=True, slots=True)
class Compared:
    """What a mirror shows of a step or trial, compared with its record.

    Attributes
    ----------
    problem
        What is missing or different; empty if nothing is.
    unseen
        What the mirror does not show, so that it could not be compared: `ROWS`, `ARTIFACTS`.
    """

    problem: str = ""
    unseen: tuple[str, ...] = ()


def rows_of(attempts: Iterable[Iterable[Mapping[str, Any]]]) -> tuple[Row, ...]:
    """Return the rows of a curve from the logged lines of each attempt, oldest attempt first.

    An attempt's values at one step are one row. If a later attempt logs the step again, its values replace the row. A
    line without a step gets the next step.

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
