"""Names for results that will exist: `Handle` for one, `Handles` for those of a map."""

import builtins
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, NoReturn

from wingspan.errors import DeclarationError, near


@dataclass(frozen=True, slots=True, repr=False)
class Handle:
    """The result of a step, or one field of it, before it exists.

    A field of the result is an attribute, whatever it is called: what the handle keeps for itself has private names.
    Where no field is called so, ``step``, ``field`` and ``fields`` are what the handle stands for.

    Parameters
    ----------
    _step
        Name of the step that will make it.
    _field
        Field of the step's NamedTuple, or None for the whole result.
    _fields
        The fields one may ask for; empty if the result is not a NamedTuple.
    _owner
        Number of the pipeline that declared it; 0 where that is not known.
    _study
        Name of the step that lists the trials; empty if the result is not that of a sweep.
    """

    _step: str
    _field: str | None = None
    _fields: tuple[str, ...] = ()
    _owner: int = field(default=0, compare=False)
    _study: str = field(default="", compare=False)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a handle, but for its own three
        if name.startswith("_"):  # copying and notebooks ask for these
            raise AttributeError(name)
        if name in self._fields:
            return Handle(self._step, name, _owner=self._owner)
        if name == "study" and self._study:
            return Handle(self._study, _owner=self._owner)
        if name in _OWN:
            return getattr(self, f"_{name}")
        problem = f"the result of this step has no field {name!r}; {near(name, self._fields)}"
        fix = "a step gives fields when its return annotation is a NamedTuple"
        raise DeclarationError(f"step {self._step}", problem, fix)

    def __iter__(self) -> Iterator["Handle"]:
        if not self._fields:
            problem = "its result is not known while the pipeline is declared, so it cannot be looped over"
            fix = "pass it on as an argument, or return a NamedTuple to unpack"
            raise DeclarationError(f"step {self._step}", problem, fix)
        return iter([Handle(self._step, name, _owner=self._owner) for name in self._fields])

    def __getitem__(self, key: object) -> NoReturn:
        problem = (
            f"its result is not known while the pipeline is declared, so it has no item {key!r}"
        )
        fix = "pass it on as an argument, and take the item inside the step"
        raise DeclarationError(f"step {self._step}", problem, fix)

    def __bool__(self) -> bool:
        problem = (
            "its result is not known while the pipeline is declared, so it cannot decide an if"
        )
        raise DeclarationError(f"step {self._step}", problem, "move the decision into a step")

    def __repr__(self) -> str:
        field = "" if self._field is None else f", {self._field!r}"
        return f"Handle({self._step!r}{field})"


def step_of(handle: Handle) -> str:
    """Return the name of the step that will make a result."""
    return handle._step  # noqa: SLF001 - private, as a field may be called step


def field_of(handle: Handle) -> str | None:
    """Return the field of a step's result that a handle names; None for the whole result."""
    return handle._field  # noqa: SLF001 - private, as a field may be called field


def fields_of(handle: Handle) -> tuple[str, ...]:
    """Return the fields of a result; none for a field, and for a result that is one value."""
    return handle._fields


def owner_of(handle: Handle) -> int:
    """Return the number of the pipeline that declared a handle; 0 where that is not known."""
    return handle._owner  # noqa: SLF001 - private, as a field may be called owner


_OWN = frozenset({"step", "field", "fields"})


class Handles(Mapping[str, Handle]):
    """Results of a map by label, in order.

    As an argument it becomes a dict of the values by label, or a list or tuple of them where the parameter is annotated so.
    A field of the results is an attribute, also where a method of a mapping is called so, such as ``values``.
    """

    __slots__ = ("_by_label", "_fields")

    def __init__(self, by_label: Mapping[str, Handle], fields: tuple[str, ...] = ()) -> None:
        self._by_label = dict(by_label)
        self._fields = fields

    def __getitem__(self, label: str) -> Handle:
        if label not in self:
            raise DeclarationError(
                "map", f"no result is labelled {label!r}", near(label, self._by_label)
            )
        return self._by_label[label]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_label)

    def __len__(self) -> int:
        return len(self._by_label)

    def __contains__(self, label: object) -> bool:
        return isinstance(label, str) and label in self._by_label

    def get(self, label: str, default: Any = None) -> Any:  # noqa: ANN401 - a handle, or what is given
        """Return the result of a label; the default if the label is unknown."""
        return self._by_label[label] if label in self else default

    def __eq__(self, other: object) -> bool:
        return self._by_label == by_label(other) if isinstance(other, Mapping) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as of every mapping

    def __getattribute__(self, name: str) -> Any:  # noqa: ANN401 - a field before a method
        if name.startswith("_") or name not in self._fields:
            return object.__getattribute__(self, name)
        return Handles({label: getattr(each, name) for label, each in self._by_label.items()})

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        if name.startswith("_"):
            raise AttributeError(name)
        problem = f"the results of this map have no field {name!r}; {near(name, self._fields)}"
        fix = "a map gives fields when the return annotation of its function is a NamedTuple"
        raise DeclarationError("map", problem, fix)

    def __repr__(self) -> str:
        return f"Handles({', '.join(self._by_label)})"


