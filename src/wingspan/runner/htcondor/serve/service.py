"""Search for a DAG's sweeps while DAGMan runs it.

The search gives lanes their trials, and stops trials that others beat.

``python -m wingspan.runner.htcondor.serve.service``, in the DAG's folder. HTCondor starts it again whenever it dies: what
it knows is the journals of the studies, the log of the jobs, and the trials that it has handed out.
"""

import json
import sys
import time
from pathlib import Path
from typing import Final

from wingspan.errors import ConflictError
from wingspan.eventlog.job_state import Change
from wingspan.planning.plan import step_from_json
from wingspan.runner.htcondor.dag_folder import DagFolder, SweepNode
from wingspan.runner.htcondor.follow.dag_logs import DagLog, NodeChange
from wingspan.runner.htcondor.follow.streams import Stream
from wingspan.runner.htcondor.messages import Once
from wingspan.runner.htcondor.serve.next_trials import ServedSweep
from wingspan.runner.run_folder import Home, RunFolder
from wingspan.store.store import Store
from wingspan.sweep.open_study import OpenStudy, open_study
from wingspan.sweep.spec import Spec

_LOOK_S: Final = 0.03  # between looks at the log
_LISTEN_S: Final = 0.1  # between looks at what lanes say where chirp is closed: one look a lane
_REST: Final = 4  # times what a look took
_CLOCK_S: Final = 1.0  # between looks at what the user wants
_LOCK_S: Final = 0.2  # between tries to take a study that another process holds
_GONE: Final = frozenset({Change.REQUEUED, Change.REMOVED, Change.HELD})
_HOME: Final = _GONE | {Change.ENDED}


class Service:
    """The search of all sweeps of a DAG."""

    def __init__(self, dag: DagFolder) -> None:
        self._log = DagLog(dag)
        self._once = Once()
        self._dag = dag
        self._sweeps = {name: _served(dag, name, node) for name, node in dag.sweeps().items()}
        self._listen_at = float("-inf")
        self._of = {lane: each for each in self._sweeps.values() for lane in each.lanes}
        self._streams = {lane: Stream(dag.errors(lane)) for lane in self._of}

    @property
    def over(self) -> bool:
        """Whether no sweep is left to search for."""
        return not self._sweeps

    def look(self) -> None:
        """Read what the jobs have said since the last look, and decide after all of it."""
        self._leave()
        changes = self._log.of_jobs()
        for change in changes:
            if change.node in self._of:
                self._take(change, self._of[change.node])
        heard = self._listen()
        if changes or heard:
            self._settle()

    def _listen(self) -> bool:
        """Read what lanes say by standard error, now and then; return whether it was anything."""
        if time.monotonic() < self._listen_at:
            return False
        self._listen_at = time.monotonic() + _LISTEN_S
        found = [(lane, message) for lane, one in self._streams.items() for message in one.new()]
        for lane, message in found:
            if lane in self._of:
                self._of[lane].take(lane, message)
        return bool(found)

    def _leave(self) -> None:
        """Leave the studies that a sweep's node waits for."""
        for name, sweep in list(self._sweeps.items()):
            if self._dag.closing(name).exists():
                sweep.close()
                del self._sweeps[name]
                self._of = {lane: each for lane, each in self._of.items() if each is not sweep}

    def look_at_clock(self) -> None:
        """Look for what the user wants."""
        for sweep in self._sweeps.values():
            if sweep.ended_by_user:
                sweep.end()
        self._settle()

    def close(self) -> None:
        """Leave all studies."""
        for sweep in self._sweeps.values():
            sweep.close()

    def _take(self, change: NodeChange, sweep: ServedSweep) -> None:
        if change.kind == Change.STARTED:
            self._once.begin(change.job)
        elif change.kind == Change.SPOKE:
            message = self._once.new(change.job, change.reason)
            if message is not None:
                sweep.take(change.node, message)
        elif change.kind in _HOME:
            sweep.take_home(change.node)
            if change.kind in _GONE:
                sweep.take_back(change.node)

    def _settle(self) -> None:
        for sweep in self._sweeps.values():
            sweep.settle()


def _served(dag: DagFolder, name: str, node: SweepNode) -> ServedSweep:
    step = step_from_json(json.loads(dag.job(name).read_text())["steps"][0])
    spec = Spec.from_json((step.sweep or {})["spec"])
    folder = RunFolder(Home(node.home).runs / node.run)
    study = _opened(node.study, spec, node.run)
    return ServedSweep(dag, node, step, study, Store(node.home / "store"), folder.end_sweeps)


def _opened(folder: Path, spec: Spec, run_id: str) -> OpenStudy:
    """Open a study, once another process that has it leaves it."""
    while True:
        try:
            return open_study(folder, spec, run_id)
        except ConflictError:
            time.sleep(_LOCK_S)


def main() -> None:
    """Search for the sweeps of the current folder's DAG, until their nodes take over."""
    service = Service(DagFolder(Path.cwd()))
    clock = float("-inf")
    try:
        while not service.over:
            begin = time.monotonic()
            service.look()
            if begin - clock >= _CLOCK_S:
                clock = begin
                service.look_at_clock()
            time.sleep(max(_LOOK_S, _REST * (time.monotonic() - begin)))
    finally:
        service.close()
    sys.exit(0)


if __name__ == "__main__":
    main()
