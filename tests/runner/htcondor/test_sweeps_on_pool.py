"""A sweep on a pool: lanes run its trials, the access point selects the best, and the same workflow goes on with it."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

import wingspan as ws
from wingspan.accesspoint.jobs import query, submit_dag
from wingspan.errors import StepFailedError
from wingspan.runner.htcondor.dag_folder import newest
from wingspan.runner.htcondor.export import export
from wingspan.runner.htcondor.follow.dag_logs import dag_over
from wingspan.runner.htcondor.follow.exported import collect
from wingspan.runner.record import read_new_events
from wingspan.runner.run_folder import Home, RunFolder
from wingspan.store.store import Store

TUNE = """
    import time
    from pathlib import Path
    from typing import NamedTuple
    import wingspan as ws

    class Fitted(NamedTuple):
        model: dict[str, float]
        loss: float

    def load(size: int) -> list[int]:
        return list(range(size))

    def fit(train: list[int], rate: float, layers: int = 1, flag: str = "") -> Fitted:
        while flag and layers == 3 and not Path(flag).exists():
            time.sleep(0.02)
        loss = abs(rate - 0.1) * layers
        ws.log({"loss": loss + 1}, step=0)
        print("fitted", rate)
        return Fitted({"rate": rate, "layers": layers}, loss)

    def partly(rate: float) -> float:
        if rate > 0.25:
            raise ValueError("too fast")
        return rate

    def broken(rate: float) -> float:
        raise ValueError(f"no rate {rate} is good")

    def silent(rate: float) -> dict[str, float]:
        return {"score": rate}

    def sealed(model: dict[str, float], study: list[dict]) -> str:
        return f"{model['rate']} of {len(study)}"

    RATES = {"rate": [0.4, 0.1, 0.2, 0.3]}

    def tuned(flag: str = "", **options) -> ws.Pipeline:
        p = ws.Pipeline("tune")
        train = p.step(load, 3)
        given = {"over": {"rate": ws.log_uniform(1e-3, 1.0), "layers": [1, 2, 3]}, "metric": "loss",
                 "search": "random", "trials": 4, "parallel": 2} | options
        found = p.sweep(fit, train=train, flag=flag, **given)
        p.step(sealed, found.model, found.study)
        return p

    def twice() -> ws.Pipeline:
        p = ws.Pipeline("twice")
        train = p.step(load, 3)
        over = {"rate": ws.log_uniform(1e-3, 1.0), "layers": [1, 2, 3]}
        given = {"over": over, "metric": "loss", "parallel": 1, "seed": 5}
        p.sweep(fit, train=train, search="tpe", trials=14, name="learned", **given)
        p.sweep(fit, train=train, search="random", trials=4, name="random", **given)
        return p

    def grid(function, **options) -> ws.Pipeline:
        p = ws.Pipeline("grid")
        p.sweep(function, **({"over": RATES, "metric": "loss", "search": "grid", "parallel": 1} | options))
        return p
