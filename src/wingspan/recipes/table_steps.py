"""Define the steps of training and predicting tables.

They are plain functions over `wingspan.tabular`, each callable by hand.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from wingspan.files import digest_file
from wingspan.runner.job.inside import log
from wingspan.tabular.blocks import Table, shards
from wingspan.tabular.bundle import Bundle, read_preparation
from wingspan.tabular.card import Card, notes_of, versions_of
from wingspan.tabular.evaluate import (
    Evaluation,
    count_baseline,
    count_table,
    evaluation,
    merge_some,
)
from wingspan.tabular.importance import Importance, importance
from wingspan.tabular.inputs import Inputs, Wanted, choose_inputs
from wingspan.tabular.learning import LearningCurve, learning_curve
from wingspan.tabular.medians import with_medians
from wingspan.tabular.metrics import Counts
from wingspan.tabular.parts import checked
from wingspan.tabular.predict import Predictions, merge_predictions, predict_part
from wingspan.tabular.predict import predict as predict_rows
from wingspan.tabular.preparation import Preparation
from wingspan.tabular.prepare import PreparationPart, learn_part, merge_parts
from wingspan.tabular.read import ReadOptions, read_table
from wingspan.tabular.residuals import Residuals
from wingspan.tabular.select import Selection, cost_of, precise_metrics, select
from wingspan.tabular.split import SplitRule
from wingspan.tabular.survey import Survey, survey
from wingspan.tabular.train import train_table
from wingspan.tabular.tune import Gain, cross_validate, gain

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


class Prepared(NamedTuple):
    """What was learned from all training rows, and from those of each fold."""

    whole: Preparation
    folds: list[Preparation]

    def of(self, split: SplitRule) -> Preparation:
        """Return the preparation of the fold that a rule names, or the whole."""
        return self.whole if split.fold is None else self.folds[split.fold]


class Best(NamedTuple):
    """The best model, and the folder with all that is needed to apply it."""

    selection: Selection
    bundle: Path


class Search(NamedTuple):
    """An estimator to tune, with its fixed parameters and the metrics that may decide."""

    estimator: str
    fixed: dict[str, Any]
    metrics: list[str]
    seed: int


class Tried(NamedTuple):
    """One trial of a tuning: the parameters, and how good they are by cross-validation.

    Attributes
    ----------
    cost
        The metric, so that less is better.
    """

    cost: float
    metric: str
    parameters: dict[str, Any]


class Overview(NamedTuple):
    """What is known of a table before models are judged, and the baseline's evaluation."""

    survey: Survey
    baseline: Evaluation


def read(data: Path | list[Path], options: ReadOptions) -> Table:
    """Read the table once, into Parquet."""
    return read_table(data, Path("table"), options=options)


def prepare(table: Table, split: SplitRule, wanted: Wanted) -> Prepared:
    """Learn means and categories from the training rows."""
    return _prepared([learn_part(table, split, choose_inputs(table, wanted))], table, split)


def choose(table: Table, wanted: Wanted) -> Inputs:
    """Choose the columns that become features."""
    return choose_inputs(table, wanted)


def learn(
    table: Table, inputs: Inputs, split: SplitRule, shard: int, shards_in_all: int
) -> list[PreparationPart]:
    """Learn means and categories from the training rows of one shard.

    There are none if the table has fewer blocks than shards.
    """
    return [
        learn_part(table, split, inputs, blocks)
        for blocks in shards(table, shards_in_all)[shard : shard + 1]
    ]


def merge(parts: dict[str, list[PreparationPart]], table: Table, split: SplitRule) -> Prepared:
    """Join what the shards learned."""
    return _prepared([part for found in parts.values() for part in found], table, split)


def _prepared(parts: list[PreparationPart], table: Table, split: SplitRule) -> Prepared:
    rules = [split, *split.rules_of_folds]
    learned = checked([(rule, merge_parts(parts, rule.fold)) for rule in rules])
    whole, *folds = with_medians(table, rules, learned)
    return Prepared(whole, folds)


def fit(
    table: Table,
    prepared: Prepared,
    split: SplitRule,
    estimator: str,
    parameters: dict[str, Any],
    seed: int,
) -> "BaseEstimator":
    """Fit one estimator on the training rows, or on those of a fold."""
    preparation = prepared.of(split)
    scale = True if preparation.compatibility else None
    how = (estimator, parameters, seed)
    return train_table(table, split, preparation, *how, scale=scale, report=_report)


