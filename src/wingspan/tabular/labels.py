"""Check that a target column has one label in each row, and few enough labels."""

import shlex
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from wingspan.errors import SettingError, TableError
from wingspan.tabular.date_texts import dates_in
from wingspan.tabular.number_texts import numbers_in
from wingspan.tabular.schema import Column

Task = Literal["classification", "regression"]

MAX_CLASSES = 100
_SEPARATORS = (";", "|", ",")


def refuse_targets(target: str, columns: Collection[str]) -> None:
    """Refuse several columns as one target, such as ``a,b`` where a and b are columns.

    Raises
    ------
    TableError
        There are several; the message has the command for one of them.
    """
    parts = [part.strip() for part in target.split(",")]
    if target not in columns and len(parts) > 1 and set(parts) <= set(columns):
        problem = f"expected one target column, found {len(parts)}: {', '.join(parts)}"
        others = f" --drop {','.join(parts[1:])}"
        fix = f"train one model for each, for example: --target {parts[0]}{others}"
        raise TableError("target", problem, fix)


def one_target(targets: Sequence[str]) -> str:
    """Return the one target that is given; several are refused.

    Raises
    ------
    SettingError
        There are several; the message has the command for one of them.
    """
    if len(targets) == 1:
        return targets[0]
    problem = f"expected one target column, found {len(targets)}: {', '.join(targets)}"
    fix = f"train one model for each, for example: --target {targets[0]}"
    raise SettingError("--target", problem, fix)


def check_task(column: Column, task: Task | None) -> Task:
    """Return the task of a target, which its values decide where it is not given.

    Raises
    ------
    TableError
        The target holds lists, dates, times or bytes; or it is not a number and the task is a regression.
    """
    _check_kind(column)
    if task == "regression" and column.kind != "number":
        problem = f"expected numbers as the target of a regression, found {column.kind}"
        fix = "leave out --task, or give --decimal and --thousands if numbers were read as text"
        raise TableError(f"column {column.name!r}", problem, fix)
    if task is not None:
        return task
    return "regression" if column.many_numbers else "classification"


def _check_kind(column: Column) -> None:
    where = f"column {column.name!r}"
    if column.kind == "date":
        raise TableError(where, "expected labels or numbers as the target, found dates", _NO_DATES)
    if column.kind == "other" and column.dtype.startswith(("List", "Array")):
        problem = f"expected one label in each row, found lists ({column.dtype})"
        raise TableError(where, problem, _ONE_EACH)
    if column.kind == "other":
        problem = f"expected labels or numbers as the target, found {column.dtype}"
        raise TableError(where, problem, "turn it into text or numbers first")


_NO_DATES = "turn it into a number, such as days since a date, or into classes, such as the month"
_ONE_EACH = (
    "train a model for each label: make a column of true and false for each, "
    "and give it as --target"
)


def refuse_many(target: str, labels: Collection[object]) -> None:
    """Refuse rows of several labels each, and more labels than a classifier can learn.

    Raises
    ------
    TableError
        Labels are lists in a text, such as ``red;blue``, or there are too many.
    """
    if separator := _separator(labels):
        example = next(label for label in labels if isinstance(label, str) and separator in label)
        problem = f"expected one label in each row, found several, such as {example!r}"
        raise TableError(f"column {target!r}", problem, _ONE_EACH)
    if len(labels) > MAX_CLASSES:
        _refuse_texts(target, [label for label in labels if isinstance(label, str)])
        problem = f"expected at most {MAX_CLASSES} different labels, found more"
        fix = "choose a column of classes, or cut its values into classes first"
        raise TableError(f"column {target!r}", problem, fix)


def _refuse_texts(target: str, texts: Sequence[str]) -> None:
    """Refuse numbers and dates that were read as texts."""
    where = f"column {target!r}"
    if numbers := numbers_in(texts):
        fix = numbers[1].replace("{}", shlex.quote(target))
        raise TableError(where, f"the target {numbers[0]}", fix)
    if dates := dates_in(target, texts):
        raise TableError(where, f"the target {dates[0]}", _NO_DATES)


def _separator(labels: Collection[object]) -> str | None:
    """Return the separator of rows with several labels, None if each has one.

    Each part of such a text is then in at least two labels.
    """
    texts = [label for label in labels if isinstance(label, str)]
    for separator in _SEPARATORS:
        split = [[part.strip() for part in text.split(separator)] for text in texts]
        seen = Counter(part for parts in split for part in dict.fromkeys(parts))
        joined = [parts for parts in split if len(parts) > 1]
        if joined and all(part and seen[part] > 1 for parts in joined for part in parts):
            return separator
    return None


def check_classes(
    target: str,
    classes: Mapping[Any, tuple[int, int]],
    *,
    whole: bool,
    by_time: bool = False,
) -> None:
    """Refuse a target of one class, or with classes that only test rows have.

    Parameters
    ----------
    classes
        Label -> rows in training and in the test part.
    whole
        Whether training has all but the test rows; in a fold a class may be absent.
    by_time
        Whether the test rows are the latest ones.

    Raises
    ------
    TableError
        The message has the classes.
    """
    learned = [label for label, (training, _) in classes.items() if training]
    where = f"column {target!r}"
    refuse_many(target, classes)
    if len(classes) < 2:
        problem = f"the target is {next(iter(classes), None)!r} in every row"
        raise TableError(where, problem, "choose a column of two or more classes")
    if whole and (absent := sorted(set(classes) - set(learned))):
        problem = f"no training row has {absent}, only test rows have"
        fix = "give more rows of it, or keep the shares of the classes: --stratify"
        if by_time:
            fix = "give a smaller --test-size, leave those rows out, or leave out --time"
        raise TableError(where, problem, fix)


def check_numbers(target: str, scale: float, training: int) -> None:
    """Refuse a target that is one number in all training rows.

    Raises
    ------
    TableError
        Its standard deviation, `scale`, is 0.
    """
    if not scale:
        problem = f"the target is the same number in all {training:,} training rows"
        raise TableError(f"column {target!r}", problem, "choose a column of different numbers")
