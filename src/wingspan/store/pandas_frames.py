"""Tables and columns of pandas <-> a folder of arrays, one per column and index level, with names and dtypes.

Numbers, booleans, dates, text and categories, with missing values; other columns of Python objects are refused.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wingspan.errors import UnsupportedTypeError

if TYPE_CHECKING:
    import pandas as pd


def write(value: "pd.DataFrame | pd.Series[Any]", path: Path) -> None:
    """Write a table or a column with its index."""
    frame = value.to_frame() if value.ndim == 1 else value
    path.mkdir()
    index = [
        _write(frame.index.get_level_values(i), path / f"index{i}")
        for i in range(frame.index.nlevels)
    ]
    columns = [_write(frame.iloc[:, i].array, path / f"column{i}") for i in range(frame.shape[1])]
    facts = {
        "names": [_name(name) for name in frame.columns],
        "index_names": [_name(name) for name in frame.index.names],
        "named": value.ndim == 2 or value.name is not None,
        "columns": columns,
        "index": index,
    }
    (path / "frame.json").write_text(json.dumps(facts, separators=(",", ":")))


def read(
    path: Path, record: dict[str, Any], _trusted: frozenset[str]
) -> "pd.DataFrame | pd.Series[Any]":
    """Read what `write` wrote."""
    import pandas as pd

    facts = json.loads((path / "frame.json").read_text())
    levels = [pd.Index(_read(path / f"index{i}", dtype)) for i, dtype in enumerate(facts["index"])]
    if len(levels) == 1:
        index = levels[0].rename(facts["index_names"][0])
    else:
        index = pd.MultiIndex.from_arrays(levels, names=facts["index_names"])
    columns = {
        i: pd.Series(_read(path / f"column{i}", dtype), index=index)
        for i, dtype in enumerate(facts["columns"])
    }
    frame = pd.DataFrame(columns, index=index)
    frame.columns = pd.Index(facts["names"])
    if record["codec"].startswith("pandas-series"):
        column = frame.iloc[:, 0]
        return column if facts["named"] else column.rename(None)
    return frame


def _name(name: object) -> str | int | None:
    if name is None or isinstance(name, str | int):
        return name
    raise UnsupportedTypeError(
        "type pandas.DataFrame", f"the column name {name!r} is no text", "rename the column"
    )


def _write(column: Any, path: Path) -> str:  # noqa: ANN401 - an Index or an ExtensionArray
    """Write one column; return its dtype as text, or ``category``."""
    import pandas as pd

    dtype = column.dtype
    path.mkdir()
    if isinstance(dtype, pd.CategoricalDtype):
        values = pd.Categorical(column)
        np.save(path / "values.npy", np.asarray(values.codes), allow_pickle=False)
        inner = _write(values.categories, path / "categories")
        return json.dumps(["category", inner, bool(dtype.ordered)])
    missing = np.asarray(pd.isna(column))
    if isinstance(dtype, np.dtype) and dtype.kind in "biufcmM":
        np.save(path / "values.npy", np.asarray(column), allow_pickle=False)
        return str(dtype)
    if pd.api.types.is_string_dtype(dtype) or dtype == object:
        words = [None if gone else word for word, gone in zip(column, missing, strict=True)]
        if not all(word is None or type(word) is str for word in words):
            problem = "a column holds Python objects that are not text"
            raise UnsupportedTypeError(
                "type pandas.DataFrame", problem, "convert the column to numbers or text"
            )
        (path / "values.json").write_text(json.dumps(words))
        return str(dtype)
    if isinstance(dtype, pd.DatetimeTZDtype):
        np.save(
            path / "values.npy",
            np.asarray(column.tz_convert("UTC").tz_localize(None)),
            allow_pickle=False,
        )
        return str(dtype)
    if pd.api.types.is_extension_array_dtype(dtype) and pd.api.types.is_numeric_dtype(dtype):
        kind = np.dtype(str(dtype).lower().replace("boolean", "bool"))
        np.save(path / "values.npy", np.where(missing, 0, column).astype(kind), allow_pickle=False)
        np.save(path / "missing.npy", missing, allow_pickle=False)
        return str(dtype)
    raise UnsupportedTypeError(
        "type pandas.DataFrame", f"a column is of dtype {dtype}", "convert it to another dtype"
    )


def _read(path: Path, dtype: str) -> Any:  # noqa: ANN401 - an array of pandas or NumPy
    import pandas as pd

    if dtype.startswith("["):
        _, inner, ordered = json.loads(dtype)
        categories = pd.Index(_read(path / "categories", inner))
        return pd.Categorical.from_codes(
            np.load(path / "values.npy"), categories=categories, ordered=ordered
        )
    if (path / "values.json").exists():
        return pd.array(json.loads((path / "values.json").read_text()), dtype=dtype)
    values = np.load(path / "values.npy", allow_pickle=False)
    if (path / "missing.npy").exists():
        filled = pd.array(values, dtype=dtype)
        filled[np.load(path / "missing.npy")] = pd.NA
        return filled
    if "," in dtype:  # datetime64[unit, zone]
        return pd.Series(values).dt.tz_localize("UTC").astype(dtype).array
    return values
