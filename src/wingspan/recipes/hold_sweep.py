"""Declare a sweep over LSTM trainings from event logs and a ``config.yaml``.

The best training is tested once, and saved as an advisor on held jobs.

The logs are read once. A trial makes its tensors, trains until the validation loss no longer falls, and keeps the weights
of the best epoch. The best trial by the configured metric of the validation slice is tested on the sealed slice.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from wingspan.advisor.judging.classes import classify
from wingspan.advisor.judging.contest import Weights, describe_training, enough_to_learn
from wingspan.advisor.models.baselines import as_released, fit_rates
from wingspan.advisor.models.calibrate import IDENTITY
from wingspan.advisor.models.mended import without_fixes
from wingspan.advisor.models.saved import Advisor, save_advisor
from wingspan.advisor.models.sequence import LSTM, Sequence, fit_parts, sized
from wingspan.advisor.models.train import Epoch
from wingspan.advisor.samples.samples import Samples
from wingspan.advisor.samples.split import split_samples
from wingspan.errors import SettingError
from wingspan.files import json_text
from wingspan.recipes.hold_advisor import read, resources_for, weigh
from wingspan.recipes.sweep_config import METRICS, SweepConfig, whole_number
from wingspan.runner.job.inside import checkpoint, checkpoint_file, log, shared_folder
from wingspan.workflow import Pipeline

INFO = "bestmodel.info"
_NAMES = {  # of the file -> of the network's and the tensors' settings
    "e": "e", "j": "j", "m": "m", "timeframe_len": "frame_s", "lstm_layers": "layers",
    "hidden_size": "hidden", "learning_rate": "rate", "batch_size": "batch",
}  # fmt: skip
_LSTM_SECONDS = 30.0  # a megabyte of log, in all epochs


class Trained(NamedTuple):
    """The network of a training's best epoch, and its figures on the validation slice."""

    network: Sequence
    accuracy: float
    precision: float
    recall: float
    f_measure: float
    loss: float
    epochs: int
    best_epoch: int


def weigh_enough(samples: Samples) -> Weights:
    """Weigh incidents as `weigh` does, if there is enough to train and validate on."""
    split = split_samples(samples)
    if not enough_to_learn(samples, split.train) or not len(split.calibrate):
        problem = "the logs hold too few releases with a known outcome to train and validate on"
        fix = "give more logs; until then `wingspan holds advise` goes by rules and rates"
        raise SettingError("wingspan holds sweep", problem, fix)
    return weigh(samples)


def train(  # noqa: PLR0913, PLR0917 - the parameters of the file
    samples: Samples,
    weights: Weights,
    limits: dict[str, int],
    e: int = 18,
    j: int = 10,
    m: int = 10,
    timeframe_len: float | None = None,
    lstm_layers: int = 1,
    hidden_size: int = 64,
    learning_rate: float = 2e-3,
    batch_size: int = 256,
) -> Trained:
    """Train one LSTM; an evicted job's training goes on elsewhere."""
    import torch  # noqa: F401 - says that this step needs it for sure, so that a warm process has it

    def keep(epoch: Epoch) -> None:
        log({"train_loss": epoch.train_loss, "loss": epoch.validate_loss}, step=epoch.number)
        checkpoint()

    drawn = {
        "e": e, "j": j, "m": m, "timeframe_len": timeframe_len, "lstm_layers": lstm_layers,
        "hidden_size": hidden_size, "learning_rate": learning_rate, "batch_size": batch_size,
    }  # fmt: skip
    sizes = sized(_settings(drawn, limits))
    split = split_samples(samples)
    alone = without_fixes(samples, split.train)
    parts = split.train, split.calibrate
    given = weights.train, weights.later
    place, shared = checkpoint_file("training"), shared_folder()
    found, said = fit_parts(alone, parts, given, sizes, place, keep, shared)
    best = found.trained.best
    figures = classify(said, samples.label[split.calibrate])
    epochs = len(found.trained.epochs)
    return Trained(found, **figures, loss=best.validate_loss, epochs=epochs, best_epoch=best.number)


