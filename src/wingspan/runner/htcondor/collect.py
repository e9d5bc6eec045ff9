"""What the jobs of a DAG left in its folder of results -> store, attempt folders, and the last event of each step."""

import json
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from wingspan.errors import ConflictError, CorruptError, SpaceError, WingspanError
from wingspan.files import disk_errors, json_text, remove
from wingspan.pipeline.resources import Resources
from wingspan.planning.plan import PlannedStep
from wingspan.runner.attempt import not_deterministic, prepare, publish
from wingspan.runner.driver import load_plan
from wingspan.runner.failure import Failure, failure, refusal
from wingspan.runner.htcondor.part import LOGS, unpack_result
from wingspan.runner.htcondor.shared import clean, place_of, take_result
from wingspan.runner.job import file_name
from wingspan.runner.run_folder import OUTPUTS, RESULT, STDERR, STDOUT, Home, RunFolder
from wingspan.runner.runner import (
    DONE,
    FAILED,
    SKIPPED,
    STALE,
    STOPPED,
    WAITING,
    StepEvent,
    write_event,
)
from wingspan.store.codec import digest_of
from wingspan.store.store import Store

_READ_ANOTHER = (
    "read as {place} another result than the one that was stored first, so it runs again"
)
_AGAIN = "run the command again: it is computed from the stored result"
_OBSERVED = ("wall_s", "cpu_s", "peak_memory_mb")


def collect(folder: RunFolder, home: Home) -> dict[str, StepEvent]:
    """Bring in what the jobs of an exported DAG, submitted by hand, have finished; return the events by step."""
    store = Store(home.store)
    plan = load_plan(folder)
    events: dict[str, StepEvent] = {}
    bad: dict[str, str] = {}
    for step in plan.steps:
        node = next((name for name, keys in nodes_in(folder.root).items() if step.key in keys), "")
        if store.done([step.key]):
            event = StepEvent(time.time(), step.name, step.key, DONE)
        else:
            event = collect_step(step, folder.root, node, folder, store) or StepEvent(
                time.time(), step.name, step.key, WAITING
            )
        needed = next((bad[key] for key in step.needs if key in bad), None)
        if event.state == WAITING and needed:
            problem = f"needs {needed}, which failed"
            event = StepEvent(time.time(), step.name, step.key, SKIPPED, problem=problem)
        if event.state in {FAILED, SKIPPED}:
            bad[step.key] = needed or step.name
        events[step.name] = event
        write_event(folder, event)
    if all(event.state == DONE for event in events.values()):
        folder.complete.touch()
    if not any(event.state == WAITING for event in events.values()):
        clean(folder.root)
    return events


def nodes_in(place: Path) -> dict[str, list[str]]:
    """Return the keys of each node's steps, by the node's name.

    Raises
    ------
    CorruptError
        Neither ``nodes.json`` nor what the jobs are sent can be read.
    """
    try:
        found: dict[str, list[str]] = json.loads((place / "nodes.json").read_text())
    except (OSError, ValueError):
        found = {}
        with suppress(OSError, ValueError, KeyError, TypeError):
            for job in sorted((place / "jobs").glob("*.json")):
                found[job.stem] = [step["key"] for step in json.loads(job.read_text())["steps"]]
    if not found:
        fix = "condor_rm its DAG if it is in the queue, remove the run's folder, and give the same command again"
        raise CorruptError(
            str(place / "nodes.json"), "is missing or damaged, and jobs/ as well", fix
        )
    return found


def collect_step(
    step: PlannedStep, place: Path, node: str, folder: RunFolder, store: Store
) -> StepEvent | None:
    """Bring in what one step left; None if its job has not sent it (yet).

    Nothing is brought in of a job that read another result than the one that is stored now: its step is ``stopped``.

    Parameters
    ----------
    place
        Folder of the DAG.
    node
        Name of the node that ran the step.

    Raises
    ------
    SpaceError
        The disk here is full; nothing is half brought in, and what the job sent stays.
    """
    before = folder.new_attempt(step.key)
    try:
        with disk_errors(before):
            return _collect(step, place, node, folder, store)
    except SpaceError:
        remove(before)
        raise


