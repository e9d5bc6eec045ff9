"""Note the files that libraries such as polars and pyarrow read without Python's ``open``.

A library that a template has imported is changed at once, another one when the job imports it.
"""

import contextlib
import functools
import glob
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_READERS = {
    "ctypes": ("CDLL.__init__",),
    "cv2": ("imread", "VideoCapture"),
    "duckdb": ("read_*", "from_*", "connect"),
    "fastparquet": ("ParquetFile.__init__",),
    "h5py": ("File.__init__",),
    "lightgbm": ("Dataset.__init__", "Booster.__init__"),
    "netCDF4": ("Dataset",),
    "numpy": ("loadtxt", "genfromtxt", "fromregex"),
    "pandas": ("read_parquet", "read_feather", "read_orc", "HDFStore.__init__"),
    "polars": ("read_*", "scan_*"),
    "pyarrow": ("memory_map", "input_stream", "OSFile"),
    "pyarrow.csv": ("read_csv", "open_csv"),
    "pyarrow.dataset": ("dataset", "parquet_dataset"),
    "pyarrow.feather": ("read_*",),
    "pyarrow.json": ("read_json", "open_json"),
    "pyarrow.orc": ("read_table", "ORCFile.__init__"),
    "pyarrow.parquet": ("read_*", "ParquetFile.__init__", "ParquetDataset.__init__"),
    "safetensors": ("safe_open",),
    "safetensors.numpy": ("load_file",),
    "safetensors.torch": ("load_file", "load_model"),
    "sqlite3": ("connect",),
    "tables": ("open_file",),
    "xgboost": ("DMatrix.__init__", "Booster.load_model", "XGBModel.load_model"),
}
"""Module -> functions, or methods of a class, whose arguments may be paths of files that they read."""

Note = Callable[[str], None]


def watch_libraries(note: Note) -> None:
    """From now on, call `note` with each path that one of these functions gets."""
    for name in _READERS:
        if name in sys.modules:
            _change(sys.modules[name], note)
    sys.meta_path.insert(0, _Finder(note))


class _Finder:
    """Finds the modules that later finders find, and changes them when they are imported."""

    def __init__(self, note: Note) -> None:
        self._note = note

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return where a library is that reads files by itself; None for other modules."""
        if name not in _READERS:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        found = (finder.find_spec(name, path, target) for finder in others)
        spec = next(filter(None, found), None)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def run_and_change(module: ModuleType) -> None:
                run(module)
                _change(module, self._note)

            spec.loader.exec_module = run_and_change  # type: ignore[method-assign]
        return spec


def _change(module: ModuleType, note: Note) -> None:
    """Replace each reader by a function that notes its arguments."""
    for pattern in _READERS[module.__name__]:
        holder, _, name = pattern.rpartition(".")
        place: Any = getattr(module, holder, None) if holder else module
        names = [n for n in vars(module) if n.startswith(name[:-1])] if name[-1] == "*" else [name]
        for each in names:
            reader = getattr(place, each, None)
            if callable(reader):
                setattr(place, each, _noting(reader, note))


def _noting(reader: Callable[..., Any], note: Note) -> Callable[..., Any]:
    @functools.wraps(reader, updated=())
    def read(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the reader has it
        with contextlib.suppress(Exception):  # no fault in here may reach the step's code
            for path in _paths((*args, *kwargs.values())):
                note(path)
        return reader(*args, **kwargs)

    return read


def _paths(values: Iterable[object]) -> Iterator[str]:
    """Yield the arguments that are existing paths, and the matches of patterns."""
    for value in values:
        if isinstance(value, str | os.PathLike):
            text = os.fspath(value)
            if not isinstance(text, str) or "\0" in text or "\n" in text:
                continue
            if text.startswith("file:"):
                text = text.removeprefix("file:").partition("?")[0]
            if os.path.exists(text):  # noqa: PTH110
                yield text
            elif glob.has_magic(text):
                yield from glob.iglob(text, recursive=True)  # noqa: PTH207 - relative or not
        elif isinstance(value, list | tuple):
            yield from _paths(value)
