"""Put Optuna's learning searches and pruning rules into a few calls.

The study in memory is rebuilt from the journal each time. Each TPE draw has its own seed, derived from the trial's
number. Otherwise a restarted search would repeat its first draws.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Final

from wingspan.errors import SettingError
from wingspan.sweep.distributions import Choice, Distribution, IntUniform, Json, LogUniform, Uniform
from wingspan.sweep.draws import flat_values, seed_of
from wingspan.sweep.prune import Prune, first_rung
from wingspan.sweep.records import COMPLETE, FAILED, PRUNED, Trial, TrialRecord
from wingspan.sweep.spec import Spec

# In a notebook tqdm, which Optuna imports, asks for a package that nothing here uses.
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="IProgress not found")
    import optuna
    from optuna.distributions import (
        BaseDistribution,
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )
    from optuna.trial import TrialState

_STATES: Final = {
    COMPLETE: TrialState.COMPLETE,
    PRUNED: TrialState.PRUNED,
    FAILED: TrialState.FAIL,
}
_NAME: Final = "sweep"  # Optuna chooses Hyperband's brackets by a hash of the name


class _Tpe(optuna.samplers.TPESampler):  # type: ignore[misc]  # Optuna may not be installed
    """TPE over a given space. Optuna's search for the space took half of each draw's time."""

    def __init__(self, spaces: Mapping[str, BaseDistribution], seed: int) -> None:
        super().__init__(seed=seed)
        self._spaces = dict(spaces)

    def infer_relative_search_space(
        self,
        study: optuna.Study,  # noqa: ARG002
        trial: optuna.trial.FrozenTrial,  # noqa: ARG002
    ) -> dict[str, BaseDistribution]:
        """Return the whole space."""
        return self._spaces


class Model:
    """Optuna's study of the trials so far; trials are added in the order of their numbers.

    Parameters
    ----------
    length
        The number of reports of a complete trial; None while no trial is complete.
    """

    def __init__(self, spec: Spec, length: int | None = None) -> None:
        self._spec = spec
        self._spaces = {each.name: coordinate(each.distribution) for each in spec.space.searched}
        self._study = _new_study(spec, length)
        self._idle = optuna.samplers.RandomSampler(seed=0)  # for trials that are already drawn
        self._trials: dict[int, optuna.Trial] = {}
        self._reported: set[int] = set()

    def draw(self, number: int) -> tuple[dict[str, Json], dict[str, Any]]:
        """Let the search choose a trial; return its values by dotted name, and its point."""
        self._study.sampler = _sampler(self._spec, self._spaces, number)
        trial = self._study.ask(self._spaces)
        self._trials[number] = trial
        values = flat_values(self._spec.space, {})
        for each in self._spec.space.searched:
            values[each.name] = value_at(each.distribution, trial.params[each.name])
        return values, dict(trial.params)

    def add(self, record: TrialRecord) -> None:
        """Add a trial that was drawn earlier, or without this model."""
        if record.number in self._trials:
            return
        flat = self._spec.space.flat(record.parameters)
        point = record.point or {
            each.name: coordinate_of(each.distribution, flat[each.name])
            for each in self._spec.space.searched
        }
        evolves = self._spec.search == "cma-es"
        self._study.sampler = (
            _sampler(self._spec, self._spaces, record.number) if evolves else self._idle
        )
        self._study.enqueue_trial(dict(point))
        trial = self._study.ask(self._spaces)
        self._trials[record.number] = trial
        if evolves:  # the sampler stores its state with each trial that it draws
            _ = trial.relative_params

    def stops(self, number: int, count: int, value: float) -> bool:
        """Add a trial's report, the first with `count` 1; return whether the rule stops the trial."""
        self._trials[number].report(value, count)
        self._reported.add(number)
        return bool(self._trials[number].should_prune())

    def finish(self, number: int, trial: Trial) -> None:
        """Record how a trial ended; the last report of a pruned trial counts."""
        known = self._trials[number]
        if trial.state == PRUNED and trial.value is not None and number not in self._reported:
            known.report(trial.value, max(len(trial.curve), 1))
        value = trial.value if trial.state == COMPLETE else None
        self._study.tell(known, value, _STATES[trial.state], skip_if_finished=True)


