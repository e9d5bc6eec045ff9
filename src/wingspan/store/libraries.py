"""Find the libraries that reading and writing a value imports.

The type shows them, or the record of a stored value.

A job of a pool gets no more libraries than are known to be needed, and user code does not name a codec's own libraries.
"""

import json
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from wingspan.store.annotation import TypeName
from wingspan.store.codec import JSON, JSON_2, MODEL, SAVED, TREE, TREE_2, codec_of_type

_OF_CODEC = {  # codec without its version -> what it imports
    "polars-frame": ("polars",),
    "polars-lazy": ("polars",),
    "polars-series": ("polars",),
    "pandas-frame": ("pandas",),
    "pandas-series": ("pandas",),
    "npy": ("numpy",),
    "sparse": ("scipy",),
    "figure": ("matplotlib",),
    "tensors": ("torch", "safetensors"),
    "xgboost": ("xgboost",),
    "lightgbm": ("lightgbm",),
    "skops": ("sklearn", "skops"),
}
_BESIDES = {  # library -> what it, or the codec of its values, imports without requiring it
    "sklearn": ("skops",),
    "torch": ("safetensors",),
    "pandas": ("pyarrow",),  # keeps text differently where it is there
    "xgboost": ("sklearn",),
    "lightgbm": ("sklearn",),
}
_IMPORTED_AS = {"skops": "skops.io", "safetensors": "safetensors.torch"}  # by the codecs
_HOLDS_ANYTHING = frozenset({MODEL, SAVED})
_PLAIN_CONTAINERS = frozenset({"tuple", "list", "dict", "set", "frozenset", "Sequence", "Mapping"})
_STANDARD = sys.stdlib_module_names | {"wingspan", "typing"}


def with_companions(libraries: Iterable[str]) -> frozenset[str]:
    """Return libraries with the optional ones that they import where installed."""
    found: set[str] = set()
    waiting = set(libraries)
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= set(_BESIDES.get(name, ())) - found
    return frozenset(found)


def module_of(library: str) -> str:
    """Return the module of a library that codecs import; for one that none does, its own name."""
    return _IMPORTED_AS.get(library, library)


def libraries_of_type(kind: TypeName) -> frozenset[str]:
    """Return the libraries that a type names, and those of its codec."""
    found = {name for part in _parts(kind) if (name := part.name.partition(".")[0])}
    for part in _parts(kind):
        found |= set(_of_codec(codec_of_type(part)))
    return frozenset(found - _STANDARD)


def is_closed(kind: TypeName | None) -> bool:
    """Return whether a type shows all that its values may hold and readers may need."""
    if kind is None or kind.kind == "any":
        return False
    if kind.kind in {"none", "literal"}:
        return True
    if kind.kind == "union":
        return all(map(is_closed, kind.args))
    if kind.kind in {"namedtuple", "dataclass"}:
        return bool(kind.fields) and all(is_closed(field) for _, field in kind.fields)
    codec = codec_of_type(kind)
    if codec is not None:
        return codec not in _HOLDS_ANYTHING
    package, _, name = kind.name.rpartition(".")
    if name in _PLAIN_CONTAINERS:
        return bool(kind.args) and all(map(is_closed, kind.args))
    return package in {"builtins", "datetime", "decimal", "fractions", "uuid"} and not kind.args


def libraries_of_record(record: Mapping[str, Any], path: Path) -> frozenset[str]:
    """Return the libraries that reading a stored value imports.

    Its record shows them, and for containers its file.
    """
    return frozenset(_in_record(record, path)) - _STANDARD


def _in_record(record: Mapping[str, Any], path: Path) -> Iterator[str]:
    codec = str(record["codec"])
    yield from _of_codec(codec)
    if "class" in record:
        yield _module(record["class"])
    if codec == MODEL:
        yield from _in_model(path)
    elif codec in {JSON, JSON_2, TREE, TREE_2}:
        text = (path if codec in {JSON, JSON_2} else path / "tree.json").read_bytes()
        for node in _nodes(json.loads(text)) if b'"$"' in text else ():
            if node.get("$") == "part":
                yield from _in_record(node, path / str(node["file"]))
            elif "$" in node and "class" in node:
                yield _module(node["class"])


def _in_model(path: Path) -> Iterator[str]:
    with zipfile.ZipFile(path) as archive:
        schema = json.loads(archive.read("schema.json"))
    for node in _nodes(schema):
        if isinstance(node.get("__module__"), str):
            yield node["__module__"].partition(".")[0]


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - JSON
    pending = [tree]
    while pending:
        each = pending.pop()
        if isinstance(each, dict):
            yield each
            pending += each.values()
        elif isinstance(each, list):
            pending += each


def _of_codec(codec: str | None) -> tuple[str, ...]:
    return _OF_CODEC.get((codec or "").partition("/")[0], ())


def _module(reference: object) -> str:
    return str(reference).partition(":")[0].partition(".")[0]


def _parts(kind: TypeName) -> Iterator[TypeName]:
    """Give a type and those inside it that are names of classes."""
    if kind.kind not in {"none", "any", "literal", "union"}:
        yield kind
    if kind.kind != "literal":
        for part in (*kind.args, *(field for _, field in kind.fields)):
            yield from _parts(part)
