"""Store pandas tables and columns as one .npz, with dtypes and index as ``facts`` in JSON.

Numbers, booleans, dates, periods, intervals, text, categories, and columns of plain Python values; all with what is
missing in them. Sparse and Arrow columns are refused.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wingspan.errors import UnsupportedTypeError
from wingspan.store.arrays import read_named, require_stable, write_named
from wingspan.store.tree import from_tree, to_tree, tree_text

if TYPE_CHECKING:
    import pandas as pd

Facts = dict[str, Any]
_FACTS = "facts"


def write(value: "pd.DataFrame | pd.Series[Any]", path: Path) -> None:
    """Write a table or a column with its index.

    Raises
    ------
    UnsupportedTypeError
        A column cannot be stored, or the value is of a class that adds to a table.
    """
    import pandas as pd

    if type(value) not in {pd.DataFrame, pd.Series}:
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        raise _refused(f"the class {kind} adds to pandas' own", "return pandas.DataFrame(value)")
    arrays: list[NDArray[Any]] = []
    facts: Facts = {"index": _write_index(value.index, arrays)}
    if isinstance(value, pd.Series):
        facts |= {"name": _write_name(value.name), "column": _write(value.array, arrays)}
    else:
        facts["names"] = _write_index(value.columns, arrays)
        facts["columns"] = _write_columns(value, arrays)
    if value.attrs:
        facts["attrs"] = to_tree(value.attrs, lambda _: None, _refuse_attribute)
    text = np.frombuffer(tree_text(facts).encode(), np.uint8)
    named = {str(number): array for number, array in enumerate(arrays)}
    write_named({**named, _FACTS: text}, path)


def _write_columns(frame: "pd.DataFrame", arrays: list[NDArray[Any]]) -> list[Facts]:
    found: list[Facts] = []
    try:
        for place in range(frame.shape[1]):
            start = len(arrays)
            found.append(_write(frame.iloc[:, place].array, arrays))
            for array in arrays[start:]:
                require_stable(array)
    except UnsupportedTypeError as error:
        error.where = f"[{frame.columns[place]!r}]"
        raise
    return found


def read(path: Path, record: Facts, _trusted: frozenset[str]) -> "pd.DataFrame | pd.Series[Any]":
    """Read what `write` wrote."""
    import pandas as pd

    named = read_named(path)
    facts = json.loads(named.pop(_FACTS).tobytes())
    arrays = [named[str(number)] for number in range(len(named))]
    index = _read_index(facts["index"], arrays)
    attrs = _read_name(facts.get("attrs", {}))
    if record["codec"].startswith("pandas-series"):
        series = _series(facts["column"], arrays, index).rename(_read_name(facts["name"]))
        series.attrs = attrs
        return series
    columns = {place: _series(fact, arrays, index) for place, fact in enumerate(facts["columns"])}
    frame = pd.DataFrame(columns, index=index)
    frame.columns = _read_index(facts["names"], arrays)
    frame.attrs = attrs
    return frame


def _refused(problem: str, fix: str) -> UnsupportedTypeError:
    return UnsupportedTypeError("", problem, fix)


def _write_name(name: object) -> Any:  # noqa: ANN401 - JSON
    """Return the tree of the name of a column or an index level."""
    return to_tree(name, lambda _: None, _refuse_name)


def _refuse_attribute(value: object) -> Any:  # noqa: ANN401 - raises
    raise _refused(f"the attribute {value!r} is not a plain value", "remove it from .attrs")


def _refuse_name(name: object) -> Any:  # noqa: ANN401 - raises
    raise _refused(f"the name {name!r} is not a plain value", "rename it")


def _read_name(tree: Any) -> Any:  # noqa: ANN401
    return from_tree(tree, dict)


def _write_index(index: "pd.Index[Any]", arrays: list[NDArray[Any]]) -> Facts:
    import pandas as pd

    names = [_write_name(name) for name in index.names]
    if isinstance(index, pd.RangeIndex):
        return {"names": names, "range": [index.start, index.stop, index.step]}
    if isinstance(index, pd.MultiIndex):
        levels = [_write_index(level, arrays) for level in index.levels]
        codes = [_add(np.asarray(code), arrays) for code in index.codes]
        return {"names": names, "levels": levels, "codes": codes}
    facts = {"names": names, "values": _write(index.array, arrays)}
    if isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex):
        facts["step"] = index.freqstr
    return facts


def _read_index(facts: Facts, arrays: list[NDArray[Any]]) -> Any:  # noqa: ANN401 - an index
    import pandas as pd

    names = [_read_name(name) for name in facts["names"]]
    if "range" in facts:
        return pd.RangeIndex(*facts["range"], name=names[0])
    if "levels" in facts:
        levels = [_read_index(level, arrays) for level in facts["levels"]]
        codes = [arrays[number] for number in facts["codes"]]
        return pd.MultiIndex(levels=levels, codes=codes, names=names, verify_integrity=False)
    values = _read(facts["values"], arrays)
    index: Any = pd.Index(values, dtype=values.dtype, tupleize_cols=False).set_names(names)
    if facts.get("step"):
        index.freq = facts["step"]
    return index


def _add(array: NDArray[Any], arrays: list[NDArray[Any]]) -> int:
    arrays.append(array)
    return len(arrays) - 1


def _write(column: Any, arrays: list[NDArray[Any]]) -> Facts:  # noqa: ANN401 - an ExtensionArray
    """Note the arrays of one column; return its dtype and their numbers."""
    import pandas as pd

    kinds = pd.arrays
    dtype = column.dtype
    facts: Facts = {"dtype": str(dtype)}
    match column:
        case pd.Categorical():
            facts |= {"dtype": "category", "ordered": bool(column.ordered)}
            facts["categories"] = _write_index(column.categories, arrays)
            return facts | {"values": _add(np.asarray(column.codes), arrays)}
        case kinds.IntervalArray():
            left, right = (_write_index(side, arrays) for side in (column.left, column.right))
            return {"dtype": "interval", "closed": column.closed, "left": left, "right": right}
        case _ if isinstance(dtype, pd.StringDtype):
            facts |= {
                "storage": dtype.storage,
                "absent": "NA" if dtype.na_value is pd.NA else "nan",
            }
            return facts | {"items": [None if pd.isna(word) else str(word) for word in column]}
        case kinds.IntegerArray() | kinds.FloatingArray() | kinds.BooleanArray():
            gone = np.asarray(column.isna())
            kind = column.dtype.numpy_dtype
            filled = column.to_numpy(dtype=kind, na_value=kind.type(0))
            return facts | {"values": _add(filled, arrays), "missing": _add(gone, arrays)}
        case kinds.NumpyExtensionArray():
            plain = column.to_numpy()
            if not plain.dtype.hasobject:
                return facts | {"dtype": str(plain.dtype), "values": _add(plain, arrays)}
            return facts | {"items": [to_tree(item, _absent, _refuse_item) for item in column]}
        case kinds.DatetimeArray() | kinds.TimedeltaArray() if isinstance(dtype, np.dtype):
            return facts | {"values": _add(np.asarray(column), arrays)}
        case kinds.DatetimeArray() | kinds.PeriodArray() if _named(dtype):
            return facts | {"values": _add(np.asarray(column.asi8), arrays)}
    raise _refused(f"a column is of dtype {dtype}", "convert it to another dtype")


def _named(dtype: Any) -> bool:  # noqa: ANN401
    """Return whether a dtype can be made again from its name."""
    import pandas as pd

    try:
        return bool(pd.api.types.pandas_dtype(str(dtype)) == dtype)
    except (TypeError, ValueError, KeyError):
        return False


def _absent(item: object) -> Any:  # noqa: ANN401 - JSON
    """Return the node of pandas' two words for what is missing; None for anything else."""
    import pandas as pd

    if item is pd.NA:
        return {"$": "part", "absent": "NA"}
    return {"$": "part", "absent": "NaT"} if item is pd.NaT else None


