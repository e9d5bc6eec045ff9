"""Read all that a page says of job event logs, as frozen values."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from wingspan.eventlog.bodies import read_bodies
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.histories import STATE_EVENTS, JobHistories, group_by_job
from wingspan.eventlog.logs import read_logs
from wingspan.eventlog.pictures import holds_svg, states_svg
from wingspan.eventlog.summary import SAMPLE, Summary, summarise

if TYPE_CHECKING:
    from wingspan.advisor.answers.advice import Incident
    from wingspan.eventlog.events import Events

_PAST: Final = 5_000  # holds of the past up to which each is advised on


@dataclass(frozen=True, slots=True)
class Person:
    """A user of the pool: jobs, holds, and wall time in seconds; scaled where jobs were sampled."""

    user: str
    jobs: int
    holds: int
    good_s: float
    bad_s: float


@dataclass(frozen=True, slots=True)
class LogFacts:
    """Logs.

    Parameters
    ----------
    incidents
        Advice on the jobs that are held at the end; if there are none, on every hold.
    past
        The advice is on holds that are over.
    people
        Users by wall time, as far as job-ad events name them.
    """

    names: tuple[str, ...]
    summary: Summary
    people: tuple[Person, ...]
    incidents: "tuple[Incident, ...]"
    past: bool
    states: str = field(repr=False)
    holds: str = field(repr=False)


def read_log(paths: Sequence[Path]) -> LogFacts:
    """Return what event logs say; files that are not logs are refused."""
    events = read_logs(paths)
    summary = summarise(events)
    history = group_by_job(events, [*STATE_EVENTS])
    incidents, past = _advice(events, sum(group.holds for group in summary.holds))
    return LogFacts(
        tuple(str(path) for path in paths),
        summary,
        _people(events, history),
        incidents,
        past,
        states_svg(events),
        holds_svg(history),
    )


def _advice(events: "Events", holds: int) -> "tuple[tuple[Incident, ...], bool]":
    from wingspan.advisor.answers.advise import advise
    from wingspan.advisor.holds.timeline import make_timeline

    timeline = make_timeline(events)
    found = advise(timeline)
    if found or not 0 < holds <= _PAST:
        return found, False
    return advise(timeline, every=True), True


def _people(events: "Events", history: JobHistories) -> tuple[Person, ...]:
    """Return the users that the first job-ad events of up to `SAMPLE` jobs name."""
    owners = _owners(events, history)
    if not owners:
        return ()
    runs, holds = history.runs(), history.holds()
    lengths = np.nan_to_num(runs.end - runs.start)
    count = len(history)
    good = np.bincount(runs.job, lengths * runs.good, minlength=count)
    bad = np.bincount(runs.job, lengths * ~runs.good, minlength=count)
    held = np.bincount(holds.job, minlength=count)
    jobs: Counter[str] = Counter(owners.values())
    sums = {user: np.zeros(3) for user in jobs}
    for job, user in owners.items():
        sums[user] += (held[job], good[job], bad[job])
    scale = count / len(owners)
    people = [
        Person(
            user, round(jobs[user] * scale), round(one[0] * scale), one[1] * scale, one[2] * scale
        )
        for user, one in sums.items()
    ]
    return tuple(sorted(people, key=lambda each: -(each.good_s + each.bad_s)))


def _owners(events: "Events", history: JobHistories) -> Mapping[int, str]:
    """Return the owner of jobs by their number in the history."""
    rows = np.flatnonzero(events.code == Event.JOB_AD_INFORMATION)
    if not len(rows):
        return {}
    chosen = rows[np.unique(np.linspace(0, len(rows) - 1, min(SAMPLE, len(rows))).astype(int))]
    found: dict[int, str] = {}
    bodies = read_bodies(events, chosen.tolist())
    for row, body in zip(chosen.tolist(), bodies, strict=True):
        if owner := body.get("Owner"):
            for job in history.find(int(events.cluster[row]), int(events.proc[row])):
                found.setdefault(job, str(owner))
    return found
