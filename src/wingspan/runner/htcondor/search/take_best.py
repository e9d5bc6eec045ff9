"""Make the best trial's files the sweep's result, before the sweep's node runs.

Its job then need not run.

``python -m wingspan.runner.htcondor.search.take_best NODE [again]``, in the DAG's folder. DAGMan runs it once the lanes have
ended. Exit codes: 10 the result is there, and DAGMan skips the job; 0 the job has to run the best trial again; 2 there is
none. With ``again``, after that job: 0 the result is there; 2 it is not.
"""

import json
import os
import shutil
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

from wingspan.errors import ConflictError, WingspanError
from wingspan.files import json_text, write_atomically
from wingspan.planning.key import FORMAT
from wingspan.planning.plan import PlannedStep, step_from_json
from wingspan.planning.trial import trial_of
from wingspan.runner.failure import Failure, refusal
from wingspan.runner.htcondor.dag_folder import DagFolder, SweepNode, read_sent
from wingspan.runner.htcondor.hold_policy import SELECTED_EXIT
from wingspan.runner.htcondor.packing import PACKED, link_once, pack_folder
from wingspan.runner.htcondor.search.intake import failure_of, take_in
from wingspan.runner.htcondor.shared import STORE, place_of
from wingspan.runner.job.run import SCHEMA
from wingspan.runner.run_folder import file_name
from wingspan.runner.trials.result import table_result
from wingspan.runner.undeclared import as_read_now
from wingspan.store.annotation import VALUE
from wingspan.store.store import Store
from wingspan.sweep.open_study import OpenStudy, open_study
from wingspan.sweep.records import RUNNING, Trial, is_closed
from wingspan.sweep.spec import Spec
from wingspan.sweep.study import Study

SELECTED, RUN_AGAIN, NOTHING = SELECTED_EXIT, 0, 2  # not 1: so Python ends that cannot start
AGAIN = "again"
_LOCK_S, _LOOK_S = 20.0, 0.02
_AGAIN = "run the command again to go on with the trials that are left"


class _Here(NamedTuple):
    """A sweep as it was submitted.

    `table` is the step that lists its trials, if there is one.
    """

    dag: DagFolder
    node: SweepNode
    sweep: PlannedStep
    table: PlannedStep | None
    store: Store


def main(arguments: list[str]) -> None:
    """Select for the node named on the command line, in the current folder."""
    name, dag = arguments[0], DagFolder(Path.cwd())
    try:
        code = select(dag, name)
    except Exception as error:  # noqa: BLE001 - else DAGMan alone would know
        why = refusal(error) if isinstance(error, WingspanError) else _crashed()
        _refuse(dag, name, why)
        code = NOTHING
    if AGAIN in arguments[1:]:
        if code == RUN_AGAIN:
            _refuse(dag, name, Failure("the best trial was run again and sent no result", _AGAIN))
        code = 0 if code == SELECTED else NOTHING
    sys.exit(code)


def _crashed() -> Failure:
    return Failure(f"the best trial could not be selected:\n{traceback.format_exc()}", _AGAIN)


def select(dag: DagFolder, name: str) -> int:
    """Make the best trial's files the result of a sweep.

    The table of its trials becomes the result of the step that lists them.
    """
    node = dag.sweeps()[name]
    steps = [step_from_json(line) for line in _planned(dag, name)]
    here = _Here(dag, node, steps[0], steps[1] if steps[1:] else None, Store(node.home / "store"))
    with _study(here, name) as study:
        take_in(study, dag, node.lanes)
        why, best = _outcome(here, study)
        seen = study.look(_limit(here))
        seen = seen.begun() if is_closed(study.marks, here.sweep.key) else seen
    if why is not None or best is None:
        _refuse(dag, name, why or Failure("no trial is complete", _AGAIN))
        return NOTHING
    if not _give(here, best):
        _prepare(here, name, best)
        return RUN_AGAIN
    if here.table is not None:
        _list(here, here.table, seen)
    return SELECTED


def _planned(dag: DagFolder, name: str) -> list[dict[str, Any]]:
    """Return the planned steps of a sweep's node; its job may have become that of a trial."""
    part = json.loads(dag.job(name).read_text())
    steps: list[dict[str, Any]] = part.get("swept", part["steps"])
    return steps


def _prepare(here: _Here, name: str, best: Trial) -> None:
    """Make the job of a sweep's node run the best trial, whose files are missing."""
    file = here.dag.job(name)
    part = json.loads(file.read_text())
    trial = trial_of(here.sweep, best.parameters, best.number)
    trial = replace(trial, key=best.keys[0] if best.keys else trial.key)
    swept = part.get("swept", part["steps"])
    write_atomically(file, json_text({**part, "steps": [asdict(trial)], "swept": swept}))


def _limit(here: _Here) -> int:
    return int((here.sweep.sweep or {})["budget"]["trials"])