def _refuse_item(item: object) -> Any:  # noqa: ANN401 - raises
    kind = type(item)
    problem = f"a column of Python objects holds a {kind.__module__}.{kind.__qualname__}"
    raise _refused(problem, "convert the column to numbers, dates or text")


def _series(facts: Facts, arrays: list[NDArray[Any]], index: Any) -> "pd.Series[Any]":  # noqa: ANN401
    import pandas as pd

    values = _read(facts, arrays)
    return pd.Series(values, index=index, dtype=values.dtype, copy=False)


def _read(facts: Facts, arrays: list[NDArray[Any]]) -> Any:  # noqa: ANN401 - an array of pandas or NumPy
    import pandas as pd

    name = facts["dtype"]
    match facts:
        case {"categories": categories}:
            index = _read_index(categories, arrays)
            codes = arrays[facts["values"]]
            dtype = pd.CategoricalDtype(index, ordered=facts["ordered"])
            return pd.Categorical.from_codes(codes, dtype=dtype)
        case {"closed": closed}:
            left, right = (_read_index(facts[side], arrays) for side in ("left", "right"))
            return pd.arrays.IntervalArray.from_arrays(left, right, closed=closed)
        case {"storage": storage, "absent": absent, "items": items}:
            missing = pd.NA if absent == "NA" else np.nan
            return pd.array(items, dtype=pd.StringDtype(storage, na_value=missing))
        case {"items": items}:
            made = np.empty(len(items), dtype=object)
            made[:] = [from_tree(item, lambda node: getattr(pd, node["absent"])) for item in items]
            return made
        case {"missing": missing}:
            filled = pd.array(arrays[facts["values"]], dtype=name)
            filled[arrays[missing]] = pd.NA
            return filled
    values = arrays[facts["values"]]
    if name.startswith("period"):
        return pd.arrays.PeriodArray(values, dtype=pd.PeriodDtype(name[7:-1]))
    if not name.startswith("datetime64") or "," not in name:
        return values
    dtype = pd.api.types.pandas_dtype(name)
    utc = pd.Series(values.view(f"datetime64[{dtype.unit}]")).dt.tz_localize("UTC")
    return utc.dt.tz_convert(dtype.tz).array
