"""Tables for the tests: the real one where it is at hand, and a small trained model, made with the real functions."""

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest


@pytest.fixture(scope="session")
def loans():
    """The real loan table, where it is at hand."""
    beside = Path(__file__).parents[2] / "../shared"
    shared = Path(os.environ.get("WINGSPAN_SHARED", beside))
    path = shared / "data/loan/loan_data.csv"
    if not path.is_file():
        pytest.skip("the loan data set is not here: set WINGSPAN_SHARED to the folder that has it")
    return path


def people(rows, seed=0):
    """Raw rows: numbers with gaps, a category, an id; "late" depends on them."""
    random = np.random.default_rng(seed)
    age = random.integers(18, 80, rows)
    home = random.choice(["OWN", "RENT", "MORTGAGE"], rows)
    score = (age - 45) / 20 + (home == "RENT") * 2 + random.normal(size=rows)
    return pl.DataFrame(
        {
            "key": [f"k{number}" for number in range(rows)],
            "age": age,
            "income": np.where(random.random(rows) < 0.1, np.nan, random.normal(50, 9, rows)),
            "home": home,
            "late": np.where(score > 1, "yes", "no"),
        }
    ).with_columns(pl.col("income").fill_nan(None))


@pytest.fixture
def table_of(tmp_path):
    """Return a function that reads a frame as a table."""
    from wingspan.tabular.read import read_table

    def read(frame, name="table", **how):
        path = tmp_path / f"{name}.parquet"
        frame.write_parquet(path)
        return read_table(path, tmp_path / name, **how)

    return read


@pytest.fixture
def bundle_of(table_of):
    """Return a function that trains a model on a frame and bundles it."""
    from wingspan.tabular.bundle import Bundle
    from wingspan.tabular.card import Card, versions_of
    from wingspan.tabular.evaluate import count_table, evaluation
    from wingspan.tabular.prepare import learn_preparation
    from wingspan.tabular.split import SplitRule
    from wingspan.tabular.train import train_table

    def bundle(frame, estimator="logistic_regression", target="late", threshold=0.5, **parameters):
        table, split = table_of(frame.drop("key"), "train"), SplitRule()
        preparation = learn_preparation(table, split, target=target)
        model = train_table(table, split, preparation, estimator, parameters, 7)
        counts = count_table(model, table, split, preparation, threshold=threshold)
        card = Card(
            data=["people.csv"],
            data_digest="blake2b-256:00",
            rows=len(frame),
            columns={column.name: column.kind for column in table.schema.columns},
            target=target,
            split=split.as_json(),
            estimator=estimator,
            parameters=parameters,
            seed=7,
            evaluation=evaluation(counts, preparation.classes, threshold=threshold),
            versions=versions_of(),
        )
        return Bundle(model, preparation, card)

    return bundle


@pytest.fixture(name="people")
def _people():
    return people
