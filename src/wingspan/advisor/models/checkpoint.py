"""Save a trained network to a folder and load it: safetensors weights and a JSON card.

Loading checks format, digest, channels, shapes and types before a network is built. Only Wingspan's own network is
built by default: any other class is code, and is imported only if it is named as trusted.
"""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from wingspan.advisor.models.network import LSTM, NetworkConfig, check_torch
from wingspan.advisor.models.train import Epoch, Trained
from wingspan.advisor.samples.tensors import CHANNELS, Layout
from wingspan.errors import (
    ConflictError,
    CorruptError,
    FormatError,
    NotFoundError,
    SettingError,
    UntrustedModelError,
)
from wingspan.files import aside, digest_file, json_text

FORMAT: Final = 2  # format 1 had no facts
CARD: Final = "network.json"
WEIGHTS: Final = "network.safetensors"
_AGAIN: Final = "copy the folder again, or train the network again"


@dataclass(frozen=True, slots=True)
class Saved:
    """A trained network with all that is needed to use it.

    Attributes
    ----------
    layout
        Layout of the tensors that it was trained on and takes.
    about
        Any JSON: digest of the data, split times, counts, metrics with intervals.
    temperature
        Divisor of the logits that calibrates probabilities; above 0.
    """

    trained: Trained
    layout: Layout
    about: dict[str, Any] = field(default_factory=dict, repr=False)
    temperature: float = 1.0


def save_network(saved: Saved, folder: Path) -> None:
    """Write a network to a new folder, atomically.

    Raises
    ------
    ConflictError
        The folder exists.
    SettingError
        The layout is not that of the network's inputs, or `about` is not JSON.
    """
    from safetensors.torch import save_file

    if folder.exists():
        raise ConflictError(str(folder), "is there already", "choose another folder, or remove it")
    trained = saved.trained
    if trained.width != saved.layout.j * (saved.layout.e + 1):
        problem = f"{saved.layout} does not give {trained.width} inputs a frame"
        raise SettingError("network", problem, "give the layout of the tensors it was trained on")
    with aside(folder) as place:
        place.mkdir()
        save_file({k: v.contiguous() for k, v in trained.weights.items()}, place / WEIGHTS)
        content = {
            "format": FORMAT,
            "config": asdict(trained.config),
            "width": trained.width,
            "facts": trained.facts,
            "epochs": [asdict(epoch) for epoch in trained.epochs],
            "layout": asdict(saved.layout),
            "channels": CHANNELS[: saved.layout.e - 1],
            "weights": {k: [str(v.dtype), list(v.shape)] for k, v in trained.weights.items()},
            "digest": digest_file(place / WEIGHTS),
            "temperature": saved.temperature,
            "versions": {name: version(name) for name in ("wingspan", "torch", "numpy")},
            "about": saved.about,
        }
        try:
            text = json_text(content)
        except (TypeError, ValueError) as error:
            fix = "give text, finite numbers, lists and dicts"
            raise SettingError("network, about", f"is not JSON: {error}", fix) from error
        (place / CARD).write_text(text + "\n", encoding="utf-8")


def load_network(folder: Path, trusted: Collection[str] = ()) -> Saved:
    """Read what `save_network` wrote, and build the network once to check its weights.

    Parameters
    ----------
    trusted
        Names of network classes, ``module:Class``, that may be imported besides Wingspan's own.

    Raises
    ------
    NotFoundError, FormatError, CorruptError, UntrustedModelError
        The folder has no network, or one of another format, with changed bytes, or of a class that is not trusted.
    """
    check_torch()
    card = _read_card(folder / CARD)
    where = str(folder / CARD)
    try:
        config, layout = NetworkConfig(**card["config"]), Layout(**card["layout"])
        epochs = tuple(Epoch(**each) for each in card["epochs"])
        width, facts = int(card["width"]), int(card["facts"])
        temperature, about = float(card["temperature"]), card["about"]
        digest, described, channels = card["digest"], dict(card["weights"]), card["channels"]
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptError(where, f"lacks or garbles {error}", _AGAIN) from error
    if config.network not in {LSTM, *trusted}:
        fix = "if you trust its author, name this class as trusted"
        raise UntrustedModelError(where, f"asks for the class {config.network}", fix)
    if list(channels) != list(CHANNELS[: layout.e - 1]):
        problem = "was trained with other channels of events than this version makes"
        raise FormatError(where, problem, "train the network again")
    if width != layout.j * (layout.e + 1) or not temperature > 0 or facts < 0 or not epochs:
        raise CorruptError(where, "contradicts itself in width, temperature or epochs", _AGAIN)
    weights = _read_weights(folder / WEIGHTS, digest, described)
    trained = Trained(config, width, weights, epochs, facts)
    try:
        trained.network()
    except RuntimeError as error:
        raise CorruptError(where, f"does not fit the weights: {error}", _AGAIN) from error
    return Saved(trained, layout, about, temperature)


def _read_card(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise NotFoundError(str(path.parent), f"holds no {CARD}", "name a folder of a network")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CorruptError(str(path), f"is not JSON: {error}", _AGAIN) from error
    found = content.get("format") if isinstance(content, dict) else None
    if found != FORMAT:
        raise FormatError(str(path), f"expected format {FORMAT}, found {found!r}", _AGAIN)
    return dict(content)


def _read_weights(path: Path, digest: str, described: dict[str, Any]) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file() or digest_file(path) != digest:
        raise CorruptError(str(path), "is not the file that was written", _AGAIN)
    try:
        weights: dict[str, Any] = load_file(path)
    except SafetensorError as error:
        raise CorruptError(str(path), f"is not a safetensors file: {error}", _AGAIN) from error
    found = {k: [str(v.dtype), list(v.shape)] for k, v in weights.items()}
    if found != described:
        raise CorruptError(str(path), "has other shapes or types than its card says", _AGAIN)
    return weights