def _report(done: int, rounds: int, seconds: float) -> None:
    """Log how far a long fit is."""
    log({"fitted": done / rounds, "seconds_left": round(seconds)}, step=done)


def try_out(
    table: Table,
    prepared: Prepared,
    split: SplitRule,
    search: Search,
    parameters: dict[str, Any],
) -> Tried:
    """Judge parameters of an estimator by cross-validation inside the training rows."""
    given = search.fixed | parameters
    found = cross_validate(table, split, prepared.folds, search.estimator, given, search.seed)
    metric, cost = cost_of(found, search.metrics)
    return Tried(cost, metric, given)


def measure_gains(
    models: dict[str, "BaseEstimator"],
    selection: Selection,
    table: Table,
    prepared: Prepared,
    split: SplitRule,
    tuned: dict[str, str],
) -> dict[str, Gain]:
    """Return what tuning gained on the validation rows by label, by the deciding metric."""
    rows = (table, split, prepared.of(split), selection.metrics[0])
    return {label: gain(label, models[label], models[name], *rows) for label, name in tuned.items()}


def learn_by_rows(
    selection: Selection,
    table: Table,
    prepared: Prepared,
    split: SplitRule,
    facts: dict[str, Any],
) -> LearningCurve:
    """Judge the best estimator by the number of rows that it is fitted on, on validation rows."""
    label = selection.best
    how = (facts["estimators"][label], facts["parameters"].get(label, {}), facts["seed"])
    return learning_curve(table, split, prepared.of(split), label, how, selection.metrics[0])


def evaluate(
    model: "BaseEstimator", table: Table, prepared: Prepared, split: SplitRule, threshold: str
) -> Evaluation:
    """Score the test rows, or those of a fold."""
    preparation = prepared.of(split)
    counts = count_table(model, table, split, preparation)
    return evaluation(counts, preparation.classes, threshold=threshold)


def score(
    model: "BaseEstimator",
    table: Table,
    prepared: Prepared,
    split: SplitRule,
    shard: int,
    shards_in_all: int,
) -> list[Counts | Residuals]:
    """Count what the model says of the test rows of one shard, or of those of a fold."""
    found = shards(table, shards_in_all)[shard : shard + 1]
    return [count_table(model, table, split, prepared.of(split), blocks) for blocks in found]


def join(
    counts: dict[str, list[Counts | Residuals]], prepared: Prepared, threshold: str
) -> Evaluation:
    """Join the counts of shards and folds into metrics with intervals."""
    merged = merge_some(count for found in counts.values() for count in found)
    return evaluation(merged, prepared.whole.classes, threshold=threshold)


def join_best(
    counts: dict[str, list[Counts | Residuals]],
    prepared: Prepared,
    selection: Selection,
    compared: dict[str, Evaluation],
) -> Evaluation:
    """Join the counts of the best model on the test rows.

    The threshold is the one that validation rows chose.
    """
    return join(counts, prepared, repr(compared[selection.best].threshold))


def explain(
    models: dict[str, "BaseEstimator"],
    selection: Selection,
    table: Table,
    prepared: Prepared,
    split: SplitRule,
) -> Importance:
    """Measure how much the best model needs each column, on rows that it was not fitted on."""
    model, metric = models[selection.best], selection.metrics[0]
    return importance(model, table, split, prepared.of(split), metric)


def look(table: Table, prepared: Prepared, split: SplitRule) -> Overview:
    """Look at the columns, and score the baseline on the rows that the models are compared on.

    The baseline knows only how often each class is, or the mean of the target. Both are one step, as starting a
    step costs more than either.
    """
    rules = split.rules_of_folds or [split]
    merged = merge_some(count_baseline(table, rule, prepared.of(rule)) for rule in rules)
    baseline = evaluation(merged, prepared.whole.classes)
    return Overview(survey(table, split, prepared.whole), baseline)


def rank(evaluations: dict[str, Evaluation], metrics: list[str], precise: bool) -> Selection:
    """Rank the models by the metrics, by default those of a proper score."""
    classes = len(next(iter(evaluations.values())).classes)
    default = precise_metrics(classes) if precise and classes else []
    return select(evaluations, *(metrics or default))


def refit(
    selection: Selection,
    table: Table,
    prepared: Prepared,
    split: SplitRule,
    facts: dict[str, Any],
) -> "BaseEstimator":
    """Fit the best estimator again, on all training rows."""
    label = selection.best
    parameters = facts["parameters"].get(label, {})
    return fit(table, prepared, split, facts["estimators"][label], parameters, facts["seed"])


