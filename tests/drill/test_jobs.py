"""The failure drill, of jobs and people: what needs no pool of its own."""

import json
import subprocess
import sys
import time

import pytest

import wingspan as ws
from wingspan.accesspoint import hold, release, remove
from wingspan.errors import StepFailedError
from wingspan.runner.runs import open_run

pytestmark = pytest.mark.htcondor
POOL = "pool"
START = """
import sys
from pathlib import Path
from drilled import two_steps
two_steps(sys.argv[1], sys.argv[2]).run("htcondor", home=Path(sys.argv[3]), fuse=False)
"""


@pytest.mark.scenario("exception in a step", "correct the code, same command")
def test_an_exception_in_a_step(scene, project):
    """The user's own file and line and the message; what the others made is kept, and nothing is tried again."""
    p = ws.Pipeline("drill")
    made = p.step(scene.module.first, str(scene.log))
    p.step(scene.module.fails, made)
    p.step(scene.module.first, str(scene.log), name="other")
    scene.breaks()
    run = scene.start(p)
    scene.until(run, "fails", "failed")
    scene.seen()
    run.wait(60)
    assert {name: event.state for name, event in run.events.items()} == {
        "first": "done", "other": "done", "fails": "failed",
    }  # fmt: skip
    with pytest.raises(StepFailedError) as told:
        run["fails"]
    assert "ValueError: no good: 1" in str(told.value)
    assert str(project.path / "drilled.py") in str(told.value)
    assert len(run.folder.attempts(run.steps["fails"].key)) == 1


@pytest.mark.long
@pytest.mark.scenario("memory over the request", "none, up to four times the request")
def test_a_step_over_its_memory_is_run_with_more(scene):
    """The job goes back to the queue with twice the request, tells so, and ends well."""
    p = ws.Pipeline("drill")
    asked = ws.Resources(cpus=3, memory="200MB")  # 3: no slot of another test fits
    p.step(scene.module.hungry, resources=asked)
    run = scene.start(p)
    scene.until(run, "hungry", "running")
    scene.breaks()
    scene.says(run, "hungry", "waits for more memory")
    scene.seen()
    assert run.wait(120)["hungry"] == 300 * 2**20
    assert len(run.attempts["hungry"]) >= 2


@pytest.mark.long
@pytest.mark.scenario("the user's terminal gone", "none; or the same command, to wait for it")
def test_the_terminal_may_go_away(scene, project):
    """The process that started the run is killed with -9; the run goes on, and the same command takes it up again."""
    words = [str(scene.log), str(scene.flag), str(scene.home)]
    with subprocess.Popen([sys.executable, "-c", START, *words], cwd=project.path) as driver:
        scene.wait(lambda: list((scene.home / "runs").glob("*/dag/1/cluster")))
        driver.kill()
    scene.breaks()
    run = open_run(home=scene.home)
    scene.until(run, "slow", "running")
    assert run.state == "running"
    scene.seen()
    scene.flag.touch()
    pipeline = scene.module.two_steps(str(scene.log), str(scene.flag))
    again = pipeline.run("htcondor", home=scene.home, fuse=False)
    assert again.run_id == run.run_id
    assert again["slow"] == 2
    assert scene.lines("first") == 1


@pytest.mark.long
@pytest.mark.scenario("user removes a job", "same command")
def test_a_job_that_a_user_removes_is_not_started_again(scene):
    """The step failed, for that reason; the same command runs it, and nothing else."""
    run = scene.two_steps()
    scene.until(run, "slow", "running")
    scene.breaks()
    remove(*scene.queue(run), "not wanted")
    event = scene.until(run, "slow", "failed")
    scene.seen()
    assert "removed" in event.problem
    run.wait(60)
    assert run.state == "failed"
    scene.flag.touch()
    pipeline = scene.module.two_steps(str(scene.log), str(scene.flag))
    assert pipeline.run("htcondor", home=scene.home)["slow"] == 2
    assert scene.lines("first") == 1


@pytest.mark.long
@pytest.mark.scenario("user holds a job", "condor_release")
def test_a_job_that_a_user_holds_stays_held(scene):
    """It is told as held, by whom, also to who watches; released, the run ends well."""
    run = scene.two_steps()
    scene.until(run, "slow", "running")
    command = [sys.executable, "-m", "wingspan", "watch", "--json", "--home", str(scene.home)]
    watching = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    (cluster,) = scene.queue(run)
    scene.breaks()
    hold(cluster, "I want to look at it")
    event = scene.until(run, "slow", "held")
    scene.seen()
    assert "I want to look at it" in event.problem
    time.sleep(4)  # two rounds of the schedd's periodic expressions
    assert scene.queue(run) == {cluster: 5}
    scene.flag.touch()
    release(cluster, "looked at")
    assert run.wait(60)["slow"] == 2
    told = [json.loads(line) for line in watching.communicate(timeout=60)[0].splitlines()]
    states = [each["state"] for each in told if each.get("step") == "slow"]
    assert states[-4:] == ["held", "waiting", "running", "done"]
    assert watching.returncode == 0


@pytest.mark.long
@pytest.mark.scenario("training longer than a job may run", "epochs_per_job")
def test_a_training_is_cut_into_segments(scene):
    """Each job makes three epochs and goes on from the last one; the limit counts each segment for itself."""
    p = ws.Pipeline("drill")
    asked = ws.Resources(epochs_per_job=3, runtime="8s")
    p.step(scene.module.counting, str(scene.log), 45, resources=asked)
    scene.breaks()
    run = scene.start(p).wait(200)
    assert run["counting"] == 45
    begun = [int(line.split()[1]) for line in scene.log.read_text().splitlines()]
    assert begun == list(range(0, 46, 3))
    scene.seen()
