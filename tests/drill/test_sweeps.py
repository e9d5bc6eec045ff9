"""The failure drill for sweeps: whatever is killed in the middle, the same trials end, none is lost, and none counts twice."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from wingspan.accesspoint import query
from wingspan.runner.htcondor.dag_folder import newest
from wingspan.sweep.study import read_study

pytestmark = [pytest.mark.htcondor, pytest.mark.long]
POOL = "drill"
KILLED = ("condor_dagman", "condor_schedd", "condor_startd", "condor_starter", "condor_shadow")


def begin(scene):
    """Start a sweep of six trials on two lanes, and wait until some have begun."""
    run = scene.start(scene.module.sweep(str(scene.log)))
    scene.wait(lambda: scene.log.exists() and scene.lines("trial") >= 2)
    return run


def check(scene, run, numbers=range(6)):
    """Wait for the end; every trial is complete, once, and the sealed test has read the best."""
    run.wait(200)
    assert run.state == "done", [(e.step, e.state, e.problem) for e in run.events.values()]
    assert run["sealed"] == "best 0"
    assert [trial.parameters["number"] for trial in run.study.trials] == list(numbers)
    assert {trial.state for trial in run.study.trials} == {"complete"}
    assert [trial.value for trial in run.study.trials] == list(numbers)
    folder = run.home.studies / run.steps["trial"].sweep["study"]
    entries = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    ended = [entry["number"] for entry in entries if entry["event"] == "ended"]
    assert sorted(ended) == list(numbers)
    assert read_study(folder).best.number == 0
    scene.seen()


@pytest.mark.parametrize(
    "daemon",
    [
        pytest.param(name, marks=pytest.mark.scenario(f"sweep: {name} killed", "none"))
        for name in KILLED
    ],
)
def test_a_daemon_is_killed_under_a_sweep(scene, daemon):
    """HTCondor starts it again, and the lanes go on."""
    run = begin(scene)
    scene.breaks()
    for pid in scene.processes(daemon):
        os.kill(pid, signal.SIGKILL)
    check(scene, run)


@pytest.mark.parametrize(
    "daemon",
    [
        pytest.param(name, marks=pytest.mark.scenario(f"sweep, chirp off: {name} killed", "none"))
        for name in ("condor_dagman", "condor_schedd", "condor_starter")
    ],
)
def test_a_daemon_is_killed_under_a_sweep_that_hears_nothing(scene, daemon):
    """Without chirp there is no search; the lanes run the trials that came with them."""
    Path("wingspan.toml").write_text('[pools.htcondor]\nchirp = "off"\n')
    run = begin(scene)
    scene.breaks()
    for pid in scene.processes(daemon):
        os.kill(pid, signal.SIGKILL)
    check(scene, run)


def search_of(run):
    """Return the process of the search beside a run's DAG."""
    root = newest(run.folder).root
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if b"wingspan.runner.htcondor.serve.service" in words and (folder / "cwd").samefile(
                root
            ):
                return int(folder.name)
        except OSError:
            continue
    raise AssertionError("there is no search")


@pytest.mark.scenario("sweep: the search killed", "none")
def test_the_search_is_killed(scene):
    """HTCondor starts it again, and it goes on with the same trials."""
    run = begin(scene)
    scene.breaks()
    os.kill(search_of(run), signal.SIGKILL)
    check(scene, run)


@pytest.mark.scenario("sweep: the follower killed", "status")
def test_the_follower_of_a_sweep_is_killed(scene):
    """Nobody follows until the end: status collects."""
    run = begin(scene)
    scene.breaks()
    os.kill(run.folder.driver()[0], signal.SIGKILL)
    check(scene, run)


@pytest.mark.scenario("sweep: a trial killed", "none")
def test_the_process_of_a_trial_is_killed(scene):
    """It is made again by the same job."""
    run = begin(scene)
    scene.breaks()
    os.kill(int(scene.log.read_text().split()[1]), signal.SIGKILL)
    check(scene, run)
    assert scene.lines("trial") >= 7


@pytest.mark.scenario("sweep: a lane evicted", "none")
def test_a_trial_that_is_evicted_counts_once(scene):
    """It goes on from its last checkpoint that was sent; the time of all its starts is its own."""
    Path("wingspan.toml").write_text("[pools.htcondor]\ncheckpoint_every = 0.5\n")
    run = begin(scene)
    scene.breaks()
    jobs = query("JobStatus == 2 && JobUniverse == 5", ["ClusterId"])
    assert jobs
    ids = [str(ad["ClusterId"]) for ad in jobs]
    subprocess.run(["condor_vacate_job", "-fast", *ids], check=True, capture_output=True)
    check(scene, run)
    assert max(trial.attempts for trial in run.study.trials) >= 2
    lost = max(run.study.trials, key=lambda trial: trial.attempts)
    assert lost.wall_s > min(trial.wall_s for trial in run.study.trials)


@pytest.mark.scenario("sweep: the starter of the search killed", "none")
def test_the_starter_of_the_search_is_killed(scene):
    """The search dies with it, and is started again: no trial runs twice."""
    run = begin(scene)
    search = search_of(run)
    starter = int(Path("/proc", str(search), "stat").read_text().rpartition(")")[2].split()[1])
    scene.breaks()
    os.kill(starter, signal.SIGKILL)
    check(scene, run)
    numbers = [line.split()[2] for line in scene.log.read_text().splitlines()]
    assert sorted(numbers) == [str(number) for number in range(6)]
