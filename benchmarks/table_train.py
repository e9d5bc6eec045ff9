"""Cross-validated boosted trees on a wide table, and predictions of many rows: Wingspan against careful scripts.

Training: 30 columns, ten of them text, five folds and a test part, the same for both. Each fit has all cores, and the
script holds the table in one process. Prediction: a logistic regression, CSV to Parquet. Both read the same CSV.

The whole command is measured. It does more than the script: it looks the columns over, scores a baseline, measures the
importance of each column with intervals, stores each model, and deploys the best with its card. The seconds of the
steps that do what the script does not are printed as well, and count in all ratios.

``./run python benchmarks/table_train.py [--rows 1000000] [--new-rows 10000000] [--cores 1]``

Threads of a fit wait for one another: where other programs keep the cores busy, measure with one core.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
from environments import peers_python, wingspan_python
from memory import peak_during

HERE = Path(__file__).parent
NUMBERS, TEXTS = 20, (2, 3, 4, 5, 6, 8, 10, 12, 15, 20)
FOLDS = 5
NAME = "hist_gradient_boosting"
WALL, WITHOUT_FIT, MEMORY, EQUAL, PREDICTS, FLAT = 1.0, 0.4, 0.6, 1e-6, 4.0, 1.2
_PARTS = """
import sys
import numpy as np
from pathlib import Path
from wingspan.tabular.blocks import iter_blocks
from wingspan.tabular.read import read_table
from wingspan.tabular.split import SplitRule, assign, roles
table = read_table(Path(sys.argv[1]), Path(sys.argv[2]))
rule = SplitRule(folds=int(sys.argv[4]))
assignment = assign(table, rule)
np.save(sys.argv[3], np.concatenate([roles(assignment, b, f) for b, f in enumerate(iter_blocks(table))]))
"""
_FITTED = re.compile(r"Fit \d+ trees in ([\d.]+) s")


def made_table(rows: int, path: Path, seed: int, *, target: bool = True) -> Path:
    """Write a table: numbers with gaps, texts, and a target that some of both decide."""
    random = np.random.default_rng(seed)
    columns: dict[str, pl.Series] = {}
    score = random.normal(size=rows)
    for number in range(NUMBERS):
        values = np.round(random.normal(size=rows), 5)
        score += values * (number % 4 == 0) * 0.5
        holes = random.random(rows) < 0.02 * (number % 3 == 0)
        columns[f"number{number}"] = pl.Series(np.where(holes, np.nan, values)).fill_nan(None)
    for number, size in enumerate(TEXTS):
        codes = random.integers(0, size, rows)
        score += (codes == 1) * (number % 2)
        names = np.array([f"value {code}" for code in range(size)])
        columns[f"text{number}"] = pl.Series(names[codes])
    if target:
        columns["target"] = pl.Series(np.where(score > 1.5, "yes", "no"))
    pl.DataFrame(columns).write_csv(path)
    return path


def compare_training(rows: int, folder: Path) -> bool:
    """Measure both, print them, and return whether the targets hold."""
    ours, peers = str(wingspan_python()), str(peers_python())
    table, parts = made_table(rows, folder / "table.csv", 1), folder / "parts.npy"
    make = [ours, "-c", _PARTS, str(table), str(folder / "read"), str(parts), str(FOLDS)]
    subprocess.run(make, check=True)
    script = [peers, str(HERE / "table_scripts/train.py"), str(table), str(parts)]
    theirs, their_s, their_mb = _timed(script, folder)
    found = json.loads(theirs)
    command = [ours, "-m", "wingspan", "train", str(table), "--target", "target"]
    command += [
        "--estimators",
        NAME,
        "--parameter",
        f"{NAME}.verbose=1",
        "--cpus",
        str(len(os.sched_getaffinity(0))),
    ]
    command += ["--folds", str(FOLDS), "--json", "--name", "wide", "--deploy-anyway"]
    told, our_s, our_mb = _timed(command, folder)
    result = json.loads(told)
    our_fit = _fit_seconds(ours, folder)
    apart = 0.0
    judged = (("validation", result["evaluations"][NAME]), ("test", result["test"]))
    for part, evaluation in judged:
        for metric in ("log_loss", "roc_auc"):
            their = found[f"{part} {metric}"]
            apart = max(apart, abs(their - evaluation["metrics"][metric]["value"]))
    lines = [
        ("wall s", their_s, our_s, WALL),
        ("all but fit s", their_s - sum(found["fits"]), our_s - our_fit, WITHOUT_FIT),
        ("peak memory MB", their_mb, our_mb, MEMORY),
    ]
    print(f"\n{rows:,} rows{'':14} {'script':>10} {'wingspan':>10} {'ratio':>7} {'target':>7}")
    for name, their, our, target in lines:
        print(f"{name:25} {their:10.2f} {our:10.2f} {our / their:7.3f} {target:7.3f}")
    print(f"{'fit s':25} {sum(found['fits']):10.2f} {our_fit:10.2f}")
    more = ", ".join(f"{name} {took:.2f} s" for name, took in _step_seconds(ours, folder).items())
    print(f"steps that the script has not: {more}")
    print(f"metrics differ by at most {apart:.1e} (target {EQUAL:.0e})")
    return apart <= EQUAL and all(our / their <= target for _, their, our, target in lines)


def _timed(command: list[str], folder: Path) -> tuple[str, float, float]:
    """Return a command's output, its seconds, and the peak of the memory of all its processes in MB."""
    said = ""

    def run() -> None:
        nonlocal said
        with (folder / "errors.txt").open("w") as errors:
            done = subprocess.run(  # noqa: PLW1510 - its end is looked at below
                command, cwd=folder, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        if done.returncode:
            sys.exit(f"{' '.join(command)} failed:\n{(folder / 'errors.txt').read_text()[-2000:]}")
        said = done.stdout

    start = time.perf_counter()
    peak = peak_during(run)
    return said, time.perf_counter() - start, peak


def _fit_seconds(ours: str, folder: Path) -> float:
    """Return the seconds that scikit-learn spent in the fits, as it printed them."""
    total = 0.0
    for step in (*(f"fit[{NAME},{fold}]" for fold in range(1, FOLDS + 1)), "refit"):
        logs = [ours, "-m", "wingspan", "logs", step]
        said = subprocess.run(logs, cwd=folder, check=True, capture_output=True, text=True).stdout
        total += sum(map(float, _FITTED.findall(said)))
    return total


def _step_seconds(ours: str, folder: Path) -> dict[str, float]:
    """Return the seconds of the steps that do what the script does not."""
    status = [ours, "-m", "wingspan", "status", "--json"]
    said = subprocess.run(status, cwd=folder, check=True, capture_output=True, text=True).stdout
    steps = json.loads(said)["steps"]
    return {name: steps[name]["wall_s"] for name in ("survey", "explain", "choose_best")}


def compare_prediction(rows: int, folder: Path) -> bool:
    """Measure both on many rows, and ours on a tenth of them too; return whether the targets hold."""
    ours, peers = str(wingspan_python()), str(peers_python())
    script = str(HERE / "table_scripts/predict.py")
    table = made_table(50_000, folder / "train.csv", 2)
    new = made_table(rows, folder / "new.csv", 3, target=False)
    few = made_table(rows // 10, folder / "few.csv", 4, target=False)
    subprocess.run([peers, script, "fit", str(table), "peer.joblib"], cwd=folder, check=True)
    train = [ours, "-m", "wingspan", "train", str(table), "--target", "target", "--name", "line"]
    train += ["--estimators", "logistic_regression"]
    subprocess.run(train, cwd=folder, check=True, capture_output=True)
    _, their_s, their_mb = _timed([peers, script, str(new), "peer.joblib", "peer.parquet"], folder)
    predict = [ours, "-m", "wingspan", "predict", "--model", "line", "--out"]
    _, _, few_mb = _timed([*predict, "few.parquet", str(few)], folder)
    _, our_s, our_mb = _timed([*predict, "ours.parquet", str(new)], folder)
    written = pl.scan_parquet(folder / "ours.parquet").select(pl.len()).collect().item()
    if written != rows:
        sys.exit(f"{written:,} rows were predicted of {rows:,}")
    print(
        f"\nprediction of {rows:,} rows: script {their_s:.1f} s ({their_mb:,.0f} MB), wingspan "
        f"{our_s:.1f} s ({our_mb:,.0f} MB): {their_s / our_s:.2f}x (target {PREDICTS:g}x)"
    )
    print(f"memory {our_mb / few_mb:.2f}x of that for a tenth of the rows (target {FLAT:g}x)")
    return their_s / our_s >= PREDICTS and our_mb / few_mb <= FLAT


def main() -> int:
    """Measure both; exit with 0 if all targets hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--new-rows", type=int, default=10_000_000)
    parser.add_argument("--cores", type=int, default=0, help="cores for both; default: all")
    given = parser.parse_args()
    if given.cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: given.cores])
    held = []
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        if given.rows:
            held.append(compare_training(given.rows, Path(folder)))
        if given.new_rows:
            held.append(compare_prediction(given.new_rows, Path(folder)))
    print(f"\n{'all targets hold' if all(held) else 'a target is missed'}")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
