"""Make an unfitted scikit-learn compatible estimator from its name, parameters and seed."""

import ast
import importlib
import inspect
import os
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wingspan.errors import SettingError, installing
from wingspan.tabular.labels import Task

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

MODULES = (
    "linear_model",
    "tree",
    "ensemble",
    "svm",
    "naive_bayes",
    "neighbors",
    "neural_network",
    "discriminant_analysis",
    "gaussian_process",
    "dummy",
)
"""Parts of scikit-learn with estimators of their own, which are not wrappers of others."""

_REGRESSION = re.compile(
    r"(?!Multi|Isotonic|Logistic|Voting|Stacking|.*(SVM|Path)$)"
    r".*(Regressor|Regression|RegressorCV|Ridge|RidgeCV|Lasso|LassoCV|LassoIC|ElasticNet|ElasticNetCV|Lars|LarsCV"
    r"|LassoLars|LassoLarsCV|LassoLarsIC|MatchingPursuit|MatchingPursuitCV|SVR)$"
)
_CLASSIFIER = re.compile(
    r".*(Classifier|Classifier_?CV|NB|SVC|Perceptron|DiscriminantAnalysis|NearestCentroid)$"
)


_WITH_PROBABILITIES = frozenset(
    {
        *("logistic_regression", "decision_tree", "random_forest", "extra_trees", "dummy"),
        *("hist_gradient_boosting", "gradient_boosting", "gaussian_nb", "k_neighbors", "mlp"),
    }
)
_AIM: dict[Task, str] = {"classification": "classes", "regression": "numbers"}
_EXAMPLE: dict[Task, str] = {"classification": "logistic_regression", "regression": "ridge"}


def make_estimator(
    name: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    seed: int = 0,
    cpus: int | None = None,
    task: Task = "classification",
) -> "BaseEstimator":
    """Return the unfitted classifier or regression.

    Parameters
    ----------
    name
        A short name such as ``decision_tree``, or an import path such as ``lightgbm:LGBMClassifier``.
    parameters
        Parameters of its constructor.
    seed
        The ``random_state`` of an estimator that has one, unless `parameters` set it.
    cpus
        Threads of a fit that can use several; default: those this process may use.

    Raises
    ------
    SettingError
        The estimator is unknown or of another task, or does not have a parameter.
    """
    given = dict(parameters or {})
    made = _import(name, task)
    accepted = inspect.signature(made).parameters
    if all(one.kind is not inspect.Parameter.VAR_KEYWORD for one in accepted.values()):
        _check_parameters(name, list(accepted), given)
    try:
        estimator = made(**given)
    except (TypeError, ValueError) as error:
        fix = "give the parameters its documentation asks for"
        raise SettingError(f"estimator {name}", str(error), fix) from error
    _check_task(name, estimator, task)
    known = estimator.get_params(deep=False)
    if "random_state" in known and "random_state" not in given:
        estimator.set_params(random_state=seed)
    if _uses_threads(estimator) and "n_jobs" not in given:
        estimator.set_params(n_jobs=cpus or job_cpus())
    return estimator


def check_estimator(
    name: str, parameters: Mapping[str, Any] | None = None, task: Task = "classification"
) -> None:
    """Refuse what `make_estimator` would, without importing scikit-learn.

    Names and parameters are read from its source, so that a wrong one is refused quickly.

    Raises
    ------
    SettingError
        The name is unknown, or the estimator does not have a parameter.
    """
    path = _path_of(name, task)
    accepted = _declared_parameters(path) if parameters else None
    if accepted is not None:
        _check_parameters(name, accepted, dict(parameters or {}))


def check_probabilities(
    metric: str, estimators: Mapping[str, str], parameters: Mapping[str, Mapping[str, Any]]
) -> None:
    """Refuse a metric of probabilities where an estimator gives none.

    Raises
    ------
    SettingError
        An estimator gives no probabilities; the message has its label.
    """
    for label, name in estimators.items():
        if name in _WITH_PROBABILITIES:  # scikit-learn need not be imported
            continue
        made = make_estimator(name, parameters.get(label))
        if not hasattr(made, "predict_proba"):
            problem = f"{label} gives no probabilities, which {metric} needs"
            fix = "leave it out of --estimators, or choose by --select roc_auc or f1"
            raise SettingError(f"--select {metric}", problem, fix)


