"""Names for results that will exist: `Handle` for one, `Handles` for those of a map, by label."""

import builtins
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wingspan.errors import DeclarationError


def near(name: str, known: Iterable[str]) -> str:
    """Say which known names are close to a misspelt one, or list them all."""
    from difflib import get_close_matches

    known = [str(k) for k in known]
    close = get_close_matches(name, known, n=3)
    return (
        f"did you mean {' or '.join(close)}?"
        if close
        else f"there is: {', '.join(known) or 'nothing'}"
    )


@dataclass(frozen=True, slots=True)
class Handle:
    """The result of a step, or one field of it, before it exists.

    Parameters
    ----------
    step
        Name of the step that will make it.
    field
        Field of the step's NamedTuple, or None for the whole result.
    fields
        The fields one may ask for; empty if the result is no NamedTuple.
    """

    step: str
    field: str | None = None
    fields: tuple[str, ...] = ()

    def __getattr__(self, name: str) -> "Handle":
        if name.startswith("_") and name not in self.fields:  # copying and notebooks ask for these
            raise AttributeError(name)
        if name not in self.fields:
            problem = f"the result of this step has no field {name!r}; {near(name, self.fields)}"
            fix = "a step gives fields when its return annotation is a NamedTuple"
            raise DeclarationError(f"step {self.step}", problem, fix)
        return Handle(self.step, name)

    def __iter__(self) -> Iterator["Handle"]:
        if not self.fields:
            problem = "its result is not known while the pipeline is declared, so it cannot be looped over"
            fix = "pass it on as an argument, or return a NamedTuple to unpack"
            raise DeclarationError(f"step {self.step}", problem, fix)
        return iter([Handle(self.step, name) for name in self.fields])

    def __bool__(self) -> bool:
        problem = (
            "its result is not known while the pipeline is declared, so it cannot decide an if"
        )
        raise DeclarationError(f"step {self.step}", problem, "move the decision into a step")


class Handles(Mapping[str, Handle]):
    """Results of a map by label, in order.

    As an argument it becomes a dict of the values by label, or a list or tuple of them where the parameter is annotated so.
    """

    __slots__ = ("_by_label",)

    def __init__(self, by_label: Mapping[str, Handle]) -> None:
        self._by_label = dict(by_label)

    def __getitem__(self, label: str) -> Handle:
        if label not in self._by_label:
            raise DeclarationError(
                "map", f"no result is labelled {label!r}", near(label, self._by_label)
            )
        return self._by_label[label]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_label)

    def __len__(self) -> int:
        return len(self._by_label)

    def __getattr__(self, name: str) -> "Handles":
        if name.startswith("_"):
            raise AttributeError(name)
        return Handles({label: getattr(handle, name) for label, handle in self._by_label.items()})

    def __repr__(self) -> str:
        return f"Handles({', '.join(self._by_label)})"


@dataclass(frozen=True, slots=True)
class Zip:
    """Values to be taken together, one of each, instead of in every combination; made by `zip`."""

    over: Mapping[str, Any]


def zip(**over: Any) -> Zip:  # noqa: ANN401 - reads as ws.zip, and takes whatever map takes
    """Pair the values of several parameters of a map: ``over=ws.zip(seed=[1, 2], depth=[3, 4])`` makes two steps."""
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
        problem = f"over={{{name!r}: ...}} is the result of step {values.step}, so the count of steps is not known yet"
        fix = "map over values that are known now (the files of a folder: sorted(folder.glob(...))), or loop inside one step"
        raise DeclarationError(place, problem, fix)
    if isinstance(values, Mapping):
        return [(str(label), value) for label, value in values.items()]
    if isinstance(values, str) or not isinstance(values, Iterable):
        problem = f"over={{{name!r}: {values!r}}} is not a list, a dict of label: value, or the results of another map"
        raise DeclarationError(place, problem, f"write {name!r}: [{values!r}]")
    listed = list(values)
    return [(_value_label(value, position), value) for position, value in enumerate(listed)]


def _value_label(value: object, position: int) -> str:
    if isinstance(value, Handle):
        return value.step.partition("[")[2].removesuffix("]") or value.step
    if isinstance(value, str | int | float | bool):
        return str(value)
    return str(getattr(value, "name", position))  # a Path, an Enum, a function have a name
