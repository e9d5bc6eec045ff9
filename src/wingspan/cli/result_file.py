"""Write a value to a file, in the format of the file's suffix."""

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath
from typing import Any

from wingspan.cli.values import json_of, library_of, members_of, rows_of
from wingspan.errors import SettingError, WingspanError
from wingspan.files import aside, copy
from wingspan.runner.job.brief import brief
from wingspan.store.codec import encode

Writer = Callable[[Any, Path], object]
ANY = ""  # the ending that stands for all others


def write_value(value: Any, file: Path, step: str = "STEP") -> None:  # noqa: ANN401 - whatever a step returns
    """Write the value of a step to a file, whole or not at all; replace an existing file.

    Raises
    ------
    SettingError
        The value cannot be written in this format.
    """
    writers = writers_of(value)
    write = writers.get(file.suffix.lower(), writers.get(ANY))
    if write is None:
        ending = f"as {file.suffix}" if file.suffix else "to a file without an ending"
        known = (
            f"name a file that ends with {', '.join(writers)}" if writers else "use it in Python"
        )
        fields = getattr(value, "_fields", ())  # of a NamedTuple, each of which may be written so
        if fields:
            known += f"; or write one field: wingspan show {step}.{fields[0]} --out {file}"
        raise SettingError(f"--out {file}", f"{brief(value)} cannot be written {ending}", known)
    try:
        with aside(file) as temporary:
            write(value, temporary)
    except (WingspanError, OSError):
        raise
    except Exception as error:  # the libraries have no common class of errors
        problem = f"{brief(value)} cannot be written as {file.suffix}: {error}"
        others = ", ".join(each for each in writers if each != file.suffix) or "another format"
        raise SettingError(f"--out {file}", problem, f"write it as {others}") from error


def writers_of(value: Any) -> dict[str, Writer]:  # noqa: ANN401
    """Return the functions that write a value, by the suffix of the file."""
    library, name = library_of(value), type(value).__name__
    if isinstance(value, PurePath):
        return {ANY: lambda path, file: copy(Path(path), file)}
    if isinstance(value, str | bytes | bytearray):
        return {ANY: _content}
    if library == "polars":
        return _POLARS
    if library == "pandas":
        return _PANDAS
    if library == "numpy" and name == "ndarray":
        return _ARRAY if value.ndim in {1, 2} else {".npy": _npy, ".json": _json}
    if library == "matplotlib":
        return {f".{kind}": _figure(kind) for kind in ("png", "svg", "pdf")}
    if library == "torch":
        return {".safetensors": _stored, ".json": _json}
    if hasattr(value, "get_params"):
        return {".skops": _stored}
    return _plain_writers(value)


def _content(value: str | bytes, file: Path) -> None:
    file.write_bytes(value.encode() if isinstance(value, str) else value)


def _plain_writers(value: Any) -> dict[str, Writer]:  # noqa: ANN401
    """Return the writers of a value that JSON can hold."""
    try:
        json_of(value)
    except SettingError:
        return {}
    return {".json": _json} | ({".csv": _rows} if _flat_rows(value) else {})


def _json(value: Any, file: Path) -> None:  # noqa: ANN401
    file.write_text(json.dumps(json_of(value), indent=2, ensure_ascii=False) + "\n")


def _json_lines(value: Any, file: Path) -> None:  # noqa: ANN401
    with file.open("w") as lines:
        for row in rows_of(_framed(value)) or ():
            lines.write(json.dumps(json_of(row), ensure_ascii=False) + "\n")


def _framed(value: Any) -> Any:  # noqa: ANN401
    """Return a table; a column becomes a table with its name."""
    return value.to_frame() if type(value).__name__ == "Series" else value


def _rows_json(value: Any, file: Path) -> None:  # noqa: ANN401
    _json(_framed(value), file)


def _polars(method: str, **options: object) -> Writer:
    def write(value: Any, file: Path) -> None:  # noqa: ANN401
        getattr(_framed(value).lazy().collect(), method)(file, **options)

    return write


def _pandas(separator: str) -> Writer:
    def write(value: Any, file: Path) -> None:  # noqa: ANN401
        named = type(value.index).__name__ != "RangeIndex"
        _framed(value).to_csv(file, sep=separator, index=named)

    return write


def _npy(value: Any, file: Path) -> None:  # noqa: ANN401
    import numpy as np

    with file.open("wb") as out:  # by its name it would get another ending
        np.save(out, value, allow_pickle=False)


def _array_csv(value: Any, file: Path) -> None:  # noqa: ANN401
    with file.open("w", newline="") as out:
        rows = value.tolist()
        csv.writer(out).writerows(rows if value.ndim == 2 else [[each] for each in rows])


def _figure(kind: str) -> Writer:
    return lambda figure, file: figure.savefig(file, format=kind)


def _stored(value: Any, file: Path) -> None:  # noqa: ANN401
    """Write a value as the store does."""
    encode(value, file)


def _flat_rows(value: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """Return a value's rows for a CSV file; empty if CSV cannot hold them.

    A list of dicts has rows; so has a dict of dicts or of plain values.
    """
    if isinstance(value, Mapping):
        rows = [{"name": str(name)} | _row(each) for name, each in value.items()]
    elif isinstance(value, list):
        rows = [_row(each) for each in value]
    else:
        return []
    plain = all(not isinstance(each, list | dict) for row in rows for each in row.values())
    return rows if plain else []


def _row(value: Any) -> dict[str, Any]:  # noqa: ANN401
    members = (
        None
        if isinstance(value, list | tuple) and not hasattr(value, "_asdict")
        else members_of(value)
    )
    return (
        {"value": json_of(value)}
        if members is None
        else {n: json_of(each) for n, each in members.items()}
    )


def _rows(value: Any, file: Path) -> None:  # noqa: ANN401
    rows = _flat_rows(value)
    columns = dict.fromkeys(name for row in rows for name in row)
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, list(columns))
        writer.writeheader()
        writer.writerows(rows)


_POLARS: dict[str, Writer] = {
    ".csv": _polars("write_csv"),
    ".tsv": _polars("write_csv", separator="\t"),
    ".parquet": _polars("write_parquet"),
    ".json": _rows_json,
    ".jsonl": _json_lines,
}
_PANDAS: dict[str, Writer] = {
    ".csv": _pandas(","),
    ".tsv": _pandas("\t"),
    ".parquet": lambda value, file: _framed(value).to_parquet(file),
    ".json": _rows_json,
    ".jsonl": _json_lines,
}
_ARRAY: dict[str, Writer] = {".npy": _npy, ".csv": _array_csv, ".json": _json}
