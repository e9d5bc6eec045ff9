"""ws.EarlyStopping outside a run, in a run, and in a job that is started again."""

import os
import signal
from pathlib import Path

import pytest

import wingspan as ws
from wingspan.errors import SettingError

LOSSES = [0.9, 0.7, 0.5, 0.6, 0.4, 0.45, 0.5, 0.55, 0.1]


def train(killed_at: int = -1) -> dict[str, float]:
    """Follow losses whose best epoch before the patience ends is the fifth; the process may be killed once."""
    state = ws.checkpoint_file("state.txt")
    restarted = state.exists()
    stop = ws.EarlyStopping(patience=3, file="best.txt")
    begun = stop.epochs
    for epoch in range(begun, len(LOSSES)):
        state.write_text(str(epoch))
        ended = stop(LOSSES[epoch], save=lambda file, at=epoch: file.write_text(f"weights {at}"))
        ws.log({"loss": LOSSES[epoch]}, step=epoch)
        ws.checkpoint()
        if epoch == killed_at and not restarted:
            os.kill(os.getpid(), signal.SIGKILL)
        if ended:
            break
    found = {"best": stop.best, "best_epoch": stop.best_epoch, "epochs": stop.epochs}
    return {**found, "begun": begun, "weights": int(stop.file.read_text().split()[1])}


def test_outside_a_run_it_ends_at_the_right_epoch_and_keeps_the_best_weights():
    """The function stays testable: no run, no job, the same answer."""
    assert train() == {"best": 0.4, "best_epoch": 4, "epochs": 8, "begun": 0, "weights": 4}


@pytest.mark.parametrize("killed_at", [3, 6])
def test_a_job_that_is_started_again_goes_on_in_its_patience(tmp_path, killed_at):
    """Killed before and after the best epoch: the same end, the same weights, no epoch twice."""
    p = ws.Pipeline("early")
    p.step(train, killed_at=killed_at, retries=1)
    run = p.run(home=tmp_path)
    expected = {"best": 0.4, "best_epoch": 4, "epochs": 8, "begun": killed_at + 1, "weights": 4}
    assert run["train"] == expected
    assert [step for step, _ in run.metrics["train"]["loss"].curve] == list(range(8))


def keep_best() -> Path:
    """Train until the loss has turned up for three epochs; the model is the best epoch's."""
    stop = ws.EarlyStopping(patience=3, file="model.txt")
    for epoch, loss in enumerate(LOSSES):
        if stop(loss, save=lambda file, at=epoch: file.write_text(f"weights {at}")):
            break
    return stop.file


def predict(model: Path) -> str:
    """Use the model."""
    return f"by {model.read_text()}"


def test_the_best_epochs_weights_are_stored_and_used(tmp_path):
    """Not those of the last epoch, in which the loss had turned up."""
    p = ws.Pipeline("best")
    p.step(predict, p.step(keep_best))
    run = p.run(home=tmp_path)
    assert (run["keep_best"].name, run["keep_best"].read_text()) == ("model.txt", "weights 4")
    assert run["predict"] == "by weights 4"


def test_it_reads_as_it_is_used():
    """A number of NumPy is a number; a text is not; its text says how far it is."""
    import numpy as np

    stop = ws.EarlyStopping(goal="maximize")
    assert not stop(np.float32(0.5))
    assert stop.improved
    assert "epoch 0 of 1" in repr(stop)
    assert stop(float("nan"))
    with pytest.raises(SettingError, match=r"EarlyStopping: expected a number, found 'low'"):
        stop("low")
