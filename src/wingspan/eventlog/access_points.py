"""Find the access point of each row: cluster ids are unique only within one access point."""

import re
from collections.abc import Iterable, Mapping
from html import unescape
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wingspan.eventlog.codes import EventNumber
from wingspan.eventlog.events import LogFile
from wingspan.eventlog.kernel import assign_owners
from wingspan.eventlog.rotations import family_of
from wingspan.eventlog.sources import read_ranges

_CHUNK: Final = 1 << 16  # rows
_DAEMON: Final = (re.compile(r"^<[^>?]*:(\d+)"), re.compile(r"[?&]sock=(schedd|[^&>]*)"))


def identity(submit_host: str) -> str:
    """Return the name of the access point in a submit host: its alias, else its IP.

    A submit host reads ``<IP:PORT?..&alias=HOST&..>``.
    """
    if alias := re.search(r"[?&]alias=([^&?>\s]*)", submit_host):
        return alias[1]
    bare = re.split(r"[?&>\s]", submit_host.lstrip("<"), maxsplit=1)[0]
    return re.sub(r":\d*$", "", bare) if not bare.endswith("]") else bare


def runs_at_home(submit_host: str, execute_host: str) -> bool:
    """Return whether a job runs on its access point itself, without a slot, as DAGMan does.

    The hosts are one daemon's: of the same access point and, as a machine may have slots too, the same port and socket.
    """
    daemons = [
        (identity(host), *(found[1] if (found := part.search(host)) else "" for part in _DAEMON))
        for host in (submit_host, execute_host)
    ]
    return bool(submit_host) and daemons[0] == daemons[1]


def number(name: str) -> int:
    """Return the scanner's number for an access point: FNV-1a of its name, without its last bit."""
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
    of its other rotations. If those name none either, the log's own path is the name.
    """
    submits = _submits(columns["code"])
    point, where = columns["value"][submits], file[submits]
    new = (np.diff(point, prepend=point[:1] ^ 1) != 0) | (np.diff(where, prepend=-1) != 0)
    runs = np.flatnonzero(new)  # few: logs are joined in long runs of one access point
    _, first, which_run = np.unique(point[runs], return_index=True, return_inverse=True)
    which_run = which_run.reshape(-1)
    which = np.repeat(which_run, np.diff(runs, append=len(point)))
    names = [_name(files, file, columns, int(submits[runs[run]])) for run in first]
    pairs = np.array(sorted(set(zip(where[runs].tolist(), which_run.tolist(), strict=True))))
    pairs = pairs.reshape(-1, 2).T
    of_file, names = _by_file(files, names, pairs.T.tolist(), known)
    rows_of = np.diff(np.searchsorted(file, np.arange(len(files) + 1, dtype=np.int32)))
    access_point = np.repeat(np.array(of_file, np.int16), rows_of)
    mixed, counts = np.unique(pairs[0], return_counts=True)
    for index in mixed[counts > 1]:
        low, high = np.searchsorted(file, np.array([index, index + 1], np.int32))  # its own kind
        inside, rows = slice(*np.searchsorted(submits, [low, high])), slice(low, high)
        owner = access_point[rows]
        owner[:] = -1
        owner[submits[inside] - low] = which[inside]
        assign_owners(
            columns["cluster"][rows], columns["proc"][rows], owner, int(which[inside.start])
        )
    return tuple(names), access_point


def _submits(code: NDArray[np.int16]) -> NDArray[np.int64]:
    """Return the rows of submit events.

    They are searched in chunks, so that temporary arrays stay in a core's cache.
    """
    found = [np.empty(0, np.int64)]
    for start in range(0, len(code), _CHUNK):
        part = code[start : start + _CHUNK]
        submit = (part == EventNumber.SUBMIT) | (part == EventNumber.CLUSTER_SUBMIT)
        found.append(start + np.flatnonzero(submit))
    return np.concatenate(found)


def _by_file(
    files: tuple[LogFile, ...],
    names: list[str],
    pairs: Iterable[list[int]],
    known_names: Mapping[str, str],
) -> tuple[list[int], list[str]]:
    """Return each file's access point; a log without one gets a name, which is added to `names`."""
    names = list(names)
    submitted: dict[int, int] = {}
    for index, which in pairs:
        submitted.setdefault(index, which)
    families = [family_of(file.path) for file in files]
    known = {families[index]: which for index, which in submitted.items()}
    of_file = []
    for index, family in enumerate(families):
        if index not in submitted and family not in known:
            name = known_names.get(family, family)
            known[family] = names.index(name) if name in names else len(names)
            names += [name] if name not in names else []
        of_file.append(submitted.get(index, known[family]))
    return of_file, names


def _name(
    files: tuple[LogFile, ...], file: NDArray[np.int32], columns: dict[str, NDArray[Any]], row: int
) -> str:
    extent = (int(columns["offset"][row]), int(columns["length"][row]))
    [record] = read_ranges(files[file[row]].source, [extent])
    text = unescape(record.decode(errors="replace"))
    host = re.search(r"from host: ([^\r\n]*)|SubmitHost\W+(?:<s>)?([^\"\r\n]*)", text)
    return identity(host[1] or host[2] or "") if host else ""
