"""Value <-> tree of plain JSON, for values and for containers of anything.

What JSON holds stands for itself. All else is an object whose member ``$`` says what it is; what only another codec
holds is ``{"$": "part", ...}``. The order of a dict is kept, a set is sorted.
"""

import base64
import dataclasses
import datetime as dt
import enum
import json
import math
import sys
from collections.abc import Callable
from typing import Any

from wingspan.errors import UnsupportedTypeError
from wingspan.store.classes import reference, resolve

Node = Any  # JSON
ToPart = Callable[[object], Node]
FromPart = Callable[[dict[str, Node]], Any]

_TIMES = (dt.date, dt.datetime, dt.time)
_BIG = 1 << 4096  # Python refuses to read much longer decimal texts of integers


def tree_text(tree: Node) -> str:
    """Return the one JSON text of a tree."""
    return json.dumps(tree, separators=(",", ":"), allow_nan=False)


def to_tree(value: object, part: ToPart, other: ToPart, around: tuple[int, ...] = ()) -> Node:
    """Return the tree of a value.

    Parameters
    ----------
    part
        Asked first for every value but plain ones; gives None for what is none of its business.
    other
        Asked for what is of no type that this module knows; raises.
    around
        Identities of the values that hold this one.

    Raises
    ------
    UnsupportedTypeError
        A value holds itself.
    """

    def down(inner: object) -> Node:
        return to_tree(inner, part, other, (*around, id(value)))

    kind: Any = type(value)
    if value is None or kind in {bool, str}:
        return value
    if kind in {int, float}:
        return _number(value)
    found = part(value)
    if found is not None:
        return found
    if id(value) in around:
        fix = "return a value without such a loop"
        raise UnsupportedTypeError(f"type {kind.__qualname__}", "the value holds itself", fix)
    if kind in {list, tuple, set, frozenset}:
        return _collection(value, down)
    if kind is dict:
        return _dict(value, down)
    if isinstance(value, enum.Enum):
        inner = (
            {"name": value.name} if value.name in kind.__members__ else {"value": down(value.value)}
        )
        return {"$": "enum", "class": reference(kind), **inner}
    if kind in _TIMES:
        return _time(value)
    return _span(value) or _record(value, down) or _scalar(value) or other(value)


def _number(value: Any) -> Node:  # noqa: ANN401
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$": "float", "value": str(value)}
    return value if -_BIG < value < _BIG else {"$": "int", "hex": hex(value)}


def _collection(value: Any, down: Callable[[object], Node]) -> Node:  # noqa: ANN401
    items = [down(item) for item in value]
    if type(value) is list:
        return items
    if type(value) is not tuple:
        items.sort(key=tree_text)
    return {"$": type(value).__name__, "items": items}


def _dict(value: Any, down: Callable[[object], Node]) -> Node:  # noqa: ANN401
    if all(type(key) is str for key in value) and "$" not in value:
        return {key: down(item) for key, item in value.items()}
    return {"$": "dict", "items": [[down(key), down(item)] for key, item in value.items()]}


def _span(value: Any) -> Node:  # noqa: ANN401
    """Return a range or a timedelta; None for anything else."""
    if type(value) is range:
        return {"$": "range", "items": [value.start, value.stop, value.step]}
    if type(value) is dt.timedelta:
        return {"$": "timedelta", "microseconds": value // dt.timedelta(microseconds=1)}
    return None


def _time(value: Any) -> Node:  # noqa: ANN401
    """Return a date or a time; of a time zone its name, or its offset."""
    zone = getattr(value, "tzinfo", None)
    node: dict[str, Any] = {"$": type(value).__name__}
    if getattr(value, "fold", 0):
        node["fold"] = 1
    if zone is not None and (key := getattr(zone, "key", None)):
        return {**node, "value": value.replace(tzinfo=None).isoformat(), "zone": key}
    if zone is not None and type(zone) is not dt.timezone:
        fix = "use zoneinfo.ZoneInfo, or convert to UTC"
        raise UnsupportedTypeError(
            f"type {type(zone).__qualname__}", "a time zone without a name", fix
        )
    return {**node, "value": value.isoformat()}


def _record(value: Any, down: Callable[[object], Node]) -> Node:  # noqa: ANN401
    """Return a NamedTuple or a dataclass by its fields; None for anything else."""
    kind = type(value)
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        fields = dict(zip(kind._fields, value, strict=True))
        return {"$": "namedtuple", "class": reference(kind), "fields": down(fields)}
    if dataclasses.is_dataclass(kind) and not isinstance(value, dict | list | set | tuple | str):
        names = [field.name for field in dataclasses.fields(kind) if hasattr(value, field.name)]
        fields = {name: getattr(value, name) for name in names}
        return {"$": "dataclass", "class": reference(kind), "fields": down(fields)}
    return None


def _scalar(value: Any) -> Node:  # noqa: ANN401
    """Return a NumPy scalar; None for anything else, and for those whose bytes say more than their value."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(value, numpy.generic) or value.dtype.char in "gGVO":
        return None
    content = base64.b64encode(value.tobytes()).decode()
    return {"$": "scalar", "dtype": value.dtype.str, "bytes": content}


def from_tree(tree: Node, part: FromPart) -> Any:  # noqa: ANN401
    """Return the value of a tree; `part` reads what another codec wrote."""
    if isinstance(tree, list):
        return [from_tree(item, part) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if "$" not in tree:
        return {key: from_tree(item, part) for key, item in tree.items()}
    if tree["$"] == "part":
        return part(tree)
    if tree["$"] in _COLLECTIONS:
        return _COLLECTIONS[tree["$"]](from_tree(item, part) for item in tree["items"])
    if "fields" in tree:
        return _rebuild(resolve(tree["class"]), from_tree(tree["fields"], part))
    if tree["$"] == "enum":
        kind: Any = resolve(tree["class"])
        return kind[tree["name"]] if "name" in tree else kind(from_tree(tree["value"], part))
    return _READ[tree["$"]](tree)


_COLLECTIONS: dict[str, Callable[[Any], Any]] = {
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "dict": dict,
}


def _rebuild(kind: Any, fields: dict[str, Any]) -> Any:  # noqa: ANN401
    """Make a NamedTuple or a dataclass of its fields; a dataclass as it was, without computing anything anew."""
    if issubclass(kind, tuple):
        return tuple.__new__(kind, fields.values())
    made = object.__new__(kind)
    for name, value in fields.items():
        object.__setattr__(made, name, value)
    return made


def _read_time(tree: dict[str, Any]) -> Any:  # noqa: ANN401
    from zoneinfo import ZoneInfo

    read: Any = getattr(dt, tree["$"])
    value = read.fromisoformat(tree["value"])
    if "fold" in tree:
        value = value.replace(fold=1)
    return value.replace(tzinfo=ZoneInfo(tree["zone"])) if "zone" in tree else value


def _read_scalar(tree: dict[str, Any]) -> Any:  # noqa: ANN401
    import numpy as np

    content = base64.b64decode(tree["bytes"])
    return np.ndarray((), np.dtype(tree["dtype"]), content)[()]


_READ: dict[str, Callable[[dict[str, Any]], Any]] = {
    "float": lambda tree: float(tree["value"]),
    "int": lambda tree: int(tree["hex"], 16),
    "range": lambda tree: range(*tree["items"]),
    "timedelta": lambda tree: dt.timedelta(microseconds=tree["microseconds"]),
    "date": _read_time,
    "datetime": _read_time,
    "time": _read_time,
    "scalar": _read_scalar,
}
