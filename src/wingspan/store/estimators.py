"""Estimators of scikit-learn <-> skops files, made canonical: the same model gives the same bytes in any process.

skops names objects and files by memory addresses and stamps entries with the time; here they are numbered by first
appearance (plain values by content: equal ones may or may not be one object), and the time is fixed. Nothing is
compressed, as compressors differ between machines. Loading checks every type a file asks for before anything is built.
"""

import importlib
import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wingspan.errors import UnsupportedTypeError, UntrustedModelError

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

_PACKAGES = frozenset({"sklearn", "numpy", "scipy", "lightgbm", "xgboost"})
_SCORES = frozenset(
    f"sklearn.feature_selection._{place}"
    for place in (
        *("univariate_selection.f_classif", "univariate_selection.f_regression"),
        *("univariate_selection.chi2", "univariate_selection.r_regression"),
        *("mutual_info.mutual_info_classif", "mutual_info.mutual_info_regression"),
    )
)
"""The only functions a model may hold, as the parameter of a selection of features."""
_CONTAINERS = frozenset({"collections.OrderedDict", "collections.defaultdict"})
_SCHEMA = "schema.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_LEAF = -1  # the left child of a node of a tree that has none


def write(value: "BaseEstimator", path: Path) -> None:
    """Write an estimator.

    Raises
    ------
    UnsupportedTypeError
        skops cannot store a part of it, or would not find it again.
    """
    from skops.io import dumps, get_untrusted_types

    try:
        content = dumps(value)
        if gone := [name for name in get_untrusted_types(data=content) if _is_nameless(name)]:
            raise TypeError(f"{', '.join(gone)} cannot be imported in another process")  # noqa: TRY301 - as skops would
    except (TypeError, ValueError, NotImplementedError, AttributeError, RecursionError) as error:
        fix = "replace that part, or give the class save(folder) and load(folder)"
        place = f"type {type(value).__module__}.{type(value).__qualname__}"
        raise UnsupportedTypeError(place, f"skops cannot store it: {error}", fix) from error
    path.write_bytes(canonical(content))


def read(
    path: Path, _record: dict[str, Any] | None = None, trusted: frozenset[str] = frozenset()
) -> "BaseEstimator":
    """Read what `write` wrote.

    Raises
    ------
    UntrustedModelError
        It asks for something that is neither a class of scikit-learn, NumPy, SciPy, LightGBM or XGBoost, nor of a module in `trusted`.
    """
    from skops.io import get_untrusted_types, load

    types = get_untrusted_types(file=path)
    if wrong := sorted(name for name in types if not _is_trusted(name, trusted)):
        fix = "a model may hold classes of scikit-learn, LightGBM, XGBoost and of your own step's modules; remove it and train again"
        raise UntrustedModelError(str(path), f"asks for {', '.join(wrong)}", fix)
    return load(path, trusted=types)


def _is_nameless(name: str) -> bool:
    """Return whether a class or function is in no module: a lambda, or defined in a function or a notebook."""
    return "<" in name or name.startswith("__main__.")


def _is_trusted(name: str, trusted: frozenset[str]) -> bool:
    """Return whether a name may be made use of: of the packages only classes and ufuncs, as functions do anything."""
    if name in _SCORES | _CONTAINERS:
        return True
    for module in trusted:
        if name.startswith(f"{module}."):
            found = _resolve(module, name.removeprefix(f"{module}."))
            if found is not None and getattr(found, "__module__", None) == module:
                return True
    module, _, last = name.rpartition(".")
    if module.partition(".")[0] not in _PACKAGES:
        return False
    found = _resolve(module, last)
    if isinstance(found, type):
        return found.__module__.partition(".")[0] in _PACKAGES
    return isinstance(found, importlib.import_module("numpy").ufunc)


def _resolve(module: str, name: str) -> Any:  # noqa: ANN401 - whatever the module holds
    try:
        found: Any = importlib.import_module(module)
    except ImportError:
        return None
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def canonical(content: bytes) -> bytes:
    """Return the same model in the one form that depends on the model alone."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    files: dict[str, str] = {}
    schema = json.loads(entries.pop(_SCHEMA))
    _renumber(schema, {}, files)
    named = {files[name]: _settle(name, data) for name, data in entries.items()}
    named[_SCHEMA] = json.dumps(schema, separators=(",", ":")).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(named):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3  # Unix, on every machine
            archive.writestr(entry, named[name])
    return out.getvalue()


def _renumber(node: Any, ids: dict[Any, int], files: dict[str, str]) -> None:  # noqa: ANN401 - JSON
    """Give the objects and files of a schema their numbers, in place; `files`: file -> its new name."""
    if isinstance(node, list):
        for item in node:
            _renumber(item, ids, files)
    elif isinstance(node, dict):
        if isinstance(node.get("__id__"), int):
            plain = node.get("is_json")
            same = (node["__loader__"], node["content"]) if plain else node["__id__"]
            node["__id__"] = ids.setdefault(same, len(ids) + 1)
        if "__loader__" in node and isinstance(node.get("file"), str):
            new = f"{len(files) + 1:06d}{Path(node['file']).suffix}"
            node["file"] = files.setdefault(node["file"], new)
        for item in node.values():
            _renumber(item, ids, files)


def _settle(name: str, content: bytes) -> bytes:
    """Return an array's file without what its memory happened to hold: between fields, and of leaves what none reads."""
    if not name.endswith(".npy"):
        return content
    import numpy as np

    from wingspan.store.arrays import without_padding

    array = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    names = array.dtype.names
    if names is None:
        return content
    array = without_padding(array)
    if {"left_child", "missing_go_to_left"} <= set(names):
        array["missing_go_to_left"][array["left_child"] == _LEAF] = 0
    out = io.BytesIO()
    np.lib.format.write_array(out, array, allow_pickle=False)
    return out.getvalue()
