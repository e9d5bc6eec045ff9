"""Training: it learns what is there, nothing that is not, and goes on where it was killed."""

import inspect
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from wingspan.advisor.models.ablations import shuffled_labels, shuffled_time, without_context
from wingspan.advisor.models.checkpoint import Saved, load_network, save_network
from wingspan.advisor.models.network import NetworkConfig
from wingspan.advisor.models.train import CHECKPOINT, Examples, predict, train
from wingspan.advisor.samples.tensors import Layout, Tensors
from wingspan.errors import ConflictError, CorruptError, FormatError, SettingError

torch = pytest.importorskip("torch")
CONFIG = NetworkConfig(hidden=16, epochs=12, patience=12, rate=0.02, batch=64, seed=3)


def planted(n=900, seed=0):
    """A mate's event late (label 1) or early (label 0) among noise."""
    random = np.random.default_rng(seed)
    counts = random.poisson(0.3, (n, 6, 3, 4)).astype(np.uint8)
    label = random.integers(0, 2, n).astype(float)
    counts[:, :, 1, 2] = 0
    counts[np.arange(n), np.where(label == 1, 5, 1), 1, 2] = 2
    return Tensors(counts, np.ones((n, 6, 3), bool), np.zeros((n, 3), np.int32)), label


@pytest.fixture(autouse=True)
def one_thread():
    """Other tests run beside."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def fit(tensors, label, config=CONFIG, folder=None, **options):
    """Train on the first 600 examples, validate on the next 150."""
    rows = np.arange(750)
    return train(
        Examples(tensors, label, np.ones(len(label))),
        rows[:600],
        rows[600:],
        config,
        folder,
        device="cpu",
        **options,
    )


def auc(trained, tensors, label):
    """Return the area under the curve of the examples that were never seen."""
    return roc_auc_score(label[750:], predict(trained, tensors)[750:])


def same(first, second):
    """Say whether two trainings ended with the same bytes."""
    return all(torch.equal(first.weights[k], second.weights[k]) for k in first.weights)


def test_learns_and_repeats():
    """A planted pattern of a mate's late event is learned; the same seed gives the same bytes, another does not."""
    tensors, label = planted()
    trained = fit(tensors, label)
    assert auc(trained, tensors, label) > 0.9
    again = fit(tensors, label)
    assert same(trained, again)
    assert trained.epochs == again.epochs
    assert not same(trained, fit(tensors, label, NetworkConfig(hidden=16, epochs=1, seed=4)))


@pytest.mark.parametrize("ablation", ["labels", "context", "time"])
def test_ablations(ablation):
    """With shuffled labels, without the mates or with shuffled time nothing of the pattern is left to learn."""
    tensors, label = planted()
    taught = shuffled_labels(label, np.arange(900)) if ablation == "labels" else label
    change = {"context": without_context, "time": shuffled_time}.get(ablation, lambda same: same)
    changed = change(tensors)
    trained = fit(changed, taught)
    assert 0.3 < auc(trained, changed, taught) < 0.7
    assert trained.best.validate_loss > 0.66
    assert sorted(taught) == sorted(label)


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("c++"), reason="there is no C++ compiler")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_compiled():
    """A compiled step learns what the plain one learns, and its weights are those of the plain network."""
    tensors, label = planted()
    config = replace(CONFIG, dropout=0.0, epochs=3)
    plain, compiled = (
        fit(tensors, label, config),
        fit(tensors, label, replace(config, compiled=True)),
    )
    assert plain.weights.keys() == compiled.weights.keys()
    found = [predict(each, tensors) for each in (plain, compiled)]
    np.testing.assert_allclose(*found, atol=1e-3)


def test_early_stop(tmp_path):
    """Training ends `patience` epochs after the best one, and returns the best one's weights."""
    tensors, label = planted()
    config = NetworkConfig(hidden=16, epochs=60, patience=2, rate=0.02, batch=64)
    mixed = shuffled_labels(label, np.arange(750))
    trained = fit(tensors, mixed, config)
    assert len(trained.epochs) == trained.best.number + 2 < 60
    assert trained.best.validate_loss == min(each.validate_loss for each in trained.epochs)
    till_best = NetworkConfig(
        hidden=16, epochs=trained.best.number, patience=2, rate=0.02, batch=64
    )
    assert same(trained, fit(tensors, mixed, till_best))
    save_network(Saved(trained, Layout(m=6, j=3, e=4)), tmp_path / "network")
    assert same(load_network(tmp_path / "network").trained, trained)  # what is deployed


