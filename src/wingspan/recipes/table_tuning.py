"""Tune the estimators of a training by sweeps, inside its training rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wingspan.errors import SettingError, near
from wingspan.sweep.distributions import Distribution
from wingspan.tabular.spaces import Searched, space_of

_EXAMPLE = "ridge: {alpha: {min: 0.01, max: 100, distribution: log_uniform_values}}"


@dataclass(frozen=True)
class Tuning:
    """How the parameters of estimators are searched.

    Parameters
    ----------
    trials
        Trials of each estimator; the first has the estimator's own values.
    folds
        Folds of the cross-validation by which a trial is judged.
    spaces
        Label of an estimator -> parameter -> what it is drawn from; default: sensible values of every estimator that
        Wingspan knows.
    """

    trials: int = 30
    folds: int = 3
    spaces: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, least in (("trials", 1), ("folds", 2)):
            if getattr(self, name) < least:
                problem = f"expected {least} or more {name}, found {getattr(self, name)}"
                raise SettingError("--tune", problem, "for example --tune 30")

    def searched(
        self, named: Mapping[str, str], fixed: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, dict[str, Searched]]:
        """Return the search space of each estimator that is tuned.

        Those are the ones that the user names, or all known ones.

        Raises
        ------
        SettingError
            A space for an estimator that is not trained, or nothing is left to be tuned.
        """
        for label in self.spaces:
            if label not in named:
                problem = f"no estimator is called {label!r}"
                raise SettingError("--tune", problem, near(label, named))
        found = {
            label: _of_user(self.spaces[label]) if label in self.spaces
            else space_of(estimator, fixed.get(label, {}))
            for label, estimator in named.items()
            if not self.spaces or label in self.spaces
        }  # fmt: skip
        found = {label: space for label, space in found.items() if space}
        if not found:
            problem = f"there is nothing to search of {', '.join(named)}"
            raise SettingError("--tune", problem, f"name it in a file: {_EXAMPLE}")
        return found


def tuned_name(label: str) -> str:
    """Return the label of an estimator with the parameters that were found for it."""
    return f"{label}_tuned"


def read_tuning(given: str) -> Tuning:
    """Read a number of trials, or a YAML file.

    The file has ``trials``, ``folds``, and the parameters of each estimator.

    Raises
    ------
    SettingError
        It is neither, or the file holds something else.
    """
    if given.strip().lstrip("-").isdigit():
        return Tuning(int(given))
    from wingspan.sweep.wandb_parameters import read_parameters
    from wingspan.sweep.yaml_text import read_yaml

    if not given.endswith((".yaml", ".yml", ".json")):
        problem = f"expected a number of trials, or a YAML file, found {given!r}"
        raise SettingError("--tune", problem, "for example --tune 30, or --tune spaces.yaml")
    content = read_yaml(Path(given))
    if not isinstance(content, dict):
        problem = f"expected estimators and their parameters, found {content!r}"
        raise SettingError(given, problem, f"write for example {_EXAMPLE}")
    limits = {name: content.pop(name) for name in ("trials", "folds") if name in content}
    for name, value in limits.items():
        if not isinstance(value, int) or isinstance(value, bool):
            problem = f"expected a whole number, found {value!r}"
            raise SettingError(f"{given}: {name}", problem, f"write {name}: 30")
    spaces: dict[str, dict[str, Any]] = {}
    for label, parameters in content.items():
        where = f"{given}: {label}"
        found = list(read_parameters(parameters, (), where, "tpe", []))
        spaces[str(label)] = {each.name: each.distribution for each in found}
    return Tuning(**limits, spaces=spaces)


def _of_user(space: Mapping[str, Any]) -> dict[str, Searched]:
    """Return a space that a user gave; its first trial is drawn like the others."""
    return {name: Searched(drawn, None) for name, drawn in space.items()}


def start_of(space: Mapping[str, Searched]) -> list[dict[str, Any]]:
    """Return the parameters of the first trial.

    These are the estimator's own values, where they are known.
    """
    if all(_has(each.drawn, each.first) for each in space.values()):
        return [{f"parameters.{name}": each.first for name, each in space.items()}]
    return []


def _has(drawn: Any, value: Any) -> bool:  # noqa: ANN401 - JSON
    if not isinstance(drawn, Distribution):
        return False
    try:
        drawn.position(value)
    except (SettingError, TypeError):
        return False
    return True
