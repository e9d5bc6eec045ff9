"""Read the ``config.yaml`` of a sweep over tensors and LSTM trainings.

Parameters have W&B's distributions. What the file asks of W&B's server alone is passed over with a note.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from wingspan.errors import SettingError, installing, near
from wingspan.sweep.distributions import Distribution

METRICS: Final = ("accuracy", "precision", "recall", "f_measure", "loss")
_CALLED: Final = {"f-measure": "f_measure", "f1": "f_measure", "f1_score": "f_measure", "f1-score": "f_measure"}  # fmt: skip
PREPROCESSING: Final = ("e", "j", "m", "timeframe_len")
TRAINING: Final = ("lstm_layers", "hidden_size", "learning_rate", "batch_size")
_WHOLE: Final = frozenset({"e", "j", "m", "lstm_layers", "hidden_size", "batch_size"})
_KEYS: Final = {
    "": ("runs", "epochs", "earlystop_threshold", "wandb", "preprocessing", "training"),
    "wandb": ("enable", "entity", "project", "api_key", "sweep"),
    "wandb.sweep": ("name", "method", "metric"),
    "wandb.sweep.metric": ("name", "goal"),
    "preprocessing": ("parameters",),
    "training": ("parameters",),
    "preprocessing.parameters": PREPROCESSING,
    "training.parameters": TRAINING,
}
_IDS: Final = ("sweep_id", "run_id")


@dataclass(frozen=True, slots=True)
class SweepConfig:
    """What the file says.

    Parameters
    ----------
    patience
        Epochs without a lower validation loss after which a training ends; None trains all `epochs`.
    mirrored
        The runs are shown in W&B.
    notes
        What of the file is passed over, and why.
    """

    name: str
    trials: int
    epochs: int
    patience: int | None
    search: str
    metric: str
    goal: str
    over: Mapping[str, Distribution]
    mirrored: bool = False
    entity: str = ""
    project: str = ""
    notes: tuple[str, ...] = ()


def read_config(path: Path) -> SweepConfig:
    """Return what a file says.

    Raises
    ------
    SettingError
        Where in the file, what was expected and what was found; also for a key of W&B, which is not shown.
    """
    from importlib.util import find_spec

    if find_spec("yaml") is None:
        raise SettingError(str(path), "reading it needs PyYAML", installing("sweep"))
    from wingspan.sweep.yaml_text import read_yaml

    return parsed(read_yaml(path), str(path))


def parsed(content: Any, where: str) -> SweepConfig:  # noqa: ANN401 - of a file
    """Return what the content of a file says, as `read_config` does."""
    from wingspan.sweep import wandb_yaml

    notes: list[str] = []
    top = _section(content, "", where, notes)
    wandb = _section(top.get("wandb") or {}, "wandb", where, notes)
    _refuse_key(wandb, where, notes)
    asked = _section(wandb.get("sweep") or {}, "wandb.sweep", where, notes)
    metric = _section(asked.get("metric") or {}, "wandb.sweep.metric", where, notes)
    parameters = {**_parameters(top, "preprocessing", where, notes), **_parameters(top, "training", where, notes)}  # fmt: skip
    trials = _whole(top, "runs", where)
    name, goal = _metric(metric, f"{where}: wandb.sweep.metric")
    sweep = wandb_yaml.parsed(
        {
            "method": asked.get("method", "random"),
            "metric": {"name": name, "goal": goal},
            "parameters": parameters,
        },
        where,
    )
    over = {each.path[0]: each.distribution for each in sweep.space.dimensions}
    return SweepConfig(
        str(asked.get("name") or "hold-sweep"),
        trials,
        _whole(top, "epochs", where),
        _whole(top, "earlystop_threshold", where) if top.get("earlystop_threshold") else None,
        sweep.search,
        name,
        goal,
        over,
        _flag(wandb, where),
        str(wandb.get("entity") or ""),
        str(wandb.get("project") or ""),
        (*notes, *sweep.notes),
    )


def _section(content: Any, name: str, where: str, notes: list[str]) -> dict[str, Any]:  # noqa: ANN401
    """Return the content of a section without ids of W&B's; refuse what it does not know."""
    place = f"{where}: {name}" if name else where
    if not isinstance(content, dict):
        listed = ", ".join(_KEYS[name])
        raise SettingError(place, "expected keys with values", f"give some of: {listed}")
    kept = dict(content)
    for each in _IDS:
        if each in kept:
            del kept[each]
            notes.append(f"{name + '.' if name else ''}{each} is passed over: the run has an id of its own")  # fmt: skip
    for key in kept:
        if key not in _KEYS[name]:
            raise SettingError(place, f"unknown key {key!r}", near(str(key), _KEYS[name]))
    return kept


def _refuse_key(wandb: Mapping[str, Any], where: str, notes: list[str]) -> None:
    if wandb.get("api_key"):
        problem = "everyone who sees the file can read the key"
        fix = "remove the line, make a new key at W&B, and give it once: wandb login"
        raise SettingError(f"{where}: wandb.api_key", problem, fix)
    if "api_key" in wandb:
        notes.append("wandb.api_key is passed over: W&B's client reads the key of `wandb login`")


def _parameters(
    top: Mapping[str, Any], section: str, where: str, notes: list[str]
) -> dict[str, Any]:
    """Return W&B's parameters of a section; a plain value is that value, a list its choices."""
    outer = _section(top.get(section) or {}, section, where, notes)
    inner = _section(outer.get("parameters") or {}, f"{section}.parameters", where, notes)
    return {name: _as_parameter(value) for name, value in inner.items()}


def _as_parameter(value: Any) -> Any:  # noqa: ANN401 - of a file
    if isinstance(value, dict):
        return value
    return {"values": value} if isinstance(value, list) else {"value": value}


def _metric(metric: Mapping[str, Any], place: str) -> tuple[str, str]:
    given = str(metric.get("name", "loss"))
    name = _CALLED.get(given.lower(), given)
    if name not in METRICS:
        raise SettingError(place, f"unknown metric {given!r}", near(given, METRICS))
    usual = "minimize" if name == "loss" else "maximize"
    return name, str(metric.get("goal", usual))


def _whole(top: Mapping[str, Any], key: str, where: str) -> int:
    value = top.get(key)
    if type(value) is not int or value < 1:
        found = "nothing" if value is None else repr(value)
        problem = f"expected a whole number of at least 1, found {found}"
        raise SettingError(f"{where}: {key}", problem, f"write {key}: 20")
    return value


def _flag(wandb: Mapping[str, Any], where: str) -> bool:
    value = wandb.get("enable", False)
    if not isinstance(value, bool):
        problem = f"expected true or false, found {value!r}"
        raise SettingError(f"{where}: wandb.enable", problem, "write enable: true")
    return value


def whole_number(name: str, value: float) -> int | float:
    """Return a drawn size as a whole number, where it must be one.

    Raises
    ------
    SettingError
        It is not whole.
    """
    if name not in _WHOLE:
        return value
    if value != int(value):
        problem = f"drew {value!r}, expected a whole number"
        raise SettingError(name, problem, "use distribution: int_uniform, or q_uniform with q: 1")
    return int(value)