def _collect(
    step: PlannedStep, place: Path, node: str, folder: RunFolder, store: Store
) -> StepEvent | None:
    results = place / "results"
    made = results / f"{step.key}.json"
    refused = results / f"{node}.failed.json"
    if (
        not made.exists() or made.stat().st_size == 0
    ):  # HTCondor may make the file before it fills it
        if not refused.exists() or refused.stat().st_size == 0:
            return None
        why = Failure(**json.loads(refused.read_text()))
        attempt = _attempt(step, place, node, folder, store)
        return _failed(step, why, int(attempt.name), {})
    result = json.loads(made.read_text())
    failed = result["status"] != "ok"
    attempt = _attempt(step, place, node, folder, store if failed else None)
    seen: dict[str, Any] = {name: float(result.get(name, 0.0)) for name in _OBSERVED}
    seen["peak_memory_mb"] = max(seen["peak_memory_mb"], result.get("job_memory_mb", 0.0))
    if failed:
        (attempt / RESULT).write_text(json_text(result))
        told = result.get("failure")
        asked = Resources(**step.resources)
        why = Failure(**told) if told else failure(result, "exit", None, 0.0, asked)
        return _failed(step, why, int(attempt.name), seen)
    try:
        there = place_of(place)
        if there is None:
            unpack_result(results, step.key, attempt)
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
    note = not_deterministic(step.name, kept.differs) if kept.differs else ""
    return StepEvent(*known, DONE, int(attempt.name), **seen, note=note)


def told_failures(place: Path, keys: Iterable[str]) -> list[Failure]:
    """Return why the last run of a job failed, of each of its steps that told."""
    found = []
    for key in keys:
        made = place / "results" / f"{key}.json"
        try:
            told = json.loads(made.read_text()).get("failure")
        except (FileNotFoundError, ValueError):
            continue
        found += [Failure(**told)] if told else []
    return found


def _attempt(
    step: PlannedStep, place: Path, node: str, folder: RunFolder, store: Store | None
) -> Path:
    """Make the next attempt's folder with what the step wrote, or what its job wrote if it got no further.

    Parameters
    ----------
    store
        Of a step that failed: where its inputs are, so that it can be run alone from this folder; else None.
    """
    attempt = folder.new_attempt(step.key)
    if store is not None:
        _make_whole(step, folder, store)
    attempt.mkdir(parents=True, exist_ok=True)
    for log in LOGS:
        sent = place / "results" / file_name(step.key, log)
        if sent.exists():
            (attempt / log).write_bytes(sent.read_bytes())
    told = (place / "results" / f"{step.key}.json").exists()  # and sends no empty file
    for name, suffix in ((STDOUT, "out"), (STDERR, "err")):
        if not (attempt / name).exists():
            whole = place / "logs" / f"{node}.{suffix}"
            (attempt / name).write_bytes(b"" if told or not whole.exists() else whole.read_bytes())
    return attempt


def _make_whole(step: PlannedStep, folder: RunFolder, store: Store) -> None:
    """Give the next attempt what a job here has; without job.json where an input is not here, or no more as it was."""
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
            fix = "look for a full disk here, then give the same command again"
            raise CorruptError(f"step {result['step']}", problem, fix)


def _failed(step: PlannedStep, why: Failure, attempt: int, seen: dict[str, Any]) -> StepEvent:
    return StepEvent(time.time(), step.name, step.key, FAILED, attempt, **seen, **why._asdict())


def skipped(steps: Iterable[PlannedStep], failed: dict[str, str]) -> dict[str, str]:
    """Return, of the steps that can never run, the key and the name of the step that failed before them.

    Parameters
    ----------
    steps
        In order.
    failed
        Key -> name of the steps that failed themselves.
    """
    lost: dict[str, str] = {}
    for step in steps:
        cause = next(
            (
                failed.get(key) or lost.get(key)
                for key in step.needs
                if key in failed or key in lost
            ),
            None,
        )
        if cause is not None:
            lost[step.key] = cause
    return lost
