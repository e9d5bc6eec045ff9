"""Make the planned step of a trial from a planned sweep and the values of a draw.

The functions are pure.
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from wingspan.planning.arguments import Arguments
from wingspan.planning.key import (
    base_key,
    command_digest,
    forced_key,
    repeat_base,
    step_key,
    times_forced,
)
from wingspan.planning.plan import PlannedStep
from wingspan.planning.searched import SEED

_JSON_FILE = "sweep.json"  # in a trial's folder, where the command asks for a file of the values


def trial_of(
    sweep: PlannedStep, values: Mapping[str, Any], number: int = 0, repeat: int = 0
) -> PlannedStep:
    """Return the planned step of one trial; its key is that of a step which makes the same call.

    Parameters
    ----------
    values
        The swept arguments, JSON.
    repeat
        Which call of the trial: those from 1 on have other random numbers.
    """
    searched = sweep.sweep or {}
    parts, action = searched["call"], sweep.action
    given = _with_seed(dict(values), parts, repeat)
    code = parts["code"]
    if searched["program"] is not None:
        line = _command_line(searched["program"], given)
        action = {**action, "command": line, "parameters": given}
        code, given = command_digest(action), {}
    reader = Arguments(None, {})
    trees = {name: reader.tree(value, name) for name, value in given.items()}
    files = {file["name"]: (file["kind"], file["digest"]) for file in sweep.files}
    texts = {**parts["texts"], **reader.texts}
    base = base_key(code, texts, files, parts["cpus"], parts["image"])
    if repeat and parts["seed"] is None:
        base = repeat_base(base, repeat)
    key = step_key(base, sweep.inputs)
    forced = times_forced(sweep.base)
    if forced:
        key, base = forced_key(key, base, forced)
    name = f"{sweep.name}[{number}.{repeat}]" if repeat else f"{sweep.name}[{number}]"
    shown = {k: v for k, v in sweep.components.items() if not k.startswith(("sweep ", "over "))}
    spec = searched["spec"]
    return replace(
        sweep,
        name=name,
        key=key,
        base=base,
        done=False,
        reason="trial",
        action=action,
        arguments={**sweep.arguments, **trees},
        components={**shown, **reader.shown},
        sweep={"of": sweep.name, "metric": spec["metric"]},
    )


def prunes(sweep: PlannedStep) -> bool:
    """Return whether the search may stop trials of a sweep."""
    return sweep.sweep is not None and sweep.sweep["spec"]["prune"]["rule"] != "none"


def _with_seed(values: dict[str, Any], parts: Mapping[str, Any], repeat: int) -> dict[str, Any]:
    """Return the arguments of a repeated call: where the function takes a seed, the next one."""
    seed = values.get(SEED, parts["seed"])
    if not repeat or type(seed) is not int:
        return values
    return {**values, SEED: seed + repeat}


def _command_line(program: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """Return the command of a trial as a template without arguments."""
    from wingspan.sweep.command import Command

    command = Command(tuple(program["parts"]), program["program"])
    line = shlex.join(command.argv(values, program["environment"], _JSON_FILE))
    if command.json_file:
        line = f"printf %s {shlex.quote(json.dumps(values))} > {_JSON_FILE} && {line}"
    return line.replace("{", "{{").replace("}", "}}")
