"""The values that describe a user's sweep: the space, the search and the budget."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from wingspan.errors import DeclarationError, near
from wingspan.pipeline.resources import shortened
from wingspan.sweep.over import read_over
from wingspan.sweep.prune import Prune
from wingspan.sweep.spec import Spec, make_spec

if TYPE_CHECKING:
    from wingspan.sweep.wandb_yaml import SweepFile

KEEP = ("all", "best")
Over = Mapping[str, Any] | Path | str
_MOST_TRIALS = 1_000_000


class Asked(NamedTuple):
    """The options of `Pipeline.sweep` that control the search.

    Those that a sweep file may set are None by default.
    """

    over: Over
    metric: str | None = None
    goal: str | None = None
    trials: int | None = None
    parallel: int | None = None
    search: str | None = None
    prune: Prune | Mapping[str, Any] | str | None = None
    seed: int = 0
    keep: str = "all"
    start: Sequence[Mapping[str, Any]] = ()
    hours: float | None = None
    target: float | None = None
    repeats: int = 1
    confirm: int = 0


def asked_with(over: Over, options: Mapping[str, Any], place: str) -> Asked:
    """Return the options of a search by name.

    Raises
    ------
    DeclarationError
        An option is unknown.
    """
    for name in options:
        if name not in Asked._fields[1:]:
            problem = f"a search has no option {name!r}"
            raise DeclarationError(place, problem, near(name, Asked._fields[1:]))
    return Asked(over, **options)


@dataclass(frozen=True, slots=True)
class Sweep:
    """How the arguments of a step are searched.

    Parameters
    ----------
    spec
        What the trials are drawn from, and how: with the step's constants all that a study depends on.
    trials
        The most trials.
    parallel
        The most trials at once; None is what fits.
    keep
        ``all`` results of trials are stored, or those that were the ``best`` so far.
    hours
        Slot time after which no trial is drawn any more.
    target
        Value of the metric at which the sweep ends.
    confirm
        How many of the best trials are run again with other seeds.
    file
        What a sweep's file says, where the space is from one.
    runs_file
        A trial is one run of the program that the file names.
    """

    spec: Spec
    trials: int
    parallel: int | None = None
    keep: str = "all"
    hours: float | None = None
    target: float | None = None
    confirm: int = 0
    file: "SweepFile | None" = None
    runs_file: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The arguments that are searched."""
        return self.spec.space.names

    def budget(self) -> dict[str, Any]:
        """Return what makes the result of a study another, JSON-able."""
        return {name: getattr(self, name) for name in ("trials", "hours", "target", "confirm")}

    def notes(self) -> tuple[str, ...]:
        """Return what to print when the sweep starts."""
        return (*(self.file.notes if self.file else ()), *self.spec.announcement())


def read_sweep(asked: Asked, place: str, declared: Sweep | None = None) -> Sweep:
    """Return the sweep that a user describes; the sweep's file gives what `asked` leaves open.

    Parameters
    ----------
    declared
        The sweep of which another space is searched: its metric, goal and trials count where no other are given.

    Raises
    ------
    DeclarationError
        An option is invalid, or the number of trials is open.
    NotFoundError
        There is no such file.
    SettingError
        The space, the search or the start points are invalid.
    """
    _check(asked, place)
    file = _file(asked.over)
    space = file.space if file is not None else read_over(_mapping(asked.over, place), place)
    metric = _first(asked.metric, file and file.metric, declared and declared.spec.metric)
    if metric is None:
        problem = "the metric is missing: which value decides which trial is best?"
        raise DeclarationError(place, problem, 'name it: metric="loss", goal="minimize"')
    spec = make_spec(
        space,
        metric=metric,
        goal=_first(asked.goal, file and file.goal, declared and declared.spec.goal, "minimize"),
        search=_first(asked.search, file and file.search, "tpe"),
        prune=_first(asked.prune, file and file.prune, "none"),
        seed=asked.seed,
        start=tuple(dict(point) for point in asked.start),
        repeats=asked.repeats,
        where=place,
    )
    return Sweep(
        spec,
        _trials(
            _first(asked.trials, file and file.run_cap, declared and declared.trials), spec, place
        ),
        asked.parallel,
        asked.keep,
        asked.hours,
        _first(asked.target, file and file.target),
        asked.confirm,
        file,
    )


def _file(over: Over) -> "SweepFile | None":
    """Return what a sweep's file says, where the space is given as a file."""
    if not isinstance(over, str | Path):
        return None
    from wingspan.sweep.wandb_yaml import read

    return read(Path(over))


def _first(*values: Any) -> Any:  # noqa: ANN401 - of any option
    """Return the first value that is given."""
    return next((value for value in values if value is not None), None)


def _mapping(over: object, place: str) -> Mapping[str, Any]:
    if not isinstance(over, Mapping) or not over:
        problem = (
            f"over={shortened(over)} is invalid: expected parameters and what to draw them from"
        )
        fix = 'write over={"rate": ws.log_uniform(1e-5, 1e-1), "layers": [1, 2, 3]}, or a file: over=Path("sweep.yaml")'
        raise DeclarationError(place, problem, fix)
    return over


def _trials(trials: int | None, spec: Spec, place: str) -> int:
    """Return the most trials: as stated, and of a grid no more than it has."""
    grid = spec.space.size if spec.search == "grid" else None
    if trials is None and grid is None:
        problem = "the number of trials is missing"
        raise DeclarationError(
            place, problem, 'write trials=24, or search="grid" for all of a grid'
        )
    found = min(each for each in (trials, grid) if each is not None)
    if found > _MOST_TRIALS:
        problem = f"the grid has {found:,} combinations, expected at most {_MOST_TRIALS:,}"
        raise DeclarationError(
            place, problem, 'list fewer values, or write trials=100, search="random"'
        )
    if grid is None and len(spec.start) > found:
        problem = f"start= lists {len(spec.start)} trials, expected at most trials={found}"
        raise DeclarationError(place, problem, f"write trials={len(spec.start)}, or list fewer")
    return found


def _check(asked: Asked, place: str) -> None:
    """Refuse options that are not what they must be."""
    counts = {"trials": (1, _MOST_TRIALS), "parallel": (1, 100_000), "confirm": (0, 1000)}
    for name, (least, most) in counts.items():
        value = getattr(asked, name)
        if value is not None and (type(value) is not int or not least <= value <= most):
            problem = f"{name}={shortened(value)} is invalid: expected a whole number from {least} to {most:,}"
            raise DeclarationError(place, problem, f"write {name}={max(least, 8)}{_own(name)}")
    for name in ("hours", "target"):
        value = getattr(asked, name)
        if value is not None and (not _is_number(value) or (name == "hours" and value <= 0)):
            problem = f"{name}={shortened(value)} is invalid: expected a number"
            raise DeclarationError(place, problem, f"write {name}=2.5, or leave it out{_own(name)}")
    if asked.keep not in KEEP:
        problem = f"keep={shortened(asked.keep)} is invalid: expected one of {', '.join(KEEP)}"
        raise DeclarationError(place, problem, 'write keep="all"')
    listed = isinstance(asked.start, list | tuple)
    if not listed or not all(isinstance(point, Mapping) for point in asked.start):
        problem = (
            f"start={shortened(asked.start)} is invalid: expected a list of trials to run first"
        )
        raise DeclarationError(place, problem, 'write start=[{"rate": 0.01, "layers": 2}]')


def _own(name: str) -> str:
    return f"; an argument of the function goes into constants={{{name!r}: ...}}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
