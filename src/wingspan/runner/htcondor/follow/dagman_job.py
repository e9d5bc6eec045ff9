"""The job of DAGMan that a run has submitted: whether it is in the queue, and its removal.

Cluster numbers start again when a pool is made anew, so a number alone may be another project's job by now. The job's
global id, which names the access point and the time, is remembered; an older run is known by its folder.
"""

from contextlib import suppress
from pathlib import Path

from wingspan.accesspoint.jobs import access_point, query, remove
from wingspan.errors import PoolError
from wingspan.files import write_atomically
from wingspan.pool.personal import use_pool
from wingspan.runner.htcondor.dag_folder import DagFolder
from wingspan.runner.htcondor.follow.log import dag_over


def remember(dag: DagFolder, cluster: int) -> None:
    """Write down which job DAGMan is."""
    write_atomically(dag.cluster, str(cluster))
    with suppress(PoolError):
        for ad in query(f"ClusterId == {cluster} && ProcId == 0", ["GlobalJobId"]):
            write_atomically(dag.global_id, str(ad["GlobalJobId"]))


def in_queue(dag: DagFolder) -> bool | None:
    """Return whether DAGMan's job is in the queue; None where this access point is not the one that has it.

    Raises
    ------
    PoolError
        The access point cannot be asked.
    """
    use_pool()
    known = _global_id(dag)
    if known:
        here = known.partition("#")[0] == access_point()
        return bool(query(f'GlobalJobId == "{known}"', ["ClusterId"])) if here else None
    ads = query(f"ClusterId == {dag.cluster.read_text()}", ["Iwd"])
    ours = [ad for ad in ads if Path(str(ad.get("Iwd", ""))).resolve() == dag.root.resolve()]
    return True if ours else None  # of an older run: it may be at another access point


def stop(dag: DagFolder) -> None:
    """Remove DAGMan from the queue, unless it has left; it removes the jobs of its nodes.

    Raises
    ------
    PoolError
        It may be in the queue, and could not be removed.
    """
    there = in_queue(dag)
    cluster = dag.cluster.read_text()
    if there and not remove(cluster, "wingspan stop") and in_queue(dag):
        problem = f"the workflow, job {cluster}, could not be removed from the queue"
        raise PoolError(str(dag.root), problem, f"condor_rm {cluster}")
    if there is None and not dag_over(dag):
        point = _global_id(dag).partition("#")[0] or "the one it was submitted to"
        problem = f"the workflow, job {cluster}, is not in the queue of this access point"
        fix = f"set CONDOR_CONFIG to the pool of its access point ({point}), then: wingspan stop"
        raise PoolError(str(dag.root), problem, fix)


def say_gone(dag: DagFolder) -> None:
    """Write into its folder that DAGMan has left the queue, for its log does not say so."""
    job = dag.cluster.read_text()
    why = f"DAGMan, job {job}, has left the queue, and its log does not say how: was the queue cleaned, or the folder moved?"
    write_atomically(dag.gone, why)


def _global_id(dag: DagFolder) -> str:
    with suppress(FileNotFoundError):
        return dag.global_id.read_text()
    return ""
