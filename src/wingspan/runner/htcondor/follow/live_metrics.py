"""Read the metrics that running jobs have sent to a DAG's event log."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from wingspan.eventlog.bodies import read_bodies
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.positions import Position
from wingspan.eventlog.read_new import read_new
from wingspan.runner.htcondor.dag_folder import DagFolder
from wingspan.runner.htcondor.follow.streams import Stream
from wingspan.runner.htcondor.messages import Message, Once, named, points_of
from wingspan.runner.logged import Curves


class LiveMetrics:
    """The metrics that the log of one DAG has, read on as it grows.

    Attributes
    ----------
    ways
        How each job that has said something reaches the access point.
    """

    def __init__(self, dag: DagFolder) -> None:
        self._dag = dag
        self._log: Path = dag.jobs_log
        self._node_of: dict[str, str] | None = None
        self._lanes: set[str] = set()
        self.ways: dict[str, str] = {}
        self._streams: dict[str, Stream] = {}
        self._position: Position | None = None
        self._size = 0
        self._once = Once()
        self._curves: dict[str, Curves] = {}

    def listen(self, keys: Iterable[str]) -> None:
        """Read what the jobs of steps have said by standard error since the last call."""
        if self._node_of is None:
            self._node_of = {key: node for node, of in self._dag.keys().items() for key in of}
            self._lanes = {lane for each in self._dag.sweeps().values() for lane in each.lanes}
        nodes = {self._node_of[key] for key in keys if key in self._node_of}
        for node in sorted(nodes | self._lanes):
            stream = self._streams.setdefault(node, Stream(self._dag.errors(node)))
            for message in stream.new():
                self._take(node, message)

    def advance(self) -> None:
        """Read what the jobs have said in their log since the last call."""
        size = self._log.stat().st_size if self._log.exists() else 0
        if size == self._size:
            return
        news = read_new(self._log, self._position)
        self._size, self._position = size, news.position
        events = news.events
        rows = np.flatnonzero(np.isin(events.code, (Event.EXECUTE, Event.GENERIC))).tolist()
        spoken = [row for row in rows if events.code[row] == Event.GENERIC]
        lines = dict(zip(spoken, read_bodies(events, spoken), strict=True))
        for row in rows:
            job = f"{events.cluster[row]}.{events.proc[row]}"
            if row in lines:
                message = self._once.new(job, str(lines[row].get("Info", "")))
                self._take(job, message)
            else:
                self._once.begin(job)

    def of(self, key: str) -> Curves:
        """Return the metrics of a step by its key.

        A value that a later attempt logged again replaces the older one.
        """
        return self._curves.get(named(key), {})

    def _take(self, job: str, message: Message | None) -> None:
        if message is None:
            return
        if "way" in message.content:
            self.ways[job] = str(message.content["way"])
        for point in points_of(message):
            points = self._curves.setdefault(point.key, {}).setdefault(point.metric, {})
            points.pop(point.place, None)
            points[point.place] = point.value
