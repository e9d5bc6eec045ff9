"""Find out whether a process runs and what it started, and end it.

Reads /proc. A process that ended but has not been reaped counts as gone.
"""

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def _variables(pid: int) -> set[bytes]:
    """Return the ``NAME=value`` pairs with which a process started.

    There are none if the process is gone or another user's.
    """
    try:
        return set(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))
    except OSError:
        return set()


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def is_running(pid: int, variable: str = "") -> bool:
    """Return whether a process runs, and was started with ``NAME=value`` if that is given.

    A process id may be reused.
    """
    started_with = not variable or variable.encode() in _variables(pid)
    return started_with and not _is_zombie(pid)


def offspring(master_pid: int) -> dict[int, str]:
    """Return ids and names of all descendants of a condor_master, also after their parents' end.

    HTCondor puts ``_CONDOR_ANCESTOR_<pid>`` of every daemon above it into a process's environment.
    """
    mark = f"_CONDOR_ANCESTOR_{master_pid}=".encode()
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and any(v.startswith(mark) for v in _variables(int(entry.name))):
            with suppress(OSError):  # gone since
                found[int(entry.name)] = (entry / "comm").read_text().strip()
    return found


def end_processes(pids: Iterable[int], within_s: float = 5.0) -> None:
    """Kill processes and wait until they are gone."""
    waiting = set(pids)
    for pid in waiting:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + within_s
    while (
        waiting := {pid for pid in waiting if not _is_zombie(pid)}
    ) and time.monotonic() < deadline:
        time.sleep(0.02)
