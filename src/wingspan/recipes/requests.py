"""Compute what the steps over a table request.

Memory goes by the size of the files.
"""

from collections.abc import Sequence
from pathlib import Path

from wingspan.tabular.estimate import BASE_MB

_READ_BYTES = 3
"""Memory of reading a file, for each byte of it."""


def numbers_of(shards_in_all: int) -> dict[str, dict[str, int]]:
    """Return what a map over shards is mapped over."""
    return {"shard": {str(number): number for number in range(shards_in_all)}}


def size_mb(data: Path | list[Path]) -> float:
    """Return the size of files and folders, in MB."""
    files: Sequence[Path] = data if isinstance(data, list) else [data]
    found = [
        part
        for path in files
        for part in (path.rglob("*") if path.is_dir() else [path])
        if part.is_file()
    ]
    return sum(part.stat().st_size for part in found) / 2**20


def read_mb(data: Path | list[Path]) -> int:
    """Return the memory of reading these files, in MB."""
    return int(BASE_MB + _READ_BYTES * size_mb(data))
