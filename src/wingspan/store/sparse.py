"""Store SciPy's sparse matrices and arrays as one .npz; class, shape and zeros are kept.

The order in which entries were added and entries that add up leave no trace: equal values give equal bytes.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wingspan.errors import UnsupportedTypeError
from wingspan.store.arrays import read_named, write_named

_KEPT_AS = {"lil": "csr", "dok": "coo"}  # formats of Python objects, by those that hold the same
_LONGEST = np.iinfo(np.int32).max


def write(value: Any, path: Path) -> None:  # noqa: ANN401 - a sparse matrix or array
    """Write a sparse matrix or array.

    Raises
    ------
    UnsupportedTypeError
        Its class adds to SciPy's own, or its values have no stable bytes.
    """
    import scipy.sparse

    kind = type(value)
    if getattr(scipy.sparse, kind.__name__, None) is not kind:
        problem = f"the class {kind.__module__}.{kind.__qualname__} adds to SciPy's own"
        raise UnsupportedTypeError("", problem, "return scipy.sparse.csr_array(value)")
    held = value.asformat(_KEPT_AS.get(value.format, value.format), copy=True)
    arrays = _diagonals(held) if held.format == "dia" else _entries(held)
    facts = {"class": kind.__name__, "format": held.format, "shape": [int(n) for n in value.shape]}
    write_named({**arrays, "facts": _as_bytes(facts)}, path)


def _as_bytes(facts: dict[str, Any]) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(facts).encode(), np.uint8)


def _entries(held: Any) -> dict[str, NDArray[Any]]:  # noqa: ANN401
    """Return the arrays of a matrix by rows, columns, blocks or coordinates, in the one order."""
    held.sum_duplicates()
    wide = max(held.nnz, *held.shape, 0) > _LONGEST
    index = np.int64 if wide else np.int32
    if held.format == "coo":
        named = {f"axis{number}": axis for number, axis in enumerate(held.coords)}
    else:
        held.sort_indices()
        held.prune()
        named = {"indices": held.indices, "indptr": held.indptr}
    return {"data": held.data, **{name: array.astype(index) for name, array in named.items()}}


def _diagonals(held: Any) -> dict[str, NDArray[Any]]:  # noqa: ANN401
    """Return the diagonals in order of their offsets, with zeros where they leave the matrix."""
    rows, columns = held.shape
    order = np.argsort(held.offsets, kind="stable")
    offsets = held.offsets[order].astype(np.int64)
    data = np.zeros((len(offsets), columns), held.data.dtype)
    width = min(columns, held.data.shape[1])
    data[:, :width] = held.data[order, :width]
    row = np.arange(columns) - offsets[:, None]
    data[(row < 0) | (row >= rows)] = 0
    return {"data": data, "offsets": offsets}


def read(path: Path, _record: dict[str, Any], _trusted: frozenset[str]) -> Any:  # noqa: ANN401
    """Read what `write` wrote."""
    import scipy.sparse

    arrays = read_named(path)
    facts = json.loads(arrays["facts"].tobytes())
    family = facts["class"].partition("_")[2]
    kind = getattr(scipy.sparse, f"{facts['format']}_{family}")
    match facts["format"]:
        case "coo":
            axes = sorted((name for name in arrays if name.startswith("axis")), key=_number)
            parts: Any = (arrays["data"], tuple(arrays[name] for name in axes))
        case "dia":
            parts = (arrays["data"], arrays["offsets"])
        case _:
            parts = (arrays["data"], arrays["indices"], arrays["indptr"])
    made = kind(parts, shape=tuple(facts["shape"]))
    return made.asformat(facts["class"].partition("_")[0])


def _number(name: str) -> int:
    return int(name.removeprefix("axis"))
