"""How the trials of a lane talk with the search while they run."""

from collections.abc import Mapping
from typing import Any, Protocol


class Channel(Protocol):
    """What a lane hears from the search, and says to it. `CALL` is ``LANE.INDEX``, the lane's trials in order."""

    @property
    def way(self) -> str:
        """``io`` both ways, ``updates`` or ``stream`` out alone, ``off``."""

    def next(self, call: str) -> Mapping[str, Any] | None:
        """Return what the search has written for a call; None if there is nothing yet."""

    def stopped(self, call: str) -> bool:
        """Return whether a call is to stop."""

    def say(self, content: Mapping[str, Any]) -> None:
        """Send a message."""


class Silent:
    """No channel: lanes run the trials that came with them, and nothing is stopped."""

    way = "off"

    def next(self, call: str) -> None:
        """Hear nothing."""

    def stopped(self, call: str) -> bool:  # noqa: ARG002
        """Stop nothing."""
        return False

    def say(self, content: Mapping[str, Any]) -> None:
        """Say nothing."""


def open_channel(part: Mapping[str, Any]) -> Channel:  # noqa: ARG001
    """Return the channel of a job."""
    return Silent()
