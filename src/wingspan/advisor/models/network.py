"""Configure a network and make it; torch is loaded only when one is made."""

import difflib
import importlib
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from wingspan.errors import SettingError, installing

if TYPE_CHECKING:
    import torch

LSTM: Final = "wingspan.advisor.models.lstm:Lstm"


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """Sizes of a network and how it is trained.

    Attributes
    ----------
    layers, hidden
        Layers of the LSTM, and units in each.
    dropout
        Share of units left out between layers and before the last one, in training. 0 <= dropout < 1
    network
        ``module:Class``: called with the config, the inputs of one frame (width) and the number of facts, it returns
        a `torch.nn.Module` that takes float32 frames (batch, frame, width), oldest first, and facts (batch, facts),
        and returns logits (batch,).
    batch, epochs, patience
        Examples in a step; maximum number of epochs; epochs without a lower validation loss before training ends.
    rate, decay
        Adam's learning rate and weight decay.
    seed
        Random seed for the first weights, the order of examples and the dropout.
    compiled
        Whether steps use `torch.compile`, which needs a C compiler (on a GPU, Triton) and a minute at first.
    """

    layers: int = 1
    hidden: int = 64
    dropout: float = 0.1
    network: str = LSTM
    batch: int = 256
    epochs: int = 50
    patience: int = 5
    rate: float = 1e-3
    decay: float = 0.0
    seed: int = 0
    compiled: bool = False

    def __post_init__(self) -> None:
        for name in ("layers", "hidden", "batch", "epochs", "patience"):
            if getattr(self, name) < 1:
                problem = f"{name} = {getattr(self, name)} is below 1"
                raise SettingError("network", problem, f"give {name} as 1 or more")
        if not 0 <= self.dropout < 1:
            problem = f"dropout = {self.dropout} is not in 0 <= dropout < 1"
            raise SettingError("network", problem, "give the share of units to leave out")
        if not self.rate > 0 or self.decay < 0:
            problem = f"rate = {self.rate}, decay = {self.decay}"
            raise SettingError("network", problem, "give a rate above 0 and a decay of 0 or more")


def check_torch() -> None:
    """Raise `SettingError` if torch is not installed, before any other work."""
    missing = [name for name in ("torch", "safetensors") if find_spec(name) is None]
    if missing:
        problem = f"needs {' and '.join(missing)}, not installed here"
        raise SettingError("the LSTM", problem, f"{installing('torch')}, or go without it")


def make_network(config: NetworkConfig, width: int, facts: int) -> "torch.nn.Module":
    """Import the config's class and make its network for `width` numbers a frame and `facts`.

    Raises
    ------
    SettingError
        The module or class does not exist, or makes something else.
    """
    import torch

    made = find_network(config.network)(config, width, facts)
    if not isinstance(made, torch.nn.Module):
        problem = f"made a {type(made).__name__}, not a torch.nn.Module"
        raise SettingError(f"network {config.network}", problem, "name a class of networks")
    return made


def find_network(name: str) -> Any:  # noqa: ANN401 - a class of the user's
    """Import the class that ``module:Class`` names; raise `SettingError` if it does not exist."""
    module, _, attribute = name.partition(":")
    where = f"network {name}"
    if not module or not attribute:
        raise SettingError(where, "is not module:Class", f"write it like {LSTM}")
    try:
        home = importlib.import_module(module)
    except ImportError as error:
        fix = f"check that `python -c 'import {module}'` works here"
        raise SettingError(where, f"cannot be imported: {error}", fix) from error
    if not hasattr(home, attribute):
        close = difflib.get_close_matches(attribute, vars(home))
        fix = f"did you mean {', '.join(close)}?" if close else f"define {attribute} in {module}"
        raise SettingError(where, f"{module} has no {attribute}", fix)
    return getattr(home, attribute)
