"""Where jobs ran: host, slot and site, as the execute events (001) say it."""

import re
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wingspan.eventlog.bodies import read_records
from wingspan.eventlog.body import Body, parse_body
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.events import Events

_SITES: Final = ("GLIDEIN_ResourceName", "GLIDEIN_Site", "Site", "PelicanSite")
_SLOT: Final = re.compile(rb"[^\n]*\n\tSlotName: [^\n]*@([^\n@\"\r]+)\r?\n")
_NAMES: Final = re.compile(rb"\n\t(?:GLIDEIN_|Pelican)?(?:Site|ResourceName) = [^\n]*")
_PART: Final = 1 << 16  # records that are read at once


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job ran; parts that the log does not tell are empty."""

    host: str
    slot: str
    site: str


def place_of(body: Body) -> Place:
    """Return host, slot and site of an execute event's body; the host is the slot's, else the address's name or IP."""
    slot = str(body.get("SlotName", ""))
    address = str(body.get("ExecuteHost", ""))
    alias = re.search(r"[?&]alias=([^&>]*)", address)
    bare = re.match(r"<?([^:?>]*)", address)
    host = slot.rpartition("@")[2] or (alias[1] if alias else bare[1] if bare else "")
    props = body.get("ExecuteProps") or {}
    sites = ("GLIDEIN_ResourceName", "GLIDEIN_Site", "Site", "PelicanSite")
    site = next((str(props[name]) for name in sites if props.get(name)), "")
    return Place(host, slot, site)


@dataclass(frozen=True, slots=True)
class Starts:
    """Hosts and sites of starts, as indices into their names; -1 where nothing says them: int32."""

    host: NDArray[np.int32]
    site: NDArray[np.int32]
    hosts: tuple[str, ...] = field(repr=False)
    sites: tuple[str, ...] = field(repr=False)


def places_of_starts(events: Events, rows: NDArray[Any]) -> Starts:
    """Read where the execute events at some rows say that jobs started."""
    hosts: dict[str, int] = {"": -1}
    sites: dict[str, int] = {"": -1}
    known: dict[bytes, tuple[int, int]] = {}
    found = np.empty((2, len(rows)), np.int32)
    for begin in range(0, len(rows), _PART):
        part = rows[begin : begin + _PART]
        for number, record in enumerate(read_records(events, part), begin):
            key = _telling(record)
            if key not in known:
                place = place_of(parse_body(Event.EXECUTE, record))
                known[key] = (
                    hosts.setdefault(place.host, len(hosts) - 1),
                    sites.setdefault(place.site, len(sites) - 1),
                )
            found[:, number] = known[key]
    return Starts(found[0], found[1], tuple(hosts)[1:], tuple(sites)[1:])


def _telling(record: bytes) -> bytes:
    """Return the part of a record that says where: records with the same one name the same host and site."""
    slot = _SLOT.match(record)
    if slot is None or record[:1] in {b"<", b"{"}:
        return record if record[:1] in {b"<", b"{"} else record.split(b" ", 4)[-1]
    return slot[1] + b"".join(_NAMES.findall(record))
