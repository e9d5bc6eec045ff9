"""What a step asks of the machine that runs it: `Resources`, in HTCondor's terms and units."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from wingspan.errors import DeclarationError

MEGABYTES = {"": 1.0, "KB": 1 / 1024, "MB": 1.0, "GB": 1024.0, "TB": 1024.0**2}
SECONDS = {"": 1.0, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_QUANTITY = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")

# What Wingspan writes into every submit description itself; anything else a user may set.
OWNED_SUBMIT_COMMANDS = frozenset({
    "universe", "executable", "arguments", "output", "error", "log", "queue", "initialdir", "notification",
    "request_cpus", "request_memory", "request_disk", "request_gpus", "gpus_minimum_capability",
    "gpus_minimum_memory", "container_image", "should_transfer_files", "when_to_transfer_output",
    "transfer_input_files", "transfer_output_files", "transfer_output_remaps", "transfer_executable",
    "preserve_relative_paths", "getenv", "want_io_proxy", "checkpoint_exit_code", "transfer_checkpoint_files",
})  # fmt: skip


def quantity(value: str | float, units: Mapping[str, float], name: str) -> float:
    """Return a number in the first unit's measure; raise ValueError that says what is accepted."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        return float(value)
    number, unit = _parsed(value) if isinstance(value, str) else (0.0, "")
    size = next((size for name, size in units.items() if name.lower() == unit), None)
    if size is None or number <= 0:
        accepted = ", ".join(f'"2{unit}"' for unit in units if unit)
        raise ValueError(f"{name}={value!r} is not a positive amount such as {accepted}")
    return number * size


@lru_cache(maxsize=1024)  # many steps ask for the same
def _parsed(text: str) -> tuple[float, str]:
    """Return number and unit in lower case; 0 where the text is no quantity."""
    match = _QUANTITY.fullmatch(text)
    return (float(match[1]), match[2].lower()) if match else (0.0, "")


@dataclass(frozen=True, slots=True)
class Resources:
    """Request of one step.

    Parameters
    ----------
    cpus
        Cores; thread pools inside the step get exactly as many.
    memory, disk
        ``"2GB"`` (1 GB = 1024 MB, as HTCondor counts) or a number of MB.
    gpus
        GPU devices; `gpu_capability` (such as 8.0) and `gpu_memory` narrow them.
    runtime
        Longest wall time: ``"2h"``, ``"30min"`` or seconds; None is no limit.
    expected
        Typical wall time, in the same units: a hint, by which short steps share a job on a pool.
    image
        Container image, by reference or file.
    submit
        Any other submit command of HTCondor, as it stands in its manual; the ones Wingspan must own are refused.
    """

    cpus: int = 1
    memory: str | float = "2GB"
    disk: str | float = "2GB"
    gpus: int = 0
    gpu_capability: float | None = None
    gpu_memory: str | float | None = None
    runtime: str | float | None = None
    expected: str | float | None = None
    image: str | None = None
    submit: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise DeclarationError(
                "Resources", "; ".join(problems), "correct the request of this step"
            )
        object.__setattr__(self, "submit", MappingProxyType(dict(self.submit)))

    def _problems(self) -> list[str]:
        amounts = (self.memory, self.disk, self.gpu_memory, self.runtime, self.expected)
        try:
            found = [*_wrong(self.cpus, self.gpus, *amounts)]
        except TypeError:  # a value that cannot be remembered, such as a list
            found = [*_wrong.__wrapped__(self.cpus, self.gpus, *amounts)]
        owned = {command.lower() for command in self.submit} & OWNED_SUBMIT_COMMANDS
        if owned:
            found.append(f"submit commands {', '.join(sorted(owned))} are set by Wingspan itself")
        return found

    @property
    def memory_mb(self) -> int:
        """Memory in MB, rounded up."""
        return -int(-quantity(self.memory, MEGABYTES, "memory") // 1)

    @property
    def disk_mb(self) -> int:
        """Disk in MB, rounded up."""
        return -int(-quantity(self.disk, MEGABYTES, "disk") // 1)

    @property
    def runtime_s(self) -> float | None:
        """Longest wall time in seconds."""
        return None if self.runtime is None else quantity(self.runtime, SECONDS, "runtime")

    @property
    def expected_s(self) -> float | None:
        """Typical wall time in seconds."""
        return None if self.expected is None else quantity(self.expected, SECONDS, "expected")

    def to_json(self) -> dict[str, Any]:
        """Return what differs from the defaults, JSON-able."""
        values = {name: getattr(self, name) for name in _DEFAULTS}
        values["submit"] = dict(self.submit)
        return {name: value for name, value in values.items() if value != _DEFAULTS[name]}


@lru_cache(maxsize=1024, typed=True)  # many steps ask for the same; True is no count
def _wrong(cpus: object, gpus: object, *amounts: Any) -> tuple[str, ...]:  # noqa: ANN401
    """Say what is wrong with memory, disk, gpu_memory, runtime and expected, and with the counts."""
    found = []
    if type(cpus) is not int or cpus < 1:
        found.append(f"cpus={cpus!r} is not a whole number of at least 1")
    if type(gpus) is not int or gpus < 0:
        found.append(f"gpus={gpus!r} is not a whole number of at least 0")
    for (name, units), value in zip(_AMOUNTS, amounts, strict=True):
        try:
            _ = value is None or quantity(value, units, name)
        except ValueError as error:
            found.append(str(error))
    return tuple(found)


_AMOUNTS = (
    ("memory", MEGABYTES),
    ("disk", MEGABYTES),
    ("gpu_memory", MEGABYTES),
    ("runtime", SECONDS),
    ("expected", SECONDS),
)


_DEFAULTS: dict[str, Any] = {f.name: f.default for f in fields(Resources)} | {"submit": {}}
