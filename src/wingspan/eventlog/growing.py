"""Keep the events of growing logs, so that each look reads only what was added."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wingspan.eventlog.events import COLUMNS, Events, LogFile
from wingspan.eventlog.overlaps import join_overlapping
from wingspan.eventlog.positions import Position
from wingspan.eventlog.read import read_events
from wingspan.eventlog.read_new import News
from wingspan.eventlog.records import Records

KEPT: Final = 1 << 28  # bytes of records that are kept in memory, at most


class GrowingLogs:
    """The events of some logs, with all their rotations.

    A log is added with all its events first, later with its news. Files keep their numbers, whatever their names become.
    """

    def __init__(self) -> None:
        self._positions: dict[Path, Position] = {}
        self._numbers: dict[tuple[Path, str], int] = {}
        self._files: list[LogFile] = []
        self._names: dict[str, int] = {}
        self._points: dict[Path, set[int]] = {}
        self._parts: list[dict[str, NDArray[Any]]] = []
        self._gone: set[int] = set()
        self._records = Records(KEPT)

    def position(self, log: Path) -> Position | None:
        """Return how far a log was added; None if it was not."""
        return self._positions.get(log)

    def add(self, log: Path, news: News) -> None:
        """Add what a look found; a log of which bytes are missing is forgotten."""
        if log in self._positions and news.gaps:
            self.forget(log)
            return
        identities = list(news.position.files)
        if len(identities) != len(news.events.files):  # two files with one header
            return
        numbers = [self._number(log, name) for name in identities]
        for number, file in zip(numbers, news.events.files, strict=True):
            self._files[number] = file
        theirs = {number for (each, _), number in self._numbers.items() if each == log}
        self._gone = (self._gone | theirs) - {*numbers}
        self._positions[log] = news.position
        self._append(log, news.events, numbers)

    def add_compressed(self, log: Path) -> None:
        """Add a compressed log, which does not grow."""
        events = read_events(log)
        number = self._number(log, "")
        self._files[number] = events.files[0]
        self._gone -= {number}
        self._positions[log] = Position()
        self._append(log, events, [number])

    def forget(self, log: Path) -> None:
        """Drop a log's events."""
        self._positions.pop(log, None)
        self._points.pop(log, None)
        mine = [key for key in self._numbers if key[0] == log]
        self._gone |= {self._numbers.pop(key) for key in mine}
        self._records = Records(KEPT)

    def mixed(self) -> list[Path]:
        """Return the logs with jobs of several access points.

        Such a log must be read whole: its news do not say which access point a known job belongs to.
        """
        return [log for log, points in self._points.items() if len(points) > 1]

    def events(self) -> Events:
        """Return all events, each file's together."""
        parts = self._parts
        file = np.concatenate([part["file"] for part in parts] or [np.empty(0, np.int32)])
        rows = None
        if self._gone:
            rows = np.flatnonzero(~np.isin(file, list(self._gone)))
            file = file[rows]
        if (np.diff(file) < 0).any():
            order = np.argsort(file, kind="stable")
            rows = order if rows is None else rows[order]
        self._parts = [{name: _merged(parts, name, rows) for name in COLUMNS}] if parts else []
        columns = self._parts[0] if parts else _nothing()
        events = Events(
            files=tuple(self._files),
            access_points=tuple(self._names),
            damage=(),
            kept=self._records,
            **{name: column[:] for name, column in columns.items()},
        )
        return join_overlapping(events)

    def _number(self, log: Path, identity: str) -> int:
        number = self._numbers.setdefault((log, identity), len(self._files))
        if number == len(self._files):
            self._files.append(LogFile(log, "classic", "", 0, None))
        return number

    def _append(self, log: Path, events: Events, numbers: Iterable[int]) -> None:
        names = [self._names.setdefault(name, len(self._names)) for name in events.access_points]
        if not len(events):
            return
        part = {name: getattr(events, name) for name in COLUMNS}
        part["file"] = np.array([*numbers], np.int32)[events.file]
        part["access_point"] = np.array(names, np.int16)[events.access_point]
        points = np.unique(part["access_point"]).tolist()
        self._points.setdefault(log, set()).update(points)
        self._parts.append(part)


def _merged(
    parts: list[dict[str, NDArray[Any]]], name: str, rows: NDArray[np.int64] | None
) -> NDArray[Any]:
    """Join one column of the parts, and free theirs."""
    columns = [part.pop(name) for part in parts]
    whole = columns[0] if len(columns) == 1 else np.concatenate(columns)
    return whole if rows is None else whole[rows]


def _nothing() -> dict[str, NDArray[Any]]:
    return {name: getattr(read_events([]), name) for name in COLUMNS}
