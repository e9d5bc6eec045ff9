"""The search and the lanes of a sweep talk while trials run; where they cannot, the sweep ends all the same."""

import json
import os
import signal

import pytest

from wingspan.pool.personal import start_pool
from wingspan.runner.htcondor.chirp_commands import ways_in_words
from wingspan.runner.htcondor.dag_folder import newest
from wingspan.runner.htcondor.messages import read_line

TALK = """
    import random
    import time
    from pathlib import Path
    import wingspan as ws

    def fit(rate: float, epochs: int = 60) -> float:
        for epoch in range(epochs):
            ws.log({"loss": rate + 1 / (epoch + 1)}, step=epoch)
            if rate > 0.5:
                time.sleep(0.1)
            if ws.should_stop():
                break
        return rate

    def noisy(rate: float) -> float:
        return rate + random.random() / 10

    def pipeline(noisy_one: bool = False, **options) -> ws.Pipeline:
        p = ws.Pipeline("talk")
        given = {"over": {"rate": [0.1, 0.2, 0.9, 0.8]}, "metric": "loss", "trials": 4, "parallel": 2,
                 "search": "grid", "seed": 1} | options
        p.sweep(noisy if noisy_one else fit, **given)
        return p

    def budgets() -> ws.Pipeline:
        p = ws.Pipeline("budgets")
        given = {"metric": "loss", "parallel": 2, "seed": 1}
        slow = {"rate": [rate / 100 for rate in range(60, 90)]}
        p.sweep(fit, over=slow, search="random", trials=30, hours=0.001, constants={"epochs": 9},
                name="hours", **given)
        p.sweep(fit, over={"rate": ws.uniform(0.0, 0.4)}, search="tpe", trials=40, target=0.39,
                constants={"epochs": 2}, name="target", **given)
        p.sweep(noisy, over={"rate": [0.1, 0.2, 0.3, 0.4]}, search="grid", trials=4, confirm=2,
                name="confirm", **given)
        return p

    def learned(**options) -> ws.Pipeline:
        return pipeline(**({"over": {"rate": ws.uniform(0.0, 0.4)}, "search": "tpe", "trials": 6} | options))
"""
MEDIAN = {"rule": "median", "startup": 1}


@pytest.fixture
def talk(project, small_pool):
    """Give the module, on a pool without daemons; `close` closes parts of that pool."""
    project.write(talk=TALK)
    module = project.fresh("talk")
    module.close = lambda *words: (small_pool / "queue" / "closed").write_text(" ".join(words))
    return module


def said(run):
    """Return the contents of all messages in the jobs' log."""
    lines = newest(run.folder).jobs_log.read_text().splitlines()
    found = [
        read_line(line.partition(" ws1 ")[1].strip() + " " + line.partition(" ws1 ")[2])
        for line in lines
    ]
    return [message.content for message in found if message is not None]


def ways(run):
    """Return the ways that the jobs have said they have."""
    return {content["way"] for content in said(run) if "way" in content}


def ended(run):
    """Return the lines of trials that the lanes have sent home."""
    lines = [
        json.loads(line)
        for file in newest(run.folder).results.glob("*.trials.jsonl")
        for line in file.read_text().splitlines()
    ]
    return [line for line in lines if "call" in line]


@pytest.mark.long
def test_the_search_gives_lanes_their_trials(talk):
    """It learns: draws come one by one; no trial is lost, none runs twice, none comes from a reserve."""
    run = talk.learned().run("htcondor")
    assert ways(run) == {"io"}
    assert len(run.study.trials) == 6
    assert {trial.state for trial in run.study.trials} == {"complete"}
    lines = ended(run)
    assert sorted(line["number"] for line in lines) == list(range(6))
    assert {line["reserve"] for line in lines} == {None}
    assert run["fit"] == min(trial.value for trial in run.study.trials)
    assert not (newest(run.folder).logs / "search.err").read_text()


WAYS = [  # what the pool closes -> the way of the jobs, whether the search is heard, and bad trials are stopped
    ((), "io", True),
    (("chirp",), "stream", False),
    pytest.param(("getfile",), "updates", False, marks=pytest.mark.long),
    pytest.param(("ulog",), "io, stream", True, marks=pytest.mark.long),
    pytest.param(("ulog", "getfile"), "stream", False, marks=pytest.mark.long),
    pytest.param(("search",), "io", False, marks=pytest.mark.long),
]


