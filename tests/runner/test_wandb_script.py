"""A script as W&B's own tutorial has it, unchanged and with W&B's real client, is swept, pruned and mirrored without a server."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

import wingspan as ws
from wingspan.cli.main import app
from wingspan.tracking import tensorboard

pytest.importorskip("wandb", reason="W&B's client is not installed: no script runs with it")

EXAMPLE = Path(__file__).parents[2] / "examples/wandb_sweep"


@pytest.mark.parametrize("on", ["local", pytest.param("htcondor", marks=pytest.mark.long)])
def test_a_script_of_the_tutorial_is_swept_as_it_is(project, monkeypatch, small_pool, on):
    """Parameters arrive in wandb.config, points are read while it runs, the worst trial is stopped, all are shown."""
    key = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b"
    monkeypatch.setenv("WANDB_API_KEY", key)  # of the user's login: no job gets it
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # nobody is there
    for file in EXAMPLE.iterdir():
        shutil.copy(file, project.path)
    words = ["sweep", "sweep.yaml", "--parallel", "1", "--track", "tensorboard", "--on", on]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    run = ws.open_run()
    first, second = run.study.trials
    assert (first.state, second.state) == ("complete", "pruned")
    losses = [value for _, value in first.curve]
    assert len(losses) == 60
    assert losses == sorted(losses, reverse=True)
    assert first.value == losses[-1]
    assert 2 <= len(second.curve) < 60
    assert run.study.best.parameters["lr"] == 0.1
    files = run.folder.tensorboard
    shown = tensorboard.read(files / "train[0]/events.out.tfevents.wingspan")
    assert [step for step, name, _ in shown if name == "slope"] == list(range(60))
    stopped = tensorboard.read(files / "train[1]/events.out.tfevents.wingspan")
    assert len([1 for _, name, _ in stopped if name == "val_loss"]) >= len(second.curve)
    for trial in ("train[0]", "train[1]") if on == "local" else ():
        (attempt,) = run.trial_attempts(trial)
        kept = os.walk(attempt)
        assert not [name for _, _, names in kept for name in names if name.startswith("run-2")]
    found = subprocess.run(
        ["grep", "-rlaF", key, str(project.path), str(small_pool)], capture_output=True, check=False
    )
    assert found.stdout == b""  # neither jobs, their ads and logs, nor what was recorded
