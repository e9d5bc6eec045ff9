"""Start jobs in warm processes, watch their memory and time, and report how they ended.

Jobs are forked by a template (see `template`). There is one for each number of cores and set of libraries. The
variables that size thread pools are set before it imports anything.
"""

import contextlib
import json
import math
import os
import select
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from wingspan.pipeline.resources import LEAST_FREE, UNSTATED_MB
from wingspan.runner.local.memory import Gauge, session
from wingspan.runner.local.pressure import free_share, killed_for_memory
from wingspan.runner.local.template import MESSAGE_BYTES
from wingspan.runner.local.warm import Warm, fork_template, start_template

_FIRST_LOOK_S, _LONGEST_LOOK_S, _LOOK_GROWTH = 0.05, 0.5, 1.5  # pauses between looks at memory
_LOOK_EACH_S = (
    0.01  # times the number of jobs: the least pause, so that looks at many jobs cost no more
)
_GRACE_S = 2.0
_SCARCE = 3  # times the least free memory: below it, looks are close together


@dataclass(frozen=True, slots=True)
class Limits:
    """What a job may use: cores, memory in MB, wall time; None is no limit.

    Without a limit on memory a job is ended only when the machine has little left, see `Processes`.
    """

    cpus: int
    memory_mb: int | None
    runtime_s: float | None


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended.

    Parameters
    ----------
    exit_code, signal
        One of them is None; both if the end is unknown.
    cause
        ``exit`` if it ended by itself or from outside. ``memory`` or ``time`` if it exceeded its limit, or memory ran
        out. ``stopped`` on request; ``lost`` with its template.
    """

    token: str
    exit_code: int | None
    signal: int | None
    cause: str
    wall_s: float
    cpu_s: float
    peak_memory_mb: float


@dataclass(slots=True)
class _Job:
    token: str
    limits: Limits
    cores: tuple[int, ...]
    began: float
    pid: int = 0
    gauge: Gauge | None = None
    peak_mb: float = 0.0
    memory_mb: float = 0.0
    look_at: float = 0.0
    pause_s: float = _FIRST_LOOK_S
    cause: str = "exit"
    kill_at: float = float("inf")

    def forked(self, pid: int, template: int) -> None:
        """Begin to count time and memory; those before are the template's."""
        self.pid, self.gauge, self.began = pid, Gauge(pid, template), time.monotonic()
        self.look_at = self.began + self.pause_s

    def complete(self, grown_mb: float, file_mb: float) -> None:
        """Add the system's own peak, which no look can miss, without the peak of mapped files."""
        if self.gauge is not None:
            seen_mb = grown_mb - max(file_mb, self.gauge.file_mb)
            self.peak_mb = max(self.peak_mb, seen_mb)

    def time_out(self) -> float:
        """Return when its time is over; never, after a request to end."""
        if self.limits.runtime_s is None or self.cause != "exit":
            return float("inf")
        return self.began + self.limits.runtime_s


