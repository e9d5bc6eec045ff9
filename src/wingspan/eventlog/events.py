"""Events: every event of some logs, as read-only columns."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.codes import event_name
from wingspan.eventlog.header import RotationHeader
from wingspan.eventlog.kernel import ABSENT
from wingspan.eventlog.rotations import family_of
from wingspan.shown import counted, in_markup

if TYPE_CHECKING:
    from wingspan.eventlog.records import Records
    from wingspan.eventlog.sources import Copy

Numbers: TypeAlias = NDArray[np.int64]

_ENDS: Final = (Event.JOB_TERMINATED, Event.NODE_TERMINATED, Event.POST_SCRIPT_TERMINATED)
TRANSFERS: Final = (
    "",
    "input queued",
    "input started",
    "input finished",
    "output queued",
    "output started",
    "output finished",
)


@dataclass(frozen=True, slots=True)
class LogFile:
    """One file that was read.

    `size` is its bytes after decompression. All but a torn tail was either parsed or reported as damage.

    `tail` is the offset of an unfinished record at the end, None when the file ends with a whole one. `copy` has the bytes
    of a compressed file, as long as the events exist. `copies` are other files with these events, which were not read.
    `apart` marks a rotation that repeats events of another one.
    """

    path: Path
    format: str
    compression: str
    size: int
    tail: int | None
    header: RotationHeader | None = None
    copy: "Copy | None" = field(default=None, repr=False, compare=False)
    copies: tuple[Path, ...] = ()
    apart: bool = False

    @property
    def log(self) -> str:
        """Return what the files of one log have in common, in which each event is once."""
        return f"{self.path} apart" if self.apart else family_of(self.path)

    @property
    def source(self) -> Path:
        """Return the file that has the decompressed bytes, if there is one."""
        return self.copy.path if self.copy else self.path


@dataclass(frozen=True, slots=True)
class Damage:
    """A part of a file that is not a whole record; `file` indexes `Events.files`."""

    file: int
    offset: int
    length: int
    why: str


@dataclass(frozen=True, slots=True, repr=False)
class Events:
    """Events in the order of the files given, and of their bytes in each; one row an event.

    Attributes
    ----------
    file
        Index into `files`. int32
    access_point
        Index into `access_points`; cluster ids are unique only within one. int16
    cluster, proc, subproc
        The job; -1 where the log says so (headers, cluster events). int32, int32, int16
    code
        HTCondor's event number. int16
    time
        Seconds since 1970 in UTC. float64
    offset, length
        The record's bytes in its (decompressed) file, separator included. int64, int32
    value, detail
        The record's own numbers. Their meaning depends on the event: read them through the properties. int64, int32
    kept
        Records that were read before, if the logs are followed.
    """

    files: tuple[LogFile, ...]
    access_points: tuple[str, ...]
    damage: tuple[Damage, ...]
    file: NDArray[np.int32]
    access_point: NDArray[np.int16]
    cluster: NDArray[np.int32]
    proc: NDArray[np.int32]
    subproc: NDArray[np.int16]
    code: NDArray[np.int16]
    time: NDArray[np.float64]
    offset: NDArray[np.int64]
    length: NDArray[np.int32]
    value: NDArray[np.int64] = field(repr=False)
    detail: NDArray[np.int32] = field(repr=False)
    kept: "Records | None" = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name in COLUMNS:
            getattr(self, name).flags.writeable = False

    def __len__(self) -> int:
        return len(self.code)

    def __repr__(self) -> str:
        files = counted(len(self.files), "file")
        return "\n  ".join(
            [f"Events: {len(self):,} of {files}{self._span()}", *map(": ".join, self._counts())]
        )

    def _repr_html_(self) -> str:
        from wingspan.draw.table import table_html

        title = f"<p>{counted(len(self), 'event')}{in_markup(self._span())}</p>"
        return title + table_html(("event", "count"), self._counts())

    def _span(self) -> str:
        if not len(self):
            return ""
        ends = (datetime.fromtimestamp(float(at), UTC) for at in (self.time.min(), self.time.max()))
        return ", {:%Y-%m-%d %H:%M} to {:%Y-%m-%d %H:%M} UTC".format(*ends)

    def _counts(self) -> list[tuple[str, str]]:
        """Return the events by name, the most frequent first."""
        codes, counts = np.unique(self.code, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        return [(event_name(int(codes[k])), f"{counts[k]:,}") for k in order]

    def take(self, rows: NDArray[Any] | Sequence[int]) -> "Events":
        """Return the chosen rows (indices or a mask) in that order; files and damage stay."""
        chosen = np.asarray(rows) if len(rows) else np.empty(0, np.int64)
        return replace(self, **{name: getattr(self, name)[chosen] for name in COLUMNS})

    def _where(self, codes: tuple[int, ...], numbers: NDArray[Any]) -> Numbers:
        return np.where(np.isin(self.code, codes), numbers, ABSENT).astype(np.int64)

    @property
    def hold_code(self) -> Numbers:
        """HoldReasonCode of held (012) and remote-error (021) events; `ABSENT` elsewhere."""
        return self._where((Event.JOB_HELD, Event.REMOTE_ERROR), self.value)

    @property
    def hold_subcode(self) -> Numbers:
        """HoldReasonSubCode of held (012) and remote-error (021) events; `ABSENT` elsewhere."""
        return self._where((Event.JOB_HELD, Event.REMOTE_ERROR), self.detail)

    @property
    def vacate_code(self) -> Numbers:
        """Vacate code of evictions (004), 0 where an older HTCondor wrote none; `ABSENT` elsewhere."""
        return self._where((Event.JOB_EVICTED,), self.value)

    @property
    def vacate_subcode(self) -> Numbers:
        """Vacate sub-code of evictions (004); `ABSENT` elsewhere."""
        return self._where((Event.JOB_EVICTED,), self.detail)

    @property
    def return_value(self) -> Numbers:
        """Exit code of jobs, nodes and POST scripts (005, 015, 016); `ABSENT` elsewhere."""
        return np.where(self.detail == 0, self._where(_ENDS, self.value), ABSENT)

    @property
    def signal(self) -> Numbers:
        """Signal that ended a job, node or POST script (005, 015, 016); `ABSENT` elsewhere."""
        return np.where(self.detail == 1, self._where(_ENDS, self.value), ABSENT)

    @property
    def transfer(self) -> Numbers:
        """Index into `TRANSFERS` of file-transfer events (040), 0 elsewhere."""
        return np.where(self.code == Event.FILE_TRANSFER, self.value, 0)

    @property
    def image_size_kb(self) -> Numbers:
        """Size of image-size events (006), in KB; `ABSENT` elsewhere."""
        return self._where((Event.IMAGE_SIZE,), self.value)

    @property
    def memory_mb(self) -> Numbers:
        """MemoryUsage of image-size events (006), in MB; `ABSENT` elsewhere and in logs before 2012."""
        return self._where((Event.IMAGE_SIZE,), self.detail)


COLUMNS: Final = tuple(
    each.name
    for each in fields(Events)
    if each.name not in {"files", "access_points", "damage", "kept"}
)
