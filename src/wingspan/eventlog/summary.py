"""Summarise logs: jobs, holds and causes, wall time, requests and use, transfers, hosts."""

import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wingspan.eventlog.bodies import read_bodies, read_records
from wingspan.eventlog.body import Body
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.codes import event_name, hold_name, is_known
from wingspan.eventlog.events import Damage, Events
from wingspan.eventlog.histories import (
    STATE_EVENTS,
    HoldCycles,
    JobHistories,
    group_by_job,
    repeats,
)
from wingspan.eventlog.job_state import State
from wingspan.eventlog.overlaps import unnamed_points
from wingspan.eventlog.owners import owners
from wingspan.eventlog.places import places_of_starts
from wingspan.eventlog.rules import explain
from wingspan.eventlog.templates import masks
from wingspan.eventlog.toll import Loss, Toll, at_home, ends_of, losses, tolls

SAMPLE: Final = 4_000  # bodies read at most for each part of a summary, evenly spread
RARE: Final = 100  # reasons read at least for each code and sub-code
DAMAGES: Final = 5  # damaged stretches that are named
_MONTH_FIRST: Final = re.compile(rb"\d{3} \([\d.-]+\) \d\d/\d\d ")
BURST_S: Final = 600.0  # holds of one kind that follow each other within this are one burst
RESOURCES: Final = ("Cpus", "Memory", "Disk", "GPUs")


@dataclass(frozen=True, slots=True)
class HoldGroup:
    """Holds of one code, sub-code and reason template.

    Shares are of those holds, lengths in seconds.

    The sum of `holds` over a code and sub-code is exact. Where reasons were sampled, their split among several
    templates is estimated from the sample.
    """

    code: int
    subcode: int
    name: str
    template: str
    holds: int
    jobs: int
    bursts: int
    released: float
    removed: float
    median_s: float | None
    cause: str
    origin: str


@dataclass(frozen=True, slots=True)
class Request:
    """Request and use of one resource over the jobs that ended, in HTCondor's units.

    Shares are of those jobs.
    """

    resource: str
    jobs: int
    median_request: float
    median_use: float
    over: float
    under_half: float


@dataclass(frozen=True, slots=True)
class Place:
    """A damaged part of a log."""

    path: str
    offset: int
    length: int
    why: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """One of the slowest transfers."""

    job: str
    direction: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Summary:
    """The summary of some logs.

    `sampled` names the parts for which only the bodies of `SAMPLE` evenly spread events were read.

    Attributes
    ----------
    access_points, unnamed
        Those that a submit event names, and the number of others.
    good_s, bad_s
        Wall time on machines, in seconds: of runs that exited with 0, and of all others.
    own_runs, own_s
        Runs on the access point itself (DAGMan's own jobs), and their wall time. No other figure of runs includes them.
    losses, disconnects
        Wall time of unsuccessful runs by how they ended; the number of disconnects of running jobs.
    hosts, sites, users
        Tolls of all runs, the worst first; users only where job-ad events name them.
    repeated
        Number of events that another of the logs has too; `events` counts each once.
    unknown
        Numbers of events that are newer than this version; they only count in `events` and `by_event`.
    yearless
        Number of files whose stamps have no year. It is inferred from their modification time.
    """

    files: int
    access_points: tuple[str, ...]
    unnamed: int
    events: int
    damaged: int
    torn_tails: int
    jobs: int
    first: float | None
    last: float | None
    by_event: dict[str, int]
    by_state: dict[str, int]
    good_s: float
    bad_s: float
    own_runs: int
    own_s: float
    holds: tuple[HoldGroup, ...]
    requests: tuple[Request, ...]
    transfers: tuple[Transfer, ...]
    hosts: tuple[Toll, ...]
    sites: tuple[Toll, ...]
    users: tuple[Toll, ...]
    losses: tuple[Loss, ...]
    disconnects: int
    repeated: int
    unknown: tuple[int, ...]
    yearless: int
    damage: tuple[Place, ...]
    sampled: tuple[str, ...]


