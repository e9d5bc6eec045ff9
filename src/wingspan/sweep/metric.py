"""Find a trial's value, which its function returned or logged last as the metric."""

import math
from collections.abc import Mapping
from typing import TypeGuard

from wingspan.errors import NotFoundError, SettingError, near


def metric_value(metric: str, returned: object, logged: Mapping[str, float]) -> float:
    """Return the metric from a call's result if it is there, else its last logged value.

    Parameters
    ----------
    returned
        What the function returned: a NamedTuple, dataclass or dict with the metric's name, or the number itself.

    Raises
    ------
    NotFoundError
        Neither has the metric; similar names are listed.
    SettingError
        The metric is not a finite number.
    """
    where = f"metric {metric}"
    fields = _fields(returned)
    if metric in fields:
        value = fields[metric]
    elif (number := _number(returned)) is not None:
        value = number
    elif metric in logged:
        value = logged[metric]
    else:
        names = sorted({*logged, *(name for name in fields if _number(fields[name]) is not None)})
        problem = f"the trial reported no {metric!r}; {near(metric, names)}"
        fix = f"return it, or call ws.log({{{metric!r}: value}})"
        raise NotFoundError(where, problem, fix)
    found = _number(value)
    if found is None:
        problem = f"expected a number, found {value!r}"
        raise SettingError(where, problem, "return or log a number")
    if not math.isfinite(found):
        problem = f"expected a finite number, found {found}"
        raise SettingError(
            where, problem, "return or log a finite number; a trial that diverges fails"
        )
    return found


def is_value(value: object) -> TypeGuard[float]:
    """Return whether a metric's value can be compared: a finite number."""
    return isinstance(value, int | float) and math.isfinite(value)


def _fields(returned: object) -> Mapping[str, object]:
    if isinstance(returned, Mapping):
        return {str(name): value for name, value in returned.items()}
    names = (*getattr(returned, "_fields", ()), *getattr(returned, "__dataclass_fields__", ()))
    return {name: getattr(returned, name) for name in names}


def _number(value: object) -> float | None:
    """Return a number of Python, or of an array library, as a float."""
    if isinstance(value, int | float):
        return float(value)
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return _number(value.item())
    return None
