"""Draw a sweep's trials before it is submitted, and record those already stored."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from wingspan.errors import WingspanError
from wingspan.planning.plan import Plan, PlannedStep, is_sweep
from wingspan.planning.trial import trial_of
from wingspan.runner.run_folder import Home
from wingspan.runner.trials.value import curve_of, value_of
from wingspan.runner.undeclared import as_read_now
from wingspan.store.store import Store
from wingspan.sweep.open_study import OpenStudy, open_study
from wingspan.sweep.records import COMPLETE, Draw, Ending
from wingspan.sweep.search import LEARNING, blind_values
from wingspan.sweep.spec import Spec

_LOG = logging.getLogger("wingspan.runner")


class Drawn(NamedTuple):
    """The trials of a sweep that are left to run.

    Parameters
    ----------
    study
        Folder of the study.
    trials
        ``[number, values, repeat]`` of each.
    """

    study: Path
    trials: list[list[Any]]


def draw_sweeps(plan: Plan, home: Home, run_id: str, *, served: bool = False) -> dict[str, Drawn]:
    """Draw the trials of the sweeps that are to run; return them by the key of the sweep.

    Where they are `served`, a search that learns draws later: lanes get values at random, for when they do not hear it.

    Raises
    ------
    ConflictError
        Another run searches in the same study.
    """
    sweeps = [step for step in plan.to_run() if is_sweep(step)]
    return {step.key: _drawn(step, home, run_id, served=served) for step in sweeps}


def _drawn(step: PlannedStep, home: Home, run_id: str, *, served: bool) -> Drawn:
    sweep: Mapping[str, Any] = step.sweep or {}
    folder = home.studies / str(sweep["study"])
    spec, limit = Spec.from_json(sweep["spec"]), int(sweep["budget"]["trials"])
    absent = () if served else _absent(spec, sweep["budget"])
    for note in [*sweep["notes"], *absent]:
        _LOG.info("sweep %s: %s", step.name, note)
    store = Store(home.store)
    with open_study(folder, spec, run_id) as study:
        later = served and spec.search in LEARNING
        if not later:
            study.draw_ahead(limit)
        left = [draw for draw in study.unended(limit) if not _known(step, draw, study, store)]
        while (
            not later and (draw := study.draw(limit)) is not None
        ):  # a further call of one that is complete
            left += [] if _known(step, draw, study, store) else [draw]
        drawn = len(study.look(limit).trials)
    trials: list[list[Any]] = [[draw.number, draw.values, draw.repeat] for draw in left]
    numbers = range(drawn, min(limit, spec.space.size or limit))
    values = (spec.space.nested(blind_values(spec, number)) for number in numbers)
    return Drawn(folder, trials + [[None, each, 0] for each in values])


def _absent(spec: Spec, budget: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a sweep does not do where no search watches its trials."""
    if spec.search in LEARNING:
        yield f"no search watches its trials, so {spec.search} draws at random"
    if spec.prune.rule != "none":
        yield "no search watches its trials, so none is pruned"
    for name in ("hours", "target", "confirm"):
        if budget[name]:
            yield f"no search watches its trials, so {name} is ignored"


def _known(step: PlannedStep, draw: Draw, study: OpenStudy, store: Store) -> bool:
    """Record a call whose result is stored; return whether it was stored."""
    trial = as_read_now(trial_of(step, draw.values, draw.number, draw.repeat), store)
    if not store.done([trial.key]):
        return False
    metric, result = study.spec.metric, store.result(trial.key)
    try:
        value = value_of(metric, result, lambda name: store.output_path(trial.key, name))
    except WingspanError:
        return False  # its job says so
    study.began(draw.number, trial.key, draw.repeat)
    ending = Ending(COMPLETE, value, cached=True, curve=curve_of(metric, result))
    study.ended(draw.number, ending, draw.repeat)
    return True
