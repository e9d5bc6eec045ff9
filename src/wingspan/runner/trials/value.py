"""Find a sweep's metric in a finished trial: in its result, else in its log."""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from wingspan.errors import SettingError, WingspanError
from wingspan.store.annotation import VALUE
from wingspan.store.tree import from_tree
from wingspan.sweep.metric import metric_value

_JSON, _FILE = "json", "path"  # codecs
_LARGEST = 1 << 22  # most bytes of a command's file in which a metric is looked for
_MOST_POINTS = 200
_SHOWN = 100  # characters of a value that is not a number
Curve = tuple[tuple[float, float], ...]


def value_of(metric: str, result: Mapping[str, Any], place: Callable[[str], Path]) -> float:
    """Return the value of a metric.

    Parameters
    ----------
    result
        Content of the trial's result.json.
    place
        Gives the file of an output.

    Raises
    ------
    NotFoundError
        The trial reports no such metric.
    SettingError
        The value is not a finite number.
    """
    logged = {name: float(facts["last"]) for name, facts in result.get("metrics", {}).items()}
    return metric_value(metric, _returned(metric, result["outputs"], place), logged)


def numbers_of(result: Mapping[str, Any], place: Callable[[str], Path]) -> dict[str, float]:
    """Return a step's returned numbers by field or key, or as ``value`` for a plain number."""
    found: dict[str, float] = {}
    for name, record in result.get("outputs", {}).items():
        content = _content(record, place(name))
        number, members = _number(content), _members(content)
        if number is not None:
            found[name] = number
        elif members:
            found |= {key: each for key, each in _numbers(members).items() if key not in found}
    return found


def curve_of(metric: str, result: Mapping[str, Any]) -> Curve:
    """Return the logged values of a trial's metric as ``(step, value)``, thinned."""
    points = result.get("metrics", {}).get(metric, {}).get("curve", ())
    return tuple((step, float(value)) for step, value in points)


def metrics_record(curves: Mapping[str, Iterable[tuple[int, float]]]) -> dict[str, Any]:
    """Return a step's metrics for result.json: the last value, and a thinned curve.

    A value that is not a finite number is text there, such as ``"nan"``, as JSON has none.
    """
    found = {}
    for name, curve in curves.items():
        points = [[step, value if math.isfinite(value) else str(value)] for step, value in curve]
        stride = -(-len(points) // _MOST_POINTS)
        thin = (
            points[::stride]
            if points[::stride][-1] == points[-1]
            else [*points[::stride], points[-1]]
        )
        found[name] = {"last": points[-1][1], "curve": thin}
    return found


def _returned(metric: str, outputs: Mapping[str, Any], place: Callable[[str], Path]) -> Any:  # noqa: ANN401
    """Return a number, or numbers by name, from a trial's outputs; None if they have none."""
    if metric in outputs:
        return {metric: _number(_content(outputs[metric], place(metric)))}
    if VALUE in outputs:
        found = _content(outputs[VALUE], place(VALUE))
        members = _members(found)
        return _number(found) if members is None else _of_metric(metric, members)
    for name, record in outputs.items():
        members = _members(_content(record, place(name)))
        if members and metric in members:
            return _of_metric(metric, members)
    return None


def _of_metric(metric: str, members: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers by name; refuse a metric that is there and is not a number."""
    numbers = _numbers(members)
    if metric in members and metric not in numbers:
        problem = f"expected a number, found {json.dumps(members[metric])[:_SHOWN]}"
        raise SettingError(f"metric {metric}", problem, "return a number under this name")
    return numbers


def _content(record: Mapping[str, Any], file: Path) -> Any:  # noqa: ANN401 - JSON
    """Return an output's tree, or the JSON that a command wrote; None for other outputs."""
    codec = str(record.get("codec", "")).partition("/")[0]
    if codec == _FILE:  # a folder with the file under its own name
        file = next(file.iterdir())
        if not file.is_file() or file.stat().st_size > _LARGEST:
            return None
    elif codec != _JSON:
        return None
    try:
        return json.loads(file.read_bytes())
    except ValueError:
        return None


def _members(tree: Any) -> dict[str, Any] | None:  # noqa: ANN401 - JSON
    """Return the members of a dict, or the fields of an object, by name; None for other values."""
    if not isinstance(tree, dict):
        return None
    if "$" not in tree:
        return tree
    pairs = tree.get("fields", tree.get("items"))
    if isinstance(pairs, dict):
        return pairs
    named = isinstance(pairs, list) and all(
        isinstance(one, list) and len(one) == 2 for one in pairs
    )
    return {str(name): value for name, value in pairs} if named and pairs else None


def _numbers(members: Mapping[str, Any]) -> dict[str, float]:
    found = {name: _number(value) for name, value in members.items()}
    return {name: value for name, value in found.items() if value is not None}


def _number(tree: Any) -> float | None:  # noqa: ANN401 - JSON
    """Return a number, also of NumPy, and nan or inf; None for other values."""
    if isinstance(tree, dict) and tree.get("$") in {"float", "scalar", "int"}:
        try:
            tree = from_tree(tree, lambda _: None)
        except (WingspanError, ValueError):
            return None
    number = isinstance(tree, int | float) or hasattr(tree, "dtype")
    return float(tree) if number and not isinstance(tree, bool) else None
