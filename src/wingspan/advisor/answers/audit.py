"""Record acts on held jobs: one line before each act, and one after HTCondor's answer.

The file is only appended to. The line before an act has the jobs' global ids and, for an edit, the old values. So an act
can be listed and undone, even if Wingspan was killed before HTCondor answered.
"""

import errno
import getpass
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from wingspan.errors import FormatError
from wingspan.files import locked, writing

What: TypeAlias = Literal["release", "hold", "edit", "remove", "skip", "stop", "proven"]
CHANGES: Final = frozenset({"release", "hold", "edit", "remove"})  # of the queue
_ANSWER: Final = "answer"


@dataclass(frozen=True, slots=True)
class Act:
    """An act, or a reason not to act.

    Attributes
    ----------
    what
        `CHANGES` are recorded before they are done; "skip", "stop" and "proven" say why less, or more, is done.
    id
        Of a change of the queue, ``CALL-NUMBER``; all acts of one command share CALL.
    global_ids
        GlobalJobId of each job, which no other job ever has.
    attribute, value, before
        Of an edit: the new value, and the old one of each job; a job without one had no such attribute.
    undoes
        The act that this one undoes.
    """

    what: What
    jobs: tuple[str, ...]
    why: str
    id: str = ""
    global_ids: Mapping[str, str] = field(default_factory=dict)
    attribute: str = ""
    value: str = ""
    before: Mapping[str, str] = field(default_factory=dict)
    undoes: str = ""


_TEXTS: Final = ("what", "why", "id", "attribute", "value", "undoes", "who")
_FIELDS: Final = frozenset(each.name for each in fields(Act))


@dataclass(frozen=True, slots=True)
class Recorded:
    """An act in the file.

    Attributes
    ----------
    time
        When it was recorded, UTC seconds.
    done
        Number of jobs on which HTCondor acted; None if no answer was recorded, as after a kill in between.
    undone_by
        Id of the last act that undid it; else empty.
    """

    act: Act
    time: float
    user: str
    done: int | None = None
    undone_by: str = ""


class Audit:
    """The file of acts, for one command.

    Parameters
    ----------
    path
        By default the user's own file.
    """

    real = True  # whether acts are done

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or audit_file()
        self._call = secrets.token_hex(3)
        self._number = 0

    def write(self, act: Act) -> Act:
        """Record an act before it is done; return it with its id."""
        if act.what in CHANGES:
            self._number += 1
            act = replace(act, id=f"{self._call}-{self._number}")
        given = {name: value for name in _FIELDS if (value := getattr(act, name))}
        who = {"time": time.time(), "who": _user(), "pid": os.getpid()}
        append_line(self.path, {**who, **given})
        return act

    def answer(self, act: Act, done: int) -> None:
        """Record on how many jobs HTCondor acted."""
        append_line(self.path, {"time": time.time(), "what": _ANSWER, "id": act.id, "done": done})

    def read(self) -> list[Recorded]:
        """Return all acts in the file, in their order.

        A line that was cut off by a crash is left out: its act was not done, since lines are written first. So is a line
        that is damaged.
        """
        found: list[Recorded] = []
        places: dict[str, int] = {}
        for line in self._lines():
            if line["what"] == _ANSWER:
                if (place := places.get(line.get("id", ""))) is not None:
                    found[place] = replace(found[place], done=_whole(line.get("done")))
                continue
            one = _recorded(line)
            if one.act.undoes in places:
                place = places[one.act.undoes]
                found[place] = replace(found[place], undone_by=one.act.id)
            if one.act.id:
                places[one.act.id] = len(found)
            found.append(one)
        return found

    def damaged(self) -> int:
        """Count the lines that are left out."""
        return sum(line is None for line in self._all_lines())

    def _lines(self) -> list[dict[str, Any]]:
        return [line for line in self._all_lines() if line is not None]

    def _all_lines(self) -> list[dict[str, Any] | None]:
        """Return every line of the file; None for one that is damaged."""
        if not self.path.exists():
            return []
        if not self.path.is_file():
            fix = "name a file, which may be new: --audit FILE"
            raise FormatError(str(self.path), "expected a file of acts, found something else", fix)
        text = self.path.read_text(encoding="utf-8", errors="replace")
        return [_parsed(line) for line in text.split("\n") if line]

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other commands from acting between this one's look at the queue and its acts."""
        with locked(self.path.with_name(f"{self.path.name}.lock")):
            yield


class Rehearsal(Audit):
    """Acts that are neither done nor recorded; the bounds count those in the file, and these."""

    real = False

    def __init__(self, path: Path | None = None) -> None:
        super().__init__(path)
        self._rehearsed: list[Recorded] = []

    def write(self, act: Act) -> Act:
        """Keep an act for the bounds."""
        self._rehearsed.append(Recorded(act, time.time(), _user()))
        return act

    def read(self) -> list[Recorded]:
        """Return the acts in the file, and those of this rehearsal."""
        return super().read() + self._rehearsed

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let other commands act meanwhile."""
        yield


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) and _is_sound(line) else None


def _is_sound(line: Mapping[str, Any]) -> bool:
    """Return whether a line has the types of a record; unknown names may have any."""
    jobs, at = line.get("jobs", []), line.get("time", 0.0)
    texts = (line.get(name, "") for name in _TEXTS)
    pairs = (line.get(name, {}) for name in ("global_ids", "before"))
    return (
        "what" in line
        and all(isinstance(text, str) for text in texts)
        and all(isinstance(pair, dict) for pair in pairs)
        and isinstance(at, int | float)
        and isinstance(jobs, list)
        and all(isinstance(job, str) for job in jobs)
    )


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _user() -> str:
    """Return the user's name, or number if the machine does not know a name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _recorded(line: Mapping[str, Any]) -> Recorded:
    given = {name: value for name, value in line.items() if name in _FIELDS}
    act = Act(**{"why": "", **given, "jobs": tuple(line.get("jobs", ()))})
    return Recorded(act, float(line.get("time", 0.0)), str(line.get("who", "")))


def audit_file() -> Path:
    """Return the path of the user's audit log, which is the same for all folders."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
    return Path(state) / "wingspan" / "holds.jsonl"


def append_line(path: Path, content: Mapping[str, Any]) -> None:
    """Append one line of JSON in a single write, so that lines of several processes do not mix.

    It is on the disk when this returns. After a line that a crash cut off, a new one begins.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(handle).st_size
            cut = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            line = json.dumps(content, sort_keys=True).encode() + b"\n"
            whole = b"\n" * cut + line
            if os.write(handle, whole) < len(whole):  # without a whole record nothing is done
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            os.fsync(handle)
        finally:
            os.close(handle)