def summarise(events: Events) -> Summary:
    """Return the summary of all events."""
    repeated = repeats(events)
    if repeated.any():
        events = events.take(~repeated)
    history = group_by_job(events, [*STATE_EVENTS, Event.FILE_TRANSFER])
    last = history.state[history.starts[1:] - 1]
    runs = history.runs()
    holds = history.holds()
    ends = ends_of(runs, holds)
    starts = places_of_starts(history.events, runs.row)
    own = at_home(history, runs, starts)
    whose, users = owners(events, history.events, history.starts[:-1])
    names = _named(events)
    parts = {
        "reasons": holds.row,
        "requests": np.flatnonzero(history.events.code == Event.JOB_TERMINATED),
    }
    codes, counts = np.unique(events.code, return_counts=True)
    return Summary(
        files=len(events.files),
        access_points=names,
        unnamed=int(np.count_nonzero(np.bincount(events.access_point))) - len(names),
        events=len(events),
        damaged=len(events.damage),
        torn_tails=sum(file.tail is not None for file in events.files),
        jobs=len(history),
        first=float(events.time.min()) if len(events) else None,
        last=float(events.time.max()) if len(events) else None,
        by_event={event_name(code): int(count) for code, count in zip(codes, counts, strict=True)},
        by_state={state.name.lower(): int(np.sum(last == state)) for state in State},
        good_s=float(ends.seconds[runs.good & ~own].sum()),
        bad_s=float(ends.seconds[~runs.good & ~own].sum()),
        own_runs=int(own.sum()),
        own_s=float(ends.seconds[own].sum()),
        holds=_hold_groups(history, holds),
        requests=_requests(history, parts["requests"]),
        transfers=_slowest(history),
        hosts=tolls(starts.host, starts.hosts, ends, ~own),
        sites=tolls(starts.site, starts.sites, ends, ~own),
        users=tolls(whose[runs.job], users, ends, ~own),
        losses=losses(runs, ends, ~own),
        disconnects=int(np.sum(events.code == Event.JOB_DISCONNECTED)),
        repeated=int(repeated.sum()),
        unknown=tuple(int(code) for code in codes if not is_known(int(code))),
        yearless=_yearless(events),
        damage=tuple(_place(events, one) for one in events.damage[:DAMAGES]),
        sampled=tuple(name for name, rows in parts.items() if len(rows) > SAMPLE),
    )


def _spread(rows: NDArray[Any], most: int) -> NDArray[Any]:
    """Return at most `most` of the rows, evenly spread."""
    places = np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(np.int64)
    return rows[np.unique(places)]


