"""Check that a job's inputs have, and keep, the content that its key was made of.

A file's stamp shows that it may have changed; its digest shows whether it did. So a new hard link or other permissions
fail no step, but a change with restored size and modification time does.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from wingspan.errors import ConflictError
from wingspan.files import digest_file, stamp
from wingspan.runner.run_folder import INPUTS, file_name
from wingspan.store.codec import digest_of

PLANNED = "after the plan was made", "run the command again to replan"
RUNNING = (
    "while the step ran",
    "copy what you want to change into the current folder; other steps read the same inputs",
)


class Input(NamedTuple):
    """An input of a job.

    Parameters
    ----------
    name
        Name for messages.
    stamp
        Its `wingspan.files.stamp` when the content was right; None if unknown.
    same
        Compares the content with what the key was made of.
    made
        What the job of a result wrote about it; None for a file.
    """

    name: str
    path: str
    stamp: str | None
    same: Callable[[], bool]
    made: Mapping[str, Any] | None = None

    def text(self) -> str:
        """Return its name for messages: a file's path, or the parameter and the step that made it."""
        if self.made is None:
            return self.name
        return f"{self.name} (result of step {self.made['step']})"


def planned_files(job: Mapping[str, Any], folder: str) -> list[Input]:
    """Return the user's files that a job reads, with their stamps from when the plan was made."""
    found = []
    for file in job["files"]:
        path = f"{folder}/{INPUTS}/{file['name']}"
        same = partial(_has_digest, path, file["digest"])
        found.append(Input(f"file {file['path']}", path, file.get("stamp"), same))
    return found


def results_read(
    job: Mapping[str, Any], folder: str, made: Callable[[str, str], Mapping[str, Any]]
) -> list[Input]:
    """Return the results of other steps that a job reads, with their present stamps.

    Parameters
    ----------
    made
        Returns what the job of a key wrote about its result, from the inputs of a folder.
    """
    found: dict[str, Input] = {}
    for place, source in job["inputs"].items():
        result = made(folder, source["key"])
        outputs = result["outputs"]
        for output in outputs if source["output"] is None else [source["output"]]:
            path = f"{folder}/{INPUTS}/{file_name(source['key'], output)}"
            same = partial(_has_record, path, outputs[output])
            found[path] = Input(place, path, stamp(path), same, result)
    return list(found.values())


def require_same(
    job: Mapping[str, Any], inputs: Iterable[Input], when: str, fix: str
) -> list[Input]:
    """Return the inputs with their present stamps.

    Raises
    ------
    ConflictError
        The content of an input has changed.
    """
    found = []
    for given in inputs:
        try:
            now = stamp(given.path)
            changed = now != given.stamp and not given.same()
        except FileNotFoundError:
            problem = f"input {given.text()} was removed {when}"
            raise ConflictError(f"step {job['step']}", problem, fix) from None
        if changed:
            problem = f"input {given.text()} was changed {when}"
            raise ConflictError(f"step {job['step']}", problem, fix)
        found.append(given._replace(stamp=now))
    return found


def _has_digest(path: str, digest: str) -> bool:
    return digest_file(Path(path)) == digest


def _has_record(path: str, record: dict[str, Any]) -> bool:
    return digest_of(Path(path), record) == str(record["digest"])
