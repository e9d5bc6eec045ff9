"""One digest for equal values: of closures, defaults, partial arguments, notebook globals."""

import dataclasses
import datetime as dt
import enum
import logging
import re
import tempfile
import types
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path, PurePath
from typing import Any

from wingspan.errors import DeclarationError, UnsupportedTypeError
from wingspan.files import digest_bytes, json_text
from wingspan.store.codec import encode
from wingspan.store.tree import plain

_PLAIN = (bool, int, str, type(None))
_TEXTUAL = (
    *(float, complex, bytes, range, types.EllipsisType, PurePath),
    *(dt.date, dt.time, dt.timedelta, dt.tzinfo, types.GenericAlias, types.UnionType),
)
_CODE = (types.ModuleType, types.MethodType, partial)  # besides all that has a __qualname__

Code = Callable[[Any, str], str]
Around = tuple[int, ...]


def value_digest(value: object, where: str, code: Code) -> str:
    """Return the digest of a value: of its type and content, never of its identity.

    Parameters
    ----------
    value
        None, numbers, texts, bytes, paths (the path, not the file), dates, enum members, lists,
        tuples, sets, dicts, dataclasses, NumPy arrays, patterns, loggers, type hints, functions and
        classes, and all of these inside each other; besides, whatever the store has a codec for.
    where
        What holds the value, for the error.
    code
        Called with a function, class or module inside the value, and `where`; returns its name.

    Raises
    ------
    DeclarationError
        Some part of the value has no digest.
    """
    return digest_bytes(json_text(_tree(value, where, code, ())).encode())


def _tree(value: Any, where: str, code: Code, around: Around) -> list[Any]:  # noqa: ANN401
    """Return nested lists of a value's types and content; `around` are the ids it lies inside."""
    if id(value) in around:
        raise _refused(where, "a value that holds itself")
    kind, around = type(value), (*around, id(value))
    numpy = kind.__module__.partition(".")[0] == "numpy"
    leaf = [] if numpy else _leaf(value)
    if not leaf and (
        isinstance(value, _CODE) or isinstance(getattr(value, "__qualname__", None), str)
    ):
        return ["code", code(value, where)]
    if numpy:
        return _array(value, where, code, around)
    name = kind.__qualname__ if leaf or kind.__module__ == "builtins" else code(kind, where)
    parts = leaf or _parts(value)
    if parts is None:
        return [name, _stored(value, where)]
    trees = parts if leaf else [_tree(part, where, code, around) for part in parts]
    if isinstance(value, set | frozenset):
        trees.sort(key=json_text)
    if held := _besides(value):
        trees.append(["and", *[_tree(part, where, code, around) for part in held]])
    return [name, *trees]


def _leaf(value: Any) -> list[Any]:  # noqa: ANN401 - any value
    """Return the content of a value that holds no others; nothing for any other value."""
    if type(value) in _PLAIN:
        return [plain(value)]
    if isinstance(value, _TEXTUAL) or type(value).__module__ == "typing":
        return [repr(value)]
    if isinstance(value, re.Pattern):
        return [repr(value.pattern), value.flags]
    if isinstance(value, logging.Logger):
        return [value.name]
    return []


def _parts(value: Any) -> list[Any] | None:  # noqa: ANN401 - any value
    """Return the values that a container or a dataclass holds; None for any other value."""
    if isinstance(value, enum.Enum):  # the source of its class says what else a value is
        return [value.name, value.value if type(value.value) in {*_PLAIN, float} else None]
    if isinstance(value, Mapping):
        return list(value.items())
    if isinstance(value, tuple | list | set | frozenset | deque):
        return list(value)
    if dataclasses.is_dataclass(value):
        names = [each.name for each in dataclasses.fields(value) if hasattr(value, each.name)]
        return [(name, getattr(value, name)) for name in names]
    return None


def _besides(value: Any) -> list[Any]:  # noqa: ANN401 - any value
    """Return what a container holds besides its items: attributes of a user's class."""
    if isinstance(value, deque):
        return [value.maxlen]
    if isinstance(value, defaultdict):
        return [value.default_factory]
    if isinstance(value, dict | list | tuple | set | frozenset):
        return [held] if (held := getattr(value, "__dict__", None)) else []
    return []


def _array(value: Any, where: str, code: Code, around: Around) -> list[Any]:  # noqa: ANN401
    import numpy as np

    if isinstance(value, np.ma.MaskedArray):
        parts = [np.ma.getdata(value), np.ma.getmaskarray(value), value.fill_value]
        return [type(value).__qualname__, *[_tree(part, where, code, around) for part in parts]]
    if isinstance(value, np.ndarray | np.generic):
        dtype = value.dtype.descr if value.dtype.names else value.dtype.str
        if value.dtype.hasobject:
            content: Any = [_tree(part, where, code, around) for part in value.ravel().tolist()]
        else:
            content = digest_bytes(value.tobytes())
        return [type(value).__qualname__, repr(dtype), list(value.shape), content]
    if isinstance(value, np.dtype):
        return [type(value).__qualname__, str(value)]
    raise _refused(where, f"a value of type {type(value).__module__}.{type(value).__qualname__}")


def _stored(value: object, where: str) -> str:
    """Return the digest of what the store would keep of a table, a model or a tensor."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            digest: str = encode(value, Path(folder) / "value")["digest"]
        except UnsupportedTypeError as error:
            kind = type(value)
            raise _refused(
                where, f"a value of type {kind.__module__}.{kind.__qualname__}"
            ) from error
    return digest


def _refused(where: str, what: str) -> DeclarationError:
    problem = f"it holds {what}, which has no digest, so a change of it would go unseen"
    fix = "make it inside the step's function, or pass it as an argument of the step"
    return DeclarationError(where, problem, fix)
