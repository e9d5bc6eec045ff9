"""Train networks on tensors up to each hold's record, and on facts.

How long after the hold the release comes, and whether a policy makes it, are facts: the network is asked about a
release at a given time without a fix. The latest part of the training rows determines the best epoch.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from wingspan.advisor.models.ablations import shuffled_labels, shuffled_time, without_context
from wingspan.advisor.models.baselines import Fit, Releases, as_released
from wingspan.advisor.models.facts import Encoding, fit_encoding
from wingspan.advisor.models.network import NetworkConfig
from wingspan.advisor.models.train import Epoch, Examples, Trained, predict, train
from wingspan.advisor.samples.samples import Reals, Rows, Samples
from wingspan.advisor.samples.shared_tensors import shared_tensors
from wingspan.advisor.samples.split import cut_by_time
from wingspan.advisor.samples.tensors import Layout, Tensors, make_tensors
from wingspan.errors import SettingError
from wingspan.files import digest_bytes

LSTM: Final = "LSTM"
DEFAULT: Final = NetworkConfig(hidden=64, dropout=0.2, epochs=20, patience=3, rate=2e-3)
MOST: Final = 60_000  # rows trained on, the latest
_SHARE: Final = 0.8  # of the training rows by time; the rest determines when to stop
_VIEWS: Final[Mapping[str, Callable[[Tensors], Tensors]]] = {
    "": lambda tensors: tensors,
    "no context": without_context,
    "shuffled time": shuffled_time,
    "shuffled labels": lambda tensors: tensors,
}
_READ: Final[Mapping[type, tuple[Callable[[str], Any], str]]] = {
    bool: ({"true": True, "false": False}.__getitem__, "give true or false"),
    int: (int, "give a whole number"),
    float: (float, "give a number"),
    str: (str, ""),
}
CONTROLS: Final = tuple(name for name in _VIEWS if name)


@dataclass(frozen=True, slots=True)
class Sequence:
    """A trained network and the description of its inputs.

    Attributes
    ----------
    control
        The information that is withheld: one of `CONTROLS`, or "".
    """

    trained: Trained
    layout: Layout
    encoding: Encoding = field(repr=False)
    control: str = ""

    def predict(self, samples: Samples, rows: Rows, releases: Releases) -> Reals:
        """Return the network's probability."""
        facts = self.encoding(samples, rows, releases)
        return predict(self.trained, _tensors(samples, rows, self.layout, self.control), facts)


@dataclass(frozen=True, slots=True, eq=False)
class _Question:
    """A request for tensors; two are equal if their tensors are the same."""

    samples: Samples
    rows: Rows
    layout: Layout

    def __hash__(self) -> int:
        return hash((id(self.samples.timeline), len(self.rows), self.layout))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Question) or self.layout != other.layout:
            return False
        if self.samples.timeline is not other.samples.timeline:
            return False
        mine, theirs = (
            (each.samples.moments.hold[each.rows], each.samples.moments.upto[each.rows])
            for each in (self, other)
        )
        return all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))


@lru_cache(maxsize=1)
def _made(question: _Question) -> Tensors:
    """Make tensors; the networks of a contest ask for the same ones, one release after another."""
    moments = question.samples.moments.take(question.rows)
    return make_tensors(question.samples.timeline, moments, question.layout)


def _tensors(samples: Samples, rows: Rows, layout: Layout, control: str) -> Tensors:
    return _VIEWS[control](_made(_Question(samples, rows, layout)))


