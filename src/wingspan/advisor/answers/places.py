"""Find where holds happened and where tries ran: host and region, from events and reasons."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.holds.timeline import Timeline

_SLOT: Final = re.compile(r"\bslot[\w.]*@(?:[^\s@:]+@)?([A-Za-z0-9][\w.-]*[A-Za-z0-9])")


@dataclass(frozen=True, slots=True)
class Places:
    """Numbers of hosts and regions by rows of the timeline; -1 if unknown: int64.

    A region is a host's domain, or the site in the log if hosts have no domain. The host of a job that was held before
    its start is only in the reason.
    """

    host: NDArray[np.int64]
    region: NDArray[np.int64]


def places_of(timeline: Timeline, rows: NDArray[Any], reasons: Sequence[str]) -> Places:
    """Return the places of all rows, and of the holds at some rows by their reasons."""
    hosts = {name: number for number, name in enumerate(timeline.hosts)}
    slots = [_SLOT.search(reason) for reason in reasons]
    named = np.array(
        [-1 if slot is None else hosts.setdefault(slot[1], len(hosts)) for slot in slots],
        np.int64,
    ).reshape(len(rows))
    regions: dict[str, int] = {}
    domain = np.array([_number(regions, name.partition(".")[2]) for name in hosts] or [-1])
    sites = np.array([_number(regions, name) for name in timeline.sites] or [-1])
    host = timeline.host.astype(np.int64)
    host[rows] = np.where(named >= 0, named, host[rows])
    region = _of(domain, host)
    return Places(host, np.where(region < 0, _of(sites, timeline.site), region))


def _number(regions: dict[str, int], name: str) -> int:
    return regions.setdefault(name, len(regions)) if name else -1


def _of(numbers: NDArray[Any], index: NDArray[Any]) -> NDArray[np.int64]:
    found: NDArray[np.int64] = np.where(index < 0, -1, numbers[np.maximum(index, 0)])
    return found
