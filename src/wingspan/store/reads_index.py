"""List the keys whose results read something undeclared.

One small file saves a plan from opening every result.

One JSON object a line, appended before the result is published: a line without a result does no harm, a result
without a line would. A file that is missing or damaged is made again from the results themselves.
"""

import json
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from wingspan.errors import CorruptError, NotFoundError, ReadOnlyError
from wingspan.files import json_text, locked, write_atomically

_NAME = ".reads.jsonl"
Reads = Mapping[str, Mapping[str, str]]


class Entry(NamedTuple):
    """What the job of a step read without declaring it."""

    key: str
    step: str
    reads: Reads


class ReadsIndex:
    """The index of a store; it is made when it is first asked for, or written to."""

    def __init__(self, root: Path, result: Callable[[str], Mapping[str, Any]]) -> None:
        """`root` is the store's folder; `result` returns a key's result."""
        self.path = root / _NAME
        self._root = root
        self._result = result

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ReadsIndex) and other.path == self.path

    def __hash__(self) -> int:
        return hash(self.path)

    def add(self, key: str, step: str, reads: Reads) -> None:
        """Append a line."""
        with locked(self.path.with_suffix(".lock")):
            if not self.path.exists():
                self._write(self._made_again([]))
            handle = os.open(self.path, os.O_RDWR | os.O_APPEND)
            try:
                size = os.fstat(handle).st_size
                torn = size and os.pread(handle, 1, size - 1) != b"\n"  # by a crash or a full disk
                os.write(handle, (b"\n" if torn else b"") + _line(Entry(key, step, reads)))
            finally:
                os.close(handle)

    def entries(self) -> list[Entry]:
        """Return what is listed, oldest first, each key once."""
        if not self._root.is_dir():
            return []
        found, whole = self._read()
        if whole:
            return found
        try:
            with locked(self.path.with_suffix(".lock")):
                made = self._made_again(self._read()[0])
                self._write(made)
        except ReadOnlyError:  # a plan reads it, and changes nothing
            return self._made_again(found)
        return made

    def prune(self, keep: Collection[str]) -> None:
        """Drop the lines of steps without kept keys.

        A kept key may derive from one that is not kept.
        """
        if not self.path.exists():
            return
        steps = {entry.step for entry in self.entries() if entry.key in keep}
        with locked(self.path.with_suffix(".lock")):
            self._write([entry for entry in self._read()[0] if entry.step in steps])

    def _read(self) -> tuple[list[Entry], bool]:
        """Return the entries, and whether every line could be read."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return [], False
        lines = [_entry(line) for line in content.splitlines()]
        found: dict[str, Entry] = {}
        for entry in filter(None, lines):
            before = found.get(entry.key)
            if before is not None and before.reads != entry.reads:  # of two runs: one was published
                found[entry.key] = self._stored(entry.key) or entry
            else:
                found[entry.key] = entry
        return list(found.values()), None not in lines

    def _made_again(self, listed: Iterable[Entry]) -> list[Entry]:
        """Return the entries of all results, listed ones first, as some are yet to be published."""
        found = {entry.key: entry for entry in listed}
        for path in self._root.glob("??/[!.]*"):
            entry = self._stored(path.name)
            if entry is not None:
                found[entry.key] = entry
        return list(found.values())

    def _write(self, entries: Iterable[Entry]) -> None:
        write_atomically(self.path, b"".join(map(_line, entries)))

    def _stored(self, key: str) -> Entry | None:
        """Return what a result says itself; None if it read nothing, or is not there."""
        try:
            result = self._result(key)
        except (NotFoundError, CorruptError):
            return None
        reads = result.get("reads")
        return Entry(key, str(result.get("step", "")), reads) if reads else None


def _line(entry: Entry) -> bytes:
    return f"{json_text(entry._asdict())}\n".encode()


def _entry(line: bytes) -> Entry | None:
    """Return what a line says; None if it is damaged."""
    try:
        said = json.loads(line)
        reads = {
            kind: {str(n): str(d) for n, d in held.items()} for kind, held in said["reads"].items()
        }
        return Entry(str(said["key"]), str(said["step"]), reads)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
