"""Results by key: a folder that many runs read and write at once, and that never holds half a result.

::

    store/
      format.json
      KEY[:2]/KEY/result.json     records of the outputs, and all else that is known of the job
      KEY[:2]/KEY/outputs/NAME    a file or a folder
"""

import errno
import json
import secrets
import time
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from wingspan.errors import ConflictError, CorruptError, FormatError
from wingspan.files import (
    copy,
    digest_file,
    disk_errors,
    json_text,
    remove,
    size_of,
    sync_file,
    sync_tree,
    write_atomically,
)
from wingspan.store.codec import decode

FORMAT = 1
_MANY = 1000  # keys from which on listing the store is quicker than asking for each


class Store:
    """Results by key. Nothing is written before the first `publish`."""

    def __init__(self, root: Path) -> None:
        """Open a store.

        Raises
        ------
        FormatError
            A newer Wingspan made it; nothing is touched.
        """
        self.root = root
        stamp = root / "format.json"
        if stamp.exists():
            found = json.loads(stamp.read_text()).get("format")
            if found != FORMAT:
                problem = f"the store has format {found}, this version knows {FORMAT}"
                raise FormatError(str(root), problem, "use the newer Wingspan, or another --home")

    def folder(self, key: str) -> Path:
        """Return where a key's result is, or would be."""
        return self.root / key[:2] / key

    def output_path(self, key: str, output: str) -> Path:
        """Return where an output is."""
        return self.folder(key) / "outputs" / output

    def done(self, keys: Iterable[str]) -> frozenset[str]:
        """Return those keys whose result is there."""
        wanted = frozenset(keys)
        if len(wanted) > _MANY:
            return wanted.intersection(entry.name for entry in self._entries())
        return frozenset(key for key in wanted if self.folder(key).is_dir())

    def result(self, key: str) -> dict[str, Any]:
        """Return a key's result.json."""
        found: dict[str, Any] = json.loads((self.folder(key) / "result.json").read_text())
        return found

    def load(self, key: str, output: str, trusted: frozenset[str] = frozenset()) -> Any:  # noqa: ANN401
        """Return the value of an output, checked; errors are those of `decode`."""
        return decode(self.output_path(key, output), self.result(key)["outputs"][output], trusted)

    def publish(self, key: str, folder: Path) -> None:
        """Move a folder with ``result.json`` and ``outputs/`` in as the result of a key; the first one wins.

        Raises
        ------
        ConflictError
            There is a result of other bytes already.
        SpaceError
            The disk is full; nothing half-written is left in the store.
        """
        place = self.folder(key)
        with disk_errors(place):
            if not (self.root / "format.json").exists():
                write_atomically(self.root / "format.json", json_text({"format": FORMAT}))
            place.parent.mkdir(parents=True, exist_ok=True)
            _protect(folder)
            sync_tree(folder)
            try:
                folder.rename(place)
            except OSError as error:
                if error.errno == errno.EXDEV:
                    self._copy_in(folder, place)
                elif error.errno in {errno.ENOTEMPTY, errno.EEXIST}:
                    self._lose(key, folder)
                    return
                else:
                    raise
            sync_file(place.parent)

    def _copy_in(self, folder: Path, place: Path) -> None:
        """Bring a folder in from another file system."""
        aside = place.with_name(f".{place.name}.{secrets.token_hex(4)}.part")
        try:
            copy(folder, aside)
            sync_tree(aside)
            aside.rename(place)
        except OSError as error:
            remove(aside)
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                raise
            self._lose(place.name, folder)

    def _lose(self, key: str, folder: Path) -> None:
        """Drop a result that another process was quicker with; it must be the same."""
        ours = json.loads((folder / "result.json").read_text())["outputs"]
        theirs = self.result(key)["outputs"]
        if {n: r["digest"] for n, r in ours.items()} != {n: r["digest"] for n, r in theirs.items()}:
            problem = f"a result of other bytes is in the store already (key {key[:12]})"
            fix = "the step gives other results each time: seed it, and leave times and addresses out of its result"
            raise ConflictError(str(self.folder(key)), problem, fix)
        remove(folder)

    def gc(self, keep: Collection[str], older_than_s: float) -> tuple[int, int]:
        """Remove results that are not to be kept and were published so long ago; return how many and their bytes."""
        count = size = 0
        limit = time.time() - older_than_s
        for entry in list(self._entries()):
            if entry.name not in keep and entry.stat().st_mtime < limit:
                size += size_of(entry)
                gone = entry.with_name(f".{entry.name}.{secrets.token_hex(4)}.part")
                entry.rename(gone)  # in one step, so that nobody sees half of it
                remove(gone)
                count += 1
        for left in self.root.glob("??/.*.part"):
            if left.stat().st_mtime < limit:
                remove(left)
        return count, size

    def check(self) -> Iterator[CorruptError]:
        """Read every byte and yield what is damaged."""
        for entry in self._entries():
            try:
                outputs = self.result(entry.name)["outputs"]
            except (OSError, ValueError, KeyError) as error:
                yield CorruptError(
                    str(entry), f"its result.json cannot be read: {error}", "remove the folder"
                )
                continue
            for name, record in outputs.items():
                path = self.output_path(entry.name, name)
                found = digest_file(path) if path.exists() else "nothing"
                if found != record["digest"]:
                    problem = f"output {name}: expected {record['digest']}, found {found}"
                    yield CorruptError(
                        str(entry), problem, "remove the folder; the step runs again"
                    )

    def _entries(self) -> Iterator[Path]:
        for prefix in self.root.glob("??"):
            yield from (entry for entry in prefix.iterdir() if not entry.name.startswith("."))


def _protect(folder: Path) -> None:
    """Make every file read-only."""
    for entry in folder.rglob("*"):
        if entry.is_file() and not entry.is_symlink():
            entry.chmod(0o444)
