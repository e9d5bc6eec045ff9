"""`Preparation`: all that raw rows need to become numbers. Made by `prepare`, used by `transform`, stored with the model."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from wingspan.errors import FormatError
from wingspan.tabular.clean import Rules
from wingspan.tabular.schema import Schema

if TYPE_CHECKING:
    import polars as pl

Label = bool | int | float | str

ROW_FEATURE = "Unnamed: 0"
"""The row's position as a feature, called as pandas calls the index that its ``to_csv`` writes."""

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """A number or a boolean: itself, and `fill`, the mean, where it is missing."""

    name: str
    fill: float


@dataclass(frozen=True, slots=True)
class CategoryColumn:
    """A category: a feature of 0 and 1 for each value but the first.

    Attributes
    ----------
    values
        Sorted by their bytes.
    folded
        Values too rare for a feature of their own; they have one together, and so have new values. None without a
        rule: then a new value, like a missing one, has 0 everywhere, as the first.
    """

    name: str
    values: tuple[str, ...]
    folded: tuple[str, ...] | None = None

    @property
    def features(self) -> tuple[str, ...]:
        """The names of its features."""
        rare = () if self.folded is None else (f"{self.name}_(rare)",)
        return tuple(f"{self.name}_{value}" for value in self.values[1:]) + rare


@dataclass(frozen=True, slots=True)
class Preparation:
    """What was learned from the training part.

    Attributes
    ----------
    schema
        The raw columns that are used, and the target: what to `check` a new table against.
    classes
        Labels of class numbers 0 ... C-1, sorted.
    compatibility
        Whether it was learned from all rows and has the row's position as first feature.
    ignored
        Columns that are not used, and why.
    counts
        What the cleaning rules changed, in all rows.
    training_rows, test_rows
        Rows of each part, without those that a rule drops.
    """

    schema: Schema
    target: str
    classes: tuple[Label, ...]
    numbers: tuple[NumberColumn, ...]
    categories: tuple[CategoryColumn, ...]
    rules: Rules
    compatibility: bool
    ignored: dict[str, str]
    counts: dict[str, int]
    training_rows: int
    test_rows: int

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the F features, in order."""
        row = (ROW_FEATURE,) if self.compatibility else ()
        numbers = tuple(column.name for column in self.numbers)
        return row + numbers + tuple(f for c in self.categories for f in c.features)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The raw columns that `transform` reads."""
        return tuple(name for name in self.schema.names if name != self.target)

    def as_json(self) -> dict[str, Any]:
        """Return JSON-able values that `from_json` reads."""
        return {"format": _FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Read what `as_json` gave, also after a way through JSON text."""
        fields = dict(content)
        if (found := fields.pop("format", None)) != _FORMAT:
            problem = f"expected format {_FORMAT}, found {found!r}"
            raise FormatError(
                "preparation", problem, "use the Wingspan that wrote it, or train again"
            )
        fields["schema"] = Schema.from_json(content["schema"])
        fields["rules"] = Rules.from_json(content["rules"])
        fields["classes"] = tuple(content["classes"])
        fields["numbers"] = tuple(NumberColumn(**number) for number in content["numbers"])
        fields["categories"] = tuple(
            CategoryColumn(c["name"], tuple(c["values"]), _tuple(c["folded"]))
            for c in content["categories"]
        )
        return cls(**fields)


def as_text(column: "pl.Series") -> "pl.Series":
    """Return a column as the text of its categories; booleans are called True and False, as pandas does."""
    import polars as pl

    if column.dtype == pl.Boolean:
        names = {True: "True", False: "False"}
        return column.replace_strict(names, return_dtype=pl.String)
    return column.cast(pl.String)


def _tuple(values: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)
