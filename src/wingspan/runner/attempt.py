"""Make a job's folder before it starts; bring its results to the store after it succeeds."""

import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from wingspan.errors import ConflictError, NotFoundError
from wingspan.files import copy, json_text, read_file, write_file, writing
from wingspan.planning.key import FORMAT
from wingspan.planning.plan import Plan, PlannedStep, walk
from wingspan.runner.adoption import input_digests, note_content
from wingspan.runner.job.inside import last_checkpoint
from wingspan.runner.run_folder import (
    CHECKPOINT,
    INPUTS,
    JOB,
    METRICS,
    OUTPUTS,
    RESULT,
    WORK,
    RunFolder,
    file_name,
    read_result,
)
from wingspan.runner.trials.value import metrics_record
from wingspan.runner.undeclared import holds, record, require_same_reads
from wingspan.runner.written import read_metrics
from wingspan.shown import shown_name
from wingspan.store.codec import encode
from wingspan.store.store import Store

READY = "ready"  # what the store takes over


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


def finished(attempt: Path, step: PlannedStep) -> bool:
    """Return whether a job succeeded, its outputs are in its folder, and its inputs unchanged."""
    result = read_result(attempt)
    return (
        result is not None
        and result["status"] == "ok"
        and any((attempt / place / OUTPUTS).is_dir() for place in ("", READY))
        and holds(step, result)
    )


class Published(NamedTuple):
    """What happened to a finished job's result.

    Parameters
    ----------
    stale
        The place in the step's arguments where the job read a result that is not the stored one. Nothing was
        published.
    differs
        The outputs in which this result differs from the one that was stored first, which is kept.
    undeclared
        The note on undeclared reads; empty if it was printed before.
    """

    stale: str = ""
    differs: tuple[str, ...] = ()
    undeclared: str = ""


def publish(
    attempt: Path, step: PlannedStep, store: Store, observed: Mapping[str, float]
) -> Published:
    """Move a finished job's outputs into the store, with its result and its measured use."""
    ready = attempt / READY
    with writing(attempt):
        found = json.loads(read_file(attempt / RESULT).decode())
        result = with_metrics(found | observed, attempt)
        stale = _stale_input(step, result, store)
        if stale:
            return Published(stale=stale)
        undeclared = record(step, result, store)
        ready.mkdir(exist_ok=True)
        write_file(ready / RESULT, json_text(result))
        if (attempt / OUTPUTS).exists():
            (attempt / OUTPUTS).rename(ready / OUTPUTS)
        differs = store.publish(step.key, ready)
        if differs:
            require_same_reads(step, store.result(step.key))
        note_content(step, result.get("inputs", {}), store)
        return Published(differs=differs, undeclared=undeclared)


def with_metrics(result: Mapping[str, Any], attempt: Path) -> dict[str, Any]:
    """Return a job's result with the metrics of this attempt and of those before it."""
    places = (f"{attempt}/{METRICS}", f"{attempt}/{WORK}/wandb")
    if attempt.name == "1" and not any(os.path.exists(each) for each in places):  # noqa: PTH110 - quicker than Path's
        return dict(result)
    tried = [path for path in attempt.parent.iterdir() if path.name.isdecimal()]
    before = sorted((path for path in tried if _number(path) <= _number(attempt)), key=_number)
    logged = {name: metric.curve for name, metric in read_metrics(before).items()}
    return {**result, "metrics": metrics_record(logged)} if logged else dict(result)


def _number(attempt: Path) -> int:
    return int(attempt.name)


def _stale_input(step: PlannedStep, result: Mapping[str, Any], store: Store) -> str:
    """Return a place where the job read other bytes than the store has now, or nothing."""
    read = result.get("inputs", {})
    try:
        now = input_digests(step, store)
    except NotFoundError:
        now = {}
    return next((place for place in step.inputs if read.get(place) != now.get(place, "")), "")


def notes(name: str, made: Published) -> str:
    """Return the note on a step whose result was brought in, or nothing."""
    differs = not_deterministic(name, made.differs) if made.differs else ""
    return "; ".join(filter(None, [differs, made.undeclared]))


def not_deterministic(name: str, differs: Collection[str]) -> str:
    """Return the note on a step whose result differs from the one that another run stored first."""
    what = ", ".join(sorted(differs))
    return (
        f"step {shown_name(name)} is not deterministic: its {what} differs from the result that was stored first, which is "
        "used; seed the step, and keep times and object ids out of its result"
    )
