"""Guess the task from the start of a table, before any step runs.

The steps of a training are named by their estimators, which depend on the task. The step that prepares the table looks
at all rows and refuses a wrong guess.
"""

import csv
import itertools
import math
from collections.abc import Sequence
from pathlib import Path

from wingspan.errors import WingspanError
from wingspan.tabular.faults import start_of
from wingspan.tabular.labels import Task
from wingspan.tabular.number_texts import as_number
from wingspan.tabular.read import ReadOptions, source_files

_FEW = 20
_ROWS = 5_000


def guess_task(
    source: Path | Sequence[Path], options: ReadOptions, target: str
) -> tuple[Task, str]:
    """Return the task of a target by the first rows, and the reason.

    A number with fractions, or whole numbers of more than 20 values, is a regression; all else are classes.
    """
    try:
        files, form = source_files(source)
        values = (
            _first_of_parquet(files, target)
            if form == "Parquet"
            else _first(files[0], options, target)
        )
    except (WingspanError, OSError, ValueError, csv.Error):
        return "classification", ""  # the step that reads the table says what is wrong with it
    strip = target in options.numbers
    known_values = (value for value in values if value not in options.null_values)
    numbers = [_number(value, options, strip=strip) for value in known_values]
    known = [number for number in numbers if number is not None and math.isfinite(number)]
    if None in numbers or not known:
        return "classification", ""
    if any(number % 1 for number in known):
        return "regression", f"{target} is a number with fractions"
    if (distinct := len(set(known))) > _FEW:
        return "regression", f"{target} has {distinct:,} or more different whole numbers"
    return "classification", ""


def _first(file: Path, options: ReadOptions, target: str) -> list[str]:
    text, _ = start_of(file)
    lines = text.splitlines()
    records = csv.reader(lines[:-1] if len(lines) > 2 else lines, delimiter=options.delimiter)
    place = next(records, []).index(target)
    return [row[place] for row in itertools.islice(records, _ROWS) if len(row) > place]


def _first_of_parquet(files: Sequence[Path], target: str) -> list[str]:
    import polars as pl

    column = pl.scan_parquet(files[0], glob=False).select(target).head(_ROWS).collect()[target]
    return [str(value) for value in column.drop_nulls().to_list()]


def _number(text: str, options: ReadOptions, *, strip: bool) -> float | None:
    try:
        return as_number(text, options.decimal, options.thousands, strip=strip)
    except ValueError:
        return None
