"""Recognise the names of a log's rotations."""

import re
from pathlib import Path
from typing import Final

_ROTATION: Final = re.compile(r"\.(?:old|\d+)$")


def family_of(path: Path) -> str:
    """Return what all rotations of one log have in common: its path without ``.old`` or ``.N``."""
    return str(path.with_name(_ROTATION.sub("", path.name)))
