"""``wingspan train`` and ``wingspan predict``."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from wingspan.cli.models import MODELS
from wingspan.cli.models import Folder as ModelsFolder
from wingspan.cli.paper import columns, counted, wrap
from wingspan.cli.runs import (
    AsJson,
    HomeOption,
    NoFuse,
    On,
    Shared,
    check_file,
    check_folder,
    run_pipeline,
)

if TYPE_CHECKING:
    from wingspan.recipes.table_classifier import Classifier
    from wingspan.runner.local.runner import LocalRunner
    from wingspan.runner.run import Run
    from wingspan.tabular.clean import Rules
    from wingspan.tabular.deploy import Deployed
    from wingspan.tabular.evaluate import Evaluation
    from wingspan.tabular.predict import Predictions
    from wingspan.tabular.read import ReadOptions
    from wingspan.workflow import Pipeline

_PIPELINE, _RECIPE = "table-classifier", "wingspan.recipes.table_classifier"

Data = Annotated[
    list[Path],
    typer.Argument(metavar="DATA...", help="CSV (also .gz, .zst) or Parquet files, or a folder."),
]
Target = Annotated[str, typer.Option(help="Column to predict.")]
Estimators = Annotated[str, typer.Option(help="Names or module:Class, separated by commas.")]
Parameters = Annotated[
    list[str] | None,
    typer.Option("--parameter", metavar="NAME.KEY=VALUE", help="Of an estimator; VALUE is JSON."),
]
Select = Annotated[str, typer.Option(help="Metric to choose by, then tie breaks.")]
Drop = Annotated[str, typer.Option(help="Columns to leave out, separated by commas.")]
RulesFile = Annotated[Path | None, typer.Option(help="Cleaning rules, a JSON file.")]
TestSize = Annotated[float, typer.Option(help="Share of the rows for the test.")]
Seed = Annotated[int, typer.Option(help="Of the split and the estimators.")]
Stratify = Annotated[bool, typer.Option(help="Keep the target's shares in both parts.")]
Compatibility = Annotated[bool, typer.Option(help="Prepare and split as a pandas script does.")]
Shards = Annotated[int, typer.Option(min=1, help="Parts to work in; results do not depend on it.")]
Cpus = Annotated[int, typer.Option(min=1, help="Cores of each fit.")]
Memory = Annotated[
    str | None, typer.Option(help="Memory of each step [default: by the data's size].")
]
Delimiter = Annotated[str, typer.Option(help="Between the fields of a CSV.")]
DeployName = Annotated[str | None, typer.Option(help="Name to deploy under [default: the target].")]
Deploy = Annotated[bool, typer.Option(help="Deploy the best model.")]
NewRows = Annotated[
    Path | None,
    typer.Option("--predict", metavar="NEW_ROWS", help="Raw rows to predict with the best model."),
]
NewRowsOut = Annotated[
    Path | None, typer.Option("--out", help="File for these predictions: .csv or .parquet.")
]
Out = Annotated[Path, typer.Option(help="File to write: .csv or .parquet.")]
ModelName = Annotated[
    str | None, typer.Option(help="NAME or NAME@VERSION [default: the only one deployed].")
]
IdColumn = Annotated[str | None, typer.Option("--id", help="Column to copy to the predictions.")]


@dataclass(frozen=True, slots=True)
class Ends:
    """What becomes of the best model: deployed under a name unless that is None, used on new rows if there are any."""

    models: Path
    name: str | None
    new_rows: Path | None
    out: Path | None

    def checked(self) -> Self:
        """Refuse, before anything is computed, what could not be written afterwards."""
        from wingspan.errors import SettingError

        if (self.new_rows is None) != (self.out is None):
            raise SettingError(
                "wingspan train", "--predict and --out belong together", "give both, or none"
            )
        _check_out(self.out)
        if self.name is not None:
            check_folder("--models", self.models)
        return self


def train(
    data: Data,
    target: Target,
    estimators: Estimators = "logistic_regression,decision_tree",
    parameters: Parameters = None,
    select: Select = "",
    drop: Drop = "",
    rules: RulesFile = None,
    test_size: TestSize = 0.2,
    seed: Seed = 42,
    stratify: Stratify = False,
    compatibility: Compatibility = False,
    shards: Shards = 1,
    cpus: Cpus = 1,
    memory: Memory = None,
    delimiter: Delimiter = ",",
    name: DeployName = None,
    deploy: Deploy = True,
    new_rows: NewRows = None,
    out: NewRowsOut = None,
    models: ModelsFolder = MODELS,
    home: HomeOption = None,
    as_json: AsJson = False,
    on: On = "local",
    no_fuse: NoFuse = False,
    shared: Shared = None,
) -> None:
    """Train classifiers on a table, compare them, and deploy the best."""
    ends = Ends(models, (name or target) if deploy else None, new_rows, out).checked()
    with _runner(home, cpus, on) as runner:
        from wingspan.recipes.table_classifier import Classifier

        what = Classifier(
            data=data[0] if len(data) == 1 else list(data),
            target=target,
            **_chosen(estimators, parameters or []),
            select=tuple(_listed(select)),
            drop=tuple(_listed(drop)),
            rules=_rules(rules),
            options=_options(delimiter),
            test_size=test_size,
            seed=seed,
            stratify=stratify,
            compatibility=compatibility,
            shards=shards,
            cpus=cpus,
            memory=memory,
        )
        p = _training(what, ends)
        p.origin = {"command": "train", "parameters": {"data": str(data[0]), "target": target}}
        run = run_pipeline(p, home, runner=runner, on=on, fuse=not no_fuse, shared=shared)
    _finish(run, what, ends, as_json=as_json)


def predict(
    data: Data,
    out: Out,
    model: ModelName = None,
    id_column: IdColumn = None,
    shards: Shards = 1,
    delimiter: Delimiter = ",",
    models: ModelsFolder = MODELS,
    home: HomeOption = None,
    as_json: AsJson = False,
    on: On = "local",
    no_fuse: NoFuse = False,
    shared: Shared = None,
) -> None:
    """Predict raw rows with a deployed model, in the order of the rows."""
    from wingspan.pipeline.handles import step_of
    from wingspan.recipes.table_classifier import add_prediction
    from wingspan.tabular.deploy import find_deployed, only_deployed
    from wingspan.workflow import Pipeline

    _check_out(out)
    found = find_deployed(models, model) if model else only_deployed(models)
    p = Pipeline(f"predict-{found.name}")
    made = add_prediction(
        p,
        found.folder,
        data[0] if len(data) == 1 else list(data),
        suffix=out.suffix,
        id_column=id_column,
        options=_options(delimiter),
        shards_in_all=shards,
    )
    p.origin = {"command": "predict", "parameters": {"model": found.name, "data": str(data[0])}}
    predictions = run_pipeline(p, home, on=on, fuse=not no_fuse, shared=shared)[step_of(made)]
    write_out(predictions.path, out)
    if as_json:
        print(json.dumps(_facts(predictions, found, out), indent=2))
    else:
        _print_predictions(predictions, found, out)


def _training(what: "Classifier", ends: Ends) -> "Pipeline":
    """Declare the training, and the prediction of new rows by the best model."""
    from wingspan.recipes.table_classifier import add_prediction, table_classifier

    p = table_classifier(what)
    if ends.new_rows is not None and ends.out is not None:
        add_prediction(
            p,
            p.steps["choose_best"].handle().bundle,
            ends.new_rows,
            preparation=p.steps["prepare"].handle(),
            suffix=ends.out.suffix,
            options=what.options,
            shards_in_all=what.shards,
        )
    return p


def _finish(run: "Run", what: "Classifier", ends: Ends, *, as_json: bool) -> None:
    """Deploy the best model, write the predictions, and tell what came of it."""
    from wingspan.tabular.deploy import deploy

    evaluations = {label: run[f"evaluate[{label}]"] for label in what.estimators}
    best, folder = run["choose_best"]
    deployed = deploy(folder, ends.models, ends.name) if ends.name is not None else None
    if ends.out is not None:
        write_out(run["predict"].path, ends.out)
    if as_json:
        told: dict[str, Any] = {"run": run.run_id}
        told["evaluations"] = {label: one.as_json() for label, one in evaluations.items()}
        told["best"] = best.best
        told["deployed"] = deployed and {
            "model": deployed.reference,
            "folder": str(deployed.folder),
        }
        print(json.dumps(told, indent=2))
        return
    print_evaluations(evaluations, best.best, best.metrics)
    if deployed is not None:
        print(f"deployed {deployed.reference}: {deployed.folder}")
        print(f"predict:  wingspan predict NEW_ROWS --model {deployed.name} --out predictions.csv")
    if ends.out is not None:
        print(f"predicted {ends.new_rows}: {ends.out}")


def _facts(predictions: "Predictions", model: "Deployed", out: Path) -> dict[str, Any]:
    """Return what a program wants to know of predictions."""
    return {
        "out": str(out),
        "rows": predictions.rows,
        "labels": predictions.labels,
        "unseen": predictions.unseen,
        "model": model.reference,
        "ignored": predictions.ignored,
    }


def _print_predictions(predictions: "Predictions", model: "Deployed", out: Path) -> None:
    """Print how many rows got which label; what is worth a look goes to the messages."""
    counts = ", ".join(f"{label}: {count:,}" for label, count in predictions.labels.items())
    rows = counted(predictions.rows, "row")
    print(wrap(f"{out}: {rows} by {model.reference} ({counts})", "  "))
    for column, count in predictions.unseen.items():
        told = f"{column}: a category that training did not see, in {counted(count, 'row')}"
        print(wrap(f"  {told}", "    "), file=sys.stderr)
    if predictions.ignored:
        print(wrap(f"  not used: {', '.join(predictions.ignored)}", "    "), file=sys.stderr)


@contextmanager
def _runner(home: Path | None, cpus: int, on: str) -> "Iterator[LocalRunner | None]":
    """Give a runner; for the first run of a folder it begins at once to import what its steps will need."""
    from wingspan.runner.local.runner import LocalRunner
    from wingspan.runner.run_folder import find_home

    if on != "local":
        yield None
        return
    with LocalRunner() as runner:
        if not find_home(home).history(_PIPELINE).exists():
            runner.expect(cpus, "sklearn", _RECIPE)  # takes longest
            runner.expect(1, "polars", _RECIPE)
        yield runner


def _check_out(out: Path | None) -> None:
    """Refuse, before anything is computed, a file that predictions cannot be written to."""
    from wingspan.errors import SettingError

    if out is None:
        return
    if out.suffix not in {".csv", ".parquet"} or out.is_dir():
        found = "a folder" if out.is_dir() else repr(out.name)
        problem = f"expected the name of a .csv or .parquet file, found {found}"
        raise SettingError(f"--out {out}", problem, "for example --out predictions.csv")
    check_file("--out", out)


def _rules(file: Path | None) -> "Rules":
    """Read the cleaning rules of a file; none without one."""
    from wingspan.errors import NotFoundError, SettingError, WingspanError
    from wingspan.tabular.clean import Rules

    if file is None:
        return Rules()
    try:
        return Rules.from_json(json.loads(file.read_text()))
    except WingspanError:
        raise
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
        raise NotFoundError(f"--rules {file}", problem, "correct the path") from error
    except (ValueError, TypeError, AttributeError) as error:
        problem = f"expected cleaning rules as a JSON object, found otherwise: {error}"
        raise SettingError(f"--rules {file}", problem, "docs/tables.md shows the rules") from error


def write_out(made: Path, out: Path) -> None:
    """Copy a result to where the user asked for it, whole or not at all; the same file there is left alone."""
    import filecmp

    from wingspan.files import aside, copy

    if out.is_file() and filecmp.cmp(made, out, shallow=False):
        return
    with aside(out) as temporary:
        copy(made, temporary)


def print_evaluations(evaluations: dict[str, "Evaluation"], best: str, metrics: list[str]) -> None:
    """Print metrics with their intervals, one model a column; models that do not fit stand below."""
    models = [
        _metric_column(f"{label}{' *' if label == best else ''}", one)
        for label, one in evaluations.items()
    ]
    first = next(iter(evaluations.values()))
    names = _justified(["metric", *first.metrics])
    while models:
        lines = names
        while models and (lines is names or len(lines[0]) + 2 + len(models[0][0]) <= columns()):
            lines = [f"{line}  {cell}" for line, cell in zip(lines, models.pop(0), strict=True)]
        print("\n".join([*(line.rstrip() for line in lines), ""]))
    told = f"* best by {', then '.join(metrics)}, on {counted(first.rows, 'test row')}"
    print(wrap(f"{told}; 95 % intervals"))


def _metric_column(heading: str, one: "Evaluation") -> list[str]:
    shown = [
        "-" if metric.value is None else f"{metric.value:.3f} ({metric.low:.3f}, {metric.high:.3f})"
        for metric in one.metrics.values()
    ]
    return _justified([heading, *shown])


def _justified(cells: list[str]) -> list[str]:
    width = max(map(len, cells))
    return [cell.ljust(width) for cell in cells]


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _options(delimiter: str) -> "ReadOptions":
    from wingspan.tabular.read import ReadOptions

    return ReadOptions(delimiter=delimiter)


def _chosen(estimators: str, parameters: list[str]) -> dict[str, dict[str, Any]]:
    """Return estimators by label, and their parameters, as `Classifier` takes them."""
    labels = _listed(estimators)
    return {
        "estimators": {label: label for label in labels},
        "parameters": _parameters(parameters, labels),
    }


def _parameters(given: list[str], labels: list[str]) -> dict[str, dict[str, Any]]:
    """Read ``NAME.KEY=VALUE`` into parameters by estimator."""
    from wingspan.errors import SettingError
    from wingspan.pipeline.handles import near

    read: dict[str, dict[str, Any]] = {}
    for text in given:
        path, equals, value = text.partition("=")
        label, dot, key = path.rpartition(".")
        if not equals or not dot:
            fix = "for example --parameter decision_tree.max_depth=8"
            raise SettingError(f"--parameter {text}", "expected NAME.KEY=VALUE", fix)
        if label not in labels:
            raise SettingError(
                f"--parameter {text}", f"no estimator is called {label!r}", near(label, labels)
            )
        try:
            read.setdefault(label, {})[key] = json.loads(value)
        except ValueError:
            read.setdefault(label, {})[key] = value
    return read


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(train)
    app.command()(predict)
