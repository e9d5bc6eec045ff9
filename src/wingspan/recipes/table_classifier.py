"""A table and its target column -> a pipeline that trains, compares and bundles classifiers, and predicts new rows.

The steps are plain functions over `wingspan.tabular`; each can be called by hand.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from wingspan.files import digest_file
from wingspan.pipeline.handles import Handle
from wingspan.pipeline.resources import Resources
from wingspan.tabular.blocks import Table, shards
from wingspan.tabular.bundle import Bundle, read_preparation
from wingspan.tabular.card import Card, notes_of, versions_of
from wingspan.tabular.clean import Rules
from wingspan.tabular.declared import check_columns
from wingspan.tabular.estimators import check_estimator
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
from wingspan.tabular.select import Selection, check_metrics, select
from wingspan.tabular.split import SplitRule
from wingspan.tabular.train import train_table
from wingspan.workflow import Pipeline

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

ESTIMATORS = ("logistic_regression", "decision_tree")
_FIT_BYTES = (
    8  # memory of a fit for each byte of CSV: the matrix in float64 and the estimator's own copies
)


@dataclass(frozen=True, slots=True)
class Classifier:
    """What to train, on what, and how to choose.

    Parameters
    ----------
    data
        CSV or Parquet: a file, a folder, or several files.
    target
        Column to predict.
    estimators
        Label -> scikit-learn's name in snake case, or ``module:Class``.
    parameters
        Label -> parameters of the estimator.
    select
        Metric, then tie breaks; default precision, then f1.
    compatibility
        Prepare and split as a pandas script does: row number as a feature, means over all rows, scikit-learn's split.
    shards
        Parts that preparation, evaluation and prediction are done in; no result depends on it.
    cpus
        Cores of each fit.
    """

    data: Path | list[Path]
    target: str
    estimators: Mapping[str, str] = field(
        default_factory=lambda: {name: name for name in ESTIMATORS}
    )
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    select: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    rules: Rules = field(default_factory=Rules)
    options: ReadOptions = field(default_factory=ReadOptions)
    test_size: float = 0.2
    seed: int = 42
    stratify: bool = False
    compatibility: bool = False
    shards: int = 1
    cpus: int = 1
    memory: str | None = None

    @property
    def split(self) -> SplitRule:
        """How rows are divided."""
        kind: Literal["hash", "sklearn"] = "sklearn" if self.compatibility else "hash"
        return SplitRule(
            kind, self.test_size, self.seed, stratify=self.target if self.stratify else None
        )


# Steps, in order of the data -----------------------------------------------------------------------------------------


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


# The pipeline --------------------------------------------------------------------------------------------------------


def table_classifier(what: Classifier) -> Pipeline:
    """Declare the pipeline; its results are ``prepare``, ``evaluate[LABEL]`` and ``choose_best``, a `Best`.

    Raises
    ------
    SettingError, NotFoundError
        An estimator, a parameter of it, a metric or a column that is not known; told before any step runs.
    """
    for label, estimator in what.estimators.items():
        check_estimator(estimator, what.parameters.get(label))
    check_metrics(what.select)
    check_columns(what.data, what.options, [what.target, *what.drop])
    p = Pipeline("table-classifier")
    table = p.step(read, what.data, what.options, resources=_resources(what, 3))
    preparation = _prepare(p, what, table)
    models, evaluations = {}, {}
    for label, estimator in what.estimators.items():
        parameters = dict(what.parameters.get(label, {}))
        arguments = (table, preparation, what.split, estimator, parameters, what.seed)
        asked = _resources(what, _FIT_BYTES, cpus=what.cpus, seconds=2.0)
        models[label] = p.step(fit, *arguments, name=f"fit[{label}]", resources=asked)
        evaluations[label] = _evaluate(
            p, what, label, (models[label], table, preparation, what.split)
        )
    short = _resources(what, 0, seconds=0.0)
    facts = {
        "data": [path.name for path in (what.data if isinstance(what.data, list) else [what.data])],
        "estimators": dict(what.estimators),
        "parameters": {label: dict(given) for label, given in what.parameters.items()},
        "seed": what.seed,
    }
    judged = (models, evaluations, list(what.select))
    p.step(choose_best, *judged, table, preparation, what.split, facts, resources=short)
    return p


def _prepare(p: Pipeline, what: Classifier, table: Handle) -> Handle:
    """Add the steps that learn the preparation, in one piece or in shards."""
    chosen = (what.target, list(what.drop), what.rules, what.compatibility)
    if what.shards == 1:
        return p.step(prepare, table, what.split, *chosen, resources=_resources(what, 0))
    inputs = p.step(choose, table, *chosen, resources=_resources(what, 0))
    parts = p.map(
        learn,
        table,
        inputs,
        what.split,
        over=_numbers(what.shards),
        shards_in_all=what.shards,
        resources=_resources(what, 0),
    )
    return p.step(merge, parts, name="prepare", resources=_resources(what, 0, seconds=0.0))


def _evaluate(p: Pipeline, what: Classifier, label: str, scored: tuple[Any, ...]) -> Handle:
    """Add the steps that evaluate one model, in one piece or in shards."""
    name = f"evaluate[{label}]"
    if what.shards == 1:
        return p.step(evaluate, *scored, name=name, resources=_resources(what, 0))
    parts = p.map(
        score,
        *scored,
        over=_numbers(what.shards),
        shards_in_all=what.shards,
        name=f"score-{label}",
        resources=_resources(what, 0),
    )
    return p.step(join, parts, scored[2], name=name, resources=_resources(what, 0, seconds=0.0))


def _numbers(shards_in_all: int) -> dict[str, dict[str, int]]:
    return {"shard": {str(number): number for number in range(shards_in_all)}}


def add_prediction(  # noqa: PLR0913 - a command's options
    p: Pipeline,
    model: Handle | Path,
    data: Path | list[Path],
    *,
    preparation: Handle | None = None,
    suffix: str = ".csv",
    id_column: str | None = None,
    options: ReadOptions | None = None,
    shards_in_all: int = 1,
) -> Handle:
    """Add the steps that predict raw rows with a bundle; the result's ``path`` is one file in the order of the rows.

    Parameters
    ----------
    preparation
        Of the model, if it is a result too: the rows can then be read before the model is there.
    """
    if id_column is not None:
        check_columns(data, options or ReadOptions(), [id_column])
    asked = _request(data)
    needed = model if preparation is None else preparation
    table = p.step(read_new, needed, data, options or ReadOptions(), resources=asked)
    if shards_in_all == 1:
        return p.step(predict, model, table, id_column, suffix, resources=asked)
    parts = p.map(
        predict_shard,
        model,
        table,
        id_column,
        over=_numbers(shards_in_all),
        shards_in_all=shards_in_all,
        resources=asked,
    )
    return p.step(collect, parts, suffix, name="predict", resources=asked)


def _resources(what: Classifier, factor: int, cpus: int = 1, seconds: float = 0.3) -> Resources:
    """Ask for the memory that the size of the data calls for, unless the user says how much."""
    return _request(what.data, what.memory if factor else None, factor, cpus, seconds)


def _request(
    data: Path | list[Path],
    memory: str | None = None,
    factor: int = 0,
    cpus: int = 1,
    seconds: float = 0.1,
) -> Resources:
    """Return a request for data of this size: `factor` bytes of memory a byte, about so many `seconds` a megabyte."""
    files: Sequence[Path] = data if isinstance(data, list) else [data]
    found = [
        part
        for path in files
        for part in (path.rglob("*") if path.is_dir() else [path])
        if part.is_file()
    ]
    size_mb = sum(part.stat().st_size for part in found) / 2**20
    expected = round(1 + seconds * size_mb, 1)
    return Resources(cpus=cpus, memory=memory or int(2048 + factor * size_mb), expected=expected)
