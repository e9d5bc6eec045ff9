"""What started a run: the command, to be given again."""

import shlex
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Final

COMMAND: Final[ContextVar[tuple[str, ...]]] = ContextVar("COMMAND", default=())
"""The words that the ``wingspan`` command of this process was given; each run that it starts keeps them."""


def command_of(origin: Mapping[str, Any]) -> str:
    """Return the command that started a run, from its origin; empty if Python did."""
    if origin.get("words"):
        return shlex.join(["wingspan", *map(str, origin["words"])])
    command = origin.get("command")
    if not command:
        return ""
    words = ["wingspan", str(command)]
    words += [str(origin["target"])] if "target" in origin else []
    for setting in origin.get("settings", ()):
        words += ["--set", str(setting)]
    return shlex.join(words)
