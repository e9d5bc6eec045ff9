"""A run is shown in TensorBoard while it goes on and afterwards, from its record alone."""

import shutil

import pytest
from typer.testing import CliRunner

import wingspan as ws
from wingspan.cli.main import app
from wingspan.errors import NotFoundError, SettingError
from wingspan.tracking import tensorboard

SHOWN = """
    import wingspan as ws

    def train(rate: float, epochs: int = 4) -> dict[str, float]:
        for epoch in range(epochs):
            ws.log({"loss": (1 - rate) ** epoch}, step=epoch)
            if ws.should_stop():
                break
        return {"accuracy": rate}

    def score(best: dict[str, float]) -> float:
        return best["accuracy"] * 2

    def pipeline(trials=2, epochs=4) -> ws.Pipeline:
        p = ws.Pipeline("shown")
        over = {"rate": ws.uniform(0.25, 0.5)}
        tuned = p.sweep(train, over=over, metric="loss", search="random", trials=trials, epochs=epochs)
        p.step(score, tuned)
        return p
"""


def points(run, name):
    return tensorboard.read(run.folder.tensorboard / name / "events.out.tfevents.wingspan")


def invoke(*words):
    return CliRunner().invoke(app, ["track", *map(str, words)])


def test_a_run_is_shown_checked_repaired_and_extended(project):
    """Every point once; `check` finds what is missing, `sync` completes it; another run shows the study it goes on with."""
    project.write(shown=SHOWN)
    shown = project.fresh("shown")
    run = shown.pipeline().run(track="tensorboard")
    rate = run.study.trials[1].parameters["rate"]
    found = points(run, "train[1]")
    assert [point[:2] for point in found] == [(step, "loss") for step in range(4)] + [
        (3, "accuracy")
    ]
    assert [point[2] for point in found] == pytest.approx(
        [(1 - rate) ** n for n in range(4)] + [rate]
    )
    assert points(run, "score") == [(0, "value", pytest.approx(2 * run["train"]["accuracy"]))]
    assert "show all that was logged" in invoke("check").output
    file = run.folder.tensorboard / "train[0]/events.out.tfevents.wingspan"
    whole = file.read_bytes()
    file.write_bytes(whole[:-60])
    said = invoke("check", run.run_id)
    assert (said.exit_code, "train[0]" in said.output) == (1, True)
    assert invoke("sync").exit_code == 0
    assert file.read_bytes() == whole

    more = shown.pipeline(trials=3).run()
    assert not more.folder.tracking.exists()
    with pytest.raises(NotFoundError, match="--track tensorboard"):
        CliRunner().invoke(app, ["track", "sync"], catch_exceptions=False)
    assert "tensorboard --logdir" in invoke("sync", "--track", "tensorboard").output
    assert points(more, "train[1]") == found
    assert len(points(more, "train[2]")) == 5

    for attempts in (run, more):  # as after `rm -r .wingspan/runs/OTHER/steps`
        shutil.rmtree(attempts.folder.root / "steps")
    again = ws.open_run(more.run_id)
    shutil.rmtree(again.folder.tensorboard)
    invoke("sync", again.run_id)
    assert points(again, "train[1]") == found


def test_mirrors_that_do_not_exist_are_refused_before_anything_runs(project):
    """By name, and by type."""
    project.write(shown=SHOWN)
    shown = project.fresh("shown")
    with pytest.raises(SettingError, match="did you mean tensorboard"):
        shown.pipeline().run(track="tensorbord")
    with pytest.raises(SettingError, match="name of a mirror"):
        shown.pipeline().run(track=3)
    assert not (project.path / ".wingspan/runs").exists()


def test_a_sweep_on_a_pool_is_shown_like_one_here(project, small_pool):
    """Trials of lanes, and the step that comes after the sweep; every point once."""
    project.write(shown=SHOWN)
    run = project.fresh("shown").pipeline(epochs=300).run("htcondor", track="tensorboard")
    for number, trial in enumerate(run.study.trials):
        rate = trial.parameters["rate"]
        found = points(run, f"train[{number}]")
        assert [point[2] for point in found] == pytest.approx(
            [(1 - rate) ** n for n in range(300)] + [rate]
        )
    assert points(run, "score") == [(0, "value", pytest.approx(2 * run["train"]["accuracy"]))]
    assert invoke("check").exit_code == 0


def test_points_are_shown_while_the_run_goes_on(project, wait_until):
    """A step that waits for the test has its first epochs shown; the run goes on in the background."""
    project.write(
        live="""
        import time
        from pathlib import Path

        import wingspan as ws

        def train(flag: str) -> None:
            for epoch in range(3):
                ws.log({"loss": float(epoch)}, step=epoch)
            while not Path(flag).exists():
                time.sleep(0.02)
            ws.log({"loss": 3.0}, step=3)

        def pipeline(flag: str) -> ws.Pipeline:
            p = ws.Pipeline("live")
            p.step(train, flag)
            return p
        """
    )
    flag = project.path / "flag"
    run = project.fresh("live").pipeline(str(flag)).submit(track="tensorboard")
    file = run.folder.tensorboard / "train/events.out.tfevents.wingspan"
    wait_until(lambda: file.exists() and len(points(run, "train")) == 3)
    assert run.state == "running"
    flag.touch()
    run.wait(30)
    wait_until(lambda: len(points(run, "train")) == 4)
