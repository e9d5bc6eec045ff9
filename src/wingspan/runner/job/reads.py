"""Record a job's undeclared reads: files of the project, and environment variables.

Variables count if the user's own code reads them, not if libraries do. Names and digests are kept, values are not.
Files and variables that the job itself writes are left out.
"""

import glob
import os
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from wingspan.files import identity
from wingspan.planning.reads import (
    ABSENT,
    ALL,
    FILES,
    THERE,
    VARIABLES,
    content_digest,
    is_asked_with_all,
    is_usual,
    names_digest,
    variable_digest,
    what_is_there,
)
from wingspan.runner.job.kept_code import is_kept

_CHANGED = "changed while it was read"  # the digest of what nothing will be equal to
_STANDARD = tuple(f"{sysconfig.get_path(name)}/" for name in ("stdlib", "platstdlib"))
_OURS = f"{Path(__file__).parents[2]}/"
THROUGH = frozenset(  # modules that ask on behalf of their caller
    function.__code__.co_filename
    for function in (
        os.getenv,
        os.path.expandvars,
        os.path.exists,
        Path.iterdir,
        Mapping.get,
        glob.glob,
    )
)
_WHETHER = frozenset({"exists", "lexists", "isfile", "isdir", "islink", "is_file", "is_dir", "is_symlink", "glob0"})  # fmt: skip
_NO_QUESTION = frozenset(
    {"realpath", "_joinrealpath", "mkdir", "makedirs"}
)  # which look at folders by the way
_NOT_DATA = frozenset({"site-packages", "dist-packages", "__pycache__", "node_modules"})
_METADATA = (".egg-info", ".dist-info")


