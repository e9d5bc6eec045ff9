"""Prove that jobs find all modules that they import.

A clean process imports them from the packed environment, unpacked elsewhere.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wingspan.files import json_text
from wingspan.planning.modules import locate
from wingspan.planning.plan import PlannedStep
from wingspan.runner.htcondor.check.preflight import Check
from wingspan.runner.htcondor.write.archive import UNPACK
from wingspan.shown import counted, listed
from wingspan.store.libraries import module_of, with_companions

_OURS = "wingspan.runner.htcondor.execution_point.run"  # what a job begins with
_TITLE = "imports"
_LINES = 3  # of what went wrong, where more than an import did
_TRY = """
import importlib, json, sys
wanted = json.load(sys.stdin)
sys.path[:0] = wanted["paths"]
said = {}
for name in wanted["modules"]:
    try:
        importlib.import_module(name)
    except BaseException as error:
        said[name] = [type(error).__name__, str(error), getattr(error, "name", None) or ""]
with open("/proc/self/maps") as maps:
    files = {line.split(maxsplit=5)[5].strip() for line in maps if len(line.split()) > 5}
with open(sys.argv[1], "w") as out:
    json.dump({"failed": said, "files": sorted(files)}, out)
"""
_FOREIGN = ("site-packages", "dist-packages", "lib-dynload")


def prove_imports(
    steps: Sequence[PlannedStep],
    environment: Path,
    code: Mapping[str, Mapping[Path, bytes]],
    home: Path,
) -> Check:
    """Import in a clean process all modules that the jobs of some steps import.

    They come from the environment and from the project's files.

    Parameters
    ----------
    environment
        Its archive, or the folder of one that is unpacked.
    code
        Folder that modules are imported from -> file -> its content.
    home
        Where there is room to unpack the archive for a while.
    """
    modules = dict.fromkeys([_OURS, *wanted_libraries(steps), *_own_modules(steps)])
    with folder_in(home) as work:
        problem = _unpack(environment, work) if environment.is_file() else ""
        if problem:
            fix = "free some space, or name another folder: --home"
            return Check(
                _TITLE, False, f"the packed environment cannot be unpacked: {problem}", fix
            )
        paths = [str(path) for path in _write_code(code, work / "code")]
        place = work if environment.is_file() else environment
        said = _import(list(modules), paths, work, place)
        if isinstance(said, str):
            fix = 'use another Python, a container image, or environment = "installed"'
            return Check(
                _TITLE, False, f"Python of the packed environment does not start: {said}", fix
            )
    failed: Mapping[str, list[str]] = said["failed"]
    if failed:
        return _refused(failed, steps)
    strange = [file for file in said["files"] if _is_foreign(file, place)]
    if strange:
        problem = f"the packed environment loads files of this machine: {listed(strange)}"
        return Check(_TITLE, False, problem, "install these packages without links to other places")
    text = (
        f"{counted(len(modules), 'module')} of {counted(len(steps), 'step')} imported from the environment that jobs get,"
        " and nothing else of this machine; what code imports by names made at run time is not seen"
    )
    return Check(_TITLE, True, text, facts={"modules": list(modules)})


def wanted_libraries(steps: Iterable[PlannedStep]) -> list[str]:
    """Return the modules of libraries to import, of those that are installed here."""
    names = with_companions(name for step in steps for name in step.libraries)
    project = Path.cwd()
    places = {name: locate(name, project) for name in sorted(names)}
    return [
        module_of(name)
        for name, place in places.items()
        if place is not None and place.kind == "distribution"
    ]


def _own_modules(steps: Iterable[PlannedStep]) -> list[str]:
    found = dict.fromkeys(step.action["module"] for step in steps if "module" in step.action)
    return [name for name in found if name.partition(".")[0] != "wingspan"] + [
        name for name in found if name.partition(".")[0] == "wingspan"
    ]


def _refused(failed: Mapping[str, Sequence[str]], steps: Sequence[PlannedStep]) -> Check:
    lines = []
    for name, (kind, text, _) in failed.items():
        top = name.partition(".")[0]
        users = [step.name for step in steps if top in with_companions(step.libraries)]
        users += [step.name for step in steps if step.action.get("module") == name]
        lines.append(f"{name} ({_why(top, steps)} {listed(users or ['Wingspan'])}): {kind}: {text}")
    absent = sorted({missing.partition(".")[0] for *_, missing in failed.values() if missing})
    fix = "correct the file, so that it can be imported without anything of this machine"
    if absent:
        fix = f"install what is missing, pip install {' '.join(absent)}; or import it at the top of the steps' file"
    return Check(_TITLE, False, f"jobs could not import {'; '.join(lines[:_LINES])}", fix)


def _why(library: str, steps: Sequence[PlannedStep]) -> str:
    named = any(library in step.libraries for step in steps)
    return "needed by" if named else "its values are stored with it, needed by"


def _unpack(archive: Path, folder: Path) -> str:
    """Unpack as a job does; return what went wrong."""
    words = ["/bin/sh", "-c", f'{UNPACK}\nunpack "$@"', "sh", str(archive), str(folder)]
    done = subprocess.run(words, env=_bare(), capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode else ""


def _import(modules: list[str], paths: list[str], folder: Path, place: Path) -> Any:  # noqa: ANN401 - JSON
    """Return what a clean interpreter says of some imports; a text if it does not start."""
    python, out = place / "python/bin/python3", folder / "said.json"
    environment = {**_bare(), "LD_LIBRARY_PATH": str(place / "python/lib"), "HOME": str(folder)}
    done = subprocess.run(
        [str(python), "-P", "-c", _TRY, str(out)],
        input=json_text({"modules": modules, "paths": paths}),
        env=environment, cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if not out.exists():
        return done.stderr.strip()[-500:] or f"it ended with {done.returncode}"
    return json.loads(out.read_text())


def _bare() -> dict[str, str]:
    return {"PATH": os.defpath}


def _is_foreign(file: str, work: Path) -> bool:
    parts = Path(file).parts
    return not file.startswith(str(work)) and any(name in parts for name in _FOREIGN)


def _write_code(code: Mapping[str, Mapping[Path, bytes]], folder: Path) -> Iterator[Path]:
    for number, (root, files) in enumerate(code.items()):
        place = folder / str(number)
        for file, content in files.items():
            target = place / file.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        yield place


@contextmanager
def folder_in(parent: Path) -> Iterator[Path]:
    """Give a new folder, gone at the end."""
    parent.mkdir(parents=True, exist_ok=True)
    path = Path(tempfile.mkdtemp(prefix=".wingspan-check-", dir=parent)).resolve()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
