"""Read and write a table on disk in blocks of rows.

Every pass and every shard reads rows through this module.

A block is 131,072 rows in input order. Sums are kept per block, so that no number of shards changes a result.
"""

import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from wingspan.errors import NotFoundError
from wingspan.tabular.schema import Schema

if TYPE_CHECKING:
    import polars as pl

BLOCK_ROWS = 131_072

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)

_MARK = {"wingspan.block_rows": str(BLOCK_ROWS)}
"""Key-value metadata of a Parquet file whose row groups are our blocks."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table that was read.

    Attributes
    ----------
    data
        A Parquet file with one row group per block. A row's id is its position, from 0.
    """

    data: Path
    schema: Schema
    rows: int

    @property
    def blocks(self) -> range:
        """The numbers of its blocks; a shard is a part of this range."""
        return range(-(-self.rows // BLOCK_ROWS))


def iter_blocks(
    table: Table, columns: Sequence[str] | None = None, blocks: range | None = None
) -> "Iterator[pl.DataFrame]":
    """Read a table block by block, with one block in memory at a time.

    Block b holds rows ``b * BLOCK_ROWS`` and on.

    Raises
    ------
    NotFoundError
        The file is gone, or a column is not in it.
    """
    scan = _scan(table)
    for name in columns or ():
        table.schema.column(name)
    if columns is not None:
        scan = scan.select(columns)
    for block in table.blocks if blocks is None else blocks:
        yield scan.slice(block * BLOCK_ROWS, BLOCK_ROWS).collect()


def without_rows(table: Table) -> "pl.DataFrame":
    """Return the columns of a table and their types, without a row.

    Raises
    ------
    NotFoundError
        The file is gone.
    """
    return _scan(table).head(0).collect()


def _scan(table: Table) -> "pl.LazyFrame":
    import polars as pl

    if not table.data.is_file():
        fix = "read the table again"
        raise NotFoundError(str(table.data), "the Parquet file of the table is gone", fix)
    return pl.scan_parquet(table.data)


def shards(table: Table, count: int) -> list[range]:
    """Cut the blocks of a table into at most `count` ranges of nearly equal length.

    The ranges are in order, and none is empty.
    """
    total = len(table.blocks)
    count = max(1, min(count, total))
    edges = [total * shard // count for shard in range(count + 1)]
    return [range(*edges[shard : shard + 2]) for shard in range(count)]


def write_blocks(rows: "pl.LazyFrame", path: Path) -> None:
    """Stream rows, in order, to a Parquet file of whole blocks.

    They are written in a folder of their own first. After an error, a thread of polars may open its file again, which
    would cut off what is written to the same path by then.

    Raises
    ------
    OSError
        The disk is full, which polars reports in the text of an error of its own.
    """
    import polars as pl

    how: dict[str, Any] = {"row_group_size": BLOCK_ROWS, "compression": "lz4", "metadata": _MARK}
    try:
        with TemporaryDirectory(dir=path.parent, ignore_cleanup_errors=True) as folder:
            written = Path(folder) / "blocks.parquet"
            rows.sink_parquet(written, maintain_order=True, **how)
            written.replace(path)
    except pl.exceptions.ComputeError as error:
        for code in DISK_FULL:
            if f"os error {code})" in str(error):
                raise OSError(code, os.strerror(code), str(path)) from error
        raise


def has_our_blocks(file: Path) -> bool:
    """Return whether a Parquet file was written by `write_blocks`."""
    import polars as pl

    return _MARK.items() <= pl.read_parquet_metadata(file).items()