@pytest.mark.parametrize(("closed", "way", "heard"), WAYS, ids=str)
def test_a_sweep_that_prunes_ends_whatever_the_pool_closes(talk, closed, way, heard):
    """Every trial is there once. Where the search is heard, the bad ones are stopped early; else they run to their end."""
    talk.close(*closed)
    run = talk.pipeline(prune=MEDIAN, constants={"epochs": 15}).run("htcondor")
    trials = run.study.trials
    assert ways(run) <= {way}
    assert [trial.parameters["rate"] for trial in trials] == [0.1, 0.2, 0.9, 0.8]
    assert [trial.state for trial in trials[:2]] == ["complete", "complete"]
    assert {trial.state for trial in trials[2:]} == {"pruned" if heard else "complete"}
    assert sorted(line["number"] for line in ended(run)) == [0, 1, 2, 3]
    assert run["fit"] == 0.1


@pytest.mark.parametrize("chirp", ["updates", "off"])
def test_a_profile_chooses_what_jobs_may_do(talk, project, chirp):
    """Nothing is allowed that it does not name, and the run says what is absent."""
    (project.path / "wingspan.toml").write_text(f'[pools.mine]\nchirp = "{chirp}"\n')
    run = talk.learned(trials=3).run("mine")
    text = newest(run.folder).dag.read_text()
    assert "want_io_proxy" not in text
    assert "SERVICE" not in text
    assert ("WantRemoteUpdates" in text) == (chirp == "updates")
    assert [trial.state for trial in run.study.trials] == ["complete"] * 3


@pytest.mark.long
def test_a_search_that_dies_goes_on_as_if_it_had_not(talk, wait_until):
    """It is killed in the middle, twice: draws and trials are those of a search that was left alone."""
    run = talk.learned(parallel=1, trials=8).submit("htcondor")
    dag = wait_until(lambda: newest(run.folder))
    for number in (1, 4):
        wait_until(lambda n=number: dag.params(f"fit-1_lane1.{n}").exists())
        os.kill(int((dag.root / "search.pid").read_text()), signal.SIGKILL)
    run.wait(60)
    seen = [trial.parameters["rate"] for trial in run.study.trials]
    assert sorted(line["number"] for line in ended(run)) == list(range(8))
    assert {line["reserve"] for line in ended(run)} == {None}
    here = talk.learned(parallel=1, trials=8).run(home="elsewhere")
    assert [trial.parameters["rate"] for trial in here.study.trials] == seen


@pytest.mark.htcondor
def test_a_bad_trial_is_stopped_on_a_real_pool(project, pool, job_folder):
    """By chirp, through the starter and the shadow; the search is a service beside DAGMan."""
    project.write(talk=TALK)
    given = {"over": {"rate": [0.1, 0.9]}, "trials": 2, "parallel": 1, "prune": MEDIAN}
    run = project.fresh("talk").pipeline(**given).run("htcondor", home=job_folder / "home")
    assert ways(run) == {"io"}
    assert [trial.state for trial in run.study.trials] == ["complete", "pruned"]
    assert len(run.study.trials[1].curve) < 30
    assert "SERVICE search" in newest(run.folder).dag.read_text()
    assert not (newest(run.folder).logs / "search.err").read_text()


CLOSED = [  # what the administrator closes -> the way of the jobs, and whether bad trials are stopped
    ({"ENABLE_CHIRP_IO": "false"}, "updates", False),
    ({"ENABLE_CHIRP_UPDATES": "false"}, "io, stream", True),
    ({"ENABLE_CHIRP": "false"}, "stream", False),
    ({"START_LOCAL_UNIVERSE": "false"}, "io", True),
]