def _new_study(spec: Spec, length: int | None = None) -> optuna.Study:
    """Return an empty study, and keep Optuna from logging and warning."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            direction = "minimize" if spec.least_first else "maximize"
            return optuna.create_study(
                direction=direction, study_name=_NAME, pruner=pruner(spec.prune, length)
            )
    finally:
        optuna.logging.set_verbosity(level)


def _sampler(
    spec: Spec, spaces: Mapping[str, BaseDistribution], number: int
) -> optuna.samplers.BaseSampler:
    """Return the sampler of one draw, the same one after a restart."""
    match spec.search:
        case "tpe":
            return _Tpe(spaces, seed_of(spec.seed, "tpe", number))
        case "cma-es":
            return optuna.samplers.CmaEsSampler(
                seed=seed_of(spec.seed, "cma-es"),  # Optuna adds the trial's number to it
                independent_sampler=optuna.samplers.RandomSampler(
                    seed=seed_of(spec.seed, "first", number)
                ),
                warn_independent_sampling=False,
            )
    raise SettingError("search", f"{spec.search!r} does not learn", "use tpe or cma-es")


def coordinate(distribution: Distribution) -> BaseDistribution:
    """Return what Optuna searches for a parameter.

    These are the parameter's values if Optuna has the distribution, else numbers between 0 and 1.
    """
    match distribution:
        case Uniform(low, high, q=None):
            return FloatDistribution(low, high)
        case LogUniform(low, high, q=None):
            return FloatDistribution(low, high, log=True)
        case IntUniform(low, high):
            return IntDistribution(low, high)
        case Choice(choices, None):
            return CategoricalDistribution(range(len(choices)))
        case _:
            return FloatDistribution(2.0**-53, 1 - 2.0**-53)


def value_at(distribution: Distribution, coordinate: Any) -> Json:  # noqa: ANN401 - int or float
    """Return a parameter's value at a coordinate."""
    match distribution:
        case Uniform(q=None) | LogUniform(q=None) | IntUniform():
            return coordinate
        case Choice(choices, None):
            return choices[coordinate]
        case _:
            return distribution.quantile(coordinate)


def coordinate_of(distribution: Distribution, value: Json) -> Any:  # noqa: ANN401 - int or float
    """Return the coordinate of a value."""
    match distribution:
        case Uniform(q=None) | LogUniform(q=None) | IntUniform():
            return value
        case Choice(_, None):
            return distribution.place(value)
        case _:
            return distribution.position(value)


def pruner(prune: Prune, length: int | None = None) -> optuna.pruners.BasePruner:
    """Return Optuna's rule, or one that never stops a trial if the rule is not Optuna's.

    ASHA without `first` stops no trial before the length of a complete one is known.
    """
    options = prune.options
    match prune.rule:
        case "asha" if options["first"] is not None or length is not None:
            return optuna.pruners.SuccessiveHalvingPruner(
                min_resource=first_rung(prune, length or 1), reduction_factor=options["eta"]
            )
        case "hyperband":
            return optuna.pruners.HyperbandPruner(
                min_resource=options["first"],
                max_resource=options["last"] or "auto",
                reduction_factor=options["eta"],
            )
        case "median":
            return optuna.pruners.MedianPruner(
                n_startup_trials=options["startup"], n_warmup_steps=options["warmup"]
            )
        case "patience":
            return optuna.pruners.PatientPruner(
                None, patience=options["reports"], min_delta=options["delta"]
            )
        case _:
            return optuna.pruners.NopPruner()


def importances(spec: Spec, trials: Sequence[Trial]) -> dict[str, float]:
    """Return each parameter's share of what matters among the best trials, largest first."""
    spaces = {each.name: coordinate(each.distribution) for each in spec.space.searched}
    study = _new_study(spec)
    for trial in trials:
        flat = spec.space.flat(trial.parameters)
        point = {
            each.name: coordinate_of(each.distribution, flat[each.name])
            for each in spec.space.searched
        }
        known = optuna.create_trial(params=point, distributions=spaces, value=trial.value)
        study.add_trial(known)
    found = optuna.importance.get_param_importances(study)
    return {name: float(share) for name, share in found.items()}
