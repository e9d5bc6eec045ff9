"""A warm process that forks one child per job: ``python -m wingspan.runner.template FD MODULE:FUNCTION [MODULES...]``.

It imports the function's module and the named libraries and never calls them: their thread pools have not started, so
that forking is safe. Requests come as JSON messages over a socket, and so go the answers: the pid of each job, then how
it ended. It ends when the other end of the socket is closed, and takes its jobs with it.
"""

import ctypes
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

MESSAGE_BYTES = 1 << 20
_PR_SET_PDEATHSIG = 1
_BACKSTOP_FACTOR, _BACKSTOP_MB = (
    1.5,
    512,
)  # of the data segment, beyond what is watched from outside


def serve(connection: socket.socket, target: Callable[[Path], int], libc: ctypes.CDLL) -> None:
    """Fork jobs as asked, tell how they end, until the other end is closed."""
    jobs: dict[int, str] = {}
    wakes, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    poll.register(wakes, select.POLLIN)
    while True:
        ready = {fd for fd, _ in poll.poll()}
        if wakes in ready:
            os.read(wakes, 4096)
            _reap(jobs, connection)
        if connection.fileno() in ready:
            message = connection.recv(MESSAGE_BYTES)
            if not message:
                break
            request = json.loads(message)
            pid = os.fork()
            if pid == 0:
                _become_job(request, connection, target, libc)
            jobs[pid] = request["token"]
            _send(connection, {"token": request["token"], "pid": pid})
    for pid in jobs:
        end_group(pid)


def _reap(jobs: dict[int, str], connection: socket.socket) -> None:
    """Take in every child that has ended, end what it left behind, and say so."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    while jobs:
        try:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        end_group(pid)
        answer = {
            "token": jobs.pop(pid),
            "status": os.waitstatus_to_exitcode(status),
            "cpu_s": usage.ru_utime + usage.ru_stime,
            "grown_mb": max(0.0, (usage.ru_maxrss - own) / 1024),
        }
        _send(connection, answer)


def _send(connection: socket.socket, answer: Mapping[str, Any]) -> None:
    try:
        connection.send(json.dumps(answer).encode())
    except (BrokenPipeError, ConnectionResetError):
        return  # the other end has gone: the next read says so


def end_group(pid: int) -> None:
    """Kill what is left of a job's process group."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _become_job(
    request: Mapping[str, Any],
    connection: socket.socket,
    target: Callable[[Path], int],
    libc: ctypes.CDLL,
) -> None:
    """Set up a forked child as the job it was asked for, run it, and never return."""
    code = 70
    try:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        connection.close()
        for stream, path in ((1, request["stdout"]), (2, request["stderr"])):
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.dup2(file, stream)
            os.close(file)
        os.environ.update(request["environment"])
        if request["cores"]:
            os.sched_setaffinity(0, request["cores"])
        if request["memory_mb"]:
            limit = int((_BACKSTOP_FACTOR * request["memory_mb"] + _BACKSTOP_MB) * 2**20)
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        os.chdir(request["folder"])
        code = target(Path(request["folder"]))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    """Import what jobs will need, then serve."""
    number, target, *modules = sys.argv[1:]
    connection = socket.socket(fileno=int(number))
    connection.set_inheritable(False)
    libc = ctypes.CDLL(None)
    module, _, name = target.partition(":")
    function: Callable[[Path], int] = getattr(importlib.import_module(module), name)
    for wanted in modules:
        try:
            importlib.import_module(wanted)
        except ImportError:  # the job that needs it will say so
            continue
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a text stream, here
    gc.collect()
    gc.freeze()
    serve(connection, function, libc)
    os._exit(0)  # at once: there is nothing to tidy up in what was only imported


if __name__ == "__main__":
    main()
