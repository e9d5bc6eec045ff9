"""Warn of what is odd in a table, each with the option that changes it.

A finding is made of facts alone: what a column holds, how the rows are divided, how well a column alone predicts.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from wingspan.shown import counted
from wingspan.tabular.date_texts import compact_dates, date_rule, dates_in
from wingspan.tabular.leaks import Alone
from wingspan.tabular.number_texts import numbers_in

SMALL_TEST = 30
SMALL_CLASS = 10
LEAK = 0.99
"""Share of the target that a column must explain alone to be taken for a leak."""

_ID_NAME = re.compile(
    r"(^|[_\W])(id|ids|key|uuid|guid|index|idx|nr|no|number|row|rowid|rownum)([_\W]|$)|Id$|ID$|^Unnamed: \d+$",
    re.IGNORECASE,
)
_LISTED = 5
_YES = frozenset({"yes", "y", "true", "t", "1", "1.0"})
_NO = frozenset({"no", "n", "false", "f", "0", "0.0"})


@dataclass(frozen=True, slots=True)
class Finding:
    """Something odd about a table.

    Attributes
    ----------
    code
        Its kind, for programs.
    fix
        The option that changes it.
    blocks
        Whether a model is not deployed because of it.
    """

    code: str
    column: str | None
    message: str
    fix: str
    blocks: bool = False

    def __str__(self) -> str:
        return f"{self.message} -> {self.fix}"

    def as_json(self) -> dict[str, Any]:
        """Return JSON-able values that `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Read what `as_json` gave."""
        return cls(**content)


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """What a column holds, and how it is used.

    Attributes
    ----------
    missing
        Rows without a value, of the whole table.
    distinct
        Different values among the rows that were looked at.
    used
        ``target``, ``number``, ``category of 4``, or why it is left out.
    whole
        Whether it holds whole numbers.
    dense
        Whether these follow one another with few gaps, as counters do.
    """

    name: str
    kind: str
    missing: int
    distinct: int
    used: str
    whole: bool = False
    dense: bool = False


def of_column(facts: ColumnFacts, rows: int, texts: Collection[str] = ()) -> list[Finding]:
    """Return what is odd about one column that is not the target.

    Parameters
    ----------
    rows
        Rows that were looked at.
    texts
        Different values of a text.
    """
    column = facts.name
    found = []
    if texts and (marks := numbers_in(texts)):
        what, fix = marks
        found.append(_about("numbers_as_text", column, what, fix.replace("{}", _quoted(column))))
    elif texts and (dates := dates_in(column, texts)):
        found.append(_about("dates_as_text", column, *dates))
    if facts.distinct <= 1 and facts.kind != "other":
        what = "is empty" if not facts.distinct else "has one value in all rows"
        if facts.distinct and facts.missing:
            what = f"has one value, and none in {counted(facts.missing, 'row')}"
        found.append(_about("constant", column, what, f"leave it out: --drop {_quoted(column)}"))
    elif not found and _is_id(facts, rows):
        what = f"has another value in each of {rows:,} rows, as an id has"
        found.append(_about("id", column, what, f"leave it out: --drop {_quoted(column)}"))
    if texts and (both := spellings(texts)):
        what = f"has values that differ only in white space or case: {both[0]!r} and {both[1]!r}"
        rule = json.dumps({"text": [{"column": column, "case": "lower"}]}, ensure_ascii=False)
        found.append(_about("spellings", column, what, f"make them one: --rules FILE with {rule}"))
    elif texts and (both := answers(texts)):
        what = f"has values that mean the same: {both[0]!r} and {both[1]!r}"
        found.append(_about("spellings", column, what, "write them in one way in the table"))
    return found


def spellings(texts: Collection[str]) -> tuple[str, str] | None:
    """Return two texts that differ only in white space or case, if there are any."""
    seen: dict[str, str] = {}
    for text in sorted(texts):
        plain = " ".join(text.split()).casefold()
        if seen.setdefault(plain, text) != text:
            return seen[plain], text
    return None


def answers(texts: Collection[str]) -> tuple[str, str] | None:
    """Return two words of the same answer, yes or no, if a column has no other words."""
    plain = {text.strip().casefold() for text in texts}
    if len(plain) < 3 or not plain <= _YES | _NO:
        return None
    for words in (sorted(plain & _YES), sorted(plain & _NO)):
        if len(words) > 1:
            return words[0], words[1]
    return None


def of_target(
    facts: ColumnFacts, task: str, left_out: int, classes: Sequence[object] = ()
) -> list[Finding]:
    """Return what is odd about the target."""
    found = []
    texts = [label for label in classes if isinstance(label, str)]
    one_way = "write them in one way in the table"
    if both := spellings(texts):
        what = f"has classes that differ only in white space or case: {both[0]!r} and {both[1]!r}"
        found.append(_about("spellings", facts.name, what, one_way))
    elif both := answers(texts):
        what = f"has classes that mean the same: {both[0]!r} and {both[1]!r}"
        found.append(_about("spellings", facts.name, what, one_way))
    if marks := numbers_in(texts):
        what = f"{marks[0]}, so each is a class"
        found.append(
            _about("numbers_as_text", facts.name, what, marks[1].replace("{}", _quoted(facts.name)))
        )
    if task == "regression" and facts.whole:
        what = f"has {facts.distinct:,} different whole numbers, and is taken as an amount"
        found.append(
            _about("whole_target", facts.name, what, "take them as classes: --task classification")
        )
    if left_out:
        what = f"is missing in {counted(left_out, 'row')}, left out"
        found.append(
            _about("missing_target", facts.name, what, "fill it, or keep --drop-missing-target")
        )
    return found


def _is_id(facts: ColumnFacts, rows: int) -> bool:
    """Return whether a column only identifies rows, by its values and its name or counting."""
    if rows < 20 or facts.distinct + min(facts.missing, rows) < rows or facts.distinct < 0.9 * rows:
        return False
    if facts.kind in {"category", "text"}:
        return True
    return facts.whole and (facts.dense or bool(_ID_NAME.search(facts.name)))


def of_groups(column: str | None, missing: Mapping[str, int]) -> list[Finding]:
    """Return whether rows without a group are kept together, as if they were one."""
    if column is None or not missing[column]:
        return []
    what = (
        f"has no group in {counted(missing[column], 'row')}, which are kept together as one group"
    )
    return [_about("missing_group", column, what, "fill it, or leave out --group")]


def of_leak(column: str, found: Alone) -> list[Finding]:
    """Return whether a column alone gives the target."""
    if found.sure < LEAK:
        return []
    what = f"alone gives the target ({found.measure} {found.value:.3f}): is it known before the target is?"
    return [_about("leak", column, what, f"if not, leave it out: --drop {_quoted(column)}")]


def of_parts(
    classes: Sequence[object], training: Sequence[int], test: Sequence[int], test_rows: int
) -> list[Finding]:
    """Return what is odd about the sizes of the parts and the classes in them."""
    found = []
    if test_rows < SMALL_TEST:
        what = f"the test part has {counted(test_rows, 'row')}, too few to judge a model by"
        found.append(
            Finding(
                "small_test", None, what, "give more rows, or a larger --test-size", blocks=True
            )
        )
    sizes = dict(zip(classes, zip(training, test, strict=True), strict=True))
    absent = {label: 0 for label, (learned, tested) in sizes.items() if not tested}
    small = {label: tested for label, (_, tested) in sizes.items() if 0 < tested < SMALL_CLASS}
    rare = {label: learned for label, (learned, _) in sizes.items() if learned < SMALL_CLASS}
    fix = "keep the shares of the classes: --stratify, or give more rows of it"
    found += _of_classes("absent_class", absent, "no test row is of", "", fix)
    fix = "give more rows, or a larger --test-size"
    found += _of_classes("small_class", small, "test rows of", ", too few to judge it by", fix)
    fix = "give more rows of it, or join it with another class"
    found += _of_classes("rare_class", rare, "training rows of", ", too few to learn it from", fix)
    return found


def _of_classes(
    code: str, rows: Mapping[object, int], what: str, why: str, fix: str
) -> list[Finding]:
    """Return a finding for each class, or one for all where they are many."""
    blocks = code != "rare_class"
    if len(rows) > _LISTED:
        some = ", ".join(f"{label!r}: {count:,}" for label, count in list(rows.items())[:_LISTED])
        message = f"{what} {len(rows):,} classes, such as {some}{why.replace(' it ', ' them ')}"
        return [Finding(code, None, message, fix, blocks=blocks)]
    return [
        Finding(
            code,
            None,
            f"{what} class {label!r}" + (f": {count:,}{why}" if why else ""),
            fix,
            blocks=blocks,
        )
        for label, count in rows.items()
    ]


def of_duplicates(twins: int, expected: float, test_rows: int) -> list[Finding]:
    """Return whether more test rows equal training rows than chance explains."""
    if twins < 5 or twins < 0.01 * test_rows or twins < 10 * expected:
        return []
    what = f"{twins:,} of {test_rows:,} test rows are also among the training rows"
    fix = "remove duplicates, or keep equal rows together: --group COLUMN"
    return [Finding("duplicates", None, what, fix)]


def of_dates(facts: ColumnFacts, values: Collection[Any], dtype: str) -> list[Finding]:
    """Return what is odd about times of a zone, dates as numbers, and unusable types."""
    column = facts.name
    if facts.kind == "date" and "time_zone=" in dtype and "time_zone=None" not in dtype:
        what = "holds times with a time zone or an offset, which are taken as times of UTC"
        fix = (
            f"write them without it to use local times, or leave them out: --drop {_quoted(column)}"
        )
        return [_about("time_zone", column, what, fix)]
    if facts.whole and compact_dates(values):
        what = f"holds dates such as {max(values)}, and is read as a number"
        return [
            _about("dates_as_numbers", column, what, f"use them: {date_rule(column, '%Y%m%d')}")
        ]
    if facts.kind == "other":
        what = f"holds values of the type {dtype}, and is not used"
        fix = f"make numbers or texts of them, or leave it out: --drop {_quoted(column)}"
        return [_about("not_used", column, what, fix)]
    return []


def _about(code: str, column: str, what: str, fix: str) -> Finding:
    return Finding(code, column, f"column `{column}` {what}", fix)


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[\w.,-]+", text) else f"'{text}'"