@pytest.mark.long
@pytest.mark.htcondor
@pytest.mark.parametrize(("extra", "way", "heard"), CLOSED, ids=str)
def test_a_real_pool_closes_parts_of_chirp(
    project, daemons, pool_parent, monkeypatch, extra, way, heard
):
    """The jobs find out which way is open, and the sweep ends with every trial once."""
    name = "".join(extra).lower()
    running = start_pool(pool_parent / name, cpus=2, memory_mb=8192, daemons=daemons, extra=extra)
    try:
        for variable, value in running.environment.items():
            monkeypatch.setenv(variable, value)
        project.write(talk=TALK)
        given = {"prune": MEDIAN, "constants": {"epochs": 25}}
        run = project.fresh("talk").pipeline(**given).run("htcondor", home=running.folder / "home")
        states = [trial.state for trial in run.study.trials]
        assert states[:2] == ["complete", "complete"]
        assert set(states[2:]) == {"pruned" if heard else "complete"}
        assert sorted(line["number"] for line in ended(run)) == [0, 1, 2, 3]
        assert run.trail.channel() == ways_in_words([way, way])
        universe = "scheduler" if "START_LOCAL_UNIVERSE" in extra else "local"
        assert f"universe = {universe}" in newest(run.folder).dag.read_text()
    finally:
        running.stop()


@pytest.mark.long
def test_a_sweep_ends_once_its_target_is_reached(talk):
    """The lanes hear that no further trial comes; the sweep has the best so far."""
    run = talk.learned(trials=40, parallel=1, target=0.39, constants={"epochs": 2}).run("htcondor")
    assert run.study.best.value <= 0.39
    assert len(run.study.trials) < 40
    assert run["fit"] == run.study.best.value


SLOW = {"over": {"rate": [rate / 100 for rate in range(60, 90)]}, "constants": {"epochs": 2}}


@pytest.mark.long
def test_a_sweep_ends_once_its_hours_are_used(talk):
    """No trial is drawn after that; those under way end, and the best so far is the result."""
    run = talk.pipeline(**SLOW, trials=30, search="random", hours=0.5 / 3600).run("htcondor")
    assert 0 < len(run.study.trials) < 30
    assert {trial.state for trial in run.study.trials} == {"complete"}
    assert run.study.used_s >= 0.5
    assert run["fit"] == min(trial.value for trial in run.study.trials)
    again = talk.pipeline(**SLOW, trials=30, search="random", hours=0.5 / 3600)
    assert again.plan(on="htcondor").to_run() == ()


@pytest.mark.long
def test_the_best_trials_are_confirmed(talk):
    """Run again with other seeds once all have ended, as on this machine; the result is the best of their means."""
    given = {"trials": 4, "confirm": 2, "over": {"rate": [0.1, 0.2, 0.3, 0.4]}}
    run = talk.pipeline(noisy_one=True, **given).run("htcondor")
    here = talk.pipeline(noisy_one=True, **given).run(home="elsewhere")
    assert [len(trial.values) for trial in run.study.trials] == [
        len(trial.values) for trial in here.study.trials
    ]
    assert sorted(len(trial.values) for trial in run.study.trials) == [1, 1, 3, 3]
    assert [trial.values for trial in run.study.trials] == [t.values for t in here.study.trials]
    assert run.study.chosen(2).number == here.study.chosen(2).number
    assert run["noisy"] == here["noisy"]


@pytest.mark.long
@pytest.mark.htcondor
def test_real_lanes_end_by_hours_and_target_and_confirm(project, pool, job_folder):
    """Three sweeps of one workflow, each with a search service that looks at its own budget."""
    project.write(talk=TALK)
    run = project.fresh("talk").budgets().run("htcondor", home=job_folder / "home")
    hours, target, confirm = (run.studies[name] for name in ("hours", "target", "confirm"))
    assert 0 < len(hours.trials) < 30
    assert hours.used_s >= 3.6
    assert 0 < len(target.trials) < 40
    assert target.best.value <= 0.39
    assert sorted(len(trial.values) for trial in confirm.trials) == [1, 1, 3, 3]
    assert not (newest(run.folder).logs / "search.err").read_text()


@pytest.mark.long
def test_a_user_ends_a_sweep(talk, wait_until):
    """What is under way is stopped, and the workflow goes on with the best so far."""
    given = {"over": {"rate": [0.1, 0.9, 0.8, 0.7]}, "parallel": 1, "constants": {"epochs": 300}}
    run = talk.pipeline(**given).submit("htcondor")
    dag = wait_until(lambda: newest(run.folder))
    wait_until(lambda: dag.params("fit-1_lane1.1").exists())
    run.end_sweeps()
    run.wait(60)
    assert run["fit"] == 0.1
    assert [trial.state for trial in run.study.trials[:2]] == ["complete", "pruned"]
    assert len(ended(run)) == 2
