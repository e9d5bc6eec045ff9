"""Prepare the steps of a part on the execution point: code, files, inputs, amounts."""

import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from wingspan.errors import ConflictError, FormatError, NotFoundError
from wingspan.pipeline.resources import Resources
from wingspan.planning.digest_cache import DigestCache
from wingspan.planning.plan import PlannedStep, step_from_json
from wingspan.runner.htcondor.dag_folder import PART
from wingspan.runner.htcondor.execution_point.checkpoints import cut
from wingspan.runner.htcondor.execution_point.hand_over import origins_of
from wingspan.runner.htcondor.known import take_known
from wingspan.runner.htcondor.packing import link_once, take_result_in
from wingspan.runner.htcondor.reference import sent_name
from wingspan.runner.htcondor.shared import (
    STORE,
    constant_in,
    file_in,
    problem_of,
    unusable,
)
from wingspan.runner.prepare import constants_of
from wingspan.runner.run_folder import (
    Home,
    RunFolder,
)
from wingspan.store.store import Store
from wingspan.version import __version__


def read_part(sandbox: Path, name: str) -> dict[str, Any]:
    """Return what a node has to do.

    Runs that an older version submitted lack some entries.
    """
    older: dict[str, Any] = {
        "schema": PART,
        "most": {},
        "known": {},
        "tasks": (),
        "jobs": None,
        "chirp": "updates",
        "streams": False,
        "lane": None,
    }
    return {**older, **json.loads((sandbox / f"{name}.json").read_text())}


def require_format(part: Mapping[str, Any]) -> None:
    """Refuse what a newer version has written.

    Raises
    ------
    FormatError
        This version does not know its format.
    """
    if part["schema"] > PART:
        problem = f"its description has format {part['schema']}, and Wingspan {__version__} on {os.uname().nodename} reads {PART}"
        fix = 'install the access point\'s version there; or let the environment travel: environment = "send"'
        raise FormatError("job", problem, fix)


class Arrived(NamedTuple):
    """What came to an execution point, ready to be run.

    Parameters
    ----------
    folder
        The run of this job's home.
    store
        Has the results that the steps read.
    provided
        What the slot gives, see `provided_by_slot`.
    origins
        Path here -> path on the access point, of code and input files.
    """

    steps: tuple[PlannedStep, ...]
    home: Home
    folder: RunFolder
    store: Store
    provided: Mapping[str, int]
    origins: Mapping[str, str]


def arrive(part: Mapping[str, Any], sandbox: Path, home: Home, folder: RunFolder) -> Arrived:
    """Unpack what came with a job, and put it where its steps find it.

    Raises
    ------
    ConflictError
        A file that came is not the one the plan was made for.
    """
    shared = reach_shared(part, home)
    moved = unpack_code(sandbox, part)
    provided = provided_by_slot(sandbox)
    given = (sandbox, shared), folder, moved, provided
    steps = tuple(localise(step_from_json(line), *given) for line in part["steps"])
    cut(steps, folder)
    store = Store(home.store, durable=shared is not None)  # a sandbox does not outlive its machine
    take_inputs(steps, sandbox, store)
    take_known(part["known"], steps, sandbox, store)
    return Arrived(steps, home, folder, store, provided, origins_of(part, steps, moved))


def reach_shared(part: Mapping[str, Any], home: Home) -> Path | None:
    """Return the DAG's place in the shared folder; None without a shared folder.

    The place's store becomes this job's store.

    Raises
    ------
    SettingError
        It cannot be written from here.
    """
    if not part["shared"]:
        return None
    place = Path(part["shared"])
    problem = problem_of(place / STORE)
    if problem:
        raise unusable(place, problem)
    if not home.store.is_symlink():
        home.store.symlink_to(place / STORE)
    return place


def unpack_code(sandbox: Path, part: Mapping[str, Any]) -> dict[str, str]:
    """Unpack the user's modules and put them first on the path of all jobs.

    The return value maps each old folder to its new one.
    """
    moved = {root: str(sandbox / "code" / str(number)) for number, root in enumerate(part["roots"])}
    if part["code"]:
        import zipfile

        with zipfile.ZipFile(sandbox / part["code"]) as archive:
            archive.extractall(sandbox / "code")
    known = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([*moved.values(), *([known] if known else [])])
    sys.path[:0] = moved.values()
    return moved