"""


@pytest.fixture
def tune(project, small_pool):
    """Give the module, on a pool without daemons."""
    project.write(tune=TUNE)
    return project.fresh("tune")


def trials_run(run):
    """Return the names of the trials that the jobs of a run's last DAG have ended, in each lane's order."""
    lines = [
        json.loads(line)
        for file in sorted(newest(run.folder).results.glob("*.trials.jsonl"))
        for line in file.read_text().splitlines()
    ]
    return [line["number"] for line in lines if "call" in line]


def jobs_of(run):
    """Return how many jobs the last DAG has submitted."""
    return newest(run.folder).jobs_log.read_text().count("Job submitted from host")


def test_the_best_trial_is_the_result_and_the_workflow_goes_on(tune):
    """Lanes run the trials, the sealed test reads the best one; trials are results, and none runs twice."""
    run = tune.tuned().run("htcondor")
    best = min(run.study.trials, key=lambda trial: trial.value)
    assert run.study.best == best
    assert run["fit"].model == best.parameters
    assert run["sealed"] == f"{best.parameters['rate']} of 4"
    assert [row["loss"] for row in run["fit.study"]] == sorted(t.value for t in run.study.trials)
    assert {trial.state for trial in run.study.trials} == {"complete"}
    assert [trial.attempts for trial in run.study.trials] == [1, 1, 1, 1]
    assert best.curve == ((0, best.value + 1),)
    assert sorted(trials_run(run)) == [0, 1, 2, 3]
    assert run.logs("fit[2]") == f"fitted {run.study.trials[2].parameters['rate']}\n"
    assert tune.tuned(parallel=1).plan(on="htcondor").to_run() == ()
    more = tune.tuned(trials=6, parallel=4).run("htcondor")
    assert sorted(trials_run(more)) == [4, 5]
    assert more.study.trials[:4] == run.study.trials
    here = tune.tuned(trials=6).run(home="elsewhere")
    assert [t.parameters for t in here.study.trials] == [t.parameters for t in more.study.trials]
    assert [t.value for t in here.study.trials] == [t.value for t in more.study.trials]


@pytest.mark.long
def test_failed_trials_are_listed_and_the_commonest_traceback_ends_a_sweep(tune):
    """One good trial is a result; without one the sweep fails, and what reads it is skipped."""
    run = tune.grid(tune.partly).run("htcondor")
    assert run["partly"] == 0.1
    assert [t.state for t in run.study.trials] == ["failed", "complete", "complete", "failed"]
    assert "ValueError: too fast" in run.study.trials[0].problem
    assert str(Path(tune.__file__)) in run.study.trials[0].problem


@pytest.mark.long
def test_a_sweep_without_a_good_trial_fails(tune):
    """The traceback stands once, with how many trials have it."""
    run = tune.grid(tune.broken).run("htcondor", check=False)
    assert run.events["broken"].state == "failed"
    assert "4 of 4 trials failed and none is complete" in run.events["broken"].problem
    assert "is good" in run.events["broken"].problem
    with pytest.raises(StepFailedError, match="no rate"):
        run["broken"]
    assert jobs_of(run) == 1


@pytest.mark.long
def test_a_metric_that_no_trial_reports_is_said_after_the_first(tune):
    """Each lane stops at once: no other trial would report it."""
    run = tune.grid(tune.silent).run("htcondor", check=False)
    assert "score" in run.events["silent"].problem
    assert len(trials_run(run)) == 1


@pytest.mark.long
def test_a_lane_goes_on_in_another_job(tune, project):
    """A lane takes no further trial once it has run for the task time; DAGMan starts it again."""
    (project.path / "wingspan.toml").write_text("[pools.htcondor]\ntask_time = 0.001\n")
    run = tune.tuned().run("htcondor")
    assert sorted(trials_run(run)) == [0, 1, 2, 3]
    assert jobs_of(run) == 1 + 4 + 1  # load, a job a trial, sealed
    assert {trial.attempts for trial in run.study.trials} == {1}


@pytest.mark.long
def test_what_a_stopped_sweep_has_ended_is_kept(tune, tmp_path, wait_until):
    """Another DAG runs what is left, and each trial counts once."""
    flag = tmp_path / "flag"
    run = tune.tuned(str(flag), parallel=4).submit("htcondor")
    wait_until(lambda: trials_home(run), 60)
    run.stop()
    before = {trial.number for trial in run.study.trials if trial.state == "complete"}
    flag.touch()
    again = tune.tuned(str(flag)).run("htcondor")
    assert not before & set(trials_run(again))
    assert {trial.state for trial in again.study.trials} == {"complete"}


def trials_home(run):
    """Return the trials that are home, of a run that may not have a DAG yet."""
    return trials_run(run) if newest(run.folder) else []


@pytest.mark.long
def test_nobody_needs_to_follow(tune, wait_until):
    """The sweep, the selection and the sealed test go on without a process of the user; what they made is collected later."""
    run = tune.tuned().submit("htcondor")
    wait_until(lambda: newest(run.folder) is not None, 60)
    os.kill(run.folder.driver()[0], signal.SIGKILL)
    wait_until(lambda: dag_over(newest(run.folder)), 60)
    later = ws.open_run(run.run_id).collect()
    assert later.state == "done"
    assert later["sealed"] == f"{later.study.best.parameters['rate']} of 4"
    assert {trial.state for trial in later.study.trials} == {"complete"}


@pytest.mark.long
def test_the_machines_of_a_pool_share_a_folder(tune, tmp_path):
    """Results of trials lie there; the best becomes the sweep's there too."""
    (tmp_path / "shared").mkdir()
    run = tune.tuned().run("htcondor", shared=tmp_path / "shared")
    assert run["sealed"] == f"{run.study.best.parameters['rate']} of 4"
    assert run["fit"].model == run.study.best.parameters
    assert {trial.state for trial in run.study.trials} == {"complete"}
    assert tune.tuned(trials=4).plan().to_run() == ()
    store = Store(Home(Path(".wingspan")).store)
    assert len(store.done(trial.keys[0] for trial in run.study.trials)) == 4


@pytest.mark.long
def test_a_sweep_that_is_exported_is_collected(tune, tmp_path):
    """Submitted by hand, in its own folder; the trials are results like others, and more of them can follow."""
    folder = tmp_path / "exported"
    home = Home(Path(".wingspan"))
    dag = export(tune.tuned().plan(), RunFolder(folder), home)
    cluster = submit_dag(dag, {})
    wait = time.monotonic() + 60
    while query(f"ClusterId == {cluster}", ["ClusterId"]):
        assert time.monotonic() < wait
        time.sleep(0.1)
    events = collect(RunFolder(folder), home)
    assert {event.state for event in events.values()} == {"done"}
    run = tune.tuned(trials=6).run("htcondor")
    assert sorted(trials_run(run)) == [4, 5]
    assert len(run.study.trials) == 6


