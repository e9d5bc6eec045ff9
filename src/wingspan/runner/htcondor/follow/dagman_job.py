"""The job of DAGMan that a run has submitted: whether it is in the queue, and its removal.

Cluster numbers start again when a pool is set up again, so a number alone may be another project's job by now. So the
submission records the job's global id, which names the access point, the number and the time, and its folder. A job that
an older version has submitted is recognized by its folder and its batch name.
"""

import logging
import re
from contextlib import suppress
from pathlib import Path

from wingspan.accesspoint.jobs import access_point, query, remove
from wingspan.errors import PoolError
from wingspan.files import json_text, write_atomically
from wingspan.pool.personal import use_pool
from wingspan.runner.htcondor.dag_folder import DAG, DagFolder, Submission
from wingspan.runner.htcondor.follow.dag_logs import dag_over
from wingspan.runner.htcondor.words import batch_name
from wingspan.runner.htcondor.write.dag_file import label_of
from wingspan.runner.run_folder import RunFolder

_LOG = logging.getLogger(__name__)
_ALIAS = re.compile(r"Job submitted from host: <[^>]*\balias=([^&>]+)")


def remember(dag: DagFolder, cluster: int) -> None:
    """Write down which job DAGMan is."""
    write_atomically(dag.cluster, str(cluster))
    known = Submission("", str(dag.root.resolve()))
    with suppress(PoolError):
        for ad in query(f"ClusterId == {cluster} && ProcId == 0", ["GlobalJobId"]):
            known = known._replace(global_id=str(ad["GlobalJobId"]))
    write_atomically(dag.submitted, json_text(known._asdict()))


def in_queue(dag: DagFolder) -> bool | None:
    """Return whether DAGMan's job is in the queue; None if another access point has it.

    Raises
    ------
    PoolError
        The access point cannot be asked.
    """
    use_pool()
    known = dag.submission
    if dag.copied:
        return False  # the job there is not of this folder
    if known.global_id:
        here = known.access_point == access_point()
        found = query(f'GlobalJobId == "{known.global_id}"', ["Iwd"]) if here else []
        return any(_same(ad.get("Iwd"), known.folder) for ad in found) if here else None
    if _known_by_folder(dag, known.folder or str(dag.root)):
        return True
    return False if _submitted_here(dag) else None


def _same(folder: object, known: str) -> bool:
    """Say whether a job's folder is the one that was written down, if one was."""
    return not known or Path(str(folder)).resolve() == Path(known).resolve()


def _known_by_folder(dag: DagFolder, folder: str) -> bool:
    """Look for the job of an older version: by number, folder and batch name."""
    cluster = dag.cluster.read_text()
    names = {f"{DAG}+{cluster}"}  # DAGMan's own
    with suppress(OSError, ValueError, KeyError):
        name = RunFolder(dag.root.parents[1]).header["pipeline"]
        names |= {name, batch_name(name)}
    ads = query(f"ClusterId == {cluster} && ProcId == 0", ["Iwd", "JobBatchName"])
    return any(_same(ad.get("Iwd"), folder) and ad.get("JobBatchName") in names for ad in ads)


def _submitted_here(dag: DagFolder) -> bool:
    """Say whether DAGMan's log shows that it was submitted on this access point's machine."""
    with suppress(OSError):
        found = _ALIAS.search(dag.dagman_log.read_text(errors="replace"))
        return found is not None and found[1] == access_point().rpartition("@")[2]
    return False


def own_jobs(dag: DagFolder, run_id: str) -> str:
    """Return an expression that matches the jobs of a DAG's nodes and no other jobs."""
    if dag.copied:
        return "false"
    folder = Path(dag.submission.folder or dag.root.resolve()) / "results"
    quoted = str(folder).replace("\\", "\\\\").replace('"', '\\"')
    return f'WingspanRun == "{label_of(run_id)}" && Iwd == "{quoted}"'


def stop(dag: DagFolder) -> None:
    """Remove DAGMan from the queue, unless it has left; it removes the jobs of its nodes.

    Raises
    ------
    PoolError
        It may be in the queue, and could not be removed.
    """
    cluster = dag.cluster.read_text()
    there = in_queue(dag)
    if there and not remove(cluster, "wingspan stop") and in_queue(dag):
        problem = f"the workflow, job {cluster}, could not be removed from the queue"
        raise PoolError(str(dag.root), problem, f"condor_rm {cluster}")
    if there is None and not dag_over(dag):
        point = dag.submission.access_point or "the one it was submitted to"
        problem = f"the workflow, job {cluster}, is not in the queue of this access point"
        fix = f"set CONDOR_CONFIG to the pool of its access point ({point}), then: wingspan stop"
        raise PoolError(str(dag.root), problem, fix)


def withdraw(dag: DagFolder) -> None:
    """Remove a DAGMan that works in the folder's old place.

    Its jobs send their results there.
    """
    if dag.moved and not dag.copied and in_queue(dag):
        remove(dag.cluster.read_text(), f"wingspan: its run was moved to {dag.root}")


def say_elsewhere(dag: DagFolder) -> None:
    """Report that a DAG is followed by its logs alone, where another access point has it."""
    with suppress(PoolError):
        if in_queue(dag) is None:
            point = dag.submission.access_point or "another one"
            _LOG.warning(
                "job %s is not in the queue of this access point, but of %s: it is followed by its logs; "
                "if they do not grow, set CONDOR_CONFIG to that pool",
                dag.cluster.read_text(),
                point,
            )


def say_gone(dag: DagFolder) -> None:
    """Write into its folder that DAGMan has left the queue, for its log does not say so."""
    job = dag.cluster.read_text()
    why = f"DAGMan, job {job}, has left the queue, and its log does not say how: was the queue cleaned, or the pool set up again?"
    write_atomically(dag.gone, why)
