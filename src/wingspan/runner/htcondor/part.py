"""A part of a plan, carried out on an execution point: from the files that came to the files that go back.

::

    SANDBOX/
      NODE.json                 the steps, and what this module must know of the access point
      code-DIGEST.zip           the user's modules
      KEY.json, KEY.OUTPUT, ... results of other nodes; the user's files and constants under their own names;
                                where there is a shared folder, all these are read there, and outputs written there
      home/                     a Wingspan home of this job: what is done and checkpoints, all that a restart needs
      KEY.json, KEY.OUTPUT, KEY.stdout.txt, ...  in the end: one set for each step of the part
"""

import json
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from wingspan.errors import ConflictError, NotFoundError, SpaceError, WingspanError
from wingspan.files import disk_errors, json_text
from wingspan.pipeline.resources import Resources
from wingspan.planning.digest_cache import DigestCache
from wingspan.planning.plan import Plan, PlannedStep, step_from_json
from wingspan.runner.attempt import constants_of
from wingspan.runner.failure import refusal
from wingspan.runner.htcondor.growth import ends_here, told
from wingspan.runner.htcondor.hold_policy import (
    CHECKPOINT_EXIT,
    DISK_EXIT,
    FAILED_EXIT,
    MEMORY_EXIT,
)
from wingspan.runner.htcondor.known import take_known
from wingspan.runner.htcondor.packing import PACKED, link_once, pack_folder, take_result_in
from wingspan.runner.htcondor.progress_line import ProgressLine
from wingspan.runner.htcondor.reference import sent_name
from wingspan.runner.htcondor.room import (
    drop_room,
    give_up_room,
    keep_room,
    refuse_full_disk,
    without_room,
)
from wingspan.runner.htcondor.shared import (
    STORE,
    constant_in,
    file_in,
    problem_of,
    unusable,
)
from wingspan.runner.job import SCHEMA, file_name
from wingspan.runner.local import LocalRunner
from wingspan.runner.run_folder import (
    CHECKPOINT,
    INPUTS,
    METRICS,
    STDERR,
    STDOUT,
    Home,
    RunFolder,
    read_result,
)
from wingspan.runner.runner import DONE, FAILED, Outcome, StepEvent
from wingspan.runner.schedule import Machine, this_machine
from wingspan.runner.undeclared import on_execution_point
from wingspan.store.store import Store

LOGS = (STDOUT, STDERR, METRICS)
_LOOK_S = 1.0
_SHOWN_MOST = 1 << 16  # bytes of output shown at each look


class _Interrupt(BaseException):
    """A checkpoint is to be sent."""


def run_part(sandbox: Path, name: str) -> int:
    """Run the steps of ``NAME.json``; leave their results in the sandbox's top folder, and return the exit code.

    Raises
    ------
    ConflictError
        A file that came is not the one the plan was made for.
    """
    part = _part(sandbox, name)
    home = Home(sandbox / "home")
    folder = RunFolder(home.runs / "part")
    folder.root.mkdir(parents=True, exist_ok=True)
    folder.plan.touch()  # a run of this home: what an interrupted one left is gone on from
    keep_room(home.root)
    shared = _reach_shared(part, home)
    moved = _unpack_code(sandbox, part)
    provided = _provided(sandbox)
    steps = tuple(
        _localise(step_from_json(line), (sandbox, shared), folder, moved, provided)
        for line in part["steps"]
    )
    store = Store(home.store, durable=shared is not None)  # a sandbox does not outlive its machine
    _take_inputs(steps, sandbox, store)
    take_known(part["known"], steps, sandbox, store)
    done = store.done(step.key for step in steps)
    plan = Plan(part["pipeline"], tuple(replace(step, done=step.key in done) for step in steps), ())
    try:
        with (
            disk_errors(sandbox),
            closing(ProgressLine({step.key: step.done for step in plan.steps})) as line,
            _checkpoints(folder, part["checkpoint_every_s"], line.flush),
        ):
            runner = LocalRunner(_machine(steps), fork=True, durable=shared is not None)
            outcome = runner.run(plan, folder, home, line)
            refuse_full_disk(outcome, steps, sandbox)
    except _Interrupt:
        drop_room(home.root)  # the home travels
        _drop_links(home.root)
        return CHECKPOINT_EXIT
    except SpaceError as error:
        why = give_up_room(error, home.root, _asked_disk(part), part["most"].get("disk"))
        outcome = without_room(why, steps, folder.run_id, store)
    largest = ends_here(provided, part["most"])
    outcome = told(outcome, part["most"]) if largest else outcome
    _hand_over(outcome, steps, sandbox, folder, store, _origins(part, steps, moved))
    if outcome.ok:
        return 0
    causes = {event.cause for event in outcome.failed} if provided else set()
    if "disk" in causes:
        return DISK_EXIT
    return MEMORY_EXIT if "memory" in causes and not largest else FAILED_EXIT


