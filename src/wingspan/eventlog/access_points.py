"""Whose jobs a log tells of: cluster ids count from 1 on every access point, so each row gets its own."""

import re
from collections.abc import Iterable, Mapping
from html import unescape
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wingspan.eventlog.codes import EventNumber
from wingspan.eventlog.events import LogFile
from wingspan.eventlog.sources import read_ranges

_CHUNK: Final = 1 << 19
_TABLE: Final = 1 << 25  # cluster ids below this are looked up in a table
_ROTATION: Final = re.compile(r"\.(?:old|\d+)$")


def identity(submit_host: str) -> str:
    """Return what names an access point in a submit host ``<IP:PORT?..&alias=HOST&..>``: the alias, else the IP."""
    if alias := re.search(r"[?&]alias=([^&?>\s]*)", submit_host):
        return alias[1]
    bare = re.split(r"[?&>\s]", submit_host.lstrip("<"), maxsplit=1)[0]
    return re.sub(r":\d*$", "", bare) if not bare.endswith("]") else bare


def family_of(path: Path) -> str:
    """Return what all rotations of one log have in common: its path without ``.old`` or ``.N``."""
    return str(path.with_name(_ROTATION.sub("", path.name)))


def number(name: str) -> int:
    """Return the number that the scanner gives an access point: FNV-1a of its name, without the lowest bit."""
    state = 14695981039346656037
    for byte in name.encode():
        state = (state ^ byte) * 1099511628211 & 0xFFFFFFFFFFFFFFFF
    return state >> 1


def name_access_points(
    files: tuple[LogFile, ...],
    file: NDArray[np.int32],
    columns: dict[str, NDArray[Any]],
    known: Mapping[str, str],
) -> tuple[tuple[str, ...], NDArray[np.int16]]:
    """Return the names of the access points, and each row's index into them.

    A row belongs to the access point that submitted its job in the same file; a file without submit events to that
    of its other rotations, and if they tell none either, to one named by the log's own path.
    """
    submits = np.flatnonzero(
        np.isin(columns["code"], (EventNumber.SUBMIT, EventNumber.CLUSTER_SUBMIT))
    )
    numbers, first, which = np.unique(
        columns["value"][submits], return_index=True, return_inverse=True
    )
    names = [_name(files, file, columns, int(submits[row])) for row in first]
    which = which.reshape(-1)
    seen = np.unique(file[submits].astype(np.int64) * len(numbers) + which)
    pairs = np.stack([seen // max(len(numbers), 1), seen % max(len(numbers), 1)])
    of_file, names = _by_file(files, names, pairs.T.tolist(), known)
    access_point = np.array(of_file, np.int16)[file]
    mixed, counts = np.unique(pairs[0], return_counts=True)
    for index in mixed[counts > 1]:
        low, high = np.searchsorted(file, [index, index + 1])
        inside = slice(*np.searchsorted(submits, [low, high]))
        rows = slice(low, high)
        access_point[rows] = _by_job(
            columns["cluster"][rows], columns["proc"][rows], submits[inside] - low, which[inside]
        )
    return tuple(names), access_point


def _by_file(
    files: tuple[LogFile, ...],
    names: list[str],
    pairs: Iterable[list[int]],
    known_names: Mapping[str, str],
) -> tuple[list[int], list[str]]:
    """Return each file's access point; logs that tell none are given names, added to `names`."""
    names = list(names)
    told: dict[int, int] = {}
    for index, which in pairs:
        told.setdefault(index, which)
    families = [family_of(file.path) for file in files]
    known = {families[index]: which for index, which in told.items()}
    of_file = []
    for index, family in enumerate(families):
        if index not in told and family not in known:
            name = known_names.get(family, family)
            known[family] = names.index(name) if name in names else len(names)
            names += [name] if name not in names else []
        of_file.append(told.get(index, known[family]))
    return of_file, names


def _by_job(
    cluster: NDArray[np.int32],
    proc: NDArray[np.int32],
    submits: NDArray[np.int64],
    which: NDArray[np.int64],
) -> NDArray[np.int16]:
    """Give each row of one file the access point of its job's last submit event, else of the last one before it.

    Most clusters were submitted by one access point: a table tells them. Rows of the others look for their own.
    """
    marks = np.zeros(len(cluster), np.int32)
    marks[submits] = 1
    near = np.maximum(np.cumsum(marks, dtype=np.int32) - 1, 0)
    found = which.astype(np.int16)[near]
    ids, first, place = np.unique(cluster[submits], return_index=True, return_inverse=True)
    several = np.zeros(len(ids), bool)
    several[place.reshape(-1)[which != which[first][place.reshape(-1)]]] = True
    row_place = _places(ids, cluster)
    known = row_place >= 0
    found[known] = which[first].astype(np.int16)[row_place[known]]
    shared = np.flatnonzero(known & several[row_place])
    keys = _job_keys(cluster, proc, submits)
    order = np.lexsort((submits, keys))
    for start in range(0, len(shared), _CHUNK):
        rows = shared[start : start + _CHUNK]
        own = _last_own(keys[order], submits[order], _job_keys(cluster, proc, rows), rows)
        found[rows] = which[np.where(own >= 0, order[own], near[rows])]
    return found


def _places(ids: NDArray[np.int32], cluster: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return each cluster's place among the sorted ids, -1 where it is not one of them."""
    if int(cluster.max()) < _TABLE and int(ids[0]) >= 0:
        table = np.full(int(cluster.max()) + 1, -1, np.int32)
        table[ids] = np.arange(len(ids), dtype=np.int32)
        return np.where(cluster >= 0, table[cluster], -1)
    place = np.searchsorted(ids, cluster).clip(0, len(ids) - 1).astype(np.int32)
    return np.where(ids[place] == cluster, place, -1)


def _job_keys(
    cluster: NDArray[np.int32], proc: NDArray[np.int32], rows: NDArray[np.int64]
) -> NDArray[np.int64]:
    return (cluster[rows].astype(np.int64) << 32) + proc[rows]


def _last_own(
    keys: NDArray[np.int64],
    places: NDArray[np.int64],
    wanted: NDArray[np.int64],
    rows: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Return the last of the sorted (key, place) that has a row's key and is not behind it; -1 when there is none."""
    jobs, number = np.unique(keys, return_inverse=True)
    job = np.searchsorted(jobs, wanted).clip(0, len(jobs) - 1)
    span = int(max(places[-1], rows[-1])) + 1
    own = np.searchsorted(number.reshape(-1) * span + places, job * span + rows, "right") - 1
    good = (own >= 0) & (jobs[job] == wanted) & (keys[np.maximum(own, 0)] == wanted)
    return np.where(good, own, -1)


def _name(
    files: tuple[LogFile, ...], file: NDArray[np.int32], columns: dict[str, NDArray[Any]], row: int
) -> str:
    extent = (int(columns["offset"][row]), int(columns["length"][row]))
    [record] = read_ranges(files[file[row]].path, [extent])
    text = unescape(record.decode(errors="replace"))
    host = re.search(r"from host: ([^\r\n]*)|SubmitHost\W+(?:<s>)?([^\"\r\n]*)", text)
    return identity(host[1] or host[2] or "") if host else ""
