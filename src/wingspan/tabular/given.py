"""Read text from the user: names of models, cleaning rules, parameters of estimators."""

import json
import re
import unicodedata
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from wingspan.errors import NotFoundError, SettingError, WingspanError, near
from wingspan.tabular.clean import Rules
from wingspan.tabular.csv_files import NULL_VALUES, ReadOptions
from wingspan.tabular.preparation import Treatment

MODEL_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


def check_model_name(name: str) -> None:
    """Refuse a name that a model's folder cannot have.

    Raises
    ------
    SettingError
        The message says which names are allowed.
    """
    if not MODEL_NAME.fullmatch(name):
        fix = "use at most 100 letters, digits, and _ . - inside; on the command line: --name NAME"
        raise SettingError("model name", f"{name!r} cannot name a folder", fix)


def model_name_of(target: str) -> str:
    """Return the name that a model of a target has by default: letters, digits and ``_ . -``."""
    plain = unicodedata.normalize("NFKD", target).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", plain).strip("_.-")[:100] or "model"


def read_rules(file: Path | None, *, drop_missing_target: bool = False) -> Rules:
    """Read cleaning rules from a JSON file, and add what other options say.

    Raises
    ------
    NotFoundError, SettingError
        The file cannot be read, or does not hold rules.
    """
    rules = _rules_of(file)
    return replace(rules, missing_target="drop") if drop_missing_target else rules


def _rules_of(file: Path | None) -> Rules:
    if file is None:
        return Rules()
    try:
        return Rules.from_json(json.loads(file.read_text()))
    except WingspanError:
        raise
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
        raise NotFoundError(f"--rules {file}", problem, "correct the path") from error
    except (ValueError, TypeError, AttributeError) as error:
        problem = f"expected cleaning rules as a JSON object, found otherwise: {error}"
        raise SettingError(f"--rules {file}", problem, "docs/tables.md shows the rules") from error


def read_options(delimiter: str, missing: str = "", **marks: Any) -> ReadOptions:  # noqa: ANN401
    """Return how tables are read.

    `missing` holds further words for a missing value, separated by commas.
    """
    words = tuple(word for word in missing.split(",") if word)
    return ReadOptions(delimiter, (*NULL_VALUES, *words), **marks)


def read_treatment(
    fill: str,
    class_weight: str | None,
    **others: Any,  # noqa: ANN401 - of `Treatment`
) -> Treatment:
    """Return how columns are treated; `fill` is ``mean``, ``median`` or a number."""
    try:
        value: str | float = float(fill)
    except ValueError:
        value = fill
    return Treatment(value, balanced=class_weight == "balanced", **others)


def read_parameters(given: Collection[str], labels: Collection[str]) -> dict[str, dict[str, Any]]:
    """Read ``NAME.KEY=VALUE`` into parameters by estimator.

    Raises
    ------
    SettingError
        A text of another form, or of an estimator that is not among the labels.
    """
    read: dict[str, dict[str, Any]] = {}
    for text in given:
        path, equals, value = text.partition("=")
        label, dot, key = path.rpartition(".")
        if not equals or not dot:
            fix = "for example --parameter decision_tree.max_depth=8"
            raise SettingError(f"--parameter {text}", "expected NAME.KEY=VALUE", fix)
        if label not in labels:
            problem = f"no estimator is called {label!r}"
            raise SettingError(f"--parameter {text}", problem, near(label, labels))
        try:
            read.setdefault(label, {})[key] = json.loads(value)
        except ValueError:
            read.setdefault(label, {})[key] = value
    return read