@contextmanager
def _study(here: _Here, name: str) -> Iterator[OpenStudy]:
    """Open the study once the search has released it; a copy of it where that does not happen."""
    spec = Spec.from_json((here.sweep.sweep or {})["spec"])
    here.dag.closing(name).parent.mkdir(exist_ok=True)
    here.dag.closing(name).touch()
    end = time.monotonic() + _LOCK_S
    folder = here.node.study
    while True:
        try:
            study = open_study(folder, spec, here.node.run)
            break
        except ConflictError:
            if time.monotonic() >= end:
                folder = here.dag.closing(name).with_suffix(".study")
                shutil.copytree(here.node.study, folder, dirs_exist_ok=True)
                study = open_study(folder, spec, here.node.run)
                break
            time.sleep(_LOOK_S)
    with study:
        yield study


def _outcome(here: _Here, study: OpenStudy) -> tuple[Failure | None, Trial | None]:
    """Return why the sweep has no result, or its best trial."""
    sweep: Mapping[str, Any] = here.sweep.sweep or {}
    limit = _limit(here)
    best = study.best(limit, sweep["budget"]["confirm"])
    found = failure_of(here.dag, here.node.lanes)
    if best is None and found is not None:
        return found, None
    said = study.failure(len(here.node.lanes), limit)
    if said:
        fix = (
            "correct the function, then run the command again; wingspan sweep show lists the trials"
        )
        return Failure(said, fix), None
    closed = is_closed(study.marks, here.sweep.key)
    trials = study.look(limit).trials
    left = sum(trial.state == RUNNING for trial in trials) + (
        0 if study.exhausted(limit) else limit - len(trials)
    )
    if left and not closed:
        problem = f"{left} of {limit} trials have not ended: their jobs were lost or removed"
        return Failure(problem, _AGAIN), None
    return None, best


def _give(here: _Here, best: Trial) -> bool:
    """Make the best trial's files those of the sweep; return False where they are not there."""
    trial = trial_of(here.sweep, best.parameters, best.number)
    key = best.keys[0] if best.keys else as_read_now(trial, here.store).key
    said = {"number": best.number, "parameters": best.parameters, "value": best.value}
    changes = {"key": here.sweep.key, "step": here.sweep.name, "key_format": FORMAT, "trial": said}
    place = place_of(here.dag.root)
    if place is not None:
        shared = Store(place / STORE)
        source = shared if shared.done([key]) else here.store
        if source is here.store and here.store.done([key]):
            _copy_to(here.store, key, shared)
        if not shared.adopt(key, here.sweep.key, changes):
            return False
        _send(here, shared.result(here.sweep.key))
        return True
    sent = read_sent(here.dag.result(key))
    made = _from_results(here, key, sent) if sent and sent["status"] == "ok" else None
    made = made or (_from_store(here, key) if here.store.done([key]) else None)
    if made is None:
        return False
    _send(here, {**made, **changes})
    return True


def _send(here: _Here, result: Mapping[str, Any]) -> None:
    write_atomically(here.dag.result(here.sweep.key), json_text(result))


def _from_results(here: _Here, key: str, sent: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Give the files that a lane has sent a second name.

    The return value is the result; None if a file is missing.
    """
    for output in sent["outputs"]:
        source = here.dag.results / file_name(key, output)
        if not source.exists():
            return None
        link_once(source, here.dag.results / file_name(here.sweep.key, output))
    return sent


def _from_store(here: _Here, key: str) -> Mapping[str, Any]:
    result = here.store.result(key)
    packed = []
    for output in result["outputs"]:
        source = here.store.output_path(key, output)
        target = here.dag.results / file_name(here.sweep.key, output)
        target.unlink(missing_ok=True)
        if source.is_dir():
            packed.append(output)
            pack_folder(source, target)
        else:
            link_once(source, target)
    return {**result, PACKED: packed}


def _copy_to(store: Store, key: str, shared: Store) -> None:
    """Put a stored result into the shared folder's store."""
    target = shared.folder(key)
    target.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        shutil.copytree(store.folder(key), target)


def _list(here: _Here, table: PlannedStep, study: Study) -> None:
    """Make the table of the trials the result of the step that lists them."""
    draft = here.dag.closing(table.key)
    result = table_result(table, study, draft, _inputs(here, table))
    place = place_of(here.dag.root)
    if place is not None:
        made = draft.with_suffix(".entry")
        (made / "outputs").mkdir(parents=True)
        draft.rename(made / "outputs" / VALUE)
        (made / "result.json").write_text(json_text(result))
        Store(place / STORE).publish(table.key, made)
    else:
        os.replace(draft, here.dag.results / file_name(table.key, VALUE))  # noqa: PTH105
    write_atomically(here.dag.result(table.key), json_text(result))


def _inputs(here: _Here, table: PlannedStep) -> dict[str, str]:
    from wingspan.store.store import read_digest

    made = read_sent(here.dag.result(here.sweep.key)) or {}
    return {place: read_digest(made, output) for place, (_, output) in table.inputs.items()}


def _refuse(dag: DagFolder, name: str, why: Failure) -> None:
    """Say why the sweep has no result, as its job would."""
    for step in _planned(dag, name)[:1]:
        result = {"schema": SCHEMA, "key": step["key"], "status": "failed", "outputs": {}}
        write_atomically(dag.result(step["key"]), json_text({**result, "failure": why._asdict()}))


if __name__ == "__main__":
    main(sys.argv[1:])
