"""Look at a run on a pool from any process, by its DAG's logs and the queue."""

from collections.abc import Iterable, Mapping
from typing import Any

from wingspan.accesspoint.idle import queued_ads
from wingspan.eventlog.attempt import Attempt
from wingspan.planning.plan import Plan, PlannedStep
from wingspan.pool.personal import use_pool
from wingspan.runner.events import StepEvent
from wingspan.runner.htcondor.chirp_commands import ways_in_words
from wingspan.runner.htcondor.dag_folder import DagFolder, dags_of, newest, sent_of
from wingspan.runner.htcondor.follow import dagman_job
from wingspan.runner.htcondor.follow.attempts import Attempts
from wingspan.runner.htcondor.follow.dag_logs import in_pool
from wingspan.runner.htcondor.follow.follower import Follower, follower_of
from wingspan.runner.htcondor.follow.live_metrics import LiveMetrics
from wingspan.runner.htcondor.follow.reading import Reading, stuck_now
from wingspan.runner.htcondor.follow.tries import attempts_of
from wingspan.runner.htcondor.write.dag_file import label_of
from wingspan.runner.logged import Curves
from wingspan.runner.plan_file import load_plan
from wingspan.runner.protocol import Trail
from wingspan.runner.run_folder import Home, RunFolder
from wingspan.runner.written import joined


class DagTrail(Trail):
    """A run whose last DAG is read on from call to call."""

    def __init__(self, folder: RunFolder, home: Home, plan: Plan | None = None) -> None:
        self._folder = folder
        self._home = home
        self._plan = plan
        self._reading: Reading | None = None
        self._follower: Follower | None = None
        self._live: dict[DagFolder, LiveMetrics] = {}
        self._log: tuple[DagFolder, Attempts] | None = None

    def look(self) -> tuple[list[StepEvent], bool]:
        """Return what the DAG's logs say beyond the record, and whether DAGMan is in the queue."""
        dag = newest(self._folder)
        if dag is None or self._folder.complete.exists():
            return [], False
        if self._reading is None or self._reading.dag != dag:
            plan = self._plan or load_plan(self._folder)
            self._reading = Reading(plan, dag, self._folder, self._home)
        return list(self._reading.advance()), not self._reading.over

    def catch_up(self) -> bool:
        """Bring in what the jobs have finished; return whether the run is still in the pool."""
        if self._follower is None or self._follower.dag != newest(self._folder):
            self._follower = follower_of(self._folder, self._home, plan=self._plan)
        return self._follower is not None and self._follower.catch_up()

    def stop(self) -> None:
        """Remove the workflow from the queue, unless it has left; DAGMan removes its jobs.

        Raises
        ------
        PoolError
            It may be in the queue, and could not be removed.
        """
        dag = newest(self._folder)
        if dag is not None:
            dagman_job.stop(dag)

    @property
    def under_way(self) -> bool:
        """Whether DAGMan still works at the run, as its own log says."""
        return in_pool(self._folder)

    @property
    def moved(self) -> bool:
        """Whether the DAG was submitted in another folder, for which DAGMan may still work."""
        dag = newest(self._folder)
        return dag is not None and dag.moved

    def last_attempts(self) -> dict[str, Attempt]:
        """Return the last attempt of each step's job in the last DAG, by the step's key."""
        dag = newest(self._folder)
        if dag is None:
            return {}
        if self._log is None or self._log[0] != dag:
            self._log = dag, Attempts(dag)
        self._log[1].advance()
        keys = dag.keys()
        return {
            key: tried[-1]
            for node, tried in self._log[1].by_node().items()
            for key in keys.get(node, ())
        }

    def attempts(self) -> dict[str, list[Attempt]]:
        """Return every attempt of each step's job in all DAGs of the run: see `attempts_of`."""
        return attempts_of(dags_of(self._folder))

    def live_curves(self, keys: Iterable[str]) -> dict[str, Curves]:
        """Return what the jobs of all DAGs of the run have said of their steps' metrics."""
        dags = dags_of(self._folder)
        self._live = {dag: self._live.get(dag) or LiveMetrics(dag) for dag in dags}
        wanted = list(keys)
        for live in self._live.values():
            live.advance()
            live.listen(wanted)
        found: dict[str, Curves] = {}
        for key in wanted:
            for live in self._live.values():
                if curves := live.of(key):
                    found[key] = joined(found[key], curves) if key in found else curves
        return found

    def channel(self) -> str:
        """Return how the jobs of the last DAG's sweeps reach the access point.

        Empty without a sweep.
        """
        dag = newest(self._folder)
        if dag is None or not dag.sweeps():
            return ""
        self.live_curves(())
        return ways_in_words(self._live[dag].ways.values())

    def notice(self) -> str:
        """Return what a person must do about DAGMan's own job; empty while that is not held."""
        dag = newest(self._folder)
        return "" if dag is None or self._folder.complete.exists() else stuck_now(dag)

    def sent(self, key: str) -> dict[str, Any] | None:
        """Return the result that the job of a step has sent to the last DAG; None if it sent none."""
        return sent_of(self._folder, key)

    def queued(self, step: PlannedStep | None = None) -> list[Mapping[str, Any]]:
        """Return the ads of the last DAG's jobs that are in the queue now.

        Raises
        ------
        PoolError
            The queue cannot be read.
        """
        dag = newest(self._folder)
        if dag is None:
            return []
        use_pool()
        ads = queued_ads(dagman_job.own_jobs(dag, self._folder.run_id))
        if step is None:
            return ads
        nodes = {name for name, keys in dag.keys().items() if step.key in keys}
        nodes |= {
            lane for node in dag.sweeps().values() if node.key == step.key for lane in node.lanes
        }
        return [ad for ad in ads if _runs(ad, step.name, nodes)]


def _runs(ad: Mapping[str, Any], step: str, nodes: set[str]) -> bool:
    """Return whether a job runs a step: one of a DAG by its node, another by its label."""
    node = ad.get("DAGNodeName")
    return node in nodes if node and nodes else has_step(str(ad.get("WingspanStep", "")), step)


def has_step(label: str, step: str) -> bool:
    """Return whether a job's label, its steps' names with commas between, has a step.

    >>> has_step("load,fit[a,b]", "fit[a,b]")
    True
    """
    return f",{label_of(step)}," in f",{label},"
