"""Folders of trained networks: they come back as they were, or are refused."""

import json

import numpy as np
import pytest

from wingspan.advisor.models.checkpoint import (
    CARD,
    WEIGHTS,
    Saved,
    load_network,
    save_network,
)
from wingspan.advisor.models.network import LSTM, NetworkConfig
from wingspan.advisor.models.train import Examples, predict, train
from wingspan.advisor.samples.tensors import Layout, Tensors
from wingspan.errors import (
    ConflictError,
    CorruptError,
    FormatError,
    NotFoundError,
    SettingError,
    UntrustedModelError,
)
from wingspan.files import digest_file

torch = pytest.importorskip("torch")
LAYOUT = Layout(m=3, j=2, e=4)
TENSORS = Tensors(
    np.random.default_rng(0).poisson(1, (20, 3, 2, 4)).astype(np.uint8),
    np.ones((20, 3, 2), bool),
    np.zeros((20, 2), np.int32),
)


@pytest.fixture(scope="module")
def saved():
    """Return a network after one epoch."""
    torch.set_num_threads(1)
    examples = Examples(TENSORS, np.arange(20) % 2.0, np.ones(20))
    config = NetworkConfig(hidden=4, epochs=1)
    trained = train(examples, np.arange(10), np.arange(10, 20), config, device="cpu")
    return Saved(trained, LAYOUT, {"incidents": 7}, 1.5)


@pytest.fixture
def folder(saved, tmp_path):
    """Return the folder of a saved network."""
    save_network(saved, tmp_path / "network")
    return tmp_path / "network"


def test_comes_back(saved, folder):
    """What is loaded predicts the same bytes, and its card says the same."""
    back = load_network(folder)
    assert (back.layout, back.about, back.temperature) == (LAYOUT, {"incidents": 7}, 1.5)
    assert (back.trained.config, back.trained.epochs) == (
        saved.trained.config,
        saved.trained.epochs,
    )
    assert (predict(back.trained, TENSORS) == predict(saved.trained, TENSORS)).all()
    assert {entry.name for entry in folder.iterdir()} == {CARD, WEIGHTS}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"format": 1}, FormatError),
        ({"channels": [1, 2, 3]}, FormatError),
        ({"config": {"hidden": 4, "network": "os:system"}}, UntrustedModelError),
        ({"config": {"hidden": 8}}, CorruptError),
        ({"config": {"hidden": 0}}, CorruptError),
        ({"config": {"hidden": 4, "colour": 1}}, CorruptError),
        ({"width": 11}, CorruptError),
        ({"facts": 3}, CorruptError),
        ({"facts": -1}, CorruptError),
        ({"temperature": 0}, CorruptError),
        ({"weights": {}}, CorruptError),
        ({"digest": "blake2b-256:0"}, CorruptError),
    ],
)
def test_bad_card(folder, change, error):
    """A card that does not fit the weights, or this version, is refused with the file's name."""
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps(card | change))
    with pytest.raises(error, match="network"):
        load_network(folder)


def test_every_changed_byte(folder):
    """No byte of the weights can change unseen."""
    content = bytearray((folder / WEIGHTS).read_bytes())
    for place in np.random.default_rng(1).integers(0, len(content), 50):
        content[place] ^= 1
        (folder / WEIGHTS).write_bytes(content)
        with pytest.raises(CorruptError, match="not the file"):
            load_network(folder)
        content[place] ^= 1


def test_weights_that_are_none(folder):
    """Bytes that are no weights are refused, also where the card was changed with them."""
    (folder / WEIGHTS).write_bytes(b"no weights")
    card = json.loads((folder / CARD).read_text())
    digest = digest_file(folder / WEIGHTS)
    (folder / CARD).write_text(json.dumps(card | {"digest": digest}))
    with pytest.raises(CorruptError, match="not a safetensors"):
        load_network(folder)


def test_not_json(folder):
    """A damaged card and a missing one are told apart."""
    (folder / CARD).write_text("{")
    with pytest.raises(CorruptError, match="not JSON"):
        load_network(folder)
    (folder / CARD).unlink()
    with pytest.raises(NotFoundError, match=CARD):
        load_network(folder)


def test_trusted_class(folder):
    """A class of the user's is not even looked for before it is named as trusted."""
    card = json.loads((folder / CARD).read_text())
    card["config"]["network"] = other = LSTM.replace("Lstm", "torch.nn.Linear")
    (folder / CARD).write_text(json.dumps(card))
    with pytest.raises(UntrustedModelError, match="Linear"):
        load_network(folder)
    with pytest.raises(SettingError, match="has no"):
        load_network(folder, trusted=[other])


def test_save_refuses(saved, folder):
    """A folder is never written over; a layout or a story that does not fit leaves nothing behind."""
    with pytest.raises(ConflictError, match="already"):
        save_network(saved, folder)
    place = folder.parent / "other"
    with pytest.raises(SettingError, match="inputs a frame"):
        save_network(Saved(saved.trained, Layout()), place)
    with pytest.raises(SettingError, match="JSON"):
        save_network(Saved(saved.trained, LAYOUT, {"loss": float("nan")}), place)
    assert [entry.name for entry in folder.parent.iterdir()] == ["network"]
