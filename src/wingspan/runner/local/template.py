"""A warm process that forks one child per job.

It is started as ``python -P -m wingspan.runner.local.template FD PARENT MODULE:FUNCTION [MODULES...]``. It imports the
function's module and the named libraries but never calls them. So their thread pools have not started, and forking is
safe. Requests are JSON messages over a socket, and so are the answers: the pid of each job, then how it ended. The
process ends when the other end of the socket is closed or its parent is gone, and ends its jobs too.

Nothing that a job starts can leave it: orphans become children of the job's first process, and when that ends, of the
template, which knows its jobs and ends everything else.
"""

import atexit
import contextlib
import ctypes
import faulthandler
import gc
import importlib
import json
import mmap
import os
import resource
import select
import signal
import socket
import struct
import sys
import threading
import time
import traceback
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from wingspan.files import read_file
from wingspan.runner.job.process import BROKEN

MESSAGE_BYTES = 1 << 20
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_LINE_BUFFERED = 1  # C's _IOLBF
_BACKSTOP_FACTOR, _BACKSTOP_MB = (
    1.5,
    512,
)  # limit of a job's data segment, beyond the watch from outside
_KILLED_FIRST = (
    "500"  # of 1000: if memory runs out, the system ends jobs, not the processes that run them
)
_PEAK = struct.Struct("dd")
_LOOK_S = 1.0  # between looks whether the parent is still there
_TICK_S = 0.05  # between looks at processes that ended jobs have left
_TIDY_S = (
    1.0  # for processes that a job leaves to end by themselves: trackers of shared memory remove it
)
_QUIET_S = 2.0  # for threads that libraries start on import to come to rest


