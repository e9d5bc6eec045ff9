"""Turn values and containers of anything into trees of plain JSON, and back.

What JSON holds stands for itself. All else is an object whose member ``$`` says what it is; what only another codec
holds is ``{"$": "part", ...}``. The order of a dict is kept, a set is sorted.
"""

import base64
import dataclasses
import datetime as dt
import enum
import importlib
import json
import math
import re
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any

from wingspan.errors import FormatError, UnsupportedTypeError
from wingspan.store.classes import reference, resolve

Node = Any  # JSON
Down = Callable[[object], Node]
ToPart = Callable[[object], Node]
FromPart = Callable[[dict[str, Node]], Any]

_TIMES = (dt.date, dt.datetime, dt.time)
_BIG = 1 << 4096  # Python refuses to read much longer decimal texts of integers


def tree_text(tree: Node) -> str:
    """Return the one JSON text of a tree."""
    return _JSON.encode(tree)


_JSON = json.JSONEncoder(separators=(",", ":"), allow_nan=False)


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
        A value holds itself. What `part` and `other` raise gets the place inside the value as its ``where``.
    """

    def down(inner: object) -> Node:
        return to_tree(inner, part, other, (*around, id(value)))

    kind: Any = type(value)
    if value is None or kind is bool:
        return value
    if kind in {int, float, str}:
        return plain(value)
    found = part(value)
    if found is not None:
        return found
    if id(value) in around:
        fix = "return a value without such a loop"
        raise UnsupportedTypeError("", f"a {kind.__qualname__} holds itself", fix)
    if kind in _CONTAINERS:
        return _CONTAINERS[kind](value, down)
    if isinstance(value, enum.Enum):
        inner = (
            {"name": value.name} if value.name in kind.__members__ else {"value": down(value.value)}
        )
        return {"$": "enum", "class": reference(kind), **inner}
    if kind in _TIMES:
        return _time(value)
    return _span(value) or _text(value) or _record(value, down) or _scalar(value) or other(value)


def _is_text(value: str) -> bool:
    """Return whether a str has no surrogates: JSON would join two of them to one character."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def has_text_keys(value: dict[Any, Any]) -> bool:
    """Return whether a dict can be a JSON object of a tree."""
    return "$" not in value and all(type(key) is str and _is_text(key) for key in value)


def plain(value: Any) -> Node:  # noqa: ANN401
    """Return the tree of a bool, a number, a str or None: itself, unless JSON would change it."""
    if isinstance(value, str):
        if _is_text(value):
            return value
        content = base64.b64encode(value.encode("utf-8", "surrogatepass")).decode()
        return {"$": "str", "bytes": content}
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$": "float", "value": str(value)}
    return value if value is None or -_BIG < value < _BIG else {"$": "int", "hex": hex(value)}


def _items(values: Iterable[object], down: Down) -> list[Node]:
    """Return the trees of the items of a sequence; an error gets the item's index."""
    found: list[Node] = []
    try:
        for item in values:
            found.append(down(item))  # noqa: PERF401 - what was found is the index of the failure
    except UnsupportedTypeError as error:
        error.where = f"[{len(found)}]{error.where}"
        raise
    return found


def _fields(values: dict[str, Any], down: Down) -> dict[str, Node]:
    """Return the trees of the fields of a record; an error gets the field's name."""
    found: dict[str, Node] = {}
    name = ""
    try:
        for name, item in values.items():
            found[name] = down(item)
    except UnsupportedTypeError as error:
        error.where = f".{name}{error.where}"
        raise
    return found


def _pairs(value: dict[Any, Any], down: Down) -> list[list[Node]]:
    """Return the trees of the keys and items of a dict; an error gets the key."""
    found: list[list[Node]] = []
    key: Any = None
    try:
        for key, item in value.items():
            found.append([down(key), down(item)])
    except UnsupportedTypeError as error:
        error.where = f"[{key!r}]{error.where}"
        raise
    return found


