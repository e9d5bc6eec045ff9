"""Convert CSV files to a Parquet file of whole blocks, in one streaming pass.

Types come from a sample of the rows, and from all rows where the sample misled. Words for a missing value are only
looked for where they can stand.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from wingspan.errors import SettingError, TableError
from wingspan.tabular.blocks import BLOCK_ROWS, write_blocks
from wingspan.tabular.faults import check_headers, check_rows, explained, place_of, refuse_nul
from wingspan.tabular.schema import Schema

if TYPE_CHECKING:
    import polars as pl

    _Types = dict[str, pl.DataType]

NULL_VALUES = (
    *("", " ", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND"),
    *("1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
)
"""The words that pandas.read_csv takes for a missing value."""

_DELIMITERS = {"\\t": "\t", "tab": "\t", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|"}
"""Names of delimiters that shells and people write."""

_YEAR_FIRST = r"^\d{4}[-/]"
"""How a date begins whose day and month cannot be taken for one another."""

_SAMPLE_ROWS = 10_000
_DATE_ROWS = 100
"""Few: polars tries every date format on every text of the sample, 0.3 s for 10,000 rows."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    r"""How a CSV is read.

    Attributes
    ----------
    delimiter
        One character, or the name of one: ``\t``, tab, space, comma, semicolon, pipe.
    null_values
        The words that stand for a missing value, in every column.
    dates
        Whether columns of ISO dates and times become dates.
    max_categories
        A text column of more distinct values is not a category, and not a feature.
    decimal, thousands
        The marks in numbers: every text column all of whose values are such numbers becomes one.
    numbers
        Text columns that are numbers with a currency, a percent sign, or those marks.
    categories
        Columns of numbers that are codes, and are read as text.
    """

    delimiter: str = ","
    null_values: tuple[str, ...] = NULL_VALUES
    dates: bool = True
    max_categories: int = 1000
    decimal: str = "."
    thousands: str = ""
    numbers: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def marked(self) -> bool:
        """Whether columns are turned into numbers or texts after they are read."""
        marks = self.decimal != "." or self.thousands
        return bool(marks or self.numbers or self.categories)

    def marks_of(self) -> dict[str, Any]:
        """Return what must be read in the same way when new rows are predicted; JSON-able."""
        names = ("decimal", "thousands", "numbers", "categories")
        held = {name: getattr(self, name) for name in names} if self.marked else {}
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in held.items()
        }

    def with_marks(self, marks: Mapping[str, Any]) -> Self:
        """Return the same with the marks that a model was trained with."""
        given: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in marks.items()
        }
        return replace(self, **given)

    def __post_init__(self) -> None:
        named = _DELIMITERS.get(self.delimiter.lower(), self.delimiter)
        object.__setattr__(self, "delimiter", named)
        if len(self.delimiter.encode()) != 1:
            problem = f"expected one ASCII character, found {self.delimiter!r}"
            fix = "give the character between two values, for example ';' or '\\t'"
            raise SettingError("delimiter", problem, fix)
        if self.decimal == self.thousands or len(self.decimal) != 1 or len(self.thousands) > 1:
            problem = (
                f"expected two different characters, found {self.decimal!r} and {self.thousands!r}"
            )
            raise SettingError(
                "decimal and thousands", problem, "for example --decimal , --thousands ."
            )


@dataclass(frozen=True, slots=True)
class _Csv:
    """CSV files with one header.

    Attributes
    ----------
    names
        Names as Wingspan has them; polars calls a column without a name differently.
    """

    files: list[Path]
    options: ReadOptions
    names: list[str]

    def inferred(self, sample: int, *, dates: bool = False) -> "_Types":
        """Return the types that the first rows suggest."""
        dtypes = self._scan(None, sample=sample, dates=dates).collect_schema().dtypes()
        return dict(zip(self.names, dtypes, strict=True))

    def rows(self, types: "_Types", *, words: bool = True) -> "pl.LazyFrame":
        """Return the rows, each column read as its type.

        Parameters
        ----------
        words
            Whether a word may stand for a missing value also in columns that are not text. Looking for words in
            every field doubles the time.
        """
        import polars as pl
        from polars import selectors

        header = self._scan(None).collect_schema().names()
        schema = dict(zip(header, (types[name] for name in self.names), strict=True))
        rows = self._scan(schema, words=words).rename(dict(zip(header, self.names, strict=True)))
        if words:
            return rows
        text = selectors.string()
        word = text.is_in(list(self.options.null_values))
        return rows.with_columns(
            pl.when(~word).then(text).name.keep(), selectors.float().fill_nan(None)
        )

    def texts(self) -> "pl.LazyFrame":
        """Return the rows, each column read as text."""
        import polars as pl

        return self.rows(dict.fromkeys(self.names, pl.String()))

    def parsed(self, types: "_Types") -> "pl.LazyFrame":
        """Return the rows, read as text and then parsed, as `_exact_types` does."""
        return self.texts().select(_parse(name, dtype) for name, dtype in types.items())

    def _scan(
        self,
        schema: "_Types | None",
        *,
        sample: int = 0,
        dates: bool = False,
        words: bool = True,
    ) -> "pl.LazyFrame":
        import polars as pl

        return pl.scan_csv(
            list(self.files),
            separator=self.options.delimiter,
            schema=schema,
            infer_schema_length=sample,
            try_parse_dates=dates,
            null_values=list(self.options.null_values) if words else None,
            glob=False,
        )


def csv_to_parquet(
    files: list[Path], options: ReadOptions, data: Path, expected: Schema | None
) -> None:
    """Write CSV files as one Parquet file.

    Parameters
    ----------
    expected
        Declares the types of its columns.

    Raises
    ------
    TableError
        A file is not a CSV of this delimiter, or has values that are not of the declared type.
    """
    import polars as pl

    delimiter = options.delimiter
    csv = _Csv(files, options, check_headers(files, delimiter))
    with explained(files):
        try:
            types = _sampled_types(csv, expected)
            _write_rows(csv, types, data)
        except pl.exceptions.ComputeError:
            check_rows(files, delimiter, len(csv.names))
            types = _exact_types(csv, csv.names, expected)
            write_blocks(csv.parsed(types), data)
        if _holds_nul(data):
            refuse_nul(files)
        last = pl.scan_parquet(data).select(pl.last().null_count()).collect().item()
        if last and check_rows(files, delimiter, len(csv.names)):
            rows = csv.parsed(types)
            write_blocks(rows.filter(~pl.all_horizontal(pl.all().is_null())), data)


def open_csv(
    files: list[Path], options: ReadOptions, expected: Schema | None
) -> "tuple[_Types, pl.LazyFrame]":
    """Return the types that the first rows of CSV files suggest, and all rows read as those.

    Reading them raises a polars error for a value of another type.

    Raises
    ------
    TableError
        A file has a wrong header, or is not a CSV.
    """
    csv = _Csv(files, options, check_headers(files, options.delimiter))
    types = _sampled_types(csv, expected)
    return types, csv.rows(types, words=False)


def _holds_nul(data: Path) -> bool:
    """Return whether a text of a Parquet file holds the character NUL, which a number cannot."""
    import polars as pl
    from polars import selectors

    scan = pl.scan_parquet(data)
    texts = scan.select(selectors.string().str.contains("\0", literal=True).any())
    return any(texts.collect(engine="streaming").row(0)) if texts.collect_schema() else False


def _write_rows(csv: _Csv, types: "_Types", data: Path) -> None:
    import polars as pl

    try:
        write_blocks(csv.rows(types, words=False), data)
    except pl.exceptions.ComputeError:
        write_blocks(csv.rows(types), data)


def _sampled_types(csv: _Csv, expected: Schema | None) -> "_Types":
    """Return the types that the first rows suggest.

    A column that is empty in those rows gets its exact type.
    """
    import polars as pl

    types = {name: _stored(dtype) for name, dtype in csv.inferred(_SAMPLE_ROWS).items()}
    types |= {name: pl.String() for name in csv.options.categories if name in types}
    first = csv.texts().head(_SAMPLE_ROWS).collect()
    late = [name for name in csv.names if not first[name].count()]
    if csv.options.dates:
        texts = [name for name, dtype in types.items() if dtype == pl.String]
        found = csv.inferred(_DATE_ROWS, dates=True) if texts else {}
        for name in texts:
            values = first[name].head(_DATE_ROWS)
            if found[name] in (pl.Date, pl.Datetime) and values.str.contains(_YEAR_FIRST).all():
                types[name] = found[name]
            elif name not in (*csv.options.categories, *late) and not values.count():
                late.append(name)
    if late:
        types |= _exact_types(csv, late, None)
    return types | _declared_types(expected, types, csv.options)


def _stored(dtype: "pl.DataType") -> "pl.DataType":
    """Return the type to store: whole numbers beyond 64 bits are names, not amounts."""
    import polars as pl

    return pl.String() if dtype in (pl.Int128, pl.UInt128) else dtype


def _declared_types(expected: Schema | None, found: "_Types", options: ReadOptions) -> "_Types":
    """Return the declared types of columns.

    A whole number may have decimals now. Numbers with marks are read as text first.
    """
    import polars as pl

    marked = set(options.numbers)
    if options.decimal != "." or options.thousands:
        marked |= {
            column.name
            for column in (expected.columns if expected else ())
            if column.kind == "number"
        }

    declared: _Types = {}
    for column in expected.columns if expected else ():
        if column.name not in found or column.empty or column.name in marked:
            continue
        if column.kind in ("category", "text"):
            declared[column.name] = pl.String()
        elif column.kind == "boolean":
            declared[column.name] = pl.Boolean()
        elif column.kind == "number" and not found[column.name].is_numeric():
            declared[column.name] = pl.Float64()
    return declared


def _candidates() -> "tuple[pl.DataType, ...]":
    """Return the types that are tried, narrowest first; whole numbers beyond 64 bits stay text."""
    import polars as pl

    whole = pl.Int64(), pl.Int128()
    times = pl.Datetime("us"), pl.Datetime("us", "UTC")
    return *whole, pl.Float64(), pl.Boolean(), pl.Date(), *times


def _exact_types(csv: _Csv, columns: list[str], expected: Schema | None) -> "_Types":
    """Return the narrowest type that every value of some columns has, in one pass over all rows.

    Raises
    ------
    TableError
        A column has values that are not of the type `expected` declares.
    """
    import polars as pl

    tried = [dtype for dtype in _candidates() if csv.options.dates or not dtype.is_temporal()]
    fitting = dict.fromkeys(columns, tried)
    empty = set(columns)
    for texts in csv.texts().select(columns).collect_batches(chunk_size=BLOCK_ROWS):
        for name, candidates in fitting.items():
            fitting[name] = [dtype for dtype in candidates if _fits(texts, name, dtype)]
        empty -= {name for name in empty if texts[name].count()}
    types: _Types = {
        name: pl.String() if name in empty else _stored(next(iter(fits), pl.String()))
        for name, fits in fitting.items()
    }
    declared = _declared_types(expected, types, csv.options)
    _check_values(csv, declared)
    return types | declared


def _fits(texts: "pl.DataFrame", name: str, dtype: "pl.DataType") -> bool:
    parsed = texts.select(_parse(name, dtype)).to_series()
    return parsed.null_count() == texts[name].null_count()


def _parse(name: str, dtype: "pl.DataType") -> "pl.Expr":
    """Return a text column as a type, null where the text is not of this type."""
    import polars as pl

    text = pl.col(name)
    if dtype == pl.String:
        return text
    if dtype == pl.Boolean:
        return text.str.to_lowercase().replace_strict(
            {"true": True, "false": False}, default=None, return_dtype=pl.Boolean
        )
    if isinstance(dtype, pl.Date | pl.Datetime):
        return _parse_moment(text.str.replace_all("/", "-", literal=True), dtype)
    return text.cast(dtype, strict=False)


def _parse_moment(text: "pl.Expr", dtype: "pl.Date | pl.Datetime") -> "pl.Expr":
    """Return texts as dates or times; those with an offset become times of UTC."""
    import polars as pl

    if isinstance(dtype, pl.Date):
        return text.str.to_date("%Y-%m-%d", strict=False)
    text = text.str.replace(" ", "T", literal=True)
    how: dict[str, Any] = {"strict": False, "time_unit": "us"}
    if dtype.time_zone:
        return text.str.to_datetime("%+", time_zone="UTC", **how)
    forms = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M")
    return pl.coalesce(text.str.to_datetime(form, **how) for form in forms)


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
        raise TableError(place_of(csv.files), "; ".join(faults), fix)
