"""Make the folder of one job before it starts."""

from pathlib import Path
from typing import Any

from wingspan.errors import ConflictError
from wingspan.files import copy, json_text, write_file, writing
from wingspan.planning.key import FORMAT
from wingspan.planning.plan import Plan, PlannedStep, walk
from wingspan.runner.job.inside import last_checkpoint
from wingspan.runner.run_folder import (
    CHECKPOINT,
    INPUTS,
    JOB,
    RESULT,
    RunFolder,
    file_name,
)
from wingspan.store.codec import encode
from wingspan.store.store import Store


def job_of(step: PlannedStep, attempt: int) -> dict[str, Any]:
    """Return the content of job.json: all that the job needs to know."""
    return {
        "schema": 1,
        "key": step.key,
        "base": step.base,
        "key_format": FORMAT,
        "step": step.name,
        "attempt": attempt,
        "action": step.action,
        "arguments": step.arguments,
        "inputs": {
            place: {"key": key, "output": output} for place, (key, output) in step.inputs.items()
        },
        "files": list(step.files),
        "constants": sorted(constants_of(step)),
        "preload": list(step.preload),
        "modules": list(step.modules),
        "components": step.components,
        "code": step.code,
        **({} if step.sweep is None else {"trial": step.sweep}),
    }


def write_constants(plan: Plan, folder: RunFolder) -> None:
    """Write the argument values that JSON cannot hold into the run folder, once."""
    for digest, (value, _) in plan.constants.items():
        path = folder.constant(digest)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            encode(value, path)


def prepare(step: PlannedStep, folder: RunFolder, store: Store, checkpoints: list[Path]) -> Path:
    """Make the next attempt's folder: job.json, links to the inputs, the last checkpoint.

    Raises
    ------
    ConflictError
        An input file has changed since the plan was made.
    """
    attempt = folder.new_attempt(step.key)
    with writing(attempt):
        inputs = attempt / INPUTS
        attempt.parent.mkdir(parents=True, exist_ok=True)
        attempt.mkdir()
        inputs.mkdir()
        for file in step.files:
            _link_file(file, inputs, step.name)
        for key, output in dict.fromkeys(step.inputs.values()):
            _link_output(key, output, inputs, store)
        for digest in constants_of(step):
            (inputs / digest.partition(":")[2]).symlink_to(folder.constant(digest))
        for earlier in checkpoints:
            kept = last_checkpoint(earlier)
            if kept is not None:
                copy(kept, attempt / CHECKPOINT)
                break
        job = {**job_of(step, int(attempt.name)), "home": str(store.root.parent)}
        write_file(attempt / JOB, json_text(job))
    return attempt


def _link_file(file: dict[str, Any], inputs: Path, name: str) -> None:
    path = Path(file["path"])
    there = path.exists()
    if not there or (path.is_file() and path.stat().st_size != file["size"]):
        problem = (
            f"input file {path} was {'changed' if there else 'removed'} after the plan was made"
        )
        raise ConflictError(f"step {name}", problem, "run the command again to replan")
    (inputs / file["name"]).symlink_to(path)


def _link_output(key: str, output: str | None, inputs: Path, store: Store) -> None:
    made = inputs / f"{key}.json"
    if not made.exists():
        made.symlink_to(store.folder(key) / RESULT)
    for name in store.result(key)["outputs"] if output is None else [output]:
        link = inputs / file_name(key, name)
        if not link.exists():
            link.symlink_to(store.output_path(key, name))


def constants_of(step: PlannedStep) -> set[str]:
    """Return the digests of a step's argument values that JSON cannot hold."""
    found = {node["constant"] for node in walk(step.arguments) if "constant" in node}
    return found | ({step.action["cloudpickle"]} if "cloudpickle" in step.action else set())
