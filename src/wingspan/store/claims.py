"""Claim the computation of keys, so that two runs of a home do not repeat work.

A claim is a byte-range lock on one file.

The system drops a lock when its holder ends, however it ends. A lock belongs to the opened file, so that two threads of
one process exclude each other too.
"""

import fcntl
import os
import struct
from pathlib import Path
from typing import Self

_LOCK = struct.Struct("hhqqi")  # struct flock: type, whence, start, length, pid
_DIGITS = 15  # of a key: an offset below 2**60


class Claims:
    """The keys that this run computes. A context manager: leaving it gives them all back.

    Without a lock file, and where the file system has no locks, every claim is granted: the first published result wins.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: int | None = None

    def __enter__(self) -> Self:
        if self._path is None:
            return self
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError:
            self._file = None
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def take(self, key: str) -> bool:
        """Claim a key; return False if another run has it. Never waits."""
        try:
            self._control(fcntl.F_OFD_SETLK, key, fcntl.F_WRLCK)
        except BlockingIOError:
            return False
        return True

    def free(self, key: str) -> bool:
        """Return whether no other run has claimed a key."""
        return self._control(fcntl.F_OFD_GETLK, key, fcntl.F_WRLCK) == fcntl.F_UNLCK

    def give_back(self, key: str) -> None:
        """End a claim, if it is held."""
        self._control(fcntl.F_OFD_SETLK, key, fcntl.F_UNLCK)

    def _control(self, command: int, key: str, kind: int) -> int:
        """Ask the system for, or about, the lock of a key; return the kind of lock it answers with."""
        if self._file is None:
            return fcntl.F_UNLCK
        lock = _LOCK.pack(kind, os.SEEK_SET, int(key[:_DIGITS], 16), 1, 0)
        try:
            return int(_LOCK.unpack(fcntl.fcntl(self._file, command, lock))[0])
        except BlockingIOError:
            raise
        except OSError:  # ENOLCK, EINVAL, ENOSYS: there are no such locks here
            self.__exit__()
            return fcntl.F_UNLCK