class Template:
    """Forks jobs on request and reports how they end."""

    def __init__(
        self,
        connection: socket.socket,
        parent: int,
        target: Callable[[str], int],
        libc: ctypes.CDLL,
    ) -> None:
        self._connection = connection
        self._parent = parent
        self._target = target
        self._libc = libc
        self._pid = os.getpid()
        self._given = _status_mb()
        self._jobs: dict[int, str] = {}
        self._peaks: dict[int, mmap.mmap] = {}  # where a job that ends by itself writes its peak
        self._left: dict[int, float] = {}  # when to kill processes that jobs have left, by pid
        self._ended: list[dict[str, Any]] = []  # reported once none of their processes is left
        self._wakes, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll = select.poll()

    def serve(self) -> None:
        """Serve until the other end is closed or the parent is gone; then end all jobs and return."""
        self._libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._poll.register(self._connection, select.POLLIN)
        self._poll.register(self._wakes, select.POLLIN)
        wanted = True
        while wanted or self._jobs or self._ended:
            ready = {fd for fd, _ in self._poll.poll(1000 * (_TICK_S if self._ended else _LOOK_S))}
            if self._wakes in ready:
                os.read(self._wakes, 4096)
            if wanted:
                asked = self._connection.fileno() not in ready or self._take_message()
                wanted = asked and os.getppid() == self._parent
                if not wanted:
                    self._end_jobs()
            self._reap()
            self._clear()

    def _end_jobs(self) -> None:
        self._poll.unregister(self._connection)
        for pid in self._jobs:
            _signal(pid, signal.SIGKILL)

    def _take_message(self) -> bool:
        """Start or signal a job as requested; return False if the other end is closed."""
        try:
            message = self._connection.recv(MESSAGE_BYTES)
        except ConnectionResetError:
            message = b""
        if not message:
            return False
        request = json.loads(message)
        if "signal" in request:
            for pid, token in self._jobs.items():
                if token == request["token"]:
                    _signal(pid, request["signal"])
            return True
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of threads: see `_rest`
            peak = mmap.mmap(-1, _PEAK.size)  # shared with the child
            pid = os.fork()
        if pid == 0:
            self._become_job(request, peak)
        self._peaks[pid] = peak
        self._jobs[pid] = request["token"]
        self._send({"token": request["token"], "pid": pid})
        return True

    def _reap(self) -> None:
        """Reap every child that has ended."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            token = self._jobs.pop(pid, None)
            if token is None:
                continue
            answer = {
                "token": token,
                "status": os.waitstatus_to_exitcode(status),
                "cpu_s": usage.ru_utime + usage.ru_stime,
                "peak_mb": _PEAK.unpack(self._peaks.pop(pid)[:]),
            }
            self._ended.append(answer)

    def _clear(self) -> None:
        """End the processes that ended jobs have left; report each job when none of them is left."""
        if not self._ended:
            return
        now = time.monotonic()
        children = read_file(f"/proc/self/task/{os.getpid()}/children").split()
        left = {int(pid) for pid in children} - self._jobs.keys()
        for pid in left - self._left.keys():
            _signal(pid, signal.SIGTERM)
        self._left = {pid: self._left.get(pid, now + _TIDY_S) for pid in left}
        for pid, kill_at in self._left.items():
            if now > kill_at:
                _signal(pid, signal.SIGKILL)
        if all(now > kill_at + _TIDY_S for kill_at in self._left.values()):  # none, or unkillable
            for answer in self._ended:
                self._send(answer)
            self._ended.clear()

    def _send(self, answer: Mapping[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the next read says so
            self._connection.send(json.dumps(answer).encode())

    def _become_job(self, request: Mapping[str, Any], peak: mmap.mmap) -> NoReturn:
        """Set up a forked child as the requested job, run it, and end."""
        code = BROKEN
        try:
            self._belong()
            self._connection.close()
            os.close(self._wakes)
            os.close(self._wake)
            for stream, path in ((1, request["stdout"]), (2, request["stderr"])):
                file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
                os.dup2(file, stream)
                os.close(file)
            self._limit(request["cores"], request["memory_mb"])
            os.environ.update(request["environment"])
            os.chdir(request["folder"])
            code = int(self._target(request["folder"]))
        except BaseException:  # noqa: BLE001 - nothing may come back into the template's own loop
            traceback.print_exc()
        finally:
            try:
                self._tidy()
                now = _status_mb()
                peak[:] = _PEAK.pack(now["VmHWM"] - self._given["RssAnon"], now["RssFile"])
            finally:
                os._exit(code)

    def _belong(self) -> None:
        """Make a session that dies with the template and adopts its orphans, with default signals."""
        self._libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        self._libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
        if os.getppid() != self._pid:  # it has ended before it could end this process
            os._exit(BROKEN)
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())

    def _limit(self, cores: list[int], memory_mb: int | None) -> None:
        if cores:
            os.sched_setaffinity(0, cores)
        if memory_mb is not None:
            allowed_mb = self._given["VmData"] + _BACKSTOP_FACTOR * memory_mb + _BACKSTOP_MB
            limit = int(allowed_mb * 2**20)
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

    def _tidy(self) -> None:
        """Do what a process does before it ends, without tearing the interpreter down."""
        for last in (
            threading._shutdown,  # type: ignore[attr-defined]  # noqa: SLF001 - as multiprocessing ends its forks
            atexit._run_exitfuncs,  # noqa: SLF001 - libraries remove shared memory, loggers send what they hold
            sys.stdout.flush,
            sys.stderr.flush,
        ):
            with contextlib.suppress(Exception):  # a closed stream is not the job's fault
                last()
        self._libc.fflush(None)


def _signal(pid: int, number: int) -> None:
    """Signal a child; unless it is to be killed, also the process group that it may lead.

    A kill leaves the others of the group to `_clear`, so that trackers of shared memory can do their work.
    """
    with contextlib.suppress(PermissionError):  # another user's, by sudo
        try:
            (os.kill if number == signal.SIGKILL else os.killpg)(pid, number)
        except ProcessLookupError:
            os.kill(pid, number)


def _status_mb() -> defaultdict[str, float]:
    """Return this process's memory in MB from the system; 0 for unknown numbers."""
    lines = read_file("/proc/self/status").decode().splitlines()
    known = [line.partition(":") for line in lines if line.endswith(" kB")]
    return defaultdict(float, {name: int(size[:-3]) / 1024 for name, _, size in known})


def _rest() -> None:
    """Wait until threads that libraries started on import sleep, so that forks are safe."""
    end = time.monotonic() + _QUIET_S
    others = [task for task in Path("/proc/self/task").iterdir() if task.name != str(os.getpid())]
    while others and time.monotonic() < end:
        states = [_state(task) for task in others]
        if all(state in {"S", "gone"} for state in states):
            return
        time.sleep(0.001)


def _state(task: Path) -> str:
    try:
        return (task / "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "gone"


def serve(connection: socket.socket, parent: int, target: str, modules: Iterable[str]) -> NoReturn:
    """Import what jobs will need, then serve until the other end is closed."""
    gc.disable()  # imported objects stay, so that collections would find nothing
    connection.set_inheritable(False)
    libc = ctypes.CDLL(None)
    libc.setvbuf(ctypes.c_void_p.in_dll(libc, "stdout"), None, _LINE_BUFFERED, 0)
    for wanted in modules:
        with contextlib.suppress(Exception):  # the job that needs it will report it
            importlib.import_module(wanted)
    module, _, name = target.partition(":")
    function: Callable[[str], int] = getattr(importlib.import_module(module), name)
    getattr(sys.modules[module], "before_forks", lambda: None)()
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_KILLED_FIRST)
    faulthandler.enable(2)  # each job's errors: a crash shows the Python stack there
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a text stream, here
    gc.freeze()
    gc.enable()
    _rest()
    Template(connection, parent, function, libc).serve()
    os._exit(0)  # at once: imports leave nothing to tidy up


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
