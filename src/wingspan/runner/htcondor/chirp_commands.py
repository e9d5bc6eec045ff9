"""Submit commands for the channel between running jobs and the access point.

A pool's profile decides what its jobs may do; the sentences here say so to the user. Pure.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

IO, UPDATES, OFF = "io", "updates", "off"  # see `Profile.chirp`
CHIRP: Final = (IO, UPDATES, OFF)
WHY: Final[Mapping[str, str]] = {
    "My.WantRemoteUpdates": "Lets a job write into its log which of its steps runs and what that logs; it allows nothing else.",
    "want_io_proxy": "Lets a lane of a sweep read what the search has drawn for it. It allows more: see SECURITY.md, and the key chirp.",
    "stream_error": "What a job says by its standard error is here at once: where chirp is closed, its metrics come that way.",
}


def streams(chirp: str, *, lane: bool) -> bool:
    """Return whether a job's standard error comes home while it runs."""
    return lane or chirp == OFF


def channel_commands(chirp: str, *, lane: bool) -> dict[str, str]:
    """Return the submit commands that give a job its channel.

    A lane of a sweep may also read files, where the profile allows it.
    """
    return {
        **({} if chirp == OFF else {"My.WantRemoteUpdates": "true"}),
        **({"want_io_proxy": "true"} if chirp == IO and lane else {}),
        **({"stream_error": "true"} if streams(chirp, lane=lane) else {}),
    }


def channel_words(chirp: str, *, sweeps: bool, images: bool = False) -> str:
    """Return what the profile's choice means for a plan, in a sentence for its user.

    Parameters
    ----------
    images
        Some jobs run in containers.
    """
    out = "standard error" if chirp == OFF else "chirp"
    said = f"running jobs send their metrics by {out}"
    if images and chirp != OFF:
        said += f"; where containers have no network, {_WITHOUT_NETWORK[sweeps]}"
    if not sweeps:
        return said
    if chirp == IO:
        return (
            f"{said}; lanes of sweeps read their trials by chirp (want_io_proxy, see SECURITY.md)"
        )
    return (
        f"{said}; lanes of sweeps hear no search (chirp = {chirp}): they draw at random, nothing is pruned, "
        "and hours, target and confirm are ignored"
    )


_WITHOUT_NETWORK: Final = {  # by whether there are sweeps
    False: 'only chirp = "off" in the profile brings metrics while jobs run',
    True: 'lanes of sweeps send theirs by standard error and hear no search; for those of other jobs set chirp = "off"',
}
_HEARD: Final[Mapping[str, str]] = {
    "io": "with a search",
    "io, stream": "with a search, answering by standard error",
    "updates": "without a search, as chirp reads no files there: trials drawn at random, nothing pruned",
    "stream": "without a search, as chirp is closed there: trials drawn at random, nothing pruned",
}


def ways_in_words(ways: Iterable[str]) -> str:
    """Return how the jobs of lanes reach the access point, by what each has said of its own.

    >>> ways_in_words(["io", "io"])
    'jobs of sweeps: 2 with a search'
    """
    counts = Counter(ways)
    parts = [f"{count} {_HEARD[way]}" for way, count in counts.items() if way in _HEARD]
    return f"jobs of sweeps: {'; '.join(parts)}" if parts else ""
