"""Look at a table before models of it are trained.

The survey says what each column is, how it is used, and what is odd.

Missing values are counted in all rows; the rest is looked at in the first blocks, so that memory stays bounded.
"""

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from wingspan.shown import counted
from wingspan.tabular.blocks import Table, iter_blocks
from wingspan.tabular.findings import (
    ColumnFacts,
    Finding,
    of_column,
    of_dates,
    of_duplicates,
    of_groups,
    of_leak,
    of_parts,
    of_target,
)
from wingspan.tabular.leaks import alone, target_values
from wingspan.tabular.preparation import Preparation
from wingspan.tabular.split import SplitRule, assign, test_mask, train_mask

if TYPE_CHECKING:
    import polars as pl

_BLOCKS = 2
_TEXTS = 2_000
_TEXTUAL = ("category", "text")
_LEAK_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Survey:
    """What the columns of a table are and how they are used, with the warnings."""

    rows: int
    columns: list[ColumnFacts] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def against(self) -> list[Finding]:
        """Findings that keep a model from being deployed."""
        return [finding for finding in self.findings if finding.blocks]

    def as_json(self) -> dict[str, Any]:
        """Return JSON-able values that `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Read what `as_json` gave."""
        columns = [ColumnFacts(**each) for each in content["columns"]]
        return cls(content["rows"], columns, [Finding(**each) for each in content["findings"]])


def survey(table: Table, split: SplitRule, preparation: Preparation) -> Survey:
    """Look at the columns, the parts and the target of a table."""
    import polars as pl

    frame = pl.concat(iter_blocks(table, blocks=table.blocks[:_BLOCKS]))
    missing = _missing(table)
    columns = [
        _facts(frame[name], missing[name], table, preparation, split) for name in frame.columns
    ]
    findings = of_groups(split.column, missing)
    for facts in columns:
        if facts.name == preparation.target:
            left_out = preparation.counts.get(f"{facts.name}: target missing, row left out", 0)
            findings += of_target(facts, preparation.task, left_out, preparation.classes)
        elif not facts.used.startswith("dropped"):
            values = _some_values(frame[facts.name])
            findings += of_column(facts, len(frame), values if facts.kind in _TEXTUAL else ())
            findings += of_dates(facts, values, table.schema.column(facts.name).dtype)
    odd = {finding.column for finding in findings if finding.code in {"id", "constant"}}
    findings += _leaks(frame, table, split, preparation, odd)
    sizes = (preparation.class_rows, preparation.test_class_rows, preparation.test_rows)
    findings += of_parts(preparation.classes, *sizes)
    findings += _duplicates(frame, table, split, preparation, odd)
    return Survey(table.rows, columns, findings)


def _some_values(column: "pl.Series") -> list[Any]:
    """Return different values of a text, or of whole numbers; none of another column."""
    import polars as pl

    if column.dtype != pl.String and not column.dtype.is_integer():
        return []
    return column.drop_nulls().unique(maintain_order=True).head(_TEXTS).to_list()


def _missing(table: Table) -> dict[str, int]:
    """Return the missing values of each column in the whole table, NaN included."""
    import polars as pl
    from polars import selectors

    scan = pl.scan_parquet(table.data).with_columns(selectors.float().fill_nan(None))
    counts: dict[str, int] = scan.null_count().collect().row(0, named=True)
    return counts


def _facts(
    column: "pl.Series", missing: int, table: Table, preparation: Preparation, split: SplitRule
) -> ColumnFacts:
    name = column.name
    kind = table.schema.column(name).kind
    known = column.drop_nulls()
    known = known.drop_nans() if known.dtype.is_float() else known
    distinct = known.n_unique() if kind != "other" else 0
    whole = known.dtype.is_integer() or bool(known.dtype.is_float() and (known % 1 == 0).all())
    dense = bool(whole and distinct and int(known.max()) - int(known.min()) < 1.1 * distinct)  # type: ignore[arg-type]
    return ColumnFacts(name, kind, missing, distinct, _used(name, preparation, split), whole, dense)


def _used(name: str, preparation: Preparation, split: SplitRule) -> str:
    """Return what a column is used as, or why it is left out."""
    for_rows = {
        preparation.target: "target",
        split.column: "dropped: its groups are kept together",
        preparation.treatment.weight: "dropped: the weights of rows",
    }
    if name in for_rows or name in preparation.ignored:
        return for_rows.get(name) or preparation.ignored[name]
    used = {number.name: "number" for number in preparation.numbers}
    for category in preparation.categories:
        values = len(category.values) + len(category.folded or ())
        used[category.name] = f"{'order' if category.ordinal else 'category'} of {values:,}"
    used |= {text.name: counted(len(text.words), "word") for text in preparation.texts}
    used |= {mean.name: f"target mean of {len(mean.values):,}" for mean in preparation.means}
    for rule in preparation.rules.dates:
        age = [f"age at {rule.age_at}"] if rule.age_at else []
        used.setdefault(rule.column, ", ".join([*rule.parts, *age]) or "used by a rule")
    return used.get(name, "used by a rule")


def _leaks(
    frame: "pl.DataFrame",
    table: Table,
    split: SplitRule,
    preparation: Preparation,
    odd: set[str | None],
) -> list[Finding]:
    """Return the features that alone give the target, by rows of the training part."""
    import polars as pl

    mask = _mask(frame, table, split, test=False)
    rows = frame.filter(pl.Series(mask)).drop_nulls([preparation.target]).head(_LEAK_ROWS)
    target = rows[preparation.target]
    if target.n_unique() < 2 or len(rows) < 40:
        return []
    found, y = [], target_values(target, preparation.task)
    used = [*(n.name for n in preparation.numbers), *(c.name for c in preparation.categories)]
    for name in used:
        if name in rows.columns and name not in odd:
            found += of_leak(name, alone(rows[name], y, preparation.task))
    return found


def _mask(
    frame: "pl.DataFrame", table: Table, split: SplitRule, *, test: bool
) -> NDArray[np.bool_]:
    """Return which rows of the first blocks are for the test, or for training."""
    from wingspan.tabular.blocks import BLOCK_ROWS

    assignment = assign(table, split)
    chosen = test_mask if test else train_mask
    pieces = [
        chosen(assignment, block, frame.slice(block * BLOCK_ROWS, BLOCK_ROWS))
        for block in range(-(-len(frame) // BLOCK_ROWS))
    ]
    return np.concatenate(pieces)


def _duplicates(
    frame: "pl.DataFrame",
    table: Table,
    split: SplitRule,
    preparation: Preparation,
    odd: set[str | None],
) -> list[Finding]:
    """Return whether test rows are among the training rows, more than chance explains."""
    import polars as pl

    names = [name for name in preparation.schema.names if name not in odd]
    if len(names) < 2:
        return []
    test = pl.Series(_mask(frame, table, split, test=True))
    training = pl.Series(_mask(frame, table, split, test=False))
    rows = frame.select(names).hash_rows(seed=0)
    tested, learned = rows.filter(test), rows.filter(training)
    twins = int(tested.is_in(learned.unique().implode()).sum())
    if not twins:
        return []
    chance = float(np.prod([_collision(frame[name]) for name in names]))
    return of_duplicates(twins, chance * len(learned) * len(tested), len(tested))


def _collision(column: "pl.Series") -> float:
    """Return how likely two rows have one value in a column."""
    counts = column.value_counts()["count"].to_numpy().astype(np.float64)
    return float(((counts / counts.sum()) ** 2).sum())
