"""Show the output of running steps, and interrupt them to send a checkpoint home."""

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from wingspan.files import remove
from wingspan.planning.plan import PlannedStep
from wingspan.runner.run_folder import (
    CHECKPOINT,
    EPOCHS,
    PAUSED,
    SHARED,
    STDOUT,
    RunFolder,
)

_LOOK_S = 1.0
_TICK_S = 0.05


_SHOWN_MOST = 1 << 16  # bytes of output shown at each look


class Interrupted(BaseException):
    """A checkpoint is to be sent."""


def drop_links(home: Path) -> None:
    """Remove what the next start makes again from a home before it is sent as a checkpoint.

    These are links that lead out of the home, and what steps share on this machine.
    """
    for path in home.glob(f"runs/*/{SHARED}"):
        remove(path)
    for path in home.rglob("*"):
        if path.is_symlink():
            path.unlink()


def cut(steps: Iterable[PlannedStep], folder: RunFolder) -> None:
    """Write the number of checkpoints after which the trainings of a job end it."""
    asked = [
        step.resources["epochs_per_job"] for step in steps if "epochs_per_job" in step.resources
    ]
    if asked:
        (folder.root / EPOCHS).write_text(str(min(asked)))


@contextmanager
def checkpoints(folder: RunFolder, every_s: float, tick: Callable[[], None]) -> Iterator[None]:
    """Interrupt the running steps once a checkpoint is to be sent home.

    That is when a new checkpoint is old enough to be worth it, or a step waits for it.

    Parameters
    ----------
    tick
        Is called 20 times a second.
    """
    begin = time.time()
    looked = time.monotonic()
    shown: dict[Path, int] = {}

    def look(*_: object) -> None:
        nonlocal looked
        tick()
        if time.monotonic() - looked < _LOOK_S:
            return
        looked = time.monotonic()
        _show_output(folder, shown)
        paused = list(folder.root.glob(f"steps/*/*/{PAUSED}"))
        for path in paused:
            path.unlink()  # the next start is not to find it
        if paused:
            raise Interrupted
        if time.time() - begin < every_s:
            return
        made = folder.root.glob(f"steps/*/*/{CHECKPOINT}")
        if any(path.stat().st_mtime > begin for path in made):
            raise Interrupted

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, _TICK_S, _TICK_S)  # no thread: this process forks
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _show_output(folder: RunFolder, shown: dict[Path, int]) -> None:
    """Copy new output of the steps to the job's own output, where condor_tail reads it.

    Parameters
    ----------
    shown
        How many bytes of each file have been.
    """
    with suppress(OSError):  # the step that must write reports a full disk
        for log in folder.root.glob(f"steps/*/*/{STDOUT}"):
            with log.open("rb") as file:
                file.seek(shown.get(log, 0))
                new = file.read(_SHOWN_MOST)
            os.write(1, new)
            shown[log] = shown.get(log, 0) + len(new)
