"""Bring what a DAG's jobs have sent into the store, attempt folders and step events."""

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from wingspan.errors import ConflictError, CorruptError, SpaceError, WingspanError
from wingspan.files import disk_errors, json_text, remove
from wingspan.pipeline.resources import Resources
from wingspan.planning.plan import PlannedStep, is_sweep
from wingspan.runner.adoption import ADOPTED
from wingspan.runner.events import (
    DONE,
    FAILED,
    STALE,
    STOPPED,
    StepEvent,
)
from wingspan.runner.failure import Failure, failure, read_failure, refusal
from wingspan.runner.htcondor.dag_folder import DagFolder, read_sent
from wingspan.runner.htcondor.messages import without_messages
from wingspan.runner.htcondor.packing import LOGS, unpack_result
from wingspan.runner.htcondor.shared import place_of, take_result
from wingspan.runner.prepare import prepare
from wingspan.runner.publish import not_deterministic, notes, publish
from wingspan.runner.run_folder import OUTPUTS, RESULT, STDERR, STDOUT, RunFolder, file_name
from wingspan.store.codec import digest_of
from wingspan.store.store import Store

_READ_ANOTHER = (
    "read as {place} another result than the one that was stored first, so it runs again"
)
_AGAIN = "run the pipeline again: the step is computed from the stored result"
_OBSERVED = ("wall_s", "cpu_s", "peak_memory_mb")


def drop_stored(steps: Iterable[PlannedStep], dag: DagFolder, store: Store) -> None:
    """Remove outputs that the store has from the folder of a DAG that is over.

    They would lie twice on the disk. A result that is one file has one copy with two names; folders were sent packed.
    """
    there = {file.name for file in dag.results.iterdir()} if dag.results.is_dir() else set()
    names = {step.key: {file_name(step.key, one) for one in step.outputs} for step in steps}
    left = {key: found for key, of in names.items() if (found := of & there)}
    for key in store.done(left):
        for name in left[key]:
            (dag.results / name).unlink()


def stored(step: PlannedStep, dag: DagFolder, store: Store, at: float) -> StepEvent | None:
    """Return the event of a step whose result is stored; None if it is not stored.

    The event has a note if the step's job sent a different result.
    """
    if not store.done([step.key]):
        return None
    sent, made = read_sent(dag.result(step.key)), store.result(step.key)
    note = ""
    if sent is not None and sent["status"] == "ok" and sent.get("inputs") == made.get("inputs"):
        differs = {
            name for name, one in sent["outputs"].items() if one != made["outputs"].get(name)
        }
        note = not_deterministic(step.name, differs) if differs else ""
    return StepEvent(at, step.name, step.key, DONE, note=note)


def peek(step: PlannedStep, dag: DagFolder, node: str) -> StepEvent | None:
    """Return what a step's job reports about its end; None if it has not sent that.

    Results are neither brought in nor checked.
    """
    sent = _sent(step, dag, node)
    if sent is None:
        return None
    if sent.why is not None:
        return _failed(step, sent.why, 0, sent.seen)
    return StepEvent(time.time(), step.name, step.key, DONE, **sent.seen)


def collect_step(
    step: PlannedStep, dag: DagFolder, node: str, folder: RunFolder, store: Store
) -> StepEvent | None:
    """Bring in what one step left; None if its job has not sent it (yet).

    Nothing is brought in of a job that read another result than the one that is stored now: its step is ``stopped``.

    Parameters
    ----------
    node
        Name of the node that ran the step.

    Raises
    ------
    SpaceError
        The disk here is full; nothing is half brought in, and what the job sent stays.
    """
    if is_sweep(
        step
    ):  # one with more trials is made of the same, and is not to take this result over
        step = replace(step, base="")
    before = folder.new_attempt(step.key)
    try:
        with disk_errors(before):
            return _collect(step, dag, node, folder, store)
    except SpaceError:
        remove(before)
        raise


def keep_output(
    step: PlannedStep, dag: DagFolder, nodes: Iterable[str], folder: RunFolder, store: Store
) -> int:
    """Make an attempt with the output of a job that sent no result for its step.

    Returns the attempt's number; 0 if the job wrote nothing, or if there is no room for it here.

    Parameters
    ----------
    nodes
        The nodes that were to run the step, in order.
    """
    wrote = [node for node in nodes if any(_size(log) for log in dag.outputs(node))]
    if not wrote:
        return 0
    attempt = folder.new_attempt(step.key)
    try:
        return int(_attempt(step, dag, wrote[-1], folder, store).name)
    except (OSError, SpaceError):
        remove(attempt)
        return 0


def _size(file: Path) -> int:
    with suppress(OSError):
        return file.stat().st_size
    return 0


