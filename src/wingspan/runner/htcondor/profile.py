"""Read ``wingspan.toml`` as `Profile`: what is particular to one pool.

The project's file is the first one found in the folder and those above it; the user's is ``~/.config/wingspan.toml``.
A pool of the project wins over one of the user with the same name::

    [pools.campus]
    submit = { "+ProjectName" = '"Wings"', rank = "Mips" }   # any submit command that Wingspan does not write itself
    shared = "/home/ann/wingspan"     # a folder that access point and execution points share
    staging = { "/staging/ann" = "osdf:///chtc/staging/ann" }   # files below are fetched by the jobs' machines
    image = "docker://python:3.12"    # container that jobs run in, where a step names none
    environment_limit = "2GB"         # the largest environment that is sent with jobs
    environment = "auto"              # or "send", "installed": how jobs get the interpreter and the libraries
    task_time = "10min"               # steps are joined to jobs up to this time
    max_jobs = 1000                   # jobs in the queue at once
    max_idle = 200                    # of these, jobs that wait for a machine
    priority = 10                     # of your jobs, those of this pool's runs before or after others
    notify = "ann@example.edu"        # is sent a message when a run has ended in the queue
    hold_back_off = "1min"            # before the first release of a job that was held for what passes
    checkpoint_every = "30min"        # how often checkpoints are sent to the access point
    dagman = { DAGMAN_USER_LOG_SCAN_INTERVAL = 1 }
"""

import math
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

from wingspan.accesspoint.expressions import expression_problem
from wingspan.errors import NotFoundError, SettingError, near
from wingspan.pipeline.amounts import megabytes, seconds
from wingspan.pipeline.submit_commands import command_problem, is_expression
from wingspan.runner.htcondor.chirp_commands import CHIRP, IO
from wingspan.runner.htcondor.words import in_list
from wingspan.runner.run_folder import LOCAL
from wingspan.shown import unseen
from wingspan.user_paths import user_path

FILE = "wingspan.toml"
DEFAULT = "htcondor"
AUTO, SEND, INSTALLED = "auto", "send", "installed"
_LARGEST = 2**31 - 1  # HTCondor's integers
_SETTING = re.compile(r"DAGMAN_[A-Z0-9_]+")
_ADDRESS = re.compile(r"[A-Za-z0-9._+-]+(@[A-Za-z0-9.-]+)?")  # or a user of the access point
_SETTING_VALUE = re.compile(r"[A-Za-z0-9_.,:/@%+-]+")  # as a line ENV SET of a DAG holds it


@dataclass(frozen=True, slots=True)
class Profile:
    """What is particular to one pool.

    Parameters
    ----------
    submit
        Submit commands for every job; those of a step's `Resources` win.
    shared
        Absolute path of a folder that access point and execution points share; None: the pool has none.
    chirp
        What running jobs may do on the access point: ``io``: the jobs of sweeps send messages and read files,
        ``updates``: all only send messages, ``off``: neither.
    staging
        Folder as it is seen here -> URL of the same folder: input files below are passed by reference.
    environment_limit_mb
        The largest packed environment that is sent with jobs.
    task_time_s
        Neighbouring steps become one job while their times together stay below.
    image
        Container image of steps that name none.
    dagman
        Settings of DAGMan, without the prefix ``_CONDOR_``.
    max_jobs
        Jobs of a run in the queue at once; None: no limit.
    max_idle
        Jobs of a run that wait in the queue at once; None: DAGMan's own limit, 1,000 by default.
    priority
        Priority of the jobs among those of the same user; larger goes first.
    notify
        Address that HTCondor sends a message to when the DAG has ended; empty: no message is sent.
    hold_back_off_s
        Wait before the first release of a job that was held for what passes.
    checkpoint_every_s
        How often, at most, a job's checkpoint is sent to the access point.
    send_once
        Let HTCondor send the environment once to each machine, where it can.
    """

    name: str = DEFAULT
    submit: Mapping[str, str] = field(default_factory=dict)
    shared: Path | None = None
    environment_limit_mb: int = 2048
    task_time_s: float = 600.0
    image: str | None = None
    dagman: Mapping[str, str] = field(default_factory=dict)
    max_jobs: int | None = None
    max_idle: int | None = None
    priority: int = 0
    notify: str = ""
    hold_back_off_s: int = 60
    checkpoint_every_s: float = 1800.0
    environment: str = AUTO
    send_once: bool = True
    staging: Mapping[Path, str] = field(default_factory=dict)
    chirp: str = IO


