"""Turn values into bytes and back.

A value is one file or folder, and a record that says how to read it. Equal values give equal bytes.

A value is a tree: containers, records and plain values are JSON; what has a file format of its own (a table, an array,
a model, a file) is a part. A lone part is its file, a tree without parts is one JSON file, any other tree is a folder
of ``tree.json`` and its parts. The digest is of the bytes and of all else that the record says about reading them.
"""

import importlib
import importlib.util
import inspect
import json
import sys
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NoReturn

from wingspan.errors import CorruptError, FormatError, UnsupportedTypeError, installing
from wingspan.files import (
    digest_bytes,
    digest_file,
    disk_errors,
    json_text,
    read_file,
    remove,
    size_of,
    write_file,
)
from wingspan.store.annotation import TypeName, find_class, name_of_class
from wingspan.store.fits import check_value
from wingspan.store.tree import from_tree, is_newer, to_tree, tree_text

JSON, TREE = "json/1", "tree/1"
JSON_2, TREE_2 = "json/2", "tree/2"  # where a value is of a class that version 1 did not know
SAVED, STATE, PATH, MODEL = "saved/1", "tensors/1", "path/1", "skops/1"
_CODECS = {  # class, or a class it inherits from -> codec
    "polars.DataFrame": "polars-frame/1",
    "polars.LazyFrame": "polars-lazy/1",
    "polars.Series": "polars-series/1",
    "pandas.DataFrame": "pandas-frame/1",
    "pandas.Series": "pandas-series/1",
    "numpy.ndarray": "npy/1",
    "scipy.sparse.spmatrix": "sparse/1",
    "scipy.sparse.sparray": "sparse/1",
    "matplotlib.figure.Figure": "figure/1",
    "torch.Tensor": STATE,
    "xgboost.Booster": "xgboost/1",
    "xgboost.XGBModel": "xgboost/1",
    "xgboost.core.Booster": "xgboost/1",
    "xgboost.sklearn.XGBModel": "xgboost/1",
    "lightgbm.Booster": "lightgbm/1",
    "sklearn.base.BaseEstimator": MODEL,
    "pathlib.Path": PATH,
    "builtins.bytes": "bytes/1",
    "builtins.bytearray": "bytearray/1",
}
_MODULES = {  # codec without its version -> module with `write` and `read`
    "polars-frame": "polars_frames",
    "polars-lazy": "polars_frames",
    "polars-series": "polars_frames",
    "pandas-frame": "pandas_frames",
    "pandas-series": "pandas_frames",
    "npy": "arrays",
    "sparse": "sparse",
    "figure": "figures",
    "tensors": "tensors",
    "xgboost": "boosters",
    "lightgbm": "boosters",
    "skops": "estimators",
    "path": "paths",
    "bytes": "paths",
    "bytearray": "paths",
    "saved": "saved",
}
_INSTALL = {  # library that a codec imports -> what installs it, an [extra] of Wingspan or a package
    "polars": "[tables]",
    "sklearn": "[tables]",
    "skops": "[tables]",
    "safetensors": "[torch]",
    "torch": "[torch]",
    **{name: name for name in ("lightgbm", "matplotlib", "pandas", "pyarrow", "xgboost")},
    "scipy": "[tables]",
}
_IMPORTS = {MODEL: "skops", STATE: "safetensors"}  # not imported with what they store
_KNOWN = frozenset({JSON, TREE, JSON_2, TREE_2, SAVED, *_CODECS.values()})
_PLAIN = frozenset(
    {
        *(f"builtins.{name}" for name in ("bool", "int", "float", "str", "list", "tuple", "dict")),
        *(f"builtins.{name}" for name in ("set", "frozenset", "range")),
        *(f"builtins.{name}" for name in ("bytearray", "complex")),
        *(f"collections.{name}" for name in ("Counter", "OrderedDict", "defaultdict", "deque")),
        *("decimal.Decimal", "fractions.Fraction", "uuid.UUID"),
        *(f"datetime.{name}" for name in ("date", "datetime", "time", "timedelta")),
        *(f"collections.abc.{name}" for name in ("Mapping", "MutableMapping", "Sequence", "Set")),
        *(f"collections.abc.{name}" for name in ("MutableSequence", "Collection", "Iterable")),
        "numpy.generic",
        "enum.Enum",
    }
)
_NOT_STORED = {
    "torch.nn.Module": "return model.state_dict(), and give the step that uses it the class",
    "collections.abc.Iterator": "return a list, or write a file and return its Path",
    "collections.abc.Generator": "return a list, or write a file and return its Path",
    "matplotlib.axes.Axes": "return the figure: axes.figure",
    "collections.abc.Callable": "return what the function needs, and import the function where it is used",
}
_OPAQUE = frozenset({"numpy.ndarray"})  # its arguments are no values
_FIX = (
    "return plain values, tables, arrays, models, a Path or dataclasses of these,"
    " or give the class save(self, folder) and a class method load(folder)"
)


