"""Open a log's bytes, plain or compressed, and detect its format."""

import atexit
import os
import weakref
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import IO, Any, Final, Protocol

from wingspan.errors import EventLogError, NotFoundError, SettingError, installing

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_CHUNK = 1 << 20
_BLOCK = 1 << 18  # bytes of a plain file that are read at once, at most
_GAP = 1 << 13  # bytes between two ranges that are cheaper to read than another call
_ROOM: Final = 30  # bytes free for each compressed byte; logs shrink to a tenth or less


class Reader(Protocol):
    """A source of a log's bytes, from its start on."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill the buffer from its start; return the number of bytes, 0 at the end."""


class _Inflating:
    """Gzip members, decompressed as they are read; a truncated file yields what it has."""

    def __init__(self, file: Any) -> None:  # noqa: ANN401 - a raw file
        self._file = file
        self._member = zlib.decompressobj(31)
        self._rest = b""

    def readinto(self, buffer: memoryview, /) -> int:
        while True:
            if self._member.eof:
                self._rest = self._member.unused_data
                self._member = zlib.decompressobj(31)
            self._rest = self._rest or self._file.read(_CHUNK)
            if not self._rest:
                return 0
            try:
                out = self._member.decompress(self._rest, len(buffer))
            except zlib.error:
                return 0  # cut or damaged: the log ends here, as a torn tail
            self._rest = self._member.unconsumed_tail
            if out:
                buffer[: len(out)] = out
                return len(out)


def compression_of(path: Path) -> str:
    """Return "gz", "zst" or "" by a file's first bytes."""
    with _found(path), path.open("rb", buffering=0) as file:
        magic = file.read(4)
    if magic.startswith(_GZIP):
        return "gz"
    return "zst" if magic == _ZSTD else ""


@contextmanager
def open_log(path: Path) -> Iterator[Reader]:
    """Open a log for reading its decompressed bytes from the start."""
    compression = compression_of(path)
    with path.open("rb", buffering=0) as file:
        if compression == "gz":
            yield _Inflating(file)
        elif compression == "zst":
            yield _zstandard(path)(file)
        else:
            yield file


def seekable(path: Path) -> Path:
    """Return the path of a file; a pipe, read only once, is copied to a temporary file."""
    with _found(path):
        if path.is_char_device() and not path.samefile(os.devnull):
            fix = "give a file or a pipe"
            raise EventLogError(str(path), "this is a device, which may have no end", fix)
        if not path.is_fifo():
            return path
    from shutil import copyfileobj
    from tempfile import NamedTemporaryFile

    copy = NamedTemporaryFile(prefix="wingspan-pipe-")  # noqa: SIM115 - closed when the process ends
    atexit.register(copy.close)
    with _found(path), path.open("rb") as pipe:
        copyfileobj(pipe, copy, _CHUNK)
    copy.flush()
    return Path(copy.name)


class Copy:
    """The bytes of a compressed log, in a file; a temporary one goes with this object."""

    def __init__(self, path: Path, temporary: IO[bytes] | None = None) -> None:
        self.path = path
        if temporary:
            weakref.finalize(self, temporary.close)

    def save(self, folder: Path) -> None:
        """Store the bytes."""
        from shutil import copyfile

        copyfile(self.path, folder / "log")

    @classmethod
    def load(cls, folder: Path) -> "Copy":
        """Return the copy that `save` stored, which stays in its folder."""
        return cls(folder / "log")


def decompressed(path: Path) -> Copy | None:
    """Return a decompressed copy of a log; None if it is plain or there is no room."""
    if not compression_of(path):
        return None
    from shutil import disk_usage
    from tempfile import NamedTemporaryFile, gettempdir

    if disk_usage(gettempdir()).free < _ROOM * path.stat().st_size:
        return None
    file = NamedTemporaryFile(prefix="wingspan-log-")  # noqa: SIM115 - closed with the copy
    try:
        with open_log(path) as source, memoryview(bytearray(_CHUNK)) as view:
            while got := source.readinto(view):
                file.write(view[:got])
            file.flush()
    except OSError:  # the disk is full
        file.close()
        return None
    except BaseException:
        file.close()
        raise
    return Copy(Path(file.name), file)


def length_of(path: Path) -> int:
    """Return the number of a log's decompressed bytes."""
    length = 0
    with open_log(path) as file, memoryview(bytearray(_CHUNK)) as view:
        while got := file.readinto(view):
            length += got
    return length


def format_of(path: Path) -> str:
    """Return "classic", "xml" or "json" by the first byte that is not blank."""
    start = bytearray(4096)
    with open_log(path) as file, memoryview(start) as view:
        got = file.readinto(view) or 0
    first = bytes(start[:got]).lstrip()[:1]
    return {b"<": "xml", b"{": "json", b"[": "json"}.get(first, "classic")


def read_ranges(path: Path, ranges: Iterable[tuple[int, int]]) -> Iterator[bytes]:
    """Yield the bytes of each (offset, length) of the decompressed log.

    Compressed logs need ascending offsets.
    """
    wanted = list(ranges)
    with open_log(path) as file:
        if isinstance(file, FileIO):
            yield from _from_blocks(file, wanted)
            return
        position = 0
        for offset, length in wanted:
            skip(file, offset - position)
            yield _read(file, length)
            position = offset + length


def _from_blocks(file: FileIO, wanted: list[tuple[int, int]]) -> Iterator[bytes]:
    """Yield ranges of a plain file; neighbours are read at once to save system calls."""
    block, start = b"", 0
    for number, (offset, length) in enumerate(wanted):
        place = offset - start
        if place < 0 or place + length > len(block):
            size = _block_of(wanted, number) - offset
            block, start, place = os.pread(file.fileno(), size, offset), offset, 0
        yield block[place : place + length]


def _block_of(wanted: list[tuple[int, int]], first: int) -> int:
    """Return the end of the ranges from a number on that are worth reading at once."""
    begin, length = wanted[first]
    end = begin + length
    for number in range(first + 1, len(wanted)):
        offset, length = wanted[number]
        if not begin <= offset <= end + _GAP or offset + length > begin + _BLOCK:
            break
        end = max(end, offset + length)
    return end


def skip(file: Reader, length: int) -> None:
    """Read bytes and drop them."""
    with memoryview(bytearray(min(length, _CHUNK))) as view:
        while length > 0 and (got := file.readinto(view[:length])):
            length -= got


def _read(file: Reader, length: int) -> bytes:
    content = bytearray(length)
    got = 0
    with memoryview(content) as view:
        while got < length and (more := file.readinto(view[got:])):
            got += more
    return bytes(content[:got])


def _zstandard(path: Path) -> Callable[[Any], Reader]:
    try:
        import zstandard
    except ImportError as error:
        fix = f"{installing('zstd')}, or decompress the file first (`zstd -d`)"
        raise SettingError(str(path), "reading zstd needs the zstandard package", fix) from error
    decompressor = zstandard.ZstdDecompressor()

    def opened(file: Any) -> Reader:  # noqa: ANN401 - a raw file
        reader: Reader = decompressor.stream_reader(file, read_across_frames=True)
        return reader

    return opened


@contextmanager
def _found(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotFoundError(str(path), "there is no such file", "check the path") from error
    except IsADirectoryError as error:
        fix = "give the log files themselves, e.g. FOLDER/*.log; `read_logs` takes folders"
        raise EventLogError(str(path), "this is a folder", fix) from error
    except OSError as error:
        fix = "check its rights (`ls -l`) and that its disk works"
        raise EventLogError(str(path), f"it cannot be read: {error.strerror}", fix) from error
