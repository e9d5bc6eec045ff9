"""``wingspan train`` and ``wingspan predict``."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import typer

from wingspan.cli.model_table import (
    prediction_facts,
    print_comparison,
    print_guess,
    print_predictions,
    tell_survey,
    write_out,
)
from wingspan.cli.models import MODELS
from wingspan.cli.models import Folder as ModelsFolder
from wingspan.cli.paper import wrap
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
from wingspan.cli.table_options import (
    Categories,
    Compatibility,
    Cpus,
    Data,
    Decimal,
    Delimiter,
    Deploy,
    DeployAnyway,
    DeployName,
    Drop,
    DropMissingTarget,
    Estimators,
    Folds,
    Group,
    IdColumn,
    Interval,
    Memory,
    Missing,
    ModelName,
    NewRows,
    NewRowsOut,
    Numbers,
    Out,
    Parameters,
    RulesFile,
    Seed,
    Select,
    Shards,
    Stratify,
    Target,
    TaskOption,
    TestSize,
    Thousands,
    Time,
    Validation,
)

if TYPE_CHECKING:
    from wingspan.recipes.table_training import Training
    from wingspan.runner.local.runner import LocalRunner
    from wingspan.runner.run import Run
    from wingspan.tabular.deploy import Deployed
    from wingspan.workflow import Pipeline

_PIPELINE, _RECIPE = "table-training", "wingspan.recipes.table_steps"


@dataclass(frozen=True, slots=True)
class Ends:
    """What becomes of the best model: deployed under a name unless that is None, used on new rows if there are any."""

    models: Path
    name: str | None
    new_rows: Path | None
    out: Path | None
    anyway: bool = False
    interval: float | None = None

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
    task: TaskOption = None,
    drop: Drop = "",
    rules: RulesFile = None,
    drop_missing_target: DropMissingTarget = False,
    test_size: TestSize = 0.2,
    validation: Validation = 0.2,
    folds: Folds = 0,
    group: Group = None,
    time: Time = None,
    seed: Seed = 42,
    stratify: Stratify = False,
    compatibility: Compatibility = False,
    shards: Shards = 1,
    cpus: Cpus = 1,
    memory: Memory = None,
    delimiter: Delimiter = ",",
    decimal: Decimal = ".",
    thousands: Thousands = "",
    numbers: Numbers = "",
    categories: Categories = "",
    missing: Missing = "",
    name: DeployName = None,
    deploy: Deploy = True,
    deploy_anyway: DeployAnyway = False,
    new_rows: NewRows = None,
    out: NewRowsOut = None,
    interval: Interval = None,
    models: ModelsFolder = MODELS,
    home: HomeOption = None,
    as_json: AsJson = False,
    on: On = "local",
    no_fuse: NoFuse = False,
    shared: Shared = None,
) -> None:
    """Train models on a table, compare them, and deploy the best."""
    from wingspan.tabular.labels import one_target

    column = one_target(target)
    name = (name or column) if deploy else None
    ends = Ends(models, name, new_rows, out, deploy_anyway, interval).checked()
    with _runner(home, cpus, on) as runner:
        from wingspan.recipes.table_training import Training
        from wingspan.tabular.given import read_options, read_parameters, read_rules

        labels = None if estimators is None else {label: label for label in _listed(estimators)}
        what = Training(
            data=data[0] if len(data) == 1 else list(data),
            target=column,
            estimators=labels,
            select=tuple(_listed(select)),
            drop=tuple(_listed(drop)),
            rules=read_rules(rules, drop_missing_target=drop_missing_target),
            options=read_options(
                delimiter,
                missing,
                decimal=decimal,
                thousands=thousands,
                numbers=tuple(_listed(numbers)),
                categories=tuple(_listed(categories)),
            ),
            task=task,
            test_size=test_size,
            validation=validation,
            folds=folds,
            group=group,
            time=time,
            seed=seed,
            stratify=stratify,
            compatibility=compatibility,
            shards=shards,
            cpus=cpus,
            memory=memory,
        )
        given = read_parameters(parameters or [], list(what.labels))
        what = replace(what, parameters=given)
        print_guess(what)
        origin = {"command": "train", "parameters": {"data": str(data[0]), "target": column}}

        def carry_out(what: "Training") -> "Run":
            p = _training(what, ends)
            p.origin = origin
            on_done = None if as_json else tell_survey
            return run_pipeline(
                p, home, runner=runner, on=on, fuse=not no_fuse, shared=shared, on_done=on_done
            )

        run, fitted, failed = _without_failed(what, carry_out)
    _finish(run, fitted, ends, failed, as_json=as_json)


def predict(
    data: Data,
    out: Out,
    model: ModelName = None,
    id_column: IdColumn = None,
    interval: Interval = None,
    shards: Shards = 1,
    delimiter: Delimiter = ",",
    missing: Missing = "",
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
    from wingspan.tabular.given import read_options
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
        options=read_options(delimiter, missing),
        shards_in_all=shards,
        interval=interval,
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
            interval=ends.interval,
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
        left = {label: name for label, name in what.labels.items() if label not in failed}
        if not failed or not left:
            raise
    print(f"going on without {', '.join(failed)}", file=sys.stderr)
    fitted = replace(what, estimators=left)
    return carry_out(fitted), fitted, failed


def _finish(run: "Run", what: "Training", ends: Ends, failed: list[str], *, as_json: bool) -> None:
    """Deploy the best model, write the predictions, and print the results."""
    from wingspan.recipes.table_training import BASELINE
    from wingspan.tabular.deploy import deploy

    compared = {label: run[f"evaluate[{label}]"] for label in (*what.labels, BASELINE)}
    best, folder = run["choose_best"]
    tested = run.get("test")
    against = [*(f"{label} failed" for label in failed), *map(str, run["survey"].against)]
    deployed = None
    if ends.name is not None and (ends.anyway or not against):
        deployed = deploy(folder, ends.models, ends.name)
    if ends.out is not None:
        write_out(run["predict"].path, ends.out)
    if as_json:
        told: dict[str, Any] = {"run": run.run_id, "task": what.guess[0]}
        told["evaluations"] = {label: one.as_json() for label, one in compared.items()}
        told["test"] = tested and tested.as_json()
        told["ties"] = best.ties
        told["survey"] = run["survey"].as_json()
        told["not_deployed"] = against if deployed is None else []
        told["best"] = best.best
        told["failed"] = failed
        told["deployed"] = deployed and {
            "model": deployed.reference,
            "folder": str(deployed.folder),
        }
        print(json.dumps(told, indent=2))
    else:
        print_comparison(compared, best, tested, BASELINE)
        _print_ends(deployed, ends, failed, against)
    if failed:
        raise typer.Exit(1)


def _print_ends(
    deployed: "Deployed | None", ends: Ends, failed: list[str], against: list[str]
) -> None:
    """Print what became of the best model."""
    if failed:
        print(f"failed: {', '.join(failed)}; see `wingspan logs 'fit[{failed[0]}]'`")
    if deployed is not None:
        print(f"deployed {deployed.reference}: {deployed.folder}")
        print(f"predict:  wingspan predict NEW_ROWS --model {deployed.name} --out predictions.csv")
    elif ends.name is not None:
        print("not deployed:")
        print("\n".join(wrap(f"  {each}", "    ") for each in against))
        print("to deploy it all the same, run the command again with --deploy-anyway")
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


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(train)
    app.command()(predict)
