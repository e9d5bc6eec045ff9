"""Read what earlier starts of a lane's job cost, and which machines they found bad."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from wingspan.runner.htcondor.execution_point.arrive import job_number

LEFT, DOUBTED = "left", "doubted"  # lines of a lane's file besides those of ended trials
_FIRST: Mapping[str, Any] = {"shadow": 1, "elapsed_s": 0.0, "call": "", "spent_s": 0.0, "lost": 0}


class Start(NamedTuple):
    """One start of a job, from the job's ad.

    Parameters
    ----------
    cluster
        The job's number in the queue; 0 outside HTCondor.
    shadow
        Number of the start; after a checkpoint the same machine goes on under the same number.
    wall_s
        Slot time of the starts before this one.
    ended
        How often the job has ended by itself before.
    """

    cluster: int = 0
    shadow: int = 1
    wall_s: float = 0.0
    ended: int = 0


class Before(NamedTuple):
    """What earlier starts left of the current trial, and the accounted slot time."""

    call: str
    spent_s: float
    lost: int
    elapsed_s: float


def this_start(sandbox: Path) -> Start:
    """Return which start of its job this is."""
    names = ("ClusterId", "NumShadowStarts", "RemoteWallClockTime", "NumJobCompletions")
    cluster, shadow, wall_s, ended = (job_number(sandbox, name) or 0 for name in names)
    return Start(int(cluster), max(int(shadow), 1), wall_s, int(ended))


def before(lines: Iterable[Mapping[str, Any]], start: Start) -> Before:
    """Return what earlier starts of the same job have left.

    The time of a lost start counts for the trial that was under way.
    """
    own = [line[LEFT] for line in lines if LEFT in line and line[LEFT]["cluster"] == start.cluster]
    left = own[-1] if own else _FIRST
    lost = max(start.shadow - left["shadow"] - left.get("over", 0), 0)
    lost_s = max(start.wall_s - left["elapsed_s"], 0.0) if lost else 0.0
    elapsed_s = max(left["elapsed_s"], start.wall_s)
    return Before(left["call"], left["spent_s"] + lost_s, left["lost"] + lost, elapsed_s)


def bad_hosts(lines: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the machines on which trials failed at once that went well elsewhere."""
    found = list(lines)
    state = {line["call"]: line["state"] for line in found if "call" in line}
    doubted = (line[DOUBTED] for line in found if DOUBTED in line)
    return {each["host"] for each in doubted if state.get(each["call"], "failed") != "failed"}


def may_doubt(lines: Iterable[Mapping[str, Any]], call: str) -> bool:
    """Return whether a trial that failed at once is to run again on another machine.

    It is not if it ran again before, or if the last trial that ran again failed again.
    """
    found = list(lines)
    doubted = [line[DOUBTED]["call"] for line in found if DOUBTED in line]
    if not doubted:
        return True
    state = {line["call"]: line["state"] for line in found if "call" in line}
    return call not in doubted and state.get(doubted[-1], "failed") != "failed"
