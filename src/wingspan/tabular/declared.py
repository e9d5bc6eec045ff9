"""Refuse column names that are not in the header of the first file, before any step runs.

The step that reads the file reports what is wrong with the file itself.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from wingspan.errors import WingspanError
from wingspan.tabular.faults import check_header
from wingspan.tabular.labels import refuse_targets
from wingspan.tabular.read import ReadOptions, source_files
from wingspan.tabular.schema import require_column


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
        require_column(column, names)


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
