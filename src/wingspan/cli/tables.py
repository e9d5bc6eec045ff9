"""``wingspan train`` and ``wingspan predict``."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from wingspan.cli.grouped import grouped
from wingspan.cli.json_output import print_json
from wingspan.cli.model_table import (
    prediction_facts,
    print_guess,
    print_predictions,
    print_rules,
    print_survey,
    write_out,
)
from wingspan.cli.models import MODELS
from wingspan.cli.models import Folder as ModelsFolder
from wingspan.cli.options import AsJson, HomeOption
from wingspan.cli.runs import Choice, Ended, NoFuse, On, PoolKeys, Shared, pool_keys, run_pipeline
from wingspan.cli.table_ends import Ends, check_out, finish
from wingspan.cli.table_options import (
    Compared,
    Data,
    Delimiter,
    Deployment,
    IdColumn,
    Interval,
    Memory,
    Missing,
    ModelName,
    Out,
    PredictCpus,
    Prepared,
    Read,
    Shards,
    Split,
    Target,
    Work,
    training_of,
)

if TYPE_CHECKING:
    from wingspan.recipes.training import Training
    from wingspan.runner.local.runner import LocalRunner
    from wingspan.runner.run import Run
    from wingspan.workflow import Pipeline

_PIPELINE, _RECIPE = "table-training", "wingspan.recipes.table_steps"


def train(
    data: Data,
    target: Target,
    compared: Compared,
    prepared: Prepared,
    split: Split,
    read: Read,
    deployment: Deployment,
    work: Work,
) -> None:
    """Train models on a table, compare them, and deploy the best."""
    from wingspan.tabular.labels import one_target

    column = one_target(target)
    ends = deployment.ends(column)
    with _runner(work.home, work.cpus, work.on) as runner:
        what = training_of(data, column, compared, prepared, split, read, work)
        if prepared.show_rules:
            print_rules(what)
            return
        print_guess(what)

        def carry_out(what: "Training") -> "Run":
            p = _training(what, ends)
            p.origin = {"command": "train", "parameters": {"data": str(data[0]), "target": column}}
            return run_pipeline(
                p,
                work.home,
                runner=runner,
                on=work.on,
                fuse=not work.no_fuse,
                shared=work.shared,
                choice=Choice(pool=pool_keys(work.pool)),
                on_done=None if work.as_json else print_survey,
            )

        run, fitted, failed = _without_failed(what, carry_out)
    finish(run, fitted, ends, failed, as_json=work.as_json)


def predict(
    data: Data,
    out: Out,
    model: ModelName = None,
    id_column: IdColumn = None,
    interval: Interval = None,
    shards: Shards = 1,
    cpus: PredictCpus = None,
    memory: Memory = None,
    delimiter: Delimiter = ",",
    missing: Missing = "",
    models: ModelsFolder = MODELS,
    home: HomeOption = None,
    as_json: AsJson = False,
    on: On = "local",
    no_fuse: NoFuse = False,
    shared: Shared = None,
    pool: PoolKeys = None,
) -> None:
    """Predict raw rows with a deployed model, in their order."""
    from wingspan.pipeline.handles import step_of
    from wingspan.recipes.table_prediction import add_prediction
    from wingspan.tabular.deploy import find_deployed, only_deployed
    from wingspan.tabular.given import read_options
    from wingspan.workflow import Pipeline

    check_out(out)
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
        memory=memory,
        interval=interval,
        cpus=cpus or (len(os.sched_getaffinity(0)) if on == "local" and shards == 1 else 1),
    )
    p.origin = {"command": "predict", "parameters": {"model": found.name, "data": str(data[0])}}
    choice = Choice(pool=pool_keys(pool))
    done = run_pipeline(p, home, on=on, fuse=not no_fuse, shared=shared, choice=choice)
    predictions = done[step_of(made)]
    write_out(predictions.path, out)
    if as_json:
        print_json(prediction_facts(predictions, found, out))
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
    """Train; if only the steps of some estimators failed, continue with the others.

    Returns
    -------
    The run, what it trained, and the labels of the estimators that failed.
    """
    from wingspan.recipes.table_training import failed_estimators

    try:
        return carry_out(what), what, []
    except Ended as ended:
        failed = failed_estimators(ended.run.events.values(), what)
        fitted = what.without(failed)
        if not failed or not fitted.named:
            raise
    print(f"going on without {', '.join(failed)}", file=sys.stderr)
    return carry_out(fitted), fitted, failed


@contextmanager
def _runner(home: Path | None, cpus: int, on: str) -> "Iterator[LocalRunner | None]":
    """Yield a runner; before a folder's first run, start to import the libraries of its steps."""
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


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(grouped(train))
    app.command()(predict)
