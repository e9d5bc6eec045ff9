"""Make the best trial's result that of the sweep, and store the table of all trials."""

import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wingspan.errors import NotFoundError
from wingspan.files import disk_errors, json_text
from wingspan.planning.key import FORMAT
from wingspan.planning.plan import PlannedStep
from wingspan.runner.adoption import input_digests
from wingspan.runner.job.brief import brief
from wingspan.runner.job.run import SCHEMA
from wingspan.runner.run_folder import OUTPUTS, RESULT, RunFolder
from wingspan.runner.undeclared import compared_reads
from wingspan.store.annotation import VALUE
from wingspan.store.codec import encode
from wingspan.store.store import Store
from wingspan.sweep.records import Trial
from wingspan.sweep.study import Study, read_study


def take_best(sweep: PlannedStep, best: Trial, key: str, store: Store) -> bool:
    """Store the best trial's result, by its key, as the sweep's; return False if it is missing."""
    said = {"number": best.number, "parameters": best.parameters, "value": best.value}
    return store.adopt(key, sweep.key, {"step": sweep.name, "key_format": FORMAT, "trial": said})


def note_reads(
    sweep: PlannedStep, reads: dict[str, dict[str, str]], result: Mapping[str, Any], store: Store
) -> None:
    """Give the study another key if something changes that a trial read undeclared.

    Parameters
    ----------
    reads
        What the trials have read so far; it grows.
    """
    found = compared_reads(result)
    if any(names.keys() - reads.get(kind, {}).keys() for kind, names in found.items()):
        for kind, names in found.items():
            reads.setdefault(kind, {}).update(names)
        store.reads.add(str((sweep.sweep or {})["study"]), sweep.name, reads)


def study_of(sweep: PlannedStep, studies: Path) -> Study:
    """Return the trials of a sweep, at most as many as its plan requests.

    Raises
    ------
    NotFoundError
        There is no journal of them.
    """
    searched: dict[str, Any] = sweep.sweep or {}
    folder = studies / str(searched["study"])
    if not folder.is_dir():
        problem = "there is no record of its trials: it has not begun, or the record was removed"
        raise NotFoundError(f"sweep {sweep.name}", problem, f"run it: --force {sweep.name}")
    return read_study(folder, searched["budget"]["trials"], sweep.key)


def list_trials(step: PlannedStep, study: Study, folder: RunFolder, store: Store) -> None:
    """Store the table of a sweep's trials as the result of the step that lists them."""
    attempt = folder.new_attempt(step.key)
    with disk_errors(attempt):
        (attempt / OUTPUTS).mkdir(parents=True)
        file, inputs = attempt / OUTPUTS / VALUE, input_digests(step, store)
        result = table_result(step, study, file, inputs, int(attempt.name))
        (attempt / RESULT).write_text(json_text(result))
        store.publish(step.key, attempt)


def table_result(
    step: PlannedStep, study: Study, file: Path, inputs: Mapping[str, str], attempt: int = 1
) -> dict[str, Any]:
    """Write the table of a sweep's trials into a file; return the listing step's result."""
    began = time.time()
    rows = study.rows()
    record = encode(rows, file)
    return {
        "schema": SCHEMA,
        "key": step.key,
        "key_format": FORMAT,
        "step": step.name,
        "attempt": attempt,
        "status": "ok",
        "host": socket.gethostname(),
        "started": began,
        "ended": time.time(),
        "wall_s": time.time() - began,
        "outputs": {VALUE: record},
        "shown": {VALUE: brief(rows)},
        "inputs": inputs,
    }
