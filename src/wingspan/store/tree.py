"""Containers, records and plain values <-> JSON. What JSON cannot say is an object with ``"$"`` that says what it is."""

import dataclasses
import datetime as dt
import enum
import importlib
import json
import math
import sys
from collections.abc import Callable
from typing import Any

from wingspan.errors import NotFoundError, UnsupportedTypeError

NoteLeaf = Callable[[object], int | None]
ReadLeaf = Callable[[int], Any]
_TIMES = (dt.datetime, dt.date, dt.time)


def class_at_hand(name: str) -> type | None:
    """Return a class by its qualified name if its module is imported already."""
    module, _, rest = name.rpartition(".")
    while module:
        if module in sys.modules:
            found: Any = sys.modules[module]
            for part in rest.split("."):
                found = getattr(found, part, None)
            return found if isinstance(found, type) else None
        module, _, more = module.rpartition(".")
        rest = f"{more}.{rest}"
    return None


def dismantle(value: Any, note_leaf: NoteLeaf) -> Any:  # noqa: ANN401
    """Return the JSON of a value; `note_leaf` takes what has a file format of its own and gives it a number."""
    number = note_leaf(value)
    if number is not None:
        return {"$": "leaf", "number": number}
    if value is None or type(value) in {bool, int, str}:
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"$": "float", "value": repr(value)}
    if type(value) is list:
        return [dismantle(item, note_leaf) for item in value]
    if type(value) is dict:
        return _dismantle_dict(value, note_leaf)
    return _dismantle_other(value, note_leaf)


def _dismantle_dict(value: dict[Any, Any], note_leaf: NoteLeaf) -> Any:  # noqa: ANN401
    if all(type(key) is str for key in value) and "$" not in value:
        return {key: dismantle(item, note_leaf) for key, item in value.items()}
    items = [[dismantle(key, note_leaf), dismantle(item, note_leaf)] for key, item in value.items()]
    return {"$": "dict", "items": items}


def _dismantle_other(value: Any, note_leaf: NoteLeaf) -> dict[str, Any]:  # noqa: ANN401
    kind = type(value)
    if isinstance(value, enum.Enum):
        return {"$": "enum", "class": _class_path(kind), "name": value.name}
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        fields = {name: dismantle(getattr(value, name), note_leaf) for name in kind._fields}
        return {"$": "record", "class": _class_path(kind), "fields": fields}
    if dataclasses.is_dataclass(value):
        fields = {
            f.name: dismantle(getattr(value, f.name), note_leaf)
            for f in dataclasses.fields(value)
            if f.init
        }
        return {"$": "record", "class": _class_path(kind), "fields": fields}
    if kind is tuple:
        return {"$": "tuple", "items": [dismantle(item, note_leaf) for item in value]}
    if kind in {set, frozenset}:
        items = sorted((dismantle(item, note_leaf) for item in value), key=json.dumps)
        return {"$": kind.__name__, "items": items}
    if kind is range:
        return {"$": "range", "items": [value.start, value.stop, value.step]}
    if kind in _TIMES:
        return {"$": kind.__name__, "value": value.isoformat()}
    if kind is dt.timedelta:
        return {"$": "timedelta", "value": [value.days, value.seconds, value.microseconds]}
    if kind.__module__ == "numpy" and hasattr(value, "dtype") and hasattr(value, "item"):
        return {"$": "numpy", "dtype": value.dtype.str, "value": dismantle(value.item(), note_leaf)}
    fix = "return plain values, tables, arrays, models or dataclasses of these, or give the class save and load"
    raise UnsupportedTypeError(
        f"type {kind.__module__}.{kind.__qualname__}", "no codec stores this value", fix
    )


def rebuild(content: Any, read_leaf: ReadLeaf) -> Any:  # noqa: ANN401
    """Return the value of a JSON tree; `read_leaf` gives the leaf of a number."""
    if isinstance(content, list):
        return [rebuild(item, read_leaf) for item in content]
    if not isinstance(content, dict):
        return content
    kind = content.get("$")
    if kind is None:
        return {key: rebuild(item, read_leaf) for key, item in content.items()}
    if kind == "leaf":
        return read_leaf(content["number"])
    if kind == "dict":
        return {rebuild(key, read_leaf): rebuild(item, read_leaf) for key, item in content["items"]}
    if kind == "record":
        fields = {name: rebuild(item, read_leaf) for name, item in content["fields"].items()}
        return _class(content["class"])(**fields)
    return _rebuild_other(kind, content, read_leaf)


def _rebuild_other(kind: str, content: dict[str, Any], read_leaf: ReadLeaf) -> Any:  # noqa: ANN401
    if kind in {"tuple", "set", "frozenset"}:
        items = [rebuild(item, read_leaf) for item in content["items"]]
        return {"tuple": tuple, "set": set, "frozenset": frozenset}[kind](items)
    if kind == "enum":
        return _class(content["class"])[content["name"]]
    if kind == "range":
        return range(*content["items"])
    if kind == "float":
        return float(content["value"])
    if kind == "timedelta":
        return dt.timedelta(*content["value"])
    if kind == "numpy":
        import numpy as np

        return np.dtype(content["dtype"]).type(rebuild(content["value"], read_leaf))
    return getattr(dt, kind).fromisoformat(content["value"])


def _class_path(kind: type) -> str:
    """Return ``module:qualname`` of a class that can be imported again."""
    if "<locals>" in kind.__qualname__ or kind.__module__ == "__main__":
        problem = f"the class {kind.__qualname__} is in no module, so a value of it cannot be read back elsewhere"
        raise UnsupportedTypeError(
            f"type {kind.__qualname__}", problem, "define the class in a .py file"
        )
    return f"{kind.__module__}:{kind.__qualname__}"


def _class(path: str) -> Any:  # noqa: ANN401 - a class
    module, _, qualname = path.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in qualname.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        problem = f"a stored value is of the class {path}, which cannot be imported: {error}"
        raise NotFoundError(
            "store", problem, "run from the folder that holds this module"
        ) from error
    return found
