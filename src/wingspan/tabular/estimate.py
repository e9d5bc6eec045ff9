"""Estimate the size of a table and the memory of an estimator, before any step runs.

Only the start of the first file is read, and no library of tables is imported for a CSV.
"""

import csv
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wingspan.errors import WingspanError
from wingspan.tabular.faults import start_of
from wingspan.tabular.read import ReadOptions, source_files

BASE_MB = 2048
"""Memory of a step beyond its data: libraries, and one block of rows at a time."""

_SAMPLE_ROWS = 2_000
_PACKED = 6
"""Bytes of text for each byte of a compressed file."""

_COPIES = 3.0
"""Copies of the matrix that a fit holds: the rows, and what the estimator makes of them."""

_STORED = 6.0
"""Copies of a model in memory while it is stored and checked."""

_FORESTS = ("random_forest", "extra_trees", "RandomForest", "ExtraTrees", "bagging", "Bagging")
_KEEPS_ROWS = (
    "neighbors",
    "Neighbors",
    "svc",
    "svr",
    "SVC",
    "SVR",
    "gaussian_process",
    "GaussianProcess",
)
_NODE_BYTES = 80
_NODES = {"classification": 0.5, "regression": 1.4}
"""Nodes of a full tree for each row: a tree of numbers ends in leaves of one row."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a table is, as far as the start of its first file shows."""

    rows: int
    features: int

    @property
    def matrix_mb(self) -> float:
        """Memory of all rows as float64."""
        return self.rows * self.features * 8 / 2**20


def size_of_table(source: Path | Sequence[Path], options: ReadOptions) -> Size:
    """Estimate the rows and the features of a table; (0, 0) where its files cannot be read."""
    try:
        files, form = source_files(source)
        if form == "Parquet":
            return _size_of_parquet(files)
        return _size_of_csv(files, options)
    except (WingspanError, OSError, UnicodeDecodeError, csv.Error):
        return Size(0, 0)  # the step that reads the table says what is wrong with it


def _size_of_csv(files: Sequence[Path], options: ReadOptions) -> Size:
    text, packed = start_of(files[0])
    lines = text.splitlines()[:-1] or text.splitlines()
    total = sum(file.stat().st_size for file in files) * (_PACKED if packed else 1)
    length = sum(map(len, lines)) / max(len(lines), 1) + 1
    rows = int(total / length)
    records = list(
        itertools.islice(csv.reader(lines[1:], delimiter=options.delimiter), _SAMPLE_ROWS)
    )
    columns = zip(*records, strict=False)
    features = sum(_features(column, rows, options) for column in columns)
    return Size(rows, max(features, 1))


def _features(values: Sequence[str], rows: int, options: ReadOptions) -> int:
    """Return the features of a column.

    A number has one, a category one for each value, and other text none.
    """
    distinct = set(values).difference(options.null_values)
    if all(map(_is_number, itertools.islice(distinct, 50))):
        return 1
    many = len(distinct) > len(values) / 2
    if many:
        return 0 if rows > options.max_categories else rows
    return min(len(distinct), options.max_categories)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _size_of_parquet(files: Sequence[Path]) -> Size:
    import polars as pl

    scan = pl.scan_parquet(list(files), glob=False, hive_partitioning=False)
    rows = int(scan.select(pl.len()).collect().item())
    head = scan.head(_SAMPLE_ROWS).collect()
    features = 0
    for column in head:
        distinct = column.n_unique()
        text = not (column.dtype.is_numeric() or column.dtype == pl.Boolean)
        features += (distinct if distinct <= len(head) / 2 else 0) if text else 1
    return Size(rows, max(features, 1))


def fit_mb(size: Size, estimator: str, parameters: Mapping[str, Any], task: str) -> int:
    """Return the memory, in MB, of fitting one estimator and storing the model."""
    return int(
        BASE_MB + _COPIES * size.matrix_mb + _STORED * model_mb(size, estimator, parameters, task)
    )


def apply_mb(size: Size, estimator: str, parameters: Mapping[str, Any], task: str) -> int:
    """Return the memory, in MB, of reading a fitted model and applying it block by block."""
    return int(BASE_MB + _STORED / 2 * model_mb(size, estimator, parameters, task))


def model_mb_of(folder: Path) -> int:
    """Return the memory, in MB, of reading the model in a folder and applying it block by block."""
    files = folder.iterdir() if folder.is_dir() else ()
    stored = sum(file.stat().st_size for file in files if file.is_file()) / 2**20
    return int(BASE_MB + _STORED / 2 * stored)


def model_mb(size: Size, estimator: str, parameters: Mapping[str, Any], task: str) -> float:
    """Return about how large a fitted model is, in MB; 0 where the rows do not matter."""
    if any(part in estimator for part in _KEEPS_ROWS):
        return size.matrix_mb
    if not any(part in estimator for part in _FORESTS):
        return 0.0
    trees = parameters.get("n_estimators", 100)
    nodes = _NODES[task] * size.rows
    depth = parameters.get("max_depth")
    if isinstance(depth, int) and depth < 40:
        nodes = min(nodes, 2.0 ** (depth + 1))
    return nodes * _NODE_BYTES * (trees if isinstance(trees, int) else 100) / 2**20
