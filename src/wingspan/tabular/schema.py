"""Describe the columns of a table.

A schema is inferred when a table is read, stored with it, and checked before a model is applied.

Kinds: number, boolean, category (text of few values), text (of many), date, other (lists, times, bytes).
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal, Self

from wingspan.errors import NotFoundError, TableError

if TYPE_CHECKING:
    import polars as pl

_FEW = 20
"""Most different values of whole numbers that are classes; with more, they are amounts."""

_FIRST = 1000

Kind = Literal["number", "boolean", "category", "text", "date", "other"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    dtype
        The name of the polars data type.
    nullable
        Whether a value was missing, or not a number, anywhere.
    categories
        The distinct values of a category, sorted by their bytes; empty for every other kind.
    many_numbers
        Whether it is a number that has fractions, or more than 20 different values.
    """

    name: str
    kind: Kind
    dtype: str
    nullable: bool
    categories: tuple[str, ...] = ()
    many_numbers: bool = False

    @property
    def empty(self) -> bool:
        """Whether no value of it was seen, so that its kind is unknown."""
        return self.kind == "category" and not self.categories


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns of a table, in order."""

    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """Return one column; the error for a wrong name lists the close ones."""
        return self.columns[require_column(name, self.names)]

    def as_json(self) -> dict[str, Any]:
        """Return JSON-able values that `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Read what `as_json` gave, also after a way through JSON text."""
        columns = (Column(**column) for column in content["columns"])
        return cls(tuple(replace(c, categories=tuple(c.categories)) for c in columns))


def infer_schema(
    blocks: "Iterable[pl.DataFrame]", dtypes: "dict[str, pl.DataType]", max_categories: int
) -> Schema:
    """Return the schema of a table that comes in blocks.

    A text of more values than `max_categories` is not a category.
    """
    import polars as pl
    from polars import selectors

    nullable = dict.fromkeys(dtypes, False)
    seen: dict[str, set[str]] = {n: set() for n, d in dtypes.items() if d == pl.String}
    texts: set[str] = set()
    few: dict[str, set[float]] = {n: set() for n, d in dtypes.items() if d.is_numeric()}
    for block in blocks:
        missing = block.with_columns(selectors.float().fill_nan(None)).null_count()
        for name, count in zip(block.columns, missing.row(0), strict=True):
            nullable[name] = nullable[name] or count > 0
        for name in seen.keys() - texts:
            seen[name].update(block[name].drop_nulls().unique().to_list())
            if len(seen[name]) > max_categories:
                texts.add(name)
                seen[name].clear()
        for name in [name for name, values in few.items() if _add_numbers(block[name], values)]:
            del few[name]
    return Schema(
        tuple(
            Column(
                name,
                "text" if name in texts else kind_of(dtype),
                str(dtype),
                nullable[name],
                tuple(sorted(seen.get(name, ()), key=str.encode)),
                dtype.is_numeric() and name not in few,
            )
            for name, dtype in dtypes.items()
        )
    )


def _add_numbers(column: "pl.Series", seen: set[float]) -> bool:
    """Add the different values to those seen; return whether they are many, or have fractions."""
    for part in (column.head(_FIRST), column):
        values = part.drop_nulls()
        if values.dtype.is_float() and bool((values.drop_nans() % 1 != 0).any()):
            return True
        if values.n_unique() > _FEW:
            return True
    seen.update(column.drop_nulls().unique().to_list())
    return len(seen) > _FEW


def kind_of(dtype: "pl.DataType") -> Kind:
    """Return the kind of a polars data type; text counts as a category."""
    import polars as pl

    if dtype.is_numeric():
        return "number"
    if dtype == pl.Boolean:
        return "boolean"
    if dtype in (pl.String, pl.Null):
        return "category"
    return "date" if dtype in (pl.Date, pl.Datetime) else "other"


def check(
    expected: Schema,
    found: Schema,
    *,
    where: str = "table",
    optional: Sequence[str] = (),
    extra: bool = False,
) -> None:
    """Refuse missing, unexpected and changed columns, with all faults in one error.

    Parameters
    ----------
    where
        Names the table in the message.
    optional
        Columns that may be absent: the target, when predicting.
    extra
        Whether columns that are not expected are allowed.

    Raises
    ------
    TableError
        Columns differ. Another order, whole numbers in place of decimals, and new categories are allowed.
    """
    there = {column.name: column for column in found.columns}
    wanted = {column.name: column for column in expected.columns}
    unknown = [name for name in there if name not in wanted]
    faults = [
        f"column {name!r} is missing{_hint(name, unknown)}"
        for name in wanted
        if name not in there and name not in optional
    ]
    if not extra:
        faults += [f"column {name!r} is not expected" for name in unknown]
    faults += [
        f"column {name!r} was {column.kind} ({column.dtype}), now it is "
        f"{there[name].kind} ({there[name].dtype})"
        for name, column in wanted.items()
        if name in there and not _same_kind(column, there[name])
    ]
    if faults:
        needed = [name for name in expected.names if name not in optional]
        fix = f"bring the table to the columns {_listed(needed)}"
        raise TableError(where, "; ".join(faults), fix)


def require_column(name: str, names: Sequence[str]) -> int:
    """Return the position of a column; the error for a wrong name lists the close ones."""
    if name in names:
        return names.index(name)
    problem = f"not a column; there are {_listed(names)}"
    raise NotFoundError(f"column {name!r}", problem, _close(name, names))


def _same_kind(one: Column, other: Column) -> bool:
    textual = {"category", "text"}
    return one.kind == other.kind or one.empty or other.empty or {one.kind, other.kind} <= textual


def _hint(name: str, names: Sequence[str]) -> str:
    close = get_close_matches(name, names, n=1)
    return f" (is it {close[0]!r}?)" if close else ""


def _close(name: str, names: Sequence[str]) -> str:
    close = get_close_matches(name, names, n=3)
    return f"did you mean {' or '.join(map(repr, close))}?" if close else "give one of those"


def _listed(names: Sequence[str], limit: int = 30) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
