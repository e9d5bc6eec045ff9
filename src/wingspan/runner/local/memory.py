"""How much memory the processes of a job hold beyond that of their template, from ``/proc``.

There are two gauges. The quick one takes microseconds but counts pages that several processes share for each of them.
The exact one walks page tables, which takes milliseconds, and counts each page once. So the exact one is read rarely,
and always before a process is killed.
"""

import time
from collections.abc import Mapping
from pathlib import Path

_QUICK = frozenset({b"RssAnon:", b"RssShmem:", b"VmSwap:"})
_PRIVATE = (b"Private_Dirty:", b"Private_Hugetlb:")
_FIRST_EXACT_S = 1.0
_EXACT_SHARE = 0.01  # share of a core for exact readings of all jobs, except those that cannot wait
_DOUBT_MB, _DOUBT_FACTOR = (
    8.0,
    1.1,
)  # growth of several processes beyond which the quick gauge is not trusted


class Gauge:
    """Watches the memory of one job: a process forked from a template, and all its descendants."""

    def __init__(self, pid: int, template: int) -> None:
        self._pid = pid
        self._template = template
        self.file_mb = 0.0  # peak of the files that the first process maps
        self._exact_mb = 0.0
        self._quick_mb = _quick_mb(_status(template))
        self._exact_at = time.monotonic() + _FIRST_EXACT_S

    def read(self, limit_mb: float, jobs: int) -> float:
        """Return the MB held, exact if over the limit; 0 if no process is left.

        `jobs` is the number of all watched jobs.
        """
        pids = tree(self._pid)
        seen = [_status(pid) for pid in pids]
        quick_mb = sum(map(_quick_mb, seen))
        self.file_mb = max(
            [self.file_mb, *(values.get(b"RssFile:", 0) / 1024 for values in seen[:1])]
        )
        about_mb = max(0.0, self._exact_mb + quick_mb - self._quick_mb) if pids else 0.0
        doubtful = len(pids) > 1 and about_mb > _DOUBT_FACTOR * self._exact_mb + _DOUBT_MB
        began = time.monotonic()
        if about_mb <= limit_mb and not doubtful and began < self._exact_at:
            return about_mb
        self._exact_mb, self._quick_mb = held_mb(pids, self._template), quick_mb
        ended = time.monotonic()
        self._exact_at = ended + max(_FIRST_EXACT_S, (ended - began) * jobs / _EXACT_SHARE)
        return self._exact_mb


def tree(pid: int) -> list[int]:
    """Return a process and its living descendants, with the children of all their threads."""
    found = []
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        try:
            children = b" ".join(
                (task / "children").read_bytes() for task in Path(f"/proc/{one}/task").iterdir()
            )
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        found.append(one)
        waiting += map(int, children.split())
    return found


def held_mb(pids: list[int], template: int) -> float:
    """Return the MB that processes forked from a template hold themselves.

    Pages of one process count whole, and shared pages by their part (proportional set size). The template's own part is
    left out; it is that of a process that shares all of it. Unchanged pages of files do not count, as the system takes
    them back when it needs them.
    """
    _, given = _parts(template)
    total = 0
    for pid in pids:
        private, shared = _parts(pid)
        total += private + max(0, shared - given)
    return total / 1024


def _parts(pid: int) -> tuple[int, int]:
    """Return kB of a process's own pages, and its part of shared and swapped pages."""
    values = _values(f"/proc/{pid}/smaps_rollup")
    shared = max(0, values.get(b"Pss_Dirty:", 0) - values.get(b"Private_Dirty:", 0))
    return sum(values.get(name, 0) for name in _PRIVATE), shared + values.get(b"SwapPss:", 0)


def session(leader: int) -> list[int]:
    """Return all processes of a session."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            if int(fields[3]) == leader and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def _status(pid: int) -> dict[bytes, int]:
    return _values(f"/proc/{pid}/status")


def _quick_mb(values: Mapping[bytes, int]) -> float:
    return sum(values.get(name, 0) for name in _QUICK) / 1024


def _values(path: str) -> dict[bytes, int]:
    """Return the fields of a file of ``/proc`` that are in kB; empty if the process is gone."""
    try:
        lines = Path(path).read_bytes().splitlines()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return {}
    words = (line.split() for line in lines)
    return {word[0]: int(word[1]) for word in words if len(word) == 3 and word[2] == b"kB"}
