"""Standard output and error of the command line, to which any text can be written.

Control characters are written out, so that no name, message or file acts on the terminal. Characters that the
encoding lacks are written as escapes. If the reader is gone, the output ends without a message.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn, TextIO

from wingspan.errors import SpaceError
from wingspan.shown import written_out

_UNREAD = 141  # as of a program that SIGPIPE has ended


class _Guarded:
    """A text stream that writes control characters out."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        with _full():
            return self.stream.write(written_out(text))

    def flush(self) -> None:
        with _full():
            self.stream.flush()

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - of the stream
        return getattr(self.stream, name)


@contextmanager
def _full() -> Iterator[None]:
    """Turn a full disk under the output into an error; end the program if the reader is gone.

    Raises
    ------
    SpaceError
        The disk, or the device, that the output goes to is full.
    """
    try:
        yield
    except BrokenPipeError:
        end_unread()
    except OSError as error:
        problem = f"the output cannot be written: {error.strerror}"
        fix = "free some space, or redirect the output; only the output is lost"
        raise SpaceError("standard output", problem, fix) from error


def end_unread() -> NoReturn:
    """End the program, as its reader, such as ``head``, has ended; with the code of SIGPIPE."""
    raise SystemExit(_UNREAD)


def bare(stream: TextIO) -> TextIO:
    """Return a stream without its guard, for code that draws on a terminal."""
    return stream.stream if isinstance(stream, _Guarded) else stream


def redraws(stream: TextIO) -> bool:
    """Return whether a stream is a terminal that moves its cursor, unlike a notebook's `!`."""
    return (
        stream.isatty() and "JPY_PARENT_PID" not in os.environ and os.environ.get("TERM") != "dumb"
    )


@contextmanager
def guarded() -> Iterator[None]:
    """Guard standard output and error until the block ends."""
    _open_closed()
    before = sys.stdout, sys.stderr
    try:
        sys.stdout, sys.stderr = (_guard(stream) for stream in before)
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            _finish(stream)
        sys.stdout, sys.stderr = before


def _guard(stream: TextIO | None) -> TextIO:
    if stream is None:  # it was closed when Python began
        stream = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - for the rest of the process
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")
    return _Guarded(stream)  # type: ignore[return-value]  # it has all of a stream


def _open_closed() -> None:
    """Open the null device for closed streams 0 to 2, which the next file would get otherwise."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _finish(stream: TextIO) -> None:
    """Write what is left; if the reader is gone, let the interpreter write to the null device."""
    try:
        stream.flush()
    except (SystemExit, SpaceError):
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
