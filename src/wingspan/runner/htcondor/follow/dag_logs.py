"""Read new events from a DAG's logs as changes of its nodes' jobs.

It takes no lock, knows no store and writes nothing, so that a look may read these files at any time.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from wingspan.eventlog.bodies import exit_of, node_of, read_bodies
from wingspan.eventlog.body import Body
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.events import Events
from wingspan.eventlog.job_state import CHANGE_OF, Change
from wingspan.eventlog.kernel import ABSENT
from wingspan.eventlog.positions import Position
from wingspan.eventlog.read_new import read_new
from wingspan.runner.htcondor.dag_folder import DagFolder, newest
from wingspan.runner.run_folder import RunFolder

DAGMAN: Final = ""  # the node of DAGMan's own job
_ONLY_JOBS_LOG: Final = (
    Event.JOB_DISCONNECTED,
    Event.JOB_RECONNECTED,
    Event.GENERIC,
)  # DAGMan skips these
_NODES: Final = tuple(code for code in CHANGE_OF if code not in _ONLY_JOBS_LOG)
_WITHOUT_BODY: Final = (  # all that is asked of these is in the columns
    Event.EXECUTE,
    Event.JOB_TERMINATED,
    Event.JOB_SUSPENDED,
    Event.JOB_UNSUSPENDED,
)
SAME_S: Final = 2.0  # at most, between two events that report the same
_LEFT: Final = (Change.ENDED, Change.REMOVED)
_ERROR: Final = re.compile(r"^[\d/:. ]*ERROR\b[: ]*(.*[^:\s])\s*$", re.MULTILINE)
_REFUSED: Final = re.compile(r"Failed to submit job (\S+): (?:SCHEDD:\d+:)?(.*\S)")


class NodeChange(NamedTuple):
    """What happened to the job of a node.

    Parameters
    ----------
    node
        Its name; `DAGMAN` of DAGMan's own job.
    at
        In seconds since 1970.
    event
        Number of the event that reports it.
    job
        Its id in the queue, ``CLUSTER.PROC``.
    reason, code, subcode
        Why it was held, evicted, released or removed, as far as the event has it; or what the job said.
    exit
        How its process ended, such as ``exit 3``; empty unless it did.
    host
        The slot whose machine was lost or found again.
    """

    node: str
    kind: Change
    at: float
    event: int = 0
    job: str = ""
    reason: str = ""
    code: int = 0
    subcode: int = 0
    exit: str = ""
    host: str = ""


class DagmanSays(NamedTuple):
    """What DAGMan logged: its last error, and why the access point refused nodes' jobs."""

    error: str
    refused: dict[str, str]


class DagLog:
    """The logs of one DAG, read on from where the last call ended."""

    def __init__(self, dag: DagFolder) -> None:
        self._dag = dag
        self._positions: dict[Path, Position] = {}
        self._sizes: dict[Path, int] = {}
        self._node_of: dict[int, str] = {}
        self._over = False  # DAGMan has left the queue, as its log says
        self.estranged = ""  # why its jobs send nothing here

    def of_nodes(self) -> list[NodeChange]:
        """Return what happened to the nodes' jobs since the last call.

        It is complete if DAGMan had left before the call.
        """
        if self.estranged:
            return []
        lost = list(self._read(self._dag.jobs_log, _ONLY_JOBS_LOG))
        nodes = list(self._read(self._dag.nodes_log, _NODES))
        lost = [change._replace(node=self._node_of.get(_cluster(change), "")) for change in lost]
        both = _merged(lost, nodes) if lost else nodes
        return _without_echoes([change for change in both if change.node])

    def of_jobs(self) -> list[NodeChange]:
        """Return what happened to the jobs, and what they said, since the last call.

        It is read from the jobs' own log.
        """
        return [
            change for change in self._read(self._dag.jobs_log, tuple(CHANGE_OF)) if change.node
        ]

    def of_dagman(self) -> list[NodeChange]:
        """Return what happened to DAGMan's own job since the last call."""
        found = [
            change._replace(node=DAGMAN) for change in self._read(self._dag.dagman_log, _NODES)
        ]
        for gone in self._gone():
            later = (place for place, change in enumerate(found) if change.at > gone.at)
            found.insert(next(later, len(found)), gone)
        for change in found:
            self._over = left_queue(change.kind, over=self._over)
        if not self._over and not self.estranged:
            found += self._elsewhere()
        return found

    def _elsewhere(self) -> Iterator[NodeChange]:
        """Yield DAGMan's removal, once, if it works for another folder.

        This folder was moved, or is a copy.
        """
        if not self._dag.moved:
            return
        job, folder = self._dag.cluster.read_text(), self._dag.submission.folder
        self.estranged = f"the run was moved from {folder} while DAGMan, job {job}, worked: its jobs send their results there"
        if self._dag.copied:
            self.estranged = f"this is a copy of {folder}, for which DAGMan, job {job}, works"
        yield NodeChange(DAGMAN, Change.REMOVED, time.time(), reason=self.estranged)

    def _gone(self) -> Iterator[NodeChange]:
        """Yield DAGMan's removal, once, where a file says so because no event does."""
        if not self._sizes.get(self._dag.gone) and self._dag.gone.exists():
            facts = self._dag.gone.stat()
            self._sizes[self._dag.gone] = facts.st_size
            reason = self._dag.gone.read_text()
            yield NodeChange(DAGMAN, Change.REMOVED, facts.st_mtime, reason=reason)

    def _read(self, log: Path, codes: tuple[int, ...]) -> Iterator[NodeChange]:
        size = log.stat().st_size if log.exists() else 0
        if size == self._sizes.get(log, 0):
            return
        news = read_new(log, self._positions.get(log))
        self._sizes[log], self._positions[log] = size, news.position
        events = news.events
        code_of = events.code.tolist()
        procs = events.proc.tolist()  # below 0: a transfer of common files, not a job
        rows = [row for row, code in enumerate(code_of) if code in codes and procs[row] >= 0]
        spoken = [row for row in rows if code_of[row] not in _WITHOUT_BODY]
        bodies = dict(zip(spoken, read_bodies(events, spoken), strict=True))
        clusters, times = events.cluster.tolist(), events.time.tolist()
        exits = _exits(events)
        for row in rows:
            code, cluster, body = code_of[row], clusters[row], bodies.get(row, exits.get(row, {}))
            if code == Event.SUBMIT:
                self._node_of[cluster] = node_of(body)
            node = self._node_of.get(cluster, "")
            yield _change(node, code, times[row], f"{cluster}.{procs[row]}", body)


