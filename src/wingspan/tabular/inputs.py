"""Choose the columns that become features, and how, before a row is read."""

from dataclasses import dataclass, field, replace
from typing import Any

from wingspan.errors import SettingError, TableError, near
from wingspan.tabular.blocks import Table, without_rows
from wingspan.tabular.clean import DateRule, Rules, check_rules, clean
from wingspan.tabular.labels import Task, check_task
from wingspan.tabular.preparation import Treatment
from wingspan.tabular.schema import Column, Schema


@dataclass(frozen=True, slots=True)
class Inputs:
    """Which columns are used and how: known from the schema, before a row is read.

    Attributes
    ----------
    schema
        The raw columns that are read, target included.
    numbers, categories, texts, means
        Clean columns that become features, in order.
    """

    schema: Schema
    target: str
    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    ignored: dict[str, str]
    rules: Rules
    compatibility: bool
    task: Task = "classification"
    reading: dict[str, Any] = field(default_factory=dict)
    treatment: Treatment = field(default_factory=Treatment)
    texts: tuple[str, ...] = ()
    means: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to predict, from which columns.

    Attributes
    ----------
    drop
        Columns that are not to be features.
    task
        Default: by the values of the target.
    guessed
        Whether the task was only guessed, so that another one by the values is an error.
    reading
        The marks in numbers, with which new rows are read too: `ReadOptions.marks_of`.
    date_parts
        Whether dates without a rule become their year, month and weekday.
    """

    target: str
    drop: tuple[str, ...] = ()
    rules: Rules = field(default_factory=Rules)
    compatibility: bool = False
    task: Task | None = None
    guessed: bool = False
    reading: dict[str, Any] = field(default_factory=dict)
    treatment: Treatment = field(default_factory=Treatment)
    date_parts: bool = False


def choose_inputs(table: Table, wanted: Wanted) -> Inputs:
    """Choose the columns that become features, also among those that rules make.

    Numbers, booleans and categories do.

    Raises
    ------
    NotFoundError, SettingError
        A column that is named is not there.
    TableError
        The target is of a kind that cannot be predicted, or no column can be used.
    """
    target, compatibility = wanted.target, wanted.compatibility
    task = _task(table, wanted)
    rules = with_date_parts(table, wanted)
    drop = dict.fromkeys([*wanted.drop, *filter(None, [wanted.treatment.weight])])
    check_rules(rules, table.schema, target)
    ignored = {table.schema.column(name).name: "dropped" for name in drop}
    _check_rows(wanted, rules, ignored)
    raw = {column.name: column for column in table.schema.columns}
    dtypes = clean(without_rows(table), rules).frame.schema
    used = used_by(rules)
    ignored |= {name: "dropped by a rule" for name in raw if name not in {*dtypes, *used, *ignored}}
    numbers, categories, texts, means = [], [], [], []
    for name, dtype in dtypes.items():
        if name in ignored or name == target:
            continue
        if name in wanted.treatment.texts:
            texts.append(name)
        elif name in wanted.treatment.means:
            means.append(name)
        elif name in raw and _is_category(raw[name], compatibility=compatibility):
            categories.append(name)
        elif dtype.is_numeric() or raw[name].kind == "boolean":
            numbers.append(name)
        else:
            ignored[name] = _reason(raw[name])
    _check_encodings(wanted, raw, ignored)
    if compatibility:
        _refuse_odd(ignored)
    if not numbers and not categories and not texts and not means:
        listed = [f"{name!r} ({why})" for name, why in list(ignored.items())[:5]]
        problem = f"no column is left as a feature; not used: {', '.join(listed) or 'none'}"
        raise TableError("features", problem, "give columns of numbers or categories")
    read = {name for name in raw if name not in ignored} | used
    schema = Schema(tuple(column for column in table.schema.columns if column.name in read))
    return Inputs(
        schema,
        target,
        tuple(numbers),
        tuple(categories),
        ignored,
        rules,
        compatibility,
        task,
        wanted.reading,
        wanted.treatment,
        tuple(texts),
        tuple(means),
    )


def _check_rows(wanted: Wanted, rules: Rules, ignored: dict[str, str]) -> None:
    """Refuse a dropped target, and rules that change the rows of scikit-learn's split."""
    if wanted.target in ignored:
        where = f"column {wanted.target!r}"
        raise SettingError(where, "the target is dropped", "drop other columns")
    if wanted.compatibility and rules.drops_rows:
        problem = "a rule drops rows, which changes scikit-learn's split"
        fix = "make the values missing, or clip them; fill a missing target"
        raise SettingError("compatibility", problem, fix)


