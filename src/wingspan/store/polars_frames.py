"""Store polars tables and columns as Parquet.

A LazyFrame is computed into the file and comes back as a scan of it.
"""

import errno
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wingspan.errors import UnsupportedTypeError

if TYPE_CHECKING:
    import polars as pl

_FULL = (errno.ENOSPC, errno.EDQUOT)  # polars reports these in words only
_CAST = "cast such columns to another type, or leave them out"
_ROW_GROUP = 1 << 17  # rows; fixed, so that threads and streaming leave no trace in the bytes


def write(value: "pl.DataFrame | pl.LazyFrame | pl.Series", path: Path) -> dict[str, Any]:
    """Write a table, or a column as a table of one column; a LazyFrame in bounded memory.

    Raises
    ------
    UnsupportedTypeError
        Parquet would not give the columns back as they are.
    """
    import polars as pl

    frame = value.to_frame() if isinstance(value, pl.Series) else value
    schema = frame.collect_schema()
    if unfit := [name for name, dtype in schema.items() if dtype.base_type() is pl.Object]:
        problem = f"columns {', '.join(unfit)} hold Python objects"
        raise UnsupportedTypeError(f"[{unfit[0]!r}]", problem, _CAST)
    try:
        frame.lazy().sink_parquet(path, statistics=False, row_group_size=_ROW_GROUP)
    except pl.exceptions.PolarsError as error:
        number = next((n for n in _FULL if f"(os error {n})" in str(error)), None)
        if number is not None:
            raise OSError(number, str(error)) from error
        if isinstance(frame, pl.LazyFrame):  # the error may be of the query
            raise
        raise UnsupportedTypeError("", f"Parquet does not take it: {error}", _CAST) from error
    height = None if isinstance(frame, pl.LazyFrame) else frame.height
    found = pl.read_parquet_schema(path)
    if lost := [name for name, dtype in schema.items() if found.get(name) != dtype]:
        problem = f"Parquet would change columns: {', '.join(f'{n} ({schema[n]})' for n in lost)}"
        raise UnsupportedTypeError(f"[{lost[0]!r}]", problem, _CAST)
    return {"height": height} if height and not schema else {}


def read(
    path: Path, record: dict[str, Any], _trusted: frozenset[str]
) -> "pl.DataFrame | pl.LazyFrame | pl.Series":
    """Read what `write` wrote."""
    import polars as pl

    if record["codec"].startswith("polars-lazy"):
        return pl.scan_parquet(path, glob=False, hive_partitioning=False)
    if "height" in record:
        return pl.DataFrame(height=record["height"])
    frame = pl.read_parquet(path, glob=False, hive_partitioning=False)
    return frame.to_series() if record["codec"].startswith("polars-series") else frame
