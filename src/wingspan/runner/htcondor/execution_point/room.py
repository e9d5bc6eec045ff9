"""Reserve 1 MB of the sandbox's disk, so that results fit when a step fills the disk."""

import os
import shutil
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from wingspan.errors import SpaceError
from wingspan.files import disk_errors
from wingspan.planning.plan import PlannedStep
from wingspan.runner.events import (
    DONE,
    FAILED,
    Outcome,
    StepEvent,
)
from wingspan.runner.failure import Failure, out_of_disk
from wingspan.runner.run_folder import WORK
from wingspan.store.store import Store

_KEPT = 1 << 20  # bytes: results and tracebacks of many steps
_NAME = "room"
_MB = 1 << 20


def keep_room(folder: Path) -> None:
    """Take a megabyte of the disk.

    Raises
    ------
    SpaceError
        There is not even that.
    """
    with disk_errors(folder / _NAME), (folder / _NAME).open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, _KEPT)


def drop_room(folder: Path) -> None:
    """Give back what was kept."""
    (folder / _NAME).unlink(missing_ok=True)


def refuse_full_disk(outcome: Outcome, steps: Iterable[PlannedStep], folder: Path) -> None:
    """Raise if a step has failed and the disk is the reason.

    Raises
    ------
    SpaceError
        A step said so, or a command failed and the disk is full: only its own output names what it lacked.
    """
    full = _free(folder) < _KEPT
    commands = {step.name for step in steps if "command" in step.action}
    for event in outcome.failed:
        said = event.cause == "disk" or event.error == SpaceError.__qualname__
        if said or (full and event.step in commands):
            raise SpaceError(str(folder), event.problem, event.fix)


def give_up_room(
    error: SpaceError, home: Path, asked_mb: int, most_mb: int | None = None
) -> Failure:
    """Free the reserve and the steps' work folders; return what was short.

    Parameters
    ----------
    error
        The error of a full disk; if the disk is not the job's own but a shared folder's, the message says so.
    home
        Folder in which the room was kept, in the job's sandbox.
    most_mb
        Disk of the pool's largest slot, if known.
    """
    used_mb, free_mb = _used(home.parent) / _MB, _free(home.parent) / _MB
    drop_room(home)
    for work in home.glob(f"runs/*/steps/*/*/{WORK}"):
        shutil.rmtree(work, ignore_errors=True)
    if free_mb < _KEPT / _MB or used_mb >= asked_mb or error.where.startswith(str(home.parent)):
        return out_of_disk(used_mb, free_mb, asked_mb, os.uname().nodename, most_mb)
    return Failure(f"{error.where}: {error.problem}", error.fix, cause="disk")


def without_room(why: Failure, steps: Iterable[PlannedStep], run_id: str, store: Store) -> Outcome:
    """Return the outcome of a job that ended before its steps for lack of disk."""
    wanted = tuple(steps)
    done = store.done(step.key for step in wanted)
    lost = why._asdict()
    events = {}
    for step in wanted:
        ended = StepEvent(time.time(), step.name, step.key, DONE)
        events[step.name] = ended if step.key in done else replace(ended, state=FAILED, **lost)
    return Outcome(run_id, events)


def _free(folder: Path) -> int:
    facts = os.statvfs(folder)
    return facts.f_bavail * facts.f_frsize


def _used(folder: Path) -> int:
    """Return the bytes that a folder's files take on the disk.

    A file with several names counts once.
    """
    seen = {}
    for entry in folder.rglob("*"):
        facts = entry.lstat()
        seen[facts.st_ino] = facts.st_blocks * 512
    return sum(seen.values())
