"""Notice new holds in growing logs, and remember across restarts which holds were reported.

A look reads only what was added since the last one. The first hold after a restart needs the logs as a whole: they are
read once, and kept.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from wingspan.advisor.answers.advice import Advice
from wingspan.errors import FormatError, NotFoundError
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.events import Events
from wingspan.eventlog.growing import GrowingLogs
from wingspan.eventlog.logs import Looked, sort_folder
from wingspan.eventlog.positions import Position, load_versioned, position_of
from wingspan.eventlog.read_new import Gap, read_new
from wingspan.eventlog.rotations import family_of, rotations_of
from wingspan.eventlog.sources import compression_of
from wingspan.files import write_atomically

Hold: TypeAlias = tuple[str, str, float]  # access point, job, time of the hold
VERSION: Final = 1
_FIX: Final = "remove the file; every job that is held now is then reported once more"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a watch has seen.

    Attributes
    ----------
    logs
        How far each log was read, with all its rotations.
    reported
        Holds that were reported and that last.
    """

    logs: Mapping[str, Position] = field(default_factory=dict)
    reported: frozenset[Hold] = frozenset()


@dataclass(frozen=True, slots=True)
class Look:
    """What was added to some logs since the last look.

    Attributes
    ----------
    held
        Whether a job was held.
    gaps
        What is lost between the last look and this one.
    """

    logs: Mapping[str, Position]
    held: bool
    gaps: tuple[Gap, ...]


def hold_of(job: Advice) -> Hold:
    """Return what identifies the hold of a job: logs may have fractions of its second or not."""
    return job.access_point, job.job, float(math.floor(job.held_at))


def renamed(seen: Seen, lasting: Iterable[Hold]) -> frozenset[Hold]:
    """Return the lasting holds that were reported while the log did not name the access point.

    Until a submission, or a log with the same events, names it, the log's path does.
    """
    unnamed = {hold for hold in seen.reported if str(Path(hold[0]).absolute()) in seen.logs}
    known = {hold[1:] for hold in unnamed}
    return frozenset(hold for hold in lasting if hold[1:] in known)


def families(paths: Iterable[Path], looked: Looked | None = None) -> list[Path]:
    """Return the logs to follow, each without its rotations: files, and the logs in folders."""
    found = (sort_folder(path, looked).logs if path.is_dir() else [path] for path in paths)
    return list(dict.fromkeys(Path(family_of(each)) for files in found for each in files))


class WatchedLogs:
    """Some logs, and folders of them, of which each byte is read once."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._grown = GrowingLogs()
        self._looked: Looked = {}

    def look(self, before: Mapping[str, Position]) -> Look:
        """Read what was added to logs; one that does not exist keeps its position.

        Compressed logs do not grow.
        """
        logs, gaps, held = dict(before), list[Gap](), False
        for log in families(self._paths, self._looked):
            name = str(log.absolute())
            if not rotations_of(log):
                self._grown.forget(log)
                continue
            if log.is_file() and compression_of(log):
                held = held or name not in before
                logs[name] = Position()
                continue
            known = self._grown.position(log)
            try:
                news = read_new(log, known or before.get(name))
            except (
                NotFoundError,
                FileNotFoundError,
            ):  # it is being rotated: the next look reads it
                continue
            held = held or bool((news.events.code == Event.JOB_HELD).any())
            gaps += news.gaps
            logs[name] = news.position
            if known or name not in before:
                self._grown.add(log, news)
        return Look(logs, held, tuple(gaps))

    def events(self) -> Events:
        """Return all events; logs that were seen before a restart are read now."""
        for log in self._grown.mixed():
            self._grown.forget(log)
        for log in families(self._paths, self._looked):
            if self._grown.position(log) or not rotations_of(log):
                continue
            if log.is_file() and compression_of(log):
                self._grown.add_compressed(log)
            else:
                self._grown.add(log, read_new(log))
        return self._grown.events()


def save_seen(path: Path, seen: Seen) -> None:
    """Write what a watch has seen as JSON, atomically."""
    logs = {name: asdict(position) for name, position in seen.logs.items()}
    content = {"version": VERSION, "logs": logs, "reported": sorted(seen.reported)}
    write_atomically(path, json.dumps(content, indent=1))


def load_seen(path: Path) -> Seen:
    """Read what `save_seen` wrote; nothing was seen if there is no such file.

    Raises
    ------
    FormatError
        The file has other content.
    """
    if not path.exists():
        return Seen()
    content = load_versioned(path, VERSION, "state of a watch", _FIX)
    try:
        logs = {name: position_of(position) for name, position in content["logs"].items()}
        reported = frozenset(
            (str(a), str(b), float(math.floor(c))) for a, b, c in content["reported"]
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FormatError(str(path), f"the state lacks or garbles {error}", _FIX) from error
    return Seen(logs, reported)