def find_profile(
    name: str,
    start: Path,
    shared: Path | None = None,
    given: Mapping[str, object] | None = None,
) -> Profile:
    """Return the profile of a pool; ``htcondor`` needs no file.

    Parameters
    ----------
    start
        The project's folder: where the search for its file begins.
    shared
        A folder that the machines share, instead of the file's.
    given
        Keys of a profile and their values for one run, instead of the file's.

    Raises
    ------
    NotFoundError
        No file has this pool.
    SettingError
        A file cannot be read, or says what is not allowed; the message lists all that is wrong in the pool.
    """
    profile = _find(name, start)
    if given:
        profile = replace(profile, **_options(given))
    return profile if shared is None else replace(profile, shared=user_path(shared).absolute())


def _find(name: str, start: Path) -> Profile:
    files = _files(start)
    known: list[str] = []
    for file in files:
        pools = _pools(file)
        if name in pools:
            return _profile(name, pools[name], file)
        known += pools
    if name == DEFAULT:
        return Profile()
    problem = f"there is no pool [pools.{name}] in {', '.join(str(file) for file in files)}"
    if not files:
        problem = f"there is no {FILE} in {start} or above, so no pool {name}"
    raise NotFoundError(f"on={name!r}", problem, near(name, [LOCAL, DEFAULT, *known]))


def _files(start: Path) -> list[Path]:
    """Return the files that are there, the one that wins first."""
    folder = start.absolute()
    project = [path for above in (folder, *folder.parents) if (path := above / FILE).is_file()][:1]
    own = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / FILE
    return project + ([own] if own.is_file() and own not in project else [])


