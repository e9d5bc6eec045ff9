"""All that happens in a job: read job.json, load, call, encode, write result.json last.

Each job is a fresh fork, in which the first use of any code copies the memory that it lies in. So paths are texts here:
pathlib's own code would be a good part of what a small step costs.
"""

import contextlib
import faulthandler
import functools
import importlib
import json
import os
import random
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from wingspan.errors import NotFoundError, SpaceError, StepFailedError, WingspanError
from wingspan.files import json_text, no_room, read_file, remove, write_file
from wingspan.planning.key import content_key, seeding
from wingspan.runner.job import forks, inside
from wingspan.runner.job.brief import brief
from wingspan.runner.job.input_files import (
    PLANNED,
    RUNNING,
    planned_files,
    require_same,
    results_read,
)
from wingspan.runner.job.kept_code import import_kept, import_source_from
from wingspan.runner.job.noting import watch, without_notes
from wingspan.runner.job.process import NO_SPACE, PRUNED
from wingspan.runner.job.raised import describe
from wingspan.runner.run_folder import INPUTS, JOB, OUTPUTS, RESULT, WORK, code_of, file_name
from wingspan.store.annotation import VALUE, TypeName, read_return
from wingspan.store.codec import decode, encode
from wingspan.store.store import read_digest
from wingspan.store.tree import from_tree

SCHEMA = 1
_PARAMETERS = ".wandb-parameters.yaml"


def before_forks() -> None:
    """Prepare in a template what every job needs."""
    watch()


def run_job(folder: str | Path) -> int:
    """Run the job of a folder; return 0 if it has its outputs, 1 if its result says why not.

    `NO_SPACE` if there is no room on the disk even for the result.
    """
    try:
        return _run(os.path.abspath(folder))  # noqa: PTH100
    except SpaceError:
        return NO_SPACE
    except OSError as error:
        if no_room(error):
            return NO_SPACE
        raise


def _run(folder: str) -> int:
    job = json.loads(read_file(f"{folder}/{JOB}").decode())
    result = _begin(job)
    clock, cpu = time.perf_counter(), os.times()
    try:
        result |= _perform(job, folder)
        result["status"] = "ok"
    except BaseException as error:  # noqa: BLE001 - the one place: whatever a step raises becomes its result
        with contextlib.suppress(Exception):  # of odd exceptions
            without_notes(error)
        raised = describe(error, job, Path(folder))
        result |= {"status": "failed", "outputs": {}, "error": raised}
        with contextlib.suppress(Exception):  # the step may have closed it
            sys.stderr.write(raised["traceback"])
    if inside.was_stopped(folder):
        result = {**result, "status": PRUNED, "outputs": {}}
        result.pop("error", None)
        remove(Path(folder) / OUTPUTS)
    now = os.times()
    result |= {
        "ended": time.time(),
        "wall_s": time.perf_counter() - clock,
        "cpu_s": sum(now[:4]) - sum(cpu[:4]),
    }
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    _write(result, folder)
    return 0 if result["status"] in {"ok", PRUNED} else 1


def _begin(job: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "key": job["key"],
        "key_format": job["key_format"],
        "step": job["step"],
        "attempt": job["attempt"],
        "host": socket.gethostname(),
        "python": sys.version.split()[0],
        "started": time.time(),
    }


def _write(result: Mapping[str, Any], folder: str) -> None:
    """Write result.json: whole, or not at all."""
    draft = f"{folder}/.{os.getpid()}.{RESULT}"
    write_file(draft, json_text(result))
    os.rename(draft, f"{folder}/{RESULT}")  # noqa: PTH104


