"""Sweep, take the best model, judge it once on sealed rows, deploy it, predict: one workflow, on this machine or a pool.

wingspan run examples/sweep_to_predictions.py --set csv=loans.csv --set new=new.csv --on htcondor
wingspan status          # the next day, in any terminal: collects what has finished
"""

from pathlib import Path
from typing import NamedTuple

import polars as pl
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import wingspan as ws


class Split(NamedTuple):
    """Rows to learn from, rows to choose by, and rows that only the last judgement sees."""

    train: pl.DataFrame
    validate: pl.DataFrame
    sealed: pl.DataFrame


class Fitted(NamedTuple):
    """A model, and the share of the validation rows that it gets right."""

    model: Pipeline
    accuracy: float


class Deployed(NamedTuple):
    """A model that may be used, and the card that says why."""

    model: Pipeline
    card: dict[str, float]


def split(csv: Path) -> Split:
    """Read a table, shuffle its rows, and part them: 60, 20 and 20 of 100."""
    table = pl.read_csv(csv).drop_nulls().sample(fraction=1.0, shuffle=True, seed=1)
    first, second = len(table) * 6 // 10, len(table) * 8 // 10
    return Split(table[:first], table[first:second], table[second:])


def fit(
    train: pl.DataFrame, validate: pl.DataFrame, target: str, rate: float, penalty: str, epochs: int
) -> Fitted:
    """Fit one model epoch by epoch; the search sees each and may stop it."""
    columns = [name for name in train.columns if name != target]
    scale = StandardScaler().fit(train[columns])
    learner = SGDClassifier(
        loss="log_loss", learning_rate="constant", eta0=rate, penalty=penalty, random_state=0
    )
    accuracy = 0.0
    for epoch in range(epochs):
        learner.partial_fit(scale.transform(train[columns]), train[target], classes=[0, 1])
        accuracy = float(learner.score(scale.transform(validate[columns]), validate[target]))
        ws.log({"accuracy": accuracy}, step=epoch)
        if ws.should_stop():
            break
    return Fitted(make_pipeline(scale, learner), accuracy)


def judge(model: Pipeline, sealed: pl.DataFrame, target: str) -> dict[str, float]:
    """Judge the chosen model once, by rows that chose nothing."""
    columns = [name for name in sealed.columns if name != target]
    accuracy = float(model.score(sealed[columns], sealed[target]))
    share = float(sealed[target].mean())  # type: ignore[arg-type]
    return {"accuracy": accuracy, "guess": max(share, 1 - share), "rows": len(sealed)}


def deploy(model: Pipeline, verdict: dict[str, float], study: list[dict[str, object]]) -> Deployed:
    """Let a model be used that is better than the best guess; refuse any other."""
    if verdict["accuracy"] <= verdict["guess"]:
        raise ValueError(
            f"not deployed: {verdict['accuracy']:.3f} right, a guess {verdict['guess']:.3f}"
        )
    return Deployed(model, {**verdict, "trials": len(study)})


def predict(model: Pipeline, new: Path) -> pl.DataFrame:
    """Add a prediction to each new row."""
    rows = pl.read_csv(new)
    return rows.with_columns(prediction=pl.Series(model.predict(rows)))


def pipeline(
    csv: Path = Path("loans.csv"),
    new: Path = Path("new.csv"),
    target: str = "default",
    trials: int = 12,
    parallel: int = 4,
    epochs: int = 9,
) -> ws.Pipeline:
    """Declare the workflow; ``predict`` holds the new rows with their predictions."""
    p = ws.Pipeline("sweep-to-predictions")
    parts = p.step(split, csv)
    tuned = p.sweep(
        fit, parts.train, parts.validate,
        over={"rate": ws.log_uniform(1e-4, 1e-1), "penalty": ["l1", "l2"]},
        metric="accuracy", goal="maximize", trials=trials, parallel=parallel, prune="asha", seed=1,
        constants={"target": target, "epochs": epochs},
    )  # fmt: skip
    verdict = p.step(judge, tuned.model, parts.sealed, target=target)
    released = p.step(deploy, tuned.model, verdict, tuned.study)
    p.step(predict, released.model, new)
    return p
