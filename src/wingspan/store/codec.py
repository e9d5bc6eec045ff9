"""Values <-> bytes: one file or folder and a record that says how to read it. Equal values give equal bytes.

A value is a tree: containers, records and plain values are JSON; what has a file format of its own (a table, an array,
a model, a file) is a leaf. A lone leaf is its file, a tree without leaves is one JSON file, any other tree is a folder
of ``tree.json`` and its leaves.
"""

import importlib
import json
from pathlib import Path
from typing import Any

from wingspan.errors import CorruptError, FormatError, UnsupportedTypeError
from wingspan.files import digest_file, size_of
from wingspan.store import tree
from wingspan.store.annotation import TypeName, name_of_class

JSON, TREE = "json/1", "tree/1"
_LEAVES = {  # class, or a class it inherits from -> (codec, module with `write` and `read`)
    "polars.DataFrame": ("polars-frame/1", "polars_frames"),
    "polars.LazyFrame": ("polars-frame/1", "polars_frames"),
    "polars.Series": ("polars-series/1", "polars_frames"),
    "pandas.DataFrame": ("pandas-frame/1", "pandas_frames"),
    "pandas.Series": ("pandas-series/1", "pandas_frames"),
    "numpy.ndarray": ("npy/1", "arrays"),
    "torch.Tensor": ("tensors/1", "tensors"),
    "xgboost.core.Booster": ("xgboost/1", "boosters"),
    "xgboost.sklearn.XGBModel": ("xgboost/1", "boosters"),
    "lightgbm.basic.Booster": ("lightgbm/1", "boosters"),
    "sklearn.base.BaseEstimator": ("skops/1", "estimators"),
    "pathlib.Path": ("path/1", "paths"),
    "builtins.bytes": ("bytes/1", "paths"),
}
_MODULES = dict(_LEAVES.values()) | {"saved/1": "saved"}
_PLAIN = frozenset(
    f"builtins.{name}"
    for name in (
        "str",
        "int",
        "float",
        "bool",
        "list",
        "tuple",
        "dict",
        "set",
        "frozenset",
        "range",
    )
) | {
    "datetime.date",
    "datetime.datetime",
    "datetime.time",
    "datetime.timedelta",
    "numpy.generic",
    "enum.Enum",
}
_CHECKED = frozenset(_LEAVES) | {
    f"builtins.{name}" for name in ("str", "int", "float", "bool", "list", "tuple", "dict")
}
_FIX = (
    "return a table, an array, a scikit-learn estimator, a state dict, a Path, plain values or dataclasses of these, or"
    " give the class save(folder) and a class method load(folder)"
)


def leaf_of(value: object) -> tuple[str, str] | None:
    """Return codec and module of a value that has a file format of its own."""
    for kind in type(value).__mro__:
        found = _LEAVES.get(name_of_class(kind))
        if found is not None:
            return found
    if type(value) is not type and hasattr(type(value), "save") and hasattr(type(value), "load"):
        return "saved/1", "saved"
    if _is_state_dict(value):
        return "tensors/1", "tensors"
    return None


def check_type(kind: TypeName) -> None:
    """Refuse a type that no codec stores, without importing anything; what cannot be known yet passes.

    Raises
    ------
    UnsupportedTypeError
        Names the type.
    """
    found = tree.class_at_hand(kind.name)
    names = {name_of_class(base) for base in found.__mro__} if found is not None else {kind.name}
    if (
        names & _LEAVES.keys()
        or (hasattr(found, "save") and hasattr(found, "load"))
        or kind.kind == "literal"
    ):
        return
    for part in (*kind.args, *(field for _, field in kind.fields)):
        check_type(part)
    known = found is None or found is object or bool(names & _PLAIN)
    if (
        kind.kind == "class"
        and not known
        and not kind.name.startswith(("collections.abc.", "typing."))
    ):
        raise UnsupportedTypeError(f"type {kind}", "no codec stores values of this type", _FIX)


