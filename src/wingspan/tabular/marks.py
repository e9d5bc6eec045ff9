"""Convert texts with marks into numbers, and declared codes into texts.

``1.234,5`` with a decimal comma, ``$1,234`` with a currency, ``12 %``: a whole column is read as one, or stays text.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from wingspan.errors import TableError
from wingspan.tabular.blocks import write_blocks
from wingspan.tabular.csv_files import ReadOptions
from wingspan.tabular.number_texts import CURRENCIES
from wingspan.tabular.schema import require_column

if TYPE_CHECKING:
    import polars as pl

_STRIPPED = rf"[\s\u{{a0}}\u{{202f}}%]|(?:{CURRENCIES})\.?|\p{{Sc}}"


def apply_marks(data: Path, options: ReadOptions) -> None:
    """Rewrite a Parquet file with the columns that the options make numbers or texts.

    Raises
    ------
    NotFoundError
        A column that is named is not there.
    TableError
        A column that is named as numbers holds something else; the message has the row.
    """
    import polars as pl

    scan = pl.scan_parquet(data)
    types = scan.collect_schema()
    for name in (*options.numbers, *options.categories):
        require_column(name, types.names())
    texts = [name for name, dtype in types.items() if dtype == pl.String]
    named = [name for name in options.numbers if name in texts]
    tried = [name for name in texts if name not in (*options.numbers, *options.categories)]
    if options.decimal == "." and not options.thousands:
        tried = []
    made = [_number(name, options, strip=True) for name in named]
    _refuse_others(scan, named, options)
    made += [_number(name, options, strip=False) for name in _all_numbers(scan, tried, options)]
    made += [pl.col(name).cast(pl.String) for name in options.categories]
    if made:
        temporary = data.with_name(f"{data.name}.marks")
        try:
            write_blocks(scan.with_columns(made), temporary)
            temporary.replace(data)
        finally:
            temporary.unlink(missing_ok=True)


def _all_numbers(scan: "pl.LazyFrame", names: list[str], options: ReadOptions) -> list[str]:
    """Return the columns of which every text is a number."""
    import polars as pl

    if not names:
        return []
    values = scan.select(pl.col(names).count().name.prefix("n ")).collect().row(0)
    read = [_number(name, options, strip=False).count() for name in names]
    numbers = scan.select(read).collect().row(0)
    return [name for name, n, m in zip(names, values, numbers, strict=True) if n and n == m]


def _number(name: str, options: ReadOptions, *, strip: bool) -> "pl.Expr":
    """Return a text column as numbers; null where a text is not one."""
    import polars as pl

    text = pl.col(name).str.strip_chars()
    if strip:
        text = text.str.replace_all(_STRIPPED, "").str.replace(r"^\((.*)\)$", "-$1")
    point, mark = re.escape(options.decimal), re.escape(options.thousands)
    whole = rf"\d{{1,3}}(?:{mark}\d{{3}})+|\d+" if mark else r"\d+"
    fits = text.str.contains(rf"^[-+]?(?:(?:{whole})(?:{point}\d*)?|{point}\d+)(?:[eE][-+]?\d+)?$")
    if options.thousands:
        text = text.str.replace_all(options.thousands, "", literal=True)
    if options.decimal != ".":
        text = text.str.replace(options.decimal, ".", literal=True)
    return pl.when(fits).then(text.cast(pl.Float64, strict=False)).alias(name)


def _refuse_others(scan: "pl.LazyFrame", names: list[str], options: ReadOptions) -> None:
    """Refuse a text that is not a number in columns that are named as numbers."""
    import polars as pl

    rows = scan.with_row_index(" row")
    for name in names:
        wrong = pl.col(name).is_not_null() & _number(name, options, strip=True).is_null()
        for row, value in rows.filter(wrong).select(" row", name).head(1).collect().rows():
            problem = f"expected a number, row {row + 1:,} has {value!r}"
            fix = "name its marks with --decimal and --thousands, or a word for missing with --missing"
            raise TableError(f"column {name!r}", problem, fix)
