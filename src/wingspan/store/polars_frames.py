"""Tables and columns of polars <-> Parquet."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl


def write(value: "pl.DataFrame | pl.LazyFrame | pl.Series", path: Path) -> None:
    """Write a table, or a column as a table of one column."""
    import polars as pl

    frame = value.to_frame() if isinstance(value, pl.Series) else value.lazy().collect()
    frame.write_parquet(path, compression="zstd", statistics=False)


def read(
    path: Path, record: dict[str, Any], _trusted: frozenset[str]
) -> "pl.DataFrame | pl.Series":
    """Read what `write` wrote."""
    import polars as pl

    frame = pl.read_parquet(path, glob=False)
    return frame.to_series() if record["codec"].startswith("polars-series") else frame
