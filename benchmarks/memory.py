"""Measure the memory of all that a benchmark starts."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

_SHARE = 0.04
"""Share of a core for looking: what is measured needs the cores itself, more so if it has many processes.

A peak that is shorter than the pause between two looks is missed, 0.05 s or more.
"""


def peak_during(action: Callable[[], None]) -> float:
    """Return the largest proportional memory, in MB, of all processes that descend from this one during an action."""
    peak, over = 0.0, threading.Event()

    def look() -> None:
        nonlocal peak
        pause = 0.05
        while not over.wait(pause):
            start = time.thread_time()
            peak = max(peak, sum(map(_pss_mb, _descendants(os.getpid()))))
            pause = max(0.05, (time.thread_time() - start) / _SHARE)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        action()
    finally:
        over.set()
        watcher.join()
    return peak


def _descendants(pid: int) -> list[int]:
    parents = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(entry.parent.name)] = int(entry.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def _pss_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
