"""Predict raw rows with a bundle, block by block, into a CSV or Parquet file.

One block is in memory at a time. A part is a folder with one small Parquet file per block; parts of any shards merge
to the file that a prediction of the whole table gives.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wingspan.errors import SettingError, TableError, WingspanError
from wingspan.files import aside, remove
from wingspan.tabular.apply import predicted_by, scores_of
from wingspan.tabular.blocks import BLOCK_ROWS, Table, iter_blocks
from wingspan.tabular.bundle import Bundle
from wingspan.tabular.drift import Seen, compare, seen_in
from wingspan.tabular.features import Features
from wingspan.tabular.findings import Finding
from wingspan.tabular.preparation import Preparation
from wingspan.tabular.read import ReadOptions, read_table
from wingspan.tabular.schema import Schema, check
from wingspan.tabular.stream import Unsure, streamed
from wingspan.tabular.transform import cleaned, encoded

if TYPE_CHECKING:
    import polars as pl

PREDICTION = "prediction"


class Predictions(NamedTuple):
    """What was predicted.

    Attributes
    ----------
    path
        The file, or the folder of a part: the id column if one was asked for, ``prediction``, and ``probability`` of
        the positive class or ``probability_LABEL`` of each of several (``score`` where the model gives none).
    rows
        As many as the table has, in its order.
    unseen
        Rows with a category that training did not see, by column.
    ignored
        Columns that the model does not need.
    labels
        Rows predicted as each label, by its text; empty for a regression.
    limits
        The smallest and the largest number that a regression predicts; empty else.
    seen
        What the columns hold, to be compared with those of the training.
    findings
        Where the rows differ from those of the training.
    """

    path: Path
    rows: int
    unseen: dict[str, int]
    ignored: list[str]
    labels: dict[str, int]
    limits: tuple[float, ...] = ()
    seen: Seen = Seen()
    findings: list[Finding] = []  # noqa: RUF012 - a field of a named tuple


def predict(
    bundle: Bundle,
    source: Path | Sequence[Path],
    out: Path,
    *,
    id_column: str | None = None,
    options: ReadOptions | None = None,
    interval: float | None = None,
) -> Predictions:
    """Predict raw rows of CSV or Parquet files and write them to `out`, whole or not at all.

    Parameters
    ----------
    out
        Ends with .csv or .parquet.
    id_column
        A column to copy from the rows.
    interval
        With a regression: add the columns ``low`` and ``high``, between which this share of new rows lies.

    Raises
    ------
    SettingError
        An interval that the model cannot give.
    TableError
        Columns that are missing or changed their kind; the message lists all of them.
    """
    _format(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
        part = Path(folder) / "part"
        reading = (options or ReadOptions()).with_marks(bundle.preparation.reading)
        try:
            found = _predict_stream(bundle, source, part, reading, id_column, interval)
        except Unsure:
            remove(part)
            expected = bundle.preparation.schema
            table = read_table(source, Path(folder), options=reading, expected=expected)
            found = predict_part(bundle, table, part, id_column=id_column, interval=interval)
        return merge_predictions([found], out)


def _predict_stream(
    bundle: Bundle,
    source: Path | Sequence[Path],
    folder: Path,
    options: ReadOptions,
    id_column: str | None,
    interval: float | None,
) -> Predictions:
    """Predict the rows of a regular CSV as they are read.

    Raises
    ------
    Unsure
        The table must be read as a whole first.
    """
    away = _half_width(bundle, interval)
    schema, blocks = streamed(source, options, bundle.preparation.schema)
    try:
        _check_columns(bundle, schema, id_column)
    except WingspanError as error:
        raise Unsure from error
    found = _predict_blocks(bundle, enumerate(blocks), folder, id_column, away)
    return found._replace(ignored=_ignored(bundle, schema.names))


def predict_part(
    bundle: Bundle,
    table: Table,
    folder: Path,
    blocks: range | None = None,
    *,
    id_column: str | None = None,
    interval: float | None = None,
) -> Predictions:
    """Predict some blocks of a table, default all, into a folder.

    Raises
    ------
    TableError
        As `predict`.
    """
    away = _half_width(bundle, interval)
    _check_columns(bundle, table.schema, id_column)
    wanted = list(dict.fromkeys([*bundle.preparation.inputs, *([id_column] if id_column else [])]))
    numbers = table.blocks if blocks is None else blocks
    rows = zip(numbers, iter_blocks(table, wanted, numbers), strict=True)
    found = _predict_blocks(bundle, rows, folder, id_column, away)
    return found._replace(ignored=_ignored(bundle, table.schema.names))


def _predict_blocks(
    bundle: Bundle,
    blocks: "Iterable[tuple[int, pl.DataFrame]]",
    folder: Path,
    id_column: str | None,
    away: float | None,
) -> Predictions:
    """Predict numbered blocks of raw rows, each into a file of a folder."""
    prepared = bundle.preparation
    folder.mkdir(parents=True, exist_ok=True)
    unseen: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    limits: list[float] = []
    rows = 0
    seen = Seen()
    for number, frame in blocks:
        clean_rows = cleaned(prepared, frame)
        x = encoded(prepared, clean_rows, first_row=number * BLOCK_ROWS)
        unseen.update(x.unseen)
        seen += seen_in(prepared, clean_rows)
        found = _predict_block(bundle, x, away)
        if id_column:
            found.insert_column(0, frame[id_column])
        found.write_parquet(folder / _block_name(number), compression="lz4")
        if prepared.task == "regression":
            limits += [float(value) for value in (found[PREDICTION].min(), found[PREDICTION].max())]  # type: ignore[arg-type]
        else:
            counted = found[PREDICTION].value_counts().iter_rows()
            labels.update({str(label): n for label, n in counted})
        rows += len(found)
    ends = (min(limits), max(limits)) if limits else ()
    findings = compare(prepared, seen, unseen)
    counted_labels = dict(sorted(labels.items()))
    return Predictions(folder, rows, dict(unseen), [], counted_labels, ends, seen, findings)


def _ignored(bundle: Bundle, names: Iterable[str]) -> list[str]:
    """Return the columns that a model does not need."""
    return [name for name in names if name not in bundle.preparation.schema.names]


def merge_predictions(
    parts: Sequence[Predictions], out: Path, preparation: Preparation | None = None
) -> Predictions:
    """Write the blocks of all parts, in the order of the table, to one CSV or Parquet file.

    Parameters
    ----------
    preparation
        Preparation of the model, to compare the rows of several parts with the training rows.

    Raises
    ------
    TableError
        A block is missing between the first and the last, or is in two parts.
    """
    import polars as pl

    suffix = _format(out)
    files = sorted((file for part in parts for file in part.path.iterdir()), key=lambda f: f.name)
    expected = [_block_name(number) for number in range(len(files))]
    if not files or [file.name for file in files] != expected:
        problem = (
            f"the parts hold {len(files)} blocks that are not 0 to {len(files) - 1}, each once"
        )
        raise TableError(str(out), problem, "give the parts of all shards, each once")
    scan = pl.scan_parquet(files, glob=False)
    with aside(out) as path:
        if suffix == ".csv":
            scan.sink_csv(path, maintain_order=True)
        else:
            scan.sink_parquet(path, maintain_order=True)
    unseen: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    for part in parts:
        unseen.update(part.unseen)
        labels.update(part.labels)
    rows = sum(part.rows for part in parts)
    limits = [limit for part in parts for limit in part.limits]
    ends = (min(limits), max(limits)) if limits else ()
    ignored = list(parts[0].ignored)
    seen = sum((part.seen for part in parts), Seen())
    found = parts[0].findings
    if preparation is not None:
        found = compare(preparation, seen, unseen)
    counted_labels = dict(sorted(labels.items()))
    return Predictions(out, rows, dict(unseen), ignored, counted_labels, ends, seen, found)


def _half_width(bundle: Bundle, interval: float | None) -> float | None:
    """Return how far the interval of a prediction goes to either side; None without one."""
    if interval is None:
        return None
    bounds = (bundle.card.validation or bundle.card.evaluation).bounds
    known = ", ".join(f"0.{level.rstrip('0')}" for level in bounds)
    if not bounds:
        problem = "the model predicts classes, whose probabilities say how sure they are"
        raise SettingError("--interval", problem, "leave it out")
    found = bounds.get(f"{interval * 100:g}")
    if found is None:
        problem = f"expected one of {known}, found {interval:g}"
        fix = "choose one of those; more validation rows give wider ones"
        raise SettingError("--interval", problem, fix)
    return found


def _predict_block(bundle: Bundle, x: Features, away: float | None) -> "pl.DataFrame":
    import polars as pl

    if bundle.preparation.task == "regression":
        predicted = predicted_by(bundle.model, x)
        ends = {} if away is None else {"low": predicted - away, "high": predicted + away}
        return pl.DataFrame({PREDICTION: predicted, **ends})
    classes = bundle.preparation.classes
    scores = scores_of(bundle.model, x)
    name = "probability" if hasattr(bundle.model, "predict_proba") else "score"
    if len(classes) == 2:
        chosen = (scores[:, 1] > bundle.card.threshold).astype(np.int64)
        columns = {name: scores[:, 1]}
    else:
        chosen = scores.argmax(axis=1)
        columns = {f"{name}_{label}": scores[:, k] for k, label in enumerate(classes)}
    labels = pl.Series(list(classes)).gather(pl.Series(chosen))
    return pl.DataFrame({PREDICTION: labels, **columns})


def _check_columns(bundle: Bundle, found: Schema, id_column: str | None) -> None:
    """Refuse rows that lack columns or have changed ones, and an ambiguous id column."""
    expected, target = bundle.preparation.schema, bundle.preparation.target
    check(expected, found, where="rows to predict", optional=[target], extra=True)
    if id_column:
        found.column(id_column)
        taken = (PREDICTION, "probability", "score")
        if id_column.startswith(taken) or id_column in {"low", "high"}:
            problem = f"the id column {id_column!r} has the name of a column of the predictions"
            raise TableError("rows to predict", problem, "rename it in the table")


def _block_name(number: int) -> str:
    return f"{number:08d}.parquet"


def _format(out: Path) -> str:
    if out.suffix not in {".csv", ".parquet"}:
        problem = f"unknown output format {out.name!r}"
        raise SettingError("output", problem, "give a name that ends with .csv or .parquet")
    return out.suffix
