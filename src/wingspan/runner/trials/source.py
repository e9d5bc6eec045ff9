"""The source of a sweep's trials: an open study, or a lane of a pool."""

from typing import Any, Protocol

from wingspan.sweep.records import Call, Draw, Ending, Entry, Trial
from wingspan.sweep.study import Study


class Trials(Protocol):
    """Hands out a sweep's trials and records their ends: an open study, or a lane of a pool."""

    @property
    def marks(self) -> list[Entry]:
        """What `mark` recorded."""

    def unended(self, limit: int) -> list[Draw]:
        """Return the calls that were handed out before and have not ended."""

    def draw(self, limit: int) -> Draw | None:
        """Return the next call, or None if no call can begin now."""

    def confirmations(self, most: int, limit: int) -> list[Draw]:
        """Return calls with other seeds for the best trials."""

    def began(self, number: int, key: str, repeat: int = 0) -> None:
        """Record that a call was started."""

    def lost(self, number: int, repeat: int = 0) -> None:
        """Record that a call's process was lost."""

    def report(self, number: int, step: float | None, value: float, repeat: int = 0) -> bool:
        """Record a report of the metric; return whether the call is to stop."""

    def to_stop(self) -> set[Call]:
        """Return the running calls that are to stop."""

    def ended(self, number: int, ending: Ending, repeat: int = 0) -> None:
        """Record how a call ended."""

    def mark(self, event: str, **fields: Any) -> None:  # noqa: ANN401 - JSON
        """Record another fact that a restart must know."""

    def look(self, limit: int | None = None) -> Study:
        """Return the trials as they are now."""

    def best(self, limit: int, confirm: int = 0) -> Trial | None:
        """Return the best complete trial."""

    def exhausted(self, limit: int) -> str:
        """Return why no further call will come; empty while one may."""

    def failure(self, parallel: int, limit: int) -> str:
        """Return why the sweep ends without a result; empty while it may still have one."""

    def close(self) -> None:
        """Let another run continue the trials."""
