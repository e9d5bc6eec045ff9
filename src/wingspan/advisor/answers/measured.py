"""Read what held jobs and their cluster-mates used and requested, in one pass over the logs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.holds.prefix import mark
from wingspan.advisor.holds.timeline import Timeline
from wingspan.eventlog.bodies import read_bodies
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.rules import Kind

_MATES: Final = 200  # cluster-mates whose ends are read
_KB_A_MB: Final = 1 << 10


@dataclass(frozen=True, slots=True)
class Resource:
    """A request that can be too small.

    Attributes
    ----------
    unit, in_kb
        Its unit, which is `in_kb` KB; 0 if it does not count bytes.
    step
        The request is rounded up to a multiple of it.
    over_own, over_mates
        Factors for the need of a job: over its own use until it was stopped, and over that of a successful mate.
    """

    kind: Kind
    attribute: str
    usage: str
    unit: str
    in_kb: int
    step: int
    over_own: float
    over_mates: float


MEMORY: Final = Resource("memory", "RequestMemory", "MemoryUsage", "MB", _KB_A_MB, 128, 1.5, 1.2)
DISK: Final = Resource("disk", "RequestDisk", "DiskUsage", "KB", 1, 1 << 20, 1.5, 1.2)
CPUS: Final = Resource("cpu", "RequestCpus", "CpusUsage", "CPUs", 0, 1, 1.0, 1.0)
RESOURCES: Final = {one.kind: one for one in (MEMORY, DISK, CPUS)}


@dataclass(frozen=True, slots=True)
class Measured:
    """How much was used and requested, in the resource's unit; 0 if unknown.

    Attributes
    ----------
    own
        The job's peak.
    request
        The largest request known of the job or its mates.
    mates, mates_count
        The largest peak of cluster-mates that exited with 0, and their number.
    slot
        What the slot of its last start had, if no request is known; static slots have more than was requested.
    """

    own: int = 0
    request: int = 0
    mates: int = 0
    mates_count: int = 0
    slot: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about one hold: its row, the row up to which the logs are known, the resource."""

    row: int
    upto: int
    resource: Resource


def measure(timeline: Timeline, asked: Sequence[Asked]) -> list[Measured]:
    """Read what the jobs of some holds and their cluster-mates had used by then."""
    ends, sizes = _Ends(timeline, asked), _Sizes(timeline, asked)
    found = [ends.of(one, sizes.peak(one)) for one in asked]
    without = [number for number, one in enumerate(found) if one.own and not one.request]
    slots = _slots(timeline, [asked[number] for number in without])
    for number, slot in zip(without, slots, strict=True):
        found[number] = replace(found[number], slot=slot)
    return found


def _slots(timeline: Timeline, asked: Sequence[Asked]) -> list[int]:
    """Return what the slots of the jobs' last starts had; 0 if the log does not say."""
    starts = timeline.where(Event.EXECUTE)
    own = np.array([one.row for one in asked], np.int64)
    last = mark(starts, timeline.job[starts], len(timeline)).last(timeline.job[own], own)
    known = iter(read_bodies(timeline.events, last[last >= 0]))
    bodies = [next(known) if row >= 0 else {} for row in last.tolist()]
    return [
        _number(
            (body.get("ExecuteProps") or {}).get(one.resource.attribute.removeprefix("Request"))
        )
        for one, body in zip(asked, bodies, strict=True)
    ]


def measured_in_ad(ad: Mapping[str, Any], resource: Resource) -> Measured:
    """Return the measurements in a queued job's ad."""
    return Measured(_used(ad, resource), _number(ad.get(resource.attribute)))


