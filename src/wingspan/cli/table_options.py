"""The options of ``wingspan train`` and ``wingspan predict``."""

from pathlib import Path
from typing import Annotated, Literal

import typer

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
Tune = Annotated[
    str | None,
    typer.Option(
        metavar="TRIALS|FILE.yaml",
        help="Search parameters of each estimator in so many trials, or those that a file names.",
    ),
]
Select = Annotated[str, typer.Option(help="Metric to choose by, then tie breaks.")]
Drop = Annotated[str, typer.Option(help="Columns to leave out, separated by commas.")]
RulesFile = Annotated[Path | None, typer.Option(help="Cleaning rules, a JSON file.")]
TestSize = Annotated[float, typer.Option(help="Share of the rows for the test.")]
Seed = Annotated[int, typer.Option(help="Random seed for the split and the estimators.")]
Stratify = Annotated[bool, typer.Option(help="Keep the target's shares in both parts.")]
Compatibility = Annotated[bool, typer.Option(help="Prepare and split as a pandas script does.")]
Validation = Annotated[
    float,
    typer.Option(
        help="Share of the training rows that models are compared on; 0: on the test rows."
    ),
]
Folds = Annotated[int, typer.Option(help="Compare models by cross-validation in so many folds.")]
Group = Annotated[str | None, typer.Option(help="Column whose rows of one value stay in one part.")]
Time = Annotated[
    str | None, typer.Option(help="Column of dates or numbers: the latest rows are for the test.")
]
TaskOption = Annotated[
    Literal["classification", "regression"] | None,
    typer.Option(help="What to predict [default: by the target's values]."),
]
Interval = Annotated[
    float | None,
    typer.Option(help="Regression: add the ends of an interval that this share of rows lies in."),
]
Shards = Annotated[int, typer.Option(min=1, help="Parts to work in; results do not depend on it.")]
Cpus = Annotated[int, typer.Option(min=1, help="Cores of each fit.")]
Memory = Annotated[
    str | None, typer.Option(help="Memory of each step [default: by the data's size].")
]
Delimiter = Annotated[str, typer.Option(help="CSV field delimiter.")]
Decimal = Annotated[str, typer.Option(help="Decimal mark of numbers: . or ,")]
Thousands = Annotated[str, typer.Option(help="Thousands mark of numbers, such as . or ,")]
Numbers = Annotated[
    str, typer.Option(help="Columns of amounts or percentages to read as numbers, by commas.")
]
Categories = Annotated[str, typer.Option(help="Columns of codes to take as categories, by commas.")]
Missing = Annotated[
    str, typer.Option(help="Further words for a missing value, separated by commas.")
]
ClassWeight = Annotated[
    Literal["balanced"] | None,
    typer.Option(help="Let each class weigh the same in training."),
]
Weight = Annotated[str | None, typer.Option(help="Column of weights of the training rows.")]
Threshold = Annotated[
    str,
    typer.Option(help="Two classes: score above which a row is positive; a metric; or cost:5."),
]
Fill = Annotated[
    str, typer.Option(help="Missing numbers become the mean, the median, or a number.")
]
Indicators = Annotated[
    bool, typer.Option("--indicators", help="Add features that say where numbers are missing.")
]
DateParts = Annotated[bool, typer.Option(help="Use year, month and weekday of dates.")]
ShowRules = Annotated[
    bool, typer.Option("--show-rules", help="Print the cleaning rules as a file; train nothing.")
]
DeployName = Annotated[str | None, typer.Option(help="Name to deploy under [default: the target].")]
DropMissingTarget = Annotated[
    bool, typer.Option("--drop-missing-target", help="Leave out rows without a target.")
]
DeployAnyway = Annotated[
    bool, typer.Option("--deploy-anyway", help="Deploy although something speaks against it.")
]
Replace = Annotated[
    bool, typer.Option("--replace", help="Replace a deployed model although it is better.")
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
