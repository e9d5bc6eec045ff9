"""Write a plan into a run folder, and carry it out from there.

A run at once, one in the background and one that is resumed all do so.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from wingspan.planning.plan import Plan
from wingspan.runner.alongside import mirrored
from wingspan.runner.events import (
    DONE,
    Listener,
    Outcome,
    StepEvent,
    ignore,
)
from wingspan.runner.plan_file import load_plan, require_format
from wingspan.runner.protocol import Runner
from wingspan.runner.record import read_events, write_event
from wingspan.runner.run_folder import Home, RunFolder
from wingspan.runner.runners import runner_on
from wingspan.store.store import Store


def drive(
    folder: RunFolder,
    home: Home,
    listener: Listener,
    runner: Runner | None = None,
    jobs: int | None = None,
) -> Outcome:
    """Run the open steps of a run's plan until all have ended.

    Parameters
    ----------
    jobs
        Most jobs at once of a new runner, here or in a pool's queue; None is its own limit.

    Raises
    ------
    ConflictError
        Another process drives this run.
    FormatError
        Another version of Wingspan planned the run, and this version cannot start its jobs.
    """
    require_format(folder)
    folder.claim()
    with mirrored(folder, home):
        try:
            with _interruptible():
                plan = _with_what_others_did(load_plan(folder), folder, home, listener)
                outcome = (runner or runner_on(folder.on, folder.shared, jobs, folder.pool)).run(
                    plan, folder, home, listener
                )
            if outcome.ok:
                folder.complete.touch()
        finally:
            folder.pid.unlink(missing_ok=True)
    return outcome


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let the Ctrl-C of `Run.stop` reach this process.

    A script's shell makes processes that it starts with ``&`` ignore Ctrl-C.
    """
    main = threading.current_thread() is threading.main_thread()
    ignored = main and signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if ignored:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        if ignored:
            signal.signal(signal.SIGINT, signal.SIG_IGN)


def _with_what_others_did(plan: Plan, folder: RunFolder, home: Home, listener: Listener) -> Plan:
    """Return the plan as the store is now; record steps that another run has finished as done."""
    done = Store(home.store).done(step.key for step in plan.steps)
    known = read_events(folder)
    for step in plan.steps:
        last = known.get(step.name)
        if step.key in done and not step.done and (last is None or last.state != DONE):
            event = StepEvent(time.time(), step.name, step.key, DONE)
            write_event(folder, event)
            listener(event)
    return replace(plan, steps=tuple(replace(step, done=step.key in done) for step in plan.steps))


def drive_in_background(folder: RunFolder, home: Home, jobs: int | None = None) -> None:
    """Start a process that drives the run and outlives this one and the terminal.

    Do nothing if a process drives the run already.
    """
    if folder.driven():
        return
    command = [sys.executable, "-m", "wingspan.runner.drive", str(folder.root), str(home.root)]
    command += [] if jobs is None else [str(jobs)]
    appending = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    pid = os.posix_spawn(
        sys.executable,
        command,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(folder.log), appending, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigdef=[signal.SIGINT],  # a shell makes processes started with & ignore it
    )
    folder.claim(pid)


if __name__ == "__main__":
    at_most = int(sys.argv[3]) if len(sys.argv) > 3 else None
    drive(RunFolder(Path(sys.argv[1])), Home(Path(sys.argv[2])), ignore, jobs=at_most)
