"""Describe how raw rows become numbers.

`prepare` makes a `Preparation`, `transform` uses it, and it is stored with the model.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from wingspan.errors import FormatError, SettingError
from wingspan.tabular.clean import Rules
from wingspan.tabular.labels import Task
from wingspan.tabular.schema import Schema

if TYPE_CHECKING:
    import polars as pl

Label = bool | int | float | str

ROW_FEATURE = "Unnamed: 0"
"""The row's position as a feature, called as pandas calls the index that its ``to_csv`` writes."""

_FORMAT = 2


@dataclass(frozen=True, slots=True)
class Treatment:
    """How columns are encoded and filled, rows weighted, and probabilities calibrated.

    Attributes
    ----------
    fill
        ``mean`` or ``median`` of the training rows, or a number.
    indicators
        Whether each number with missing values gets a feature that says where they are.
    balanced
        Whether each class weighs the same in training.
    weight
        A column of weights of the training rows.
    ordinal
        Categories whose values have an order: ``size=S<M<L``, or ``size`` alone where it is that of numbers or letters.
    texts
        Columns whose words are features, weighted by how rare they are (TF-IDF).
    means
        Categories that become the mean of the target, out of fold.
    calibration
        ``sigmoid`` or ``isotonic``: how probabilities are brought to what they say, by folds of the training rows.
    """

    fill: str | float = "mean"
    indicators: bool = False
    balanced: bool = False
    weight: str | None = None
    ordinal: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    calibration: str | None = None
    means: tuple[str, ...] = ()

    @property
    def orders(self) -> dict[str, tuple[str, ...]]:
        """The values of each ordinal column in order; empty where the values decide."""
        split = (each.partition("=") for each in self.ordinal)
        return {name: tuple(order.split("<")) if order else () for name, _, order in split}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Read it from JSON, where tuples are lists."""
        given: dict[str, Any] = {k: _plain(v) for k, v in content.items()}
        return cls(**given)

    def __post_init__(self) -> None:
        if isinstance(self.fill, str) and self.fill not in {"mean", "median"}:
            problem = f"expected mean, median or a number, found {self.fill!r}"
            raise SettingError("fill", problem, "give --fill median, or --fill 0")
        if self.calibration not in {None, "sigmoid", "isotonic"}:
            problem = f"expected sigmoid or isotonic, found {self.calibration!r}"
            raise SettingError("calibration", problem, "give --calibrate sigmoid")


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """A number or a boolean: itself, and `fill` where it is missing.

    Attributes
    ----------
    mean, deviation, missing
        Mean and standard deviation of the training rows, and how many have no value.
    indicator
        Whether a second feature is 1 where it is missing.
    """

    name: str
    fill: float
    mean: float = 0.0
    deviation: float = 0.0
    missing: int = 0
    indicator: bool = False

    @property
    def features(self) -> tuple[str, ...]:
        """The names of its features."""
        return (self.name, f"{self.name}_missing") if self.indicator else (self.name,)


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
    missing
        Training rows without a value.
    ordinal
        Whether it is one feature instead: the place of its value in `values`, from 0; -1 for a new or missing one.
    """

    name: str
    values: tuple[str, ...]
    folded: tuple[str, ...] | None = None
    missing: int = 0
    ordinal: bool = False

    @property
    def features(self) -> tuple[str, ...]:
        """The names of its features."""
        if self.ordinal:
            return (self.name,)
        rare = () if self.folded is None else (f"{self.name}_(rare)",)
        return tuple(f"{self.name}_{value}" for value in self.values[1:]) + rare


