"""Keep results by key, in a folder that many runs share.

The folder never holds half a result.

::

    store/
      format.json
      KEY[:2]/KEY/result.json     records of the outputs, and all else that is known of the job
      KEY[:2]/KEY/outputs/NAME    a file or a folder
      contents.txt                which key has which content, see `contents`
      .reads.jsonl                what jobs read without declaring it, see `reads_index`

An entry never changes; what starts with a dot is being written or removed.
"""

import errno
import json
import os
import shutil
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from wingspan.errors import CorruptError, FormatError, NotFoundError
from wingspan.files import (
    copy,
    digest_bytes,
    disk_errors,
    json_text,
    read_file,
    remove,
    size_of,
    sync_file,
    write_atomically,
)
from wingspan.store.codec import decode, digest_of
from wingspan.store.contents import Contents
from wingspan.store.reads_index import ReadsIndex

FORMAT = 1
RESULT, OUTPUTS = "result.json", "outputs"
_FORMAT, _CONTENTS = "format.json", "contents.txt"
_MANY = 1000  # keys from which on listing the store is quicker than asking for each
_LEFT_S = 86_400.0  # what was not written to for so long has no writer any more
_AGAIN = "remove the folder; the step runs again"


class Store:
    """Results by key. Nothing is written before the first `publish`."""

    def __init__(self, root: Path, *, durable: bool = True) -> None:
        """Open a store; what is published in one that is not `durable` is not forced to the disk.

        Raises
        ------
        FormatError
            A newer Wingspan made it; nothing is touched.
        """
        self.root = root
        self.contents = Contents(root / _CONTENTS)
        self.reads = ReadsIndex(root, self.result)
        self._durable = durable
        stamp = root / _FORMAT
        if not stamp.exists():
            return
        try:
            found = json.loads(stamp.read_bytes())["format"]
        except (ValueError, TypeError, KeyError):
            found = "unknown"
        if found != FORMAT:
            problem = f"the store has format {found}, this version knows {FORMAT}"
            raise FormatError(str(root), problem, "use the newer Wingspan, or another --home")

    def folder(self, key: str) -> Path:
        """Return where a key's result is, or would be."""
        return self.root / f"{key[:2]}/{key}"

    def output_path(self, key: str, output: str) -> Path:
        """Return where an output is."""
        return self.root / f"{key[:2]}/{key}/{OUTPUTS}/{output}"

    def done(self, keys: Iterable[str]) -> frozenset[str]:
        """Return those keys whose result is there."""
        wanted = frozenset(keys)
        if len(wanted) > _MANY:
            return wanted.intersection(entry.name for entry in self._entries())
        return frozenset(
            key
            for key in wanted
            if os.path.isdir(f"{self.root}/{key[:2]}/{key}")  # noqa: PTH112
        )

    def result(self, key: str) -> dict[str, Any]:
        """Return a key's result.json.

        Raises
        ------
        NotFoundError
            There is no result.
        CorruptError
            It is damaged.
        """
        path = self.root / f"{key[:2]}/{key}/{RESULT}"
        try:
            found = json.loads(read_file(path).decode())
        except FileNotFoundError as error:
            if path.parent.is_dir():
                raise CorruptError(str(path), "there is no such file", _AGAIN) from error
            fix = "run the command again: the step is repeated"
            raise NotFoundError(str(self.root), f"it has no result {key[:12]}", fix) from error
        except ValueError as error:
            raise CorruptError(str(path), f"expected JSON: {error}", _AGAIN) from error
        if not isinstance(found, dict) or not isinstance(found.get("outputs"), dict):
            raise CorruptError(str(path), "expected a JSON object with outputs", _AGAIN)
        return dict(found)

    def wall_time(self, key: str) -> float | None:
        """Return how many seconds the job of a key took; None where there is no such result."""
        try:
            return float(self.result(key)["wall_s"])
        except (NotFoundError, CorruptError, KeyError):
            return None

    def load(self, key: str, output: str, trusted: frozenset[str] = frozenset()) -> Any:  # noqa: ANN401
        """Return the value of an output, checked; errors are those of `result` and `decode`."""
        outputs = self.result(key)["outputs"]
        if output not in outputs:
            problem = f"result {key[:12]} has no output {output!r}"
            raise NotFoundError(str(self.root), problem, f"it has {', '.join(sorted(outputs))}")
        return decode(self.output_path(key, output), outputs[output], trusted)

    def publish(self, key: str, folder: Path) -> tuple[str, ...]:
        """Publish a folder with ``result.json`` and ``outputs/`` under a key; the first one wins.

        Return the outputs in which a result that was stored first differs; the folder is removed then.

        Raises
        ------
        SpaceError
            The disk is full; nothing half-written is left in the store.
        """
        place = self.folder(key)
        with disk_errors(place):
            self._make_parent(place.parent)
            self._settle(folder)
            try:
                folder.rename(place)
            except OSError as error:
                if error.errno == errno.EXDEV:
                    if not self._copy_in(folder, place):
                        return self._lose(key, folder)
                elif error.errno in {errno.ENOTEMPTY, errno.EEXIST}:
                    return self._lose(key, folder)
                else:
                    raise
            if self._durable:
                sync_file(place.parent)
        return ()

    def adopt(self, old: str, new: str, changes: Mapping[str, Any]) -> bool:
        """Link the result of key `old` under key `new` too; return whether it is there.

        False where `old` is not stored. A result that `new` has already stays.

        Parameters
        ----------
        changes
            What the new ``result.json`` says otherwise than the old one; ``adopted`` names the old key in any case.
        """
        place = self.folder(new)
        with disk_errors(place):
            self._make_parent(place.parent)
            part = place.with_name(f".{new}.{os.urandom(4).hex()}.part")
            try:
                made = {**self.result(old), **changes, "key": new, "adopted": old}
                if made.get("reads"):
                    self.reads.add(new, str(made["step"]), made["reads"])
                _made(part / OUTPUTS)
                for name in made["outputs"]:
                    copy(self.output_path(old, name), part / OUTPUTS / name, self._link)
                (part / RESULT).write_text(json_text(made))
                self._keep(part / RESULT)
                part.rename(place)
            except (NotFoundError, CorruptError, FileNotFoundError):  # or just being removed
                return False
            except OSError as error:
                if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                    raise
            finally:
                remove(part)
            if self._durable:
                sync_file(place.parent)
        return True

    def _link(self, source: Path, target: Path) -> None:
        """Give a stored file a second name; where it can have no more, copy it."""
        try:
            os.link(source, target)
        except OSError as error:
            if error.errno not in {errno.EMLINK, errno.EPERM, errno.ENOTSUP}:
                raise
            shutil.copyfile(source, target)
            self._keep(target)

    def _keep(self, file: str | Path) -> None:
        """Make a file read-only and force it to the disk."""
        os.chmod(file, 0o444)  # noqa: PTH101
        if self._durable:
            sync_file(file)

    def _make_parent(self, parent: Path) -> None:
        if not self._durable:
            parent.mkdir(parents=True, exist_ok=True)
        if parent.is_dir():
            return
        if not (self.root / _FORMAT).exists():
            write_atomically(self.root / _FORMAT, json_text({"format": FORMAT}))
            sync_file(self.root.parent)
        parent.mkdir(exist_ok=True)
        sync_file(self.root)

    def _settle(self, folder: str | Path) -> None:
        """Make every file read-only and force it to the disk.

        Folders are not forced: ext4 and xfs journal names in the order they were made, so that the fsync of the store's
        folder after the rename brings them along. What the journal does not hold is the bytes of files.
        """
        with os.scandir(folder) as listing:
            for entry in listing:
                if entry.is_dir(follow_symlinks=False):
                    self._settle(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    self._keep(entry.path)

    def _copy_in(self, folder: Path, place: Path) -> bool:
        """Bring a folder in from another file system; return False if there is a result already."""
        part = place.with_name(f".{place.name}.{os.urandom(4).hex()}.part")
        try:
            copy(folder, part)
            self._settle(part)
            part.rename(place)
        except OSError as error:
            remove(part)
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
                raise
            return False
        remove(folder)
        return True

    def _lose(self, key: str, folder: Path) -> tuple[str, ...]:
        """Drop a result that another process beat; return the outputs in which the two differ."""
        ours = _digests(json.loads((folder / RESULT).read_bytes())["outputs"])
        theirs = _digests(self.result(key)["outputs"])
        remove(folder)
        return tuple(sorted(n for n in ours | theirs if ours.get(n) != theirs.get(n)))

    def gc(
        self, keep: Collection[str], older_than_s: float, *, key_format: int = 0, dry: bool = False
    ) -> tuple[int, int]:
        """Remove old results that are not to be kept; return their number and bytes.

        What processes that were killed have left is removed too, once it was not written to for a day.

        Parameters
        ----------
        key_format
            No plan finds a result whose key is of an older format than this: of these, a day is old enough.
        dry
            Only count.
        """
        count = size = 0
        now = time.time()
        limit, unfound = now - older_than_s, now - min(older_than_s, _LEFT_S)
        for entry in list(self._entries()):
            try:
                made = entry.stat().st_mtime
                old = made < limit or (made < unfound and self._outdated(entry.name, key_format))
                if entry.name in keep or not old:
                    continue
                size += size_of(entry)
                if not dry:
                    gone = entry.with_name(f".{entry.name}.{os.urandom(4).hex()}.part")
                    entry.rename(gone)  # in one step, so that no reader sees half of it
                    remove(gone)
                count += 1
            except FileNotFoundError:  # another process was quicker
                continue
        if not dry:
            self._remove_left(min(limit, time.time() - _LEFT_S))
            if count:
                kept = {entry.name for entry in self._entries()}
                self.contents.prune(kept)
                self.reads.prune(kept)
        return count, size

    def _outdated(self, key: str, key_format: int) -> bool:
        """Return whether a result is of an older format of keys; the oldest did not record it."""
        try:
            return bool(self.result(key).get("key_format", 0) < key_format)
        except (CorruptError, NotFoundError):
            return False

    def _remove_left(self, limit: float) -> None:
        for left in list(self.root.glob("??/.*.part")):
            try:
                if max(path.lstat().st_mtime for path in (left, *left.rglob("*"))) < limit:
                    remove(left)
            except FileNotFoundError:
                continue

    def check(self) -> Iterator[CorruptError]:
        """Read every byte and yield what is damaged, and what does not belong here."""
        for stray in self._strays():
            yield CorruptError(str(stray), "this is not part of a store", "move it away")
        for entry in sorted(self._entries()):
            try:
                outputs = self.result(entry.name)["outputs"]
            except CorruptError as error:
                yield error
                continue
            except NotFoundError:  # removed meanwhile
                continue
            yield from self._check_entry(entry, outputs)

    def _check_entry(self, entry: Path, outputs: dict[str, Any]) -> Iterator[CorruptError]:
        for name, record in sorted(outputs.items()):
            path = entry / OUTPUTS / name
            found = digest_of(path, record) if path.exists() else "nothing"
            if found != record.get("digest"):
                problem = f"output {name}: expected {record.get('digest')}, found {found}"
                yield CorruptError(str(entry), problem, _AGAIN)
        inner = {path.name for path in (entry / OUTPUTS).glob("*")} - outputs.keys()
        extra = {path.name for path in entry.iterdir()} - {RESULT, OUTPUTS}
        for name in sorted(inner | extra):
            yield CorruptError(str(entry), f"{name} is in no record", _AGAIN)

    def _strays(self) -> Iterator[Path]:
        for path in sorted(self.root.glob("*")):
            if path.is_dir() and len(path.name) == 2:
                named = (entry for entry in sorted(path.iterdir()) if entry.name[0] != ".")
                yield from (entry for entry in named if entry.name[:2] != path.name)
            elif path.name[0] != "." and path.name not in {_FORMAT, _CONTENTS}:
                yield path

    def _entries(self) -> Iterator[Path]:
        for prefix in self.root.glob("??"):
            yield from (entry for entry in prefix.iterdir() if entry.name[:2] == prefix.name)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def read_digest(result: Mapping[str, Any], output: str | None) -> str:
    """Return the digest of what a reader gets: one output, or all with the type of their fields."""
    outputs = result["outputs"]
    if output is not None:
        return str(outputs[output]["digest"])
    whole = {"outputs": _digests(outputs), "type": result.get("type", "")}
    fields = result.get("fields", [])
    if fields != sorted(fields):  # a reader may take them by their places
        whole["fields"] = fields
    return digest_bytes(json_text(whole).encode())


def _digests(outputs: dict[str, Any]) -> dict[str, str]:
    return {name: record["digest"] for name, record in outputs.items()}
