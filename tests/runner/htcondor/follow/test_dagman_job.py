"""DAGMan's own job: gone without a word, or another project's by the same number."""

import shutil

import pytest

from wingspan.errors import ConflictError, PoolError
from wingspan.files import locked
from wingspan.runner.htcondor.dag_folder import DagFolder, newest
from wingspan.runner.htcondor.follow import dagman_job
from wingspan.runner.htcondor.follow.dag_logs import dag_over, in_pool
from wingspan.runner.htcondor.follow.follower import catch_up, follower_of
from wingspan.runner.record import read_all_events
from wingspan.runner.run import Run
from wingspan.runner.run_folder import Home
from wingspan.runner.runners import trail_of
from wingspan.simulator import write

GONE = "DAGMan, job 1, has left the queue, and its log does not say how"


def stop(folder):
    """Stop a run as another process would, whatever its state."""
    trail_of(folder, Home(folder.root.parents[1])).stop()


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


def job(run, point="ap", iwd="", day=1, name="p"):
    """Give an ad of DAGMan's job, as the queue has it."""
    id_ = f"{point}#1.0#{day}"
    return {
        "ClusterId": 1,
        "GlobalJobId": id_,
        "Iwd": str(iwd or run.dag.root),
        "JobBatchName": name,
    }


def test_our_own_job_is_removed(run, monkeypatch):
    """Known by its global id and its folder."""
    there = AccessPoint(monkeypatch, "ap", [job(run)])
    dagman_job.remember(run.dag, 1)
    assert dagman_job.in_queue(run.dag) is True
    stop(run.folder)
    assert there.removed == ["1"]
    assert dagman_job.in_queue(run.dag) is False


@pytest.mark.parametrize("other", [{"day": 2}, {"iwd": "/elsewhere"}])
def test_a_job_of_the_same_number_in_a_pool_made_anew_is_left_alone(run, monkeypatch, other):
    """It is another project's; ours is gone, and stopping it is no error."""
    there = AccessPoint(monkeypatch, "ap", [job(run)])
    dagman_job.remember(run.dag, 1)
    there.jobs = [job(run, **other)]
    assert dagman_job.in_queue(run.dag) is False
    stop(run.folder)
    assert there.removed == []


def test_a_job_at_another_access_point_is_left_alone(run, monkeypatch, caplog):
    """The message says which one has it; who resumes the run is told that it is followed by its logs."""
    there = AccessPoint(monkeypatch, "ap", [job(run)])
    dagman_job.remember(run.dag, 1)
    there.name = "campus"
    assert dagman_job.in_queue(run.dag) is None
    with pytest.raises(PoolError, match=r"access point \(ap\)"):
        stop(run.folder)
    assert there.removed == []
    dagman_job.say_elsewhere(run.dag)
    assert "job 1 is not in the queue of this access point, but of ap" in caplog.text


@pytest.mark.parametrize("name", ["p", "workflow.dag+1"])
def test_a_job_of_an_older_run_is_known_by_its_folder_and_its_batch_name(run, monkeypatch, name):
    """Where nothing was written down both must match; elsewhere nothing is touched."""
    there = AccessPoint(monkeypatch, "ap", [])
    for other in (job(run, iwd="/home/else/dag/1", name=name), job(run, name="theirs")):
        there.jobs = [other]
        assert dagman_job.in_queue(run.dag) is None
        with pytest.raises(PoolError, match="not in the queue of this access point"):
            stop(run.folder)
    assert there.removed == []
    there.jobs = [job(run, name=name)]
    stop(run.folder)
    assert there.removed == ["1"]
    run.dagman(write.aborted, 9, "via condor_rm")
    stop(run.folder)  # it has left: nothing to do


def test_an_older_run_of_this_access_point_whose_job_is_gone_is_concluded(run, monkeypatch):
    """Its own log names the machine that it was submitted from; so `resume` does not wait for ever."""
    AccessPoint(monkeypatch, "ada@vm", [])
    assert dagman_job.in_queue(run.dag) is False
    AccessPoint(monkeypatch, "ada@campus", [])
    assert dagman_job.in_queue(run.dag) is None


def moved(run, monkeypatch, *, copy):
    """Move or copy the run's home after DAGMan was submitted; return the access point, and the run that is there now."""
    there = AccessPoint(monkeypatch, "ap", [job(run)])
    dagman_job.remember(run.dag, 1)
    run.sends("load", 7)
    target = run.home.root.with_name("other")
    (shutil.copytree if copy else shutil.move)(run.home.root, target)
    home = Home(target)
    return there, Run(home.run(run.folder.run_id), home)


def test_a_run_that_was_moved_while_it_ran_goes_on_from_what_came(run, monkeypatch):
    """Looking says so; the results that came are kept, and DAGMan, which works for the old place, is withdrawn."""
    there, now = moved(run, monkeypatch, copy=False)
    assert (now.state, now.events["fit"].state) == ("stopped", "stopped")
    assert now.events["fit"].problem.startswith(
        f"the run was moved from {run.dag.root} while DAGMan"
    )
    assert now["load"] == 7
    assert there.removed == []  # by looking
    assert now.stop().state == "stopped"
    assert there.removed == ["1"]
    assert [event.state for event in read_all_events(now.folder)].count("stopped") == 1


def test_a_copy_of_a_run_touches_nothing_of_the_original(run, monkeypatch):
    """The job is the original's: it is not stopped, and not waited for."""
    there, now = moved(run, monkeypatch, copy=True)
    assert now.state == "stopped"
    assert f"this is a copy of {run.dag.root}" in now.events["fit"].problem
    dag = newest(now.folder)
    assert dagman_job.in_queue(dag) is False
    assert dagman_job.own_jobs(dag, now.run_id) == "false"
    now.stop()
    stop(now.folder)
    assert there.removed == []
    assert dagman_job.in_queue(run.dag) is True
    assert Run(run.folder, run.home).state == "running"


def test_a_link_left_behind_is_no_move(run, monkeypatch):
    """Jobs find their way by the old path."""
    AccessPoint(monkeypatch, "ap", [job(run)])
    dagman_job.remember(run.dag, 1)
    target = run.home.root.with_name("other")
    shutil.move(run.home.root, target)
    run.home.root.symlink_to(target)
    home = Home(target)
    now = Run(home.run(run.folder.run_id), home)
    assert now.state == "running"
    assert dagman_job.in_queue(newest(now.folder)) is True


def test_jobs_are_known_by_run_and_folder(run, monkeypatch):
    """Quotes in a path are part of it."""
    AccessPoint(monkeypatch, "ap", [])
    dag = DagFolder(run.dag.root.with_name('a"b'))
    expression = dagman_job.own_jobs(dag, run.folder.run_id)
    assert f'WingspanRun == "{run.folder.run_id}"' in expression
    assert expression.endswith('/a\\"b/results"')


def test_a_project_moved_at_the_last_moment_is_not_made_again(run, monkeypatch):
    """Between two looks, or just before the lock is taken: what follows ends, and leaves no folder in the old place."""
    following = follower_of(run.folder, run.home)
    moved = run.home.root.with_name("moved")

    def late(*args, **options):
        run.home.root.rename(moved)
        return locked(*args, **options)

    monkeypatch.setattr("wingspan.runner.htcondor.follow.follower.locked", late)
    with pytest.raises(ConflictError, match=r"(?s)was moved or removed.*wingspan resume"):
        following.advance()
    monkeypatch.undo()
    with pytest.raises(ConflictError, match="was moved or removed"):
        following.advance()
    assert not run.home.root.exists()