def encode(value: object, path: Path, kind: TypeName | None = None) -> dict[str, Any]:
    """Write a value to `path`, which does not exist yet; return the record that `decode` needs.

    Raises
    ------
    UnsupportedTypeError
        A part of the value cannot be stored, or the value plainly is not of the type that was declared.
    """
    _check_value(value, kind)
    leaf = leaf_of(value)
    if leaf is not None:
        return _write_leaf(value, path, leaf)
    leaves: list[tuple[object, tuple[str, str]]] = []
    content = tree.dismantle(value, lambda part: _note(part, leaves))
    if not leaves:
        path.write_text(json.dumps(content, separators=(",", ":")))
        return {"codec": JSON, **_seen(path)}
    path.mkdir()
    records = [
        _write_leaf(part, path / str(number), how) for number, (part, how) in enumerate(leaves)
    ]
    (path / "tree.json").write_text(
        json.dumps({"tree": content, "leaves": records}, separators=(",", ":"))
    )
    return {"codec": TREE, **_seen(path)}


def decode(path: Path, record: dict[str, Any], trusted: frozenset[str] = frozenset()) -> Any:  # noqa: ANN401
    """Read what `encode` wrote; every byte is checked before anything is built.

    Parameters
    ----------
    trusted
        Modules whose classes a model may hold, besides scikit-learn's, NumPy's and SciPy's.

    Raises
    ------
    CorruptError
        The bytes are not those that were written.
    FormatError
        A newer Wingspan wrote them.
    UntrustedModelError
        A model asks for code that is not trusted.
    """
    codec = record["codec"]
    if codec not in {JSON, TREE} | _MODULES.keys():
        problem = f"expected a codec that this version knows, found {codec!r}"
        raise FormatError(
            str(path), problem, "use the version of Wingspan that wrote it, or a newer one"
        )
    found = digest_file(path) if path.exists() else "nothing"
    if found != record["digest"]:
        fix = "`wingspan store check` lists what is damaged; remove it, and the step runs again"
        raise CorruptError(str(path), f"expected {record['digest']}, found {found}", fix)
    return _read(path, record, trusted)


def _read(path: Path, record: dict[str, Any], trusted: frozenset[str]) -> Any:  # noqa: ANN401
    codec = record["codec"]
    if codec == JSON:
        return tree.rebuild(json.loads(path.read_text()), _no_leaf)
    if codec == TREE:
        content = json.loads((path / "tree.json").read_text())
        leaves = content["leaves"]
        return tree.rebuild(
            content["tree"], lambda number: _read(path / str(number), leaves[number], trusted)
        )
    return _module(_MODULES[codec]).read(path, record, trusted)


def _write_leaf(value: object, path: Path, leaf: tuple[str, str]) -> dict[str, Any]:
    codec, module = leaf
    more = _module(module).write(value, path) or {}
    return {"codec": codec, **_seen(path), **more}


def _seen(path: Path) -> dict[str, Any]:
    return {"digest": digest_file(path), "bytes": size_of(path)}


def _module(name: str) -> Any:  # noqa: ANN401 - a module with `write` and `read`
    return importlib.import_module(f"wingspan.store.{name}")


def _note(part: object, leaves: list[tuple[object, tuple[str, str]]]) -> int | None:
    """Give a leaf its number, in order of appearance; None for what is no leaf."""
    how = leaf_of(part)
    if how is None:
        return None
    leaves.append((part, how))
    return len(leaves) - 1


def _no_leaf(number: int) -> Any:  # noqa: ANN401
    raise CorruptError(
        "store", f"a tree without leaves refers to leaf {number}", "remove it; the step runs again"
    )


def _is_state_dict(value: object) -> bool:
    if not isinstance(value, dict) or not value:
        return False
    return all(
        isinstance(key, str)
        and any(name_of_class(kind) == "torch.Tensor" for kind in type(item).__mro__)
        for key, item in value.items()
    )


def _check_value(value: object, kind: TypeName | None) -> None:
    """Refuse a value whose class plainly contradicts the annotation."""
    if kind is None or kind.kind != "class" or kind.name not in _CHECKED:
        return
    names = {name_of_class(base) for base in type(value).__mro__}
    numbers = {
        "builtins.float": {"builtins.int", "numpy.number"},
        "builtins.int": {"numpy.integer"},
    }
    frames = {"polars.DataFrame": {"polars.LazyFrame"}}
    if kind.name in names or names & (numbers | frames).get(kind.name, set()):
        return
    problem = f"declared to be {kind}, found {name_of_class(type(value)).removeprefix('builtins.')}"
    raise UnsupportedTypeError("result", problem, "correct the return annotation or the value")
