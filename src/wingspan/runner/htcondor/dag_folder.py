"""Every file name of a DAG's folder; nothing else knows them.

::

    dag/N/                      below the run's folder; an exported DAG has a run's folder to itself
      workflow.dag              what DAGMan is given
      workflow.dag.dagman.log   events of DAGMan's own job
      workflow.dag.dagman.out   what DAGMan wrote
      workflow.dag.nodes.log    events of the nodes' jobs, as far as DAGMan needs them
      workflow.dag.status       of an exported DAG, the state of each node, by DAGMan
      jobs.log                  all events of the nodes' jobs
      cluster                   id of DAGMan's own job, once it was submitted
      submitted.json            that job's global id (access point, number, time), and this folder
      gone                      why DAGMan left the queue, where its log does not say so
      nodes.json                the keys of each node's steps
      code-DIGEST.zip           the user's modules
      job.sh                    the executable of every node
      unless_done.sh            what DAGMan runs before a node whose steps another one may have run
      lane_over.sh              what DAGMan runs after each job of a lane: fails while trials are left
      select.sh                 what DAGMan runs before the node of a sweep: makes the best trial's files its result
      sweeps.json               the sweeps' nodes: their lanes, and the study of their trials
      closing/NODE              there once the node of a sweep waits for its study
      params/CALL.json          what the search has given a lane: a trial, or that no trial is left
      stop/CALL                 there once the search has given up a trial
      jobs/NODE.json            the steps of a node
      results/                  what the jobs send back: KEY.json, KEY.OUTPUT and logs, NODE.failed.json; links to
                                results that were there before; LANE.trials.jsonl, the trials of a lane that have ended
      shared                    link to what lies in the shared folder instead, if there is one
      files/                    links to the user's input files, under the names that the jobs know
      logs/NODE.out, NODE.err   what the job itself wrote
"""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from wingspan.errors import CorruptError
from wingspan.runner.run_folder import RunFolder

PART = 1  # format of what a node's job is to do
DAG = "workflow.dag"
CLUSTER = "cluster"
STATUS = f"{DAG}.status"
UNLESS_DONE = "unless_done.sh"
LANE_OVER = "lane_over.sh"
SELECT = "select.sh"
STARTED = (
    "started"  # folder of a job's sandbox, by which job.sh sees that the job's Python has started
)


class SweepNode(NamedTuple):
    """The node of a sweep, as it was submitted.

    Parameters
    ----------
    key, step
        The sweep's.
    lanes
        Names of its lanes' nodes.
    study
        Folder of its study.
    home
        Root of the project's home.
    run
        The run's id.
    """

    key: str
    step: str
    lanes: tuple[str, ...]
    study: Path
    home: Path
    run: str


def trials_file(lane: str) -> str:
    """Return the name of the file with the trials of a lane that have ended."""
    return f"{lane}.trials.jsonl"


class Submission(NamedTuple):
    """DAGMan's job as it was submitted.

    Parameters
    ----------
    global_id
        Its global id, ``ACCESS_POINT#CLUSTER.PROC#TIME``; empty where the queue could not be asked.
    folder
        The DAG's folder; empty where it was not written down.
    """

    global_id: str = ""
    folder: str = ""

    @property
    def access_point(self) -> str:
        """Name of the access point; empty if it is not known."""
        return self.global_id.partition("#")[0]


