"""CSV or Parquet -> `Table`: Parquet with one row group per block, and its schema, written once.

Every pass after this one reads Parquet. A CSV may be compressed (gz, zst); several files, or a folder of files of one
format, are one table in the order of their names. What is wrong with a file is found in `faults`.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from wingspan.errors import NotFoundError, TableError
from wingspan.files import aside, json_text, write_atomically
from wingspan.tabular.blocks import BLOCK_ROWS, Table, iter_blocks
from wingspan.tabular.faults import check_headers, check_rows, explain
from wingspan.tabular.schema import Schema, check, infer_schema

if TYPE_CHECKING:
    import polars as pl

    _Types = dict[str, pl.DataType]

NULL_VALUES = (
    *("", " ", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND"),
    *("1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
)
"""The words that pandas.read_csv takes for a missing value."""

_MARK = {"wingspan.block_rows": str(BLOCK_ROWS)}
"""Key-value metadata of a Parquet file whose row groups are our blocks."""

_SAMPLE_ROWS = 10_000
_DATE_ROWS = (
    100  # polars tries every date format on every text of the sample: 0.3 s for 10,000 rows
)
_SUFFIXES: dict[str, Literal["CSV", "Parquet"]] = {
    ".csv": "CSV",
    ".tsv": "CSV",
    ".txt": "CSV",
    ".parquet": "Parquet",
    ".pq": "Parquet",
}
_COMPRESSED = {".gz", ".zst"}


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How a CSV is read.

    Attributes
    ----------
    delimiter
        One character.
    null_values
        The words that stand for a missing value, in every column.
    dates
        Whether columns of ISO dates and times become dates.
    max_categories
        A text column of more distinct values is no category, and is not a feature.
    """

    delimiter: str = ","
    null_values: tuple[str, ...] = NULL_VALUES
    dates: bool = True
    max_categories: int = 1000


def read_table(
    source: Path | Sequence[Path],
    folder: Path,
    *,
    options: ReadOptions | None = None,
    expected: Schema | None = None,
) -> Table:
    """Read a table into `folder`: ``table.parquet`` and ``schema.json``.

    A Parquet file that this function wrote is used where it lies.

    Parameters
    ----------
    source
        A file, a folder, or several files.
    expected
        The columns that a model was trained with: columns of a CSV are then read as those types, not inferred.

    Raises
    ------
    NotFoundError
        A file is not there.
    TableError
        The content cannot be read, with the place; nothing is written then.
    """
    import polars as pl

    options = options or ReadOptions()
    files, form = source_files(source)
    if form == "Parquet" and len(files) == 1 and _is_ours(files[0]):
        data = files[0]
        rows = _row_count(data, files)
    else:
        data = folder / "table.parquet"
        with aside(data) as path:
            if form == "CSV":
                names = check_headers(files, options.delimiter)
                _csv_to_parquet(_Csv(files, options, names), path, expected)
            else:
                _parquet_to_parquet(files, path)
            rows = _row_count(path, files)
    unread = Table(data, Schema(()), rows)
    dtypes = dict(pl.scan_parquet(data).collect_schema())
    schema = infer_schema(iter_blocks(unread), dtypes, options.max_categories)
    write_atomically(folder / "schema.json", json_text(schema.as_json()))
    return Table(data, schema, rows)


def _row_count(data: Path, files: list[Path]) -> int:
    import polars as pl

    rows = int(pl.scan_parquet(data).select(pl.len()).collect().item())
    if not rows:
        fix = "give a table with rows"
        raise TableError(_place(files), "there is a header, but not one row", fix)
    return rows


def source_files(source: Path | Sequence[Path]) -> tuple[list[Path], Literal["CSV", "Parquet"]]:
    """Return the files of a table in order, and their one format.

    Hidden files, and those whose name starts with ``_``, are passed over in a folder.
    """
    if isinstance(source, Path):
        files = _folder_files(source) if source.is_dir() else [source]
    else:
        files = list(source)
    if not files:
        raise TableError(str(source), "there is no file in it", "give CSV or Parquet files")
    for file in files:
        if not file.is_file():
            near = sorted(p.name for p in file.parent.glob("*") if p.suffix in _SUFFIXES)[:5]
            fix = f"{file.parent} has {', '.join(near)}" if near else "check the path"
            raise NotFoundError(str(file), "there is no such file", fix)
    forms = {file: _format(file) for file in files}
    if len(set(forms.values())) > 1:
        listed = ", ".join(f"{file.name} ({form})" for file, form in list(forms.items())[:6])
        fix = "give files of one format, or a folder that holds nothing else"
        raise TableError(_place(files), f"files of different formats: {listed}", fix)
    return files, forms[files[0]]


