"""The network and its config."""

import subprocess
import sys

import pytest

from wingspan.advisor.models.network import LSTM, NetworkConfig, make_network
from wingspan.errors import SettingError

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def seeded():
    """A few hidden units can all be cut to zero by chance: the first weights are the same in each test run."""
    torch.manual_seed(1)


def test_shape():
    """One logit comes out for each example, from any number of frames, with facts or without."""
    for facts in (0, 7):
        network = make_network(NetworkConfig(layers=2, hidden=4), 6, facts).eval()
        assert network(torch.zeros(3, 5, 6), torch.zeros(3, facts)).shape == (3,)


def test_facts_count():
    """What is known beside the frames changes the answer."""
    network = make_network(NetworkConfig(hidden=4), 6, 2).eval()
    frames = torch.rand(1, 5, 6)
    assert not torch.equal(network(frames, torch.zeros(1, 2)), network(frames, torch.ones(1, 2)))


def test_newest_frame_last():
    """The frame that counts last is the newest: the states of older frames are not changed by newer ones."""
    network = make_network(NetworkConfig(hidden=4), 6, 0).eval()
    frames, none = torch.rand(1, 5, 6), torch.zeros(1, 0)
    changed = frames.clone()
    changed[:, -1] += 1
    older, newer = network.lstm(frames)[0], network.lstm(changed)[0]
    assert torch.equal(older[:, :-1], newer[:, :-1])
    assert not torch.equal(network(frames, none), network(changed, none))


@pytest.mark.parametrize(
    "change",
    [{"layers": 0}, {"hidden": 0}, {"dropout": 1.0}, {"rate": 0.0}, {"decay": -1.0}, {"batch": 0}],
)
def test_bad_config(change):
    """A value out of its range is told with its name."""
    with pytest.raises(SettingError, match=next(iter(change))):
        NetworkConfig(**change)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("no_colon", "module:Class"),
        ("no.such.module:Net", "cannot be imported"),
        (LSTM[:-1] + "n", "did you mean Lstm"),
        ("wingspan.advisor.models.lstm:Zzzzzz", "has no Zzzzzz"),
        ("builtins:print", "torch.nn.Module"),
    ],
)
def test_bad_class(name, told):
    """A network's name that leads nowhere says how far it led."""
    with pytest.raises(SettingError, match=told):
        make_network(NetworkConfig(network=name), 6, 0)


def test_light_import():
    """Neither the config nor the training loads torch before it is used."""
    code = "import sys, wingspan.advisor.models.train; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