def _is_same(one: Path, other: Path) -> bool:
    """Say whether two paths lead to the same folder."""
    with suppress(OSError):
        return one.samefile(other)
    return False


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
        """Events of the nodes' jobs that DAGMan needs.

        Transfers, sizes and disconnections are only in `jobs_log`.
        """
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
    def submitted(self) -> Path:
        """Which job DAGMan is, as it was submitted."""
        return self.root / "submitted.json"

    @property
    def submission(self) -> Submission:
        """DAGMan's job as recorded at submission; empty if an older version submitted it."""
        found = read_sent(self.submitted)
        if found:
            return Submission(*(str(found.get(name, "")) for name in Submission._fields))
        with suppress(OSError):
            return Submission((self.root / "global_id").read_text())
        return Submission()

    @property
    def moved(self) -> bool:
        """Whether the folder was moved since DAGMan was submitted.

        Jobs send their results to the old place.
        """
        folder = self.submission.folder
        return bool(folder) and not _is_same(Path(folder), self.root)

    @property
    def copied(self) -> bool:
        """Whether the folder was copied, so that DAGMan's job is that of the other one."""
        known = self.submission
        there = DagFolder(Path(known.folder))
        return bool(known.global_id) and self.moved and there.submission == known

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
    def sweeps_file(self) -> Path:
        """The sweeps' nodes."""
        return self.root / "sweeps.json"

    def sweeps(self) -> dict[str, SweepNode]:
        """Return the sweeps' nodes by name; none of a DAG without sweeps."""
        found = {}
        for name, node in (read_sent(self.sweeps_file) or {}).items():
            paths = {"study": Path(node["study"]), "home": Path(node["home"])}
            known = {**node, **paths, "lanes": tuple(node["lanes"])}
            found[name] = SweepNode(*(known[field] for field in SweepNode._fields))
        return found

    def trials(self, lane: str) -> Path:
        """Return the file with the trials of a lane that have ended."""
        return self.results / trials_file(lane)

    def closing(self, node: str) -> Path:
        """Return the file that is there once the node of a sweep waits for its study."""
        return self.root / "closing" / node

    def params(self, call: str) -> Path:
        """Return the file with what the search has given a lane for a call, ``LANE.INDEX``."""
        return self.root / "params" / f"{call}.json"

    def params_of(self, lane: str) -> list[Path]:
        """Return the files with what the search has given a lane."""
        return list((self.root / "params").glob(f"{lane}.*.json"))

    def stop(self, call: str) -> Path:
        """Return the file that is there once the search has given up a trial."""
        return self.root / "stop" / call

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

    def outputs(self, node: str) -> tuple[Path, Path]:
        """Return the files with what the jobs of a node wrote to standard output and error."""
        return self.logs / f"{node}.out", self.errors(node)

    def errors(self, node: str) -> Path:
        """Return the file with what the jobs of a node wrote to standard error."""
        return self.logs / f"{node}.err"

    def job(self, node: str) -> Path:
        """Return the file with the steps of a node."""
        return self.jobs / f"{node}.json"

    def result(self, key: str) -> Path:
        """Return the file with a step's result."""
        return self.results / f"{key}.json"

    def refusal(self, node: str) -> Path:
        """Return the file in which a job says that it could not start its steps."""
        return self.results / f"{node}.failed.json"

    def keys(self) -> dict[str, list[str]]:
        """Return the keys of each node's steps, by the node's name, in the order of their numbers.

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
                    part = json.loads(job.read_text())
                    if not part.get("lane"):
                        found[job.stem] = [step["key"] for step in part["steps"]]
        if not found:
            problem = "is missing or damaged, and jobs/ as well"
            fix = "condor_rm its DAG if it is in the queue, remove the run's folder, and run the command again"
            raise CorruptError(str(self.nodes), problem, fix)
        return dict(sorted(found.items(), key=_number))  # JSON has them by name


def _number(node: tuple[str, list[str]]) -> int:
    """Return the number at the end of a node's name; parents have smaller numbers."""
    number = node[0].rpartition("-")[2]
    return int(number) if number.isascii() and number.isdigit() else 0


def dags_of(folder: RunFolder) -> list[DagFolder]:
    """Return the folders of a run's DAGs that were submitted, oldest first."""
    found = sorted(folder.dags.glob(f"*/{CLUSTER}"), key=lambda path: int(path.parent.name))
    return [DagFolder(path.parent) for path in found]


def newest(folder: RunFolder) -> DagFolder | None:
    """Return the folder of a run's last submitted DAG; None if it has none."""
    found = dags_of(folder)
    return found[-1] if found else None


def read_sent(file: Path) -> dict[str, Any] | None:
    """Return what a job has sent in a file of results.

    None if the file is missing, or HTCondor is still writing it.
    """
    try:
        found = json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def sent_of(folder: RunFolder, key: str) -> dict[str, Any] | None:
    """Return what a step's job has sent to a run's last DAG; None if it sent nothing."""
    dag = newest(folder)
    return None if dag is None else read_sent(dag.result(key))
