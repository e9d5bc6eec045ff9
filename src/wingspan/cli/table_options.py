"""The options of ``wingspan train`` and ``wingspan predict`` in groups, and their meaning."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from wingspan.cli.models import MODELS, Folder
from wingspan.cli.options import AsJson, HomeOption
from wingspan.cli.runs import NoFuse, On, PoolKeys, Shared
from wingspan.cli.table_ends import Ends

if TYPE_CHECKING:
    from wingspan.recipes.training import Training
    from wingspan.tabular.csv_files import ReadOptions
    from wingspan.tabular.preparation import Treatment

Data = Annotated[
    list[Path],
    typer.Argument(metavar="DATA...", help="CSV (also .gz, .zst) or Parquet files, or a folder."),
]
Target = Annotated[list[str], typer.Option(help="Column to predict.")]
Interval = Annotated[
    float | None,
    typer.Option(help="Regression: add an interval that this share of rows lies in."),
]
Shards = Annotated[
    int, typer.Option(min=1, help="Number of parts to work in; results do not depend on it.")
]
Memory = Annotated[
    str | None, typer.Option(help="Memory of each step [default: by the data's size].")
]
Delimiter = Annotated[str, typer.Option(help="CSV field delimiter.")]
Missing = Annotated[str, typer.Option(help="More words for a missing value, separated by commas.")]
Out = Annotated[Path, typer.Option(help="File to write: .csv or .parquet.")]
ModelName = Annotated[
    str | None, typer.Option(help="NAME or NAME@VERSION [default: the only one deployed].")
]
PredictCpus = Annotated[
    int | None,
    typer.Option("--cpus", min=1, help="Cores of a step [default: all of this machine, or 1]."),
]
IdColumn = Annotated[str | None, typer.Option("--id", help="Column to copy to the predictions.")]


@dataclass(frozen=True, slots=True)
class Compared:
    """Which models are compared, and by which metric."""

    estimators: Annotated[
        str | None,
        typer.Option(
            help="Names or module:Class, separated by commas [default: a linear model, a tree, boosted trees]."
        ),
    ] = None
    parameter: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME.KEY=VALUE", help="Parameter of an estimator; VALUE is JSON."),
    ] = None
    tune: Annotated[
        str | None,
        typer.Option(
            metavar="TRIALS|FILE.yaml",
            help="Number of trials to tune each estimator with, or a file that names its parameters.",
        ),
    ] = None
    learning_curve: Annotated[
        bool, typer.Option("--learning-curve", help="Show how much more rows would help.")
    ] = False
    select: Annotated[str, typer.Option(help="Metric to choose by, then metrics for ties.")] = ""
    task: Annotated[
        Literal["classification", "regression"] | None,
        typer.Option(help="What to predict [default: by the target's values]."),
    ] = None
    calibrate: Annotated[
        Literal["sigmoid", "isotonic"] | None,
        typer.Option(help="Calibrate probabilities by folds of the training rows."),
    ] = None
    threshold: Annotated[
        str,
        typer.Option(
            help="Two classes: the score above which a row is positive, a metric, or cost:5."
        ),
    ] = "0.5"


@dataclass(frozen=True, slots=True)
class Prepared:
    """How columns become features, and how rows are weighted."""

    drop: Annotated[str, typer.Option(help="Columns to leave out, separated by commas.")] = ""
    rules: Annotated[Path | None, typer.Option(help="Cleaning rules, a JSON file.")] = None
    drop_missing_target: Annotated[
        bool, typer.Option("--drop-missing-target", help="Leave out rows without a target.")
    ] = False
    date_parts: Annotated[bool, typer.Option(help="Use year, month and weekday of dates.")] = True
    show_rules: Annotated[
        bool,
        typer.Option("--show-rules", help="Print the cleaning rules as a file; train nothing."),
    ] = False
    fill: Annotated[
        str, typer.Option(help="Value for missing numbers: mean, median, or a number.")
    ] = "mean"
    indicators: Annotated[
        bool, typer.Option("--indicators", help="Add features that mark missing numbers.")
    ] = False
    ordinal: Annotated[
        str,
        typer.Option(metavar="COLUMN=A<B<C", help="Ordered categories, separated by commas."),
    ] = ""
    text: Annotated[
        str, typer.Option(help="Columns whose words become features, separated by commas.")
    ] = ""
    target_mean: Annotated[
        str,
        typer.Option(
            help="Categories to encode by the target's mean, out of fold, separated by commas."
        ),
    ] = ""
    class_weight: Annotated[
        Literal["balanced"] | None,
        typer.Option(help="Give each class the same weight in training."),
    ] = None
    weight: Annotated[
        str | None, typer.Option(help="Column with the weights of training rows.")
    ] = None


@dataclass(frozen=True, slots=True)
class Split:
    """How rows are divided."""

    test_size: Annotated[float, typer.Option(help="Share of rows for the test.")] = 0.2
    validation: Annotated[
        float,
        typer.Option(help="Share of training rows to compare models on; 0: use the test rows."),
    ] = 0.2
    folds: Annotated[
        int, typer.Option(help="Number of folds to compare models by cross-validation.")
    ] = 0
    group: Annotated[
        str | None, typer.Option(help="Column of groups; rows of one group stay in one part.")
    ] = None
    time: Annotated[
        str | None,
        typer.Option(help="Column of dates or numbers; the latest rows are for the test."),
    ] = None
    seed: Annotated[int, typer.Option(help="Random seed for the split and the estimators.")] = 42
    stratify: Annotated[bool, typer.Option(help="Keep the target's shares in both parts.")] = False
    compatibility: Annotated[
        bool, typer.Option(help="Prepare and split as a pandas script does.")
    ] = False


@dataclass(frozen=True, slots=True)
class Read:
    """How the table is read."""

    delimiter: Delimiter = ","
    decimal: Annotated[str, typer.Option(help="Decimal mark of numbers: . or ,")] = "."
    thousands: Annotated[str, typer.Option(help="Thousands mark of numbers, such as . or ,")] = ""
    numbers: Annotated[
        str,
        typer.Option(
            help="Columns of amounts or percentages to read as numbers, separated by commas."
        ),
    ] = ""
    categories: Annotated[
        str, typer.Option(help="Columns of codes to treat as categories, separated by commas.")
    ] = ""
    missing: Missing = ""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What to do with the best model."""

    name: Annotated[
        str | None, typer.Option(help="Name to deploy under [default: the target].")
    ] = None
    deploy: Annotated[bool, typer.Option(help="Deploy the best model.")] = True
    deploy_anyway: Annotated[
        bool, typer.Option("--deploy-anyway", help="Deploy even if something speaks against it.")
    ] = False
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a deployed model even if it is better.")
    ] = False
    predict: Annotated[
        Path | None,
        typer.Option(metavar="NEW_ROWS", help="Raw rows to predict with the best model."),
    ] = None
    out: Annotated[
        Path | None, typer.Option(help="File for these predictions: .csv or .parquet.")
    ] = None
    interval: Interval = None
    models: Folder = MODELS

    def ends(self, target: str) -> Ends:
        """Return what to do with the model, checked before anything is computed."""
        from wingspan.tabular.given import model_name_of

        name = (self.name or model_name_of(target)) if self.deploy else None
        made = Ends(
            self.models, name, self.predict, self.out, self.deploy_anyway, self.interval, self.replace
        )  # fmt: skip
        return made.checked()


