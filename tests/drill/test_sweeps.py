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


def begin(scene, **options):
    """Start a sweep of six trials on two lanes, and wait until some have begun."""
    run = scene.start(scene.module.sweep(str(scene.log), **options))
    scene.wait(lambda: scene.log.exists() and scene.lines("trial") >= 2)
    return run


def set_chirp(chirp):
    """Let the pool's profile close the channel between the search and the lanes, or leave it open."""
    Path("wingspan.toml").write_text(f'[pools.htcondor]\nchirp = "{chirp}"\n')


def kill(pids):
    """Kill some processes at once."""
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def check(scene, run, numbers=range(6)):
    """Wait for the end; every trial is complete, once, and the sealed test has read the best."""
    run.wait(200)
    assert run.state == "done", [(e.step, e.state, e.problem) for e in run.events.values()]
    assert run["sealed"] == f"best {min(numbers)}"
    assert [trial.parameters["number"] for trial in run.study.trials] == list(numbers)
    assert {trial.state for trial in run.study.trials} == {"complete"}
    assert [trial.value for trial in run.study.trials] == list(numbers)
    folder = run.home.studies / run.steps["trial"].sweep["study"]
    entries = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    ended = [entry["number"] for entry in entries if entry["event"] == "ended"]
    assert sorted(ended) == list(range(len(numbers)))
    assert read_study(folder).best.parameters["number"] == min(numbers)
    attempts = run.attempts
    assert all(attempts[f"trial[{number}]"] for number in range(len(numbers)))
    scene.seen()


@pytest.mark.parametrize(
    ("daemon", "chirp"),
    [
        pytest.param(name, chirp, marks=pytest.mark.scenario(f"{what}: {name} killed", "none"))
        for chirp, what in (("io", "sweep"), ("off", "sweep, chirp off"))
        for name in KILLED
    ],
)
def test_a_daemon_is_killed_under_a_sweep(scene, daemon, chirp):
    """HTCondor starts it again, and the lanes go on; without chirp they run the trials that came with them."""
    set_chirp(chirp)
    run = begin(scene)
    scene.breaks()
    kill(scene.processes(daemon))
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
    return None


@pytest.mark.scenario("sweep: schedd and search killed", "none")
def test_the_schedd_is_killed_while_the_search_is_at_work(scene):
    """The search dies with it; a new one draws on as the first would have, which a sweep on this machine shows."""
    run = begin(scene, search="tpe", parallel=1)
    search = scene.wait(lambda: search_of(run))
    scene.breaks()
    kill(scene.processes("condor_schedd"))
    scene.wait(lambda: search_of(run) not in {None, search})
    here = scene.module.sweep(str(scene.folder / "here"), search="tpe", parallel=1)
    numbers = [trial.parameters["number"] for trial in here.run(home="elsewhere").study.trials]
    check(scene, run, numbers)


@pytest.mark.scenario("sweep: the search killed", "none")
def test_the_search_is_killed(scene):
    """HTCondor starts it again, and it goes on with the same trials."""
    run = begin(scene)
    search = scene.wait(lambda: search_of(run))
    scene.breaks()
    kill([search])
    check(scene, run)


@pytest.mark.parametrize(
    "chirp",
    [
        pytest.param("io", marks=pytest.mark.scenario("sweep: the follower killed", "status")),
        pytest.param(
            "off", marks=pytest.mark.scenario("sweep, chirp off: the follower killed", "status")
        ),
    ],
)
def test_the_follower_of_a_sweep_is_killed(scene, chirp):
    """No process follows until the end: status collects."""
    set_chirp(chirp)
    run = begin(scene)
    scene.breaks()
    kill([run.folder.driver()[0]])
    check(scene, run)


@pytest.mark.parametrize(
    "chirp",
    [
        pytest.param("io", marks=pytest.mark.scenario("sweep: a trial killed", "none")),
        pytest.param("off", marks=pytest.mark.scenario("sweep, chirp off: a trial killed", "none")),
    ],
)
def test_the_process_of_a_trial_is_killed(scene, chirp):
    """The same job runs the trial again."""
    set_chirp(chirp)
    run = begin(scene)
    scene.breaks()
    kill([int(scene.log.read_text().split()[1])])
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
    tried = run.attempts[f"trial[{lost.number}]"]
    assert [one.outcome for one in tried[:-1]] == ["evicted"] * (len(tried) - 1)
    assert len(tried) >= 2
    assert lost.wall_s > min(trial.wall_s for trial in run.study.trials)


@pytest.mark.scenario("sweep: the starter of the search killed", "none")
def test_the_starter_of_the_search_is_killed(scene):
    """The search dies with it, and is started again: no trial runs twice."""
    run = begin(scene)
    search = scene.wait(lambda: search_of(run))
    starter = int(Path("/proc", str(search), "stat").read_text().rpartition(")")[2].split()[1])
    scene.breaks()
    kill([starter])
    check(scene, run)
    numbers = [line.split()[2] for line in scene.log.read_text().splitlines()]
    assert sorted(numbers) == [str(number) for number in range(6)]
