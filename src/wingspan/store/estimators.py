"""Estimators of scikit-learn <-> skops files, made canonical: the same model gives the same bytes in any process.

skops names ids and files by memory addresses and stamps entries with the time; here ids and files are numbered by first
appearance, and the time is fixed. Loading checks the types a file asks for before anything is built.
"""

import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wingspan.errors import UnsupportedTypeError, UntrustedModelError

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

_TRUSTED = frozenset({"sklearn", "numpy", "scipy", "builtins", "collections"})
_SCHEMA = "schema.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def write(value: "BaseEstimator", path: Path) -> None:
    """Write a fitted estimator.

    Raises
    ------
    UnsupportedTypeError
        skops cannot store a part of it.
    """
    from skops.io import dumps
    from skops.io.exceptions import UnsupportedTypeException

    try:
        content = dumps(value)
    except UnsupportedTypeException as error:
        fix = "replace that part, or give the class save(folder) and load(folder)"
        raise UnsupportedTypeError(f"type {type(value).__qualname__}", str(error), fix) from error
    path.write_bytes(canonical(content))


def read(path: Path, _record: dict[str, Any], trusted: frozenset[str]) -> "BaseEstimator":
    """Read what `write` wrote.

    Raises
    ------
    UntrustedModelError
        It asks for types of modules that are not trusted.
    """
    from skops.io import get_untrusted_types, load

    types = get_untrusted_types(file=path)
    wrong = [name for name in types if not _is_trusted(name, trusted)]
    if wrong:
        fix = "a model may hold classes of scikit-learn and of your own step's modules; remove it and train again"
        raise UntrustedModelError(str(path), f"asks for {', '.join(wrong)}", fix)
    return load(path, trusted=types)


def _is_trusted(name: str, trusted: frozenset[str]) -> bool:
    return name.partition(".")[0] in _TRUSTED or any(
        name.startswith(f"{module}.") for module in trusted
    )


def canonical(content: bytes) -> bytes:
    """Return the same model in the one form that depends on the model alone."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    ids: dict[int, int] = {}
    files: dict[str, str] = {}
    schema = _renumber(json.loads(entries.pop(_SCHEMA)), ids, files)
    named = {files.get(name, name): data for name, data in entries.items()}
    named[_SCHEMA] = json.dumps(schema, separators=(",", ":")).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in sorted(named):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, named[name])
    return out.getvalue()


def _renumber(node: Any, ids: dict[int, int], files: dict[str, str]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(node, list):
        return [_renumber(item, ids, files) for item in node]
    if not isinstance(node, dict):
        return node
    renumbered: dict[str, Any] = {}
    for key, item in node.items():
        if key == "__id__" and isinstance(item, int):
            renumbered[key] = ids.setdefault(item, len(ids))
        elif key == "file" and isinstance(item, str):
            renumbered[key] = files.setdefault(item, f"{len(files)}{Path(item).suffix}")
        else:
            renumbered[key] = _renumber(item, ids, files)
    return renumbered
