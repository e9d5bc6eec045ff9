"""Read messages from a job's standard error, where chirp is closed.

HTCondor brings it home line by line.
"""

from pathlib import Path
from typing import Final

from wingspan.runner.htcondor.messages import Message, Once

_HEAD: Final = 80  # bytes by which a file is known again


class Stream:
    """The standard error of one node's jobs, read on as it grows.

    Each start of a job truncates the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._once = Once()
        self._starts = 0
        self._offset = 0
        self._head = b""

    def new(self) -> list[Message]:
        """Return what was said since the last call."""
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:
            return []
        if size == self._offset:
            return []
        with self._path.open("rb") as file:
            head = file.read(_HEAD)
            if size < self._offset or not head.startswith(self._head):
                self._offset, self._starts = 0, self._starts + 1
            file.seek(self._offset)
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        self._offset += len(whole)
        self._head = head[: min(self._offset, _HEAD)]
        lines = whole.decode(errors="replace").splitlines()
        found = (self._once.new(str(self._starts), line) for line in lines)
        return [message for message in found if message is not None]
