"""Clean raw rows by declared rules, and count what each rule changed.

A rule looks at one row, so that blocks can be cleaned one by one, and new rows as those of the training. What must be
learned (means, rare categories) is in `prepare`.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from wingspan.errors import SettingError, TableError
from wingspan.tabular.schema import Schema

if TYPE_CHECKING:
    import polars as pl

DatePart = Literal["year", "month", "day", "weekday", "hour"]


@dataclass(frozen=True, slots=True)
class TextRule:
    """Strip the white space around a text, and convert it to one case.

    A text that is only white space becomes missing.
    """

    column: str
    strip: bool = True
    case: Literal["lower", "upper"] | None = None


@dataclass(frozen=True, slots=True)
class RangeRule:
    """Handle a number outside of a range: make it missing, clip it, or drop its row.

    A row to predict is never dropped: there, the value is missing.
    """

    column: str
    low: float | None = None
    high: float | None = None
    action: Literal["null", "clip", "drop"] = "null"


@dataclass(frozen=True, slots=True)
class RatioRule:
    """A new column, `numerator` / `denominator`; missing where the denominator is 0."""

    name: str
    numerator: str
    denominator: str


@dataclass(frozen=True, slots=True)
class DateRule:
    """Replace a date by ``COLUMN_year`` and so on, and ``COLUMN_age_days``.

    Attributes
    ----------
    format
        Format of a text, as that of strptime; a text that does not fit is missing.
    age_at
        The ISO date at which the age is taken; it is fixed, so that a row gives the same age on any day.
    """

    column: str
    parts: tuple[DatePart, ...] = ()
    age_at: str | None = None
    format: str = "%Y-%m-%d"


@dataclass(frozen=True, slots=True)
class RareRule:
    """Fold the rare categories of the training part into one.

    A category is rare if it has fewer than `count` rows, or a smaller `share` of them.
    """

    column: str
    count: int = 0
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Rules:
    """What to do with raw columns, in the order of the attributes.

    The preparation applies `rare`, which must be learned.

    Attributes
    ----------
    infinities
        Whether an infinite number is an error or a missing value.
    missing_target
        Whether a row without a target is an error, or is left out.
    """

    text: tuple[TextRule, ...] = ()
    infinities: Literal["error", "null"] = "error"
    ranges: tuple[RangeRule, ...] = ()
    ratios: tuple[RatioRule, ...] = ()
    dates: tuple[DateRule, ...] = ()
    drop: tuple[str, ...] = ()
    rare: tuple[RareRule, ...] = ()
    missing_target: Literal["error", "drop"] = "error"

    @property
    def drops_rows(self) -> bool:
        """Whether rows may be dropped."""
        return self.missing_target == "drop" or any(rule.action == "drop" for rule in self.ranges)

    def as_json(self) -> dict[str, Any]:
        """Return JSON-able values that `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Read what `as_json` gave, or a person wrote; faults are reported together."""
        faults: list[str] = []
        _unknown(content, cls, "rules", faults)
        made: dict[str, Any] = {
            k: content[k] for k in ("infinities", "missing_target") if k in content
        }
        made["drop"] = tuple(content.get("drop", ()))
        for key, kind in _KINDS.items():
            rules = content.get(key, ())
            for rule in rules:
                _unknown(rule, kind, key, faults)
            if not faults:
                made[key] = tuple(kind(**_tuples(rule)) for rule in rules)
        if faults:
            raise SettingError("cleaning rules", "; ".join(faults), "correct the names")
        return cls(**made)


_KINDS: dict[str, Callable[..., Any]] = {
    "text": TextRule,
    "ranges": RangeRule,
    "ratios": RatioRule,
    "dates": DateRule,
    "rare": RareRule,
}


def _unknown(content: dict[str, Any], kind: Any, where: str, faults: list[str]) -> None:  # noqa: ANN401 - a dataclass
    known = [field.name for field in fields(kind)]
    for name in content:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            faults.append(f"{where} has no {name!r}" + (f" (is it {close[0]!r}?)" if close else ""))


def _tuples(rule: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in rule.items()}


class Cleaned(NamedTuple):
    """Clean rows.

    Attributes
    ----------
    frame
        All rows; those to drop are still there.
    keep
        Which rows are not to be dropped, (N,).
    counts
        Number of values, or of rows, that each rule changed.
    """

    frame: "pl.DataFrame"
    keep: NDArray[np.bool_]
    counts: dict[str, int]


def clean(frame: "pl.DataFrame", rules: Rules, *, predicting: bool = False) -> Cleaned:
    """Apply the rules to raw rows.

    Parameters
    ----------
    predicting
        Drop no row: a value that would drop its row is missing instead.

    Raises
    ------
    TableError
        A number is infinite and `rules.infinities` is "error".
    """
    counts: dict[str, int] = {}
    keep = np.ones(len(frame), np.bool_)
    for text in rules.text:
        frame = _apply_text(frame, text, counts)
    frame = _apply_infinities(frame, rules.infinities, counts)
    for limits in rules.ranges:
        frame, within = _apply_range(frame, limits, counts, predicting=predicting)
        keep &= within
    for ratio in rules.ratios:
        frame = _apply_ratio(frame, ratio, counts)
    for date in rules.dates:
        frame = _apply_date(frame, date, counts)
    keep.flags.writeable = False
    return Cleaned(frame.drop(rules.drop, strict=False), keep, counts)


def is_missing(column: "pl.Series") -> NDArray[np.bool_]:
    """Return which values are missing, or not a number, (N,)."""
    missing = column.is_null()
    if column.dtype.is_float():
        missing |= column.is_nan().fill_null(value=False)
    return missing.to_numpy()


def add_counts(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    """Return the sums of counts by name."""
    return {name: one.get(name, 0) + other.get(name, 0) for name in [*one, *other]}


def _apply_text(frame: "pl.DataFrame", rule: TextRule, counts: dict[str, int]) -> "pl.DataFrame":
    import polars as pl

    raw = frame[rule.column].cast(pl.String)
    text = raw.str.strip_chars() if rule.strip else raw
    if rule.case:
        text = text.str.to_lowercase() if rule.case == "lower" else text.str.to_uppercase()
    if rule.strip:
        text = text.replace({"": None})
    counts[f"{rule.column}: text changed"] = int(text.ne_missing(raw).sum())
    return frame.with_columns(text)


def _apply_infinities(
    frame: "pl.DataFrame", action: Literal["error", "null"], counts: dict[str, int]
) -> "pl.DataFrame":
    import polars as pl
    from polars import selectors

    infinite = frame.select(selectors.float().is_infinite().sum())
    found = {column.name: int(column[0]) for column in infinite if column[0]}
    if not found:
        return frame
    if action == "error":
        places = (
            f"column {name!r} has {frame[name].filter(frame[name].is_infinite())[0]}"
            for name in found
        )
        fix = 'correct them, or take them as missing: --rules FILE with {"infinities": "null"}'
        raise TableError("infinite numbers", "; ".join(places), fix)
    counts.update({f"{name}: infinite, made missing": count for name, count in found.items()})
    columns = pl.col(list(found))
    return frame.with_columns(pl.when(columns.is_finite()).then(columns).name.keep())


def _apply_range(
    frame: "pl.DataFrame", rule: RangeRule, counts: dict[str, int], *, predicting: bool
) -> tuple["pl.DataFrame", NDArray[np.bool_]]:
    import polars as pl

    values = frame[rule.column]
    outside = pl.Series(np.zeros(len(values), np.bool_))
    if rule.low is not None:
        outside |= (values < rule.low).fill_null(value=False)
    if rule.high is not None:
        outside |= ((values > rule.high) & values.is_not_nan()).fill_null(value=False)
    action = "null" if predicting and rule.action == "drop" else rule.action
    done = {"null": "made missing", "clip": "clipped", "drop": "row dropped"}[action]
    counts[f"{rule.column}: out of range, {done}"] = int(outside.sum())
    within = np.ones(len(values), np.bool_)
    if action == "drop":
        return frame, ~outside.to_numpy()
    if action == "clip":
        return frame.with_columns(values.cast(pl.Float64).clip(rule.low, rule.high)), within
    kept = pl.when(~outside).then(values).alias(rule.column)
    return frame.with_columns(kept), within


def _apply_ratio(frame: "pl.DataFrame", rule: RatioRule, counts: dict[str, int]) -> "pl.DataFrame":
    import polars as pl

    ratio = frame[rule.numerator].cast(pl.Float64) / frame[rule.denominator].cast(pl.Float64)
    undefined = ratio.is_infinite() | ratio.is_nan()
    counts[f"{rule.name}: denominator 0, made missing"] = int(undefined.sum())
    return frame.with_columns(pl.when(~undefined).then(ratio).alias(rule.name))


def _apply_date(frame: "pl.DataFrame", rule: DateRule, counts: dict[str, int]) -> "pl.DataFrame":
    import polars as pl

    raw = frame[rule.column]
    if raw.dtype in (pl.Date, pl.Datetime):
        dates = raw.cast(pl.Datetime("us"))
    else:
        dates = raw.cast(pl.String).str.to_datetime(rule.format, strict=False, time_unit="us")
    unread = int(dates.null_count()) - int(raw.null_count())
    if unread or not raw.dtype.is_temporal():
        counts[f"{rule.column}: not a date, made missing"] = unread
    made = [getattr(dates.dt, part)().alias(f"{rule.column}_{part}") for part in rule.parts]
    if rule.age_at is not None:
        at = pl.Series([rule.age_at]).str.to_datetime("%Y-%m-%d", time_unit="us")[0]
        days = (pl.lit(at) - pl.col(rule.column)).dt.total_days()
        made.append(dates.to_frame().select(days).to_series().alias(f"{rule.column}_age_days"))
    return frame.with_columns(made).drop(rule.column)


def check_rules(rules: Rules, schema: Schema, target: str | None = None) -> None:
    """Refuse rules that do not fit the columns, with all faults in one error.

    A rule may not name an absent column, change the target, or use a column of the wrong kind.

    Raises
    ------
    SettingError
        A rule does not fit; the message lists close names.
    """
    kinds = {column.name: column.kind for column in schema.columns}
    faults: list[str] = []
    made = {ratio.name for ratio in rules.ratios}
    for rule, column, allowed in _uses(rules):
        if column == target:
            faults.append(f"{rule} would change the target {column!r}")
        elif column not in kinds and not (column in made and rule == "drop"):
            close = get_close_matches(column, kinds, n=1)
            hint = f" (is it {close[0]!r}?)" if close else ""
            faults.append(f"{rule}: there is no column {column!r}{hint}")
        elif allowed and kinds.get(column) not in allowed:
            faults.append(
                f"{rule}: column {column!r} is {kinds[column]}, not {' or '.join(allowed)}"
            )
    faults += [
        f"ratio: column {ratio.name!r} is already there"
        for ratio in rules.ratios
        if ratio.name in kinds
    ]
    if faults:
        raise SettingError("cleaning rules", "; ".join(faults), "correct the rules")


def _uses(rules: Rules) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return (rule, column it uses, kinds it may have) of every rule."""
    number, text, dated = ("number",), ("category", "text"), ("date", "category", "text", "number")
    return [
        *(("text", rule.column, text) for rule in rules.text),
        *(("range", rule.column, number) for rule in rules.ranges),
        *(("ratio", rule.numerator, number) for rule in rules.ratios),
        *(("ratio", rule.denominator, number) for rule in rules.ratios),
        *(("date", rule.column, dated) for rule in rules.dates),
        *(("drop", column, ()) for column in rules.drop),
        *(("rare", rule.column, ("category",)) for rule in rules.rare),
    ]