def _tuple(value: Any, down: Down) -> Node:  # noqa: ANN401
    return {"$": "tuple", "items": _items(value, down)}


def _set(value: Any, down: Down) -> Node:  # noqa: ANN401
    """Return a sorted set, independent of the hash seed and of file numbers."""
    plain = all(type(item) in _SORTED_LATER for item in value)
    items = [down(item) for item in (value if plain else sorted(value, key=_rank))]
    return {"$": type(value).__name__, "items": sorted(items, key=tree_text)}


def _rank(item: object) -> str:
    """Return a text to sort the items of a set by; it is the same in every process."""
    if isinstance(item, frozenset | tuple):
        ranks = [_rank(inner) for inner in item]
        return repr(sorted(ranks) if isinstance(item, frozenset) else ranks)
    return repr(item)


def _dict(value: Any, down: Down) -> Node:  # noqa: ANN401
    if not has_text_keys(value):
        return {"$": "dict", "items": _pairs(value, down)}
    found: dict[str, Node] = {}
    key = ""
    try:
        for key, item in value.items():
            found[key] = down(item)
    except UnsupportedTypeError as error:
        error.where = f"[{key!r}]{error.where}"
        raise
    return found


def _counter(value: Any, down: Down) -> Node:  # noqa: ANN401
    return {"$": "counter", "items": _pairs(value, down)}


def _ordered(value: Any, down: Down) -> Node:  # noqa: ANN401
    return {"$": "ordered", "items": _pairs(value, down)}


def _defaults(value: Any, down: Down) -> Node:  # noqa: ANN401
    factory = value.default_factory
    name = None if factory is None else getattr(factory, "__name__", "")
    if name is not None and _FACTORIES.get(name) is not factory:
        problem = f"the default_factory of a defaultdict is {factory!r}"
        fix = f"use one of {', '.join(_FACTORIES)}, or return dict(value)"
        raise UnsupportedTypeError(".default_factory", problem, fix)
    return {"$": "defaultdict", "factory": name, "items": _pairs(value, down)}


def _deque(value: Any, down: Down) -> Node:  # noqa: ANN401
    return {"$": "deque", "maxlen": value.maxlen, "items": _items(value, down)}


def _complex(value: Any, down: Down) -> Node:  # noqa: ANN401
    return {"$": "complex", "items": [down(value.real), down(value.imag)]}


_CONTAINERS: dict[type, Callable[[Any, Down], Node]] = {
    list: _items,
    tuple: _tuple,
    set: _set,
    frozenset: _set,
    dict: _dict,
    Counter: _counter,
    OrderedDict: _ordered,
    defaultdict: _defaults,
    deque: _deque,
    complex: _complex,
}
_FACTORIES: dict[str, Callable[[], Any]] = {
    kind.__name__: kind for kind in (int, float, str, bool, list, dict, set, tuple)
}
_SORTED_LATER = frozenset({bool, int, float, str, type(None)})
_NEWER = ("counter", "ordered", "defaultdict", "deque", "complex", "text", "str")
_NEWER_NODE = re.compile(rf'{{"\$":"(?:{"|".join(_NEWER)})"')
_TEXTS = frozenset({"decimal.Decimal", "fractions.Fraction", "uuid.UUID"})
"""Classes whose values are wholly said by their text, which their constructor takes."""


def is_newer(text: str) -> bool:
    """Return whether a tree's text has a node that format 1 did not have."""
    return _NEWER_NODE.search(text) is not None


def _text(value: Any) -> Node:  # noqa: ANN401
    """Return a number or an id by its text; None for anything else."""
    kind = type(value)
    name = f"{kind.__module__}.{kind.__qualname__}"
    return {"$": "text", "class": name, "value": str(value)} if name in _TEXTS else None


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
        problem = f"its time zone, a {type(zone).__qualname__}, has no name"
        raise UnsupportedTypeError("", problem, fix)
    if zone is not None and (name := zone.tzname(None)) != dt.timezone(zone.utcoffset(None)).tzname(
        None
    ):
        node["name"] = name
    return {**node, "value": value.isoformat()}


