"""Every file name of a DAG's folder; nothing else knows them.

::

    dag/N/                      below the run's folder; an exported DAG has a run's folder to itself
      workflow.dag              what DAGMan is given
      workflow.dag.dagman.log   events of DAGMan's own job
      workflow.dag.dagman.out   what DAGMan wrote
      workflow.dag.nodes.log    events of the nodes' jobs, as far as DAGMan needs them
      jobs.log                  all events of the nodes' jobs
      cluster                   id of DAGMan's own job, once it was submitted
      global_id                 that job's global id: access point, number, time
      gone                      why DAGMan left the queue, where its log does not say so
      nodes.json                the keys of each node's steps
      code-DIGEST.zip           the user's modules
      job.sh                    the executable of every node
      jobs/NODE.json            the steps of a node
      results/                  what the jobs send back: KEY.json, KEY.OUTPUT and logs, NODE.failed.json; links to
                                results that were there before
      shared                    link to what lies in the shared folder instead, if there is one
      files/                    links to the user's input files, under the names that the jobs know
      logs/NODE.out, NODE.err   what the job itself wrote
"""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wingspan.errors import CorruptError
from wingspan.runner.run_folder import RunFolder

DAG = "workflow.dag"
CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class DagFolder:
    """The folder of one DAG."""

    root: Path

    @property
    def dag(self) -> Path:
        """What DAGMan is given."""
        return self.root / DAG

    @property
    def nodes_log(self) -> Path:
        """Events of the nodes' jobs, as far as DAGMan needs them: no transfers, sizes or disconnections."""
        return self.root / f"{DAG}.nodes.log"

    @property
    def jobs_log(self) -> Path:
        """All events of the nodes' jobs."""
        return self.root / "jobs.log"

    @property
    def dagman_log(self) -> Path:
        """Events of DAGMan's own job."""
        return self.root / f"{DAG}.dagman.log"

    @property
    def dagman_out(self) -> Path:
        """What DAGMan wrote."""
        return self.root / f"{DAG}.dagman.out"

    @property
    def cluster(self) -> Path:
        """Id of DAGMan's own job."""
        return self.root / CLUSTER

    @property
    def global_id(self) -> Path:
        """Global id of DAGMan's own job."""
        return self.root / "global_id"

    @property
    def gone(self) -> Path:
        """Why DAGMan left the queue, where its log does not say so."""
        return self.root / "gone"

    @property
    def nodes(self) -> Path:
        """The keys of each node's steps."""
        return self.root / "nodes.json"

    @property
    def script(self) -> Path:
        """The executable of every node."""
        return self.root / "job.sh"

    @property
    def jobs(self) -> Path:
        """What the jobs are to do, a file for each node."""
        return self.root / "jobs"

    @property
    def results(self) -> Path:
        """What the jobs send back."""
        return self.root / "results"

    @property
    def files(self) -> Path:
        """Links to the user's input files."""
        return self.root / "files"

    @property
    def logs(self) -> Path:
        """What the jobs themselves wrote."""
        return self.root / "logs"

    def job(self, node: str) -> Path:
        """Return the file with the steps of a node."""
        return self.jobs / f"{node}.json"

    def result(self, key: str) -> Path:
        """Return the file with what a step came to."""
        return self.results / f"{key}.json"

    def refusal(self, node: str) -> Path:
        """Return the file in which a job says that it could not start its steps."""
        return self.results / f"{node}.failed.json"

    def keys(self) -> dict[str, list[str]]:
        """Return the keys of each node's steps, by the node's name.

        Raises
        ------
        CorruptError
            Neither ``nodes.json`` nor what the jobs are sent can be read.
        """
        found: dict[str, list[str]] = {}
        try:
            found = json.loads(self.nodes.read_text())
        except (OSError, ValueError):
            with suppress(OSError, ValueError, KeyError, TypeError):
                for job in sorted(self.jobs.glob("*.json")):
                    found[job.stem] = [step["key"] for step in json.loads(job.read_text())["steps"]]
        if not found:
            problem = "is missing or damaged, and jobs/ as well"
            fix = "condor_rm its DAG if it is in the queue, remove the run's folder, and run the command again"
            raise CorruptError(str(self.nodes), problem, fix)
        return found


def dags_of(folder: RunFolder) -> list[DagFolder]:
    """Return the folders of a run's DAGs that were submitted, oldest first."""
    found = sorted(folder.dags.glob(f"*/{CLUSTER}"), key=lambda path: int(path.parent.name))
    return [DagFolder(path.parent) for path in found]


def newest(folder: RunFolder) -> DagFolder | None:
    """Return the folder of a run's last DAG that was submitted; None if there is none."""
    found = dags_of(folder)
    return found[-1] if found else None


def read_sent(file: Path) -> dict[str, Any] | None:
    """Return what a job has sent in a file of results; None of one that is not there, or that HTCondor still fills."""
    try:
        found: dict[str, Any] = json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return found


def sent_of(folder: RunFolder, key: str) -> dict[str, Any] | None:
    """Return what the job of a step has sent to a run's last DAG; None if there is no such thing."""
    dag = newest(folder)
    return None if dag is None else read_sent(dag.result(key))
