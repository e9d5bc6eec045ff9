"""The whole loan workflow on this machine: Wingspan against one plain script per step, run in sequence.

Both read the same CSV, prepare, split as scikit-learn does, fit a logistic regression and a full-depth decision tree
with scikit-learn's defaults, evaluate both, deploy the better one, and predict the same raw rows. Give the path of a
loan table, or have one made: ``./run python benchmarks/loan_local.py [loan_data.csv] [--rows 58645,1000000]``.

Memory of a job of ours is what it holds beyond the libraries that its warm template shares with all jobs; the
templates are listed apart, and the largest sum of everything at one time is stated. A script's is its peak RSS.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
from environments import peers_python, wingspan_python
from memory import peak_during

SCRIPTS = (
    "process",
    "split",
    "fit_logistic",
    "fit_tree",
    "evaluate_logistic",
    "evaluate_tree",
    "deploy",
    "predict",
)
HERE = Path(__file__).parent
OURS, PEERS = str(wingspan_python()), str(peers_python())
WALL = {58_645: 1 / 4, 1_000_000: 1 / 2.2}
WITHOUT_FIT, LARGEST_JOB, OTHER_JOBS, UNCHANGED_S = 1 / 8, 0.75, 0.5, 0.5


def made_table(rows: int, given: Path | None, folder: Path) -> Path:
    """Write a loan table of so many rows: the given one, or its rows (or made-up ones) drawn again with noise."""
    path = folder / "loan_data.csv"
    table = pl.read_csv(given) if given else _invented(58_645)
    if rows != len(table):
        random = np.random.default_rng(7)
        drawn = table[random.integers(0, len(table), rows)]
        noisy = [
            pl.Series(n, np.maximum(0, drawn[n] + random.integers(-2, 3, rows)))
            for n in ("person_age", "loan_amnt")
        ]
        table = drawn.with_columns(*noisy, pl.Series("id", np.arange(rows)))
    table.write_csv(path)
    return path


def _invented(rows: int) -> pl.DataFrame:
    """Make rows of the same columns up, for machines without the real table."""
    random = np.random.default_rng(1)
    grade = random.integers(0, 7, rows)
    income = random.lognormal(11, 0.6, rows).astype(int)
    amount = random.integers(500, 35_000, rows)
    risk = 0.6 * grade + 6 * amount / income + random.normal(0, 1.2, rows)
    return pl.DataFrame({
        "id": np.arange(rows),
        "person_age": random.integers(20, 70, rows),
        "person_income": income,
        "person_home_ownership": np.array(["RENT", "OWN", "MORTGAGE", "OTHER"])[random.integers(0, 4, rows)],
        "person_emp_length": random.integers(0, 30, rows).astype(float),
        "loan_intent": np.array(["EDUCATION", "MEDICAL", "PERSONAL", "VENTURE"])[random.integers(0, 4, rows)],
        "loan_grade": np.array(list("ABCDEFG"))[grade],
        "loan_amnt": amount,
        "loan_int_rate": np.round(6 + 2 * grade + random.normal(0, 1, rows), 2),
        "loan_percent_income": np.round(amount / income, 2),
        "cb_person_default_on_file": np.array(["N", "Y"])[(random.random(rows) < 0.15).astype(int)],
        "cb_person_cred_hist_length": random.integers(2, 30, rows),
        "loan_status": (risk > np.quantile(risk, 0.86)).astype(int),
    })  # fmt: skip


def run_scripts(table: Path, folder: Path) -> dict[str, dict[str, float]]:
    """Run the plain scripts in sequence; return seconds and peak RSS in MB of each."""
    shutil.copy(table, folder / "loan_data.csv")
    figures = {}
    for name in SCRIPTS:
        shutil.copy(HERE / "loan_scripts" / f"{name}.py", folder)
        start = time.perf_counter()
        with subprocess.Popen([PEERS, f"{name}.py"], cwd=folder) as script:
            _, status, usage = os.wait4(script.pid, 0)
            script.returncode = os.waitstatus_to_exitcode(status)
        if script.returncode:
            sys.exit(f"{name}.py failed")
        figures[name] = {"s": time.perf_counter() - start, "mb": usage.ru_maxrss / 1024}
    return figures


def run_wingspan(
    table: Path, new_rows: Path, folder: Path, estimators: str
) -> tuple[float, dict[str, dict[str, float]]]:
    """Run the workflow; return seconds, and seconds and own memory in MB of each step."""
    command = [OURS, "-m", "wingspan", "train", str(table)]
    command += ["--target", "loan_status", "--compatibility"]
    command += ["--estimators", estimators, "--predict", str(new_rows), "--out", "predictions.csv"]
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    took = time.perf_counter() - start
    status = [OURS, "-m", "wingspan", "status", "--json"]
    steps = json.loads(subprocess.run(status, cwd=folder, check=True, capture_output=True).stdout)[
        "steps"
    ]
    return took, {
        name: {"s": step["wall_s"], "mb": step["memory_mb"]} for name, step in steps.items()
    }


def compare(rows: int, given: Path | None) -> bool:
    """Measure one size; print the table; return whether the targets hold."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as place:
        folder = Path(place)
        table = made_table(rows, given, folder)
        new_rows = folder / "new_rows.csv"
        pl.read_csv(table).drop("loan_status").sample(fraction=0.2, seed=3).write_csv(new_rows)
        (folder / "scripts").mkdir()
        (folder / "ours").mkdir()
        theirs = run_scripts(table, folder / "scripts")
        ours: dict[str, dict[str, float]] = {}
        took = 0.0

        def run() -> None:
            nonlocal ours, took
            took, ours = run_wingspan(
                table, new_rows, folder / "ours", "logistic_regression,decision_tree"
            )

        total = peak_during(run)
        again, _ = run_wingspan(
            table, new_rows, folder / "ours", "logistic_regression,decision_tree"
        )
        start = time.perf_counter()
        subprocess.run(
            [OURS, "-c", "import wingspan.cli.main, wingspan.recipes.table_training"],
            check=True,
        )
        imports = time.perf_counter() - start
        (folder / "quick").mkdir()
        quick, _ = run_wingspan(
            table, new_rows, folder / "quick", "logistic_regression,hist_gradient_boosting"
        )
    return report(
        rows, theirs, ours, {"wall": took, "sum": total, "again": again - imports, "quick": quick}
    )


