"""Values of any class that can save itself to a folder and be loaded from it."""

from pathlib import Path
from typing import Any

from wingspan.store.classes import reference, resolve


def write(value: Any, path: Path) -> dict[str, Any]:  # noqa: ANN401 - any class with `save` and `load`
    """Let the value save itself."""
    named = reference(type(value))
    path.mkdir()
    value.save(path)
    return {"class": named}


def read(path: Path, record: dict[str, Any], _trusted: frozenset[str]) -> Any:  # noqa: ANN401
    """Let the class load it."""
    kind: Any = resolve(record["class"])
    return kind.load(path)