def test_a_loss_that_is_not_finite_ends_it_with_what_to_do():
    """No weights of such an epoch are kept as the best ones."""
    tensors, label = planted()
    with pytest.raises(SettingError, match="give a lower rate"):
        fit(tensors, label, replace(CONFIG, rate=1e30))


def test_resume_after_kill(tmp_path):
    """Killed after its third epoch and given again, training ends with the bytes of an uninterrupted one."""
    code = f"""
import os, pathlib, signal, torch
import numpy as np
from wingspan.advisor.samples.tensors import Tensors
{inspect.getsource(planted)}
from wingspan.advisor.models.network import NetworkConfig
from wingspan.advisor.models.train import Examples, train
torch.set_num_threads(1)
kill = lambda epoch: epoch.number == 3 and os.kill(os.getpid(), signal.SIGKILL)
tensors, label = planted()
rows = np.arange(750)
train(Examples(tensors, label, np.ones(900)), rows[:600], rows[600:], {CONFIG!r},
      pathlib.Path({str(tmp_path)!r}), device="cpu", on_epoch=kill)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGKILL
    tensors, label = planted()
    told = []
    resumed = fit(tensors, label, folder=tmp_path, on_epoch=told.append)
    assert [epoch.number for epoch in told] == list(range(4, 13))
    whole = fit(tensors, label)
    assert same(resumed, whole)
    assert resumed.epochs == whole.epochs


def test_checkpoint_of_another(tmp_path):
    """A checkpoint of other data or of another file is refused, and stays as it was."""
    tensors, label = planted()
    config = NetworkConfig(hidden=4, epochs=1)
    fit(tensors, label, config, tmp_path)
    with pytest.raises(ConflictError, match="other data"):
        fit(tensors, 1 - label, config, tmp_path)
    (tmp_path / CHECKPOINT).write_bytes(b"not safetensors")
    with pytest.raises(CorruptError, match="not a training checkpoint"):
        fit(tensors, label, config, tmp_path)
    assert (tmp_path / CHECKPOINT).read_bytes() == b"not safetensors"


@pytest.mark.parametrize(
    "lost", ["now.last.bias", "best.lstm.weight_ih_l0", "adam.0.exp_avg", "epochs", "shape"]
)
def test_checkpoint_without_a_part(tmp_path, lost):
    """A checkpoint with the right key that lacks a tensor, has another shape, or no story, is refused by its name."""
    from safetensors import safe_open
    from safetensors.torch import save_file

    tensors, label = planted()
    config = NetworkConfig(hidden=4, epochs=1)
    fit(tensors, label, config, tmp_path)
    path = tmp_path / CHECKPOINT
    with safe_open(path, framework="pt") as file:
        told = file.metadata()
        parts = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    parts.pop(lost, None)
    told.pop(lost, None)
    if lost == "shape":
        lost = "now.last.bias"
        parts[lost] = torch.zeros(7)
    save_file(parts, path, metadata=told)
    with pytest.raises(FormatError, match=lost):
        fit(tensors, label, config, tmp_path)


def test_facts_are_learned():
    """What the facts alone tell is learned, and asked for again when predicting."""
    tensors, label = planted()
    hidden = without_context(tensors)
    facts = (label[:, None] + np.random.default_rng(1).normal(0, 0.5, (900, 2))).astype(np.float32)
    rows = np.arange(750)
    examples = Examples(hidden, label, np.ones(900), facts)
    trained = train(examples, rows[:600], rows[600:], CONFIG, device="cpu")
    assert roc_auc_score(label[750:], predict(trained, hidden, facts)[750:]) > 0.9
    assert roc_auc_score(label[750:], predict(trained, hidden, -facts)[750:]) < 0.1


def test_bad_rows():
    """Rows that are empty, shared, unlabelled or without weight are refused before anything is trained."""
    tensors, label = planted(20)
    weights, rows = np.ones(20), np.arange(20)
    for labels, heavy, first, second, told in [
        (label, weights, rows[:0], rows, "empty"),
        (label, weights, rows, rows[5:], "share"),
        (label * np.nan, weights, rows[:9], rows[9:], "labels"),
        (label, weights * 0, rows[:9], rows[9:], "weights"),
    ]:
        with pytest.raises(SettingError, match=told):
            train(Examples(tensors, labels, heavy), first, second, CONFIG)


def test_random_state_stays():
    """Training leaves torch's random numbers as they were."""
    tensors, label = planted()
    torch.manual_seed(1)
    want = torch.rand(3)
    torch.manual_seed(1)
    fit(tensors, label, NetworkConfig(hidden=4, epochs=1))
    assert torch.equal(torch.rand(3), want)
