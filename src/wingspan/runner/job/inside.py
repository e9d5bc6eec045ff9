"""What a step's function may call while it runs.

Outside a run these functions do nothing, so that a step's function can be tested alone.
"""

import json
import operator
import os
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from wingspan.errors import SettingError
from wingspan.files import copy, remove
from wingspan.runner.run_folder import (
    CHECKPOINT,
    EPOCHS,
    METRICS,
    PAUSED,
    SHARED,
    STOP,
    STOPPED,
    VERDICT,
)

FOLDER = "WINGSPAN_JOB"  # variable by which a command's script finds the folder of its job
_FOLDER: list[str] = []  # the job's folder; empty outside a job
_DRAFT = ".checkpoint-draft"
_VERDICT_S, _PAUSE_S = 0.1, 0.002  # longest wait for a verdict, and pause between looks
_PAUSED_S = 60.0  # longest wait for the job to end
_logged = 0  # lines of metrics that this process has written
_kept = 0  # checkpoints that it has made


def enter(folder: str) -> None:
    """Make this process the job of `folder`."""
    _FOLDER[:] = [folder]


def inside() -> bool:
    """Return whether this process is a job."""
    return bool(_FOLDER)


def _folder() -> Path | None:
    """Return the folder of the job that this process is, or that started this script."""
    if _FOLDER:
        return Path(_FOLDER[0])
    given = os.environ.get(FOLDER)
    return Path(given) if given else None


def in_job() -> bool:
    """Return whether this process is a job, or a script that a job started."""
    return _folder() is not None


def log(metrics: Mapping[str, float], step: int | None = None) -> None:
    """Record named numbers, in order; `step` is the epoch, round or iteration they belong to.

    Raises
    ------
    SettingError
        A value is not a number, or the step is not a whole number.
    """
    if not callable(getattr(metrics, "items", None)):
        problem = f"expected a dict of numbers by name, found {metrics!r}"
        raise SettingError("ws.log", problem, 'write ws.log({"loss": loss})')
    step = None if step is None else _whole(step)
    numbers = {}
    for name, value in metrics.items():
        try:
            numbers[str(name)] = float(value)
        except (TypeError, ValueError) as error:
            problem = f"expected a number, found {value!r}"
            raise SettingError(
                f"ws.log: {name}", problem, "log numbers; return anything else from the step"
            ) from error
    folder = _folder()
    if folder is not None:
        global _logged  # noqa: PLW0603 - a job is a process
        _logged += 1
        line = json.dumps({"time": time.time(), "step": step, "metrics": numbers})
        handle = os.open(f"{folder}/{METRICS}", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(handle, f"{line}\n".encode())  # one write: a reader sees whole lines
        finally:
            os.close(handle)


def _whole(step: Any) -> int:  # noqa: ANN401 - whatever the user gives
    """Return a step of training as an int; libraries have their own integers."""
    with suppress(TypeError):
        if not isinstance(step, bool):
            return operator.index(step)
    problem = f"expected a whole number as step, found {step!r}"
    raise SettingError("ws.log", problem, "write ws.log(metrics, step=epoch), or leave step out")


def check_file_name(where: str, name: object) -> None:
    """Refuse what cannot name a file below the checkpoint's folder.

    Raises
    ------
    SettingError
        The message says what is expected.
    """
    parts = Path(name).parts if isinstance(name, str | Path) else ()
    if not parts or ".." in parts or parts[0] == "/":
        problem = f"expected a file name such as model.pt, found {name!r}"
        raise SettingError(where, problem, 'give a name in the checkpoint\'s folder: "model.pt"')


def checkpoint_file(name: str) -> Path:
    """Return where to write a checkpoint; after a restart, the file has the last one.

    Write the file, then call `checkpoint`. Only what was in the file at that call survives.

    Raises
    ------
    SettingError
        The name is not that of a file below the checkpoint's folder.
    """
    check_file_name("ws.checkpoint_file", name)
    folder = _folder()
    if folder is None:
        return Path(tempfile.mkdtemp(prefix="wingspan-")) / name
    draft = folder / _DRAFT
    if not draft.exists():
        kept = folder / CHECKPOINT
        if kept.exists():
            copy(kept, draft)
        else:
            draft.mkdir()
    path = draft / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def shared_folder() -> Path | None:
    """Return a folder that the steps of a run share on one machine, or None outside a run.

    It keeps what several of them would make again, and is removed when the run or the job ends.
    """
    folder = _folder()
    return None if folder is None else folder.parents[2] / SHARED


def checkpoint() -> None:
    """Keep the checkpoint files as they are now, in one step.

    If the process is killed at any moment, the last whole checkpoint is still there.
    """
    folder = _folder()
    if folder is None or not (folder / _DRAFT).exists():
        return
    new, old = folder / f"{CHECKPOINT}.new", folder / f"{CHECKPOINT}.old"
    remove(new)
    copy(folder / _DRAFT, new)
    remove(old)
    if (folder / CHECKPOINT).exists():
        (folder / CHECKPOINT).rename(old)
    new.rename(folder / CHECKPOINT)
    remove(old)
    global _kept  # noqa: PLW0603 - a job is a process
    _kept += 1
    _pause(folder)


def _pause(folder: Path) -> None:
    """Wait for the job to end if it has made all the checkpoints of one job."""
    try:
        most = int((folder.parents[2] / EPOCHS).read_text())
    except (OSError, ValueError, IndexError):
        return
    if _kept >= most:
        (folder / PAUSED).touch()
        time.sleep(_PAUSED_S)


def last_checkpoint(attempt: Path) -> Path | None:
    """Return the folder of an attempt's last whole checkpoint, also after a kill during another."""
    for name in (CHECKPOINT, f"{CHECKPOINT}.old"):
        if (attempt / name).is_dir():
            return attempt / name
    return None


def should_stop() -> bool:
    """Return whether this trial has been pruned; if so, save what matters and return.

    In a sweep that prunes, wait for the verdict on the latest `log`, for at most a tenth of a second.
    """
    folder = _folder()
    if folder is None:
        return False
    end = time.monotonic() + _VERDICT_S
    while not (folder / STOP).exists():
        judged = _judged(folder)
        if judged is None or judged >= _logged or time.monotonic() > end:
            return False
        time.sleep(_PAUSE_S)
    (folder / STOPPED).touch()
    return True


def was_stopped(folder: str) -> bool:
    """Return whether a job's step has seen the request to stop; then its value does not count."""
    return os.path.exists(f"{folder}/{STOPPED}")  # noqa: PTH110 - quicker than Path's


def _judged(folder: Path) -> int | None:
    """Return how many lines of metrics the search has judged; None without a search."""
    try:
        return int((folder / VERDICT).read_text())
    except FileNotFoundError:
        return None
