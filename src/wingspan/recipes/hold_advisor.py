"""Declare a pipeline that trains, compares, judges and saves advisors on held jobs.

Each model is a step.

The steps are plain functions over `wingspan.advisor`; each can be called by hand.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from wingspan.advisor.holds.timeline import make_timeline
from wingspan.advisor.judging.contest import (
    COUNTED,
    LEARNED,
    Contest,
    Contestant,
    Weights,
    choose,
    enough_to_learn,
    enter,
    training_weights,
)
from wingspan.advisor.judging.evaluate import Report
from wingspan.advisor.judging.evaluate import evaluate as judge
from wingspan.advisor.models.saved import save_advisor
from wingspan.advisor.models.sequence import (
    CONTROLS,
    LSTM,
    control_name,
    lstm,
    sized,
)
from wingspan.advisor.models.train import Epoch
from wingspan.advisor.samples.samples import Samples, make_samples
from wingspan.advisor.samples.split import split_samples
from wingspan.advisor.samples.truth import join_truth
from wingspan.eventlog.read import read_events
from wingspan.pipeline.handles import Handle
from wingspan.pipeline.resources import Resources
from wingspan.runner.job.inside import checkpoint, checkpoint_file, log
from wingspan.workflow import Pipeline

_SAMPLES_BYTES = 12  # memory of a step for each byte of log
_LSTM_SECONDS = 60.0  # a megabyte of log, in all epochs of both trainings


@dataclass(frozen=True, slots=True)
class HoldAdvisor:
    """What to learn from, and with which models.

    Parameters
    ----------
    logs
        Event logs: a file or several.
    truth
        A simulator's truth of these logs.
    lstm, ablations
        Whether the LSTM takes part, and what it is worth without each part of its input.
    settings
        Sizes of the LSTM: fields of `NetworkConfig` and `Layout`, as text.
    cpus
        Cores of each model's step.
    gpus
        GPUs of the LSTM's steps.
    """

    logs: Path | list[Path]
    truth: Path | None = None
    lstm: bool = False
    ablations: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    cpus: int = 1
    gpus: int = 0
    memory: str | None = None


class Known(NamedTuple):
    """What was read: samples without the paths of their logs, and what the logs were."""

    samples: Samples
    logs: list[dict[str, Any]]


# Steps, in order of the data -----------------------------------------------------------------------------------------


def read(logs: list[Path]) -> Known:
    """Read the logs, and find holds, incidents and features."""
    samples = make_samples(make_timeline(read_events(logs)))
    files = samples.timeline.events.files
    events = replace(samples.timeline.events, files=())  # a path would take the log along
    timeline = replace(samples.timeline, events=events)
    facts = [{"path": file.path.name, "bytes": file.size} for file in files]
    return Known(replace(samples, timeline=timeline), facts)


def weigh(samples: Samples) -> Weights:
    """Weigh incidents, and holds that are rarely released."""
    return training_weights(samples, split_samples(samples))


def fit(samples: Samples, weights: Weights, model: str) -> Contestant | None:
    """Train and calibrate one model; None where there is too little to learn from."""
    import skops.io  # noqa: F401 - says that this step needs it for sure, so that a warm process has it

    split = split_samples(samples)
    if model in COUNTED:
        return enter(model, COUNTED[model], samples, split, weights)
    if not enough_to_learn(samples, split.train):
        return None
    return enter(model, LEARNED[model], samples, split, weights)


def fit_lstm(
    samples: Samples, weights: Weights, control: str, settings: dict[str, str]
) -> Contestant | None:
    """Train and calibrate the LSTM, or one of its controls.

    If the job is evicted, training continues elsewhere.
    """
    import torch  # noqa: F401 - as above

    def keep(epoch: Epoch) -> None:
        log({"train_loss": epoch.train_loss, "loss": epoch.validate_loss}, step=epoch.number)
        checkpoint()

    split = split_samples(samples)
    if not enough_to_learn(samples, split.train):
        return None
    name = control_name(control) if control else LSTM
    found = lstm(*sized(settings), control, checkpoint_file("training"), keep)
    return enter(name, found, samples, split, weights)


def contest(models: dict[str, Contestant | None], samples: Samples, weights: Weights) -> Contest:
    """Choose the winner, by the slice that calibrates."""
    import skops.io  # noqa: F401 - as above

    controls = [control_name(each) for each in CONTROLS]
    found = [models.get(name) for name in (*COUNTED, *LEARNED, LSTM, *controls)]
    entered = [each for each in found if each is not None]
    return choose(entered, samples, split_samples(samples), weights, frozenset(controls))


def evaluate(contest: Contest, samples: Samples, truth: Path | None, logs: list[Path]) -> Report:
    """Open the sealed test, and judge every model and the printed advice on it.

    The advice reads the logs.
    """
    import skops.io  # noqa: F401 - as above

    from wingspan.simulator.truth import read_truth

    samples = replace(samples, timeline=make_timeline(read_events(logs)))
    known = join_truth(samples, read_truth(truth)) if truth else None
    return judge(samples, split_samples(samples), contest, known)


def save(contest: Contest, samples: Samples, logs: list[dict[str, Any]]) -> Path:
    """Write the winner to a folder for `wingspan holds advise --model`."""
    import skops.io  # noqa: F401 - as above

    advisor = contest.advisor(samples, split_samples(samples), logs)
    save_advisor(advisor, Path("advisor"))
    return Path("advisor")


# The pipeline --------------------------------------------------------------------------------------------------------


def hold_advisor(what: HoldAdvisor) -> Pipeline:
    """Declare the pipeline.

    Its results are ``fit[MODEL]``, ``contest``, ``evaluate`` and ``save``.
    """
    p = Pipeline("hold-advisor")
    logs = what.logs if isinstance(what.logs, list) else [what.logs]
    size = sum(path.stat().st_size for path in logs if path.is_file()) / 2**20
    short = _resources(what, size, 0.2, cpus=1)
    known = p.step(read, logs, resources=short)
    weights = p.step(weigh, known.samples, resources=short)
    models = dict(_fits(p, what, known.samples, weights, size))
    chosen = p.step(contest, models, known.samples, weights, resources=short)
    p.step(evaluate, chosen, known.samples, what.truth, logs, resources=short)
    p.step(save, chosen, known.samples, known.logs, resources=short)
    return p


def _fits(
    p: Pipeline, what: HoldAdvisor, samples: Handle, weights: Handle, size: float
) -> Iterator[tuple[str, Handle]]:
    """Add a step for each model; yield its name and its result."""
    for name in (*COUNTED, *LEARNED):
        asked = _resources(what, size, 0.5)
        yield name, p.step(fit, samples, weights, name, name=f"fit[{name}]", resources=asked)
    for control in ("", *(CONTROLS if what.ablations else ())) if what.lstm else ():
        name = control_name(control) if control else LSTM
        asked = replace(_resources(what, size, _LSTM_SECONDS), gpus=what.gpus)
        given = (samples, weights, control, dict(what.settings))
        yield name, p.step(fit_lstm, *given, name=f"fit[{name}]", resources=asked)


def _resources(
    what: HoldAdvisor, size: float, seconds: float, cpus: int | None = None
) -> Resources:
    """Request what logs of this size need, unless the user says how much."""
    return replace(resources_for(size, seconds), cpus=cpus or what.cpus, memory=what.memory)


def resources_for(size: float, seconds: float) -> Resources:
    """Return the request of a step by its seconds for each megabyte of log."""
    likely = int(2048 + _SAMPLES_BYTES * size)
    return Resources(expected=round(1 + seconds * size, 1), expected_memory=likely)