def _check_encodings(wanted: Wanted, columns: dict[str, Column], ignored: dict[str, str]) -> None:
    """Refuse an encoding of a column that is not there, is of another kind, or is not used."""
    treatment = wanted.treatment
    asked = (
        ("--ordinal", list(treatment.orders)),
        ("--text", treatment.texts),
        ("--target-mean", treatment.means),
    )
    _check_once(wanted)
    rare = {rule.column for rule in wanted.rules.rare}
    for option, names in asked:
        for name in names:
            where = f"{option} {name}"
            if name not in columns:
                raise SettingError(where, "there is no such column", near(name, columns))
            if columns[name].kind not in {"category", "text"}:
                problem = f"expected a category or a text, found a {columns[name].kind}"
                raise SettingError(where, problem, f"read it as one: --categories {name}")
            if name in ignored or name == wanted.target:
                why = ignored.get(name, "it is the target")
                raise SettingError(where, f"the column is not used: {why}", "leave out the option")
            if name in rare:
                problem = "a rule folds its rare values, which have no place in an order"
                raise SettingError(where, problem, "leave out the option, or the rule")


def _check_once(wanted: Wanted) -> None:
    """Refuse two encodings of one column, and target means in compatibility mode."""
    treatment = wanted.treatment
    if treatment.means and wanted.compatibility:
        problem = "means of the target are learned from training rows, compatibility uses all rows"
        raise SettingError("--target-mean", problem, "leave out one of the two")
    named = [*treatment.orders, *treatment.texts, *treatment.means]
    for name in named:
        if named.count(name) > 1:
            problem = "two options encode the column"
            fix = "give one of --ordinal, --text and --target-mean"
            raise SettingError(f"column {name!r}", problem, fix)


def with_date_parts(table: Table, wanted: Wanted) -> Rules:
    """Return the rules, with one for each date that has none, where that is wanted."""
    if not wanted.date_parts or wanted.compatibility:
        return wanted.rules
    ruled = {
        *wanted.drop,
        *wanted.rules.drop,
        *(rule.column for rule in wanted.rules.dates),
        wanted.target,
    }
    dates = [
        DateRule(column.name, ("year", "month", "weekday"))
        for column in table.schema.columns
        if column.kind == "date" and column.name not in ruled
    ]
    return replace(wanted.rules, dates=(*wanted.rules.dates, *dates)) if dates else wanted.rules


def _task(table: Table, wanted: Wanted) -> Task:
    """Return the task by the values of the target; refuse a guess that they contradict."""
    column = table.schema.column(wanted.target)
    by_values = check_task(column, None)
    if wanted.compatibility:
        return check_task(column, "classification")
    if wanted.guessed and wanted.task not in {None, by_values}:
        first = "numbers" if wanted.task == "regression" else "classes"
        problem = f"its first values look like {first}, those of all rows like a {by_values}"
        fix = f"decide it: --task {by_values}, or --task {wanted.task}"
        raise TableError(f"column {wanted.target!r}", problem, fix)
    return check_task(column, wanted.task)


def _is_category(column: Column, *, compatibility: bool) -> bool:
    """Return whether a raw column is a category.

    Pandas takes booleans with missing values for objects, so for categories.
    """
    return (column.kind == "category" and not column.empty) or (
        compatibility and column.kind == "boolean" and column.nullable
    )


def _reason(column: Column) -> str:
    if column.empty:
        return "empty: no row has a value"
    if column.kind == "text":
        return "text of many values, not a category; --text uses its words"
    if column.kind == "date":
        return "a date: declare a date rule to use it"
    return f"{column.dtype} is neither a number nor a category"


def _refuse_odd(ignored: dict[str, str]) -> None:
    odd = [f"column {n!r} is {why}" for n, why in ignored.items() if not why.startswith("dropped")]
    if odd:
        fix = "drop it, or read the table with dates=False or a larger max_categories"
        raise TableError("compatibility", "; ".join(odd), fix)


def used_by(rules: Rules) -> set[str]:
    """Return the raw columns that rules read."""
    return {
        *(rule.column for rule in rules.text),
        *(rule.column for rule in rules.ranges),
        *(rule.column for rule in rules.dates),
        *(name for ratio in rules.ratios for name in (ratio.numerator, ratio.denominator)),
    }