class Recorder:
    """The reads of one job, from `begin` to `found`."""

    def __init__(self) -> None:
        self.active = False
        self._above = ""
        self._apart: tuple[str, ...] = ()
        self._keeps_code = False
        self._of_users: dict[str, bool] = {}
        self._forget()

    def _forget(self) -> None:
        self._files: dict[str, list[int] | None] = {}
        self._written: set[str] = set()
        self._updated: set[str] = set()
        self._there: dict[str, str] = {}
        self._variables: dict[str, str] = {}
        self._set: set[str] = set()

    def begin(self, job: Mapping[str, Any], folder: str) -> None:
        """Start to record what the job of a folder reads."""
        self._forget()  # a process may run one job after another
        project = job["action"].get("project")
        self._above = f"{project}/" if project else ""
        apart = {p for p in (sys.prefix, sys.base_prefix) if project and p.startswith(self._above)}
        apart |= {str(folder), str(job.get("home") or folder)}
        for file in job["files"]:
            apart |= {file["path"], os.path.realpath(file["path"])}
        self._apart = (*(f"{path}/" for path in apart), _OURS)
        self._keeps_code = bool(job["code"])  # other modules of the project come from the disk
        self.active = True

    def opened(self, given: object, *, writing: bool = False, updating: bool = False) -> None:
        """Note a file that is about to be opened; `updating`: to read it, and perhaps to change it."""
        path = self._in_project(given)
        if path and writing:
            self._written.add(path)
        elif path and path not in self._files and path not in self._written:
            self._files[path] = _identity(path)
            if updating:
                self._updated.add(path)

    def stated(
        self, given: object, frame: FrameType, *, sized: bool = True, there: bool = True
    ) -> None:
        """Note that the user's own code looks whether a file exists, or how large it is."""
        path = self._in_project(given)
        if not path or path.endswith(".py"):
            return
        asked: set[str] = set()
        while frame.f_code.co_filename in THROUGH and frame.f_back is not None:
            asked.add(frame.f_code.co_name)
            frame = frame.f_back
        if not _NO_QUESTION & asked and self._is_users(frame):
            sized = (sized and not _WHETHER & asked) or " of " in self._there.get(path, "")
            # the last answer: it may wait for the file
            self._there[path] = what_is_there(path, sized=sized) if there else ABSENT

    def listed(self, given: object, caller: FrameType | None) -> None:
        """Note a folder whose names the user's own code lists."""
        path = self._in_project("." if given is None else given, folder=True)
        if path and self._is_users(caller):
            self._files.setdefault(f"{path}/", None)

    def asked(self, name: str, value: str | None, caller: FrameType | None) -> None:
        """Note a variable that the user's own code reads; `value` is None if it is not set."""
        if name in self._variables or name in self._set or is_usual(name):
            return
        if self._is_users(caller):
            self._variables[name] = variable_digest(name, value)

    def asked_for_all(self, variables: Mapping[str, str], caller: FrameType | None) -> None:
        """Note that the user's own code reads all variables, or their names."""
        if ALL in self._variables or not self._is_users(caller):
            return
        given = {name: value for name, value in variables.items() if name not in self._set}
        self._variables[ALL] = names_digest(given)
        for name, value in given.items():
            if is_asked_with_all(name):
                self._variables.setdefault(name, variable_digest(name, value))

    def set(self, name: str) -> None:
        """Note a variable that the job sets itself."""
        self._set.add(name)

    def found(self) -> dict[str, dict[str, str]]:
        """End recording; return the names and digests by kind."""
        self.active = False
        if not self._files and not self._variables and not self._there:
            return {}
        files = {path[len(self._above) :]: mark for path, mark in sorted(self._data_files())}
        variables = dict(sorted(self._variables.items()))
        there = {path[len(self._above) :]: mark for path, mark in sorted(self._there.items())
                 if path not in self._files and path not in self._written}  # fmt: skip
        found = {FILES: files, VARIABLES: variables} | ({THERE: there} if there else {})
        return found if any(found.values()) else {}

    def _data_files(self) -> Iterator[tuple[str, str]]:
        """Yield the files that are not modules and were not written, with their digests."""
        code: set[object] = set()
        if any(path.endswith(".py") for path in self._files):
            loaded = list(sys.modules.values())
            code = {
                getattr(module, "__file__", None)
                for module in loaded
                if is_kept(module) or not self._keeps_code
            }
        for path, before in self._files.items():
            if path in code or path in self._written:
                continue
            same = path.endswith("/") or _identity(path) == before
            if not same and path in self._updated:  # its own work
                continue
            yield path, content_digest(path) if same else _CHANGED

    def _in_project(self, given: object, *, folder: bool = False) -> str:
        """Return the absolute path of data of the project; else nothing."""
        if not self._above or not isinstance(given, str | bytes | os.PathLike):
            return ""
        path = given if type(given) is str else os.fsdecode(given)
        if (
            path[:1] == "/"
            and path[: len(self._above) - 1] != self._above[:-1]
            and "/." not in path
        ):
            return ""  # the case of most calls, so with the least work
        if path[:1] != "/" or "/." in path or "//" in path:
            path = os.path.abspath(path)  # noqa: PTH100 - without following links
        if (
            path[: len(self._above) - 1] != self._above[:-1]
        ):  # most are elsewhere, so with the least work
            return ""
        if not f"{path}/".startswith(self._above) or f"{path}/".startswith(self._apart):
            return ""
        folders = path[len(self._above) :].split("/")
        folders = folders if folder else folders[:-1]
        if _NOT_DATA & set(folders) or any(n[:1] == "." or n.endswith(_METADATA) for n in folders):
            return ""
        return path

    def _is_users(self, frame: FrameType | None) -> bool:
        """Return whether the caller is the user's own code, not a library."""
        if frame is None:
            return False
        file = frame.f_code.co_filename
        if file not in self._of_users:
            self._of_users[file] = _is_users(file)
        return self._of_users[file]


def _identity(path: str) -> list[int] | None:
    try:
        return identity(os.stat(path))  # noqa: PTH116
    except OSError:
        return None


def _is_users(file: str) -> bool:
    """Return whether a file of code is neither Python's, nor installed, nor Wingspan's."""
    if file.startswith("<"):
        return file.startswith(("<ipython-input", "<stdin"))
    installed = not {"site-packages", "dist-packages"}.isdisjoint(file.split("/"))
    return not installed and not file.startswith((*_STANDARD, _OURS))
