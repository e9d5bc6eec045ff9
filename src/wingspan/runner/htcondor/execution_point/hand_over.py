"""Prepare the results of a part's steps for the way back.

Paths in them are those of the access point.
"""

import json
import os
import resource
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from wingspan.files import json_text
from wingspan.planning.plan import PlannedStep
from wingspan.runner.events import (
    DONE,
    FAILED,
    Outcome,
    StepEvent,
)
from wingspan.runner.htcondor.packing import LOGS, PACKED, link_once, pack_folder
from wingspan.runner.job.run import SCHEMA
from wingspan.runner.logged import keep_what_scripts_log
from wingspan.runner.run_folder import (
    INPUTS,
    METRICS,
    RunFolder,
    file_name,
    read_result,
)
from wingspan.runner.undeclared import on_execution_point
from wingspan.store.store import Store


def hand_over(
    outcome: Outcome,
    steps: tuple[PlannedStep, ...],
    job: tuple[Path, str],
    folder: RunFolder,
    store: Store,
    origins: Mapping[str, str],
) -> None:
    """Put each step's result, outputs and logs into the sandbox's top folder, by key.

    Parameters
    ----------
    job
        The sandbox, and the node.
    origins
        Path here -> path on the access point, of code and input files.
    """
    sandbox, node = job
    for step in steps:
        event = outcome.steps.get(step.name)
        if event is None or event.state not in {DONE, FAILED}:
            continue
        attempts = folder.attempts(step.key)
        known: Mapping[str, str] = {}  # a good result keeps its paths
        if event.state == DONE:
            result = on_execution_point(store.result(step.key))
            if not store.root.is_symlink():  # else they are where readers find them
                outputs = result["outputs"]
                result[PACKED] = [o for o in outputs if _send(step.key, o, store, sandbox)]
        else:
            found = read_result(attempts[-1]) if attempts else None
            known = {**origins, **_in_attempt(step, attempts[-1], origins)} if attempts else origins
            result = _failed(step, event, found, known)
        result |= {"job_memory_mb": job_memory_mb(), "node": node}
        for attempt in attempts:
            keep_what_scripts_log(attempt)
        for log in LOGS if attempts else ():
            target = sandbox / file_name(step.key, log)
            made = attempts if log == METRICS else attempts[-1:]  # a restarted step goes on logging
            _send_log([path / log for path in made], target, known)
        (sandbox / f"{step.key}.json").write_text(json_text(result))


def job_memory_mb() -> float:
    """Return the peak memory of this job's processes in MB, libraries included.

    HTCondor counts the same, but looks now and then, and may see no more of a short job than its beginning.
    """
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024


def origins_of(
    part: Mapping[str, Any], steps: Iterable[PlannedStep], moved: Mapping[str, str]
) -> dict[str, str]:
    """Return, by their paths here, the paths of code and input files on the access point."""
    given = [file["path"] for line in part["steps"] for file in line["files"]]
    here = [file["path"] for step in steps for file in step.files]
    return dict(zip(here, given, strict=True)) | {new: old for old, new in moved.items()}


def _in_attempt(step: PlannedStep, attempt: Path, origins: Mapping[str, str]) -> dict[str, str]:
    """Return the origins of a step's inputs by their paths in its folder.

    Other files there are named relative to the folder.
    """
    inputs = {str(attempt / INPUTS / file["name"]): file["path"] for file in step.files}
    return {f"{attempt}/": "", **{here: origins.get(path, path) for here, path in inputs.items()}}


def _send_log(made: Iterable[Path], target: Path, origins: Mapping[str, str]) -> None:
    """Copy a step's log, with the paths of the access point; send no empty file."""
    written = [path for path in made if path.exists() and path.stat().st_size]
    if not written:
        return
    with target.open("wb") as file:
        for path in written:
            with path.open("rb") as source:
                if origins:
                    lines = (os.fsdecode(line) for line in source)
                    file.writelines(os.fsencode(translated(line, origins)) for line in lines)
                else:
                    shutil.copyfileobj(source, file)
            if path != written[-1]:
                file.write(b"\n")  # a kill may have torn the last line


def translated(text: str, origins: Mapping[str, str]) -> str:
    """Replace paths, the longest first: one may begin with another."""
    for here in sorted(origins, key=len, reverse=True):
        text = text.replace(here, origins[here])
    return text


def _send(key: str, output: str, store: Store, sandbox: Path) -> bool:
    """Put one output into the top folder; return whether it had to be packed."""
    path, target = store.output_path(key, output), sandbox / file_name(key, output)
    if path.is_dir():
        pack_folder(path, target)
        return True
    os.utime(path)  # newer than the job's start: HTCondor brings back what is new
    link_once(path, target)
    return False


def _failed(
    step: PlannedStep,
    event: StepEvent,
    result: dict[str, Any] | None,
    origins: Mapping[str, str],
) -> dict[str, Any]:
    """Return the result of a step that failed, its paths as they are on the access point."""
    made = result if result is not None and result["status"] != "ok" else {"schema": SCHEMA}
    why = {name: getattr(event, name) for name in ("problem", "fix", "error", "cause")}
    observed = {name: asdict(event)[name] for name in ("wall_s", "cpu_s", "peak_memory_mb")}
    whole = {**made, "key": step.key, "status": "failed", "outputs": {}, **observed, "failure": why}
    found: dict[str, Any] = json.loads(translated_json(json_text(whole), origins))
    return found


def translated_json(text: str, origins: Mapping[str, str]) -> str:
    """Return JSON with the paths of the access point."""
    words = {json.dumps(here)[1:-1]: json.dumps(there)[1:-1] for here, there in origins.items()}
    return translated(text, words)
