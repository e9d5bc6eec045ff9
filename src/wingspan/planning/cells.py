"""Take the source of notebook cells along to a job, so that its tracebacks show the lines."""

import linecache
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Carried:
    """A function with the cells that its code is written in, as name of the cell to source."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._cells: dict[str, str] = {}

    def note(self, function: types.FunctionType) -> None:
        """Attach the source of a function's cell; functions in files need none."""
        name = function.__code__.co_filename
        if name in self._cells or Path(name).exists():
            return
        source = "".join(linecache.getlines(name))
        if source:
            self._cells[name] = source

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        return _restored, (self._function, self._cells)  # the cells are noted while it is pickled


def _restored(function: Callable[..., Any], cells: dict[str, str]) -> Callable[..., Any]:
    """Return the function; from now on tracebacks find the sources of its cells."""
    for name, source in cells.items():
        lines = source.splitlines(keepends=True)
        linecache.cache[name] = (len(source), None, lines, name)  # None: never looked for on disk
    return function
