"""Which steps may start now, by dependencies and the machine's free part; starts nothing."""

import os
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wingspan.pipeline.resources import Resources
from wingspan.planning.plan import PlannedStep, is_sweep


@dataclass(slots=True)
class Machine:
    """The free part of a machine: cores, memory in MB, GPUs by index or name."""

    cpus: int
    memory_mb: int
    gpus: list[int | str] = field(default_factory=list)

    def holds(self, asked: Resources, *, alone: bool) -> bool:
        """Return whether a request is free; a job alone may exceed cpus and memory, never GPUs."""
        fits = asked.cpus <= self.cpus and asked.memory_mb <= self.memory_mb
        return (alone or fits) and asked.gpus <= len(self.gpus)

    def take(self, asked: Resources, *, alone: bool) -> list[int | str] | None:
        """Take a job's request; return None if it must wait."""
        if not self.holds(asked, alone=alone):
            return None
        self.cpus -= asked.cpus
        self.memory_mb -= asked.memory_mb
        taken, self.gpus = self.gpus[: asked.gpus], self.gpus[asked.gpus :]
        return taken

    def give(self, asked: Resources, gpus: list[int | str]) -> None:
        """Free what an ended job held."""
        self.cpus += asked.cpus
        self.memory_mb += asked.memory_mb
        self.gpus = sorted([*self.gpus, *gpus], key=str)


def this_machine() -> Machine:
    """Return the cores that this process may use, 90 % of the memory, and the NVIDIA GPUs."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    devices = Path("/proc/driver/nvidia/gpus")
    gpus: list[int | str] = list(range(len(list(devices.iterdir())))) if devices.is_dir() else []
    return Machine(len(os.sched_getaffinity(0)), int(memory * 0.9 / 2**20), gpus)


class Turns:
    """Groups of steps, called tasks; when the time is up, started tasks end and no other begins.

    Parameters
    ----------
    tasks
        The keys of each task; steps without a task may always start.
    until
        By the monotonic clock.
    """

    def __init__(self, tasks: Iterable[Iterable[str]], until: float) -> None:
        self._task_of = {key: number for number, task in enumerate(tasks) for key in task}
        self._until = until
        self._begun: set[int] = set()

    def may_start(self, key: str) -> bool:
        """Return whether a step's task was begun, or may be; the first one always may."""
        task = self._task_of.get(key)
        begun = task is None or task in self._begun or not self._begun
        return begun or time.monotonic() < self._until

    def started(self, key: str) -> None:
        """Note that a step has started."""
        if key in self._task_of:
            self._begun.add(self._task_of[key])


