"""Read where jobs ran: host, slot and site, from execute events (001)."""

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
    sites = ("GLIDEIN_ResourceName", "GLIDEIN_Site", "Site", "PelicanSite")
    site = next((str(props[name]) for name in sites if props.get(name)), "")
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
    hosts: dict[str, int] = {"": -1}
    sites: dict[str, int] = {"": -1}
    known: dict[bytes, tuple[int, int, bool]] = {}
    found: list[tuple[int, int, bool]] = []
    for begin in range(0, len(rows), _PART):
        for record in read_records(events, rows[begin : begin + _PART]):
            key = _place_key(record)
            where = known.get(key)
            if where is None:
                place = place_of(parse_body(Event.EXECUTE, record))
                host = hosts.setdefault(place.host, len(hosts) - 1)
                site = sites.setdefault(place.site, len(sites) - 1)
                where = known[key] = (host, site, not place.slot)
            found.append(where)
    columns = np.array(found, np.int32).reshape(len(rows), 3).T
    names = tuple(hosts)[1:], tuple(sites)[1:]
    return Starts(columns[0], columns[1], columns[2] > 0, *names)


def _place_key(record: bytes) -> bytes:
    """Return the part of a record that names the place; equal parts mean equal host and site."""
    if record[:1] in {b"<", b"{"}:
        return record
    slot = _SLOT.match(record)
    where = b"@" + slot[1] if slot else machine_of(record) or record.split(b" ", 4)[-1]
    return where + b"".join(_NAMES.findall(record))


def machine_of(record: bytes) -> bytes:
    """Return the name, else the IP, of the first address in a record; nothing without one."""
    alias = _ALIAS.search(record)
    if alias is not None:
        return alias[1]
    address = _ADDRESS.search(record)
    return b"" if address is None else address[1]
