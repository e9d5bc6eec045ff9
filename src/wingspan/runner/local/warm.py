"""Start a template: in its own interpreter, or forked from this process.

A fork saves the start of an interpreter and the imports that this process has done. It is for a process without threads
and large libraries: a job on an execution point.
"""

import os
import signal
import socket
import sys
import traceback
from collections.abc import Iterable
from typing import Protocol

from wingspan.runner.job.process import BROKEN, FIXED_HASHES
from wingspan.runner.local import template
from wingspan.tracking.job_environment import for_jobs

_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "LOKY_MAX_CPU_COUNT",
)
_LIBRARIES = {
    "_RJEM_MALLOC_CONF": "background_thread:false,dirty_decay_ms:10,muzzy_decay_ms:0",
    "POLARS_CSV_CHUNK_SIZE": str(2 << 20),
    "OMP_WAIT_POLICY": "PASSIVE",
}
"""Settings of libraries, where the user has none. polars: no thread in a template, and memory is returned soon after it is freed.

Returning it at once is a third slower. A CSV is read in pieces of 2 MB: polars reads several ahead of a job that uses
its rows block by block, and with its own, larger ones these are hundreds of MB.

Threads of OpenMP sleep while they wait for one another. By default they spin: where other programs keep the cores busy,
boosted trees with two threads took twelve times as long, and three times the CPU time.
"""
_FIRST = ("scipy.special", "skops.io")
"""Imported first, as skops looks for each function of scipy.special in every loaded module."""
_SIGNALS = (signal.SIGALRM, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Warm(Protocol):
    """The process of a template, with the methods of `subprocess.Popen`."""

    pid: int

    def poll(self) -> int | None:
        """Return how it ended; None while it has not."""

    def kill(self) -> None:
        """Kill it, if it is there."""

    def wait(self) -> int:
        """Wait until it has ended; return how."""


class _Forked:
    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._status: int | None = None

    def poll(self) -> int | None:
        if self._status is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            self._status = os.waitstatus_to_exitcode(status) if ended else None
        return self._status

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        if self._status is None:
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._status


def start_template(target: str, cpus: int, modules: Iterable[str]) -> tuple[Warm, socket.socket]:
    """Start a template in its own interpreter; return its process and the socket for requests."""
    import subprocess  # a job on an execution point forks its templates

    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        # -P: a file of the current folder with the name of a library does not replace the library
        command = [sys.executable, "-P", "-m", template.__name__]
        command += [str(theirs.fileno()), str(os.getpid()), target, *_in_order(modules)]
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={**_LIBRARIES, **for_jobs(os.environ), **_threads(cpus), **FIXED_HASHES},
            pass_fds=[theirs.fileno()],
            start_new_session=True,  # Ctrl-C in the terminal is for this process alone
        )
    return process, ours


def fork_template(
    target: str, cpus: int, modules: Iterable[str], others: Iterable[socket.socket]
) -> tuple[Warm, socket.socket]:
    """Fork a template from this process; `others` are the connections to its other templates."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        theirs.close()
        return _Forked(pid), ours
    try:
        for connection in (ours, *others):
            connection.close()
        _detach()
        mine = {**_LIBRARIES, **for_jobs(os.environ), **_threads(cpus)}
        os.environ.clear()
        os.environ.update(mine)
        template.serve(theirs, parent, target, _in_order(modules))
    except BaseException:  # noqa: BLE001 - nothing may come back into what the parent was doing
        traceback.print_exc()
    finally:
        os._exit(BROKEN)


def _in_order(modules: Iterable[str]) -> list[str]:
    return sorted(modules, key=lambda name: (name not in _FIRST, name))


def _threads(cpus: int) -> dict[str, str]:
    return dict.fromkeys(_THREADS, str(cpus))


def _detach() -> None:
    """Leave the parent's session, its input and output, and what it does on signals."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