def _pools(file: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(str(file), f"is not TOML: {error}", "correct that line") from error
    except OSError as error:
        raise SettingError(
            str(file), f"cannot be read: {error.strerror}", "make it readable"
        ) from error
    strange = sorted(content.keys() - {"pools"})
    if strange:
        problem = f"expected tables [pools.NAME] only, found {', '.join(strange)}"
        raise SettingError(str(file), problem, near(strange[0], ["pools"]))
    pools = content.get("pools", {})
    if not isinstance(pools, dict):
        problem = f"pools: expected tables [pools.NAME], found {pools!r}"
        raise SettingError(str(file), problem, "write [pools.NAME]")
    if LOCAL in pools:
        problem = f"[pools.{LOCAL}]: {LOCAL!r} is this machine, without HTCondor"
        raise SettingError(str(file), problem, "give the pool another name")
    return pools


def _profile(name: str, table: object, file: Path) -> Profile:
    if not isinstance(table, dict):
        problem = f"pools.{name}: expected a table, found {table!r}"
        raise SettingError(str(file), problem, f"write [pools.{name}]")
    values, problems = _values(table)
    for command, text in values.get("submit", {}).items():
        problem = expression_problem(text) if is_expression(command) else ""
        if problem:
            problems.append(
                f"submit, line {_line(file, name, command)}: {command} = {text}: {problem}"
            )
    if problems:
        wrong = "; ".join(problems)
        raise SettingError(f"{file} [pools.{name}]", wrong, "correct the file; nothing was started")
    return Profile(name=name, **values)


def _options(given: Mapping[str, object]) -> dict[str, Any]:
    """Return the attributes of a profile that are given for one run.

    The tables of the file are set as a whole, so they can only be set there.
    """
    values, problems = _values(given)
    kept = (str, int, float)  # as the run's folder can keep them
    problems += [
        f"{key}: expected a text or a number, found {value!r}"
        for key, value in given.items()
        if key in _KEYS and key not in _ONLY_THERE and not isinstance(value, kept)
    ]
    problems += [f"{key}: {fix}" for key, fix in _ONLY_THERE.items() if key in given]
    if problems:
        raise SettingError("pool", "; ".join(problems), "correct it; nothing was started")
    return values


def _values(table: Mapping[str, object]) -> tuple[dict[str, Any], list[str]]:
    """Return the attributes that a table of a profile's keys sets, and its problems."""
    problems: list[str] = []
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in _KEYS:
            close = get_close_matches(str(key), _KEYS)
            hint = f"did you mean {' or '.join(close)}?" if close else f"keys: {', '.join(_KEYS)}"
            problems.append(f"{key}: is not a key of a pool; {hint}")
            continue
        attribute, read = _KEYS[key]
        try:
            values[attribute] = read(value)
        except (TypeError, ValueError) as error:
            problems.append(f"{key}: {error}")
    return values, problems


def _line(file: Path, pool: str, command: str) -> int:
    """Return the line of a file that sets a submit command of a pool.

    If it is not found, the first line.
    """
    lines = file.read_text(encoding="utf-8").splitlines()
    begin = next((n for n, line in enumerate(lines) if f"pools.{pool}" in line), 0)
    named = re.compile(rf"""(?<![\w.+]){re.escape(command)}["']?\s*=""")
    return next((n + 1 for n in range(begin, len(lines)) if named.search(lines[n])), 1)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or unseen(value):
        raise ValueError(f"expected one line of text, found {value!r}")
    return value


def _folder(value: object) -> Path:
    path = user_path(_text(value))
    if not path.is_absolute():
        raise ValueError(f"expected an absolute path, found {value!r}")
    return path


def _image(value: object) -> str:
    image = _text(value)
    if "://" in image or user_path(image).is_absolute():
        return image
    raise ValueError(
        f'expected a reference such as "docker://python:3.12" or an absolute path, found {value!r}'
    )


def _whole(value: object) -> int:
    if type(value) is not int or value < 1:
        raise ValueError(f"expected a whole number of at least 1, found {value!r}")
    return _integer(value)


def _integer(value: object) -> int:
    if type(value) is not int:
        raise ValueError(f"expected a whole number, found {value!r}")
    if abs(value) > _LARGEST:
        raise ValueError(f"expected a whole number of at most {_LARGEST}, found {value!r}")
    return value


def _address(value: object) -> str:
    address = _text(value)
    if not _ADDRESS.fullmatch(address):
        raise ValueError(f'expected an address such as "ann@example.edu", found {value!r}')
    return address


def _seconds(value: Any) -> float:  # noqa: ANN401 - of the file
    try:
        return seconds(value)
    except ValueError:
        raise ValueError(f'expected a time such as "10min", found {value!r}') from None


def _whole_seconds(value: object) -> int:
    return max(1, round(_seconds(value)))


def _megabytes(value: Any) -> int:  # noqa: ANN401 - of the file
    try:
        return math.ceil(megabytes(value))
    except ValueError:
        raise ValueError(f'expected a size such as "2GB", found {value!r}') from None


def _plain(value: object) -> str:
    """Return a command's value as HTCondor writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float) and math.isfinite(value):
        return str(value)
    return _text(value)


def _commands(value: object) -> Mapping[str, str]:
    made: dict[str, str] = {}
    for command, given in _table(value).items():
        text = _plain(given)
        if command.lower() in {each.lower() for each in made}:
            raise ValueError(f"{command} is given twice")
        if problem := command_problem(command, text):
            raise ValueError(problem)
        made[command] = text
    return MappingProxyType(made)


def _way(value: object) -> str:
    if value not in (AUTO, SEND, INSTALLED):
        raise ValueError(f"expected {AUTO!r}, {SEND!r} or {INSTALLED!r}, found {value!r}")
    return str(value)


def _chirp(value: object) -> str:
    if value not in CHIRP:
        raise ValueError(f"expected {', '.join(map(repr, CHIRP))}, found {value!r}")
    return str(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"expected true or false, found {value!r}")
    return value


def _settings(value: object) -> Mapping[str, str]:
    table = _table(value)
    for setting in table:
        if not _SETTING.fullmatch(setting):
            raise ValueError(f"expected settings such as DAGMAN_MAX_JOBS_IDLE, found {setting!r}")
        if not _SETTING_VALUE.fullmatch(_plain(table[setting])):
            problem = f"{setting}: expected a number or a word, found {table[setting]!r}"
            raise ValueError(problem)
    return MappingProxyType({setting: _plain(given) for setting, given in table.items()})


def _staging(value: object) -> Mapping[Path, str]:
    found = {}
    for folder, url in _table(value).items():
        if "://" not in _text(url) or not in_list(_text(url)):
            raise ValueError(f'expected a URL such as "osdf:///staging/ann", found {url!r}')
        found[_folder(folder)] = str(url)
    return MappingProxyType(found)


def _table(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError(f"expected a table {{ NAME = VALUE }}, found {value!r}")
    return value


# key of the file -> attribute of Profile, and what reads it
_KEYS: Mapping[str, tuple[str, Callable[[object], Any]]] = {
    "submit": ("submit", _commands),
    "shared": ("shared", _folder),
    "staging": ("staging", _staging),
    "environment_limit": ("environment_limit_mb", _megabytes),
    "task_time": ("task_time_s", _seconds),
    "image": ("image", _image),
    "dagman": ("dagman", _settings),
    "max_jobs": ("max_jobs", _whole),
    "max_idle": ("max_idle", _whole),
    "priority": ("priority", _integer),
    "notify": ("notify", _address),
    "hold_back_off": ("hold_back_off_s", _whole_seconds),
    "environment": ("environment", _way),
    "send_once": ("send_once", _flag),
    "checkpoint_every": ("checkpoint_every_s", _seconds),
    "chirp": ("chirp", _chirp),
}
_ONLY_THERE = {  # keys that are not for one run
    **dict.fromkeys(("submit", "staging", "dagman"), f"set it in {FILE}"),
    "shared": "give the option of this name",
}