def bundle(
    selection: Selection,
    model: "BaseEstimator",
    evaluations: dict[str, dict[str, Evaluation]],
    surveyed: Survey,
    table: Table,
    prepared: Prepared,
    facts: dict[str, Any],
) -> Best:
    """Join the best model with what is needed to apply it, and its card.

    Parameters
    ----------
    evaluations
        ``test``: the best model on the test rows, and ``validation``: all models on the validation rows; or ``test``
        alone with all models.
    """
    best, preparation = selection.best, prepared.whole
    compared = evaluations.get("validation") or evaluations["test"]
    tested = evaluations["test"]
    card = Card(
        data=facts["data"],
        data_digest=digest_file(table.data),
        rows=table.rows,
        columns={column.name: column.kind for column in table.schema.columns},
        target=preparation.target,
        split=facts["split"],
        estimator=facts["estimators"][best],
        parameters=facts["parameters"].get(best, {}),
        seed=facts["seed"],
        evaluation=tested.get(best) or tested["best"],
        validation=compared[best] if "validation" in evaluations else None,
        candidates={
            name: {key: metric.value for key, metric in one.metrics.items()}
            for name, one in compared.items()
        },
        selected_by=selection.metrics,
        versions=versions_of(),
        notes=[*notes_of(preparation), *_findings_of(facts)],
        survey=surveyed,
        importance=facts.get("importance"),
    )
    Bundle(model, preparation.for_new_rows, card).save(Path("bundle"))
    return Best(selection, Path("bundle"))


def _findings_of(facts: dict[str, Any]) -> list[str]:
    """Return gains of tuning and the learning curve in words."""
    found = [*facts.get("gains", {}).values(), facts.get("learning_curve")]
    return [str(each) for each in found if each is not None]


def choose_best(
    models: dict[str, "BaseEstimator"],
    evaluations: dict[str, Evaluation],
    baseline: Evaluation,
    surveyed: Survey,
    table: Table,
    prepared: Prepared,
    facts: dict[str, Any],
) -> Best:
    """Rank the models on the test rows, and bundle the best."""
    selection = rank(evaluations, facts["select"], facts["precise"])
    compared = {"test": evaluations | {"baseline": baseline}}
    model = models[selection.best]
    return bundle(selection, model, compared, surveyed, table, prepared, facts)


def read_new(model: Prepared | Path, data: Path | list[Path], options: ReadOptions) -> Table:
    """Read raw rows to predict, as the columns that the model (or its folder) was trained with."""
    preparation = read_preparation(model) if isinstance(model, Path) else model.whole
    options = options.with_marks(preparation.reading)
    return read_table(data, Path("table"), options=options, expected=preparation.schema)


def predict(
    model: Path, table: Table, id_column: str | None, suffix: str, interval: float | None
) -> Predictions:
    """Predict all rows into one file, in their order."""
    import skops.io  # noqa: F401 - says that this step needs it for sure, so that a warm process has it

    return collect({"all": predict_shard(model, table, id_column, interval, 0, 1)}, suffix, model)


def predict_file(
    model: Path,
    data: Path | list[Path],
    options: ReadOptions,
    id_column: str | None,
    suffix: str,
    interval: float | None,
) -> Predictions:
    """Predict the rows of files as they are read."""
    import skops.io  # noqa: F401 - says that this step needs it for sure, so that a warm process has it

    out = Path(f"predictions{suffix}")
    how = {"id_column": id_column, "options": options, "interval": interval}
    return predict_rows(Bundle.load(model), data, out, **how)  # type: ignore[arg-type]


def predict_shard(
    model: Path,
    table: Table,
    id_column: str | None,
    interval: float | None,
    shard: int,
    shards_in_all: int,
) -> list[Predictions]:
    """Predict the rows of one shard."""
    import skops.io  # noqa: F401 - says that this step needs it for sure, so that a warm process has it

    found = shards(table, shards_in_all)[shard : shard + 1]
    loaded = Bundle.load(model)
    return [
        predict_part(loaded, table, Path("part"), blocks, id_column=id_column, interval=interval)
        for blocks in found
    ]


def collect(parts: dict[str, list[Predictions]], suffix: str, model: Path) -> Predictions:
    """Write the predictions of all shards to one file, in the order of the rows."""
    merged = [part for found in parts.values() for part in found]
    return merge_predictions(merged, Path(f"predictions{suffix}"), read_preparation(model))
