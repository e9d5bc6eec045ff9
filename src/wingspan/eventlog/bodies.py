"""Read the attributes of chosen events, under the names that HTCondor's own reader uses."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wingspan.eventlog.body import Body, parse_body
from wingspan.eventlog.events import Events
from wingspan.eventlog.sources import read_ranges

Rows: TypeAlias = Sequence[int] | NDArray[Any]


def read_records(events: Events, rows: Rows) -> list[bytes]:
    """Return the records' own bytes, in the order of the rows."""
    wanted = np.asarray(rows, np.int64)
    kept = events.kept
    if kept is None:
        return _from_files(events, wanted)
    keys = list(zip(events.file[wanted].tolist(), events.offset[wanted].tolist(), strict=True))
    known = [kept.get(key) for key in keys]
    missing = [place for place, record in enumerate(known) if record is None]
    for place, record in zip(missing, _from_files(events, wanted[missing]), strict=True):
        known[place] = record
        kept.keep(keys[place], record)
    return [record or b"" for record in known]


def _from_files(events: Events, wanted: NDArray[np.int64]) -> list[bytes]:
    order = np.lexsort((events.offset[wanted], events.file[wanted]))
    ordered = wanted[order]
    found: list[bytes] = [b""] * len(wanted)
    file = events.file[ordered]
    for start, stop in _runs(file):
        part = ordered[start:stop]
        extents = zip(events.offset[part].tolist(), events.length[part].tolist(), strict=True)
        contents = read_ranges(events.files[file[start]].source, extents)
        for place, content in zip(order[start:stop].tolist(), contents, strict=True):
            found[place] = content
    return found


def read_bodies(events: Events, rows: Rows) -> list[Body]:
    """Return the attributes of the rows' events, without those that are columns of `Events`.

    The names and values are those of ``htcondor2.JobEventLog``: e.g. HoldReason, ExecuteHost, SlotName, ExecuteProps,
    MemoryUsage, RequestMemory, Memory (allocated), SentBytes, and all attributes of a job-ad event (028).
    """
    codes = events.code[np.asarray(rows, np.int64)].tolist()
    records = read_records(events, rows)
    return [parse_body(code, record) for code, record in zip(codes, records, strict=True)]


def _runs(values: NDArray[Any]) -> Iterable[tuple[int, int]]:
    bounds = np.flatnonzero(np.diff(values, prepend=-1, append=-1))
    return zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)


def node_of(body: Body) -> str:
    """Return the DAG node of a submission or POST script, from its body; empty if it has none."""
    notes = body.get("StructuredNotes")
    named = notes.get("DAGNodeName") if isinstance(notes, Mapping) else body.get("DAGNodeName")
    if named is None:
        label, _, named = str(body.get("LogNotes", "")).partition("DAG Node: ")
        return "" if label else named.strip()
    return str(named)


def exit_of(body: Body) -> str:
    """Return how a job's process ended, such as ``exit 3`` or ``signal 9``."""
    if "TerminatedBySignal" in body:
        return f"signal {body['TerminatedBySignal']}"
    return f"exit {body.get('ReturnValue', '?')}"