class Schedule:
    """Steps that wait, by key; a step is ready when all it needs is done.

    Parameters
    ----------
    jobs
        Most steps that may run at once; None is no limit but the machine.
    limited
        For a key, a name and the most steps of that name that may run at once.
    turns
        Which steps may start at all; the others are left out, with the steps that need them. Steps of a begun task go
        first, so that it ends before the next one.
    """

    def __init__(
        self,
        steps: Iterable[PlannedStep],
        free: Machine,
        jobs: int | None = None,
        limited: Mapping[str, tuple[str, int]] | None = None,
        turns: Turns | None = None,
    ) -> None:
        self._turns = turns
        self.free = free
        self._jobs = jobs
        self._limited = limited or {}
        self._running: Counter[str] = Counter()  # steps by the name of their limit
        self.aside: dict[str, PlannedStep] = {}  # steps that another run computes
        self._steps = {step.key: step for step in steps}
        self._asked = {key: Resources(**step.resources) for key, step in self._steps.items()}
        self._readers: dict[str, list[str]] = {}
        self._missing: dict[str, int] = {}
        self._held: dict[str, list[int | str]] = {}
        self._open: set[str] = set()  # started steps that hold nothing of the machine
        self._lost: set[str] = set()
        for key, step in self._steps.items():
            needs = [need for need in step.needs if need in self._steps]
            self._missing[key] = len(needs)
            for need in needs:
                self._readers.setdefault(need, []).append(key)
        self._ready = deque(key for key, count in self._missing.items() if count == 0)

    @property
    def requests(self) -> Mapping[str, Resources]:
        """The request of each step, by key."""
        return self._asked

    @property
    def unfinished(self) -> bool:
        """Whether a step is ready, running or set aside; one that waits for a failed step is not."""
        return bool(self._ready or self._held or self.aside or self._open)

    def start(self) -> tuple[PlannedStep, list[int | str]] | None:
        """Take the first ready step that fits, with the GPUs it gets; None if nothing can start now."""
        if self._turns is not None:
            self._ready = deque(key for key in self._ready if self._turns.may_start(key))
        for position, key in enumerate(self._ready):
            if _holds_nothing(self._steps[key]):
                del self._ready[position]
                self._open.add(key)
                return self._steps[key], []
            if self._crowded or self._full(key):
                continue
            gpus = self.free.take(self._asked[key], alone=not self._held)
            if gpus is not None:
                del self._ready[position]
                self._held[key] = gpus
                self._count(key, 1)
                if self._turns is not None:
                    self._turns.started(key)
                return self._steps[key], gpus
        return None

    @property
    def _crowded(self) -> bool:
        """Whether as many jobs run as may run at once."""
        return self._jobs is not None and len(self._held) >= self._jobs

    def room(self, asked: Resources) -> bool:
        """Return whether a job with this request could start now."""
        return not self._crowded and self.free.holds(asked, alone=not self._held)

    def add(self, trial: PlannedStep) -> None:
        """Make a trial of a sweep ready; it is forgotten when it ends."""
        self._steps[trial.key] = trial
        self._asked.setdefault(trial.key, Resources(**trial.resources))
        self._ready.append(trial.key)

    def knows(self, key: str) -> bool:
        """Return whether a step of the plan, or a trial that has not ended, has this key."""
        return key in self._steps

    def pending(self, key: str) -> bool:
        """Return whether a step with this key is ready, running or set aside."""
        return key in self._held or key in self.aside or key in self._ready

    def forget(self, key: str) -> None:
        """Drop a trial that has ended."""
        del self._steps[key], self._asked[key]

    def again(self, key: str) -> None:
        """Put a started step back to the front: its process was lost."""
        self._release(key)
        self._ready.appendleft(key)

    def set_aside(self, key: str) -> None:
        """Take a started step out until `take_up`: another run computes it."""
        self._release(key)
        self.aside[key] = self._steps[key]

    def take_up(self, key: str) -> None:
        """Make a step that was set aside ready, before all others."""
        del self.aside[key]
        self._ready.appendleft(key)

    def done(self, key: str) -> None:
        """Note that a started step succeeded; steps that waited only for it are ready now."""
        self._release(key)
        for reader in self._readers.get(key, []):
            self._missing[reader] -= 1
            if self._missing[reader] == 0 and self._turns is not None:
                self._ready.appendleft(reader)
            elif self._missing[reader] == 0:
                self._ready.append(reader)

    def failed(self, key: str) -> list[PlannedStep]:
        """Give up a started step; return the steps that can never start now, nearest first."""
        self._release(key)
        lost, queue = [], deque([key])
        while queue:
            for reader in self._readers.get(queue.popleft(), []):
                if reader not in self._lost:
                    self._lost.add(reader)
                    lost.append(self._steps[reader])
                    queue.append(reader)
        return lost

    def _full(self, key: str) -> bool:
        """Return whether the most steps of this one's limit run already."""
        name, most = self._limited.get(key, ("", 0))
        return bool(name) and self._running[name] >= most

    def _count(self, key: str, change: int) -> None:
        if key in self._limited:
            self._running[self._limited[key][0]] += change

    def _release(self, key: str) -> None:
        if key in self._open:
            self._open.remove(key)
        else:
            self._count(key, -1)
            self.free.give(self._asked[key], self._held.pop(key))


def _holds_nothing(step: PlannedStep) -> bool:
    """Return whether the parent carries out a step: a sweep, or the table of its trials."""
    return is_sweep(step) or "trials" in step.action
