"""Look at a run from its files alone: what is new since the last look, and what its jobs do now.

Looking changes nothing. On a pool, what no process has recorded yet is read from the DAG's logs.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from wingspan.planning.plan import Plan
from wingspan.runner.events import StepEvent
from wingspan.runner.plan_file import load_plan
from wingspan.runner.record import read_new_events
from wingspan.runner.run_folder import LOCAL, Home, RunFolder

if TYPE_CHECKING:
    from wingspan.runner.htcondor.dag_folder import DagFolder
    from wingspan.runner.htcondor.follow.attempts import Attempt, Attempts
    from wingspan.runner.htcondor.follow.reading import Reading


class Watch:
    """One run being looked at; several may look at once, and none of them disturbs it.

    Attributes
    ----------
    latest
        The last event of each step that has one.
    over
        No process drives the run, and it is in no pool.
    """

    def __init__(self, folder: RunFolder, home: Home, plan: Plan | None = None) -> None:
        self._folder = folder
        self._home = home
        self._plan = plan or load_plan(folder)
        self._offset = 0
        self._seen: set[tuple[str, str, float]] = set()
        self._reading: Reading | None = None
        self._jobs: Attempts | None = None
        self._dag: DagFolder | None = None
        self.latest: dict[str, StepEvent] = {}
        self.over = False

    def look(self) -> list[StepEvent]:
        """Return the events since the last call; all there were at the first."""
        driven = self._folder.driven()
        recorded, self._offset = read_new_events(self._folder, self._offset)
        self.latest |= {event.step: event for event in recorded}
        news = self._unseen(recorded)
        alive = driven
        if self._folder.on != LOCAL and not driven and not self._folder.complete.exists():
            read, alive = self._read_logs()
            for event in read:
                before = self.latest.get(event.step)
                if before is None or int(before.time) <= event.time:  # a log has whole seconds
                    self.latest[event.step] = event
            news += self._unseen(read)
        self.over = not alive
        return news

    def _unseen(self, events: Iterable[StepEvent]) -> list[StepEvent]:
        """Return what was not returned before: what the logs say is recorded later by who brings results in."""
        found = []
        for event in events:
            known = (event.step, event.state, event.time)
            if known not in self._seen:
                self._seen.add(known)
                found.append(event)
        return found

    def _read_logs(self) -> tuple[list[StepEvent], bool]:
        """Return what the logs of the last DAG say beyond the record, and whether DAGMan is in the queue."""
        from wingspan.runner.htcondor.dag_folder import newest
        from wingspan.runner.htcondor.follow.reading import Reading

        dag = newest(self._folder)
        if dag is None:
            return [], False
        if self._reading is None or self._reading.dag != dag:
            self._reading = Reading(self._plan, dag, self._folder, self._home)
        return list(self._reading.advance()), not self._reading.over

    def jobs(self) -> "dict[str, Attempt]":
        """Return the last attempt of each step's job in the pool, by the step's key."""
        from wingspan.runner.htcondor.dag_folder import newest
        from wingspan.runner.htcondor.follow.attempts import Attempts

        dag = None if self._folder.on == LOCAL else newest(self._folder)
        if dag is None:
            return {}
        if self._jobs is None or self._dag != dag:
            self._dag, self._jobs = dag, Attempts(dag)
        self._jobs.advance()
        keys = dag.keys()
        return {
            key: tried[-1]
            for node, tried in self._jobs.by_node().items()
            for key in keys.get(node, ())
        }
