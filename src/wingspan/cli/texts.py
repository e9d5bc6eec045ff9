"""Read a value of a given type from text of the command line, and describe such text."""

import json
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path, PurePath
from typing import Any

from wingspan.pipeline.amounts import seconds
from wingspan.user_paths import user_path

ANYTHING = Any  # read as JSON where the text is JSON, else taken as it is
_WORDS = {"true": True, "yes": True, "on": True, "1": True,
          "false": False, "no": False, "off": False, "0": False}  # fmt: skip
_NOTHING = {"none", "null", ""}
_LISTS: dict[Any, type] = {
    list: list, tuple: tuple, set: set, frozenset: frozenset, AbstractSet: set,
    Sequence: list, Iterable: list, Collection: list,
}  # fmt: skip
_LATE = (Path, PurePath, str, Any, object)  # they take every text, so they are tried last


def from_text(text: str, kind: Any) -> Any:  # noqa: ANN401 - of the type
    """Return the value of a type that a text stands for.

    Raises
    ------
    ValueError
        The text is not such a value. The message adds to what `described` says.
    """
    kind, origin, kinds = _parts(kind)
    if origin in _UNIONS:
        return _one_of(text, kinds)
    if origin is typing.Literal:
        return _chosen(text, {_word(each): each for each in kinds})
    if origin in _LISTS:
        listed = _json(text, list) if text.lstrip().startswith("[") else _split(text)
        return _collection(listed, kind)
    if origin in _DICTS:
        return _from_json(_json(text, dict), kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _chosen(text, _members(kind))
    if kind in (Any, object):
        return _guessed(text)
    read = _READERS.get(kind)
    if read is None:
        raise ValueError("a value of this type cannot be written as text")
    return read(text)


def _parts(kind: Any) -> tuple[Any, Any, tuple[Any, ...]]:  # noqa: ANN401
    """Return a type without annotations and aliases, its origin, and its arguments."""
    while True:
        if typing.get_origin(kind) is typing.Annotated:
            kind = typing.get_args(kind)[0]
        elif hasattr(kind, "__supertype__"):
            kind = kind.__supertype__
        else:
            kind = types.NoneType if kind is None else kind
            return kind, typing.get_origin(kind) or kind, typing.get_args(kind)


_UNIONS = (typing.Union, types.UnionType)
_DICTS = (dict, Mapping)


def _boolean(text: str) -> bool:
    if text.lower() not in _WORDS:
        raise ValueError
    return _WORDS[text.lower()]


def _none(text: str) -> None:
    if text.lower() not in _NOTHING:
        raise ValueError


def _plain(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return a reader whose errors add nothing."""

    def reader(text: str) -> Any:  # noqa: ANN401
        try:
            return read(text)
        except (ValueError, ArithmeticError):
            raise ValueError from None

    return reader


_READERS: dict[Any, Callable[[str], Any]] = {
    bool: _boolean,
    int: _plain(int),
    float: _plain(float),
    complex: _plain(complex),
    Decimal: _plain(Decimal),
    str: str,
    Path: user_path,
    PurePath: PurePath,
    types.NoneType: _none,
    date: _plain(date.fromisoformat),
    datetime: _plain(datetime.fromisoformat),
    time: _plain(time.fromisoformat),
    timedelta: _plain(lambda text: timedelta(seconds=seconds(text))),
}


def _one_of(text: str, kinds: Iterable[Any]) -> Any:  # noqa: ANN401
    """Return the value of the first type that reads the text; types that read all texts last."""
    ordered = sorted(kinds, key=lambda kind: (kind in _LATE, kind is bool))
    for kind in ordered:
        try:
            return from_text(text, kind)
        except ValueError:
            continue
    raise ValueError


def _chosen(text: str, choices: Mapping[str, Any]) -> Any:  # noqa: ANN401
    for name, value in choices.items():
        if text == name or (not isinstance(value, str | Enum) and text.lower() == name.lower()):
            return value
    raise ValueError


def _members(kind: type[Enum]) -> dict[str, Enum]:
    """Return the members of an Enum by name, then by the text of their value."""
    named = dict(kind.__members__)
    return {str(member.value): member for member in kind} | named


def _word(value: object) -> str:
    """Return how a choice is written."""
    return value.name if isinstance(value, Enum) else str(value)


def _guessed(text: str) -> Any:  # noqa: ANN401
    try:
        return json.loads(text)
    except ValueError:
        return text


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")] if text.strip() else []


def _json(text: str, kind: type) -> Any:  # noqa: ANN401
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ValueError(f"it is not JSON ({error})") from None
    if not isinstance(found, kind):
        raise ValueError(f"it is JSON of a {type(found).__name__}")  # noqa: TRY004 - text is wrong
    return found


def _collection(listed: list[Any], kind: Any) -> Any:  # noqa: ANN401
    """Return a list, tuple or set of a type from its parts, which are texts or values of JSON."""
    kind, origin, kinds = _parts(kind)
    fixed = origin is tuple and kinds and kinds[-1] is not Ellipsis
    if fixed and kinds == ((),):
        kinds = ()
    if fixed and len(kinds) != len(listed):
        raise ValueError(f"it has {len(listed)} of {len(kinds)} parts")
    each = kinds if fixed else [kinds[0] if kinds else ANYTHING] * len(listed)
    return _LISTS[origin](_from_json(part, one) for part, one in zip(listed, each, strict=True))


def _from_json(value: Any, kind: Any) -> Any:  # noqa: ANN401
    """Return a value of a type from a value of JSON; text is read as on the command line."""
    kind, origin, kinds = _parts(kind)
    if kind in (Any, object):
        return value
    if isinstance(value, str):
        return from_text(value, kind)
    if origin in _UNIONS:
        return _first_that_fits(value, kinds)
    if origin in _LISTS and isinstance(value, list):
        return _collection(value, kind)
    if origin in _DICTS and isinstance(value, dict):
        names, values = kinds or (ANYTHING, ANYTHING)
        return {_from_json(name, names): _from_json(each, values) for name, each in value.items()}
    if origin is typing.Literal and any(value == one and type(value) is type(one) for one in kinds):
        return value
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is kind:
        return value
    raise ValueError(f"{json.dumps(value)} is not {described(kind)}")


def _first_that_fits(value: object, kinds: Iterable[Any]) -> Any:  # noqa: ANN401
    for kind in kinds:
        try:
            return _from_json(value, kind)
        except ValueError:
            continue
    raise ValueError(f"{json.dumps(value)} does not fit any of the types")


def kind_of(default: object) -> Any:  # noqa: ANN401 - a type
    """Return the type of a default, and of its members if it is a list with some."""
    kind = type(default)
    if kind in {list, set, frozenset, tuple} and default:
        inner = {type(each) for each in typing.cast("Collection[object]", default)}
        item: Any = inner.pop() if len(inner) == 1 else ANYTHING
        return kind[(item, ...) if kind is tuple else item]
    if isinstance(default, PurePath):
        return Path
    return kind


def described(kind: Any) -> str:  # noqa: ANN401 - a type
    """Return in words what text of a type must be."""
    kind, origin, kinds = _parts(kind)
    if origin in _UNIONS:
        return " or ".join(described(each) for each in kinds)
    if origin is typing.Literal:
        return f"one of {', '.join(_word(each) for each in kinds)}"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f"one of {', '.join(kind.__members__)}"
    if origin in _LISTS or origin in _DICTS:
        inner = ", ".join("..." if each is Ellipsis else _short_name(each) for each in kinds)
        return f"{origin.__name__}[{inner}]" if inner else str(origin.__name__)
    return _NAMES.get(kind) or _short_name(kind)


def _short_name(kind: Any) -> str:  # noqa: ANN401
    return getattr(kind, "__name__", str(kind)) if not typing.get_args(kind) else described(kind)


def example(kind: Any) -> str:  # noqa: ANN401 - a type
    """Return text that is a value of a type, quoted for the shell."""
    kind, origin, kinds = _parts(kind)
    if origin in _UNIONS:
        return example(next((each for each in kinds if each is not types.NoneType), str))
    if origin is typing.Literal and kinds:
        return _word(kinds[0])
    if isinstance(kind, type) and issubclass(kind, Enum) and len(kind):
        return next(iter(kind.__members__))
    if origin is tuple and kinds and kinds[-1] is not Ellipsis:
        return ",".join(example(each) for each in kinds)
    if origin in _LISTS:
        one = example(kinds[0]) if kinds else "a"
        return f"{one},{one}"
    return _EXAMPLES.get(origin, "...")


_NAMES = {
    bool: "true or false",
    types.NoneType: "none",
    date: "a date",
    datetime: "a date and time",
    time: "a time of day",
    timedelta: "a duration",
    Path: "a path",
}
_EXAMPLES = {
    bool: "true", int: "3", float: "0.3", str: "text", Path: "data.csv", date: "2026-01-31",
    datetime: "2026-01-31T12:00", time: "12:00", timedelta: "1h30m", Decimal: "0.3",
    dict: """'{"depth": 3}'""", Mapping: """'{"depth": 3}'""",
}  # fmt: skip