def _perform(job: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """Make the call and encode its value; return each output's record, and the fields' type."""
    _enter(folder)
    inputs = require_same(job, planned_files(job, folder), *PLANNED) + results_read(
        job, folder, _made
    )
    if "command" in job["action"]:
        outputs = _run_command(job, folder)
        fields = job["action"].get("fields", sorted(outputs))
        made: dict[str, Any] = {"outputs": outputs, "fields": fields}
    else:
        forks.watch(functools.partial(_end_stuck, job, folder, os.getpid()))
        reads = watch()
        reads.begin(job, folder)
        function = _load(job, folder)
        _seed(job, folder)
        arguments = {name: _value(tree, job, folder) for name, tree in job["arguments"].items()}
        made = _encode(function(**arguments), function, job, folder)
        if found := reads.found():
            made["reads"] = found
    require_same(job, inputs, *RUNNING)
    return made | {"inputs": _read_digests(job, folder)}


def _enter(folder: str) -> None:
    """Enter the job's work folder and empty its outputs, which an earlier start may have left."""
    outputs, work = f"{folder}/{OUTPUTS}", f"{folder}/{WORK}"
    remove(outputs)
    os.mkdir(outputs)  # noqa: PTH102
    if not os.path.isdir(work):  # noqa: PTH112
        os.mkdir(work)  # noqa: PTH102
    os.chdir(work)
    inside.enter(folder)


def _read_digests(job: Mapping[str, Any], folder: str) -> dict[str, str]:
    """Return the digests of the steps' results that were read, by place in the arguments."""
    return {
        place: read_digest(_made(folder, source["key"]), source["output"])
        for place, source in job["inputs"].items()
    }


@functools.cache
def _made(folder: str, key: str) -> dict[str, Any]:
    """Return the result of another step; it never changes."""
    found: dict[str, Any] = json.loads(read_file(f"{folder}/{INPUTS}/{key}.json").decode())
    return found


def _load(job: Mapping[str, Any], folder: str) -> Callable[..., Any]:
    """Import the step's function, or rebuild one that no file has by name."""
    action = job["action"]
    if job["code"]:
        import_kept(code_of(folder), job["code"])
    elif "root" in action:
        import_source_from(action["root"])
    if "cloudpickle" in action:
        import cloudpickle

        name = action["cloudpickle"].partition(":")[2]
        content = decode(f"{folder}/{INPUTS}/{name}", action["record"])
        rebuilt: Callable[..., Any] = cloudpickle.loads(content)
        return rebuilt
    found: Any = importlib.import_module(action["module"])
    loaded = getattr(found, "__file__", None)
    if loaded != action["file"] and not (loaded and Path(loaded).samefile(action["file"])):
        problem = f"module {action['module']}: expected the file {action['file']}, found {loaded}"
        raise NotFoundError(
            "job", problem, "rename your module: another one with this name is found first"
        )
    for part in action["qualname"].split("."):
        found = getattr(found, part)
    function: Callable[..., Any] = found
    return function


def _seed(job: Mapping[str, Any], folder: str) -> None:
    """Seed random, and NumPy and torch if the code uses libraries, from the step's arguments.

    The seed comes from the bytes of the inputs, not from their keys, so that an adopted result has the same seed.
    """
    seed = int(content_key(seeding(job["base"]), _read_digests(job, folder))[:8], 16)
    random.seed(seed)
    if job["preload"]:
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module("numpy").random.seed(seed)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


def _value(tree: Any, job: Mapping[str, Any], folder: str) -> Any:  # noqa: ANN401
    """Rebuild an argument from its tree of JSON's types."""
    trusted = frozenset(job["modules"])

    def part(node: Mapping[str, Any]) -> Any:  # noqa: ANN401
        if "input" in node:
            return _input(job["inputs"][node["input"]], folder, trusted)
        if "file" in node:
            return Path(f"{folder}/{INPUTS}/{node['file']}")
        name = node["constant"].partition(":")[2]
        return decode(f"{folder}/{INPUTS}/{name}", node["record"], trusted)

    return from_tree(tree, part)


def _input(source: Mapping[str, Any], folder: str, trusted: frozenset[str]) -> Any:  # noqa: ANN401
    """Decode the result of another step: one output, or all as the NamedTuple they came from."""
    made = _made(folder, source["key"])
    values = {
        output: decode(f"{folder}/{INPUTS}/{file_name(source['key'], output)}", record, trusted)
        for output, record in made["outputs"].items()
        if source["output"] in {None, output}
    }
    return whole(made, values) if source["output"] is None else values[source["output"]]


def whole(made: Mapping[str, Any], values: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Return a step's result from its outputs: the value, or the NamedTuple of all fields."""
    values = {name: values[name] for name in made.get("fields", values)}  # JSON has sorted them
    if "type" not in made:
        return values[VALUE] if set(values) == {VALUE} else _tuple_like("Files", values)
    module, _, name = made["type"].rpartition(".")
    try:
        kind = getattr(importlib.import_module(module), name)
    except (
        ImportError,
        AttributeError,
    ):  # the class of a script or a notebook: make an equal one
        return _tuple_like(name, values)
    return kind(**values)


def _tuple_like(name: str, values: Mapping[str, Any]) -> Any:  # noqa: ANN401
    from collections import namedtuple

    return namedtuple(name, list(values))(**values)


def _encode(
    value: object, function: Callable[..., Any], job: Mapping[str, Any], folder: str
) -> dict[str, Any]:
    """Write each output; return their records."""
    returns = read_return(function)
    if returns is None or returns.kind != "namedtuple":
        records = {VALUE: _encode_one(value, returns, VALUE, job, folder)}
        return {"outputs": records, "shown": {VALUE: brief(value)}}
    missing = [name for name, _ in returns.fields if not hasattr(value, name)]
    if missing:
        problem = f"expected a {returns.name}, found {type(value).__qualname__} without {', '.join(missing)}"
        raise StepFailedError(
            f"step {job['step']}", problem, "return a value of the annotated type"
        )
    records = {
        name: _encode_one(getattr(value, name), kind, name, job, folder)
        for name, kind in returns.fields
    }
    shown = {name: brief(getattr(value, name)) for name in records}
    fields = [name for name, _ in returns.fields]
    return {"outputs": records, "type": returns.name, "fields": fields, "shown": shown}


def _encode_one(
    value: object, kind: TypeName | None, name: str, job: Mapping[str, Any], folder: str
) -> dict[str, Any]:
    path, trusted = f"{folder}/{OUTPUTS}/{name}", frozenset(job["modules"])
    said = "result" if name == VALUE else f"result.{name}"
    try:
        record: dict[str, Any] = encode(
            value, path, kind, own=f"{folder}/{WORK}", trusted=trusted, name=said
        )
    except WingspanError as error:
        place = f"step {job['step']}, {error.where}"
        raise type(error)(place, error.problem, error.fix) from error
    return record


def _run_command(job: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """Run a shell command in the work folder and collect the files that it declares as outputs."""
    import shlex
    import subprocess

    from wingspan.tracking.job_environment import for_jobs

    work, inputs = Path(f"{folder}/{WORK}"), f"{folder}/{INPUTS}"
    outputs: dict[str, str] = job["action"]["outputs"]
    for name, file in job["action"]["files"].items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).symlink_to(f"{inputs}/{file}")
    words = {name: shlex.quote(_word(tree, job, folder)) for name, tree in job["arguments"].items()}
    command = job["action"]["command"].format(**words)
    shown = os.fsencode(command).decode(errors="backslashreplace")
    print(f"+ {shown}", flush=True)  # noqa: T201 - into the step's own output
    environment = {
        **for_jobs(os.environ),
        **_for_wandb(job, work),
        inside.FOLDER: str(folder),
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",
    }
    done = subprocess.run(["/bin/sh", "-c", command], cwd=work, env=environment, check=False)
    if done.returncode:
        problem = f"the command ended with exit code {done.returncode}: {command}"
        raise StepFailedError(
            f"step {job['step']}", problem, f"read its output: wingspan logs {job['step']}"
        )
    missing = [path for path in outputs.values() if not (work / path).exists()]
    if missing:
        problem = f"the command succeeded but did not write {', '.join(missing)}"
        raise StepFailedError(
            f"step {job['step']}",
            problem,
            "correct `outputs`: paths are relative to the step's folder",
        )
    return {
        name: encode(work / path, f"{folder}/{OUTPUTS}/{name}", own=str(work))
        for name, path in outputs.items()
    }


def _for_wandb(job: Mapping[str, Any], work: Path) -> dict[str, str]:
    """Return the variables that give a script's W&B client its name and a sweep's parameters."""
    named = {"WANDB_RUN_ID": str(job["key"])[:16], "WANDB_DIR": str(work)}
    parameters = job["action"].get("parameters")
    if parameters is None:
        return named
    given = {"wandb_version": 1, **{name: {"value": each} for name, each in parameters.items()}}
    (work / _PARAMETERS).write_text(json.dumps(given))  # JSON is YAML
    return {**named, "WANDB_SWEEP_PARAM_PATH": str(work / _PARAMETERS)}


def _word(tree: Any, job: Mapping[str, Any], folder: str) -> str:  # noqa: ANN401
    """Return an argument as a word of a command line: a path, text, or the stored form's path."""
    if not (isinstance(tree, dict) and "$" in tree and "input" in tree):
        return str(_value(tree, job, folder))
    source = job["inputs"][tree["input"]]
    output = source["output"] or VALUE
    made = _made(folder, source["key"])
    if made["outputs"][output]["codec"].partition("/")[0] in {"path", "json"}:
        return str(_input(source, folder, frozenset()))
    return f"{folder}/{INPUTS}/{file_name(source['key'], output)}"


def _end_stuck(job: Mapping[str, Any], folder: str, leader: int, stack: str) -> None:
    """Write the result of a job that would wait for ever for a forked process, and end the job."""
    error = StepFailedError(f"step {job['step']}", forks.PROBLEM, forks.FIX)
    stuck = {
        **describe(error, job, Path(folder)),
        "traceback": f"Stack of the forked process:\n{stack}",
    }
    result = _begin(job) | {"status": "failed", "outputs": {}, "error": stuck, "wall_s": 0.0}
    _write(result, folder)
    with contextlib.suppress(ProcessLookupError):  # another forked process was faster
        os.kill(leader, signal.SIGKILL)


def main() -> None:
    """Run the job of a folder: ``python -m wingspan.runner.job FOLDER``."""
    from wingspan.runner.job.process import FIXED_HASHES

    if not FIXED_HASHES.items() <= os.environ.items():  # they count when Python starts
        os.execve(sys.executable, sys.orig_argv, {**os.environ, **FIXED_HASHES})
    faulthandler.enable()
    sys.exit(run_job(sys.argv[1]))