def report(
    rows: int,
    theirs: dict[str, dict[str, float]],
    ours: dict[str, dict[str, float]],
    seen: dict[str, float],
) -> bool:
    """Print the figures of one size beside their targets."""
    fits = ("fit_logistic", "fit_tree")
    wall = sum(script["s"] for script in theirs.values())
    fit_theirs = sum(theirs[name]["s"] for name in fits)
    fit_ours = max(step["s"] for name, step in ours.items() if name.startswith("fit["))
    rest_ours = seen["wall"] - fit_ours
    lines = [
        ("wall s", wall, seen["wall"], WALL.get(rows, 1 / 2.2)),
        (
            "largest job MB",
            max(s["mb"] for s in theirs.values()),
            max(s["mb"] for s in ours.values()),
            LARGEST_JOB,
        ),
        (
            "largest other job MB",
            max(script["mb"] for name, script in theirs.items() if name not in fits),
            max(step["mb"] for name, step in ours.items() if not name.startswith("fit[")),
            OTHER_JOBS,
        ),
    ]
    if rows >= 1_000_000:
        lines.insert(1, ("all but fit s", wall - fit_theirs, rest_ours, WITHOUT_FIT))
    print(f"\n{rows:,} rows{'':14} {'scripts':>10} {'wingspan':>10} {'ratio':>7} {'target':>7}")
    ok = True
    for name, their, our, target in lines:
        ok &= our / their <= target
        print(f"{name:25} {their:10.2f} {our:10.2f} {our / their:7.3f} {target:7.3f}")
    print(
        f"{'unchanged re-run s':25} {'':10} {seen['again']:10.2f} {'':7} {UNCHANGED_S:7.3f}  (beyond imports)"
    )
    print(f"with a histogram tree in place of the full-depth one: {seen['quick']:.2f} s")
    print(
        f"all of ours at one time, templates included: {seen['sum']:,.0f} MB (proportional set size)"
    )
    return ok and seen["again"] <= UNCHANGED_S


def main() -> int:
    """Measure each size; exit with 0 if all targets hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", nargs="?", type=Path)
    parser.add_argument("--rows", default="58645,1000000")
    given = parser.parse_args()
    held = [compare(int(rows), given.table) for rows in given.rows.split(",")]
    print(f"\n{'all targets hold' if all(held) else 'a target is missed'}")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
