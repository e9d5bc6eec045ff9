"""What becomes of the steps of an exported DAG, by what its jobs sent and by its logs."""

import shutil

import pytest

from wingspan.runner.htcondor.dag_folder import DagFolder
from wingspan.runner.htcondor.follow.exported import collect
from wingspan.simulator import write


@pytest.fixture
def exported(pool_run):
    """Give an exported DAG that was submitted by hand: a run's folder that is the DAG's too."""
    run = pool_run({"held": [], "gone": [], "bad": [], "runs": [], "waits": ["runs"]})
    shutil.copytree(run.dag.root, run.folder.root, dirs_exist_ok=True)
    shutil.rmtree(run.folder.dags)
    run.dag = DagFolder(run.folder.root)
    run.dag.cluster.unlink()
    for node in ("held", "gone", "bad", "runs"):
        run.submitted(node)
        run.started(node)
    run.job("held", write.held, 6, "no such file: x.csv", 13, 2)
    run.job("gone", write.held, 6, "over the limit", 21, 102)
    run.job("gone", write.aborted, 8, "The job attribute PeriodicRemove expression is TRUE")
    run.dag.errors("gone").write_text("Killed\n")
    run.sends_failure("bad", "no good")
    run.job("bad", write.terminated, 7, return_value=1)
    return run


def test_jobs_without_a_result_are_what_the_logs_say(exported):
    """Held, given up with the reason and what the job wrote, or running; not just waiting."""
    events = collect(exported.folder, exported.home)
    states = {name: event.state for name, event in events.items()}
    assert states == {
        "held": "held", "gone": "failed", "bad": "failed", "runs": "running", "waits": "waiting",
    }  # fmt: skip
    assert "over the limit" in events["gone"].problem
    (attempt,) = exported.folder.attempts(exported.keys["gone"])
    assert (attempt / "stderr.txt").read_text() == "Killed\n"


def test_what_failed_is_brought_in_once(exported):
    """Another look makes no further attempt, until the DAG is submitted again and fails again."""
    first, second = (collect(exported.folder, exported.home) for _ in range(2))
    assert [second[name] for name in ("gone", "bad")] == [first[name] for name in ("gone", "bad")]
    for name in ("gone", "bad"):
        assert len(exported.folder.attempts(exported.keys[name])) == 1
    exported.sends_failure("gone", "worse")
    again = collect(exported.folder, exported.home)["gone"]
    assert (again.problem, again.attempt) == ("worse", 2)
