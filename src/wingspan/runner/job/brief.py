"""Describe a value in a few words: short values as they are, others by kind and size."""

from collections.abc import Iterable, Mapping
from datetime import date, time, timedelta
from enum import Enum
from pathlib import PurePath
from typing import Any

from wingspan.shown import counted, shown_name

_LONGEST = 100  # characters
_MOST = 20  # members of a container that is shown in full
_DIGITS = 6  # of a number that is not whole
_BITS = 200  # of a whole number that is shown


def brief(value: object) -> str:
    """Describe a value on one line of at most 100 characters, without importing its library."""
    try:
        text = _text(value, 0)
    except Exception:  # noqa: BLE001 - a class of the user's that is not what it inherits from
        text = type(value).__name__
    if len(text) > _LONGEST and isinstance(value, str):
        return f"{text[: _LONGEST - 3]}..."
    return text if len(text) <= _LONGEST else _kind(value)[:_LONGEST]


def brief_result(result: Mapping[str, Any]) -> str:
    """Return the values of a step's result.json in a few words; empty for None alone."""
    shown: Mapping[str, str] = result.get("shown") or {}
    texts = [
        shown[output] if output == "value" else f"{output}: {shown[output]}"
        for output in result.get("fields", shown)
        if output in shown
    ]
    return "" if texts == ["None"] else "; ".join(texts)


def _text(value: object, depth: int) -> str:
    if isinstance(value, Enum):
        return value.name
    if value is None or isinstance(value, bool | date | time | timedelta):
        return str(value)
    if type(value).__module__ in {"decimal", "fractions", "uuid"}:
        return str(value)
    if isinstance(value, float):
        return f"{value:.{_DIGITS}g}"
    if isinstance(value, int):
        return str(value) if value.bit_length() <= _BITS else _kind(value)
    if isinstance(value, str):
        text = shown_name(value[: 2 * _LONGEST])
        return f'"{text}"' if depth else text
    return _inside(value, depth)


def _inside(value: Any, depth: int) -> str:  # noqa: ANN401
    """Return a small container with its members."""
    small = isinstance(value, dict | list | tuple | set | frozenset) and len(value) <= _MOST
    if not small or depth > 2:
        return _kind(value)
    if isinstance(value, dict):
        pairs = (f"{_text(name, 0)}: {_text(each, depth + 1)}" for name, each in value.items())
        return f"{{{', '.join(pairs)}}}"
    if hasattr(value, "_asdict"):
        named = value._asdict()
        pairs = (f"{name}={_text(each, depth + 1)}" for name, each in named.items())
        return f"{type(value).__name__}({', '.join(pairs)})"
    ends = "()" if isinstance(value, tuple) else "[]" if isinstance(value, list) else "{}"
    members: Iterable[str] = (_text(each, depth + 1) for each in value)
    if isinstance(value, set | frozenset):
        members = sorted(members)
    return f"{ends[0]}{', '.join(members)}{ends[1]}"


def _kind(value: object) -> str:
    """Return the kind of a value and its size."""
    name = type(value).__name__
    library = type(value).__module__.partition(".")[0]
    shape = (
        getattr(value, "shape", None)
        if library in {"polars", "pandas", "numpy", "torch", "scipy"}
        else None
    )
    if library in {"polars", "pandas"}:
        return _table(name, shape)
    if isinstance(shape, tuple) and not (shape or library != "numpy"):
        return (
            str(value)
            if name != "ndarray"
            else f"array of one {getattr(value, 'dtype', '')}".rstrip()
        )
    if isinstance(shape, tuple):
        kind = "array" if name == "ndarray" else name
        sizes = " x ".join(f"{size:,}" for size in shape)
        return f"{kind} {sizes} {getattr(value, 'dtype', '')}".rstrip()
    if isinstance(value, PurePath):
        return f"file {shown_name(value.name)}"
    if isinstance(value, bytes | bytearray):
        return counted(len(value), "byte")
    if isinstance(value, Mapping | set | frozenset | list | tuple):
        return f"{name} of {len(value):,}"
    return name


def _table(name: str, shape: object) -> str:
    if not isinstance(shape, tuple):
        return "table that is computed when it is read" if name == "LazyFrame" else name
    if len(shape) == 1:
        return f"column of {shape[0]:,} row{'' if shape[0] == 1 else 's'}"
    return f"table {shape[0]:,} x {shape[1]:,}"
