"""Group the advice on many held jobs into a short table.

Rows share a cause and an answer, or a user, host, cluster or incident. All functions are pure.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from wingspan.advisor.answers.advice import Advice, Incident, incident_of

CAUSE: Final = "cause"
CLUSTER: Final = "cluster"


@dataclass(frozen=True, slots=True)
class Row:
    """Held jobs that belong together.

    Attributes
    ----------
    key
        What they have in common: a cause, user, host, cluster or incident; empty if unknown.
    code
        Code and sub-code of most of them, e.g. ``34/0``.
    answer
        The answer for most of them.
    other
        Number of jobs with another answer.
    users, hosts
        Number of known users and hosts.
    ran_s
        Seconds that the jobs ran from their last starts to the holds; unknown times count as 0.
    """

    key: str
    code: str
    answer: str
    cause: str
    jobs: tuple[Advice, ...]
    other: int
    clusters: int
    users: int
    hosts: int
    ran_s: float


def _cause(job: Advice, _: int) -> str:
    return f"{job.answer}\n{job.cause}"  # one row has one answer


KEYS: Final[Mapping[str, Callable[[Advice, int], str]]] = MappingProxyType(
    {
        CAUSE: _cause,
        "user": lambda job, _: job.owner,
        "host": lambda job, _: job.host,
        CLUSTER: lambda job, _: cluster_of(job),
        "incident": lambda _, number: str(number),
    }
)


def cluster_of(job: Advice) -> str:
    """Return the cluster of a job's id."""
    return job.job.partition(".")[0]


def overview(incidents: Sequence[Incident], by: str = CAUSE) -> tuple[Row, ...]:
    """Group all jobs by a key of `KEYS`; the rows with most jobs come first.

    Cluster ids are unique only at one access point, so with several its name is added.
    """
    found: dict[str, list[Advice]] = {}
    several = _several_access_points(job for each in incidents for job in each.jobs)
    for number, incident in enumerate(incidents, 1):
        for job in incident.jobs:
            name = KEYS[by](job, number)
            name += f" at {job.access_point}" if several and by == CLUSTER else ""
            found.setdefault(name, []).append(job)
    rows = (_row(name, jobs) for name, jobs in found.items())
    return tuple(sorted(rows, key=lambda row: (-len(row.jobs), -row.ran_s, row.key)))


def _several_access_points(jobs: Iterable[Advice]) -> bool:
    return len({job.access_point for job in jobs if job.access_point}) > 1


def _row(key: str, jobs: list[Advice]) -> Row:
    answer, count = Counter(job.answer for job in jobs).most_common(1)[0]
    like = [job for job in jobs if job.answer == answer]
    return Row(
        key=key.rpartition("\n")[2],
        code=Counter(f"{job.code}/{job.subcode}" for job in like).most_common(1)[0][0],
        answer=answer,
        cause=Counter(job.cause for job in like).most_common(1)[0][0],
        jobs=tuple(jobs),
        other=len(jobs) - count,
        clusters=len({(job.access_point, cluster_of(job)) for job in jobs}),
        users=len({job.owner for job in jobs if job.owner}),
        hosts=len({job.host for job in jobs if job.host}),
        ran_s=sum(job.ran_s for job in jobs if job.ran_s == job.ran_s),
    )


def select(incidents: Iterable[Incident], keep: Callable[[Advice], bool]) -> tuple[Incident, ...]:
    """Return the incidents with the jobs to keep; incidents without any are dropped."""
    kept = (tuple(job for job in each.jobs if keep(job)) for each in incidents)
    return tuple(incident_of(jobs) for jobs in kept if jobs)


def commands(jobs: Collection[Advice]) -> list[str]:
    """Return the commands that carry out the answers, one for each job that has one.

    Job ids are unique only at one access point, so with several a comment says where to run them.
    """
    several = _several_access_points(jobs)
    found: dict[str, list[str]] = {}
    for job in jobs:
        if job.command:
            found.setdefault(job.access_point, []).append(job.command)
    lines: list[str] = []
    for access_point, each in found.items():
        lines += [f"# at {access_point}"] if several else []
        lines += dict.fromkeys(each)
    return lines