def _part(sandbox: Path, name: str) -> dict[str, Any]:
    """Return what a node has to do; a run that an older version submitted says nothing of the largest slots."""
    return {"most": {}, "known": {}, **json.loads((sandbox / f"{name}.json").read_text())}


def _reach_shared(part: Mapping[str, Any], home: Home) -> Path | None:
    """Return the DAG's place in the shared folder, whose store becomes this job's; None if there is none.

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


def _drop_links(home: Path) -> None:
    """Remove what leads out of a home before it is sent as a checkpoint: the next start makes it anew."""
    for path in home.rglob("*"):
        if path.is_symlink():
            path.unlink()


def _unpack_code(sandbox: Path, part: Mapping[str, Any]) -> dict[str, str]:
    """Unpack the user's modules and put them first on the path of all jobs; return old folder -> new."""
    moved = {root: str(sandbox / "code" / str(number)) for number, root in enumerate(part["roots"])}
    if part["code"]:
        import zipfile

        with zipfile.ZipFile(sandbox / part["code"]) as archive:
            archive.extractall(sandbox / "code")
    known = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([*moved.values(), *([known] if known else [])])
    sys.path[:0] = moved.values()
    return moved


def _provided(sandbox: Path) -> dict[str, int]:
    """Return what the slot gives, from its ad: ``Cpus``, ``Memory`` in MB; empty outside HTCondor."""
    path = Path(os.environ.get("_CONDOR_MACHINE_AD", sandbox / ".machine.ad"))
    found = {}
    for line in path.read_text(errors="replace").splitlines() if path.exists() else []:
        name, _, value = line.partition(" = ")
        if name in {"Cpus", "Memory"} and value.strip().isdigit():
            found[name] = int(value)
    return found


def _localise(
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
        raise ConflictError(
            f"step {step}", problem, "give the same command again: the plan is made anew"
        )
    return {**file, "path": str(path), "size": found.size, "stamp": found.stamp}


def _take_inputs(steps: tuple[PlannedStep, ...], sandbox: Path, store: Store) -> None:
    """Put the results of other nodes, as far as these steps read them, into the store of this job."""
    own = {step.key for step in steps}
    for key in dict.fromkeys(key for step in steps for key in step.needs):
        if key not in own:
            take_result_in(key, sandbox, store)


def _asked_disk(part: Mapping[str, Any]) -> int:
    """Return the disk that the job's steps asked for, in MB."""
    return max(Resources(**step["resources"]).disk_mb for step in part["steps"])


def _machine(steps: tuple[PlannedStep, ...]) -> Machine:
    """Return what this job may use: the request of its steps, and the GPUs the slot gave it."""
    free = this_machine()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        free.gpus = [name for name in visible.split(",") if name]
    free.cpus = max(int(step.resources.get("cpus", 1)) for step in steps)
    return free


@contextmanager
def _checkpoints(folder: RunFolder, every_s: float, each_s: Callable[[], None]) -> Iterator[None]:
    """While the steps run: once a new checkpoint is old enough to be worth it, interrupt them to send it home.

    Parameters
    ----------
    each_s
        Is called each second.
    """
    begin = time.time()
    shown: dict[Path, int] = {}

    def look(*_: object) -> None:
        _show_output(folder, shown)
        each_s()
        if time.time() - begin < every_s:
            return
        made = folder.root.glob(f"steps/*/*/{CHECKPOINT}")
        if any(path.stat().st_mtime > begin for path in made):
            raise _Interrupt

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, _LOOK_S, _LOOK_S)  # no thread: this process forks
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _show_output(folder: RunFolder, shown: dict[Path, int]) -> None:
    """Copy what the steps have written since the last call to the job's own output, where condor_tail reads it.

    Parameters
    ----------
    shown
        How many bytes of each file have been.
    """
    with suppress(OSError):  # a full disk is told by who must write
        for log in folder.root.glob(f"steps/*/*/{STDOUT}"):
            with log.open("rb") as file:
                file.seek(shown.get(log, 0))
                new = file.read(_SHOWN_MOST)
            os.write(1, new)
            shown[log] = shown.get(log, 0) + len(new)


