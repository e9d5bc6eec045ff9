"""Stop trials early, by Optuna's rules and by W&B's own.

A rule counts a trial's reports of the metric and ignores their steps: the first report is number 1.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from wingspan.errors import SettingError, near
from wingspan.sweep.distributions import Json

_INFINITE: Final = 100  # bands that W&B's rule has with min_iter
_DEFAULTS: Final[Mapping[str, Mapping[str, Json]]] = {
    "none": {},
    "asha": {"first": None, "eta": 2},  # None: see `first_rung`
    "hyperband": {"first": 1, "last": None, "eta": 3},
    "median": {"startup": 5, "warmup": 0},
    "patience": {"reports": 10, "delta": 0.0},
    "wandb": {"min_iter": None, "max_iter": None, "s": None, "eta": 3, "strict": True},
}
_LEAST: Final = {"startup": 0, "warmup": 0, "delta": 0, "eta": 2}  # all others: 1
_RUNGS: Final = 3  # comparisons of a trial by ASHA, where the length of a trial gives the first
_LAST_BAND: Final = 10**9  # reports; no trial has more


@dataclass(frozen=True, slots=True)
class Prune:
    """A rule and all its options."""

    rule: str = "none"
    options: Mapping[str, Json] = field(default_factory=dict)

    def json(self) -> dict[str, Json]:
        """Return the rule as JSON."""
        return {"rule": self.rule, **self.options}


NONE: Final = Prune()


def read_prune(given: object, where: str) -> Prune:
    """Return the rule that a name, or ``{"rule": name, option: value}``, describes.

    Raises
    ------
    SettingError
        A name or a value is invalid; similar names are listed.
    """
    if isinstance(given, Prune):
        given = given.json()
    written = {"rule": given} if isinstance(given, str) else given
    if not isinstance(written, Mapping) or not isinstance(written.get("rule"), str):
        problem = f"expected the name of a rule, or {{'rule': name, ...}}, found {given!r}"
        raise SettingError(where, problem, f"rules: {', '.join(_DEFAULTS)}")
    rule = written["rule"]
    if rule not in _DEFAULTS:
        raise SettingError(where, f"unknown rule {rule!r}", near(rule, _DEFAULTS))
    options = dict(_DEFAULTS[rule])
    for name, value in written.items():
        if name == "rule":
            continue
        if name not in options:
            problem = f"the rule {rule} has no option {name!r}"
            raise SettingError(where, problem, near(str(name), options))
        options[name] = _option(rule, name, value, where)
    _check_together(rule, options, where)
    return Prune(rule, options)


def _option(rule: str, name: str, value: Json, where: str) -> Json:
    if value is None and _DEFAULTS[rule][name] is None:
        return value
    if name == "strict":
        if isinstance(value, bool):
            return value
        raise SettingError(
            where, f"expected true or false as strict, found {value!r}", "change strict"
        )
    fraction = name == "delta" or (name, rule) == ("eta", "wandb")
    if not fraction and isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int | float if fraction else int) or isinstance(value, bool):
        kind = "a number" if fraction else "an integer"
        raise SettingError(where, f"expected {kind} as {name}, found {value!r}", f"change {name}")
    least = math.nextafter(1, 2) if (name, rule) == ("eta", "wandb") else _LEAST.get(name, 1)
    if not least <= value < math.inf:
        bound = "more than 1" if 1 < least < 2 else f"at least {least}"
        raise SettingError(where, f"expected {name} of {bound}, found {value!r}", f"change {name}")
    return value


def _check_together(rule: str, options: Mapping[str, Json], where: str) -> None:
    if rule == "hyperband" and options["last"] is not None and options["last"] < options["first"]:
        problem = f"expected first <= last, found {options['first']} and {options['last']}"
        raise SettingError(where, problem, "exchange them")
    if rule != "wandb":
        return
    if options["min_iter"] is None and (options["max_iter"] is None or options["s"] is None):
        problem = "hyperband needs min_iter, or max_iter and s"
        raise SettingError(
            where, problem, "give min_iter: the number of the first report that it judges"
        )
    if not bands(options):
        problem = f"no band is left below max_iter {options['max_iter']} with eta {options['eta']}"
        raise SettingError(where, problem, "raise max_iter, or lower eta")


def bands(options: Mapping[str, Json], most: int = _INFINITE) -> list[int]:
    """Return the numbers of the reports that W&B's rule compares, in ascending order."""
    eta = options["eta"]
    if options["max_iter"] is not None and options["s"] is not None:
        found, band = [], options["max_iter"]
        for _ in range(options["s"]):
            band /= eta
            if band < 1:
                break
            found.append(int(band))
        return sorted(found)
    found, band = [], options["min_iter"]
    while len(found) < most and band < _LAST_BAND:
        found.append(int(band))
        band *= eta
    return found


