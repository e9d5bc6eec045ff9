"""Show a value on the terminal, as JSON or as text that is bounded and safe."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path, PurePath
from typing import Any

from wingspan.errors import SettingError
from wingspan.runner.job.brief import brief
from wingspan.shown import counted, shown, shown_name

_LINES = 200  # of a text that is printed
_ROWS = 10  # of a table
_NUMBERS = 1000  # of an array that is printed in full
_LONGEST = 10_000  # characters of a line


def text_of(value: Any) -> str:  # noqa: ANN401 - whatever a step returns
    """Return a value as text of at most 200 lines."""
    lines = shown(_text(value)).splitlines() or [""]
    cut = [line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..." for line in lines[:_LINES]]
    if len(lines) > _LINES:
        cut.append(f"... {len(lines) - _LINES:,} more lines: --out FILE writes all")
    return "\n".join(cut)


def _text(value: Any) -> str:  # noqa: ANN401
    library, name = library_of(value), type(value).__name__
    if isinstance(value, str):
        return value
    if isinstance(value, PurePath):
        return _path_text(Path(value))
    if isinstance(value, bytes | bytearray):
        return f"{counted(len(value), 'byte')}\n{bytes(value[:64]).hex(' ', 1)}"
    if library == "polars":
        return _polars_text(value)
    if library == "pandas":
        return f"{brief(value)}\n{value.head(_ROWS).to_string()}"
    if library == "numpy" and name == "ndarray":
        return _array_text(value)
    if library in {"scipy", "torch"} or hasattr(value, "get_params"):
        return f"{brief(value)}\n{value!r}"
    try:
        return json.dumps(json_of(value, tables=False), indent=2, ensure_ascii=False)
    except SettingError:
        return _members_text(value)


def library_of(value: object) -> str:
    """Return the name of the library that a value's class comes from."""
    return type(value).__module__.partition(".")[0]


def _polars_text(value: Any) -> str:  # noqa: ANN401
    import polars as pl

    table = value.head(_ROWS).collect() if isinstance(value, pl.LazyFrame) else value
    with pl.Config(tbl_rows=_ROWS, tbl_cols=-1, fmt_str_lengths=40, tbl_hide_dataframe_shape=True):
        return f"{brief(value)}\n{table}"


def _array_text(value: Any) -> str:  # noqa: ANN401
    import numpy as np

    return f"{brief(value)}\n{np.array2string(value, threshold=_NUMBERS)}"


def _path_text(path: Path) -> str:
    """Return a path with the size of a file, or the files of a folder."""
    if not path.is_dir():
        size = f"  {counted(path.stat().st_size, 'byte')}" if path.exists() else ""
        return f"{path}{size}"
    files = sorted(entry for entry in path.rglob("*") if entry.is_file())
    listed = [
        f"  {shown_name(str(file.relative_to(path)))}  {counted(file.stat().st_size, 'byte')}"
        for file in files
    ]
    return "\n".join([f"{path}  {counted(len(files), 'file')}", *listed])


def _members_text(value: Any) -> str:  # noqa: ANN401
    """Return a line for each member of a container that JSON cannot hold."""
    members = members_of(value)
    if members is None:
        return f"{brief(value)}\n{value!r}" if is_dataclass(value) else brief(value)
    return "\n".join(f"{shown_name(name)}: {brief(each)}" for name, each in members.items())


def members_of(value: Any) -> dict[str, Any] | None:  # noqa: ANN401
    """Return the members of a dict, NamedTuple, dataclass or list by name; None for others."""
    if isinstance(value, Mapping):
        plain = {str(name): each for name, each in value.items()}
        if len(plain) == len(value):
            return plain
        return {repr(name): each for name, each in value.items()}  # 1 and "1": neither may be lost
    if hasattr(value, "_asdict"):
        return dict(value._asdict())
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, list | tuple):
        return {str(place): each for place, each in enumerate(value)}
    return None


def json_of(value: Any, *, tables: bool = True) -> Any:  # noqa: ANN401 - JSON
    """Return a value as JSON's types: nan as null, a table as a list of rows if `tables`.

    Raises
    ------
    SettingError
        JSON cannot hold it.
    """
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or (isinstance(value, bool | int | str) and not isinstance(value, Enum)):
        return value
    plain = _plain(value)
    if plain is None and (tables or not getattr(value, "shape", ())):
        plain = _listed(value)
    if isinstance(plain, str | int | float):
        return json_of(plain)
    if plain is not None:
        return [json_of(each, tables=tables) for each in plain]
    members = members_of(value)
    if members is None:
        fix = "leave --json out, or write it to a file: --out FILE"
        raise SettingError("--json", f"JSON cannot hold {brief(value)}", fix)
    return {name: json_of(each, tables=tables) for name, each in members.items()}


def _listed(value: Any) -> Any:  # noqa: ANN401
    """Return the rows of a table, numbers of an array, or members of a list or set; else None."""
    rows = rows_of(value)
    if rows is not None:
        return rows
    for method in ("tolist", "to_list"):  # of arrays and columns; a number gives itself
        if hasattr(value, method):
            return getattr(value, method)()
    if isinstance(value, set | frozenset):
        return sorted(value, key=lambda each: json.dumps(json_of(each)))
    named = hasattr(value, "_asdict")
    return value if isinstance(value, list | tuple | range) and not named else None


def _plain(value: object) -> Any:  # noqa: ANN401
    """Return a text or a number for values that have one; else None."""
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value) if isinstance(value, Decimal | PurePath | complex) else None


def rows_of(value: Any) -> Iterable[Mapping[str, Any]] | None:  # noqa: ANN401
    """Return the rows of a table of polars or pandas by column; None for other values."""
    library, name = library_of(value), type(value).__name__
    if library == "polars" and name in {"DataFrame", "LazyFrame"}:
        table = value.collect() if name == "LazyFrame" else value
        return table.iter_rows(named=True)  # type: ignore[no-any-return]
    if library == "pandas" and name == "DataFrame":
        return value.to_dict("records")  # type: ignore[no-any-return]
    return None
