"""Compare what a step's job read without declaring it with what is there now.

A job records the files of the project and the environment variables that its code read (see `runner.reads`), as names and
digests. They are no part of the step's first key, which is made before anything has run. If the result of a key read
other content than there is now, the step's key becomes the digest of that key and of the present content. So a change
runs the step, and a change back finds the old result.
"""

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from wingspan.errors import WingspanError
from wingspan.files import digest_bytes, digest_file
from wingspan.planning.key import digest
from wingspan.shown import counted

if TYPE_CHECKING:
    from wingspan.planning.call import Call
    from wingspan.planning.step_keys import Latest

FILES, VARIABLES = "files", "env"
THERE = "there"
ALL = "*"  # among the variables: which ones are set
ABSENT = "absent"  # digest of a file that is not there, and of a variable that is not set
UNREADABLE = "unreadable"
Reads = Mapping[str, Mapping[str, str]]
"""``files``: path relative to the project -> digest, a path that ends with ``/`` is a listing; ``env``: name -> digest;
``there``: path -> what is there, in words, and its size where that was asked for."""

_USUAL = re.compile(  # variables of the system, of HTCondor and of W&B, and those that size thread pools
    r"HOME|HOST(NAME)?|USER(NAME)?|LOGNAME|SHELL|SHLVL|_|PATH|(OLD)?PWD|TMPDIR|TMP|TEMP|LANG(UAGE)?|MAIL|EDITOR|VISUAL"
    r"|PAGER|TERM|COLORTERM|NO_COLOR|COLUMNS|LINES|LS_COLORS|(WAYLAND_)?DISPLAY|LD_LIBRARY_PATH|VIRTUAL_ENV(_PROMPT)?|CI"
    r"|(LC|XDG|SSH|DBUS|GPG|TERM|CONDA|NVIDIA|COVERAGE|PYTEST|WANDB|WINGSPAN|_?CONDOR|_RJEM)_.*|PYTHON.*|X509_USER_PROXY"
    r"|BATCH_SYSTEM|(CUDA|ROCR|HIP)_VISIBLE_DEVICES|GPU_DEVICE_ORDINAL|CUBACORES|GOMAXPROCS|OMP_(THREAD_LIMIT|WAIT_POLICY)"
    r"|.*_(NUM|MAX|MAXIMUM)_THREADS|LOKY_MAX_CPU_COUNT|TF_LOOP_PARALLEL_ITERATIONS|POLARS_CSV_CHUNK_SIZE"
)
_OF_SESSIONS = re.compile(  # what differs from one terminal to the next: no question where all are asked for
    r"WINDOWID|XAUTHORITY|DESKTOP_.*|SESSION.*|GNOME_.*|KDE_.*|GTK_.*|QT_.*|JOURNAL_STREAM|INVOCATION_ID|SYSTEMD_.*|STY"
    r"|TMUX.*|VSCODE_.*|ITERM_.*|KITTY_.*|WEZTERM_.*|VTE_.*|WT_.*|WSL.*|LESS.*|HIST.*|PS[0-9]|PROMPT.*|ZSH.*|BASH.*"
    r"|SUDO_.*|JPY_.*|IPY.*|GIT_ASKPASS|DEBUGINFOD_URLS|MODULES?_.*|LMOD_.*|LOADEDMODULES|_LMFILES_|MANPATH|INFOPATH"
)
_MADE = (".pyc", ".pyo")


def variable_digest(name: str, value: str | None) -> str:
    """Return the digest of a variable's value, from which the value cannot be read."""
    return ABSENT if value is None else digest_bytes(os.fsencode(f"{name}\0{value}"))


def content_digest(path: str, digest_of: Callable[[Path], str] = digest_file) -> str:
    """Return the digest of a path.

    For a path that ends with ``/`` it is that of the names in the folder.
    """
    try:
        if path.endswith("/"):
            return digest_bytes("\0".join(_names(path)).encode("utf-8", "surrogateescape"))
        return digest_of(Path(path))
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    except (OSError, WingspanError):
        return UNREADABLE if os.path.exists(path) else ABSENT  # noqa: PTH110


