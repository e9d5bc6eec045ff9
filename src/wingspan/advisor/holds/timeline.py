"""Put the events of all jobs in the order in which they became known.

A cut at a row of the timeline uses only bytes up to that row in the row's own log, and in other logs only what had
been written by then.
"""

import re
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.holds.prefix import first_of, mark, number_by_first
from wingspan.eventlog.bodies import read_records
from wingspan.eventlog.body import parse_body
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.events import Events
from wingspan.eventlog.histories import STATE_EVENTS, job_rows, one_log_each
from wingspan.eventlog.job_state import State
from wingspan.eventlog.places import places_of_starts
from wingspan.eventlog.templates import masks

AUTHORS: Final = ("", "user", "policy", "dag")
_CLUSTER_EDITS: Final = (Event.ATTRIBUTE_UPDATE, Event.CLUSTER_SUBMIT, Event.CLUSTER_REMOVE)
_ACTIONS: Final = (Event.JOB_HELD, Event.JOB_RELEASED, Event.JOB_ABORTED)
_ASKED: Final = (*STATE_EVENTS, Event.REMOTE_ERROR, *_CLUSTER_EDITS)
_NODE_NOTE: Final = b"DAG Node: "
_YEARLESS: Final = re.compile(rb"\d{3} \([^)]*\) \d\d/\d\d ")
_AUTHOR_TEXTS: Final = tuple(
    (AUTHORS.index(author), re.compile(pattern))
    for author, pattern in (
        (
            "policy",
            r"expression '.*' evaluated to |SYSTEM_PERIODIC_|[Pp]eriodic(Release|Hold|Remove)",
        ),
        ("dag", r"^DAG (?!Removed: User)|OtherJobRemoveRequirements"),
        ("user", r"\(by user |by user "),
    )
)


@dataclass(frozen=True, slots=True)
class Timeline:
    """Rows in the order of the bytes of each log; several logs are interleaved by their clocks.

    A job is an access point's cluster.proc from one submission to the next: ids that a restarted queue reuses are other
    jobs. All numbers count up in the order of first appearance, so that they do not depend on what follows.

    Attributes
    ----------
    events
        The rows, each event once; of events about a whole cluster, edits only.
    clock
        The log's latest stamp so far, UTC seconds: it ascends where stamps are out of order. float64
    job, cluster
        -1 where the row has no job. int32
    state
        The job's `State` after the row. int8
    host, site
        Where the job runs or last ran; -1 before its first start and if unknown. int32
    template
        Index of a hold's masked reason into `templates`, -1 elsewhere. int32
    author
        Author of a hold, release or removal, from its reason: index into `AUTHORS`. int8
    dated
        Of holds: whether the stamp, or the log's header before it, has the year. Otherwise the year is inferred from
        the file's modification time, which is not known at the hold. bool
    dag_node
        Of holds: whether the job is a node of a DAG, from its cluster's submission. bool
    reasons
        The reasons of the holds, in the order of their rows.
    """

    events: Events
    clock: NDArray[np.float64]
    job: NDArray[np.int32]
    cluster: NDArray[np.int32]
    state: NDArray[np.int8]
    host: NDArray[np.int32]
    site: NDArray[np.int32]
    template: NDArray[np.int32]
    author: NDArray[np.int8]
    dated: NDArray[np.bool_]
    dag_node: NDArray[np.bool_]
    hosts: tuple[str, ...] = field(repr=False)
    sites: tuple[str, ...] = field(repr=False)
    templates: tuple[str, ...] = field(repr=False)
    reasons: tuple[str, ...] = field(repr=False)

    def __post_init__(self) -> None:
        for each in fields(self):
            if each.name not in {"events", "hosts", "sites", "templates", "reasons"}:
                getattr(self, each.name).flags.writeable = False

    def __len__(self) -> int:
        return len(self.job)

    def where(self, *codes: int) -> NDArray[np.int64]:
        """Return the rows of jobs with these event numbers, ascending."""
        found = np.zeros(len(self), bool)
        for code in codes:
            found |= self.events.code == code
        rows = np.flatnonzero(found)
        return rows[self.job[rows] >= 0]


