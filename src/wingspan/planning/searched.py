"""What of a sweep is in its planned step, and what a reader is shown of it. Pure."""

import inspect
import os
import re
from collections.abc import Mapping
from typing import Any

from wingspan.pipeline.step import Step
from wingspan.pipeline.sweeps import Sweep

SEED = "seed"  # a parameter by which a function takes its random seed
_VARIABLE = re.compile(r"\$\{envvar:([^}]*)\}")  # in a command of W&B
_SHOWN = ("metric", "goal", "search", "seed", "repeats")


def sweep_of(sweep: Sweep, call: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a planned step is searched, JSON-able.

    Parameters
    ----------
    call
        The parts of the key of the call without its swept arguments: ``code``, ``texts``, ``cpus``, ``image``.
    """
    return {
        "spec": sweep.spec.json(),
        "budget": sweep.budget(),
        "parallel": sweep.parallel,
        "keep": sweep.keep,
        "notes": list(sweep.notes()),
        "program": _program(sweep),
        "call": dict(call),
    }


def sweep_components(sweep: Sweep) -> dict[str, str]:
    """Return what a reader is shown of a sweep's part of the key."""
    spec = sweep.spec.json()
    shown = {f"sweep {name}": str(spec[name]) for name in _SHOWN if name in spec}
    space = {
        f"over {one.name}": str(one.distribution.json()) for one in sweep.spec.space.dimensions
    }
    rule = {"sweep prune": str(spec["prune"]), "sweep start": str(spec["start"])}
    return {**shown, **rule, **space, **{f"sweep {k}": str(v) for k, v in sweep.budget().items()}}


def own_seed(step: Step) -> int | None:
    """Return the seed that a step's function gets without repeats; None where it takes none."""
    if step.sweep is not None and SEED in step.sweep.names:
        return 0
    given = step.arguments.get(SEED)
    if given is None and callable(step.action):
        parameter = inspect.signature(step.action).parameters.get(SEED)
        given = None if parameter is None else parameter.default
    return given if type(given) is int else None


def _program(sweep: Sweep) -> dict[str, Any] | None:
    """Return the command of a sweep file, with its environment variables replaced."""
    command = sweep.file.command if sweep.file is not None and sweep.runs_file else None
    if command is None:
        return None
    names = {name for part in command.parts for name in _VARIABLE.findall(part)}
    known = {name: os.environ[name] for name in sorted(names) if name in os.environ}
    return {"parts": list(command.parts), "program": command.program, "environment": known}