class _Sent(NamedTuple):
    """What a job has sent of a step.

    `result` is empty if the job did not get that far, `why` says why the step failed, and `seen` has the measured
    amounts.
    """

    result: dict[str, Any]
    why: Failure | None
    seen: dict[str, Any]


def _sent(step: PlannedStep, dag: DagFolder, node: str) -> _Sent | None:
    result = read_sent(dag.result(step.key))
    if result is None:
        refused = read_sent(dag.refusal(node))
        return None if refused is None else _Sent({}, read_failure(refused), {})
    seen: dict[str, Any] = {name: float(result.get(name, 0.0)) for name in _OBSERVED}
    seen["peak_memory_mb"] = max(seen["peak_memory_mb"], result.get("job_memory_mb", 0.0))
    if result["status"] == "ok":
        return _Sent(result, None, seen)
    said = result.get("failure")
    asked = Resources(**step.resources)
    why = read_failure(said) if said else failure(result, "exit", None, 0.0, asked)
    return _Sent(result, why, seen)


def _collect(
    step: PlannedStep, dag: DagFolder, node: str, folder: RunFolder, store: Store
) -> StepEvent | None:
    sent = _sent(step, dag, node)
    if sent is None:
        return None
    result, why, seen = sent
    attempt = _attempt(step, dag, node, folder, None if why is None else store)
    if why is not None:
        if result:
            (attempt / RESULT).write_text(json_text(result))
        return _failed(step, why, int(attempt.name), seen)
    try:
        there = place_of(dag.root)
        if there is None:
            unpack_result(dag.results, step.key, attempt)
        else:
            take_result(step.key, result["outputs"], there, attempt)
            (attempt / RESULT).write_text(json_text(result))
        _verify(attempt, result)
        kept = publish(attempt, step, store, {})
    except SpaceError:
        raise
    except WingspanError as error:
        return _failed(step, refusal(error), int(attempt.name), seen)
    known = (time.time(), step.name, step.key)
    if kept.stale:
        remove(attempt)
        problem = _READ_ANOTHER.format(place=kept.stale)
        return StepEvent(*known, STOPPED, problem=problem, fix=_AGAIN, cause=STALE)
    if result.get("adopted"):
        return StepEvent(*known, DONE, note=ADOPTED, adopted=result["adopted"])
    return StepEvent(*known, DONE, int(attempt.name), **seen, note=notes(step.name, kept))


def _attempt(
    step: PlannedStep, dag: DagFolder, node: str, folder: RunFolder, store: Store | None
) -> Path:
    """Make the next attempt's folder with the step's output.

    If the step did not run, the folder holds the job's output.

    Parameters
    ----------
    store
        Where the inputs of a failed step are, so that it can be run alone from this folder; else None.
    """
    attempt = folder.new_attempt(step.key)
    if store is not None:
        _make_whole(step, folder, store)
    attempt.mkdir(parents=True, exist_ok=True)
    for log in LOGS:
        sent = dag.results / file_name(step.key, log)
        if sent.exists():
            (attempt / log).write_bytes(sent.read_bytes())
    sent_result = dag.result(step.key).exists()  # such a job sends no empty log
    for name, whole in zip((STDOUT, STDERR), dag.outputs(node), strict=True):
        if not (attempt / name).exists():
            content = b"" if sent_result or not whole.exists() else whole.read_bytes()
            (attempt / name).write_bytes(without_messages(content))
    return attempt


def _make_whole(step: PlannedStep, folder: RunFolder, store: Store) -> None:
    """Give the next attempt the files that a job on this machine has.

    It gets no job.json if an input is missing here or has changed.
    """
    needed = {key for key, _ in step.inputs.values()}
    if store.done(needed) != needed:
        return
    with suppress(ConflictError):
        prepare(step, folder, store, [])


def _verify(attempt: Path, result: dict[str, Any]) -> None:
    """Compare each output with its digest.

    Raises
    ------
    CorruptError
        An output did not arrive whole; nothing of it is kept.
    """
    for name, record in result["outputs"].items():
        path = attempt / OUTPUTS / name
        found = digest_of(path, record) if path.exists() else "nothing"
        if found != record["digest"]:
            remove(attempt / OUTPUTS)
            problem = (
                f"output {name} did not arrive whole: expected {record['digest']}, found {found}"
            )
            fix = "look for a full disk here, then run the command again"
            raise CorruptError(f"step {result['step']}", problem, fix)


def _failed(step: PlannedStep, why: Failure, attempt: int, seen: dict[str, Any]) -> StepEvent:
    return StepEvent(time.time(), step.name, step.key, FAILED, attempt, **seen, **why._asdict())
