"""Refuse column names that are not in the header of the first file, before any step runs.

The step that reads the file reports what is wrong with the file itself.
"""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from wingspan.errors import NotFoundError, WingspanError
from wingspan.tabular.faults import check_header, start_of
from wingspan.tabular.labels import refuse_targets
from wingspan.tabular.read import ReadOptions, source_files
from wingspan.tabular.schema import require_column

_TITLES = 20
"""Lines that are looked at for a header below a title."""


def check_columns(
    source: Path | Sequence[Path], options: ReadOptions, columns: Iterable[str]
) -> None:
    """Refuse names that are not columns of a table.

    Raises
    ------
    NotFoundError
        A name is not a column; the message lists close ones.
    """
    names = header_of(source, options)
    for column in columns if names else ():
        refuse_targets(column, names)
        if column not in names:
            _refuse_title(source, options, column)
        require_column(column, names)


def _refuse_title(source: Path | Sequence[Path], options: ReadOptions, column: str) -> None:
    """Refuse a CSV with lines above its header, if one of the next lines has the column."""
    files, form = source_files(source)
    if form != "CSV":
        return
    text, _ = start_of(files[0])
    for number, line in enumerate(text.splitlines()[1:_TITLES], 2):
        if column in next(csv.reader([line], delimiter=options.delimiter), []):
            problem = f"not a column of line 1, but of line {number}"
            fix = f"remove the lines above it: tail -n +{number} {files[0]} > clean.csv"
            raise NotFoundError(f"column {column!r}", problem, fix)


def header_of(source: Path | Sequence[Path], options: ReadOptions) -> list[str]:
    """Return the column names of the first file; none if it cannot be read."""
    try:
        files, form = source_files(source)
        if form == "CSV":
            return check_header(files[0], options.delimiter)
    except (WingspanError, OSError):
        return []
    import polars as pl

    try:
        return list(pl.read_parquet_schema(files[0]))
    except (pl.exceptions.PolarsError, OSError):
        return []