def job_cpus() -> int:
    """Return the threads of this job: ``OMP_NUM_THREADS``, else its processor affinity."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdigit() and int(given) else len(os.sched_getaffinity(0))


def short_names(task: Task = "classification") -> dict[str, str]:
    """Return the import path of each of scikit-learn's estimators by short name.

    The names are read from its source, without importing it.
    """
    return {name: path for module in MODULES for name, path in _names_of(module, task).items()}


@cache
def _names_of(module: str, task: Task) -> dict[str, str]:
    """Return the short names of one part of scikit-learn."""
    chosen = _is_classifier_name if task == "classification" else _REGRESSION.match
    names = filter(chosen, _exported(_source_of(module)))
    return {_snake(name): f"sklearn.{module}:{name}" for name in names}


def _source_of(module: str) -> Path:
    """Return the file of one part of scikit-learn."""
    spec = find_spec("sklearn")
    if spec is None or not spec.submodule_search_locations:
        raise SettingError("scikit-learn", "is not installed", installing("tables"))
    root = Path(spec.submodule_search_locations[0])
    return root / module / "__init__.py" if (root / module).is_dir() else root / f"{module}.py"


def _declared_parameters(path: str) -> list[str] | None:
    """Return the parameters of a scikit-learn estimator by its source, None if unknown."""
    module, _, name = path.partition(":")
    part = module.removeprefix("sklearn.")
    if part not in MODULES:
        return None
    source = _source_of(part)
    for node in ast.parse(source.read_bytes()).body:
        if isinstance(node, ast.ImportFrom) and name in {alias.name for alias in node.names}:
            inner = (node.module or "").removeprefix(f"{module}.").replace(".", "/")
            source = source.parent / f"{inner}.py"
    if not source.is_file():
        return None
    made = [
        method.args
        for node in ast.parse(source.read_bytes()).body
        if isinstance(node, ast.ClassDef) and node.name == name
        for method in node.body
        if isinstance(method, ast.FunctionDef) and method.name == "__init__"
    ]
    if not made or made[0].kwarg:
        return None
    return [one.arg for one in (*made[0].args[1:], *made[0].kwonlyargs)]


def _is_classifier_name(exported: str) -> bool:
    return exported in {"LogisticRegression", "LogisticRegressionCV"} or bool(
        _CLASSIFIER.match(exported)
    )


def _exported(path: Path) -> list[str]:
    """Return the names in a module's ``__all__`` and those of its own classes."""
    names: list[str] = []
    for node in ast.parse(path.read_bytes()).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            names.append(node.name)
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            names += ast.literal_eval(node.value)
    return names


def short_name(estimator: str) -> str:
    """Return the short name of an estimator that is given by name or import path."""
    return _snake(estimator.rpartition(":")[2]) if ":" in estimator else estimator


def _snake(name: str) -> str:
    """Return ``linear_svc`` for ``LinearSVC``, ``decision_tree`` for its classifier."""
    words = re.sub(r"(Classifier|Regressor)$", "", name)
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", words)
    return words.lower()


def _path_of(name: str, task: Task) -> str:
    """Return the import path of a short name, or the one that is given."""
    found = (_names_of(module, task).get(name) for module in MODULES)
    path = name if ":" in name else next(filter(None, found), None)
    if path is not None:
        return path
    other: Task = "regression" if task == "classification" else "classification"
    if name in short_names(other):
        problem = f"{name!r} is for {_AIM[other]}, the target is {_AIM[task]}"
        fix = f"name another with --estimators, such as {_EXAMPLE[task]}, or give --task {other}"
        raise SettingError("estimator", problem, fix)
    known = short_names(task)
    plain = re.sub(r"_(classifier|regressor)$", "", name)
    close = [plain] if plain in known else get_close_matches(name, known, n=4, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else f"choose one of {', '.join(known)}."
    fix = f"{hint} An import path such as sklearn.svm:LinearSVC works too"
    raise SettingError("estimator", f"unknown estimator {name!r}", fix)


def _import(name: str, task: Task) -> Any:  # noqa: ANN401 - a class, of whatever library
    module, _, attribute = _path_of(name, task).partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        fix = f"install what provides {module}, or correct the name"
        raise SettingError("estimator", f"cannot import {module}: {error}", fix) from error
    except AttributeError as error:
        classes = [key for key in vars(importlib.import_module(module)) if key[0].isupper()]
        close = get_close_matches(attribute, classes)
        fix = f"did you mean {' or '.join(close)}?" if close else "correct the class name"
        raise SettingError("estimator", f"{module} has no {attribute!r}", fix) from error


def _check_parameters(name: str, accepted: Sequence[str], given: Mapping[str, Any]) -> None:
    if wrong := [key for key in given if key not in accepted]:
        close = get_close_matches(wrong[0], accepted)
        problem = f"has no parameter {', '.join(map(repr, wrong))}"
        hint = f"did you mean {close[0]}? It" if close else "it"
        raise SettingError(f"estimator {name}", problem, f"{hint} takes {', '.join(accepted)}")


def _check_task(name: str, estimator: Any, task: Task) -> None:  # noqa: ANN401
    wanted = ("fit", "predict", "get_params", "set_params")
    missing = [method for method in wanted if not hasattr(estimator, method)]
    kind = getattr(estimator, "_estimator_type", None)
    if not missing and hasattr(estimator, "__sklearn_tags__"):
        kind = estimator.__sklearn_tags__().estimator_type
    wanted_kind = "classifier" if task == "classification" else "regressor"
    if missing or kind not in {wanted_kind, None}:
        what = f"has no {', '.join(missing)}" if missing else f"is a {kind}, not a {wanted_kind}"
        fix = f"name a scikit-learn compatible {wanted_kind}"
        raise SettingError(f"estimator {name}", what, fix)


def _uses_threads(estimator: "BaseEstimator") -> bool:
    """Return whether ``n_jobs`` has an effect.

    The linear models of scikit-learn ignore or deprecate it.
    """
    linear = type(estimator).__module__.startswith("sklearn.linear_model.")
    return "n_jobs" in estimator.get_params(deep=False) and not linear
