"""Decide which classes and functions a stored model may hold.

A model's file names what it is made of. The same rule is asked before a model is stored and before one is built, so
that nothing is kept that would be refused later.
"""

import importlib
import sys
from collections.abc import Iterable
from types import FunctionType
from typing import Any

_PACKAGES = frozenset({"sklearn", "numpy", "scipy", "lightgbm", "xgboost"})
_SINGLE = frozenset(
    {
        *("collections.OrderedDict", "collections.defaultdict", "decimal.Decimal"),
        *("functools.partial", "operator.itemgetter", "operator.attrgetter", "json.loads"),
        *(f"datetime.{name}" for name in ("date", "datetime", "time", "timedelta", "timezone")),
        *(f"builtins.{name}" for name in ("bool", "bytes", "complex", "dict", "float", "int")),
        *(f"builtins.{name}" for name in ("frozenset", "list", "object", "range", "set", "str")),
    }
)
"""Names of other packages that only hold or read values."""
_AREAS = (
    *(f"sklearn.{name}" for name in ("cluster", "covariance", "decomposition", "linear_model")),
    *(f"sklearn.{name}" for name in ("feature_extraction", "feature_selection", "preprocessing")),
    *(f"sklearn.{name}" for name in ("impute", "manifold", "metrics", "neighbors")),
    *(f"sklearn.utils.{name}" for name in ("class_weight", "extmath", "multiclass", "validation")),
    *("scipy.linalg", "scipy.spatial.distance", "scipy.special", "scipy.stats"),
    "scipy._lib.array_api_compat.numpy",
)
"""Modules whose functions compute, and neither open files nor start anything."""
_OPENING = frozenset(
    {
        *("memmap", "DataSource", "NpzFile", "save", "savez", "savez_compressed", "savetxt"),
        *("loadtxt", "genfromtxt", "fromregex"),
    }
)
"""NumPy's classes and array functions that open files."""


def is_trusted(name: str, trusted: frozenset[str]) -> bool:
    """Return whether a model may hold the class or function of a qualified name.

    Parameters
    ----------
    trusted
        Modules of the user's: what they define themselves may be held, what they import may not.
    """
    if name in _SINGLE:
        return True
    for module in trusted:
        if name.startswith(f"{module}."):
            found = resolve_name(module, name.removeprefix(f"{module}."))
            if found is not None and getattr(found, "__module__", None) == module:
                return True
    module, _, last = name.rpartition(".")
    package = module.partition(".")[0]
    if package == "pandas":
        return _is_pandas_dtype(resolve_name(module, last))
    return package in _PACKAGES and last not in _OPENING and _is_plain(resolve_name(module, last))


def project_modules(names: Iterable[str]) -> frozenset[str]:
    """Return the modules of these names that belong to no known library."""
    known = _PACKAGES | sys.stdlib_module_names | {"pandas"}
    parts = [name.split(".") for name in names]
    ours = [each for each in parts if each[0] not in known]
    return frozenset(".".join(each[:size]) for each in ours for size in range(1, len(each)))


def _is_plain(found: Any) -> bool:  # noqa: ANN401 - whatever the module holds
    """Return whether a package defines it, and it is a class or a pure function of arguments."""
    numpy = importlib.import_module("numpy")
    place = getattr(found, "__module__", None) or ""
    if isinstance(found, type):
        return place.partition(".")[0] in _PACKAGES
    if isinstance(found, FunctionType):
        return any(f"{place}.".startswith(f"{area}.") for area in _AREAS)
    dispatched = isinstance(found, type(numpy.mean)) and place.partition(".")[0] == "numpy"
    return dispatched or isinstance(found, numpy.ufunc)


def _is_pandas_dtype(found: Any) -> bool:  # noqa: ANN401
    extensions = importlib.import_module("pandas.api.extensions")
    return isinstance(found, type) and issubclass(found, extensions.ExtensionDtype)


def resolve_name(module: str, name: str) -> Any:  # noqa: ANN401 - whatever the module holds
    """Return what a name in a module means; None if it is not there."""
    try:
        found: Any = importlib.import_module(module)
    except ImportError:
        return None
    for part in name.split("."):
        found = getattr(found, part, None)
    return found
