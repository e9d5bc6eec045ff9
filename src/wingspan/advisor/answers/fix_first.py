"""What the log measured -> the request that would have fitted, as a ready `condor_qedit` line."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from wingspan.advisor.holds.timeline import Timeline
from wingspan.eventlog.bodies import read_bodies
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.rules import Rule

_UNITS: Final = {"k": 1, "m": 1 << 10, "g": 1 << 20, "t": 1 << 30}  # in KB
_AMOUNT: Final = re.compile(
    r"(\d+(?:\.\d+)?) ?([kmgt])(?:i?b\b|ilobytes?|egabytes?|igabytes?|erabytes?)", re.IGNORECASE
)
_MATES: Final = 200  # cluster-mates whose ends are read
_OVER_OWN: Final = 1.5  # a job stopped at its limit needed more than was measured
_OVER_MATES: Final = 1.2  # a mate that ended well is measured whole


@dataclass(frozen=True, slots=True)
class Resource:
    """A request that can be too small; `step` rounds it up, in its own `unit` of `in_kb` KB."""

    attribute: str
    unit: str
    in_kb: int
    step: int
    usages: tuple[str, ...]


MEMORY: Final = Resource("RequestMemory", "MB", 1 << 10, 128, ("MemoryUsage",))
DISK: Final = Resource("RequestDisk", "KB", 1, 1 << 20, ("DiskUsage",))


@dataclass(frozen=True, slots=True)
class Measured:
    """How much was used and requested, in the resource's unit; 0 where nothing tells.

    Attributes
    ----------
    own
        The job's peak.
    request
        The largest request known of the job or its mates.
    mates, mates_count
        The largest peak of cluster-mates that ended with 0, and how many of them were measured.
    """

    own: int = 0
    request: int = 0
    mates: int = 0
    mates_count: int = 0


@dataclass(frozen=True, slots=True)
class Fix:
    """A request that would have fitted, the line that sets it, and what it was computed from."""

    command: str
    evidence: str


def resource_of(rule: Rule) -> Resource | None:
    """Return which request the rule's fix raises."""
    return next((one for one in (MEMORY, DISK) if one.attribute in rule.fix), None)


def measure(timeline: Timeline, row: int, upto: int, resource: Resource) -> Measured:
    """Read what the job of a hold, and its cluster-mates, had used by the row `upto`."""
    job, cluster = timeline.job[row], timeline.cluster[row]
    rows = np.flatnonzero(timeline.cluster[:upto] == cluster)
    code = timeline.events.code[rows]
    ends = rows[np.isin(code, (Event.JOB_TERMINATED, Event.JOB_EVICTED))]
    ends = np.concatenate(
        [ends[timeline.job[ends] == job], ends[timeline.job[ends] != job][-_MATES:]]
    )
    sizes = rows[(code == Event.IMAGE_SIZE) & (timeline.job[rows] == job)]
    own, request, mates = _image_sizes(timeline, sizes, resource), 0, []
    for end, body in zip(ends.tolist(), read_bodies(timeline.events, ends), strict=True):
        used = _used(body, resource)
        request = max(request, _number(body.get(resource.attribute)))
        if timeline.job[end] == job:
            own = max(own, used)
        elif used and body.get("ReturnValue") == 0:
            mates.append(used)
    return Measured(own, request, max(mates, default=0), len(mates))


def measured_in_ad(ad: Mapping[str, Any], resource: Resource) -> Measured:
    """Return what a queued job's ad tells."""
    return Measured(_used(ad, resource), _number(ad.get(resource.attribute)))


def _image_sizes(timeline: Timeline, rows: Any, resource: Resource) -> int:  # noqa: ANN401 - rows
    """Return the job's peak by its image-size events: of memory alone, disk is not in them."""
    if resource is not MEMORY or not len(rows):
        return 0
    peak = int(timeline.events.memory_mb[rows].max())
    sizes = [
        _number(body.get("ResidentSetSize")) for body in read_bodies(timeline.events, rows[-1:])
    ]
    return max(peak, *(-(-size // 1024) for size in sizes), 0)


def _used(body: Mapping[str, Any], resource: Resource) -> int:
    used = max(_number(body.get(name)) for name in resource.usages)
    if resource is MEMORY:
        used = max(used, -(-_number(body.get("ResidentSetSize")) // 1024))
    return used


def _number(value: object) -> int:
    return int(value) if isinstance(value, int | float) and value == value else 0  # noqa: PLR0124


def compute(job: str, resource: Resource, measured: Measured, reason: str) -> Fix | None:
    """Return the request that would have fitted; None where nothing was measured.

    Parameters
    ----------
    reason
        The hold's text: the amounts in it are of use or limit, and the job needed at least those.
    """
    amounts = [float(number) * _UNITS[unit.lower()] for number, unit in _AMOUNT.findall(reason)]
    said = int(max(amounts, default=0.0) / resource.in_kb)
    least = max(measured.own, measured.request, said)
    if not least:
        return None
    need, why = least * _OVER_OWN, f"{_OVER_OWN} x {least} {resource.unit}"
    if measured.mates * _OVER_MATES > need:
        need, why = (
            measured.mates * _OVER_MATES,
            f"{_OVER_MATES} x {measured.mates} {resource.unit}",
        )
    amount = int(-(-need // resource.step) * resource.step)
    told = {
        "measured peak": measured.own,
        "request": measured.request,
        "in the reason": said,
        f"peak of {measured.mates_count} cluster-mates that ended well": measured.mates,
    }
    facts = ", ".join(f"{name} {number} {resource.unit}" for name, number in told.items() if number)
    command = f"condor_qedit {job} {resource.attribute} {amount}"
    return Fix(command, f"{resource.attribute} {amount} {resource.unit} = {why}; {facts}")
