"""Record what a job's code reads without having been given it: files of the project, and environment variables.

Variables count where the user's own code asks for them; what libraries ask for is theirs. Names and digests are kept,
values are not. What a job writes, it does not read: its own files and variables are left out.
"""

import os
import re
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from wingspan.files import identity
from wingspan.planning.reads import FILES, VARIABLES, content_digest, variable_digest
from wingspan.runner.job.kept_code import is_kept

_CHANGED = "changed while it was read"  # the digest of what nothing will be equal to
_STANDARD = tuple(f"{sysconfig.get_path(name)}/" for name in ("stdlib", "platstdlib"))
_OURS = f"{Path(__file__).parents[2]}/"
_USUAL = re.compile(  # variables of the system, of HTCondor, and those that size thread pools
    r"HOME|HOST(NAME)?|USER(NAME)?|LOGNAME|SHELL|SHLVL|_|PATH|(OLD)?PWD|TMPDIR|TMP|TEMP|LANG(UAGE)?|MAIL|EDITOR|VISUAL"
    r"|PAGER|TERM|COLORTERM|NO_COLOR|COLUMNS|LINES|LS_COLORS|(WAYLAND_)?DISPLAY|LD_LIBRARY_PATH|VIRTUAL_ENV|CI"
    r"|(LC|XDG|SSH|DBUS|GPG|TERM|CONDA|NVIDIA|COVERAGE|PYTEST|WINGSPAN|_?CONDOR|_RJEM)_.*|PYTHON.*|X509_USER_PROXY"
    r"|BATCH_SYSTEM|(CUDA|ROCR|HIP)_VISIBLE_DEVICES|GPU_DEVICE_ORDINAL|CUBACORES|GOMAXPROCS|OMP_THREAD_LIMIT"
    r"|.*_(NUM|MAX)_THREADS|LOKY_MAX_CPU_COUNT|TF_LOOP_PARALLEL_ITERATIONS"
)
_NOT_DATA = frozenset({"site-packages", "dist-packages", "__pycache__", "node_modules"})
_METADATA = (".egg-info", ".dist-info")


class Recorder:
    """What one job has read so far: nothing before `begin`, nothing more after `found`."""

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
        self._variables: dict[str, str] = {}
        self._set: set[str] = set()

    def begin(self, job: Mapping[str, Any], folder: str) -> None:
        """Record from now on what the job of a folder reads."""
        self._forget()  # a process may run one job after another
        project = job["action"].get("project")
        self._above = f"{project}/" if project else ""
        apart = {p for p in (sys.prefix, sys.base_prefix) if project and p.startswith(self._above)}
        apart |= {str(folder), str(job.get("home") or folder)}
        for file in job["files"]:
            apart |= {file["path"], os.path.realpath(file["path"])}
        self._apart = tuple(f"{path}/" for path in apart)
        self._keeps_code = bool(job["code"])  # other modules of the project come from the disk
        self.active = True

    def opened(self, given: object, *, writing: bool = False) -> None:
        """Note a file that is about to be opened."""
        path = self._in_project(given)
        if path and writing:
            self._written.add(path)
        elif path and path not in self._files and path not in self._written:
            self._files[path] = _identity(path)

    def listed(self, given: object, caller: FrameType | None) -> None:
        """Note a folder whose names the user's own code asks for."""
        path = self._in_project("." if given is None else given, folder=True)
        if path and self._is_users(caller):
            self._files.setdefault(f"{path}/", None)

    def asked(self, name: str, value: str | None, caller: FrameType | None) -> None:
        """Note a variable that the user's own code asks for; `value` is None if it is not set."""
        if name in self._variables or name in self._set or _USUAL.fullmatch(name):
            return
        if self._is_users(caller):
            self._variables[name] = variable_digest(name, value)

    def set(self, name: str) -> None:
        """Note a variable that the job sets itself."""
        self._set.add(name)

    def found(self) -> dict[str, dict[str, str]]:
        """End recording; return the names and digests by kind, empty if there is none."""
        self.active = False
        if not self._files and not self._variables:
            return {}
        files = {path[len(self._above) :]: mark for path, mark in sorted(self._data_files())}
        variables = dict(sorted(self._variables.items()))
        return {FILES: files, VARIABLES: variables} if files or variables else {}

    def _data_files(self) -> Iterator[tuple[str, str]]:
        """Yield the files that are no modules and were not written, with their digests."""
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
            yield path, content_digest(path) if same else _CHANGED

    def _in_project(self, given: object, *, folder: bool = False) -> str:
        """Return the absolute path of something of the project that is data; else nothing."""
        if not self._above or not isinstance(given, str | bytes | os.PathLike):
            return ""
        path = os.fsdecode(given)
        if path[:1] != "/" or "/." in path or "//" in path:
            path = os.path.abspath(path)  # noqa: PTH100 - without following links
        if not f"{path}/".startswith(self._above) or f"{path}/".startswith(self._apart):
            return ""
        folders = path[len(self._above) :].split("/")
        folders = folders if folder else folders[:-1]
        if _NOT_DATA & set(folders) or any(n[:1] == "." or n.endswith(_METADATA) for n in folders):
            return ""
        return path

    def _is_users(self, frame: FrameType | None) -> bool:
        """Say whether the user's own code has asked, not a library."""
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
    """Say whether a file of code is neither Python's, nor installed, nor Wingspan's."""
    if file.startswith("<"):
        return file.startswith(("<ipython-input", "<stdin"))
    installed = not {"site-packages", "dist-packages"}.isdisjoint(file.split("/"))
    return not installed and not file.startswith((*_STANDARD, _OURS))