def what_is_there(path: str, *, sized: bool = False) -> str:
    """Return in words whether a file or folder is there; `sized`: with its size."""
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return ABSENT
    if stat.S_ISDIR(found.st_mode):
        return "a folder"
    return f"a file of {counted(found.st_size, 'byte')}" if sized else "a file"


def is_usual(name: str) -> bool:
    """Return whether a variable is the system's, HTCondor's, or a size of thread pools."""
    return _USUAL.fullmatch(name) is not None


def is_asked_with_all(name: str) -> bool:
    """Say whether a variable counts where code asks for all variables."""
    return not is_usual(name) and _OF_SESSIONS.fullmatch(name) is None


def names_digest(names: Iterable[str]) -> str:
    """Return the digest of the names of variables, of those that count where code asks for all."""
    return digest_bytes(
        "\0".join(sorted(filter(is_asked_with_all, names))).encode("utf-8", "surrogateescape")
    )


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
        variables = {name: self._variable(name) for name in read.get(VARIABLES, {})}
        there = {
            name: what_is_there(f"{project}/{name}", sized=" of " in before)
            for name, before in read.get(THERE, {}).items()
        }
        now = {FILES: files, VARIABLES: variables}
        return now | {THERE: there} if there else now

    def _variable(self, name: str) -> str:
        if name == ALL:
            return names_digest(self._environment)
        return variable_digest(name, self._environment.get(name))

    def _file(self, path: str) -> str:
        if path not in self._files:
            self._files[path] = content_digest(path, self._digest_of)
        return self._files[path]


def resolve(
    key: str, recorded: Mapping[str, Reads], present: Callable[[Reads], Reads]
) -> tuple[str, tuple[str, ...]]:
    """Return the key to look for, and what changed of what the last result read.

    `step_keys` gives the first key.

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
    """Return the current key for `step_keys`; None if no result read anything undeclared."""

    def latest(key: str, call: "Call") -> tuple[str, tuple[str, ...]]:
        project = str(call.action.get("project", ""))
        return resolve(key, recorded, lambda read: present(read, project))

    return latest if recorded else None


def next_key(key: str, now: Reads) -> str:
    """Return the key of a step whose result under `key` read other content than there is `now`."""
    return digest(["reads", key, now])


def differences(read: Reads, now: Reads) -> tuple[str, ...]:
    """Return in words what is different now."""
    files, variables, there = (now.get(kind, {}) for kind in (FILES, VARIABLES, THERE))
    changed = [
        _difference(f"file {name}" if name[-1:] != "/" else f"folder {name}", digest, files[name])
        for name, digest in read.get(FILES, {}).items()
        if files[name] != digest
    ]
    changed += [
        _difference(f"variable {name}", digest, variables[name])
        for name, digest in read.get(VARIABLES, {}).items()
        if variables[name] != digest and name != ALL
    ]
    changed += [
        _difference(f"file {name}", before, there[name])
        for name, before in read.get(THERE, {}).items()
        if there[name] != before
    ]
    if not changed and read.get(VARIABLES, {}).get(ALL) != variables.get(ALL):
        changed = ["other environment variables are set"]
    return tuple(changed)


def _difference(subject: str, before: str, now: str) -> str:
    if now == ABSENT:
        return f"{subject} {'unset' if subject.startswith('variable ') else 'removed'}"
    if before == ABSENT:
        return f"{subject} {'set' if subject.startswith('variable ') else 'added'}"
    return f"{subject} changed"


def names_of(read: Reads) -> list[str]:
    """Return the names for a reader: ``cfg.json``, ``$RATE``."""
    variables = read.get(VARIABLES, {})
    named = (
        [f"${name}" for name in variables]
        if ALL not in variables
        else ["all environment variables"]
    )
    return [*read.get(FILES, {}), *read.get(THERE, {}), *named]
