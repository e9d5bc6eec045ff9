"""Find the user's line that declares something."""

import sys
from pathlib import Path

_PACKAGE = str(Path(__file__).parents[1])
_MADE = "<string>"  # file name of the methods that dataclasses generate


def calling_place() -> str:
    """Return ``file:line`` of the nearest caller outside Wingspan."""
    frame = sys._getframe(1)  # noqa: SLF001 - the documented way to ask for the caller
    while frame.f_back is not None and frame.f_code.co_filename.startswith((_PACKAGE, _MADE)):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