@dataclass(slots=True)
class _Template:
    process: Warm
    connection: socket.socket
    jobs: dict[str, _Job] = field(default_factory=dict)

    def send(self, request: Mapping[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # `wait` finds it gone
            self.connection.send(json.dumps(request).encode())

    def wait_for_end(self) -> None:
        """Wait until the process has closed its end; kill it if it does not.

        A process without jobs is killed at once, as it may still import.
        """
        if not self.jobs:
            self.process.kill()
        self.connection.settimeout(_GRACE_S if any(job.pid for job in self.jobs.values()) else 0.2)
        try:
            while self.connection.recv(MESSAGE_BYTES):
                pass
        except (TimeoutError, ConnectionResetError):
            self.process.kill()
        self.connection.close()
        self.process.wait()


class Processes:
    """Jobs under way, as a context manager; leaving it ends all that it started.

    When less than `LEAST_FREE` of the memory is free, the job without a limit that holds most is ended, and so on until
    enough is free. Jobs that hold no more than the default request are left alone.
    """

    def __init__(
        self, target: str, *, fork: bool = False, free: Callable[[], float] = free_share
    ) -> None:
        """`target` is ``module:function``; it takes the job's folder as text, returns an exit code.

        With `fork`, templates are forked from this process (see `warm`) rather than started. `free` returns the share of
        the memory that is free.
        """
        self._target = target
        self._free = free
        self._look_at = 0.0  # at the memory of the machine
        self._killed = killed_for_memory()  # by the system
        self._fork = fork
        self._templates: dict[tuple[int, frozenset[str]], _Template] = {}
        self._cores = Counter(dict.fromkeys(sorted(os.sched_getaffinity(0)), 0))
        self._poll = select.poll()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def warm(self, cpus: int, preload: frozenset[str]) -> None:
        """Start the template for jobs of `cpus` cores that import these modules; return at once."""
        if (cpus, preload) in self._templates:
            return
        if self._fork:
            others = [template.connection for template in self._templates.values()]
            process, ours = fork_template(self._target, cpus, preload, others)
        else:
            process, ours = start_template(self._target, cpus, preload)
        self._templates[cpus, preload] = _Template(process, ours)
        self._poll.register(ours, select.POLLIN)

    def start(
        self,
        token: str,
        folder: Path,
        limits: Limits,
        preload: frozenset[str],
        environment: Mapping[str, str],
        streams: tuple[Path, Path],
    ) -> None:
        """Start the job of a folder; `streams` are the files for its output and its errors."""
        template = self._template(limits.cpus, preload)
        cores = self._take_cores(limits.cpus)
        template.jobs[token] = _Job(token, limits, cores, time.monotonic())
        request = {
            "token": token,
            "folder": str(folder),
            "stdout": str(streams[0]),
            "stderr": str(streams[1]),
            "environment": dict(environment),
            "cores": cores,
            "memory_mb": limits.memory_mb,
        }
        template.send(request)

    def wait(self, timeout_s: float) -> list[Ended]:
        """Watch the jobs; return as soon as a job has ended, or when the time is over."""
        end = time.monotonic() + timeout_s
        while True:
            ended = self._receive(min(end, self._next_look()) - time.monotonic())
            now = time.monotonic()
            jobs = [(t, job) for t in self._templates.values() for job in t.jobs.values()]
            for template, job in jobs:
                _watch(job, template, now, len(jobs))
            self._relieve(jobs, now)
            if ended or now >= end:
                return ended

    def _relieve(self, jobs: list[tuple[_Template, _Job]], now: float) -> None:
        """If little memory is left, end the job without a limit that holds most; one at a time."""
        large = [
            (template, job)
            for template, job in jobs
            if job.limits.memory_mb is None and job.memory_mb > UNSTATED_MB and job.cause == "exit"
        ]
        if not large or now < self._look_at:
            return
        free = self._free()
        self._look_at = now + (_FIRST_LOOK_S if free < _SCARCE * LEAST_FREE else _LONGEST_LOOK_S)
        for _, job in large:
            job.look_at = min(job.look_at, self._look_at)
            if free < LEAST_FREE and job.gauge is not None:
                job.memory_mb = job.gauge.read(UNSTATED_MB, len(jobs))
        template, job = max(large, key=lambda one: one[1].memory_mb)
        being_ended = any(other.cause == "memory" for _, other in jobs)
        if free < LEAST_FREE and job.memory_mb > UNSTATED_MB and not being_ended:
            job.cause, job.peak_mb = "memory", max(job.peak_mb, job.memory_mb)
            template.send({"token": job.token, "signal": signal.SIGKILL})

    def memory_mb(self, token: str) -> float:
        """Return the memory that a job held at the last look; 0 if it is not under way."""
        return next(
            (t.jobs[token].memory_mb for t in self._templates.values() if token in t.jobs), 0.0
        )

    def stop(self, token: str) -> None:
        """Ask a job to end, and kill it if it has not ended after two seconds."""
        for template in self._templates.values():
            job = template.jobs.get(token)
            if job is not None and job.cause == "exit":
                job.cause, job.kill_at = "stopped", time.monotonic() + _GRACE_S
                template.send({"token": token, "signal": signal.SIGTERM})

    def close(self) -> None:
        """End every job and template, and wait until they are gone."""
        for template in self._templates.values():
            template.connection.shutdown(socket.SHUT_WR)
        for template in self._templates.values():
            template.wait_for_end()
        self._templates.clear()

    def _template(self, cpus: int, preload: frozenset[str]) -> _Template:
        """Return a living template; one that died without jobs is replaced."""
        found = self._templates.get((cpus, preload))
        if found is not None and not found.jobs and found.process.poll() is not None:
            self._lose((cpus, preload), found)
        self.warm(cpus, preload)
        return self._templates[cpus, preload]

    def _take_cores(self, cpus: int) -> tuple[int, ...]:
        """Choose the cores that fewest jobs use; none if all are needed."""
        if cpus >= len(self._cores):
            return ()
        chosen = tuple(sorted(self._cores, key=lambda core: (self._cores[core], core))[:cpus])
        self._cores.update(chosen)
        return chosen

    def _next_look(self) -> float:
        times = [
            min(job.look_at, job.kill_at, job.time_out())
            for template in self._templates.values()
            for job in template.jobs.values()
            if job.pid
        ]
        return min(times, default=float("inf"))

    def _receive(self, timeout_s: float) -> list[Ended]:
        """Read the templates' messages that arrive within the time."""
        ended = []
        pause_ms = math.ceil(
            max(0.0, min(timeout_s, 3600.0)) * 1000
        )  # rounded up: never a busy loop
        ready = {fd for fd, _ in self._poll.poll(pause_ms)}
        for key, template in list(self._templates.items()):
            if template.connection.fileno() not in ready:
                continue
            try:
                message = template.connection.recv(MESSAGE_BYTES)
            except ConnectionResetError:
                message = b""
            if message:
                ended += self._answered(template, json.loads(message))
            else:
                ended += self._lose(key, template)
        return ended

    def _answered(self, template: _Template, answer: Mapping[str, Any]) -> list[Ended]:
        job = template.jobs[answer["token"]]
        if "pid" in answer:
            job.forked(answer["pid"], template.process.pid)
            return []
        del template.jobs[job.token]
        job.complete(*answer["peak_mb"])
        status = answer["status"]
        code, number = (status, None) if status >= 0 else (None, -status)
        if number == signal.SIGKILL and job.cause == "exit" and self._killed_for_memory():
            job.cause = "memory"
        return [self._ended(job, code, number, answer["cpu_s"])]

    def _killed_for_memory(self) -> bool:
        """Return whether the system has killed a process for lack of memory since the last call."""
        before, self._killed = self._killed, killed_for_memory()
        return self._killed > before

    def _lose(self, key: tuple[int, frozenset[str]], template: _Template) -> list[Ended]:
        """Give up a template that has ended, and all its jobs."""
        self._poll.unregister(template.connection)
        template.connection.close()
        template.process.kill()
        template.process.wait()
        del self._templates[key]
        ended = []
        for job in template.jobs.values():
            if job.pid:
                _end_session(job.pid)
            job.cause = "lost"
            ended.append(self._ended(job, None, None, 0.0))
        return ended

    def _ended(self, job: _Job, code: int | None, number: int | None, cpu_s: float) -> Ended:
        self._cores.subtract(job.cores)
        return Ended(
            job.token, code, number, job.cause, time.monotonic() - job.began, cpu_s, job.peak_mb
        )


def _watch(job: _Job, template: _Template, now: float, jobs: int) -> None:
    """Look at one job's memory and time if due; kill it if it exceeds a limit."""
    if job.gauge is None:
        return
    if now >= job.look_at:
        limit_mb = job.limits.memory_mb or float("inf")
        job.memory_mb = job.gauge.read(limit_mb, jobs)
        job.peak_mb = max(job.peak_mb, job.memory_mb)
        job.pause_s = max(min(job.pause_s * _LOOK_GROWTH, _LONGEST_LOOK_S), _LOOK_EACH_S * jobs)
        job.look_at = now + job.pause_s
        if job.memory_mb > limit_mb and job.cause == "exit":
            job.cause, job.kill_at = "memory", now
    if now >= job.time_out():
        job.cause, job.kill_at = "time", now
    if now >= job.kill_at:
        job.kill_at = float("inf")
        template.send({"token": job.token, "signal": signal.SIGKILL})


def _end_session(leader: int) -> None:
    """Kill a session whose template is gone, and what it forks meanwhile."""
    while left := session(leader):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
