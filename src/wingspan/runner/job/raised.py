"""An exception of a step as data, for result.json: whatever was raised, and whatever its own methods do."""

import traceback
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from wingspan.errors import StepFailedError, WingspanError
from wingspan.runner.run_folder import INPUTS

_JOB = str(Path(__file__).with_name("run.py"))  # its frames lead to the user's function


def describe(error: BaseException, job: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return an exception as data: type, message, traceback text, and the parts of a `WingspanError`.

    Input files have the names that the user gave. A command's failure has no traceback: its frames are not the user's.
    """
    # as the base class does it: a frozen dataclass refuses the assignment
    BaseException.with_traceback(error, _from_the_function_on(error.__traceback__))
    walked = traceback.walk_tb(error.__traceback__)
    places = [(frame.f_code.co_filename, line) for frame, line in walked]
    where = next((f"{file}:{line}" for file, line in reversed(places) if file != _JOB), "")
    files = {str(folder / INPUTS / file["name"]): file["path"] for file in job["files"]}
    own = isinstance(error, StepFailedError)
    told: dict[str, Any] = {
        "type": type(error).__qualname__,
        "message": _translate(_text(error), files),
        "where": where,
        "traceback": "" if own else _translate(_traceback(error), files),
    }
    if isinstance(error, FileNotFoundError) and _beside_code(told["message"], job["action"]):
        told["beside_code"] = True
    if isinstance(error, WingspanError):
        origins = files if own else _origins(job, folder)
        parts = {"where": _text(error.where), "problem": _text(error.problem), "fix": error.fix}
        name = "failed" if own else "bad_input"
        told[name] = {part: _translate(text, origins) for part, text in parts.items()}
    return told


def _beside_code(message: str, action: Mapping[str, Any]) -> bool:
    """Say whether a file that is missing was looked for beside code that came without it, as on a pool."""
    root, project = str(action.get("root", "")), str(action.get("project", ""))
    came = bool(root and project) and not f"{root}/".startswith(f"{project}/")
    return came and f"{root}/" in message


def _from_the_function_on(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback less the frames of `job` that lead to the user's function; whole, if none does."""
    found = trace
    while found is not None and found.tb_frame.f_code.co_filename == _JOB:
        found = found.tb_next
    return found or trace


def _text(value: object) -> str:
    """Return the text of an exception; where it has none, say why: nothing that a step raises may hide that it did."""
    try:
        return f"{value}"
    except BaseException as error:  # noqa: BLE001 - a user's code
        return f"<its text cannot be shown: {type(error).__qualname__} in {type(value).__qualname__}.__str__>"


def _traceback(error: BaseException) -> str:
    """Return the traceback with all causes; if some part of it cannot be formatted, the frames alone."""
    try:
        return "".join(traceback.format_exception(error))
    except BaseException:  # noqa: BLE001 - a user's code
        frames = "".join(traceback.format_tb(error.__traceback__))
        head = "Traceback (most recent call last):\n"
        return f"{head}{frames}{type(error).__qualname__}: {_text(error)}\n"


def _origins(job: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """Return, by its path in the job's folder, where each input came from: the file that the user gave."""
    inputs = folder / INPUTS
    found = {str(path): str(path.readlink()) for path in inputs.iterdir() if path.is_symlink()}
    found |= {str(inputs / file["name"]): file["path"] for file in job["files"]}
    parents = {str(Path(file["path"]).parent) for file in job["files"]}
    return found | ({str(inputs): parents.pop()} if len(parents) == 1 else {})


def _translate(text: str, origins: Mapping[str, str]) -> str:
    for path in sorted(origins, key=len, reverse=True):
        text = text.replace(path, origins[path])
    return text