def test(network: Sequence, samples: Samples) -> dict[str, float]:
    """Open the sealed test, once, and say how good the best trial's network is there."""
    split = split_samples(samples)
    rows = split.test.open()
    rows = rows[samples.label[rows] == samples.label[rows]]  # those with a known outcome
    if not len(rows):
        return {"holds": 0.0}
    said = network.predict(samples, rows, as_released(samples, rows))
    label = samples.label[rows]
    brier = float(((said - label) ** 2).mean())
    return {"holds": float(len(rows)), **classify(said, label), "brier": brier}


def save(
    network: Sequence,
    study: list[dict[str, Any]],
    figures: dict[str, dict[str, float]],
    samples: Samples,
    weights: Weights,
    logs: list[dict[str, Any]],
    about: dict[str, Any],
) -> Path:
    """Write the best trial's network to a folder, with a description in `INFO`.

    The folder is for `wingspan holds advise --model`.
    """
    split, best = split_samples(samples), study[0]
    rates = fit_rates(samples, split.both, weights.both)
    training = describe_training(samples, split, logs)
    card = training | {"sweep": about, "trial": best["number"], **figures}
    folder = Path("advisor")
    save_advisor(Advisor(LSTM, network, IDENTITY, rates, card), folder)
    (folder / INFO).write_text(best_model_text(best, network, figures, about), encoding="utf-8")
    return folder


def best_model_text(
    best: Mapping[str, Any],
    network: Sequence,
    figures: Mapping[str, Mapping[str, float]],
    about: Mapping[str, Any],
) -> str:
    """Return the content of ``bestmodel.info``: YAML that people read, one fact a line."""
    names = [name for name in about["parameters"] if name in best]
    epoch = network.trained.best
    sections: dict[str, Any] = {
        "sweep": about["name"],
        "trial": best["number"],
        "metric": about["metric"],
        "goal": about["goal"],
        "value": best[about["metric"]],
        "parameters": {name: best[name] for name in names},
        "training": {
            "epochs": len(network.trained.epochs),
            "best_epoch": epoch.number,
            "loss": epoch.train_loss,
        },
        **figures,
        "model": "advise with it: wingspan holds advise LOG --model FOLDER",
    }
    return "".join(_lines(sections))


def _lines(sections: Mapping[str, Any]) -> list[str]:
    found = []
    for name, value in sections.items():
        if isinstance(value, Mapping):
            found.append(f"{name}:\n")
            found += [f"  {key}: {json_text(each)}\n" for key, each in value.items()]
        else:
            found.append(f"{name}: {json_text(value)}\n")
    return found


def hold_sweep(
    config: SweepConfig, logs: list[Path], *, parallel: int | None = None, seed: int = 0
) -> Pipeline:
    """Declare the pipeline.

    Its results are ``train`` (the best), ``test`` and ``save``, a folder.
    """
    p = Pipeline(config.name)
    size = sum(path.stat().st_size for path in logs if path.is_file()) / 2**20
    short = resources_for(size, 0.2)
    known = p.step(read, logs, resources=short)
    weights = p.step(weigh_enough, known.samples, resources=short)
    best = p.sweep(
        train,
        over=dict(config.over),
        metric=config.metric,
        goal=config.goal,
        search=config.search,
        trials=config.trials,
        parallel=parallel,
        seed=seed,
        samples=known.samples,
        weights=weights,
        limits={"epochs": config.epochs, "patience": config.patience or config.epochs},
        resources=resources_for(size, _LSTM_SECONDS),
    )
    tested = p.step(test, best.network, known.samples, resources=short)
    about = {
        "name": config.name,
        "metric": config.metric,
        "goal": config.goal,
        "parameters": sorted(config.over),
    }
    figures = {"validation": {name: getattr(best, name) for name in METRICS}, "test": tested}
    given = known.samples, weights, known.logs, about
    p.step(save, best.network, best.study, figures, *given, resources=short)
    return p


def _settings(drawn: Mapping[str, Any], limits: Mapping[str, int]) -> dict[str, str]:
    """Return the settings of network and tensors, as text, from drawn parameters."""
    kept = {name: value for name, value in drawn.items() if value is not None}
    found = {_NAMES[name]: str(whole_number(name, value)) for name, value in kept.items()}
    return found | {name: str(value) for name, value in limits.items()}
