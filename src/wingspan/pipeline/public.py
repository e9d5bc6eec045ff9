"""Check the arguments of public functions by name.

A name means the same kind of value everywhere.
"""

import functools
import inspect
from collections.abc import Callable
from numbers import Real
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar

from wingspan.errors import SettingError
from wingspan.pipeline.handles import Handle, Handles
from wingspan.pipeline.place import calling_place
from wingspan.pipeline.resources import shortened

P = ParamSpec("P")
T = TypeVar("T")


class _Kind(NamedTuple):
    """Values that an argument may be: in words, as a test, and one of them as it is written."""

    words: str
    holds: Callable[[Any], bool]
    example: str


def _is_steps(value: object) -> bool:
    if isinstance(value, str | Handle | Handles):
        return True
    if not isinstance(value, list | tuple | set | frozenset):
        return False
    return all(isinstance(each, str | Handle | Handles) for each in value)


def _is_number(value: object) -> bool:
    number = type(value) is not bool and isinstance(value, Real)
    return number and not float(value) < 0  # type: ignore[arg-type]  # it is a number


_FLAG = _Kind("True or False", lambda value: type(value) is bool, "True")
_PATH = _Kind("a path", lambda value: isinstance(value, str | Path) and str(value) != "", '"results"')  # fmt: skip
_STEPS = _Kind("the name of a step or a map, its handle, or a list of them", _is_steps, '"fit"')
_STEP = _Kind("the name of a step", lambda value: isinstance(value, str), '"fit"')
_MIRRORS = _Kind(
    "the name of a mirror, or a list of them",
    lambda value: (
        isinstance(value, str)
        or (isinstance(value, list | tuple) and all(isinstance(each, str) for each in value))
    ),
    '"wandb"',
)
_TEXT = _Kind("a text", lambda value: isinstance(value, str), '"loans"')
_RUN = _Kind("the id of a run", lambda value: isinstance(value, str), '"last"')
_POOL = _Kind(
    "local, htcondor, or the name of a pool in wingspan.toml",
    lambda value: isinstance(value, str),
    '"htcondor"',
)
_COUNT = _Kind("a whole number of at least 1", lambda value: type(value) is int and value >= 1, "2")
_SECONDS = _Kind("a number of seconds", _is_number, "60")
_TABLE = _Kind(
    "a dict of keys of a pool's profile", lambda value: isinstance(value, dict), '{"priority": 10}'
)
_FUNCTION = _Kind("a function", callable, "print")

_KINDS = {
    "on": _POOL,
    "home": _PATH,
    "shared": _PATH,
    "run_id": _RUN,
    "pipeline": _TEXT,
    "jobs": _COUNT,
    "pool": _TABLE,
    "until": _STEPS,
    "force": _STEPS,
    "step": _STEP,
    "track": _MIRRORS,
    "name": _STEP,
    "listener": _FUNCTION,
    "begin": _FUNCTION,
    "timeout_s": _SECONDS,
    **dict.fromkeys(("touch", "check", "fuse", "output"), _FLAG),
}


def checks_arguments(function: Callable[P, T]) -> Callable[P, T]:
    """Check a public function's arguments before each call, by the kinds of their names.

    None is taken where it is the default.

    Raises
    ------
    SettingError
        By the function: an argument is of another kind.
    """
    parameters = inspect.signature(function).parameters
    names = tuple(parameters)
    kinds = {name: _KINDS[name] for name in names if name in _KINDS}

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        for name, value in (*zip(names, args, strict=False), *kwargs.items()):
            kind = kinds.get(name)
            if kind is None or (value is None and parameters[name].default is None):
                continue
            if not kind.holds(value):
                raise _refused(function.__name__, name, value, kind)
        return function(*args, **kwargs)

    return call


def _refused(function: str, name: str, value: object, kind: _Kind) -> SettingError:
    where = f"{calling_place()}: {function}"
    found = f"{shortened(value)}, of type {type(value).__qualname__}"
    problem = f"{name} is invalid: expected {kind.words}, found {found}"
    return SettingError(where, problem, f"write {name}={kind.example}")
