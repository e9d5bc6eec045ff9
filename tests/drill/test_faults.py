"""The failure drill, of what changes around a run: its pool, its DAGMan, its place, its disk, its machines."""

import os
import shutil
import signal
import subprocess
import sys

import pytest

import wingspan as ws
from wingspan.accesspoint import edit, query, remove
from wingspan.accesspoint.jobs import release, submit
from wingspan.pool.personal import start_pool
from wingspan.runner.htcondor.dag_folder import newest
from wingspan.runner.runs import open_run

pytestmark = [pytest.mark.htcondor, pytest.mark.long]
POOL = "drill"


LACKS = """
    from importlib import import_module

    def uses(package: str) -> int:
        return import_module(package).VALUE
"""


def dagman_of(run):
    """Return the number of DAGMan's job."""
    return newest(run.folder).cluster.read_text()


def undriven(scene, run):
    """End the process that drives a run, as if its machine had been started again."""
    pid, _ = run.folder.driver()
    os.kill(pid, signal.SIGKILL)
    scene.wait(lambda: not run.folder.driven())


def resumes(scene, run):
    """Let the run's last step end, and resume the run."""
    scene.flag.touch()
    assert run.resume()["slow"] == 2
    assert scene.lines("first") == 1


@pytest.fixture
def short_lived(daemons, pool_parent, monkeypatch):
    """Give a function that makes a pool anew in one place: numbers of jobs begin again."""
    folder = pool_parent / "anew"
    made = []

    def anew():
        for pool in made:
            pool.stop()
        shutil.rmtree(folder / "spool", ignore_errors=True)
        made.append(start_pool(folder, cpus=8, memory_mb=16384, daemons=daemons))
        for name, value in made[-1].environment.items():
            monkeypatch.setenv(name, value)

    yield anew
    made[-1].stop()


@pytest.mark.scenario("pool set up again", "same command, or wingspan resume")
def test_a_pool_is_made_anew(scene, short_lived):
    """Another project's job has the number of ours: it is left alone, and the run goes on."""
    short_lived()
    run = scene.two_steps()
    scene.until(run, "slow", "running")
    undriven(scene, run)
    number = dagman_of(run)
    scene.breaks()
    short_lived()
    while (
        theirs := submit(
            {"executable": "/bin/sleep", "arguments": "600", "log": f"{scene.folder}/their.log"}
        )
    ) < int(number):
        remove(str(theirs), "only its number is wanted")
    assert str(theirs) == number
    event = run.collect().events["slow"]
    scene.seen()
    assert event.state == "stopped"
    assert event.problem.startswith(f"DAGMan, job {number}, has left the queue")
    assert run.stop().state == "stopped"
    assert query(f"ClusterId == {number}", ["JobStatus"])
    resumes(scene, run)
    assert query(f"ClusterId == {number}", ["JobStatus"])
    remove(number, "the test is over")


@pytest.mark.scenario("DAGMan gone without a word", "same command, or wingspan resume")
def test_dagman_is_gone_without_a_word(scene):
    """Its log has no end: the queue is asked, what happened is said, and the run goes on."""
    run = scene.two_steps()
    scene.until(run, "slow", "running")
    undriven(scene, run)
    number = dagman_of(run)
    edit(number, "UserLog", '"/dev/null"')
    scene.breaks()
    remove(number, "the queue is cleaned")
    scene.wait(lambda: not query(f"ClusterId == {number}", ["JobStatus"]))
    event = run.collect().events["slow"]
    scene.seen()
    assert event.state == "stopped"
    assert run.state == "stopped"
    resumes(scene, run)


@pytest.mark.scenario("project moved while it runs", "wingspan resume, or the same command, there")
def test_the_project_is_moved(scene):
    """Its jobs send their results to the old place: it is said, they are removed, and the run goes on."""
    run = scene.two_steps()
    scene.until(run, "slow", "running")
    number = dagman_of(run)
    scene.breaks()
    moved = scene.home.with_name("moved")
    scene.home.rename(moved)
    here = open_run(run.run_id, home=moved)
    scene.wait(lambda: not here.folder.driven())
    event = here.collect().events["slow"]
    scene.seen()
    assert event.state == "stopped"
    assert event.problem.startswith(f"the run was moved from {scene.home}")
    assert not scene.home.exists(), list(scene.home.rglob("*"))
    resumes(scene, here)
    scene.wait(lambda: not query(f"ClusterId == {number}", ["JobStatus"]))


@pytest.mark.scenario(
    "package missing on the machines", "let it travel, or install it; same command"
)
def test_an_environment_lacks_a_package(scene, project, tmp_path, monkeypatch):
    """The step failed with the package's name, and the advice is not to correct the code."""
    (tmp_path / "only_here").mkdir()
    (tmp_path / "only_here" / "rare_package.py").write_text("VALUE = 3\n")
    monkeypatch.syspath_prepend(str(tmp_path / "only_here"))
    project.write(lacks=LACKS)
    p = ws.Pipeline("drill")
    p.step(project.fresh("lacks").uses, "rare_package")
    scene.breaks()
    run = scene.start(p)
    event = scene.until(run, "uses", "failed")
    scene.seen()
    assert "No module named 'rare_package'" in event.problem
    assert "correct the code" not in event.fix


@pytest.mark.scenario("machine disconnected", "none")
def test_a_machine_is_disconnected(scene):
    """Said at once, since when, and until when it may come back; the job is run again elsewhere."""
    run = scene.two_steps()
    scene.until(run, "slow", "running")
    scene.breaks()
    for name in ("condor_startd", "condor_starter"):
        for pid in scene.processes(name):
            os.kill(pid, signal.SIGKILL)
    event = scene.until(run, "slow", "disconnected")
    scene.seen()
    assert "disconnected since " in event.problem
    assert "may come back until " in event.problem
    assert run.state == "running"
    scene.flag.touch()
    assert run.wait(300)["slow"] == 2
    assert scene.lines("first") == 1


@pytest.mark.scenario("folder full, resumed with the job held", "free space, condor_release")
def test_resume_beside_a_job_that_is_held_for_a_full_folder(scene, small_disk):
    """It says for which job it waits, why, and how to release it; released, the run ends well."""
    p = ws.Pipeline("drill")
    p.step(scene.module.fills, 40, str(scene.log))
    with small_disk(scene.home, "24m", mode="0755"):
        run = p.submit("htcondor", home=scene.home)
        scene.until(run, "fills", "held")
        undriven(scene, run)
        subprocess.run(["mount", "-o", "remount,size=300m", str(scene.home)], check=True)
        scene.breaks()
        command = [sys.executable, "-m", "wingspan", "resume", "--home", str(scene.home)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as resumed:
            said = ""
            while "condor_release" not in said:
                said += resumed.stderr.readline()
            scene.seen()
            assert "waiting for a job that is held: fills" in said
            assert "No space left on device" in said
            (job,) = scene.queue(run)
            assert f"condor_release {job}" in said
            release(job, "there is room now")
            resumed.stderr.read()
        assert resumed.returncode == 0
        assert run["fills"].stat().st_size == 40 << 20