def check_type(kind: TypeName) -> None:
    """Refuse a type that no codec stores, without importing anything; unknown ones pass.

    Raises
    ------
    UnsupportedTypeError
        Names the type.
    """
    if kind.kind in {"none", "any", "literal"}:
        return
    found = find_class(kind.name)
    if kind.kind == "class" and kind.name not in _PLAIN:
        _check_class(kind.name, found)
    codec = codec_of_type(kind)
    if codec in _IMPORTS and not _is_installed(_IMPORTS[codec]):
        raise _not_installed(f"type {kind}", _IMPORTS[codec])
    if kind.name in _OPAQUE or (found is not None and _codec_of_class(found) is not None):
        return
    for part in (*kind.args, *(field for _, field in kind.fields)):
        check_type(part)


def _check_class(name: str, found: type | None) -> None:
    if name in _NOT_STORED:
        _refuse_class(name, found)
    if found is None:  # what is not imported is judged when there is a value
        if name.partition(".")[0] in {"builtins", "collections", "typing"}:
            _refuse_class(name, found)
    elif not _storable(found):
        _refuse_class(name, found)


def _storable(kind: type) -> bool:
    """Return whether a value of a class, or of one that inherits from it, may be stored."""
    names = {name_of_class(base) for base in kind.__mro__}
    return (
        _codec_of_class(kind) is not None
        or bool(names & {"numpy.generic", "enum.Enum"})
        or hasattr(kind, "__dataclass_fields__")
        or hasattr(kind, "_fields")
        or kind.__module__.partition(".")[0] == "sklearn"  # a mixin of estimators
        or getattr(kind, "_is_protocol", False)
        or (inspect.isabstract(kind) and not kind.__module__.startswith("collections"))
    )


def _refuse_class(name: str, kind: type | None) -> NoReturn:
    bases = [name_of_class(base) for base in kind.__mro__] if kind else [name]
    fix = next((_NOT_STORED[base] for base in bases if base in _NOT_STORED), _FIX)
    shown = name.removeprefix("builtins.")
    raise UnsupportedTypeError(f"type {shown}", "no codec stores values of this type", fix)


def refuse(value: object) -> NoReturn:
    """Raise the UnsupportedTypeError of a value that no codec stores; its place is added later."""
    kind: type = type(value)
    try:
        _refuse_class(name_of_class(kind), kind)
    except UnsupportedTypeError as error:
        problem = f"{error.problem}: {error.where.removeprefix('type ')}"
        raise UnsupportedTypeError("", problem, error.fix) from None


def _is_installed(library: str) -> bool:
    if library in sys.modules:
        return sys.modules[library] is not None
    return importlib.util.find_spec(library) is not None


def _not_installed(where: str, library: str) -> UnsupportedTypeError:
    problem = f"values of this type are stored with {library}, which is not installed"
    needed = _INSTALL[library]
    own = needed.startswith("[")
    fix = installing(needed.strip("[]")) if own else f"pip install '{needed}'"
    return UnsupportedTypeError(where, problem, fix)


@contextmanager
def _installed(where: str = "") -> Iterator[None]:
    """Turn a missing library of a codec into the command that installs it."""
    try:
        yield
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library not in _INSTALL:
            raise
        raise _not_installed(where, library) from error


@lru_cache(maxsize=4096)
def _codec_of_class(kind: type) -> str | None:
    """Return the codec that a class has of its own; None for plain values and containers."""
    names = [name_of_class(base) for base in kind.__mro__]
    if "numpy.generic" in names:  # its bytes are bytes too
        return None
    found = next((_CODECS[name] for name in names if name in _CODECS), None)
    if callable(getattr(kind, "save", None)):
        load = inspect.getattr_static(kind, "load", None)
        if isinstance(load, classmethod | staticmethod):
            return SAVED
    return found


def codec_of_type(kind: TypeName) -> str | None:
    """Return the codec of a type's values; None if neither its name nor its class decides."""
    found = find_class(kind.name)
    return _CODECS.get(kind.name) if found is None else _codec_of_class(found)


def codec_of(value: object) -> str | None:
    """Return the codec of a value that has a file format of its own; None for any other value."""
    kind: type = type(value)
    return STATE if _is_state_dict(value) else _codec_of_class(kind)


def _is_state_dict(value: Any) -> bool:  # noqa: ANN401
    torch: Any = sys.modules.get("torch")
    if torch is None or type(value) not in {dict, OrderedDict} or not value:
        return False
    return all(isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in value.items())