class _Ends:
    """Ends of runs (005, 004) by cluster, with measurements where a question needs them."""

    def __init__(self, timeline: Timeline, asked: Sequence[Asked]) -> None:
        self._timeline = timeline
        rows = timeline.where(Event.JOB_TERMINATED, Event.JOB_EVICTED)
        rows = rows[np.argsort(timeline.cluster[rows], kind="stable")]
        self._rows, self._cluster = rows, timeline.cluster[rows]
        self._job = timeline.job[rows]
        self._by_job = np.argsort(self._job, kind="stable")
        self._jobs = self._job[self._by_job]
        chosen = [self._chosen(one) for one in asked]
        needed = np.unique(np.concatenate(chosen)) if chosen else np.zeros(0, np.int64)
        self._needed = needed.astype(np.int64)
        bodies = read_bodies(timeline.events, rows[self._needed])
        self._good = np.array([body.get("ReturnValue") == 0 for body in bodies], bool)
        kinds = {one.resource for one in asked}
        self._used = {kind: _column([_used(body, kind) for body in bodies]) for kind in kinds}
        self._request = {
            kind: _column([_number(body.get(kind.attribute)) for body in bodies]) for kind in kinds
        }

    def of(self, one: Asked, own: int) -> Measured:
        place = np.searchsorted(self._needed, self._chosen(one))
        used, request = self._used[one.resource][place], self._request[one.resource][place]
        mine = self._job[self._needed[place]] == self._timeline.job[one.row]
        good = ~mine & self._good[place] & (used > 0)
        return Measured(
            max(own, int(used[mine].max(initial=0))),
            int(request.max(initial=0)),
            int(used[good].max(initial=0)),
            int(good.sum()),
        )

    def _chosen(self, one: Asked) -> NDArray[np.int64]:
        """Return the places of the job's own ends and of its mates' last ones."""
        cluster, job = self._timeline.cluster[one.row], self._timeline.job[one.row]
        start, stop = np.searchsorted(self._cluster, (cluster, cluster + 1))
        stop = start + np.searchsorted(self._rows[start:stop], one.upto)
        mates = np.arange(max(start, stop - _MATES), stop)
        bounds = np.searchsorted(self._jobs, (job, job + 1))
        own = self._by_job[slice(*bounds)]
        return np.union1d(own[self._rows[own] < one.upto], mates)


class _Sizes:
    """Image sizes (006) of the jobs in question, in MB.

    They measure memory only, not disk.
    """

    def __init__(self, timeline: Timeline, asked: Sequence[Asked]) -> None:
        self._timeline = timeline
        rows = timeline.where(Event.IMAGE_SIZE)
        of_memory = [one for one in asked if one.resource is MEMORY]
        rows = rows[np.isin(timeline.job[rows], timeline.job[[one.row for one in of_memory]])]
        self._rows = rows[np.argsort(timeline.job[rows], kind="stable")]
        self._job = timeline.job[self._rows]
        last = [places[-1] for one in of_memory if len(places := self._places(one))]
        chosen = np.unique(np.array(last, np.int64))
        bodies = read_bodies(timeline.events, self._rows[chosen])
        self._memory = timeline.events.memory_mb[self._rows]
        resident = [-(-_number(body.get("ResidentSetSize")) // _KB_A_MB) for body in bodies]
        self._resident = dict(zip(chosen.tolist(), resident, strict=True))

    def peak(self, one: Asked) -> int:
        if one.resource is not MEMORY or not len(places := self._places(one)):
            return 0
        return max(int(self._memory[places].max()), int(self._resident[int(places[-1])]), 0)

    def _places(self, one: Asked) -> NDArray[np.int64]:
        job = self._timeline.job[one.row]
        start, stop = np.searchsorted(self._job, (job, job + 1))
        return np.arange(start, start + np.searchsorted(self._rows[start:stop], one.upto))


def _column(values: list[int]) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def _used(body: Mapping[str, Any], resource: Resource) -> int:
    used = _number(body.get(resource.usage))
    if resource is MEMORY:
        used = max(used, -(-_number(body.get("ResidentSetSize")) // _KB_A_MB))
    return used


def _number(value: object) -> int:
    """Return a number rounded up, or 0 if it is not a number."""
    return -int(-value // 1) if isinstance(value, int | float) and value == value else 0  # noqa: PLR0124
