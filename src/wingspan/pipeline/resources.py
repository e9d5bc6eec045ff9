"""What a step asks of the machine that runs it: `Resources`, in HTCondor's terms and units."""

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from functools import lru_cache
from numbers import Integral, Real
from typing import Any, NoReturn

from wingspan.errors import DeclarationError
from wingspan.pipeline.amounts import megabytes, number, seconds
from wingspan.pipeline.place import calling_place
from wingspan.pipeline.submit_commands import command_problem
from wingspan.shown import unseen

LEAST_FREE = 0.1  # share of this machine's memory: below it, a step that stated none is ended
UNSTATED_MB = 2048  # what a pool is asked for where the user states no memory
_MOST = {"cpus": 65_536, "gpus": 1024, "epochs_per_job": 1_000_000}
_CAPABLE = 1000.0  # no GPU has such a compute capability
_SIZES = ("memory", "disk", "gpu_memory", "expected_memory")
_TIMES = ("runtime", "expected")
_EXAMPLE = '{"rank": "Mips"}'
_SHOWN = 60  # characters of a wrong value in a message


class Commands(dict[str, str]):
    """Submit commands and their values; cannot be changed."""

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("a request cannot be changed: use dataclasses.replace(resources, ...)")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[type["Commands"], tuple[dict[str, str]]]:
        return Commands, (dict(self),)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Resources:
    """Request of one step: a value, so requests that mean the same are equal.

    Parameters
    ----------
    cpus
        Cores; thread pools inside the step get exactly as many.
    memory
        ``"2GB"``, ``"512MiB"`` (1 GB = 1024 MB, as HTCondor counts) or a number of MB: a limit for the step.
        None: not stated. A pool is then asked for 2 GB, and for more when a job needs it.
    disk
        In the same units.
    gpus
        GPU devices; `gpu_capability` (such as 8.0) and `gpu_memory` narrow them.
    runtime
        Longest wall time: ``"1h30m"``, ``"90s"``, ``"2d"``, a number of seconds or a timedelta; None is no limit.
    expected
        Typical wall time, in the same units: a hint, by which short steps share a job on a pool.
    expected_memory
        Memory that the step is likely to need: requested at first where `memory` is not stated, and no limit.
    epochs_per_job
        On a pool, after how many calls of ``ws.checkpoint()`` a training is cut: its job ends and goes on from there.
        None: only for the pool's `checkpoint_every`.
    image
        Container image, by reference or file.
    submit
        Any other submit command of HTCondor, as it stands in its manual; the ones Wingspan must own are refused.

    Raises
    ------
    DeclarationError
        A field is invalid; the message names every such field.
    """

    cpus: int = 1
    memory: str | float | None = None
    disk: str | float = "2GB"
    gpus: int = 0
    gpu_capability: float | None = None
    gpu_memory: str | float | None = None
    runtime: str | float | timedelta | None = None
    expected: str | float | timedelta | None = None
    expected_memory: str | float | None = None
    epochs_per_job: int | None = None
    image: str | None = None
    submit: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        given = tuple(getattr(self, name) for name in _DEFAULTS if name != "submit")
        try:
            plain, problems = _checked(*given)
        except TypeError:  # a value that cannot be remembered, such as a list
            plain, problems = _checked.__wrapped__(*given)
        submit, wrong = _commands(self.submit)
        if problems or wrong:
            found = "; ".join([*problems, *wrong])
            fix = "correct the request of this step"
            raise DeclarationError(f"{calling_place()}: Resources", found, fix)
        for name, value in (*plain, ("submit", submit)):
            object.__setattr__(self, name, value)

    @property
    def memory_mb(self) -> int:
        """Memory to request, in MB, rounded up: as stated, else as expected, else 2 GB."""
        asked = self.expected_memory if self.memory is None else self.memory
        return UNSTATED_MB if asked is None else math.ceil(megabytes(asked))

    @property
    def memory_limit_mb(self) -> int | None:
        """Memory above which the step is ended, in MB, rounded up; None where the user stated none."""
        return None if self.memory is None else self.memory_mb

    @property
    def disk_mb(self) -> int:
        """Disk in MB, rounded up."""
        return math.ceil(megabytes(self.disk))

    @property
    def gpu_memory_mb(self) -> int | None:
        """Least memory of a GPU in MB, rounded up."""
        return None if self.gpu_memory is None else math.ceil(megabytes(self.gpu_memory))

    @property
    def runtime_s(self) -> float | None:
        """Longest wall time in seconds."""
        return None if self.runtime is None else seconds(self.runtime)

    @property
    def expected_s(self) -> float | None:
        """Typical wall time in seconds."""
        return None if self.expected is None else seconds(self.expected)

    def to_json(self) -> dict[str, Any]:
        """Return what differs from the defaults, JSON-able: sizes in MB, times in seconds."""
        values = {name: value for name, value in self._meaning() if value != _MEANT[name]}
        if self.submit:
            values["submit"] = dict(sorted(self.submit.items()))
        return values

    def _meaning(self) -> Iterator[tuple[str, Any]]:
        """Yield the fields in MB and seconds, all but the submit commands."""
        yield "cpus", self.cpus
        yield "memory", self.memory_limit_mb
        yield "disk", self.disk_mb
        yield "gpus", self.gpus
        yield "gpu_capability", self.gpu_capability
        yield "gpu_memory", self.gpu_memory_mb
        yield "runtime", self.runtime_s
        yield "expected", self.expected_s
        likely = self.expected_memory
        yield "expected_memory", None if likely is None else math.ceil(megabytes(likely))
        yield "epochs_per_job", self.epochs_per_job
        yield "image", self.image

    def _value(self) -> tuple[object, ...]:
        commands = frozenset((name.lower(), value) for name, value in self.submit.items())
        return (*self._meaning(), commands)

    def __eq__(self, other: object) -> bool:
        return self._value() == other._value() if isinstance(other, Resources) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._value())

    def __repr__(self) -> str:
        stated = ((name, getattr(self, name), default) for name, default in _DEFAULTS.items())
        shown = [f"{name}={value!r}" for name, value, default in stated if value != default]
        return f"Resources({', '.join(shown)})"


