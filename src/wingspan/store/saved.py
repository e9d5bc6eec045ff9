"""Values of any class that can save itself to a folder and be loaded from it."""

import importlib
from pathlib import Path
from typing import Any


def write(value: Any, path: Path) -> dict[str, Any]:  # noqa: ANN401 - any class with `save` and `load`
    """Let the value save itself."""
    path.mkdir()
    value.save(path)
    kind = type(value)
    return {"class": f"{kind.__module__}:{kind.__qualname__}"}


def read(path: Path, record: dict[str, Any], _trusted: frozenset[str]) -> Any:  # noqa: ANN401
    """Let the class load it."""
    module, _, name = record["class"].partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found.load(path)
