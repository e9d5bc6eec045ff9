"""Recognise the names of a log's rotations: HTCondor's, logrotate's, and compressed ones."""

import glob
import re
from pathlib import Path
from typing import Final

_ROTATION: Final = re.compile(
    r"(?:\.(?P<old>old)|\.(?P<number>\d{1,7})|(?:\.|(?<=[lL]og)-)(?P<date>\d{8}[T-]?\d*))(?P<packed>\.(?:gz|zst))?$"
)


def family_of(path: Path) -> str:
    """Return what all rotations of one log have in common: the path of the log itself.

    >>> family_of(Path("EventLog.2.gz"))
    'EventLog'
    """
    return str(path.with_name(_ROTATION.sub("", path.name) or path.name))


def rotations_of(log: Path) -> list[Path]:
    """Return a log and its rotations, oldest first.

    They are called ``log.DATE`` or ``log-DATE``, ``log.N`` .. ``log.1``, or ``log.old``, and may be compressed (``.gz``,
    ``.zst``). A compressed one is left out while the plain one still exists.
    """
    near = log.parent.glob(f"{glob.escape(log.name)}[.-]*")
    found = {path for path in near if family_of(path) == str(log)}
    found = {path for path in found if not _is_packed(path) or path.with_suffix("") not in found}
    return [*sorted(found, key=_age), *([log] if log.exists() else [])]


def _is_packed(path: Path) -> bool:
    return path.suffix in {".gz", ".zst"}


def _age(path: Path) -> tuple[int, int, str]:
    """Return what sorts rotations by age, the oldest first."""
    found = _ROTATION.search(path.name)
    if found is None or found["old"]:
        return 2, 0, ""
    if found["number"]:
        return 1, -int(found["number"]), ""
    return 0, 0, re.sub(r"\D", "", found["date"])
