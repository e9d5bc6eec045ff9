"""Read the rows of a regular CSV block by block, without writing them as Parquet first.

Most files to predict are regular: one pass over them is enough. A file that is not is left to `read_table`, which looks
closer and reports what is wrong.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wingspan.tabular.blocks import BLOCK_ROWS
from wingspan.tabular.csv_files import ReadOptions, open_csv
from wingspan.tabular.faults import check_rows
from wingspan.tabular.read import source_files
from wingspan.tabular.schema import Column, Schema, kind_of

if TYPE_CHECKING:
    import polars as pl


class Unsure(Exception):  # noqa: N818 - it is not an error
    """The table must be read as a whole before its rows are used."""


def streamed(
    source: Path | Sequence[Path], options: ReadOptions, expected: Schema
) -> "tuple[Schema, Iterator[pl.DataFrame]]":
    """Return the columns of a CSV, and its blocks, the last of which may be shorter.

    Raises
    ------
    Unsure
        It is not a CSV, has marks in numbers, or a row that is not regular. Reading blocks raises it as well.
    """
    import polars as pl

    files, form = source_files(source)
    if form != "CSV" or options.marked:
        raise Unsure
    try:
        types, rows = open_csv(files, options, expected)
    except pl.exceptions.PolarsError as error:
        raise Unsure from error
    columns = (
        Column(name, kind_of(dtype), str(dtype), True, ("",) if dtype == pl.String else ())
        for name, dtype in types.items()
    )
    return Schema(tuple(columns)), _regular(rows, files, options.delimiter)


def _regular(rows: "pl.LazyFrame", files: list[Path], delimiter: str) -> "Iterator[pl.DataFrame]":
    """Yield the blocks of rows, and raise `Unsure` once one of them needs a closer look."""
    import polars as pl
    from polars import selectors

    nul = selectors.string().str.contains("\0", literal=True).any()
    total = short = width = 0
    try:
        for block in _blocks(rows.collect_batches(chunk_size=BLOCK_ROWS, maintain_order=True)):
            if True in block.select(nul).row(0, named=True).values():
                raise Unsure
            total, width = total + len(block), block.width
            short += block.to_series(-1).null_count()  # the last field of a short row is missing
            yield block
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Unsure from error
    if not total or (short and check_rows(files, delimiter, width)):
        raise Unsure


def _blocks(batches: "Iterable[pl.DataFrame]") -> "Iterator[pl.DataFrame]":
    """Yield the rows of batches in blocks of the size that every table has."""
    import polars as pl

    waiting: list[pl.DataFrame] = []
    count = 0
    for batch in batches:
        waiting.append(batch)
        count += len(batch)
        if count >= BLOCK_ROWS:
            held = pl.concat(waiting)
            full = count - count % BLOCK_ROWS
            for start in range(0, full, BLOCK_ROWS):
                yield held[start : start + BLOCK_ROWS]
            waiting, count = [held[full:]], count - full
    if count:
        yield pl.concat(waiting)
