"""The jobs' event log of a DAG -> what their steps have logged so far, as the messages of running jobs have it."""

from pathlib import Path

import numpy as np

from wingspan.eventlog.bodies import read_bodies
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.rotation import Position, read_new
from wingspan.runner.htcondor.dag_folder import DagFolder
from wingspan.runner.htcondor.messages import Once, named, points_of
from wingspan.runner.logged import Curves


class LiveMetrics:
    """The metrics that the log of one DAG has, read on as it grows."""

    def __init__(self, dag: DagFolder) -> None:
        self._log: Path = dag.jobs_log
        self._position: Position | None = None
        self._size = 0
        self._once = Once()
        self._curves: dict[str, Curves] = {}

    def advance(self) -> None:
        """Read what was written since the last call."""
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
                self._take(job, str(lines[row].get("Info", "")))
            else:
                self._once.begin(job)

    def of(self, key: str) -> Curves:
        """Return the metrics of a step by its key; what an attempt logged again has replaced the older value."""
        return self._curves.get(named(key), {})

    def _take(self, job: str, line: str) -> None:
        message = self._once.new(job, line)
        for point in points_of(message) if message is not None else ():
            points = self._curves.setdefault(point.key, {}).setdefault(point.metric, {})
            points.pop(point.place, None)
            points[point.place] = point.value
