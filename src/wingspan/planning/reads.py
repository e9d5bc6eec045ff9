"""Compare what a step's job read without declaring it with what is there now.

A job records the files of the project and the environment variables that its code read (see `runner.reads`), as names and
digests. They are no part of the step's first key, which is made before anything has run. If the result of a key read
other content than there is now, the step's key becomes the digest of that key and of the present content. So a change
runs the step, and a change back finds the old result.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from wingspan.errors import WingspanError
from wingspan.files import digest_bytes, digest_file
from wingspan.planning.key import digest

if TYPE_CHECKING:
    from wingspan.planning.call import Call
    from wingspan.planning.plan import Latest

FILES, VARIABLES = "files", "env"
ABSENT = "absent"  # digest of a file that is not there, and of a variable that is not set
UNREADABLE = "unreadable"
Reads = Mapping[str, Mapping[str, str]]
"""``files``: path relative to the project -> digest, a path that ends with ``/`` is a listing; ``env``: name -> digest."""

_MADE = (".pyc", ".pyo")


def variable_digest(name: str, value: str | None) -> str:
    """Return the digest of a variable's value, from which the value cannot be read."""
    return ABSENT if value is None else digest_bytes(os.fsencode(f"{name}\0{value}"))


def content_digest(path: str, digest_of: Callable[[Path], str] = digest_file) -> str:
    """Return the digest of a file or folder; of a path that ends with ``/``, that of the folder's names alone."""
    try:
        if path.endswith("/"):
            return digest_bytes("\0".join(_names(path)).encode("utf-8", "surrogateescape"))
        return digest_of(Path(path))
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    except (OSError, WingspanError):
        return UNREADABLE if os.path.exists(path) else ABSENT  # noqa: PTH110


def _names(folder: str) -> Iterator[str]:
    """Yield the names in a folder, less those that running Python makes."""
    with os.scandir(folder) as listing:
        names = sorted(entry.name for entry in listing)
    return (
        name
        for name in names
        if name not in {"__pycache__", ".wingspan"} and name[-4:] not in _MADE
    )


class Present:
    """What is there now of what jobs have read; each name is looked at once."""

    def __init__(
        self, environment: Mapping[str, str], digest_of: Callable[[Path], str] = digest_file
    ) -> None:
        self._environment = environment
        self._digest_of = digest_of
        self._files: dict[str, str] = {}

    def __call__(self, read: Reads, project: str) -> Reads:
        """Return the same names with the digests that they have now."""
        files = {name: self._file(f"{project}/{name}") for name in read.get(FILES, {})}
        variables = {
            name: variable_digest(name, self._environment.get(name))
            for name in read.get(VARIABLES, {})
        }
        return {FILES: files, VARIABLES: variables}

    def _file(self, path: str) -> str:
        if path not in self._files:
            self._files[path] = content_digest(path, self._digest_of)
        return self._files[path]


def resolve(
    key: str, recorded: Mapping[str, Reads], present: Callable[[Reads], Reads]
) -> tuple[str, tuple[str, ...]]:
    """Return the key to look for, given a step's first key, and what its last result read that is different now.

    Parameters
    ----------
    recorded
        By key, what the stored result read without declaring it.
    present
        Returns the same names as they are now.
    """
    changed: tuple[str, ...] = ()
    while (read := recorded.get(key)) is not None:
        now = present(read)
        found = differences(read, now)
        if not found:
            break
        key, changed = next_key(key, now), found
    return key, changed


def latest_of(recorded: Mapping[str, Reads], present: Present) -> "Latest | None":
    """Return what `plan.step_keys` asks for the key that a step's key has become; None if no result read anything."""

    def latest(key: str, call: "Call") -> tuple[str, tuple[str, ...]]:
        project = str(call.action.get("project", ""))
        return resolve(key, recorded, lambda read: present(read, project))

    return latest if recorded else None


def next_key(key: str, now: Reads) -> str:
    """Return the key of a step whose result under `key` read other content than there is `now`."""
    return digest(["reads", key, now])


def differences(read: Reads, now: Reads) -> tuple[str, ...]:
    """Return in words what is different now."""
    files, variables = now.get(FILES, {}), now.get(VARIABLES, {})
    changed = [
        _difference(f"file {name}" if name[-1:] != "/" else f"folder {name}", digest, files[name])
        for name, digest in read.get(FILES, {}).items()
        if files[name] != digest
    ]
    changed += [
        _difference(f"variable {name}", digest, variables[name])
        for name, digest in read.get(VARIABLES, {}).items()
        if variables[name] != digest
    ]
    return tuple(changed)


def _difference(subject: str, before: str, now: str) -> str:
    if now == ABSENT:
        return f"{subject} {'unset' if subject.startswith('variable ') else 'removed'}"
    if before == ABSENT:
        return f"{subject} {'set' if subject.startswith('variable ') else 'added'}"
    return f"{subject} changed"


def names_of(read: Reads) -> list[str]:
    """Return the names for a reader: ``cfg.json``, ``$RATE``."""
    return [*read.get(FILES, {}), *(f"${name}" for name in read.get(VARIABLES, {}))]
