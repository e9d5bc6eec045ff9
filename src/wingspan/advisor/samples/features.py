"""Make the table of features: numbers about job, cluster, places and hold at each moment.

Every number is a count, a sum or a decayed rate over rows above the moment (see `prefix`), or nan if there is nothing to
measure. Numbers of templates are indices into `Timeline.templates`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.holds.episodes import Episodes
from wingspan.advisor.holds.moments import Moments
from wingspan.advisor.holds.prefix import (
    Marks,
    Numbers,
    first_of,
    mark,
    number_by_first,
)
from wingspan.advisor.holds.timeline import AUTHORS, Timeline, whose
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.histories import STATE_EVENTS
from wingspan.eventlog.job_state import State
from wingspan.eventlog.rules import explain

Columns: TypeAlias = dict[str, NDArray[Any]]

CATEGORIES: Final = ("code", "subcode", "template")
HALF_LIVES_S: Final = {"10min": 600.0, "1h": 3600.0, "1d": 86400.0}
ALIKE: Final = "{}_clusters_alike_{}"
_NEARLY_NONE: Final = 1e-9  # rounding error of a count of 0
_OWN_COUNTS: Final = {
    "starts": Event.EXECUTE,
    "evictions": Event.JOB_EVICTED,
    "shadow_exceptions": Event.SHADOW_EXCEPTION,
    "remote_errors": Event.REMOTE_ERROR,
    "disconnects": Event.JOB_DISCONNECTED,
    "reconnects_failed": Event.JOB_RECONNECT_FAILED,
    "transfers": Event.FILE_TRANSFER,
}
_WORDS: Final = {
    "at_starter": r"\bSTARTER\b",
    "at_shadow": r"\bSHADOW\b",
    "sending": r"\b(sen[dt]|sending|upload)",
    "receiving": r"\b(receiv|download|fetch)",
    "plugin": r"plug-?in|<URL>|https?\b|osdf|pelican",
    "timeout": r"time[d -]*out|expired",
}
NAMES: Final = (*CATEGORIES, *_WORDS)  # features that name the cause of a hold


@dataclass(frozen=True, slots=True)
class Features:
    """A table with one line for each moment and one column for each name.

    Attributes
    ----------
    values
        nan if there is nothing to measure. `CATEGORIES` are numbers without order. float32, (moments, names)
    """

    names: tuple[str, ...]
    values: NDArray[np.float32] = field(repr=False)

    def column(self, name: str) -> NDArray[np.float32]:
        """Return one column."""
        return self.values[:, self.names.index(name)]


@dataclass(frozen=True, slots=True)
class _Scene:
    """The inputs of all parts of the table."""

    timeline: Timeline
    episodes: Episodes
    moments: Moments

    def marks(self, rows: NDArray[Any], group: NDArray[Any]) -> Marks:
        """Mark rows; `group` has a number for each row of the timeline."""
        return mark(rows, group[rows], len(self.timeline) + 1)

    def of(self, group: NDArray[Any]) -> NDArray[Any]:
        """Return the group of each moment's hold."""
        return group[self.moments.hold]

    def among(self, rows: Numbers, number: NDArray[Any]) -> NDArray[np.int32]:
        """Return a group for each row of the timeline: the given numbers at some rows, -1 elsewhere."""
        group = np.full(len(self.timeline), -1, np.int32)
        group[rows] = number
        return group

    def since(self, row: Numbers) -> NDArray[np.float64]:
        """Return the seconds from a row's clock to the moment; nan if the row is -1."""
        return np.where(row >= 0, self.moments.clock - self.timeline.clock[row], np.nan)


def make_features(timeline: Timeline, episodes: Episodes, moments: Moments) -> Features:
    """Make the table of features of all moments."""
    scene = _Scene(timeline, episodes, moments)
    parts: tuple[Callable[[_Scene], Columns], ...] = (
        _hold,
        _own,
        _memory,
        _mates,
        _outcomes_known,
        _rates,
        _others_alike,
    )
    columns = {name: column for part in parts for name, column in part(scene).items()}
    values = np.empty((len(moments), len(columns)), np.float32)
    for number, column in enumerate(columns.values()):
        values[:, number] = column
    values.flags.writeable = False
    return Features(tuple(columns), values)


