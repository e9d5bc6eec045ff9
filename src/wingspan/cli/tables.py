"""``wingspan train`` and ``wingspan predict``."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wingspan.cli.models import MODELS
from wingspan.cli.models import Folder as ModelsFolder
from wingspan.cli.runs import AsJson, HomeOption, NoFuse, On, check_folder, run_pipeline

if TYPE_CHECKING:
    from wingspan.runner.local import LocalRunner
    from wingspan.tabular.clean import Rules
    from wingspan.tabular.evaluate import Evaluation

_PIPELINE, _RECIPE = "table-classifier", "wingspan.recipes.table_classifier"

Data = Annotated[
    list[Path],
    typer.Argument(metavar="DATA...", help="CSV (also .gz, .zst) or Parquet files, or a folder."),
]
Shards = Annotated[int, typer.Option(min=1, help="Parts to work in; results do not depend on it.")]
Delimiter = Annotated[str, typer.Option(help="Between the fields of a CSV.")]


def train(
    data: Data,
    target: Annotated[str, typer.Option(help="Column to predict.")],
    estimators: Annotated[str, typer.Option(help="Names or module:Class, separated by commas.")] = (
        "logistic_regression,decision_tree"
    ),
    parameters: Annotated[
        list[str] | None,
        typer.Option(
            "--parameter", metavar="NAME.KEY=VALUE", help="Of an estimator; VALUE is JSON."
        ),
    ] = None,
    select: Annotated[str, typer.Option(help="Metric to choose by, then tie breaks.")] = "",
    drop: Annotated[str, typer.Option(help="Columns to leave out, separated by commas.")] = "",
    rules: Annotated[Path | None, typer.Option(help="Cleaning rules, a JSON file.")] = None,
    test_size: Annotated[float, typer.Option(help="Share of the rows for the test.")] = 0.2,
    seed: Annotated[int, typer.Option(help="Of the split and the estimators.")] = 42,
    stratify: Annotated[bool, typer.Option(help="Keep the target's shares in both parts.")] = False,
    compatibility: Annotated[
        bool, typer.Option(help="Prepare and split as a pandas script does.")
    ] = False,
    shards: Shards = 1,
    cpus: Annotated[int, typer.Option(min=1, help="Cores of each fit.")] = 1,
    memory: Annotated[
        str | None, typer.Option(help="Memory of each step [default: by the data's size].")
    ] = None,
    delimiter: Delimiter = ",",
    name: Annotated[
        str | None, typer.Option(help="Name to deploy under [default: the target].")
    ] = None,
    deploy: Annotated[bool, typer.Option(help="Deploy the best model.")] = True,
    new_rows: Annotated[
        Path | None,
        typer.Option(
            "--predict", metavar="NEW_ROWS", help="Raw rows to predict with the best model."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="File for these predictions: .csv or .parquet.")
    ] = None,
    models: ModelsFolder = MODELS,
    home: HomeOption = None,
    as_json: AsJson = False,
    on: On = "local",
    no_fuse: NoFuse = False,
) -> None:
    """Train classifiers on a table, compare them, and deploy the best."""
    from wingspan.errors import SettingError

    if (new_rows is None) != (out is None):
        raise SettingError(
            "wingspan train", "--predict and --out belong together", "give both, or none"
        )
    _check_out(out)
    if deploy:
        check_folder("--models", models)
    with _runner(home, cpus, on) as runner:
        from wingspan.recipes.table_classifier import Classifier, add_prediction, table_classifier
        from wingspan.tabular.read import ReadOptions

        what = Classifier(
            data=data[0] if len(data) == 1 else list(data),
            target=target,
            estimators={name: name for name in _listed(estimators)},
            parameters=_parameters(parameters or [], _listed(estimators)),
            select=tuple(_listed(select)),
            drop=tuple(_listed(drop)),
            rules=_rules(rules),
            options=ReadOptions(delimiter=delimiter),
            test_size=test_size,
            seed=seed,
            stratify=stratify,
            compatibility=compatibility,
            shards=shards,
            cpus=cpus,
            memory=memory,
        )
        p = table_classifier(what)
        if new_rows is not None and out is not None:
            made = add_prediction(
                p,
                p.steps["bundle"].handle(),
                new_rows,
                preparation=p.steps["prepare"].handle(),
                suffix=out.suffix,
                options=what.options,
                shards_in_all=shards,
            ).step
        run = run_pipeline(p, home, runner=runner, on=on, fuse=not no_fuse)
    evaluations = {label: run[f"evaluate[{label}]"] for label in what.estimators}
    selection = run["choose_best"]
    deployed = None
    if deploy:
        from wingspan.tabular.deploy import deploy as deploy_bundle

        deployed = deploy_bundle(run["bundle"], models, name or target)
    if out is not None:
        write_out(run[made].path, out)
    if as_json:
        told: dict[str, Any] = {label: one.as_json() for label, one in evaluations.items()}
        where = (
            None
            if deployed is None
            else {"model": deployed.reference, "folder": str(deployed.folder)}
        )
        print(
            json.dumps(
                {"run": run.run_id, "evaluations": told, "best": selection.best, "deployed": where},
                indent=2,
            )
        )
        return
    print_evaluations(evaluations, selection.best, selection.metrics)
    if deployed is not None:
        print(f"deployed {deployed.reference}: {deployed.folder}")
        print(f"predict:  wingspan predict NEW_ROWS --model {deployed.name} --out predictions.csv")
    if out is not None:
        print(f"predicted {new_rows}: {out}")


def predict(
    data: Data,
    out: Annotated[Path, typer.Option(help="File to write: .csv or .parquet.")],
    model: Annotated[
        str | None, typer.Option(help="NAME or NAME@VERSION [default: the only one deployed].")
    ] = None,
    id_column: Annotated[
        str | None, typer.Option("--id", help="Column to copy to the predictions.")
    ] = None,
    shards: Shards = 1,
    delimiter: Delimiter = ",",
    models: ModelsFolder = MODELS,
    home: HomeOption = None,
    as_json: AsJson = False,
    on: On = "local",
    no_fuse: NoFuse = False,
) -> None:
    """Predict raw rows with a deployed model, in the order of the rows."""
    from wingspan.recipes.table_classifier import add_prediction
    from wingspan.tabular.deploy import find_deployed, only_deployed
    from wingspan.tabular.read import ReadOptions
    from wingspan.workflow import Pipeline

    _check_out(out)
    found = find_deployed(models, model) if model else only_deployed(models)
    p = Pipeline(f"predict-{found.name}")
    source = data[0] if len(data) == 1 else list(data)
    options = ReadOptions(delimiter=delimiter)
    made = add_prediction(
        p,
        found.folder,
        source,
        suffix=out.suffix,
        id_column=id_column,
        options=options,
        shards_in_all=shards,
    )
    predictions = run_pipeline(p, home, on=on, fuse=not no_fuse)[made.step]
    write_out(predictions.path, out)
    if as_json:
        facts = {
            "out": str(out),
            "rows": predictions.rows,
            "labels": predictions.labels,
            "unseen": predictions.unseen,
        }
        print(
            json.dumps(facts | {"model": found.reference, "ignored": predictions.ignored}, indent=2)
        )
        return
    counts = ", ".join(f"{label}: {count:,}" for label, count in predictions.labels.items())
    print(f"{out}: {predictions.rows:,} rows by {found.reference} ({counts})")
    for column, count in predictions.unseen.items():
        print(
            f"  {column}: {count:,} rows have a category that training did not see", file=sys.stderr
        )
    if predictions.ignored:
        print(f"  not used: {', '.join(predictions.ignored)}", file=sys.stderr)


@contextmanager
def _runner(home: Path | None, cpus: int, on: str) -> "Iterator[LocalRunner | None]":
    """Give a runner; for the first run of a folder it begins at once to import what its steps will need."""
    from wingspan.runner.local import LocalRunner
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
    check_folder("--out", out.parent)


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
    """Copy a result to where the user asked for it, whole or not at all."""
    from wingspan.files import aside, copy

    with aside(out) as temporary:
        copy(made, temporary)


def print_evaluations(evaluations: dict[str, "Evaluation"], best: str, metrics: list[str]) -> None:
    """Print a table of metrics with their intervals, one model a column."""
    from rich.console import Console
    from rich.table import Table

    names = list(next(iter(evaluations.values())).metrics)
    table = Table("metric", *(f"{label}{' *' if label == best else ''}" for label in evaluations))
    for name in names:
        cells = []
        for one in evaluations.values():
            metric = one.metrics[name]
            shown = (
                "-"
                if metric.value is None
                else f"{metric.value!r}  [{metric.low:.3f}, {metric.high:.3f}]"
            )
            cells.append(shown)
        table.add_row(name, *cells)
    Console(width=None if sys.stdout.isatty() else 140).print(table)
    print(
        f"* best by {', then '.join(metrics)}, on {next(iter(evaluations.values())).rows:,} test rows; 95 % intervals"
    )


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


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
