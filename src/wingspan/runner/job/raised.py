"""An exception of a step as data for result.json, whatever its own methods do."""

import traceback
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from wingspan.errors import StepFailedError, WingspanError
from wingspan.runner.run_folder import INPUTS

_JOB = str(Path(__file__).with_name("run.py"))  # its frames lead to the user's function


def describe(error: BaseException, job: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return an exception as data: type, message, traceback, and the parts of a `WingspanError`.

    Input files have the user's names. A command's failure has no traceback, as its frames are not the user's.
    """
    # as the base class does it: a frozen dataclass refuses the assignment
    BaseException.with_traceback(error, _from_the_function_on(error.__traceback__))
    walked = traceback.walk_tb(error.__traceback__)
    places = [(frame.f_code.co_filename, line) for frame, line in walked]
    where = next((f"{file}:{line}" for file, line in reversed(places) if file != _JOB), "")
    files = {str(folder / INPUTS / file["name"]): file["path"] for file in job["files"]}
    own = isinstance(error, StepFailedError)
    raised: dict[str, Any] = {
        "type": type(error).__qualname__,
        "message": _translate(_text(error), files),
        "where": where,
        "traceback": "" if own else _translate(_traceback(error), files),
    }
    if isinstance(error, FileNotFoundError) and _next_to_code(raised["message"], job["action"]):
        raised["next_to_code"] = True
    if isinstance(error, WingspanError):
        origins = files if own else _origins(job, folder)
        parts = {"where": _text(error.where), "problem": _text(error.problem), "fix": error.fix}
        name = "failed" if own else "bad_input"
        raised[name] = {part: _translate(text, origins) for part, text in parts.items()}
    return raised


def _next_to_code(message: str, action: Mapping[str, Any]) -> bool:
    """Return whether a missing file was looked for next to code that came alone, as on a pool."""
    root, project = str(action.get("root", "")), str(action.get("project", ""))
    came = bool(root and project) and not f"{root}/".startswith(f"{project}/")
    return came and f"{root}/" in message


def _from_the_function_on(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the frames of `job` that lead to the user's function."""
    found = trace
    while found is not None and found.tb_frame.f_code.co_filename == _JOB:
        found = found.tb_next
    return found or trace


def _text(value: object) -> str:
    """Return the text of an exception, or why it has none; a step's failure is never hidden."""
    try:
        return f"{value}"
    except BaseException as error:  # noqa: BLE001 - a user's code
        return f"<its text cannot be shown: {type(error).__qualname__} in {type(value).__qualname__}.__str__>"


def _traceback(error: BaseException) -> str:
    """Return the traceback with all causes; if a part cannot be formatted, only the frames."""
    try:
        return "".join(traceback.format_exception(error))
    except BaseException:  # noqa: BLE001 - a user's code
        frames = "".join(traceback.format_tb(error.__traceback__))
        head = "Traceback (most recent call last):\n"
        return f"{head}{frames}{type(error).__qualname__}: {_text(error)}\n"


def _origins(job: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """Return the user's file that each input came from, by the input's path in the job's folder."""
    inputs = folder / INPUTS
    found = {str(path): str(path.readlink()) for path in inputs.iterdir() if path.is_symlink()}
    found |= {str(inputs / file["name"]): file["path"] for file in job["files"]}
    parents = {str(Path(file["path"]).parent) for file in job["files"]}
    return found | ({str(inputs): parents.pop()} if len(parents) == 1 else {})


def _translate(text: str, origins: Mapping[str, str]) -> str:
    for path in sorted(origins, key=len, reverse=True):
        text = text.replace(path, origins[path])
    return text
