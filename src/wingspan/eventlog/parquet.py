"""Write events to Parquet, read them back unchanged, and append to them as a log grows."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from wingspan.errors import FormatError, NotFoundError
from wingspan.eventlog.events import COLUMNS, Damage, Events, LogFile
from wingspan.eventlog.header import RotationHeader
from wingspan.files import aside

if TYPE_CHECKING:
    import polars as pl

VERSION: Final = "1"
_KEYS: Final = ("wingspan_events", "files", "access_points", "damage")


def write_parquet(events: Events, path: Path) -> Path:
    """Write events to a file, or to the next part of a folder; return the file's path.

    A path without ``.parquet`` is a folder.

    Besides the columns of `Events` there are ``hold_code``, ``hold_subcode``, ``vacate_code``, ``return_value``,
    ``signal``, ``memory_mb`` and ``image_size_kb``, null where an event has none, for readers other than this one.
    """
    if path.suffix != ".parquet":
        path = path / f"part-{len(list(path.glob('part-*.parquet'))):06d}.parquet"
    with aside(path) as temporary:
        _frame(events).write_parquet(temporary, compression="zstd", metadata=_metadata(events))
    return path


def append_parquet(events: Events, folder: Path) -> None:
    """Add events to a folder as one more part; without events, do nothing."""
    if len(events):
        write_parquet(events, folder)


def read_parquet(path: Path) -> Events:
    """Read events back from a file or a folder of parts, as they were written.

    Raises
    ------
    NotFoundError
        The file does not exist.
    FormatError
        It was not written by `write_parquet`, or by a newer version of it.
    """
    parts = sorted(path.glob("part-*.parquet")) if path.is_dir() else [path]
    if not parts or not all(part.exists() for part in parts):
        raise NotFoundError(str(path), "there are no events here", "check the path")
    return join([_read(part) for part in parts])


def join(parts: list[Events]) -> Events:
    """Join several reads in order; a file that two of them have keeps its later entry."""
    files: dict[Path, LogFile] = {}
    names: dict[str, int] = {}
    damage: dict[Damage, None] = {}
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for part in parts:
        for each in part.files:
            files[each.path] = each
        for name in part.access_points:
            names.setdefault(name, len(names))
        places = list(files)
        file = np.array([places.index(each.path) for each in part.files], np.int32)
        access_point = np.array([names[name] for name in part.access_points], np.int16)
        damage.update({replace(each, file=int(file[each.file])): None for each in part.damage})
        for name in COLUMNS:
            columns[name].append(getattr(part, name))
        columns["file"][-1] = file[part.file] if len(part) else part.file
        columns["access_point"][-1] = (
            access_point[part.access_point] if len(part) else part.access_point
        )
    return Events(
        files=tuple(files.values()),
        access_points=tuple(names),
        damage=tuple(damage),
        kept=None,
        **{name: np.concatenate(arrays) for name, arrays in columns.items()},
    )


def _frame(events: Events) -> "pl.DataFrame":
    import polars as pl

    from wingspan.eventlog.kernel import ABSENT

    named = ("hold_code", "hold_subcode", "vacate_code", "return_value", "signal")
    extra = {name: getattr(events, name) for name in (*named, "memory_mb", "image_size_kb")}
    frame = pl.DataFrame({name: getattr(events, name) for name in COLUMNS} | extra)
    return frame.with_columns(pl.col(name).replace(ABSENT, None) for name in extra)


def _metadata(events: Events) -> dict[str, str]:
    files = [
        {
            **asdict(replace(each, copy=None)),
            "path": str(each.path),
            "copies": [str(copy) for copy in each.copies],
        }
        for each in events.files
    ]
    damage = [asdict(each) for each in events.damage]
    values = (VERSION, files, events.access_points, damage)
    return {name: json.dumps(value) for name, value in zip(_KEYS, values, strict=True)}


def _read(path: Path) -> Events:
    import polars as pl

    metadata = pl.read_parquet_metadata(path)
    if not set(_KEYS) <= metadata.keys() or json.loads(metadata[_KEYS[0]]) != VERSION:
        fix = "write it again with `wingspan events convert --to parquet`"
        raise FormatError(
            str(path), f"expected events of version {VERSION}, found another format", fix
        )
    files, names, damage = (json.loads(metadata[key]) for key in _KEYS[1:])
    for each in files:
        each["path"] = Path(each["path"])
        each["copies"] = tuple(map(Path, each.get("copies", ())))
        each["header"] = RotationHeader(**each["header"]) if each["header"] else None
    frame = pl.read_parquet(path, columns=list(COLUMNS))
    return Events(
        files=tuple(LogFile(**each) for each in files),
        access_points=tuple(names),
        damage=tuple(Damage(**each) for each in damage),
        kept=None,
        **{name: frame[name].to_numpy().copy() for name in COLUMNS},
    )