def _exits(events: Events) -> dict[int, Body]:
    """Return how processes ended, by rows, as their bodies would."""
    ended = np.flatnonzero(events.code == Event.JOB_TERMINATED)
    names = ("ReturnValue", "TerminatedBySignal")
    which = events.detail[ended].tolist()
    numbers = events.value[ended].tolist()
    return {
        row: {names[signal]: number}
        for row, signal, number in zip(ended.tolist(), which, numbers, strict=True)
        if signal in {0, 1} and number != ABSENT
    }


def _change(node: str, code: int, at: float, job: str, body: Body) -> NodeChange:
    kind = CHANGE_OF[code]
    held = "Hold" if kind == Change.HELD else ""
    ended = kind == Change.ENDED or bool(body.get("TerminatedAndRequeued"))
    reasons = ("HoldReason", "Reason", "DisconnectReason", "Message", "Info")
    return NodeChange(
        node,
        kind,
        at,
        code,
        job,
        reason=next((str(body[name]) for name in reasons if body.get(name)), ""),
        code=int(body.get(f"{held}ReasonCode", 0)),
        subcode=int(body.get(f"{held}ReasonSubCode", 0)),
        exit=exit_of(body) if ended else "",
        host=str(body.get("StartdName", "")),
    )


def _merged(lost: list[NodeChange], nodes: list[NodeChange]) -> list[NodeChange]:
    """Merge events that only one log has into those of the other.

    Within one second they go after the job's start and before its end.
    """
    started = {(change.node, change.at) for change in nodes if change.kind == Change.STARTED}

    def order(change: NodeChange) -> tuple[float, int]:
        if change.event not in _ONLY_JOBS_LOG:
            return change.at, 0
        return change.at, 1 if (change.node, change.at) in started else -1

    return sorted([*lost, *nodes], key=order)


def _without_echoes(changes: list[NodeChange]) -> list[NodeChange]:
    """Leave out evictions that are part of a hold or a removal of the same moment."""
    kept, then = list[NodeChange](), dict[str, NodeChange]()
    for change in reversed(changes):
        after = then.get(change.node, change)
        then[change.node] = change
        part = after.kind in {Change.HELD, Change.REMOVED} and after.at - change.at <= SAME_S
        part = part and "PeriodicRemove" not in after.reason  # of a job that was idle
        if not (part and change.kind == Change.REQUEUED):
            kept.append(change)
    return kept[::-1]


def _cluster(change: NodeChange) -> int:
    return int(change.job.partition(".")[0])


def dag_over(dag: DagFolder) -> bool:
    """Return whether DAGMan has left the queue since its last submission, as its own log says."""
    over = False
    for change in DagLog(dag).of_dagman():
        over = left_queue(change.kind, over=over)
    return over


def left_queue(kind: Change, *, over: bool) -> bool:
    """Return whether a job has left the queue after a change.

    A job that is submitted again is back.
    """
    return kind in _LEFT or (over and kind not in {Change.SUBMITTED, Change.STARTED})


def in_pool(folder: RunFolder) -> bool:
    """Return whether DAGMan still works at a run, as its own log says."""
    dag = newest(folder)
    return dag is not None and not dag_over(dag)


def dagman_says(dag: DagFolder) -> DagmanSays:
    """Return what DAGMan wrote about errors; nothing where it wrote none."""
    try:
        text = dag.dagman_out.read_text(errors="replace")
    except FileNotFoundError:
        text = ""
    errors = _ERROR.findall(text)
    return DagmanSays(errors[-1] if errors else "", dict(_REFUSED.findall(text)))
