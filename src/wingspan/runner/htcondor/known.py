"""Send earlier results with jobs, which may adopt them instead of computing again.

A step whose inputs are stored adopts an earlier result before its DAG is submitted. Where a step reads what another job
of the DAG makes, only its own job can know whether its inputs are as before. So the job is sent the step's last result,
if that is small, with the digest of what it was computed from.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wingspan.errors import CorruptError, NotFoundError
from wingspan.files import size_of
from wingspan.planning.plan import Plan, PlannedStep
from wingspan.runner.adoption import unconditional
from wingspan.runner.htcondor.packing import take_result_in
from wingspan.runner.run_folder import file_name
from wingspan.store.store import Store

MOST_BYTES = 10 << 20  # of a result that is sent in case it is taken over

Known = Mapping[
    str, Mapping[str, str]
]  # key of a step -> base, content key and key of its last result


def last_results(plan: Plan, store: Store) -> dict[str, dict[str, str]]:
    """Return the last result with the same code and parameters, of steps that are to run."""
    steps = [step for step in plan.to_run() if step.inputs and step.base]
    known = store.contents.known({step.base for step in steps})
    read: dict[str, Mapping[str, Any]] = {}
    found = {}
    for step in steps:
        for content, key in reversed(known.of(step.base)):
            result = read[key] if key in read else read.setdefault(key, _result(key, store))
            if result.get("step") == step.name:
                if _small(key, store) and unconditional(result):
                    found[step.key] = {"base": step.base, "content": content, "key": key}
                break
    return found


def files_of(keys: Mapping[str, str], store: Store) -> list[str]:
    """Return the names under which a result is sent.

    `keys` are those of an entry of `last_results`.
    """
    key = keys["key"]
    return [f"{key}.json", *(file_name(key, output) for output in store.result(key)["outputs"])]


def take_known(known: Known, steps: tuple[PlannedStep, ...], sandbox: Path, store: Store) -> None:
    """Put the last results that came with a job where its steps can adopt them."""
    for step in steps:
        last = known.get(step.key)
        if last is None:
            continue
        key = last["key"]
        if (sandbox / f"{key}.json").exists():
            take_result_in(key, sandbox, store)
            for file in sandbox.glob(f"{key}.*"):
                file.unlink()  # else HTCondor might send it back
        if store.done([key]):
            store.contents.add(last["base"], last["content"], key)


def _result(key: str, store: Store) -> Mapping[str, Any]:
    try:
        return store.result(key)
    except (NotFoundError, CorruptError):
        return {}


def _small(key: str, store: Store) -> bool:
    return size_of(store.output_path(key, "")) <= MOST_BYTES
