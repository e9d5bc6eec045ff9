"""Read where jobs ran: host, slot and site, from execute events (001)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wingspan.eventlog.bodies import read_records
from wingspan.eventlog.body import Body, parse_body
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.events import Events
from wingspan.eventlog.kernel import ABSENT

_SITES: Final = ("GLIDEIN_ResourceName", "GLIDEIN_Site", "Site", "PelicanSite")
_ADDRESS: Final = re.compile(rb"<(\[[^\]\n]*\]|[^>?:\n]*)")
_ALIAS: Final = re.compile(rb"[?&]alias=([^&>\n]*)")
_PART: Final = 1 << 16  # records that are read at once


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job ran; parts that the log does not name are empty."""

    host: str
    slot: str
    site: str


def place_of(body: Body) -> Place:
    """Return host, slot and site from an execute event's body.

    The host is the slot's, else the name or IP in the address.
    """
    slot = str(body.get("SlotName", ""))
    address = str(body.get("ExecuteHost", ""))
    alias = re.search(r"[?&]alias=([^&>]*)", address)
    bare = re.match(r"<?([^:?>]*)", address)
    host = slot.rpartition("@")[2] or (alias[1] if alias else bare[1] if bare else "")
    props = body.get("ExecuteProps") or {}
    site = next((str(props[name]) for name in _SITES if props.get(name)), "")
    return Place(host, slot, site)


@dataclass(frozen=True, slots=True)
class Starts:
    """Hosts and sites of starts, as indices into their names, int32; -1 where unknown.

    Attributes
    ----------
    bare
        Which of them name no slot.
    """

    host: NDArray[np.int32]
    site: NDArray[np.int32]
    bare: NDArray[np.bool_]
    hosts: tuple[str, ...] = field(repr=False)
    sites: tuple[str, ...] = field(repr=False)


def places_of_starts(events: Events, rows: NDArray[Any]) -> Starts:
    """Read the hosts and sites of the execute events at some rows."""
    read, place = _distinct(events, rows)
    hosts: dict[str, int] = {"": -1}
    sites: dict[str, int] = {"": -1}
    found: list[tuple[int, int, bool]] = []
    for record in _records(events, rows[read]):
        at = place_of(parse_body(Event.EXECUTE, record))
        host = hosts.setdefault(at.host, len(hosts) - 1)
        site = sites.setdefault(at.site, len(sites) - 1)
        found.append((host, site, not at.slot))
    columns = np.array(found, np.int32).reshape(len(read), 3)[place].T
    names = tuple(hosts)[1:], tuple(sites)[1:]
    return Starts(columns[0], columns[1], columns[2] > 0, *names)


def machines_of(events: Events, rows: NDArray[Any], names: dict[bytes, int]) -> NDArray[np.int64]:
    """Return the machines of submit events and of starts without a slot, as numbers.

    `names` gives each name its number, and grows.
    """
    read, place = _distinct(events, rows)
    found = [
        names.setdefault(machine_of(each), len(names)) for each in _records(events, rows[read])
    ]
    return np.array(found, np.int64)[place]


def _distinct(events: Events, rows: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which events to read, ascending, and for each event the read one that equals it.

    Equal events say the same of the place. The scanner numbers that (`Events.value`), but in the classic format alone:
    of other formats all events are read.
    """
    number = events.value[rows]
    _, first, which = np.unique(number, return_index=True, return_inverse=True)
    alone = np.flatnonzero(number == ABSENT)
    read = np.unique(np.concatenate([first, alone]))
    place = np.searchsorted(read, first)[which.reshape(-1)]
    place[alone] = np.searchsorted(read, alone)
    return read, place


def _records(events: Events, rows: NDArray[Any]) -> Iterator[bytes]:
    for begin in range(0, len(rows), _PART):
        yield from read_records(events, rows[begin : begin + _PART])


def machine_of(record: bytes) -> bytes:
    """Return the name, else the IP, of the first address in a record; nothing without one."""
    alias = _ALIAS.search(record)
    if alias is not None:
        return alias[1]
    address = _ADDRESS.search(record)
    return b"" if address is None else address[1]