def _hold(scene: _Scene) -> Columns:
    """Return columns of the hold itself: code, text and time."""
    hold, timeline = scene.moments.hold, scene.timeline
    code, subcode = timeline.events.value[hold], timeline.events.detail[hold].astype(np.int64)
    template = timeline.template[hold]
    causes, which = np.unique(
        np.stack([code, subcode, template], axis=1), axis=0, return_inverse=True
    )
    facts = [
        _facts(code, subcode, timeline.templates[template] if template >= 0 else "")
        for code, subcode, template in causes.tolist()
    ]
    names = list(_facts(None, None, ""))
    table = np.array([list(each.values()) for each in facts]).reshape(len(facts), len(names))
    said = dict(zip(names, table[which.reshape(-1)].T, strict=True))
    hour = (scene.moments.clock // 3600 + 72) % 168  # 1970 began on a Thursday
    open_s = scene.moments.clock - timeline.clock[hold]
    return {
        "code": code,
        "subcode": subcode,
        "template": template,
        **said,
        "hour_of_day": hour % 24,
        "hour_of_week": np.where(timeline.dated[hold], hour, np.nan),
        "open_s": open_s,
    }


def _facts(code: int | None, subcode: int | None, reason: str) -> dict[str, float]:
    """Return facts from the table of rules and from words of the reason."""
    rule = explain(code, subcode, reason)
    natures = ("deterministic", "transient")
    origins = ("job", "environment", "configuration")
    words = {name: bool(re.search(pattern, reason)) for name, pattern in _WORDS.items()}
    return {
        **{f"nature_{nature}": float(rule.nature == nature) for nature in natures},
        **{f"origin_{origin}": float(rule.origin == origin) for origin in origins},
        **{name: float(found) for name, found in words.items()},
    }


def _own(scene: _Scene) -> Columns:
    """Count the job's earlier events."""
    timeline, hold, upto = scene.timeline, scene.moments.hold, scene.moments.upto
    job = scene.of(timeline.job)
    holds, releases = timeline.where(Event.JOB_HELD), timeline.where(Event.JOB_RELEASED)
    codes = number_by_first(timeline.job[holds], timeline.events.value[holds])
    by_code = scene.among(holds, codes)
    columns: Columns = {
        "holds": scene.marks(holds, timeline.job).count(job, hold),
        "holds_same_code": scene.marks(holds, by_code).count(by_code[hold], hold),
    }
    for author in ("user", "policy"):
        by_author = releases[timeline.author[releases] == AUTHORS.index(author)]
        columns[f"releases_by_{author}"] = scene.marks(by_author, timeline.job).count(job, upto)
    for name, number in _OWN_COUNTS.items():
        marks = scene.marks(timeline.where(number), timeline.job)
        columns[name] = marks.count(job, upto)
        if number == Event.EXECUTE:
            columns["since_first_start_s"] = scene.since(marks.first(job, upto))
            columns["since_last_start_s"] = scene.since(marks.last(job, upto))
    columns["since_first_event_s"] = scene.since(_first_rows(timeline)[job])
    return columns


def _memory(scene: _Scene) -> Columns:
    """Return the peak of the job's memory, and its growth in the last run."""
    timeline, upto = scene.timeline, scene.moments.upto
    job = scene.of(timeline.job)
    memory = timeline.events.detail
    asked = np.zeros(int(timeline.job.max(initial=-1)) + 1, bool)
    asked[job] = True
    rows = timeline.where(Event.IMAGE_SIZE)
    rows = rows[asked[timeline.job[rows]]]
    marks = scene.marks(rows[memory[rows] >= 0], timeline.job)
    starts = scene.marks(timeline.where(Event.EXECUTE), timeline.job)
    peak = marks.highest(memory, job, upto)
    run = np.maximum(starts.last(job, upto), 0)
    place, end = marks.place(job, run), marks.place(job, upto)
    slope = np.full(len(job), np.nan)
    several = np.flatnonzero((end - place >= 2) & (job >= 0))
    first, last = marks.rows[place[several]], marks.rows[end[several] - 1]
    hours = np.maximum(timeline.clock[last] - timeline.clock[first], 1.0) / 3600
    slope[several] = (memory[last].astype(np.int64) - memory[first]) / hours
    return {
        "memory_max_mb": np.where(peak >= 0, peak, np.nan),
        "memory_mb_per_h": slope,
    }


def _mates(scene: _Scene) -> Columns:
    """Count runs, ends and holds of the cluster's other jobs and of those on the host."""
    timeline, hold, upto = scene.timeline, scene.moments.hold, scene.moments.upto
    good, bad = _ends(timeline)
    holds = timeline.where(Event.JOB_HELD)
    running, held = _changes(timeline, State.RUNNING, State.HELD)
    changed = np.flatnonzero((running != 0) | (held != 0))
    starts = timeline.where(Event.EXECUTE)
    starts = starts[first_of(timeline.job[starts], timeline.host[starts])]
    columns: Columns = {}
    for name, group, new in (
        ("cluster", timeline.cluster, _first_rows(timeline)),
        ("host", timeline.host, starts),
    ):
        of = scene.of(group)
        columns[f"{name}_jobs"] = scene.marks(new, group).count(of, upto)
        columns[f"{name}_ok"] = scene.marks(good, group).count(of, upto)
        columns[f"{name}_failed"] = scene.marks(bad, group).count(of, upto)
        columns[f"{name}_holds"] = scene.marks(holds, group).count(of, upto)
    own = scene.of(timeline.cluster)
    marks = scene.marks(changed, timeline.cluster)
    columns["cluster_running"] = marks.total(running, own, upto)
    columns["cluster_held"] = marks.total(held, own, upto)
    codes = number_by_first(timeline.cluster[holds], timeline.events.value[holds])
    same = scene.among(holds, codes)
    jobs = holds[first_of(same[holds], timeline.job[holds])]
    hosts = holds[timeline.host[holds] >= 0]
    hosts = hosts[first_of(same[hosts], timeline.host[hosts])]
    columns["cluster_jobs_held_same_code"] = scene.marks(jobs, same).count(same[hold], upto)
    columns["cluster_hosts_held_same_code"] = scene.marks(hosts, same).count(same[hold], upto)
    others = holds[first_of(timeline.host[holds], timeline.cluster[holds])]
    columns["host_clusters_held"] = scene.marks(others, timeline.host).count(
        scene.of(timeline.host), upto
    )
    return columns


def _outcomes_known(scene: _Scene) -> Columns:
    """Count the known outcomes of earlier releases."""
    timeline, upto = scene.timeline, scene.moments.upto
    known = np.flatnonzero(~np.isnan(scene.episodes.label) & (scene.episodes.excluded == 0))
    known = known[np.argsort(scene.episodes.outcome_row[known], kind="stable")]
    row, hold = scene.episodes.outcome_row[known], scene.episodes.row[known]
    paid = scene.episodes.label[known] == 1
    holds = timeline.where(Event.JOB_HELD)
    code = timeline.events.value[holds]
    columns_of: dict[str, tuple[NDArray[Any], ...]] = {
        "cluster": (timeline.cluster[holds], code),
        "template": (code, timeline.events.detail[holds], timeline.template[holds]),
        "code": (code,),
    }
    columns: Columns = {}
    for name, alike in columns_of.items():
        group = scene.among(holds, number_by_first(*alike))
        of = scene.of(group)
        for word, chosen in (("paid", paid), ("vain", ~paid)):
            marks = mark(row[chosen], group[hold[chosen]], len(timeline) + 1)
            columns[f"{name}_releases_{word}"] = marks.count(of, upto)
        if name == "cluster":
            marks = mark(row, group[hold], len(timeline) + 1)
            value = np.zeros(len(timeline), bool)
            value[row] = paid
            last = marks.last(of, upto)
            columns["cluster_last_release_paid"] = np.where(last >= 0, value[last], np.nan)
    return columns


def _rates(scene: _Scene) -> Columns:
    """Count holds and good ends at host, site, cluster and access point, fading with time."""
    timeline, upto = scene.timeline, scene.moments.upto
    good, _ = _ends(timeline)
    groups: Columns = {
        "host": timeline.host,
        "site": timeline.site,
        "cluster": timeline.cluster,
        "access_point": timeline.events.access_point,
    }
    columns: Columns = {}
    for name, group in groups.items():
        of = scene.of(group)
        for word, rows in (("holds", timeline.where(Event.JOB_HELD)), ("ok", good)):
            marks = scene.marks(rows, group)
            for span, half_life_s in HALF_LIVES_S.items():
                found = marks.decayed(timeline.clock, half_life_s, of, upto, scene.moments.clock)
                columns[f"{name}_{word}_{span}"] = found
    return columns


def _others_alike(scene: _Scene) -> Columns:
    """Count other clusters with such a hold at the access point, the site and anywhere, decayed.

    A hold that many clusters have at once is rarely the fault of one of them. Each cluster counts by its latest such hold.
    All nodes of DAGs at an access point count as one cluster, as they may belong to one user.
    """
    timeline, upto = scene.timeline, scene.moments.upto
    holds = timeline.where(Event.JOB_HELD)
    events, site = timeline.events, timeline.site[holds]
    cause = number_by_first(events.value[holds], events.detail[holds], timeline.template[holds])
    owner = whose(timeline, holds)
    groups = {
        "access_point": number_by_first(cause, events.access_point[holds]),
        "site": np.where(site >= 0, number_by_first(cause, site), -1),
        "anywhere": cause,
    }
    columns: Columns = {}
    for name, number in groups.items():
        group = scene.among(holds, number)
        own = scene.among(holds, number_by_first(number, owner))
        there, mine = scene.marks(holds, group), scene.marks(holds, own)
        newest = mine.last(scene.of(own), upto)
        for span, half_life_s in HALF_LIVES_S.items():
            amounts = _renewed(timeline, mine, half_life_s)
            found = there.decayed(
                timeline.clock, half_life_s, scene.of(group), upto, scene.moments.clock, amounts
            )
            less = np.nan_to_num(np.exp2(-scene.since(newest) / half_life_s))
            others = np.where(scene.of(group) >= 0, np.maximum(found - less, 0.0), 0.0)
            columns[ALIKE.format(name, span)] = np.where(others < _NEARLY_NONE, 0.0, others)
    return columns


def _renewed(timeline: Timeline, marks: Marks, half_life_s: float) -> NDArray[np.float64]:
    """Return how much each row's mark adds to the rest of its group's earlier ones to reach 1."""
    amounts = np.zeros(len(timeline))
    if len(marks.rows):
        time = timeline.clock[marks.rows]
        left = np.exp2(np.minimum(-np.diff(time, prepend=time[0]) / half_life_s, 0.0))
        left[marks.starts[:-1]] = 0.0
        amounts[marks.rows] = 1.0 - left
    return amounts


def _ends(timeline: Timeline) -> tuple[Numbers, Numbers]:
    """Return the rows of jobs that ended by themselves, with 0 and otherwise."""
    rows = timeline.where(Event.JOB_TERMINATED)
    good = (timeline.events.value[rows] == 0) & (timeline.events.detail[rows] == 0)
    return rows[good], rows[~good]


def _first_rows(timeline: Timeline) -> Numbers:
    """Return the first row of each job: they are numbered as they appear."""
    seen = np.maximum.accumulate(timeline.job)
    return np.flatnonzero(np.diff(seen, prepend=np.int32(-1)) > 0)


def _changes(timeline: Timeline, *states: State) -> list[NDArray[np.int8]]:
    """Return for each state and row 1 where its job enters it, -1 where it leaves, 0 elsewhere."""
    mine = timeline.where(*STATE_EVENTS)
    mine = mine[np.argsort(timeline.job[mine], kind="stable")]
    first = np.diff(timeline.job[mine], prepend=-1) != 0
    found = []
    for state in states:
        inside = (timeline.state[mine] == state).astype(np.int8)
        before = np.where(first, 0, np.roll(inside, 1))
        changes = np.zeros(len(timeline), np.int8)
        changes[mine] = inside - before
        found.append(changes)
    return found
