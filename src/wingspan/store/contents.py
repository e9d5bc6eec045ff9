"""Index results by code, parameters and bytes read, next to the results.

One line a result: its base (all of its key but the inputs), its content key, its key. The index only saves work: it is
not forced to the disk, what it names may be gone, and a line that is not whole counts for nothing.
"""

import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

_DIGITS = 32  # of base and content key: 128 bits
_LINE = 2 * (_DIGITS + 1) + 64


class Contents:
    """The index of a store; many processes may add to it at once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, base: str, content: str, key: str) -> None:
        """Add the key of a result to the index.

        If that fails, the result is not found later, and nothing else happens.
        """
        line = f"{base[:_DIGITS]} {content[:_DIGITS]} {key}\n".encode()
        with suppress(OSError):
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                os.write(handle, line)  # one write: lines of several processes do not mix
            finally:
                os.close(handle)

    def known(self, bases: Collection[str] | None) -> "Known":
        """Return what was noted for some bases; None are all."""
        found: dict[str, dict[str, str]] = {base[:_DIGITS]: {} for base in bases or ()}
        for line in self._lines() if found or bases is None else ():
            if bases is None:
                found.setdefault(line[:_DIGITS], {})
            keys = found.get(line[:_DIGITS])
            if keys is not None:
                content = line[_DIGITS + 1 : 2 * _DIGITS + 1]
                keys.pop(content, None)  # so that the latest comes last
                keys[content] = line[-64:]
        return Known(found)

    def prune(self, keys: Collection[str]) -> None:
        """Drop all but these keys. A line that is added meanwhile may get lost."""
        kept = dict.fromkeys(line for line in self._lines() if line[-64:] in keys)
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        draft.write_text("".join(f"{line}\n" for line in kept))
        draft.rename(self._path)

    def _lines(self) -> Iterator[str]:
        try:
            text = self._path.read_text(errors="replace")
        except FileNotFoundError:
            return
        yield from (line for line in text.splitlines() if len(line) == _LINE)


class Known:
    """Keys of results by base and content key; the latest where there are several."""

    def __init__(self, keys: dict[str, dict[str, str]]) -> None:
        self._keys = keys

    def has(self, base: str) -> bool:
        """Return whether there is any result of a base."""
        return bool(self._keys.get(base[:_DIGITS]))

    def of(self, base: str) -> list[tuple[str, str]]:
        """Return the content keys of a base and their keys, the latest last."""
        return list(self._keys.get(base[:_DIGITS], {}).items())

    def key(self, base: str, content: str) -> str:
        """Return the key of a result, or an empty text."""
        return self._keys.get(base[:_DIGITS], {}).get(content[:_DIGITS], "")
