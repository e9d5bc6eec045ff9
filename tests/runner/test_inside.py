"""What a step may call: records and checkpoints inside a job, nothing outside."""

import json

import pytest

from wingspan.errors import SettingError
from wingspan.runner.job import inside
from wingspan.runner.run_folder import EPOCHS, METRICS, PAUSED, STOP


@pytest.fixture
def job(tmp_path):
    inside.enter(tmp_path)
    yield tmp_path
    inside._FOLDER.clear()


def test_metrics_are_lines_in_order(job):
    """ws.log appends one line per call with its step."""
    inside.log({"loss": 0.5}, step=1)
    inside.log({"loss": 0.25, "accuracy": 1}, step=2)
    lines = [json.loads(line) for line in (job / METRICS).read_text().splitlines()]
    assert [(line["step"], line["metrics"]) for line in lines] == [
        (1, {"loss": 0.5}),
        (2, {"loss": 0.25, "accuracy": 1.0}),
    ]


def test_a_metric_that_is_no_number_is_refused(job):
    """The message names the metric and what was found."""
    with pytest.raises(SettingError, match=r"ws.log: loss: expected a number, found 'low'"):
        inside.log({"loss": "low"})


def test_only_what_was_checkpointed_survives(job):
    """A file written after the last checkpoint() is not kept."""
    state = inside.checkpoint_file("state.txt")
    state.write_text("epoch 1")
    inside.checkpoint()
    state.write_text("epoch 2, half")
    assert (inside.last_checkpoint(job) / "state.txt").read_text() == "epoch 1"


def test_a_restarted_step_finds_its_checkpoint(job):
    """checkpoint_file gives a path that already holds the last checkpoint."""
    inside.checkpoint_file("state.txt").write_text("epoch 1")
    inside.checkpoint()
    inside.remove(job / inside._DRAFT)  # as in a new attempt, which gets the checkpoint folder only
    assert inside.checkpoint_file("state.txt").read_text() == "epoch 1"


def test_a_training_waits_for_the_end_of_its_job_after_so_many_checkpoints(tmp_path, monkeypatch):
    """Where the job says how many it makes; elsewhere, and before, it goes on."""
    job = tmp_path / "part" / "steps" / "KEY" / "1"
    job.mkdir(parents=True)
    slept = []
    monkeypatch.setattr(inside.time, "sleep", slept.append)
    monkeypatch.setattr(inside, "_kept", 0)
    inside.enter(job)
    for number in range(3):
        inside.checkpoint_file("state.txt").write_text(str(number))
        inside.checkpoint()
    assert not slept
    (tmp_path / "part" / EPOCHS).write_text("5")
    inside.checkpoint()
    assert not slept
    inside.checkpoint()
    assert slept
    assert (job / PAUSED).exists()
    inside._FOLDER.clear()


def test_a_checkpoint_interrupted_between_its_renames_is_still_there(job):
    """Killed at the worst moment, the last whole checkpoint is found."""
    inside.checkpoint_file("state.txt").write_text("epoch 1")
    inside.checkpoint()
    (job / "checkpoint").rename(job / "checkpoint.old")
    assert (inside.last_checkpoint(job) / "state.txt").read_text() == "epoch 1"


def test_the_stop_file_is_seen(job):
    """should_stop turns true when the trial was pruned."""
    assert not inside.should_stop()
    (job / STOP).touch()
    assert inside.should_stop()


def test_outside_a_run_all_of_it_does_nothing():
    """A function that logs and checkpoints can be tested as it is."""
    inside.log({"loss": 1.0})
    path = inside.checkpoint_file("state.txt")
    assert not path.exists()
    path.write_text("x")
    inside.checkpoint()
    assert not inside.should_stop()
    assert not inside.inside()
