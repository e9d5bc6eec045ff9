"""Which versions of HTCondor meet here, found before a submission fails half-way."""

from dataclasses import dataclass

from wingspan.accesspoint.bindings import explained
from wingspan.errors import PoolError

# Bindings 24.0, 24.12, 25.0 and 25.14 could neither authenticate with nor submit to an access point 23.9;
# bindings 23.10 could, and every one of them but 24.0 could submit to 25.14 (each tried).
_BROKEN_BELOW = 24
_COMMON_FILES = (25, 14)


@dataclass(frozen=True, slots=True)
class Versions:
    """HTCondor versions such as ``25.14.1``."""

    bindings: str
    access_point: str


def versions() -> Versions:
    """Ask for both versions; talks to no daemon where the access point is this machine."""
    with explained("finding the access point") as htcondor2:
        ad = htcondor2.Collector().locate(htcondor2.DaemonType.Schedd)
        return Versions(htcondor2.version().split()[1], str(ad["CondorVersion"]).split()[1])


def can_submit(found: Versions) -> bool:
    """Say whether bindings of one version are not known to fail with an access point of another."""
    ours, theirs = (int(text.split(".")[0]) for text in (found.bindings, found.access_point))
    return not theirs < _BROKEN_BELOW <= ours


def sends_common_files(access_point: str) -> bool:
    """Return whether an access point sends files that jobs share once to each machine.

    25.2 began it; tried with 25.14, whose DAGMan also bears the events of such transfers.
    """
    major, minor = (int(part) for part in access_point.split(".")[:2])
    return (major, minor) >= _COMMON_FILES


def check_versions() -> Versions:
    """Return both versions.

    Raises
    ------
    PoolError
        These bindings are known not to work with this access point.
    """
    found = versions()
    if not can_submit(found):
        raise PoolError(
            f"the access point runs HTCondor {found.access_point}",
            f"bindings older than {_BROKEN_BELOW} expected, found {found.bindings}, which it does not understand",
            f"use another access point, or run: pip install 'htcondor<{_BROKEN_BELOW}'",
        )
    return found
