"""Store NumPy arrays as .npy, without Python objects.

Byte order, memory order and structure are kept.
"""

import io
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from wingspan.errors import UnsupportedTypeError

_UNSTABLE = "OTgG"  # Python objects, long strings, and long doubles, whose bytes are partly noise


def write(value: NDArray[Any], path: Path) -> None:
    """Write an array.

    Raises
    ------
    UnsupportedTypeError
        Its items are Python objects or long doubles, or it is of a class that adds to an array.
    """
    with path.open("wb") as file:
        write_to(value, SimpleNamespace(write=file.write))  # NumPy's own way hides a full disk


def write_to(value: NDArray[Any], file: Any) -> None:  # noqa: ANN401 - what has `write`
    """Write an array to an open file."""
    if type(value) not in {np.ndarray, np.memmap}:
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        fix = "return numpy.asarray(value); of a masked array value.data and value.mask"
        raise UnsupportedTypeError("", f"only plain arrays are stored, found a {kind}", fix)
    require_stable(value)
    with (
        warnings.catch_warnings()
    ):  # of names of fields that very old versions of NumPy cannot read
        warnings.filterwarnings("ignore", "Stored array in format")
        np.lib.format.write_array(file, without_padding(np.asarray(value)), allow_pickle=False)


def require_stable(value: NDArray[Any]) -> None:
    """Refuse an array whose bytes would not mean the same in another process."""
    if value.dtype.hasobject or value.dtype.char in _UNSTABLE:
        problem = f"an array of dtype {value.dtype} has no bytes that mean the same elsewhere"
        fix = "convert it to numbers or fixed-width text (value.astype(...)), or return a list"
        raise UnsupportedTypeError("", problem, fix)


def without_padding(value: NDArray[Any]) -> NDArray[Any]:
    """Return a structured array with zeros in the padding between its fields."""
    if value.dtype.names is None:
        return value
    order: Literal["C", "F"] = "F" if value.flags.fnc else "C"
    made = np.zeros(value.shape, value.dtype, order)  # zeros_like leaves the gaps as they are
    for name in value.dtype.names:
        made[name] = without_padding(value[name])
    return made


def read(path: Path, _record: dict[str, Any], _trusted: frozenset[str]) -> NDArray[Any]:
    """Read what `write` wrote; it is writeable."""
    with path.open("rb") as file:
        return np.asarray(np.lib.format.read_array(file, allow_pickle=False))


def write_named(arrays: dict[str, NDArray[Any]], path: Path) -> None:
    """Write several arrays to one .npz file; each must be such as `write` takes."""
    for array in arrays.values():
        require_stable(array)
    content = io.BytesIO()  # NumPy's own way to a file hides a full disk
    np.savez(content, allow_pickle=False, **arrays)
    path.write_bytes(content.getbuffer())


def read_named(path: Path) -> dict[str, NDArray[Any]]:
    """Read what `write_named` wrote."""
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}
