"""A job of several tasks of unknown length: what it has no time for is run by jobs of its own."""

import pytest

from wingspan.planning import fuse

STEPS = """
    import wingspan as ws

    def task(number: int, bad: int) -> int:
        if number == bad:
            raise ValueError(f"no good: {number}")
        return number + 1

    def half(number: int) -> float:
        return number / 2

    def total(numbers: list[float]) -> float:
        return sum(numbers)

    def pipeline(bad: int = -1) -> ws.Pipeline:
        p = ws.Pipeline("tasks")
        made = p.map(task, over={"number": [0, 1, 2]}, bad=bad)
        halves = p.map(half, over={"number": made})
        p.step(total, halves)
        return p
"""


@pytest.fixture
def tasks(project, small_pool, monkeypatch):
    """Give a function that makes the pipeline, for a pool with this task time."""
    monkeypatch.setattr(fuse, "WIDTH", 1)
    project.write(tasks=STEPS)
    monkeypatch.chdir(project.path)

    def declared(task_time, **options):
        (project.path / "wingspan.toml").write_text(f"[pools.htcondor]\ntask_time = {task_time}\n")
        return project.fresh("tasks").pipeline(**options)

    return declared


def jobs_of(run):
    """Return how many jobs were in the queue, in each DAG."""
    logs = sorted(run.folder.dags.glob("*/jobs.log"))
    return [log.read_text().count("\n000 (") + log.read_text().startswith("000 (") for log in logs]


def test_one_job_runs_all_that_there_is_time_for(tasks, tmp_path):
    """The jobs for what might be given back are never submitted."""
    run = tasks(600).run("htcondor", home=tmp_path / "home")
    assert run["total"] == 3.0
    assert jobs_of(run) == [2]
    assert {event.state for event in run.events.values()} == {"done"}


@pytest.mark.long
def test_what_is_given_back_gets_jobs_of_its_own(tasks, tmp_path):
    """A task that was begun is ended, its second step too; the others run side by side, and each state is told."""
    told = []
    run = tasks(0.001).run("htcondor", home=tmp_path / "home", listener=told.append)
    assert run["total"] == 3.0
    assert jobs_of(run) == [4]
    assert (run.folder.dags / "1").is_dir()
    waited = {event.step for event in told if event.problem.startswith("given back")}
    assert waited <= {
        "task[1]",
        "task[2]",
        "half[1]",
        "half[2]",
    }  # those that a look came in time for
    assert all(event.state != "failed" for event in told)
    again = tasks(0.001).run("htcondor", home=tmp_path / "home")
    assert not again.folder.dags.exists()


@pytest.mark.long
def test_what_is_given_back_is_run_although_another_task_failed(tasks, tmp_path):
    """DAGMan gives up the node and those behind it; another DAG does what can be done."""
    run = tasks(0.001, bad=0).run("htcondor", home=tmp_path / "home", check=False)
    states = {name: event.state for name, event in run.events.items()}
    assert states == {
        "task[0]": "failed", "half[0]": "skipped", "total": "skipped",
        "task[1]": "done", "half[1]": "done", "task[2]": "done", "half[2]": "done",
    }  # fmt: skip
    assert run["half[2]"] == 1.5
