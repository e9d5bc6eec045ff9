"""Read a W&B sweep file as it is into a space and the settings of a sweep."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from wingspan.errors import SettingError, installing, near
from wingspan.sweep.command import DEFAULT, Command, make_command
from wingspan.sweep.distributions import Json
from wingspan.sweep.prune import Prune, read_prune
from wingspan.sweep.space import Space
from wingspan.sweep.wandb_parameters import is_integer, is_number, read_parameters, shown_value

_SEARCHES: Final = {"grid": "grid", "random": "random", "bayes": "tpe"}
_READ: Final = (
    *("method", "parameters", "metric", "early_terminate", "run_cap", "program", "command"),
    *("name", "description"),
)
_UNUSED: Final = (
    "project",
    "entity",
    "controller",
    "scheduler",
    "apiVersion",
    "kind",
)  # keys for W&B's server
_REFUSED: Final = {
    "metrics": "several metrics are not searched: name one as metric, and log the others",
    "job": "launch jobs are not read: name the script as program, and use --on to choose where it runs",
    "image_uri": "launch images are not read: name the script as program, and its image as resources",
}


@dataclass(frozen=True, slots=True)
class SweepFile:
    """What a sweep file says.

    Its settings are defaults, which options in Python or on the command line replace.

    Parameters
    ----------
    metric, goal, target
        None and "minimize" where the file has no metric.
    run_cap
        The most trials.
    command
        None if the file names no program.
    notes
        Sentences for the user on differences from W&B.
    """

    space: Space
    search: str
    metric: str | None = None
    goal: str = "minimize"
    target: float | None = None
    run_cap: int | None = None
    prune: Prune | None = None
    command: Command | None = None
    name: str = ""
    description: str = ""
    notes: tuple[str, ...] = ()


def read(path: Path) -> SweepFile:
    """Return what a sweep file says.

    Raises
    ------
    SettingError
        The message names the place in the file, what was expected and what was found.
    """
    if find_spec("yaml") is None:
        raise SettingError(str(path), "reading it needs PyYAML", installing("sweep"))
    from wingspan.sweep.yaml_text import read_yaml

    return parsed(read_yaml(path), str(path))


def parsed(content: Json, where: str) -> SweepFile:
    """Return what the content of a sweep file says; see `read`."""
    if not isinstance(content, dict):
        problem = f"expected a sweep file with method and parameters, found {shown_value(content)}"
        raise SettingError(where, problem, "see W&B's sweep configuration")
    _check_keys(content, where)
    notes: list[str] = []
    search = _method(content.get("method"), where, notes)
    place = f"{where}: parameters"
    space = Space(tuple(read_parameters(content.get("parameters"), (), place, search, notes)))
    metric, goal, target = _metric(content.get("metric"), f"{where}: metric", notes)
    if search == "tpe" and metric is None:
        problem = "method bayes needs a metric"
        raise SettingError(where, problem, "add metric: {name: loss, goal: minimize}")
    return SweepFile(
        space,
        search,
        metric,
        goal,
        target,
        _run_cap(content.get("run_cap"), f"{where}: run_cap"),
        _prune(content.get("early_terminate"), f"{where}: early_terminate", metric, notes),
        _command(content.get("command"), content.get("program"), where),
        _text(content, "name", where),
        _text(content, "description", where),
        tuple(notes),
    )


def _check_keys(content: Mapping[str, Json], where: str) -> None:
    for key in content:
        if key in _REFUSED:
            raise SettingError(f"{where}: {key}", _REFUSED[key], f"remove {key}")
        if key not in _READ and key not in _UNUSED:
            raise SettingError(where, f"unknown key {key!r}", near(str(key), [*_READ, *_UNUSED]))
    scheduler = content.get("scheduler", {"engine": "wandb"})
    if scheduler != {"engine": "wandb"}:
        problem = "searches that W&B's server runs (scheduler) are not read"
        fix = "remove scheduler, and choose the search here: method, or search= and prune="
        raise SettingError(f"{where}: scheduler", problem, fix)
    if content.get("kind", "sweep") != "sweep":
        problem = f"expected kind: sweep, found {content['kind']!r}"
        raise SettingError(where, problem, "give a sweep file")


def _method(given: Json, where: str, notes: list[str]) -> str:
    place = f"{where}: method"
    if given == "custom":
        problem = "custom searches are not read"
        raise SettingError(place, problem, f"use one of {', '.join(_SEARCHES)}")
    if not isinstance(given, str) or given not in _SEARCHES:
        problem = f"expected one of {', '.join(_SEARCHES)}, found {shown_value(given)}"
        raise SettingError(place, problem, near(str(given), _SEARCHES))
    if given == "bayes":
        notes.append("method bayes: searched by TPE (Optuna), where W&B uses a Gaussian process.")
    return _SEARCHES[given]


def _metric(given: Json, where: str, notes: list[str]) -> tuple[str | None, str, float | None]:
    if given is None:
        return None, "minimize", None
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        problem = f"expected metric: {{name: ..., goal: ...}}, found {shown_value(given)}"
        raise SettingError(where, problem, "write metric: {name: loss, goal: minimize}")
    known = ("name", "goal", "target", "impute", "impute_while_running")
    for key in given:
        if key not in known:
            raise SettingError(where, f"unknown key {key!r}", near(str(key), known))
    goal = given.get("goal", "minimize")
    if goal not in {"minimize", "maximize"}:
        problem = f"expected goal: minimize or maximize, found {shown_value(goal)}"
        raise SettingError(where, problem, near(str(goal), ("minimize", "maximize")))
    target = given.get("target")
    if target is not None and not is_number(target):
        problem = f"expected a number as target, found {shown_value(target)}"
        raise SettingError(where, problem, "give the value at which the sweep ends")
    if {"impute", "impute_while_running"} & set(given):
        notes.append("metric.impute is not used: the search learns nothing from trials that fail.")
    return given["name"], goal, target


def _run_cap(given: Json, where: str) -> int | None:
    if given is None:
        return None
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    if not is_integer(given) or given < 1:
        problem = f"expected a positive integer, found {shown_value(given)}"
        raise SettingError(where, problem, "give the most trials")
    return int(given)


def _prune(given: Json, where: str, metric: str | None, notes: list[str]) -> Prune | None:
    if given is None:
        return None
    if not isinstance(given, dict) or given.get("type") != "hyperband":
        found = given.get("type") if isinstance(given, dict) else given
        problem = f"expected type: hyperband, found {shown_value(found)}"
        raise SettingError(where, problem, "use hyperband, or remove early_terminate")
    if metric is None:
        raise SettingError(where, "hyperband needs a metric", "add metric: {name: loss}")
    options = {key: value for key, value in given.items() if key != "type"}
    if options.get("min_iter") is not None and ("max_iter" in options) != ("s" in options):
        notes.append(f"{where}: bands start at min_iter; max_iter and s only work together.")
    return read_prune({"rule": "wandb", **options}, where)


def _command(given: Json, program: Json, where: str) -> Command | None:
    if program is not None and (not isinstance(program, str) or not program):
        problem = f"expected the path of a script, found {shown_value(program)}"
        raise SettingError(f"{where}: program", problem, "write program: train.py")
    if given is None:
        return None if program is None else make_command(DEFAULT, program, where)
    plain = str | int | float
    if not isinstance(given, list) or not given or not all(isinstance(w, plain) for w in given):
        problem = f"expected a list of words, found {shown_value(given)}"
        raise SettingError(f"{where}: command", problem, f"write command: {list(DEFAULT)}")
    return make_command([str(word) for word in given], program or "", f"{where}: command")


def _text(content: Mapping[str, Json], key: str, where: str) -> str:
    found = content.get(key)
    if found is not None and not isinstance(found, str | int | float):
        problem = f"expected text, found {shown_value(found)}"
        raise SettingError(f"{where}: {key}", problem, "put it in quotes")
    return "" if found is None else str(found)
