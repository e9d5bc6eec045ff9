"""DAGMan's own job: gone without a word, or another project's by the same number."""

import pytest

from wingspan.errors import PoolError
from wingspan.runner.htcondor.follow import dagman_job
from wingspan.runner.htcondor.follow.follower import catch_up, follower_of
from wingspan.runner.htcondor.follow.log import dag_over, in_pool
from wingspan.runner.htcondor.submit import stop
from wingspan.runner.record import read_all_events
from wingspan.runner.run import Run
from wingspan.simulator import write

GONE = "DAGMan, job 1, has left the queue, and its log does not say how"


@pytest.fixture
def run(pool_run):
    made = pool_run({"load": [], "fit": ["load"]})
    made.submitted("load")
    made.started("load")
    return made


def test_dagman_that_is_gone_without_an_end_is_concluded(run, queue):
    """The queue is asked once; what happened is said, recorded once, and seen by who only looks."""
    queue.there = False
    assert not catch_up(run.folder, run.home)
    assert not catch_up(run.folder, run.home)
    assert queue.asked == 1
    told = list(read_all_events(run.folder))
    assert [(event.step, event.state) for event in told] == [
        ("load", "running"), ("load", "stopped"), ("fit", "stopped"),
    ]  # fmt: skip
    assert told[-1].problem.startswith(GONE)
    assert dag_over(run.dag)
    assert not in_pool(run.folder)
    seen = Run(run.folder, run.home)
    assert (seen.state, seen.events["load"].problem) == ("stopped", told[-1].problem)


def test_results_of_a_dagman_that_is_gone_are_brought_in(run, queue):
    """What its jobs had sent is kept."""
    run.sends("load", 7)
    queue.there = False
    catch_up(run.folder, run.home)
    assert Run(run.folder, run.home)["load"] == 7


def test_dagman_that_ends_while_the_queue_is_asked_has_an_end(run, queue, monkeypatch):
    """Its log is read again before it counts as gone."""
    from wingspan.runner.htcondor.follow import follower

    def leaves(dag):
        run.dagman(write.aborted, 9, "via condor_rm")
        return False

    monkeypatch.setattr(follower, "in_queue", leaves)
    catch_up(run.folder, run.home)
    assert not run.dag.gone.exists()
    assert Run(run.folder, run.home).events["load"].problem == "the workflow was removed"


@pytest.mark.parametrize("there", [True, None])
def test_dagman_that_is_there_or_elsewhere_is_followed(run, queue, there):
    """Also where this is not the access point that has it."""
    queue.there = there
    follower = follower_of(run.folder, run.home)
    assert follower.catch_up()
    assert follower.catch_up()
    assert queue.asked == 1
    assert not run.dag.gone.exists()


def test_an_access_point_that_cannot_be_asked_concludes_nothing(run, monkeypatch):
    """The run is followed by its logs, as before."""
    from wingspan.runner.htcondor.follow import follower

    def down(dag):
        raise PoolError("here", "the access point does not answer", "wait")

    monkeypatch.setattr(follower, "in_queue", down)
    assert catch_up(run.folder, run.home)


class AccessPoint:
    """Stands for the bindings: jobs by cluster number."""

    def __init__(self, monkeypatch, name, jobs):
        self.name, self.jobs, self.removed = name, jobs, []
        monkeypatch.setattr(dagman_job, "use_pool", lambda: None)
        monkeypatch.setattr(dagman_job, "access_point", lambda: self.name)
        monkeypatch.setattr(dagman_job, "query", self.query)
        monkeypatch.setattr(dagman_job, "remove", self.remove)

    def query(self, constraint, attributes):
        name, _, value = constraint.partition(" && ")[0].partition(" == ")
        return [job for job in self.jobs if str(job[name]) == value.strip('"')]

    def remove(self, cluster, reason):
        self.removed.append(cluster)
        self.jobs = [job for job in self.jobs if str(job["ClusterId"]) != cluster]
        return 1


def job(point="ap", iwd="/elsewhere", day=1):
    return {"ClusterId": 1, "GlobalJobId": f"{point}#1.0#{day}", "Iwd": str(iwd)}


def test_our_own_job_is_removed(run, monkeypatch):
    """Known by its global id."""
    there = AccessPoint(monkeypatch, "ap", [job()])
    dagman_job.remember(run.dag, 1)
    assert dagman_job.in_queue(run.dag) is True
    stop(run.folder)
    assert there.removed == ["1"]
    assert dagman_job.in_queue(run.dag) is False


def test_a_job_of_the_same_number_in_a_pool_made_anew_is_left_alone(run, monkeypatch):
    """It is another project's; ours is gone, and stopping it is no error."""
    there = AccessPoint(monkeypatch, "ap", [job()])
    dagman_job.remember(run.dag, 1)
    there.jobs = [job(day=2)]
    assert dagman_job.in_queue(run.dag) is False
    stop(run.folder)
    assert there.removed == []


def test_a_job_at_another_access_point_is_left_alone(run, monkeypatch):
    """The message says which one has it."""
    there = AccessPoint(monkeypatch, "ap", [job()])
    dagman_job.remember(run.dag, 1)
    there.name = "campus"
    assert dagman_job.in_queue(run.dag) is None
    with pytest.raises(PoolError, match=r"access point \(ap\)"):
        stop(run.folder)
    assert there.removed == []


def test_a_job_of_an_older_run_is_known_by_its_folder(run, monkeypatch):
    """Where no global id was written down: only a job in the same folder is ours."""
    there = AccessPoint(monkeypatch, "ap", [job(iwd="/home/else/dag/1")])
    assert dagman_job.in_queue(run.dag) is None
    with pytest.raises(PoolError, match="not in the queue of this access point"):
        stop(run.folder)
    there.jobs = [job(iwd=run.dag.root)]
    stop(run.folder)
    assert there.removed == ["1"]
    run.dagman(write.aborted, 9, "via condor_rm")
    stop(run.folder)  # it has left: nothing to do