def wandb_stops(
    prune: Prune, curves: Mapping[int, Sequence[float]], running: Iterable[int]
) -> list[int]:
    """Return the running trials that W&B's rule stops now.

    All trials that have reached a band set its threshold, ended ones too. So another trial's report can stop a trial.

    Parameters
    ----------
    curves
        The valid reports of each trial in order; less is better.
    """
    longest = max(map(len, curves.values()), default=0)
    passed = [
        (band, sorted(curve[band - 1] for curve in curves.values() if len(curve) >= band))
        for band in bands(prune.options)
        if band <= longest
    ]
    share = 1.0 / prune.options["eta"]
    thresholds = [(band, found[int(share * len(found))]) for band, found in passed if found]
    stopped = []
    for number in running:
        curve = curves.get(number, ())
        reached = [pair for pair in thresholds if pair[0] <= len(curve)]
        if not reached:
            continue
        band, threshold = reached[-1]
        value = curve[band - 1] if prune.options["strict"] else min(curve)
        if value > threshold:
            stopped.append(number)
    return stopped


def first_rung(prune: Prune, length: int) -> int:
    """Return the report at which ASHA first compares, if a complete trial has `length` reports.

    That is a share of 1/eta³ of them, so that a trial is compared three times before it ends: neither a curve of a dozen
    reports nor one of thousands is judged by its first report.

    >>> [first_rung(Prune("asha", {"first": None, "eta": 2}), length) for length in (3, 12, 27, 100)]
    [1, 2, 4, 13]
    """
    given = prune.options["first"]
    return int(given or max(math.ceil(length / prune.options["eta"] ** _RUNGS), 1))


def announcement(prune: Prune) -> tuple[str, ...]:
    """Return sentences that explain the rule, to print when the sweep starts."""
    if prune.rule == "none":
        return ()
    options = dict(prune.options)
    if prune.rule == "wandb":
        return _wandb_announcement(options)
    if prune.rule == "asha":
        options["rungs"] = _rungs(options["first"], options["eta"])
    if prune.rule == "hyperband":
        options["last"] = options["last"] or "the length of the first complete trial"
    return (_SENTENCES[prune.rule].format(**options),)


_SENTENCES: Final = {
    "asha": "Pruning: ASHA (Optuna). At {rungs} a trial continues if it is among the best "
    "1/{eta} of the trials that got there earlier.",
    "hyperband": "Pruning: Hyperband (Optuna). Brackets of ASHA start at report {first} or later, eta {eta}, up to "
    "report {last}.",
    "median": "Pruning: median (Optuna). After {startup} complete trials and {warmup} reports, a trial stops when its "
    "best value is worse than the median of the others at the same report.",
    "patience": "Pruning: patience (Optuna). A trial stops when its metric has not improved by more than {delta:g} over "
    "{reports} reports.",
}


def _rungs(first: int | None, eta: int) -> str:
    if first is not None:
        return f"reports {', '.join(str(first * eta**k) for k in range(5))}, ... of the metric"
    return f"1/{eta**3}, 1/{eta**2} and 1/{eta} of the first complete trial's reports"


def _wandb_announcement(options: Mapping[str, Json]) -> tuple[str, ...]:
    shown = ", ".join(map(str, bands(options, 5)))
    more = ", ..." if options["max_iter"] is None or options["s"] is None else ""
    compared = "its value there" if options["strict"] else "its best value so far"
    share = f"1/{options['eta']:g}"
    return (
        f"Pruning: Hyperband by W&B's rule. Bands at reports {shown}{more} of the metric.",
        f"A trial stops when {compared} is not among the best {share} of all trials at its last band.",
    )
