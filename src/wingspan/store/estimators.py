"""Store scikit-learn estimators as canonical skops files.

The same model gives the same bytes in any process.

skops names objects and files by memory addresses and stamps entries with the time; here they are numbered by first
appearance (plain values by content: equal ones may or may not be one object), and the time is fixed. Nothing is
compressed, as compressors differ between machines. Loading checks every type a file asks for before anything is built.
"""

import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wingspan.errors import UntrustedModelError
from wingspan.store.model_parts import (
    FAILURES,
    is_nameless,
    refused_name,
    refused_part,
    require_importable,
)
from wingspan.store.trust import is_trusted, project_modules

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

_SCHEMA = "schema.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_LEAF = -1  # the left child of a node of a tree that has none
_WORD = {"__class__": "loads", "__module__": "json", "__loader__": "TypeNode", "__id__": -1}
"""Reads the keys true, false and null of a dict, where the class bool would make True of each."""
_ADDRESS = "_stop_words_id"
"""Where a vectorizer keeps the address of the words that it found consistent; with another one it looks again."""
_WORDS = frozenset({("builtins", "bool"), ("builtins", "NoneType"), ("numpy", "bool")})


def write(value: "BaseEstimator", path: Path, trusted: frozenset[str] | None = None) -> None:
    """Write an estimator and read it back, so that what is stored can be read.

    Parameters
    ----------
    trusted
        As for `read`. None where the reader is not known: any module of the user's will do.

    Raises
    ------
    UnsupportedTypeError
        skops cannot store a part of it, or would refuse to read it. The place is that of the part.
    """
    from skops.io import get_untrusted_types, load

    try:
        path.write_bytes(_dumped(value))
    except FAILURES as error:
        raise refused_part(value, _dumped, error) from error
    names = get_untrusted_types(file=path)
    if wrong := [name for name in names if is_nameless(name)]:
        raise refused_name(value, wrong)
    require_importable(value, [name for name in names if not is_trusted(name, frozenset())])
    known = project_modules(names) if trusted is None else trusted
    if wrong := [name for name in names if not is_trusted(name, known)]:
        raise refused_name(value, wrong)
    try:
        load(path, trusted=names)
    except FAILURES as error:
        raise refused_part(value, _try, error) from error


def _dumped(value: object) -> bytes:
    from skops.io import dumps

    return canonical(dumps(value))


def _try(part: object) -> None:
    """Write and read a part of a model whose names are all trusted."""
    from skops.io import get_untrusted_types, loads

    content = _dumped(part)
    loads(content, trusted=get_untrusted_types(data=content))


def read(
    path: Path, _record: dict[str, Any] | None = None, trusted: frozenset[str] = frozenset()
) -> "BaseEstimator":
    """Read what `write` wrote.

    Raises
    ------
    UntrustedModelError
        It asks for something that is neither of scikit-learn, NumPy, SciPy, LightGBM or XGBoost, nor of a module in `trusted`.
    """
    from skops.io import get_untrusted_types, load

    types = get_untrusted_types(file=path)
    if wrong := [name for name in types if not is_trusted(name, trusted)]:
        fix = "a model may hold classes of scikit-learn, LightGBM, XGBoost and of your own step's modules; remove it and train again"
        raise UntrustedModelError(str(path), f"asks for {', '.join(wrong)}", fix)
    return load(path, trusted=types)


def canonical(content: bytes) -> bytes:
    """Return the same model in the one form that depends on the model alone."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    files: dict[str, str] = {}
    schema = json.loads(entries.pop(_SCHEMA), object_pairs_hook=_unique)
    _order(schema)
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


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("two keys of a dict have the same text")
    return found


def _order(node: Any) -> None:  # noqa: ANN401 - JSON
    """Sort the members of sets, mend the keys of dicts, and take an address out, in place."""
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for item in inner:
        _order(item)
    if not isinstance(node, dict):
        return
    kind = (node.get("__module__"), node.get("__class__"))
    if node.get("__loader__") == "SetNode":
        node["content"].sort(key=_without_ids)
    elif kind == ("builtins", "frozenset"):
        node["content"]["content"][0]["content"].sort(key=_without_ids)
    elif node.get("__loader__") == "DictNode":
        _mend_keys(node["key_types"]["content"])
        if _ADDRESS in node["content"]:
            node["content"][_ADDRESS]["content"] = "0"


def _mend_keys(types: list[Any]) -> None:
    for number, key in enumerate(types):
        if (key["__module__"], key["__class__"]) in _WORDS:
            types[number] = dict(_WORD)


def _without_ids(node: Any) -> str:  # noqa: ANN401 - JSON
    """Return the text of a node without the addresses of its objects."""
    if isinstance(node, dict):
        kept = {name: _without_ids(item) for name, item in node.items() if name != "__id__"}
        return json.dumps(kept, sort_keys=True)
    return json.dumps([_without_ids(item) for item in node] if isinstance(node, list) else node)


def _renumber(node: Any, ids: dict[Any, int], files: dict[str, str]) -> None:  # noqa: ANN401 - JSON
    """Renumber the objects and files of a schema in place; `files` maps old to new names."""
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
    """Return an array's file without accidental bytes: padding, and unused fields of leaves."""
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
