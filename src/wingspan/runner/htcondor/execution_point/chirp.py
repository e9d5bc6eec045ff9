"""Connect a job to its starter by HTCondor's chirp, to reach the access point.

The bindings have a client as well. It lets a newline through: the rest of the text is a second command, and every later
answer belongs to the command before.
"""

import os
import socket
from pathlib import Path
from typing import Self

CONFIG = "_CONDOR_CHIRP_CONFIG"  # variable that names the file with the starter's address
_PATIENCE_S = 5.0
_LONGEST = 5000  # bytes of a command
_MISSING = -3  # answer: there is no such file
_REFUSALS = (-1, -2, -8)  # not authenticated, not authorized, invalid request


class RefusedError(OSError):
    """The starter answers, and does not do what it is asked to."""


class Starter:
    """One connection, kept open; a context manager."""

    def __init__(self) -> None:
        """Connect.

        Raises
        ------
        OSError
            No starter can be reached: the pool has chirp closed, or a container hides the file or the network.
        """
        try:
            host, port, cookie = Path(os.environ[CONFIG]).read_text().split()
            self._socket = socket.create_connection((host, int(port)), _PATIENCE_S)
        except (KeyError, ValueError) as error:
            raise OSError(f"{CONFIG} names no starter: {error}") from error
        self._answers = self._socket.makefile("rb")
        try:
            self._ask("cookie", cookie)
        except BaseException:
            self.close()
            raise

    def say(self, line: str) -> None:
        """Write a line into the job's event log.

        Raises
        ------
        OSError
            It cannot be; `RefusedError` where that is for good.
        ValueError
            It is not one line of ASCII.
        """
        self._ask("ulog", line)

    def fetch(self, path: str) -> bytes | None:
        """Return the content of a file of the access point; None if it does not exist.

        The path is relative to the job's initial folder.

        Raises
        ------
        OSError
            As for `say`.
        """
        size = self._ask("getfile", path, missing=True)
        if size is None:
            return None
        content = self._answers.read(size)
        if len(content) < size:
            raise ConnectionError("the starter has closed the connection")
        return content

    def close(self) -> None:
        """End the connection."""
        self._answers.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, command: str, argument: str, *, missing: bool = False) -> int | None:
        """Send a command and return the starter's answer.

        None if a file is missing that may be missing.
        """
        if not argument.isascii() or not argument.isprintable():
            raise ValueError(f"expected one line of ASCII, found {argument!r}")
        escaped = argument.replace("\\", "\\\\").replace(" ", "\\ ")
        line = f"{command} {escaped}\n".encode()
        if len(line) > _LONGEST:
            raise ValueError(f"expected at most {_LONGEST} bytes, found {len(line)}")
        self._socket.sendall(line)
        answer = self._answers.readline()
        if not answer.endswith(b"\n"):
            raise ConnectionError("the starter has closed the connection")
        number = int(answer)
        if number == _MISSING and missing:
            return None
        if number < 0:
            kind = RefusedError if number in _REFUSALS else OSError
            raise kind(f"{command}: the starter answers {number}")
        return number