def _hold_groups(history: JobHistories, holds: HoldCycles) -> tuple[HoldGroup, ...]:
    if not len(holds.row):
        return ()
    pairs, which = np.unique([holds.code, holds.subcode], axis=1, return_inverse=True)
    order = np.argsort(which.reshape(-1), kind="stable")
    kinds = np.split(order, np.cumsum(np.bincount(which.reshape(-1)))[:-1])
    read = [_spread(kind, max(SAMPLE * len(kind) // len(order), RARE)) for kind in kinds]
    bodies = iter(read_bodies(history.events, holds.row[np.concatenate(read)]))
    found: list[HoldGroup] = []
    for pair, kind, places in zip(pairs.T.tolist(), kinds, read, strict=True):
        found += _groups_of_kind(
            (pair[0], pair[1]), kind, places, list(islice(bodies, len(places))), holds
        )
    return tuple(sorted(found, key=lambda group: -group.holds))


def _groups_of_kind(
    pair: tuple[int, int],
    kind: NDArray[np.int64],
    read: NDArray[np.int64],
    bodies: list[Body],
    holds: HoldCycles,
) -> list[HoldGroup]:
    """Split the holds of one code and sub-code by reason template, from a sample of bodies."""
    reasons = [str(body.get("HoldReason", "")) for body in bodies]
    template_of = masks(reasons)
    groups: dict[str, list[int]] = defaultdict(list)
    for number, reason in enumerate(reasons):
        groups[template_of[reason]].append(number)
    totals = _apportion(len(kind), [len(numbers) for numbers in groups.values()])
    found = []
    for (template, numbers), total in zip(groups.items(), totals, strict=True):
        places = read[numbers] if len(groups) > 1 else kind  # a single template: all are known
        found.append(_hold_group((*pair, template), places, holds, reasons[numbers[0]], total))
    return found


def _apportion(total: int, parts: list[int]) -> list[int]:
    """Split a total into whole numbers in the given proportions."""
    ends = np.cumsum(parts) * total / sum(parts)
    whole: list[int] = np.diff(np.round(ends).astype(np.int64), prepend=0).tolist()
    return whole


def _hold_group(
    key: tuple[int, int, str],
    places: NDArray[np.int64],
    holds: HoldCycles,
    reason: str,
    total: int,
) -> HoldGroup:
    code, subcode, template = key
    times = np.sort(holds.start[places])
    lengths = np.maximum((holds.end - holds.start)[places], 0.0)
    ended = lengths[~np.isnan(lengths)]
    rule = explain(code, subcode, reason)
    return HoldGroup(
        code=code,
        subcode=subcode,
        name=hold_name(code),
        template=template,
        holds=total,
        jobs=round(len(np.unique(holds.job[places])) * total / len(places)),
        bursts=1 + int(np.sum(np.diff(times) > BURST_S)),
        released=float(np.mean(holds.end_code[places] == Event.JOB_RELEASED)),
        removed=float(np.mean(holds.end_code[places] == Event.JOB_ABORTED)),
        median_s=float(np.median(ended)) if len(ended) else None,
        cause=rule.cause,
        origin=rule.origin,
    )


def _requests(history: JobHistories, rows: NDArray[np.int64]) -> tuple[Request, ...]:
    bodies = read_bodies(history.events, _spread(rows, SAMPLE))
    found = (_request(resource, bodies) for resource in RESOURCES)
    return tuple(each for each in found if each)


def _request(resource: str, bodies: list[Body]) -> Request | None:
    names = (f"Request{resource}", f"{resource}Usage")
    pairs = [tuple(body.get(name) for name in names) for body in bodies]
    known = [pair for pair in pairs if all(isinstance(value, int | float) for value in pair)]
    if not known:
        return None
    request, use = np.array(known, np.float64).T
    return Request(
        resource=resource,
        jobs=len(known),
        median_request=float(np.median(request)),
        median_use=float(np.median(use)),
        over=float(np.mean(use > request)),
        under_half=float(np.mean(use < request / 2)),
    )


def _slowest(history: JobHistories, count: int = 10) -> tuple[Transfer, ...]:
    transfers = history.transfers()
    order = np.argsort(-transfers.seconds, kind="stable")[:count].tolist()
    return tuple(
        Transfer(
            history.name(int(transfers.job[place])),
            "output" if transfers.output[place] else "input",
            float(transfers.seconds[place]),
        )
        for place in order
    )


def _named(events: Events) -> tuple[str, ...]:
    """Return the access points that submit events name.

    The others are named by the paths of their logs.
    """
    unnamed = unnamed_points(events)
    return tuple(name for name in events.access_points if name and name not in unnamed)


def _yearless(events: Events) -> int:
    """Count the files whose stamps have no year and that have no header with a date."""
    files, first = np.unique(events.file, return_index=True)
    undated = [row for file, row in zip(files, first, strict=True) if not events.files[file].header]
    return sum(_MONTH_FIRST.match(record) is not None for record in read_records(events, undated))


def _place(events: Events, damage: Damage) -> Place:
    path = str(events.files[damage.file].path)
    return Place(path, damage.offset, damage.length, damage.why)
