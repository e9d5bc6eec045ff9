"""Describe a study: what is searched, for which metric, and how.

The study is named by the digest of this description as JSON.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

from wingspan.errors import SettingError, WingspanError, installing, near
from wingspan.sweep.distributions import Choice, Json
from wingspan.sweep.prune import NONE, Prune, announcement, read_prune
from wingspan.sweep.space import Space

SEARCHES: Final = ("tpe", "random", "grid", "quasi-random", "cma-es")
GOALS: Final = ("minimize", "maximize")
_NEEDS: Final = {"tpe": ("optuna",), "quasi-random": ("scipy",), "cma-es": ("optuna", "cmaes")}


@dataclass(frozen=True, slots=True)
class Spec:
    """The description of a study; two sweeps with equal specs draw the same trials.

    Parameters
    ----------
    start
        Parameters to try first, by dotted name; missing ones are drawn at random.
    repeats
        Calls of each trial, with different seeds; the trial's value is their mean.
    """

    space: Space
    metric: str
    goal: str = "minimize"
    search: str = "tpe"
    prune: Prune = NONE
    seed: int = 0
    start: tuple[Mapping[str, Json], ...] = ()
    repeats: int = 1

    def json(self) -> dict[str, Json]:
        """Return the spec as JSON; `from_json` reads it."""
        return {
            "space": self.space.json(),
            "metric": self.metric,
            "goal": self.goal,
            "search": self.search,
            "prune": self.prune.json(),
            "seed": self.seed,
            "start": [dict(each) for each in self.start],
            "repeats": self.repeats,
        }

    @classmethod
    def from_json(cls, written: Mapping[str, Json]) -> "Spec":
        """Return the spec that `json` wrote."""
        options = dict(written["prune"])
        prune = Prune(options.pop("rule"), options)
        start = tuple(written["start"])
        space = Space.from_json(written["space"])
        return cls(**{**written, "space": space, "prune": prune, "start": start})

    @property
    def least_first(self) -> bool:
        """Whether a smaller value is better."""
        return self.goal == "minimize"

    def better(self, value: float, other: float) -> bool:
        """Return whether a value is better than another one."""
        return value < other if self.least_first else value > other

    def announcement(self) -> tuple[str, ...]:
        """Return the sentences to print when the sweep starts."""
        return announcement(self.prune)


def make_spec(  # noqa: PLR0913 - the options of p.sweep
    space: Space,
    *,
    metric: object,
    goal: object = "minimize",
    search: object = "tpe",
    prune: object = "none",
    seed: object = 0,
    start: object = (),
    repeats: object = 1,
    where: str = "sweep",
) -> Spec:
    """Check the options of a sweep together and return its spec.

    Raises
    ------
    SettingError
        An option is invalid, or does not fit the others.
    """
    if not isinstance(metric, str) or not metric:
        problem = f"expected the name of a metric, found {metric!r}"
        raise SettingError(where, problem, 'name a value that the trials report: metric="loss"')
    rule = read_prune(prune, f"{where}: prune")
    if rule.rule not in {"none", "wandb"}:
        _require("pruning", ("optuna",), where)
    return Spec(
        space,
        metric,
        _one_of(goal, GOALS, f"{where}: goal"),
        _search(search, space, where),
        rule,
        _integer(seed, "seed", 0, where),
        _start(start, space, where),
        _integer(repeats, "repeats", 1, where),
    )


def _one_of(given: object, known: Sequence[str], where: str) -> str:
    if given not in known:
        problem = f"expected one of {', '.join(known)}, found {given!r}"
        raise SettingError(where, problem, near(str(given), known))
    return str(given)


def _integer(given: object, name: str, least: int, where: str) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or given < least:
        problem = f"expected an integer of at least {least}, found {given!r}"
        raise SettingError(f"{where}: {name}", problem, f"change {name}")
    return given


def _search(given: object, space: Space, where: str) -> str:
    search = _one_of(given, SEARCHES, f"{where}: search")
    place = f"{where}: search={search}"
    if search == "grid":
        for each in space.dimensions:
            if each.distribution.values() is None:
                problem = f"a grid needs parameters with finitely many values; {each.name} is {each.distribution.kind}"
                fix = f"list the values of {each.name}, or use another search"
                raise SettingError(place, problem, fix)
            if isinstance(each.distribution, Choice) and each.distribution.probabilities:
                problem = f"a grid tries each value once, and {each.name} has probabilities"
                raise SettingError(place, problem, "remove them, or use search='random'")
    if search == "cma-es":
        _check_cma(space, place)
    _require(f"search={search}", _NEEDS.get(search, ()), place)
    return search


def _check_cma(space: Space, place: str) -> None:
    choices = [each.name for each in space.searched if isinstance(each.distribution, Choice)]
    if choices:
        problem = f"CMA-ES searches numbers only, found the choice {', '.join(choices)}"
        raise SettingError(place, problem, "use search='tpe'")
    if len(space.searched) < 2:
        raise SettingError(place, "CMA-ES needs at least two parameters", "use search='tpe'")


def _require(what: str, packages: Sequence[str], where: str) -> None:
    missing = [each for each in packages if find_spec(each) is None]
    if missing:
        problem = f"{what} needs {' and '.join(missing)}, which is not installed"
        raise SettingError(where, problem, installing("sweep"))


def _start(given: object, space: Space, where: str) -> tuple[Mapping[str, Json], ...]:
    if isinstance(given, Mapping) or not isinstance(given, Sequence) or isinstance(given, str):
        problem = f"expected a list of dicts of parameters, found {given!r}"
        raise SettingError(f"{where}: start", problem, "write start=[{'rate': 0.1}]")
    return tuple(
        _point(each, space, f"{where}: start[{place}]") for place, each in enumerate(given)
    )


def _point(given: object, space: Space, place: str) -> dict[str, Json]:
    """Return one starting point by dotted name, checked."""
    if not isinstance(given, Mapping):
        raise SettingError(
            place, f"expected a dict of parameters, found {given!r}", "write {'rate': 0.1}"
        )
    known = {each.name: each for each in space.dimensions}
    flat = {name: value for name, value in given.items() if name in known}
    flat |= space.flat(given)
    used = {name.split(".")[0] for name in flat} | set(flat)
    for name in given:
        if name not in used:
            raise SettingError(place, f"{name!r} is not swept", near(str(name), known))
    for name, value in flat.items():
        try:
            known[name].distribution.position(value)
        except WingspanError as error:
            raise SettingError(f"{place}: {name}", error.problem, error.fix) from None
    if not flat:
        raise SettingError(place, "names no swept parameter", f"there is: {', '.join(known)}")
    return flat


def is_value(value: object) -> bool:
    """Return whether a metric's value is a finite number."""
    return isinstance(value, int | float) and math.isfinite(value)
