"""Every combination of a logistic regression's settings as a table of 30 rows, best first.

wingspan run examples/logistic_grid.py --set csv=loan_data.csv
wingspan sweep show
"""

from pathlib import Path
from typing import NamedTuple

import polars as pl
import polars.selectors as cs
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import wingspan as ws

GRID = {
    "C": [0.01, 0.1, 1.0, 10.0, 100.0],
    "penalty": ["l1", "l2"],
    "solver": ["liblinear"],
    "max_iter": [100, 300, 1000],
}


class Split(NamedTuple):
    """Rows to learn from, and rows to judge by."""

    train: pl.DataFrame
    validate: pl.DataFrame


class Fitted(NamedTuple):
    """A model, and the share of the other rows that it gets right."""

    model: Pipeline
    accuracy: float


def split(csv: Path, share: float) -> Split:
    """Read a table, shuffle its rows, and part them."""
    table = pl.read_csv(csv).drop_nulls().sample(fraction=1.0, shuffle=True, seed=1)
    cut = int(len(table) * share)
    return Split(table[cut:], table[:cut])


def fit(
    parts: Split,
    target: str,
    C: float,  # noqa: N803 - as scikit-learn calls it
    penalty: str,
    solver: str,
    max_iter: int,
) -> Fitted:
    """Fit one model on the numbers of the table."""
    columns = parts.train.select(cs.numeric().exclude(target)).columns
    model = make_pipeline(
        StandardScaler(),
        LogisticRegression(
            C=C, l1_ratio=float(penalty == "l1"), solver=solver, max_iter=max_iter, random_state=0
        ),
    )
    model.fit(parts.train[columns], parts.train[target])
    return Fitted(model, float(model.score(parts.validate[columns], parts.validate[target])))


def pipeline(
    csv: Path = Path("loan_data.csv"), target: str = "loan_status", share: float = 0.25
) -> ws.Pipeline:
    """Declare the search; its results are ``fit``, the best model, and ``fit.study``, the table."""
    p = ws.Pipeline("logistic-grid")
    parts = p.step(split, csv, share=share)
    p.sweep(
        fit, parts, over=GRID, metric="accuracy", goal="maximize", search="grid",
        constants={"target": target},  # which the sweep has an option of the same name for
    )  # fmt: skip
    return p
