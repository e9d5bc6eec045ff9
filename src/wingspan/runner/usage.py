"""What a step used against its request; pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wingspan.pipeline.resources import Resources
from wingspan.runner.events import StepEvent
from wingspan.runner.failure import SPARE, request_mb

if TYPE_CHECKING:
    from wingspan.eventlog.attempt import Attempt

WASTE = 4.0  # a request above this many times the use makes the job and others wait
_SMALL = {
    "memory": 4096.0,
    "disk": 4096.0,
    "cpus": 1.0,
}  # twice the defaults: too small to matter
_JUDGED_S = 10.0  # the cores of a shorter step mean little: it mostly imports and waits


@dataclass(frozen=True, slots=True)
class Usage:
    """One resource of one step: MB of memory and disk, cores.

    Parameters
    ----------
    used
        None if it was not measured.
    over
        The job was ended for it; its failure has the new request.
    stated
        The user stated the request; else it is the default request of a pool.
    """

    resource: str
    used: float | None
    asked: float
    over: bool = False
    stated: bool = True

    def hint(self) -> str:
        """Return a better request; empty if the request is right, or too small to matter."""
        if self.used is None or not self.asked or self.over:
            return ""
        if self.too_small:  # short bursts of other threads do not count
            asked = f"asked for {self._amount(self.asked)}" if self.stated else "states none"
            return f"used {self._amount(self.used)}, {asked}: {self.request()}"
        if self.asked > max(WASTE * self.used, _SMALL[self.resource]):
            return f"asked for {self._amount(self.asked)}, used {self._amount(self.used)}: {self.request()}"
        return ""

    @property
    def too_small(self) -> bool:
        """Whether more memory or disk was used than requested."""
        return self.used is not None and self.used > self.asked and self.resource != "cpus"

    def request(self) -> str:
        """Return what to ask for instead, as `Resources` takes it."""
        used = self.used or 0.0
        if self.resource == "cpus":
            return f"cpus={max(int(SPARE * used + 0.5), 1)}"
        return f'{self.resource}="{request_mb(used)}MB"'

    def _amount(self, number: float) -> str:
        text = f"{number:,.1f}" if number < 10 and number != int(number) else f"{number:,.0f}"
        return text if self.resource == "cpus" else f"{text} MB"


def measure(event: StepEvent, asked: Resources, attempts: "Iterable[Attempt]" = ()) -> list[Usage]:
    """Return a step's memory, disk and cores: the most that the job or its machine measured."""
    cores = event.cpu_s / event.wall_s if event.wall_s >= _JUDGED_S else None
    memory = [event.peak_memory_mb or None, *(one.memory_mb.used for one in attempts)]
    disk = [one.disk_mb.used for one in attempts]
    return [
        Usage(
            "memory",
            _most(memory),
            asked.memory_mb,
            event.cause == "memory",
            asked.memory_limit_mb is not None,
        ),
        Usage("disk", _most(disk), asked.disk_mb, event.cause == "disk"),
        Usage("cpus", cores, asked.cpus),
    ]


def _most(measured: Iterable[float | None]) -> float | None:
    return max((one for one in measured if one is not None), default=None)
