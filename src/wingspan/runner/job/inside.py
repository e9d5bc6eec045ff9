"""What a step's function may call while it runs. Outside a run these do nothing, so the function stays testable."""

import json
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from wingspan.errors import SettingError
from wingspan.files import copy, remove
from wingspan.runner.run_folder import CHECKPOINT, METRICS, STOP

_FOLDER: list[str] = []  # the job's folder; empty outside a job
_DRAFT = ".checkpoint-draft"


def enter(folder: str) -> None:
    """Say that this process is the job of `folder`."""
    _FOLDER[:] = [folder]


def inside() -> bool:
    """Return whether this process is a job."""
    return bool(_FOLDER)


def log(metrics: Mapping[str, float], step: int | None = None) -> None:
    """Record named numbers, in order; `step` is the epoch, round or iteration they belong to.

    Raises
    ------
    SettingError
        A value is no number.
    """
    numbers = {}
    for name, value in metrics.items():
        try:
            numbers[str(name)] = float(value)
        except (TypeError, ValueError) as error:
            problem = f"expected a number, found {value!r}"
            raise SettingError(
                f"ws.log: {name}", problem, "log numbers; return anything else from the step"
            ) from error
    if _FOLDER:
        line = json.dumps({"time": time.time(), "step": step, "metrics": numbers})
        handle = os.open(f"{_FOLDER[0]}/{METRICS}", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(handle, f"{line}\n".encode())  # one write: a reader sees whole lines
        finally:
            os.close(handle)


def checkpoint_file(name: str) -> Path:
    """Return where to write a checkpoint; the file holds the last one if this step was started before.

    Write the file, then call `checkpoint`. Only what was there at that call survives.
    """
    if not _FOLDER:
        return Path(tempfile.mkdtemp(prefix="wingspan-")) / name
    draft = Path(_FOLDER[0]) / _DRAFT
    if not draft.exists():
        kept = Path(_FOLDER[0]) / CHECKPOINT
        if kept.exists():
            copy(kept, draft)
        else:
            draft.mkdir()
    path = draft / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def checkpoint() -> None:
    """Keep what the checkpoint files hold now, in one step: killed at any moment, the last whole one is there."""
    folder = Path(_FOLDER[0]) if _FOLDER else None
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


def last_checkpoint(attempt: Path) -> Path | None:
    """Return the folder of an attempt's last whole checkpoint, also if it was killed while making another."""
    for name in (CHECKPOINT, f"{CHECKPOINT}.old"):
        if (attempt / name).is_dir():
            return attempt / name
    return None


def should_stop() -> bool:
    """Return whether this trial has been pruned: save what matters and return."""
    return bool(_FOLDER) and (Path(_FOLDER[0]) / STOP).exists()