@dataclass(frozen=True, slots=True)
class TextColumn:
    """A text, with a feature for each of its commonest words.

    A word counts more if fewer training rows have it.

    Attributes
    ----------
    words
        Lower case, at least two letters or digits; sorted by their bytes.
    weights
        Weight of each word: 1 + ln((1 + rows) / (1 + rows that have it)). The features of a row have the length 1, or 0.
    """

    name: str
    words: tuple[str, ...]
    weights: tuple[float, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """The names of its features."""
        return tuple(f"{self.name}:{word}" for word in self.words)


@dataclass(frozen=True, slots=True)
class MeanColumn:
    """A category whose feature is the mean of the target over the training rows with its value.

    Attributes
    ----------
    values
        Sorted by their bytes.
    means, mean
        Smoothed mean of each value, and the mean of all rows, which new and missing values get.
    apart, apart_mean
        The same for each fold of the training rows, by the rows of the other folds.
    missing
        Training rows without a value.
    """

    name: str
    values: tuple[str, ...]
    means: tuple[float, ...]
    mean: float
    apart: tuple[tuple[float, ...], ...] = ()
    apart_mean: tuple[float, ...] = ()
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Preparation:
    """What raw rows need to become numbers, learned from the training part.

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
    task
        Whether the target is a class or a number.
    class_rows, test_class_rows
        Rows of each class in either part.
    center, scale
        Mean and standard deviation of the target of a regression, of the training rows.
    reading
        The marks in numbers, with which new rows are read too: `ReadOptions.marks_of`.
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
    task: Task = "classification"
    class_rows: tuple[int, ...] = ()
    test_class_rows: tuple[int, ...] = ()
    center: float = 0.0
    scale: float = 1.0
    reading: dict[str, Any] = field(default_factory=dict)
    treatment: Treatment = field(default_factory=Treatment)
    texts: tuple[TextColumn, ...] = ()
    means: tuple[MeanColumn, ...] = ()

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the F features, in order."""
        row = (ROW_FEATURE,) if self.compatibility else ()
        numbers = tuple(feature for column in self.numbers for feature in column.features)
        categories = tuple(feature for column in self.categories for feature in column.features)
        texts = tuple(feature for column in self.texts for feature in column.features)
        means = tuple(column.name for column in self.means)
        return row + numbers + categories + texts + means

    @property
    def inputs(self) -> tuple[str, ...]:
        """The raw columns that `transform` reads."""
        return tuple(name for name in self.schema.names if name != self.target)

    @property
    def for_new_rows(self) -> "Preparation":
        """The same without what only training rows need."""
        means = tuple(replace(each, apart=(), apart_mean=()) for each in self.means)
        return replace(self, means=means)

    def as_json(self) -> dict[str, Any]:
        """Return JSON-able values that `from_json` reads."""
        return {"format": _FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Read what `as_json` gave, also after a way through JSON text."""
        fields = dict(content)
        if (found := fields.pop("format", None)) not in {1, _FORMAT}:
            problem = f"expected format {_FORMAT}, found {found!r}"
            raise FormatError(
                "preparation", problem, "use the Wingspan that wrote it, or train again"
            )
        fields["schema"] = Schema.from_json(content["schema"])
        fields["rules"] = Rules.from_json(content["rules"])
        for name in ("classes", "class_rows", "test_class_rows"):
            fields[name] = tuple(content.get(name, ()))
        fields["treatment"] = Treatment.from_json(content.get("treatment", {}))
        fields["numbers"] = tuple(NumberColumn(**number) for number in content["numbers"])
        fields["categories"] = tuple(
            CategoryColumn(
                each["name"],
                tuple(each["values"]),
                _tuple(each["folded"]),
                each.get("missing", 0),
                each.get("ordinal", False),
            )
            for each in content["categories"]
        )
        fields["texts"] = tuple(
            TextColumn(each["name"], tuple(each["words"]), tuple(each["weights"]))
            for each in content.get("texts", ())
        )
        fields["means"] = tuple(
            MeanColumn(**{key: _plain(value) for key, value in each.items()})
            for each in content.get("means", ())
        )
        return cls(**fields)


def as_text(column: "pl.Series") -> "pl.Series":
    """Return a column as the text of its categories.

    Booleans are called True and False, as pandas does.
    """
    import polars as pl

    if column.dtype == pl.Boolean:
        names = {True: "True", False: "False"}
        return column.replace_strict(names, return_dtype=pl.String)
    return column.cast(pl.String)


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    return tuple(map(_plain, value)) if isinstance(value, list) else value


def _tuple(values: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)