_DEFAULTS: dict[str, Any] = {f.name: f.default for f in fields(Resources)} | {"submit": {}}


@lru_cache(maxsize=1024, typed=True)  # many steps ask for the same; True is not a count
def _checked(*given: Any) -> tuple[tuple[tuple[str, Any], ...], tuple[str, ...]]:  # noqa: ANN401
    """Return the fields as plain values of Python, and what is wrong with each."""
    plain, problems = [], []
    for (name, default), value in zip(_DEFAULTS.items(), given, strict=False):
        if value is default:
            continue
        try:
            kept = _plain(name, value)
        except ValueError as error:
            problems.append(f"{name}={shortened(value)} is invalid: expected {error}")
            continue
        if kept is not value:
            plain.append((name, kept))
    return tuple(plain), tuple(problems)


def _plain(name: str, value: Any) -> Any:  # noqa: ANN401
    """Return a field's value as a plain Python value.

    Raises ValueError, which says what is expected.
    """
    if name in _MOST:
        return _count(name, value)
    if name in _SIZES:
        _ = megabytes(value)
    elif name in _TIMES:
        _ = seconds(value)
    elif name == "image":
        if not isinstance(value, str | os.PathLike) or not os.fspath(value) or unseen(str(value)):
            raise ValueError('a reference such as "docker://python:3.12", or a file')
        return os.fspath(value)
    elif not 0 < number(value) < _CAPABLE:
        raise ValueError("a number such as 8.0")
    if type(value) in {int, float, str, timedelta} or not isinstance(value, Real):
        return value
    return int(value) if isinstance(value, Integral) else float(value)


def _count(name: str, value: Any) -> int:  # noqa: ANN401
    least, most = (0 if name == "gpus" else 1), _MOST[name]
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or not least <= int(value) <= most:
        raise ValueError(f"a whole number from {least} to {most:,}")
    return int(value)


def _commands(given: object) -> tuple[Commands, list[str]]:
    """Return submit commands as HTCondor writes their values, and what is wrong with them."""
    if type(given) is Commands:
        return given, []
    if not isinstance(given, Mapping):
        return Commands(), [
            f"submit={shortened(given)} is invalid: expected a dict such as {_EXAMPLE}"
        ]
    made: dict[str, str] = {}
    problems = []
    for name, value in given.items():
        text = command_value(value)
        if not isinstance(name, str) or not name.strip() or text is None:
            problems.append(
                f"submit={{{name!r}: {shortened(value)}}} is invalid: expected {_EXAMPLE}"
            )
        elif name.lower() in {each.lower() for each in made}:
            problems.append(f"submit command {name} is given twice")
        elif problem := command_problem(name, text):
            problems.append(f"submit: {problem}")
        else:
            made[name] = text
    return Commands(made), problems


def command_value(value: object) -> str | None:
    """Return a submit command's value as HTCondor writes it; None for what cannot be one."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value
    finite = isinstance(value, int | float) and math.isfinite(value)
    return str(value) if finite else None


def shortened(value: object) -> str:
    """Return how a value is written, cut where it is long."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


_MEANT = dict(Resources()._meaning())  # noqa: SLF001 - the defaults in MB and seconds
