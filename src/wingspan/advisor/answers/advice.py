"""Hold the advice on held jobs, per job and per incident, with the order of releases."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import numpy as np

from wingspan.advisor.answers.evidence import Counts
from wingspan.advisor.models.intervals import interval
from wingspan.eventlog.codes import hold_name
from wingspan.eventlog.rules import Answer
from wingspan.shown import counted, in_markup

_LISTED: Final = 20  # jobs of an incident that a notebook shows


@dataclass(frozen=True, slots=True)
class Chance:
    """Probability that a release pays, with its 95 % interval and source.

    Attributes
    ----------
    wait_s
        Seconds from now to the best release by a trained advisor; nan if it advises none; None for rates.
    """

    p: float
    low: float
    high: float
    source: str
    wait_s: float | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do about one held job.

    Attributes
    ----------
    answer
        One of `ANSWERS`.
    at
        Time of "release later", UTC seconds; else nan.
    probability, low, high
        Probability that a release pays, with a 95 % interval; nan if nothing was counted.
    decided_by
        "rules", "data", "model NAME" or "proof".
    command
        Command to copy; empty if a person must look first.
    edit
        Attribute and new value that `command` sets before the release; None if it sets none.
    ran_s
        Seconds from the job's last start to the hold; nan without a start.
    host, owner
        Where it ran, and its owner; empty if unknown.
    whose, share
        Where the fault lies (see `blame`), and how likely; empty if unclear.
    """

    job: str
    access_point: str
    code: int
    subcode: int
    reason: str
    held_at: float
    answer: Answer
    at: float
    probability: float
    low: float
    high: float
    decided_by: str
    cause: str
    fix: str
    command: str
    evidence: tuple[str, ...]
    ran_s: float = float("nan")
    host: str = ""
    owner: str = ""
    whose: str = ""
    share: float = 0.0
    edit: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Incident:
    """Holds of one cause that came together, and one advice for all of them.

    Attributes
    ----------
    plan
        Order of releases, if that is the answer; else empty.
    """

    code: int
    subcode: int
    name: str
    answer: Answer
    jobs: tuple[Advice, ...]
    plan: str

    def __repr__(self) -> str:
        of = self.jobs[0].cause if self.jobs else self.name
        jobs = counted(len(self.jobs), "job")
        return f"Incident {self.code}/{self.subcode}, {jobs}: {self.answer}. {of}"

    def _repr_html_(self) -> str:
        from wingspan.draw.table import table_html

        listed = self.jobs[:_LISTED]
        rows: list[tuple[str, ...]] = [
            (job.job, job.owner, job.host, job.answer, job.command or job.fix) for job in listed
        ]
        if more := len(self.jobs) - len(listed):
            rows.append((f"and {more:,} more", "", "", "", ""))
        head = ("job", "user", "host", "answer", "what to do")
        return f"<p>{in_markup(repr(self))}</p>{table_html(head, rows)}"


class Incidents(tuple[Incident, ...]):
    """Advice on held jobs, incident by incident."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(map(repr, self)) if self else "no job is held"

    def _repr_html_(self) -> str:
        from wingspan.draw.table import table_html

        rows = [
            (
                f"{len(each.jobs):,}",
                f"{each.code}/{each.subcode}",
                each.answer,
                each.jobs[0].cause,
                each.plan,
            )
            for each in self
        ]
        return table_html(("jobs", "code", "answer", "cause", "plan"), rows)


def rate(counts: Counts, level: str) -> Chance:
    """Return the smoothed share of releases that paid; its interval counts each cluster once."""
    return _rate(counts.paid, counts.total, counts.clusters, level)


@lru_cache(maxsize=1 << 16)
def _rate(paid: int, total: int, clusters: int, level: str) -> Chance:
    p = (paid + 1) / (total + 2)
    low, high = interval(np.array([p]), np.array([clusters + 2.0]))
    return Chance(p, float(low[0]), float(high[0]), f"data ({level})")


def group(found: Sequence[Advice], numbers: Sequence[int]) -> Incidents:
    """Group the advice on jobs by incident, and plan the release of each."""
    incidents: dict[int, list[Advice]] = {}
    for advice, number in zip(found, numbers, strict=True):
        incidents.setdefault(number, []).append(advice)
    return Incidents(incident_of(tuple(jobs)) for jobs in incidents.values())


def incident_of(jobs: tuple[Advice, ...]) -> Incident:
    """Return the incident of some jobs, with the answer of most of them and a plan of releases."""
    answer = Counter(each.answer for each in jobs).most_common(1)[0][0]
    first = jobs[0]
    releasing = [each for each in jobs if each.answer in {"release now", "release later"}]
    return Incident(
        first.code, first.subcode, hold_name(first.code), answer, jobs, plan_text(releasing)
    )


def canaries(count: int) -> int:
    """Return how many jobs to release first: 2 %, at least 1.

    >>> [canaries(count) for count in (1, 5, 100, 1000)]
    [1, 1, 2, 20]
    """
    return max(1, -(-count // 50))


def settle_s(jobs: Sequence[Advice]) -> float:
    """Return how long to watch the canaries: twice the time that the jobs ran before the hold."""
    ran = [each.ran_s for each in jobs if each.ran_s == each.ran_s]
    return max(60.0, 2 * max(ran, default=0.0))


def plan_text(jobs: Sequence[Advice]) -> str:
    """Describe the order in which to release the jobs of an incident."""
    if len(jobs) < 2:
        return ""
    first = canaries(len(jobs))
    names = " ".join(each.job for each in jobs[:first])
    when = f"{datetime.fromtimestamp(jobs[0].at, UTC):%Y-%m-%d %H:%M}Z: " if jobs[0].at > 0 else ""
    return (
        f"{when}release {first} of {len(jobs)} ({names}), wait until it has ended or has run "
        f"{settle_s(jobs):.0f} s; then the rest. Stop if it is held again."
    )