def provided_by_slot(sandbox: Path) -> dict[str, int]:
    """Return the slot's ``Cpus`` and ``Memory`` (MB) from its ad; empty outside HTCondor."""
    path = Path(os.environ.get("_CONDOR_MACHINE_AD", sandbox / ".machine.ad"))
    found = {}
    for line in path.read_text(errors="replace").splitlines() if path.exists() else []:
        name, _, value = line.partition(" = ")
        if name in {"Cpus", "Memory"} and value.strip().isdigit():
            found[name] = int(value)
    return found


def job_number(sandbox: Path, attribute: str) -> float | None:
    """Return a number from the job's ad, as it was when the job started; None where it has none."""
    path = Path(os.environ.get("_CONDOR_JOB_AD", sandbox / ".job.ad"))
    for line in path.read_text(errors="replace").splitlines() if path.exists() else []:
        name, _, value = line.partition(" = ")
        if name == attribute:
            with suppress(ValueError):
                return float(value)
    return None


def localise(
    step: PlannedStep,
    given: tuple[Path, Path | None],
    folder: RunFolder,
    moved: Mapping[str, str],
    provided: Mapping[str, int],
) -> PlannedStep:
    """Return the step as it is here: its code, its files, and as much memory as the slot gives.

    Parameters
    ----------
    given
        The sandbox, and the DAG's place in the shared folder if files are read from there.
    """
    sandbox, shared = given
    files = tuple(_arrived(file, sandbox, shared, step.name) for file in step.files)
    for digest in constants_of(step):
        place = folder.constant(digest)
        place.parent.mkdir(exist_ok=True)
        if shared is None:
            link_once(sandbox / place.name, place)
        elif not place.exists():
            place.symlink_to(constant_in(shared, place.name))
    asked = Resources(**step.resources)
    if "Memory" in provided:  # the slot's is a limit, also where the step states none
        asked = replace(asked, memory=max(provided["Memory"], asked.memory_mb))
    action = _local_action(step.action, moved)
    return replace(step, files=files, resources=asked.to_json(), action=action, code="")


def _local_action(action: dict[str, Any], moved: Mapping[str, str]) -> dict[str, Any]:
    if "module" not in action:
        return action
    root, file = action["root"], Path(action["file"])
    if root in moved and (there := Path(moved[root], file.relative_to(root))).exists():
        return {**action, "root": moved[root], "file": str(there)}
    spec = find_spec(action["module"])
    if spec is None or spec.origin is None:
        problem = f"module {action['module']} ({file}) is not in the environment that came along"
        raise NotFoundError("job", problem, "install it where the pipeline is started from")
    here = Path(spec.origin)
    up = action["module"].count(".") + (here.name == "__init__.py")
    return {**action, "root": str(here.parents[up]), "file": str(here)}


def _arrived(file: dict[str, Any], sandbox: Path, shared: Path | None, step: str) -> dict[str, Any]:
    sent = sandbox / sent_name(file) if shared is None else file_in(shared, file)
    path = sent if sent.exists() else sandbox / file["name"]  # by reference
    if not path.exists():
        problem = f"input file {file['name']} did not arrive"
        raise NotFoundError(f"step {step}", problem, f"look whether {file['path']} is still there")
    found = DigestCache(sandbox / "home" / "digests.json").look(path)
    if found.digest != file["digest"]:
        problem = f"input file {file['path']} was changed after the plan was made"
        raise ConflictError(f"step {step}", problem, "run the command again to replan")
    return {**file, "path": str(path), "size": found.size, "stamp": found.stamp}


def take_inputs(steps: tuple[PlannedStep, ...], sandbox: Path, store: Store) -> None:
    """Put the results that these steps read from other nodes into this job's store."""
    own = {step.key for step in steps}
    for key in dict.fromkeys(key for step in steps for key in step.needs):
        if key not in own:
            take_result_in(key, sandbox, store)
