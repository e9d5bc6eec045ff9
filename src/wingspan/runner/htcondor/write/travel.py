"""Decide how the packed environment reaches the jobs: where from, how often, what size.

::

    shared    unpacked once in the folder that the machines share
    url       written once below a staging folder; each job's machine fetches it from its URL
    once      HTCondor sends it once to each machine, and links it into each job's folder (common files, 25.14)
    each      sent with each job
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from wingspan.accesspoint.status import is_one_machine
from wingspan.files import aside, copy
from wingspan.planning.plan import PlannedStep
from wingspan.runner.htcondor.profile import AUTO, SEND, Profile
from wingspan.runner.htcondor.shared import ENVIRONMENTS
from wingspan.runner.htcondor.write.image import images_of

_FOLDER = "wingspan-environments"
_MB = 1024**2
_UNPACK_S = 3.0  # 150 MB on one core
_BYTES_PER_S = 50 * _MB  # of an access point's network, shared by some jobs


class Way(NamedTuple):
    """How an environment travels.

    `folder` and `url` are the same place, as seen here and by the jobs.
    """

    kind: Literal["shared", "url", "once", "each"]
    folder: Path | None = None
    url: str = ""

    def sent_bytes(self, size: int) -> int:
        """Return the bytes that the access point sends with each job."""
        return size if self.kind == "each" else 0

    def start_s(self, size: int) -> float:
        """Return about how long a job takes to get its environment."""
        if self.kind == "shared":
            return 0.0
        return _UNPACK_S + (0.0 if self.kind == "once" else size / _BYTES_PER_S)

    def text(self, size: int, jobs: int, about: str = "") -> str:
        """Say how many bytes travel, and from where; `about` goes before a size that is estimated."""
        one = f"{about}{size / _MB:,.0f} MB"
        if self.kind == "shared":
            return f"unpacked once in {self.folder}"
        if self.kind == "url":
            return f"{one}, fetched by each job's machine from {self.url}"
        if self.kind == "once":
            return f"{one}, sent from this access point once to each machine that runs jobs"
        all_ = f": {about}{size * jobs / _MB:,.0f} MB for {jobs:,} jobs" if jobs > 1 else ""
        return f"{one}, sent from this access point with each job{all_}"


def travels(profile: Profile, steps: Iterable[PlannedStep]) -> bool:
    """Return whether the environment is given to jobs.

    The profile decides; by default containers and other machines get it.
    """
    if profile.environment != AUTO:
        return profile.environment == SEND
    return bool(images_of(steps, profile)) or not is_one_machine()


def way_of(profile: Profile, *, once: bool) -> Way:
    """Return how the environment of a pool's jobs travels.

    `once`: the access point can send common files.
    """
    if profile.shared is not None:
        return Way("shared", profile.shared / ENVIRONMENTS)
    place = _staging(profile.staging)
    if place is not None:
        folder, url = place
        return Way("url", folder / _FOLDER, f"{url.rstrip('/')}/{_FOLDER}")
    return Way("once" if once and profile.send_once else "each")


def _staging(staging: Mapping[Path, str]) -> tuple[Path, str] | None:
    """Return the first staging folder that can be written here, and its URL."""
    for folder, url in staging.items():
        if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
            return folder, url
    return None


def stage(archive: Path, way: Way) -> str:
    """Put an archive where its URL leads to, unless it is there; return the URL.

    Raises
    ------
    SpaceError
        The disk is full; nothing half-written is left.
    """
    if way.folder is None:
        raise ValueError(way)
    target = way.folder / archive.name
    if not target.exists():
        way.folder.mkdir(parents=True, exist_ok=True)
        with aside(target) as part:
            copy(archive, part)
            part.chmod(0o644)
    return f"{way.url}/{archive.name}"
