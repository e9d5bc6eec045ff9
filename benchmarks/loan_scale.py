"""Bigger than memory: the loan workflow at 1, 10 and 30 million rows, in bounded memory and linear time.

The rows are drawn again, with noise, from the table given, or from made-up ones. Memory is what a step holds beyond its
warm template, pages of files left out. ``./run python benchmarks/loan_scale.py [loan_data.csv] [--millions 1,10,30]``.
30 million rows need 6 GB of memory (of training alone), 5 GB of disk and some six minutes; memory is judged from 10 million
on: below that, what is read ahead is not full yet.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
from loan_local import _invented

SHARDS = 4
GROWTH, LIMIT_MB, LINEAR = 1.2, 1024, 1.3
STEADY = 10  # million rows, from which on memory may not grow
PASSES = {
    "preparation": ("read", "choose", "learn", "prepare"),
    "evaluation": ("score-", "evaluate"),
    "prediction": ("read_new", "predict"),
    "training": ("fit",),
}


def write_rows(millions: int, source: pl.DataFrame, path: Path) -> None:
    """Write so many million rows as CSV, a million at a time."""
    random = np.random.default_rng(millions)
    with path.open("wb") as file:
        for part in range(millions):
            drawn = source[random.integers(0, len(source), 1_000_000)]
            noisy = [
                pl.Series(name, np.maximum(0, drawn[name] + random.integers(-2, 3, len(drawn))))
                for name in ("person_age", "loan_amnt", "person_income")
            ]
            ids = pl.Series("id", np.arange(part * 1_000_000, (part + 1) * 1_000_000))
            drawn.with_columns(*noisy, ids).write_csv(file, include_header=part == 0)


def measure(millions: int, source: pl.DataFrame, folder: Path) -> dict[str, tuple[float, float]]:
    """Run the workflow at one size; return seconds and peak memory in MB of each pass."""
    table = folder / f"loans{millions}.csv"
    write_rows(millions, source, table)
    command = [sys.executable, "-m", "wingspan", "train", str(table), "--target", "loan_status"]
    command += [
        "--estimators",
        "logistic_regression",
        "--shards",
        str(SHARDS),
        "--predict",
        str(table),
    ]
    start = time.perf_counter()
    subprocess.run([*command, "--out", "out.parquet"], cwd=folder, check=True, capture_output=True)
    print(f"{millions:>3} M rows: {time.perf_counter() - start:.0f} s in all", flush=True)
    status = [sys.executable, "-m", "wingspan", "status", "--json"]
    steps = json.loads(subprocess.run(status, cwd=folder, check=True, capture_output=True).stdout)[
        "steps"
    ]
    table.unlink()
    (folder / "out.parquet").unlink()
    found = {}
    for name, starts in PASSES.items():
        of_pass = [step for label, step in steps.items() if label.startswith(starts)]
        if name == "preparation":
            of_pass = [
                s for label, s in steps.items() if label.startswith(starts) and label != "read_new"
            ]
        found[name] = (
            sum(step["wall_s"] for step in of_pass),
            max(step["memory_mb"] for step in of_pass),
        )
    return found


def main() -> int:
    """Measure each size; exit with 0 if memory stays and time is linear."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", nargs="?", type=Path)
    parser.add_argument("--millions", default="1,10,30")
    given = parser.parse_args()
    source = pl.read_csv(given.table) if given.table else _invented(58_645)
    sizes = [int(size) for size in given.millions.split(",")]
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        found = {size: measure(size, source, Path(folder)) for size in sizes}
    print(f"\n{'pass':14}" + "".join(f"{f'{size} M s':>10}{f'{size} M MB':>10}" for size in sizes))
    for name in PASSES:
        print(
            f"{name:14}"
            + "".join(f"{found[size][name][0]:10.1f}{found[size][name][1]:10.0f}" for size in sizes)
        )
    small, large = sizes[-2:]
    ok = True
    for name in ("preparation", "evaluation", "prediction"):
        growth = found[large][name][1] / found[small][name][1]
        linear = found[large][name][0] / found[small][name][0] / (large / small)
        ok &= found[large][name][1] <= LIMIT_MB and linear <= LINEAR
        ok &= growth <= GROWTH or small < STEADY
        judged = f"target <= {GROWTH}" if small >= STEADY else "not judged"
        print(
            f"{name}: memory {growth:.2f}x from {small} to {large} M ({judged}), "
            f"{found[large][name][1]:.0f} MB (<= {LIMIT_MB}), time per row {linear:.2f}x (<= {LINEAR})"
        )
    print(
        f"training holds {found[large]['training'][1]:,.0f} MB at {large} M rows (all features in one array)"
    )
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
