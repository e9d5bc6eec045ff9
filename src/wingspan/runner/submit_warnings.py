"""Warn of submit commands, of steps and of a pool, that HTCondor does not know."""

from collections.abc import Iterable, Mapping

from wingspan.files import json_text
from wingspan.pipeline.submit_commands import unknown_commands
from wingspan.planning.plan import PlannedStep
from wingspan.shown import listed


def command_warnings(
    steps: Iterable[PlannedStep], pool: str = "", submit: Mapping[str, str] | None = None
) -> list[str]:
    """Return a line for each submit command that HTCondor does not know, with a close known one.

    Parameters
    ----------
    pool, submit
        The profile's name and its commands.
    """
    named = [(f"[pools.{pool}]", submit or {}), *given_commands(steps)]
    return [
        f"{where}: submit command {name} is unknown to HTCondor, which would not use it; {hint}"
        for where, commands in named
        for name, hint in unknown_commands(commands)
    ]


def given_commands(steps: Iterable[PlannedStep]) -> list[tuple[str, Mapping[str, str]]]:
    """Return the distinct submit commands of steps, with the names of the steps that have them."""
    found: dict[str, tuple[Mapping[str, str], list[str]]] = {}
    for step in steps:
        commands = step.resources.get("submit")
        if commands:
            found.setdefault(json_text(commands), (commands, []))[1].append(step.name)
    return [(f"step {listed(names)}", commands) for commands, names in found.values()]