def _hand_over(
    outcome: Outcome,
    steps: tuple[PlannedStep, ...],
    sandbox: Path,
    folder: RunFolder,
    store: Store,
    origins: Mapping[str, str],
) -> None:
    """Put each step's result, outputs and logs into the sandbox's top folder, under the step's key.

    Parameters
    ----------
    origins
        Path here -> path on the access point, of code and input files.
    """
    for step in steps:
        event = outcome.steps.get(step.name)
        if event is None or event.state not in {DONE, FAILED}:
            continue
        attempts = folder.attempts(step.key)
        known: Mapping[str, str] = {}  # what goes well is told as it is
        if event.state == DONE:
            result = on_execution_point(store.result(step.key))
            if not store.root.is_symlink():  # else they are where readers find them
                outputs = result["outputs"]
                result[PACKED] = [o for o in outputs if _send(step.key, o, store, sandbox)]
        else:
            found = read_result(attempts[-1]) if attempts else None
            known = {**origins, **_in_attempt(step, attempts[-1], origins)} if attempts else origins
            result = _failed(step, event, found, known)
        result["job_memory_mb"] = job_memory_mb()
        for log in LOGS if attempts else ():
            made = attempts[-1] / log
            if made.exists() and made.stat().st_size:
                _send_log(made, sandbox / file_name(step.key, log), known)
        (sandbox / f"{step.key}.json").write_text(json_text(result))


def job_memory_mb() -> float:
    """Return the most MB that a process of this job has held, its libraries included, as HTCondor counts it.

    HTCondor looks now and then, and may see no more of a short job than its beginning.
    """
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024


def _origins(
    part: Mapping[str, Any], steps: Iterable[PlannedStep], moved: Mapping[str, str]
) -> dict[str, str]:
    """Return, by their paths here, the paths of code and input files on the access point."""
    given = [file["path"] for line in part["steps"] for file in line["files"]]
    here = [file["path"] for step in steps for file in step.files]
    return dict(zip(here, given, strict=True)) | {new: old for old, new in moved.items()}


def _in_attempt(step: PlannedStep, attempt: Path, origins: Mapping[str, str]) -> dict[str, str]:
    """Return the origins of a step's inputs by their paths in its folder; what else is there is told relative to it."""
    inputs = {str(attempt / INPUTS / file["name"]): file["path"] for file in step.files}
    return {f"{attempt}/": "", **{here: origins.get(path, path) for here, path in inputs.items()}}


def _send_log(made: Path, target: Path, origins: Mapping[str, str]) -> None:
    """Copy what a step wrote, line by line with the paths of the access point."""
    if not origins:
        shutil.copyfile(made, target)
        return
    with made.open("rb") as source, target.open("wb") as file:
        file.writelines(os.fsencode(_translated(os.fsdecode(line), origins)) for line in source)


def _translated(text: str, origins: Mapping[str, str]) -> str:
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
    words = {json.dumps(here)[1:-1]: json.dumps(there)[1:-1] for here, there in origins.items()}
    translated: dict[str, Any] = json.loads(_translated(json_text(whole), words))
    return translated


def main(arguments: list[str]) -> None:
    """Run the part of the node named on the command line, in the current folder."""
    sandbox, name = Path.cwd(), arguments[0]
    try:
        with disk_errors(sandbox):
            code = run_part(sandbox, name)
    except (WingspanError, OSError) as error:  # what came is not what was planned, or has no room
        part = _part(sandbox, name)
        if not isinstance(error, WingspanError):
            if not part["shared"]:
                raise
            error = unusable(Path(part["shared"]), str(error))
        code, why = FAILED_EXIT, refusal(error)
        if isinstance(error, SpaceError):
            code, why = (
                DISK_EXIT,
                give_up_room(error, sandbox / "home", _asked_disk(part), part["most"].get("disk")),
            )
        for step in part["steps"]:
            result = {"schema": SCHEMA, "key": step["key"], "status": "failed", "outputs": {}}
            whole = {**result, "failure": why._asdict()}
            (sandbox / f"{step['key']}.json").write_text(json_text(whole))
    sys.exit(code)


if __name__ == "__main__":
    main(sys.argv[1:])