@pytest.mark.long
def test_the_best_trial_is_run_again_where_its_files_are_gone(tune):
    """By the job of the sweep's own node, which runs for nothing else; what reads the sweep goes on with it."""
    best = tune.tuned(trials=4, seed=3).run().study.best
    shutil.rmtree(Home(Path(".wingspan")).store / best.keys[0][:2] / best.keys[0])
    run = tune.tuned(trials=5, seed=3).run("htcondor")
    assert run.study.best.number == best.number
    assert trials_run(run) == [4]
    assert jobs_of(run) == 1 + 1 + 1  # a lane, the best trial, sealed
    assert run["fit"].model == best.parameters
    assert run["sealed"] == f"{best.parameters['rate']} of 5"
    assert len(run.study.trials) == 5


@pytest.mark.long
@pytest.mark.parametrize("search", ["tpe", "random", "quasi-random"])
def test_the_study_is_the_same_here_and_on_a_pool(tune, search):
    """One trial at a time, without pruning, with the same seed; TPE has learned from the first ten."""
    given = {"search": search, "trials": 14, "parallel": 1, "seed": 5}
    there = tune.tuned(**given).run("htcondor").study
    here = tune.tuned(**given).run(home="elsewhere").study
    assert [trial.parameters for trial in there.trials] == [t.parameters for t in here.trials]
    assert [trial.value for trial in there.trials] == [trial.value for trial in here.trials]
    assert [trial.curve for trial in there.trials] == [trial.curve for trial in here.trials]
    assert there.best.number == here.best.number


@pytest.mark.htcondor
@pytest.mark.long
def test_the_study_is_the_same_here_and_on_real_daemons(project, pool):
    """Two sweeps, one trial at a time each, without pruning, with the same seed; TPE has learned from the first ten."""
    project.write(tune=TUNE)
    module = project.fresh("tune")
    there = module.twice().run("htcondor")
    here = module.twice().run(home="elsewhere")
    for name in ("learned", "random"):
        ours, theirs = here.studies[name], there.studies[name]
        assert [trial.parameters for trial in theirs.trials] == [t.parameters for t in ours.trials]
        assert [trial.value for trial in theirs.trials] == [trial.value for trial in ours.trials]
        assert [trial.curve for trial in theirs.trials] == [trial.curve for trial in ours.trials]
        assert theirs.best.number == ours.best.number
    assert len(there.studies["learned"].trials) == 14
    assert {call.host for name, of in there.attempts.items() if "[" in name for call in of} != set()


@pytest.mark.htcondor
@pytest.mark.long
def test_a_sweep_on_real_daemons(project, pool):
    """DAGMan starts lanes again, selects, and skips the sweep's own job; the sealed test follows in the same DAG."""
    (project.path / "wingspan.toml").write_text("[pools.htcondor]\ntask_time = 0.001\n")
    project.write(tune=TUNE)
    run = project.fresh("tune").tuned(trials=2, parallel=1).run("htcondor")
    assert run["sealed"] == f"{run.study.best.parameters['rate']} of 2"
    assert trials_run(run) == [0, 1]
    assert jobs_of(run) == 1 + 2 + 1
    states = [event.state for event in read_all(run) if event.step == "fit"]
    assert "running" in states
    assert states[-1] == "done"


def read_all(run):
    """Return every event that the run has recorded."""
    return read_new_events(run.folder, 0)[0]


BLIND = """
    import wingspan as ws

    def fit(rate: float) -> float:
        import time
        loss = 1.0
        for epoch in range(40):
            loss = rate + 1 / (epoch + 1)
            ws.log({"loss": loss}, step=epoch)
            if rate > 0.5:
                time.sleep(0.5)
            if ws.should_stop():
                break
        return rate

    def sealed(loss: float) -> float:
        return loss + 1

    def pipeline() -> ws.Pipeline:
        p = ws.Pipeline("blind")
        rule = {"rule": "median", "startup": 1}
        found = p.sweep(fit, over={"rate": [0.1, 0.2, 0.9, 0.8]}, metric="loss", search="grid", parallel=2, prune=rule)
        p.step(sealed, found)
        return p
"""


@pytest.mark.long
@pytest.mark.htcondor
def test_a_sweep_that_prunes_on_machines_without_python(blind, project):
    """Interpreter and libraries travel; the lanes hear the search, which stops the bad trials."""
    (project.path / "wingspan.toml").write_text('[pools.send]\nenvironment = "send"\n')
    project.write(blinded=BLIND)
    run = project.fresh("blinded").pipeline().run("send", home=blind / "home")
    assert run["sealed"] == 1.1
    states = {trial.parameters["rate"]: trial.state for trial in run.study.trials}
    assert states == {0.1: "complete", 0.2: "complete", 0.9: "pruned", 0.8: "pruned"}
    assert all(len(t.curve) < 40 for t in run.study.trials if t.state == "pruned")
    shutil.rmtree(blind)  # the environment
