"""How the trials of a lane talk with the search while they run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol


class Channel(Protocol):
    """What a lane hears from the search and says to it.

    A CALL is ``LANE.INDEX``: the lane's trials, in order.
    """

    @property
    def hears(self) -> bool:
        """Whether files of the access point can be read: the search may answer."""

    def next(self, call: str) -> Mapping[str, Any] | None:
        """Return what the search has written for a call; None if there is nothing yet."""

    def stopped(self, call: str) -> bool:
        """Return whether a call is to stop; looks now and then."""

    def say(self, content: Mapping[str, Any]) -> None:
        """Send a message."""

    def follow(self, key: str, attempt: Path) -> None:
        """Begin to send what an attempt of a trial logs."""

    def leave(self, key: str) -> None:
        """Read for the last time what a trial has logged."""