def whose(timeline: Timeline, holds: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a number for the owner of each held job: its cluster, or its access point below 0.

    Logs seldom name users. Nodes of DAGs count as one owner for each access point.
    """
    point = timeline.events.access_point[holds].astype(np.int64)
    return np.where(timeline.dag_node[holds], -2 - point, timeline.cluster[holds])


def make_timeline(events: Events, *, lean: bool = False) -> Timeline:
    """Order the events of all jobs by when they became known, and read hosts and reasons.

    Rotations of one log follow each other by their headers, else by the time of their first event.

    Parameters
    ----------
    lean
        Leave out what answers do not use unless a trained advisor gives them, to save time and memory: transfers, and
        image sizes of jobs, and job ads of clusters, without a hold.
    """
    rows, state, clock = _in_order(events, lean=lean)
    kept = events.take(rows)
    del events  # a caller that does not hold them either frees what was left out
    job, cluster = _jobs(kept, state)
    reasons = _read_reasons(kept)
    host, site, hosts, sites = _places(kept, job)
    return Timeline(
        events=kept,
        clock=clock,
        job=job,
        cluster=cluster,
        state=state,
        host=host,
        site=site,
        template=reasons.template,
        author=reasons.author,
        dated=reasons.dated,
        dag_node=_dag_nodes(kept, cluster),
        hosts=hosts,
        sites=sites,
        templates=reasons.templates,
        reasons=reasons.texts,
    )


def _in_order(
    events: Events, *, lean: bool
) -> tuple[NDArray[np.int64], NDArray[np.int8], NDArray[np.float64]]:
    """Sort the rows to keep by the clocks of their logs; return them, states and clocks.

    Within a log they keep the order of its bytes. The last row is always kept: its clock is the end of the logs.
    """
    state = np.full(len(events), -1, np.int8)
    jobs = events.cluster >= 0
    edits = jobs & (events.proc < 0) & np.isin(events.code, _CLUSTER_EDITS)
    state[edits] = 0
    alone = one_log_each(events)
    if lean and alone:
        rows, clock = _by_log(events, np.flatnonzero((jobs & (events.proc >= 0)) | edits))
        wanted = _asked(events)
        wanted[rows[len(rows) - 1 - np.argmax(clock[::-1])] if len(rows) else rows] = True
        own, after = job_rows(events, wanted)
        state[own] = after
        kept = state[rows] >= 0
        rows, clock = rows[kept], clock[kept]
    else:
        own, after = job_rows(events)
        state[own] = after
        rows, clock = _by_log(events, np.flatnonzero(state >= 0))
    if alone:
        order = np.argsort(clock, kind="stable")
    else:  # as in `group_by_job`
        clock = np.floor(clock)
        order = np.lexsort((events.code[rows] != Event.SUBMIT, clock))
    rows = rows[order]
    return rows, state[rows], clock[order]


def _asked(events: Events) -> NDArray[np.bool_]:
    """Return which events answers use; image sizes only of held jobs, ads only of held clusters."""
    asked = np.isin(events.code, _ASKED)
    holds = np.flatnonzero(events.code == Event.JOB_HELD)
    cluster = (events.access_point, events.cluster)
    job = (*cluster, events.proc)
    for code, columns in ((Event.JOB_AD_INFORMATION, cluster), (Event.IMAGE_SIZE, job)):
        rows = np.flatnonzero(events.code == code)
        both = np.concatenate([holds, rows])
        number = number_by_first(*(column[both] for column in columns))
        known = number[: len(holds)].max(initial=-1)
        asked[rows] = number[len(holds) :] <= known
    return asked


def _by_log(
    events: Events, rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return each log's rows together, in the order of its rotations, and their clocks.

    The log that begins first goes first.
    """
    begins = _file_times(events)
    names = [events.files[number].log for number in np.argsort(begins, kind="stable").tolist()]
    family = np.array([names.index(file.log) for file in events.files], np.int64)
    rank = np.argsort(np.lexsort((begins, family)))
    rows = rows[
        np.argsort(rank[events.file[rows]], kind="stable")
    ]  # within a file they are in order
    clock = events.time[rows].copy()
    bounds = np.flatnonzero(np.diff(family[events.file[rows]], prepend=-1, append=-1))
    for start, stop in pairwise(bounds.tolist()):
        clock[start:stop] = np.maximum.accumulate(clock[start:stop])
    return rows, clock


def _file_times(events: Events) -> NDArray[np.float64]:
    """Return when each file began."""
    starts = np.searchsorted(events.file, np.arange(len(events.files)))
    return np.array(
        [
            float(file.header.ctime) if file.header else float(events.time[start : start + 1].sum())
            for file, start in zip(events.files, starts.tolist(), strict=True)
        ]
    )


def _jobs(events: Events, state: NDArray[np.int8]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Give jobs and clusters numbers; a submission of a known id begins another job."""
    own = np.flatnonzero(events.proc >= 0)
    number = number_by_first(events.access_point[own], events.cluster[own], events.proc[own])
    lives = _lives(number, events.code[own] == Event.SUBMIT, state[own])
    if lives.any():
        number = number_by_first(number, lives)
    first = np.flatnonzero(np.diff(np.maximum.accumulate(number), prepend=np.int32(-1)) > 0)
    ids = (events.access_point[own[first]], events.cluster[own[first]])
    clusters = number_by_first(*ids, lives[first])
    job, cluster = np.full((2, len(events)), -1, np.int32)
    job[own], cluster[own] = number, clusters[number]
    return job, cluster


def _lives(
    number: NDArray[np.int32], submitted: NDArray[np.bool_], state: NDArray[np.int8]
) -> NDArray[np.int32]:
    """Return for each row how often its id had been reused before."""
    lives = np.zeros(len(number), np.int32)
    first = np.diff(np.maximum.accumulate(number), prepend=np.int32(-1)) > 0
    twice = np.isin(number, number[submitted & ~first])
    rows = np.flatnonzero(twice)
    order = rows[np.argsort(number[rows], kind="stable")]
    new_id = np.diff(number[order], prepend=-1) != 0
    again = submitted[order] & ~new_id & (np.roll(state[order], 1) != State.UNKNOWN)
    seen = np.cumsum(again)
    lives[order] = seen - np.maximum.accumulate(np.where(new_id, seen, 0))
    return lives


@dataclass(frozen=True, slots=True)
class _Reasons:
    """What the reasons of holds, releases and removals say: columns and names of the `Timeline`."""

    template: NDArray[np.int32]
    author: NDArray[np.int8]
    dated: NDArray[np.bool_]
    templates: tuple[str, ...]
    texts: tuple[str, ...]


def _read_reasons(events: Events) -> _Reasons:
    """Read the reasons of holds, releases and removals, and whether holds' stamps have years."""
    headed = np.array([file.header is not None for file in events.files], bool)
    dated = headed[events.file]
    rows = np.flatnonzero(np.isin(events.code, _ACTIONS) & (events.proc >= 0))
    held = events.code[rows] == Event.JOB_HELD
    records = read_records(events, rows)
    known: dict[bytes, tuple[str, int]] = {}
    reasons, authors = [], []
    for code, record in zip(events.code[rows].tolist(), records, strict=True):
        text = _without_stamp(record)
        if text not in known:
            body = parse_body(code, record)
            reason = str(body.get("HoldReason") or body.get("Reason") or "")
            known[text] = reason, author_of(reason)
        reasons.append(known[text][0])
        authors.append(known[text][1])
    author = np.zeros(len(events), np.int8)
    author[rows] = authors
    places = np.flatnonzero(held).tolist()
    years = [_YEARLESS.match(records[place]) is None for place in places]
    dated[rows[held]] |= np.array(years, bool)
    texts = tuple(reasons[place] for place in places)
    masked, numbers = masks(texts), dict[str, int]()
    template = np.full(len(events), -1, np.int32)
    template[rows[held]] = [numbers.setdefault(masked[text], len(numbers)) for text in texts]
    return _Reasons(template, author, dated, tuple(numbers), texts)


def _dag_nodes(events: Events, cluster: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return for each hold whether its job is a node of a DAG, by the note that DAGMan submits."""
    holds = np.flatnonzero((events.code == Event.JOB_HELD) & (cluster >= 0))
    rows = np.flatnonzero((events.code == Event.SUBMIT) & (cluster >= 0))
    rows = rows[np.isin(cluster[rows], cluster[holds])]
    rows = rows[first_of(cluster[rows])]
    noted = [_NODE_NOTE in record for record in read_records(events, rows)]
    submitted = np.full(int(cluster.max(initial=-1)) + 1, len(events))
    submitted[cluster[rows[np.array(noted, bool)]]] = rows[np.array(noted, bool)]
    found = np.zeros(len(events), bool)
    found[holds] = submitted[cluster[holds]] < holds
    return found


def _without_stamp(record: bytes) -> bytes:
    """Return what equal causes share: a classic record without number, job and stamp."""
    return record if record[:1] in {b"<", b"{"} else record.split(b" ", 4)[-1]


def author_of(reason: str) -> int:
    """Return the author of an act as an index into `AUTHORS`, from HTCondor's reason.

    >>> AUTHORS[author_of("via condor_release (by user ada)")]
    'user'
    """
    for number, pattern in _AUTHOR_TEXTS:
        if pattern.search(reason):
            return number
    return 0


def _places(
    events: Events, job: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32], tuple[str, ...], tuple[str, ...]]:
    """Read where jobs started, and fill that in for the later rows of each job."""
    rows = np.flatnonzero((events.code == Event.EXECUTE) & (job >= 0))
    places = places_of_starts(events, rows)
    starts = mark(rows, job[rows], len(job) + 1)
    last = starts.last(job, np.arange(1, len(job) + 1))
    index = np.searchsorted(rows, last)
    columns = (places.host, places.site)
    host, site = (np.where(last >= 0, np.append(each, -1)[index], -1) for each in columns)
    return host.astype(np.int32), site.astype(np.int32), places.hosts, places.sites