def lstm(
    config: NetworkConfig = DEFAULT,
    layout: Layout | None = None,
    control: str = "",
    checkpoint_folder: Path | None = None,
    on_epoch: Callable[[Epoch], object] | None = None,
) -> Fit:
    """Return the fit of a network, for the table of all models.

    Parameters
    ----------
    control
        The information to withhold, in order to measure its worth: one of `CONTROLS`.
    checkpoint_folder
        Where training resumes after a kill.
    on_epoch
        Called after each epoch, when its checkpoint is written.

    Raises
    ------
    SettingError
        The control is unknown.
    """
    if control not in _VIEWS:
        raise SettingError(
            "LSTM", f"has no control {control!r}", f"choose of {', '.join(CONTROLS)}"
        )
    chosen = Layout() if layout is None else layout

    def fit(samples: Samples, rows: Rows, weights: Reals) -> Sequence:
        latest = np.sort(np.argsort(samples.moments.clock[rows], kind="stable")[-MOST:])
        rows, weights = rows[latest], weights[latest]
        encoding = fit_encoding(samples, rows, context=control != "no context")
        facts = encoding(samples, rows, as_released(samples, rows))
        label = samples.label[rows]
        if control == "shuffled labels":
            label = shuffled_labels(label, np.arange(len(rows)), config.seed)
        examples = Examples(_tensors(samples, rows, chosen, control), label, weights, facts)
        learn, stop = (
            np.flatnonzero(np.isin(rows, part)) for part in cut_by_time(samples, rows, _SHARE)
        )
        folder = checkpoint_folder and checkpoint_folder / digest_bytes(label.tobytes())[-16:]
        trained = train(examples, learn, stop, config, folder, on_epoch=on_epoch)
        return Sequence(trained, chosen, encoding, control)

    return fit


def fit_parts(
    samples: Samples,
    parts: tuple[Rows, Rows],
    weights: tuple[Reals, Reals],
    sizes: tuple[NetworkConfig, Layout],
    checkpoint_folder: Path | None = None,
    on_epoch: Callable[[Epoch], object] | None = None,
    shared: Path | None = None,
) -> tuple[Sequence, Reals]:
    """Train a network until the loss of other rows stops falling; return it and predictions.

    The predictions are of those other rows.

    The other rows determine the best epoch only. The tensors of both are made once.

    Parameters
    ----------
    parts, weights
        Rows to learn from (the latest `MOST` count), rows that determine when to stop, and the weights of both.
    shared
        Folder in which trainings of the same rows share their tensors.
    """
    config, layout = sizes
    latest = np.sort(np.argsort(samples.moments.clock[parts[0]], kind="stable")[-MOST:])
    learn, stop = parts[0][latest], parts[1]
    rows = np.concatenate([learn, stop])
    encoding = fit_encoding(samples, learn, context=True)
    facts = encoding(samples, rows, as_released(samples, rows))
    tensors = shared_tensors(samples.timeline, samples.moments.take(rows), layout, shared)
    weight = np.concatenate([weights[0][latest], weights[1]])
    examples = Examples(tensors, samples.label[rows], weight, facts)
    first, second = np.split(np.arange(len(rows)), [len(learn)])
    trained = train(examples, first, second, config, checkpoint_folder, on_epoch=on_epoch)
    others = Tensors(tensors.counts[second], tensors.mask[second], tensors.job[second])
    return Sequence(trained, layout, encoding), predict(trained, others, facts[second])


def controls(config: NetworkConfig = DEFAULT, layout: Layout | None = None) -> dict[str, Fit]:
    """Return the fits of controls, which show the worth of each part of the input."""
    return {control_name(each): lstm(config, layout, each) for each in CONTROLS}


def control_name(control: str) -> str:
    """Return a control's name in the table."""
    return f"{LSTM}, {control}"


def sized(settings: Mapping[str, str], network: str | None = None) -> tuple[NetworkConfig, Layout]:
    """Return a config and a layout with some fields set from text.

    An example is ``{"hidden": "128", "m": "20"}``.

    Raises
    ------
    SettingError
        A field is unknown, or its value is not a number or out of range.
    """
    own = dict(settings) | ({"network": network} if network else {})
    config = replace(DEFAULT, **_taken(DEFAULT, own))
    layout = replace(Layout(), **_taken(Layout(), own))
    if own:
        known = [each.name for kind in (NetworkConfig, Layout) for each in fields(kind)]
        name = min(own)
        close = difflib.get_close_matches(name, known) or known
        raise SettingError(f"LSTM, {name}", "is not a setting", f"choose of {', '.join(close)}")
    return config, layout


def _taken(default: NetworkConfig | Layout, settings: dict[str, str]) -> dict[str, Any]:
    """Take out the settings that are fields, converted to the types of their defaults."""
    found = {}
    for name in {each.name for each in fields(default)} & settings.keys():
        now, text = getattr(default, name), settings.pop(name)
        read, fix = _READ[float if now is None else type(now)]
        try:
            found[name] = read(text)
        except (KeyError, ValueError) as error:
            raise SettingError(f"LSTM, {name}", f"is {text!r}", fix) from error
    return found