def by_label(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping as a dict; of results of a map, whatever their fields are called."""
    return dict(values._by_label if isinstance(values, Handles) else values)  # noqa: SLF001 - its own module


def maps_of(names: Iterable[str], declared: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Return the labels of each map: declared ones, and those of steps named as if by a map."""
    steps = list(names)
    found = {name: list(labels) for name, labels in declared.items()}
    mapped = {f"{name}[{label}]" for name, labels in found.items() for label in labels}
    taken = set(steps)
    for step in steps:
        if step[-1:] == "]" and step not in mapped:
            name, bracket, label = step.partition("[")
            if bracket and name not in taken:
                found.setdefault(name, []).append(label[:-1])
    return found


@dataclass(frozen=True, slots=True)
class Zip:
    """Values to be taken together, one of each, instead of in every combination; made by `zip`."""

    over: Mapping[str, Any]


def zip(**over: Any) -> Zip:  # noqa: ANN401 - reads as ws.zip, and takes whatever map takes
    """Pair the values of several parameters of a map.

    ``over=ws.zip(seed=[1, 2], depth=[3, 4])`` makes two steps.
    """
    return Zip(over)


def combinations(over: Mapping[str, Any] | Zip, place: str) -> list[tuple[str, dict[str, Any]]]:
    """Return ``(label, {parameter: value})`` for each step of a map, in order of declaration."""
    pairs = {
        name: _labelled(name, values, place)
        for name, values in (over.over if isinstance(over, Zip) else over).items()
    }
    if not pairs:
        raise DeclarationError(
            place, "map got nothing to map over", 'name the parameter: over={"estimator": [...]}'
        )
    if isinstance(over, Zip):
        rows = _zipped(pairs, place)
    else:
        rows = [[]]
        for name, values in pairs.items():
            rows = [[*row, (name, label, value)] for row in rows for label, value in values]
    made = [
        (_label([label for _, label, _ in row]), {name: value for name, _, value in row})
        for row in rows
    ]
    labels = [label for label, _ in made]
    twice = (
        sorted({label for label in labels if labels.count(label) > 1})
        if len(set(labels)) < len(labels)
        else []
    )
    if twice:
        problem = f"two steps of the map would be labelled {', '.join(twice)}"
        raise DeclarationError(
            place, problem, "give labels yourself: over={name: {label: value, ...}}"
        )
    return made


def _zipped(
    pairs: dict[str, list[tuple[str, Any]]], place: str
) -> list[list[tuple[str, str, Any]]]:
    lengths = {name: len(values) for name, values in pairs.items()}
    if len(set(lengths.values())) > 1:
        problem = "zip needs as many values of each: " + ", ".join(
            f"{n} has {c}" for n, c in lengths.items()
        )
        raise DeclarationError(
            place, problem, "give equal lengths, or map over the product without zip"
        )
    columns = [[(name, label, value) for label, value in values] for name, values in pairs.items()]
    return [list(row) for row in builtins.zip(*columns, strict=True)]


def _label(labels: list[str]) -> str:
    return labels[0] if len(set(labels)) == 1 else ",".join(labels)


def _labelled(name: str, values: object, place: str) -> list[tuple[str, Any]]:
    """Return the values of one mapped parameter with a label each."""
    if isinstance(values, Handle):
        problem = f"over={{{name!r}: ...}} is the result of step {step_of(values)}, so the count of steps is not known yet"
        fix = "map over values that are known now (the files of a folder: sorted(folder.glob(...))), or loop inside one step"
        raise DeclarationError(place, problem, fix)
    if isinstance(values, Mapping):
        return [(str(label), value) for label, value in by_label(values).items()]
    if isinstance(values, AbstractSet):
        problem = f"over={{{name!r}: ...}} is a set, which has no order"
        raise DeclarationError(place, problem, f"write {name!r}: sorted(...)")
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        problem = f"over={{{name!r}: {values!r}}} is not a list, a dict of label: value, or the results of another map"
        raise DeclarationError(place, problem, f"write {name!r}: [{values!r}]")
    listed = list(values)
    return [(_value_label(value, position), value) for position, value in enumerate(listed)]


def _value_label(value: object, position: int) -> str:
    if isinstance(value, Handle):
        return step_of(value).partition("[")[2].removesuffix("]") or step_of(value)
    if isinstance(value, str | int | float | bool):
        return str(value)
    return str(getattr(value, "name", position))  # a Path, an Enum, a function have a name
