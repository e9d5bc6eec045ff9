"""NumPy arrays <-> .npy, never with Python objects inside."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wingspan.errors import UnsupportedTypeError


def write(value: NDArray[Any], path: Path) -> None:
    """Write an array.

    Raises
    ------
    UnsupportedTypeError
        Its items are Python objects.
    """
    if value.dtype.hasobject:
        problem = f"an array of dtype {value.dtype} holds Python objects"
        raise UnsupportedTypeError(
            "type numpy.ndarray",
            problem,
            "convert it to numbers or fixed-width text, or return a list",
        )
    with path.open("wb") as file:
        np.lib.format.write_array(file, np.asarray(value), allow_pickle=False)


def read(path: Path, _record: dict[str, Any], _trusted: frozenset[str]) -> NDArray[Any]:
    """Read what `write` wrote."""
    with path.open("rb") as file:
        return np.asarray(np.lib.format.read_array(file, allow_pickle=False))
