"""Compare new rows with the training rows.

Findings are missing values, empty columns, means that moved, and new categories.

`Seen` is counted block by block and adds up, so that no number of shards changes the findings.
"""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from wingspan.shown import counted
from wingspan.tabular.findings import Finding
from wingspan.tabular.preparation import (
    CategoryColumn,
    MeanColumn,
    NumberColumn,
    Preparation,
    as_text,
)

if TYPE_CHECKING:
    import polars as pl

_MOVED = 0.5
"""Standard deviations of the training by which a mean must move to be worth a look."""

_SURE = 6.0
"""Standard errors by which it must move as well."""

_UNSEEN = 0.01
_MISSING = 0.05
_FEW = 10


@dataclass(frozen=True, slots=True)
class Seen:
    """What the columns of new rows hold.

    Attributes
    ----------
    missing
        Rows without a value, by column.
    totals
        Sum of the values in each block, by number.
    """

    rows: int = 0
    missing: dict[str, int] = field(default_factory=dict)
    totals: dict[str, list[float]] = field(default_factory=dict)

    def __add__(self, other: Self) -> "Seen":
        names = dict.fromkeys([*self.missing, *other.missing])
        missing = {name: self.missing.get(name, 0) + other.missing.get(name, 0) for name in names}
        numbers = dict.fromkeys([*self.totals, *other.totals])
        totals = {
            name: [*self.totals.get(name, ()), *other.totals.get(name, ())] for name in numbers
        }
        return Seen(self.rows + other.rows, missing, totals)


def seen_in(preparation: Preparation, cleaned: "pl.DataFrame") -> Seen:
    """Count one block of cleaned rows."""
    import polars as pl

    numbers = [number.name for number in preparation.numbers]
    values = cleaned.select(pl.col(numbers).cast(pl.Float64).fill_nan(None))
    missing = values.null_count().row(0, named=True)
    totals = {name: [float(total)] for name, total in values.sum().row(0, named=True).items()}
    for category in _categories(preparation):
        missing[category.name] = as_text(cleaned[category.name]).null_count()
    return Seen(len(cleaned), missing, totals)


def _categories(preparation: Preparation) -> list[CategoryColumn | MeanColumn]:
    return [*preparation.categories, *preparation.means]


def compare(preparation: Preparation, seen: Seen, unseen: dict[str, int]) -> list[Finding]:
    """Return where new rows differ from the training rows.

    Parameters
    ----------
    unseen
        Rows with a value that training did not have, by category.
    """
    findings: list[Finding] = []
    if not seen.rows:
        return findings
    for number in preparation.numbers:
        findings += _of_missing(number, seen, preparation.training_rows)
        findings += _of_mean(number, seen, preparation.training_rows)
    for category in _categories(preparation):
        findings += _of_missing(category, seen, preparation.training_rows)
        count = unseen.get(category.name, 0)
        if count > _UNSEEN * seen.rows:
            what = f"{count:,} of {seen.rows:,} rows ({count / seen.rows:.0%}) have a value that training did not see"
            fix = "correct the values, or train again with rows that have them"
            findings.append(_about("unseen", category.name, what, fix))
    return findings


def _of_missing(
    column: NumberColumn | CategoryColumn | MeanColumn, seen: Seen, training: int
) -> list[Finding]:
    """Return whether a column is empty, or misses more values than it did in training."""
    count = seen.missing.get(column.name, 0)
    share, before = count / seen.rows, column.missing / max(training, 1)
    if count == seen.rows:
        fix = "fill it, or train without it: --drop"
        return [
            _about(
                "empty",
                column.name,
                f"no new row has a value, {1 - before:.0%} of training rows have",
                fix,
            )
        ]
    if count >= _FEW and share > 2 * before + _MISSING:
        what = f"{count:,} of {seen.rows:,} rows ({share:.0%}) have no value, in training {before:.0%} had none"
        return [_about("missing", column.name, what, "fill them, or train again with such rows")]
    return []


def _of_mean(number: NumberColumn, seen: Seen, training: int) -> list[Finding]:
    """Return whether the mean has moved further than chance explains."""
    count = seen.rows - seen.missing[number.name]
    if not count or not number.deviation or training < 2:
        return []
    mean = math.fsum(seen.totals[number.name]) / count
    away = abs(mean - number.mean) / number.deviation
    sure = away / math.sqrt(1 / count + 1 / training)
    if away <= _MOVED or sure <= _SURE:
        return []
    what = (
        f"the mean is {mean:.4g} in {counted(count, 'row')}, in training it was {number.mean:.4g}"
    )
    fix = "check the units, or train again with newer rows"
    return [_about("drift", number.name, what, fix)]


def _about(code: str, column: str, what: str, fix: str) -> Finding:
    return Finding(code, column, f"column `{column}`: {what}", fix)
