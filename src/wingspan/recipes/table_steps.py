"""The steps of training and predicting tables: plain functions over `wingspan.tabular`, each callable by hand."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from wingspan.files import digest_file
from wingspan.tabular.blocks import Table, shards
from wingspan.tabular.bundle import Bundle, read_preparation
from wingspan.tabular.card import Card, notes_of, versions_of
from wingspan.tabular.clean import Rules
from wingspan.tabular.evaluate import Evaluation, count_table, evaluation
from wingspan.tabular.metrics import Counts, merge_counts
from wingspan.tabular.predict import Predictions, merge_predictions, predict_part
from wingspan.tabular.preparation import Preparation
from wingspan.tabular.prepare import (
    Inputs,
    PreparationPart,
    choose_inputs,
    learn_part,
    learn_preparation,
    merge_parts,
)
from wingspan.tabular.read import ReadOptions, read_table
from wingspan.tabular.select import Selection, select
from wingspan.tabular.split import SplitRule
from wingspan.tabular.train import train_table

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


def read(data: Path | list[Path], options: ReadOptions) -> Table:
    """Read the table once, into Parquet."""
    return read_table(data, Path("table"), options=options)


def prepare(
    table: Table, split: SplitRule, target: str, drop: list[str], rules: Rules, compatibility: bool
) -> Preparation:
    """Learn means and categories from the training rows."""
    return learn_preparation(
        table, split, target=target, drop=drop, rules=rules, compatibility=compatibility
    )


def choose(table: Table, target: str, drop: list[str], rules: Rules, compatibility: bool) -> Inputs:
    """Choose the columns that become features."""
    return choose_inputs(table, target=target, drop=drop, rules=rules, compatibility=compatibility)


def learn(
    table: Table, inputs: Inputs, split: SplitRule, shard: int, shards_in_all: int
) -> list[PreparationPart]:
    """Learn means and categories from the training rows of one shard; none if the table has fewer blocks."""
    return [
        learn_part(table, split, inputs, blocks)
        for blocks in shards(table, shards_in_all)[shard : shard + 1]
    ]


def merge(parts: dict[str, list[PreparationPart]]) -> Preparation:
    """Join what the shards learned."""
    return merge_parts([part for found in parts.values() for part in found])


def fit(
    table: Table,
    preparation: Preparation,
    split: SplitRule,
    estimator: str,
    parameters: dict[str, Any],
    seed: int,
) -> "BaseEstimator":
    """Fit one estimator on the training rows."""
    scale = True if preparation.compatibility else None
    return train_table(table, split, preparation, estimator, parameters, seed, scale=scale)


def evaluate(
    model: "BaseEstimator", table: Table, preparation: Preparation, split: SplitRule
) -> Evaluation:
    """Score the test rows."""
    return evaluation(count_table(model, table, split, preparation), preparation.classes)


def score(
    model: "BaseEstimator",
    table: Table,
    preparation: Preparation,
    split: SplitRule,
    shard: int,
    shards_in_all: int,
) -> list[Counts]:
    """Count what the model says of the test rows of one shard."""
    found = shards(table, shards_in_all)[shard : shard + 1]
    return [count_table(model, table, split, preparation, blocks) for blocks in found]


def join(counts: dict[str, list[Counts]], preparation: Preparation) -> Evaluation:
    """Join the shards' counts into metrics with intervals."""
    return evaluation(
        merge_counts([count for found in counts.values() for count in found]), preparation.classes
    )


class Best(NamedTuple):
    """Which model is the best, and the folder with all that is needed to apply it: what is deployed."""

    selection: Selection
    bundle: Path


def choose_best(
    models: dict[str, "BaseEstimator"],
    evaluations: dict[str, Evaluation],
    metrics: list[str],
    table: Table,
    preparation: Preparation,
    split: SplitRule,
    facts: dict[str, Any],
) -> Best:
    """Rank the models by the metrics, and join the best with what is needed to apply it, and its card."""
    selection = select(evaluations, *metrics)
    best = selection.best
    values = {
        name: {key: metric.value for key, metric in one.metrics.items()}
        for name, one in evaluations.items()
    }
    card = Card(
        data=facts["data"],
        data_digest=digest_file(table.data),
        rows=table.rows,
        columns={column.name: column.kind for column in table.schema.columns},
        target=preparation.target,
        split=asdict(split),
        estimator=facts["estimators"][best],
        parameters=facts["parameters"].get(best, {}),
        seed=facts["seed"],
        evaluation=evaluations[best],
        candidates=values,
        selected_by=selection.metrics,
        versions=versions_of(),
        notes=notes_of(preparation),
    )
    Bundle(models[best], preparation, card).save(Path("bundle"))
    return Best(selection, Path("bundle"))


def read_new(model: Preparation | Path, data: Path | list[Path], options: ReadOptions) -> Table:
    """Read raw rows to predict, as the columns that the model (or its folder) was trained with."""
    preparation = read_preparation(model) if isinstance(model, Path) else model
    return read_table(data, Path("table"), options=options, expected=preparation.schema)


def predict(model: Path, table: Table, id_column: str | None, suffix: str) -> Predictions:
    """Predict all rows into one file, in their order."""
    import skops.io  # noqa: F401 - says that this step needs it for sure, so that a warm process has it

    return collect({"all": predict_shard(model, table, id_column, 0, 1)}, suffix)


def predict_shard(
    model: Path, table: Table, id_column: str | None, shard: int, shards_in_all: int
) -> list[Predictions]:
    """Predict the rows of one shard."""
    import skops.io  # noqa: F401 - says that this step needs it for sure, so that a warm process has it

    found = shards(table, shards_in_all)[shard : shard + 1]
    loaded = Bundle.load(model)
    return [
        predict_part(loaded, table, Path("part"), blocks, id_column=id_column) for blocks in found
    ]


def collect(parts: dict[str, list[Predictions]], suffix: str) -> Predictions:
    """Write the predictions of all shards to one file, in the order of the rows."""
    return merge_predictions(
        [part for found in parts.values() for part in found], Path(f"predictions{suffix}")
    )