def _folder_files(folder: Path) -> list[Path]:
    files = sorted(p for p in folder.iterdir() if p.is_file() and p.name[0] not in "._")
    odd = [p.name for p in files if _suffix(p) not in _SUFFIXES]
    if odd:
        expected = "expected CSV or Parquet files"
        fix = "move it elsewhere, or name the files"
        raise TableError(str(folder), f"{expected}, found {', '.join(odd[:6])}", fix)
    return files


def _suffix(file: Path) -> str:
    suffixes = [suffix.lower() for suffix in file.suffixes]
    if suffixes and suffixes[-1] in _COMPRESSED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _format(file: Path) -> Literal["CSV", "Parquet"]:
    with file.open("rb") as content:
        magic = content.read(4)
    return "Parquet" if magic == b"PAR1" else _SUFFIXES.get(_suffix(file), "CSV")


def _place(files: Sequence[Path]) -> str:
    return str(files[0] if len(files) == 1 else files[0].parent)


@dataclass(frozen=True, slots=True)
class _Csv:
    """CSV files with one header.

    Attributes
    ----------
    names
        Ours; polars calls a column without a name differently.
    """

    files: list[Path]
    options: ReadOptions
    names: list[str]

    def inferred(self, sample: int, *, dates: bool = False) -> "_Types":
        """Return the types that the first rows suggest."""
        dtypes = self._scan(None, sample=sample, dates=dates).collect_schema().dtypes()
        return dict(zip(self.names, dtypes, strict=True))

    def rows(self, types: "_Types") -> "pl.LazyFrame":
        """Return the rows, each column read as its type."""
        header = self._scan(None).collect_schema().names()
        schema = dict(zip(header, (types[name] for name in self.names), strict=True))
        return self._scan(schema).rename(dict(zip(header, self.names, strict=True)))

    def texts(self) -> "pl.LazyFrame":
        """Return the rows, each column read as text."""
        import polars as pl

        return self.rows(dict.fromkeys(self.names, pl.String()))

    def parsed(self, types: "_Types") -> "pl.LazyFrame":
        """Return the rows, read as text and then parsed, as `_exact_types` does."""
        return self.texts().select(_parse(name, dtype) for name, dtype in types.items())

    def _scan(
        self, schema: "_Types | None", *, sample: int = 0, dates: bool = False
    ) -> "pl.LazyFrame":
        import polars as pl

        return pl.scan_csv(
            list(self.files),
            separator=self.options.delimiter,
            schema=schema,
            infer_schema_length=sample,
            try_parse_dates=dates,
            null_values=list(self.options.null_values),
            glob=False,
        )


def _csv_to_parquet(csv: _Csv, data: Path, expected: Schema | None) -> None:
    """Write CSV files as Parquet; types come from a sample, and from every row where the sample misled."""
    import polars as pl

    files, delimiter = csv.files, csv.options.delimiter
    try:
        try:
            types = _sampled_types(csv, expected)
            _write(csv.rows(types), data)
        except pl.exceptions.ComputeError:
            check_rows(files, delimiter, len(csv.names))
            types = _exact_types(csv, csv.names, expected)
            _write(csv.parsed(types), data)
        last = pl.scan_parquet(data).select(pl.last().null_count()).collect().item()
        if last and check_rows(files, delimiter, len(csv.names)):
            _write(csv.parsed(types).filter(~pl.all_horizontal(pl.all().is_null())), data)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise explain(error, files) from error


def _sampled_types(csv: _Csv, expected: Schema | None) -> "_Types":
    """Return the types that the first rows suggest; a column that is empty there gets its exact type."""
    import polars as pl

    types = {name: _stored(dtype) for name, dtype in csv.inferred(_SAMPLE_ROWS).items()}
    if csv.options.dates:
        for name, dtype in csv.inferred(_DATE_ROWS, dates=True).items():
            if types[name] == pl.String and dtype in (pl.Date, pl.Datetime):
                types[name] = dtype
    seen = csv.texts().head(_SAMPLE_ROWS).select(pl.all().count()).collect().row(0, named=True)
    if empty := [name for name in csv.names if not seen[name]]:
        types |= _exact_types(csv, empty, None)
    return types | _declared_types(expected, types)