def encode(
    value: object,
    path: str | Path,
    kind: TypeName | None = None,
    *,
    own: str | None = None,
    trusted: frozenset[str] | None = None,
    name: str = "value",
) -> dict[str, Any]:
    """Write a value to `path`, which does not exist yet; return the record that `decode` needs.

    Parameters
    ----------
    own
        A folder whose files are not needed any more: files of a path into it are linked, not copied.
    trusted
        As for `decode`, so that a model is refused now rather than when it is read. None where the
        reader is not known: a model may hold classes of any module of the user's.
    name
        What the value is called in an error, such as ``result.model``; the place inside it follows.

    Raises
    ------
    UnsupportedTypeError
        A part of the value cannot be stored, or the value plainly is not of the type that was declared.
    SpaceError
        The disk is full.
    """
    try:
        with disk_errors(path):
            if kind is not None:
                check_value(value, kind)
            record, text = _write(value, path, {PATH: {"own": own}, MODEL: {"trusted": trusted}})
            if text is None:
                digest = digest_of(Path(path), record)
                return {**record, "digest": digest, "bytes": size_of(Path(path))}
            content = text.encode()
            write_file(path, content)
            digest = _digest(record, digest_bytes(content))
            return {**record, "digest": digest, "bytes": len(content)}
    except UnsupportedTypeError as error:
        remove(path)
        raise UnsupportedTypeError(f"{name}{error.where}", error.problem, error.fix) from error
    except BaseException:
        remove(path)
        raise


Options = dict[str, dict[str, Any]]  # codec -> what else its `write` takes


def _write(value: object, path: str | Path, options: Options) -> tuple[dict[str, Any], str | None]:
    """Return a value's codec and what its reader must know; a returned text is still unwritten."""
    codec = codec_of(value)
    if codec is not None:
        return _write_part(value, path, codec, options), None
    count = 0

    def part(inner: object) -> dict[str, Any] | None:
        nonlocal count
        codec = codec_of(inner)
        if codec is None:
            return None
        folder = Path(path)
        folder.mkdir(exist_ok=True)
        name, count = str(count), count + 1
        return {"$": "part", "file": name, **_write_part(inner, folder / name, codec, options)}

    try:
        content = tree_text(to_tree(value, part, refuse))
    except RecursionError as error:
        problem = f"a {type(value).__qualname__} is nested too deep"
        raise UnsupportedTypeError("", problem, "return a flat list") from error
    newer = is_newer(content)
    if not count:
        return {"codec": JSON_2 if newer else JSON}, content
    write_file(f"{path}/tree.json", content)
    return {"codec": TREE_2 if newer else TREE}, None


def _write_part(value: object, path: str | Path, codec: str, options: Options) -> dict[str, Any]:
    with _installed():
        more = _module(codec).write(value, Path(path), **options.get(codec, {}))
    return {"codec": codec, **(more or {})}


def _module(codec: str) -> Any:  # noqa: ANN401 - a module with `write` and `read`
    return importlib.import_module(f"wingspan.store.{_MODULES[codec.partition('/')[0]]}")


def digest_of(path: Path, record: dict[str, Any]) -> str:
    """Return the digest of the bytes at `path` and of their record without digest and size."""
    return _digest(record, digest_file(path))


def _digest(record: dict[str, Any], content: str) -> str:
    said = {name: fact for name, fact in record.items() if name not in {"digest", "bytes"}}
    return digest_bytes(json_text([said, content]).encode())


def decode(path: str | Path, record: dict[str, Any], trusted: frozenset[str] = frozenset()) -> Any:  # noqa: ANN401
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
    _check_known(path, record["codec"])
    text = _text(path) if record["codec"] in {JSON, JSON_2} else None
    if text is not None:
        found = _digest(record, digest_bytes(text))
    else:
        path = Path(path)
        found = digest_of(path, record) if path.exists() else "nothing"
    if found != record["digest"]:
        fix = "`wingspan store check` lists what is damaged; remove it, and the step runs again"
        raise CorruptError(str(path), f"expected {record['digest']}, found {found}", fix)
    return _read(path, record, trusted, text)


def _text(path: str | Path) -> bytes | None:
    """Return the bytes of a file; None if there is no file."""
    try:
        return read_file(path)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None


def _check_known(path: str | Path, codec: object) -> None:
    if codec not in _KNOWN:
        problem = f"expected a codec that this version knows, found {codec!r}"
        fix = "use the version of Wingspan that wrote it, or a newer one"
        raise FormatError(str(path), problem, fix)


def _read(
    path: str | Path, record: dict[str, Any], trusted: frozenset[str], text: bytes | None = None
) -> Any:  # noqa: ANN401
    codec = record["codec"]
    if codec not in {JSON, TREE, JSON_2, TREE_2}:
        with _installed(str(path)):
            return _module(codec).read(Path(path), record, trusted)
    if text is None:
        text = read_file(path if codec in {JSON, JSON_2} else f"{path}/tree.json")
    return from_tree(json.loads(text.decode()), partial(_read_file, path, trusted))


def _read_file(folder: str | Path, trusted: frozenset[str], node: dict[str, Any]) -> Any:  # noqa: ANN401
    path = Path(folder) / node["file"]
    _check_known(path, node["codec"])
    return _read(path, node, trusted)
