"""``wingspan train`` and ``wingspan predict``."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from wingspan.cli.model_table import (
    prediction_facts,
    print_evaluations,
    print_predictions,
    write_out,
)
from wingspan.cli.models import MODELS
from wingspan.cli.models import Folder as ModelsFolder
from wingspan.cli.runs import (
    AsJson,
    Ended,
    HomeOption,
    NoFuse,
    On,
    Shared,
    check_file,
    check_folder,
    run_pipeline,
)

if TYPE_CHECKING:
    from wingspan.recipes.table_training import Training
    from wingspan.runner.local.runner import LocalRunner
    from wingspan.runner.run import Run
    from wingspan.tabular.clean import Rules
    from wingspan.tabular.deploy import Deployed
    from wingspan.tabular.read import ReadOptions
    from wingspan.workflow import Pipeline

_PIPELINE, _RECIPE = "table-training", "wingspan.recipes.table_steps"

Data = Annotated[
    list[Path],
    typer.Argument(metavar="DATA...", help="CSV (also .gz, .zst) or Parquet files, or a folder."),
]
Target = Annotated[list[str], typer.Option(help="Column to predict.")]
Estimators = Annotated[
    str | None,
    typer.Option(
        help="Names or module:Class, separated by commas [default: a linear model, a tree, boosted trees]."
    ),
]
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "--parameter", metavar="NAME.KEY=VALUE", help="Parameter of an estimator; VALUE is JSON."
    ),
]
Select = Annotated[str, typer.Option(help="Metric to choose by, then tie breaks.")]
Drop = Annotated[str, typer.Option(help="Columns to leave out, separated by commas.")]
RulesFile = Annotated[Path | None, typer.Option(help="Cleaning rules, a JSON file.")]
TestSize = Annotated[float, typer.Option(help="Share of the rows for the test.")]
Seed = Annotated[int, typer.Option(help="Random seed for the split and the estimators.")]
Stratify = Annotated[bool, typer.Option(help="Keep the target's shares in both parts.")]
Compatibility = Annotated[bool, typer.Option(help="Prepare and split as a pandas script does.")]
Shards = Annotated[int, typer.Option(min=1, help="Parts to work in; results do not depend on it.")]
Cpus = Annotated[int, typer.Option(min=1, help="Cores of each fit.")]
Memory = Annotated[
    str | None, typer.Option(help="Memory of each step [default: by the data's size].")
]
Delimiter = Annotated[str, typer.Option(help="CSV field delimiter.")]
DeployName = Annotated[str | None, typer.Option(help="Name to deploy under [default: the target].")]
DropMissingTarget = Annotated[
    bool, typer.Option("--drop-missing-target", help="Leave out rows without a target.")
]
DeployAnyway = Annotated[
    bool, typer.Option("--deploy-anyway", help="Deploy although something speaks against it.")
]
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
    anyway: bool = False

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
    estimators: Estimators = None,
    parameters: Parameters = None,
    select: Select = "",
    drop: Drop = "",
    rules: RulesFile = None,
    drop_missing_target: DropMissingTarget = False,
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
    deploy_anyway: DeployAnyway = False,
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
    from wingspan.tabular.labels import one_target

    column = one_target(target)
    name = (name or column) if deploy else None
    ends = Ends(models, name, new_rows, out, deploy_anyway).checked()
    with _runner(home, cpus, on) as runner:
        from wingspan.recipes.table_training import Training

        what = Training(
            data=data[0] if len(data) == 1 else list(data),
            target=column,
            **_chosen(estimators, parameters or [], compatibility=compatibility),
            select=tuple(_listed(select)),
            drop=tuple(_listed(drop)),
            rules=_rules(rules, drop_missing_target=drop_missing_target),
            options=_options(delimiter),
            test_size=test_size,
            seed=seed,
            stratify=stratify,
            compatibility=compatibility,
            shards=shards,
            cpus=cpus,
            memory=memory,
        )
        origin = {"command": "train", "parameters": {"data": str(data[0]), "target": column}}

        def carry_out(what: "Training") -> "Run":
            p = _training(what, ends)
            p.origin = origin
            return run_pipeline(p, home, runner=runner, on=on, fuse=not no_fuse, shared=shared)

        run, fitted, failed = _without_failed(what, carry_out)
    _finish(run, fitted, ends, failed, as_json=as_json)


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
    from wingspan.recipes.table_prediction import add_prediction
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
        print(json.dumps(prediction_facts(predictions, found, out), indent=2))
    else:
        print_predictions(predictions, found, out)


def _training(what: "Training", ends: Ends) -> "Pipeline":
    """Declare the training, and the prediction of new rows by the best model."""
    from wingspan.recipes.table_prediction import add_prediction
    from wingspan.recipes.table_training import table_training

    p = table_training(what)
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


def _without_failed(
    what: "Training", carry_out: "Callable[[Training], Run]"
) -> "tuple[Run, Training, list[str]]":
    """Train; where the steps of some estimators alone failed, go on with the others.

    Returns
    -------
    The run, what it trained, and the labels of the estimators that failed.
    """
    from wingspan.recipes.table_training import failed_estimators

    try:
        return carry_out(what), what, []
    except Ended as ended:
        failed = failed_estimators(ended.run.events.values(), what)
        left = {label: name for label, name in what.estimators.items() if label not in failed}
        if not failed or not left:
            raise
    print(f"going on without {', '.join(failed)}", file=sys.stderr)
    fitted = replace(what, estimators=left)
    return carry_out(fitted), fitted, failed


def _finish(run: "Run", what: "Training", ends: Ends, failed: list[str], *, as_json: bool) -> None:
    """Deploy the best model, write the predictions, and print the results."""
    from wingspan.tabular.deploy import deploy

    evaluations = {label: run[f"evaluate[{label}]"] for label in what.estimators}
    best, folder = run["choose_best"]
    deployed = None
    if ends.name is not None and (ends.anyway or not failed):
        deployed = deploy(folder, ends.models, ends.name)
    if ends.out is not None:
        write_out(run["predict"].path, ends.out)
    if as_json:
        told: dict[str, Any] = {"run": run.run_id}
        told["evaluations"] = {label: one.as_json() for label, one in evaluations.items()}
        told["best"] = best.best
        told["failed"] = failed
        told["deployed"] = deployed and {
            "model": deployed.reference,
            "folder": str(deployed.folder),
        }
        print(json.dumps(told, indent=2))
    else:
        print_evaluations(evaluations, best.best, best.metrics)
        _print_ends(deployed, ends, failed)
    if failed:
        raise typer.Exit(1)


def _print_ends(deployed: "Deployed | None", ends: Ends, failed: list[str]) -> None:
    """Print what became of the best model."""
    if failed:
        print(f"failed: {', '.join(failed)}; see `wingspan logs 'fit[{failed[0]}]'`")
    if deployed is not None:
        print(f"deployed {deployed.reference}: {deployed.folder}")
        print(f"predict:  wingspan predict NEW_ROWS --model {deployed.name} --out predictions.csv")
    elif ends.name is not None:
        print("not deployed: an estimator failed. To deploy the best of the others,")
        print("run the command again with --deploy-anyway")
    if ends.out is not None:
        print(f"predicted {ends.new_rows}: {ends.out}")


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


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _options(delimiter: str) -> "ReadOptions":
    from wingspan.tabular.read import ReadOptions

    return ReadOptions(delimiter=delimiter)


def _rules(file: Path | None, *, drop_missing_target: bool) -> "Rules":
    from wingspan.tabular.given import read_rules

    rules = read_rules(file)
    return replace(rules, missing_target="drop") if drop_missing_target else rules


def _chosen(
    estimators: str | None, parameters: list[str], *, compatibility: bool
) -> dict[str, dict[str, Any]]:
    """Return estimators by label, and their parameters, as `Training` takes them."""
    from wingspan.recipes.table_training import DEFAULTS, ESTIMATORS
    from wingspan.tabular.given import read_parameters

    few = ESTIMATORS if compatibility else DEFAULTS
    labels = list(few) if estimators is None else _listed(estimators)
    return {
        "estimators": {label: label for label in labels},
        "parameters": read_parameters(parameters, labels),
    }


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(train)
    app.command()(predict)