def _stored(dtype: "pl.DataType") -> "pl.DataType":
    """Return the type to store: whole numbers beyond 64 bits are names, not amounts."""
    import polars as pl

    return pl.String() if dtype in (pl.Int128, pl.UInt128) else dtype


def _declared_types(expected: Schema | None, found: "_Types") -> "_Types":
    """Return the types that were declared for columns; a number may have decimals now."""
    import polars as pl

    declared: _Types = {}
    for column in expected.columns if expected else ():
        if column.name not in found or column.empty:
            continue
        if column.kind in ("category", "text"):
            declared[column.name] = pl.String()
        elif column.kind == "boolean":
            declared[column.name] = pl.Boolean()
        elif column.kind == "number" and not found[column.name].is_numeric():
            declared[column.name] = pl.Float64()
    return declared


def _candidates() -> "tuple[pl.DataType, ...]":
    import polars as pl

    return pl.Int64(), pl.Float64(), pl.Boolean(), pl.Date(), pl.Datetime("us")


def _exact_types(csv: _Csv, columns: list[str], expected: Schema | None) -> "_Types":
    """Return the narrowest type that every value of some columns has, in one pass over all rows.

    Raises
    ------
    TableError
        A column has values that are not of the type `expected` declares.
    """
    import polars as pl

    tried = [dtype for dtype in _candidates() if csv.options.dates or not dtype.is_temporal()]
    fits = csv.texts().select(
        (_parse(name, dtype).count() == pl.col(name).count()).alias(f"{index} {name}")
        for name in columns
        for index, dtype in enumerate(tried)
    )
    answers = fits.collect(engine="streaming").row(0, named=True)
    types = {
        name: next((d for index, d in enumerate(tried) if answers[f"{index} {name}"]), pl.String())
        for name in columns
    }
    declared = _declared_types(expected, types)
    _check_values(csv, declared)
    return types | declared


def _parse(name: str, dtype: "pl.DataType") -> "pl.Expr":
    """Return a text column as a type; null where the text is no such value."""
    import polars as pl

    text = pl.col(name)
    if dtype == pl.String:
        return text
    if dtype == pl.Boolean:
        return text.str.to_lowercase().replace_strict(
            {"true": True, "false": False}, default=None, return_dtype=pl.Boolean
        )
    if dtype == pl.Date:
        return text.str.to_date("%Y-%m-%d", strict=False)
    if dtype == pl.Datetime:
        return text.str.replace("T", " ").str.to_datetime(
            "%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="us"
        )
    return text.cast(dtype, strict=False)


def _check_values(csv: _Csv, types: "_Types") -> None:
    """Refuse a column whose values are not of the declared type, and show the first such value."""
    import polars as pl

    texts = csv.texts().with_row_index(" row")
    faults = []
    for name, dtype in types.items():
        wrong = texts.filter(pl.col(name).is_not_null() & _parse(name, dtype).is_null())
        for row, value in wrong.select(" row", name).head(1).collect().rows():
            faults.append(f"column {name!r} was {dtype}, row {row + 1} has {value!r}")
    if faults:
        fix = "correct the values, or train again on data of this kind"
        raise TableError(_place(csv.files), "; ".join(faults), fix)


def _is_ours(file: Path) -> bool:
    import polars as pl

    try:
        found = pl.read_parquet_metadata(file)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise explain(error, [file]) from error
    return _MARK.items() <= found.items()


def _parquet_to_parquet(files: list[Path], data: Path) -> None:
    """Write Parquet files as one with our blocks; categoricals become text, decimals become floats."""
    import polars as pl
    from polars import selectors

    try:
        schemas = [_parquet_schema(file) for file in files]
        for file, schema in zip(files[1:], schemas[1:], strict=True):
            check(schemas[0], schema, where=str(file))
        rows = pl.scan_parquet(list(files), glob=False, hive_partitioning=False)
        _write(
            rows.with_columns(
                selectors.categorical().cast(pl.String), selectors.decimal().cast(pl.Float64)
            ),
            data,
        )
    except (pl.exceptions.PolarsError, OSError) as error:
        raise explain(error, files) from error


def _parquet_schema(file: Path) -> Schema:
    import polars as pl

    return infer_schema([], dict(pl.scan_parquet(file, glob=False).collect_schema()), 0)


def _write(rows: "pl.LazyFrame", path: Path) -> None:
    """Stream rows, in order, to a Parquet file of whole blocks."""
    rows.sink_parquet(
        os.fspath(path),
        row_group_size=BLOCK_ROWS,
        compression="lz4",
        maintain_order=True,
        metadata=_MARK,
    )
