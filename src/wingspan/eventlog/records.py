"""Keep records that were read from logs, so that they are read once."""

from pathlib import Path
from typing import TypeAlias

Key: TypeAlias = tuple[int, int]  # number of the file, offset


class Records:
    """Records in memory, up to a number of bytes; later ones are not kept."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._kept: dict[Key, bytes] = {}

    def get(self, key: Key) -> bytes | None:
        """Return a record; None if it is not kept."""
        return self._kept.get(key)

    def keep(self, key: Key, record: bytes) -> None:
        """Keep a record if there is room."""
        if self._left >= len(record):
            self._left -= len(record)
            self._kept[key] = record

    def save(self, folder: Path) -> None:
        """Store nothing: the records can be read from the logs again."""

    @classmethod
    def load(cls, folder: Path) -> "Records":  # noqa: ARG003 - nothing was stored
        """Return no records."""
        return cls(0)
