"""Store records of arrays as one ``.npz`` file.

Equal records give equal bytes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from wingspan.errors import CorruptError
from wingspan.files import aside


def save_arrays(file: Path, fields: Mapping[str, Any]) -> None:
    """Write arrays and numbers by name, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with aside(file) as path, path.open("wb") as opened:
        np.savez(opened, allow_pickle=False, **fields)


def load_arrays(file: Path, names: Sequence[str], what: str) -> dict[str, NDArray[Any]]:
    """Read what `save_arrays` wrote.

    Parameters
    ----------
    what
        What the file should hold, for the message.

    Raises
    ------
    CorruptError
        It holds something else.
    """
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in names}
    except (KeyError, ValueError, BadZipFile) as error:
        fix = "evaluate again; the file was changed or cut off"
        raise CorruptError(str(file), f"not {what}: {error}", fix) from error