def _record(value: Any, down: Down) -> Node:  # noqa: ANN401
    """Return a NamedTuple or a dataclass by its fields; None for anything else."""
    kind = type(value)
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        fields = dict(zip(kind._fields, value, strict=True))
        return {"$": "namedtuple", "class": reference(kind), "fields": _fields(fields, down)}
    if dataclasses.is_dataclass(kind) and not isinstance(value, dict | list | set | tuple | str):
        names = [field.name for field in dataclasses.fields(kind) if hasattr(value, field.name)]
        fields = {name: getattr(value, name) for name in names}
        return {"$": "dataclass", "class": reference(kind), "fields": _fields(fields, down)}
    return None


def _scalar(value: Any) -> Node:  # noqa: ANN401
    """Return a NumPy scalar; None for other values, and if its bytes hold more than its value."""
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
    if "fields" in tree:
        return _rebuild(resolve(tree["class"]), from_tree(tree["fields"], part))
    if tree["$"] == "enum":
        kind: Any = resolve(tree["class"])
        return kind[tree["name"]] if "name" in tree else kind(from_tree(tree["value"], part))
    if tree["$"] in _COLLECTIONS:
        return _COLLECTIONS[tree["$"]](tree, [from_tree(item, part) for item in tree["items"]])
    if tree["$"] not in _READ:
        fix = "use the version of Wingspan that wrote it, or a newer one"
        raise FormatError("tree.json", f"it holds a value of the unknown kind {tree['$']!r}", fix)
    return _READ[tree["$"]](tree)


_COLLECTIONS: dict[str, Callable[[dict[str, Any], list[Any]], Any]] = {
    "tuple": lambda _, items: tuple(items),
    "set": lambda _, items: set(items),
    "frozenset": lambda _, items: frozenset(items),
    "dict": lambda _, items: dict(items),
    "ordered": lambda _, items: OrderedDict(items),
    "counter": lambda _, items: Counter(dict(items)),
    "defaultdict": lambda tree, items: defaultdict(
        None if tree["factory"] is None else _FACTORIES[tree["factory"]], items
    ),
    "deque": lambda tree, items: deque(items, tree["maxlen"]),
    "complex": lambda _, items: complex(*items),
    "range": lambda _, items: range(*items),
}


def _rebuild(kind: Any, fields: dict[str, Any]) -> Any:  # noqa: ANN401
    """Make a NamedTuple or dataclass of its fields, without running a dataclass's code."""
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
    if "name" in tree:
        value = value.replace(tzinfo=dt.timezone(value.utcoffset(), tree["name"]))
    return value.replace(tzinfo=ZoneInfo(tree["zone"])) if "zone" in tree else value


def _read_scalar(tree: dict[str, Any]) -> Any:  # noqa: ANN401
    import numpy as np

    content = base64.b64decode(tree["bytes"])
    return np.ndarray((), np.dtype(tree["dtype"]), content)[()]


def _read_text(tree: dict[str, Any]) -> Any:  # noqa: ANN401
    if tree["class"] not in _TEXTS:
        fix = "use the version of Wingspan that wrote it, or a newer one"
        raise FormatError("tree.json", f"it holds a value of the class {tree['class']}", fix)
    module, _, name = tree["class"].partition(".")
    return getattr(importlib.import_module(module), name)(tree["value"])


_READ: dict[str, Callable[[dict[str, Any]], Any]] = {
    "str": lambda tree: base64.b64decode(tree["bytes"]).decode("utf-8", "surrogatepass"),
    "text": _read_text,
    "float": lambda tree: float(tree["value"]),
    "int": lambda tree: int(tree["hex"], 16),
    "timedelta": lambda tree: dt.timedelta(microseconds=tree["microseconds"]),
    "date": _read_time,
    "datetime": _read_time,
    "time": _read_time,
    "scalar": _read_scalar,
}
