"""Read every attempt of every node's job from a DAG's event log.

An attempt says where the job waited, ran and transferred, and what it used.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from wingspan.eventlog.attempt import Attempt
from wingspan.eventlog.attempts import Job, Jobs, take_in
from wingspan.eventlog.positions import Position
from wingspan.eventlog.read_new import read_new
from wingspan.runner.htcondor.dag_folder import DagFolder
from wingspan.runner.htcondor.messages import read_line

_BEGIN: Final = '"begin"'  # in a message: most are of metrics, which need not be parsed


@dataclass(slots=True)
class Begun:
    """A trial that a lane has begun, in its own words: see `LaneStudy.began`.

    Parameters
    ----------
    tries
        Each attempt in which the lane has said so: its job, and its place among the job's attempts.
    """

    said: Mapping[str, Any]
    tries: list[tuple[Job, int]] = field(default_factory=list)


class Attempts:
    """The attempts in the log of one DAG, read as it grows.

    Attributes
    ----------
    begun
        What lanes have said to begin, by call; None of a DAG without sweeps, whose messages are not read.
    """

    def __init__(self, dag: DagFolder) -> None:
        self._log = dag.jobs_log
        self._position: Position | None = None
        self._of_job: Jobs = {}
        self.begun: dict[str, Begun] | None = {} if dag.sweeps_file.exists() else None

    def advance(self) -> None:
        """Read what was written since the last call."""
        if not self._log.exists():
            return
        news = read_new(self._log, self._position)
        self._position = news.position
        take_in(
            news.events,
            self._of_job,
            None if self.begun is None else partial(_begin, self.begun),
        )

    def by_node(self) -> dict[str, list[Attempt]]:
        """Return the attempts of each node, in order."""
        found: dict[str, list[Attempt]] = {}
        for made in self._of_job.values():
            found.setdefault(made[0].node, []).extend(made)
        return found

    def of_job(self, cluster: int, proc: int = 0) -> list[Attempt]:
        """Return the attempts of a job; empty if the log does not have it."""
        return self._of_job.get((cluster, proc), [])


def begin_of(content: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return which trial a message of a lane begins; None of another message."""
    begin = content.get("begin")
    return begin if isinstance(begin, dict) and isinstance(begin.get("call"), str) else None


def _begin(begun: dict[str, Begun], line: str, job: Job, place: int) -> None:
    message = read_line(line) if place >= 0 and _BEGIN in line else None
    begin = None if message is None else begin_of(message.content)
    if begin is not None:
        known = begun.setdefault(begin["call"], Begun(begin))
        known.said = begin
        if (job, place) not in known.tries[-1:]:
            known.tries.append((job, place))