@dataclass(frozen=True, slots=True)
class Work:
    """Where the steps run, and with what."""

    shards: Shards = 1
    cpus: Annotated[int, typer.Option(min=1, help="Cores of each fit.")] = 1
    memory: Memory = None
    home: HomeOption = None
    as_json: AsJson = False
    on: On = "local"
    no_fuse: NoFuse = False
    shared: Shared = None
    pool: PoolKeys = None


def training_of(
    data: list[Path],
    target: str,
    compared: Compared,
    prepared: Prepared,
    split: Split,
    read: Read,
    work: Work,
) -> "Training":
    """Return the training that the options describe."""
    from wingspan.recipes.table_tuning import read_tuning
    from wingspan.recipes.training import Training
    from wingspan.tabular.given import read_parameters, read_rules

    names = None if compared.estimators is None else listed(compared.estimators)
    what = Training(
        data=data[0] if len(data) == 1 else list(data),
        target=target,
        estimators=None if names is None else {name: name for name in names},
        select=listed(compared.select),
        drop=listed(prepared.drop),
        rules=read_rules(prepared.rules, drop_missing_target=prepared.drop_missing_target),
        options=_reading(read),
        task=compared.task,
        treatment=_treatment(prepared, compared.calibrate),
        date_parts=prepared.date_parts,
        tuning=None if compared.tune is None else read_tuning(compared.tune),
        learning_curve=compared.learning_curve,
        threshold=compared.threshold,
        test_size=split.test_size,
        validation=split.validation,
        folds=split.folds,
        group=split.group,
        time=split.time,
        seed=split.seed,
        stratify=split.stratify,
        compatibility=split.compatibility,
        shards=work.shards,
        cpus=work.cpus,
        memory=work.memory,
    )
    return replace(what, parameters=read_parameters(compared.parameter or [], list(what.named)))


def _reading(read: Read) -> "ReadOptions":
    from wingspan.tabular.given import read_options

    return read_options(
        read.delimiter,
        read.missing,
        decimal=read.decimal,
        thousands=read.thousands,
        numbers=listed(read.numbers),
        categories=listed(read.categories),
    )


def _treatment(prepared: Prepared, calibration: str | None) -> "Treatment":
    from wingspan.tabular.given import read_treatment

    return read_treatment(
        prepared.fill,
        prepared.class_weight,
        indicators=prepared.indicators,
        weight=prepared.weight,
        ordinal=listed(prepared.ordinal),
        texts=listed(prepared.text),
        means=listed(prepared.target_mean),
        calibration=calibration,
    )


def listed(text: str) -> tuple[str, ...]:
    """Return the parts of a text that commas separate."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
