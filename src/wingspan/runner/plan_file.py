"""The plan in a run folder, and the history that a pipeline's next plan is compared with."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

from wingspan.errors import FormatError, NotFoundError
from wingspan.files import json_text, write_atomically, writing
from wingspan.pipeline.handles import maps_of
from wingspan.planning.plan import Plan, PlannedStep, history, step_from_json
from wingspan.runner.job.kept_code import write_code
from wingspan.runner.prepare import write_constants
from wingspan.runner.run_folder import LOCAL, Home, RunFolder
from wingspan.store.forced import write_again

_FORMAT = 2  # of a plan in a run folder; plans of an older format are read, but not carried out


def save_plan(
    plan: Plan,
    folder: RunFolder,
    home: Home,
    on: str = LOCAL,
    shared: Path | None = None,
    origin: Mapping[str, Any] | None = None,
    pool: Mapping[str, object] | None = None,
) -> None:
    """Write a plan into a new run folder, and the history for the next plan.

    Parameters
    ----------
    origin
        What started the run: see `Pipeline.origin`.
    pool
        Keys of the pool's profile for this run.
    """
    from wingspan.runner.started import COMMAND  # no job needs it

    with writing(folder.root):
        folder.root.mkdir(parents=True, exist_ok=True)
        write_constants(plan, folder)
        write_code(plan.sources, folder)
        write_atomically(folder.root / "on", on)
        if shared is not None:
            write_atomically(folder.root / "shared", str(shared))
        if pool:
            write_atomically(folder.root / "pool", json_text(dict(pool)))
    header = {
        "format": _FORMAT,
        "pipeline": plan.pipeline,
        "created": time.time(),
        "home": str(home.root),
        "groups": plan.groups,
        "why": plan.why,
        "notes": plan.notes,
        "maps": plan.maps,
        "limits": plan.limits,
        "tasks": plan.tasks,
        "origin": {**(origin or {}), "words": list(COMMAND.get())},
    }
    lines = [json_text(header), *(json_text(asdict(step)) for step in plan.steps)]
    write_atomically(folder.plan, "\n".join(lines) + "\n")
    write_again(home.store, plan.again)
    made = {"pipeline": plan.pipeline, "steps": history(plan), "folders": plan.folders}
    if plan.part:  # the other steps are as they were
        before = _history(home, plan.pipeline)
        made["steps"] = {**steps_in(before), **history(plan)}
        made["folders"] = {**before.get("folders", {}), **plan.folders}
    write_atomically(home.history(plan.pipeline), json_text(made))


def load_plan(folder: RunFolder) -> Plan:
    """Read a run folder's plan; `done` is as of the time when the plan was made."""
    try:
        header, *lines = (json.loads(line) for line in folder.plan.read_text().splitlines())
    except FileNotFoundError:
        raise NotFoundError(
            str(folder.root), "there is no run here", "`wingspan runs` lists the runs"
        ) from None
    _refuse_newer(folder, header)
    steps = tuple(step_from_json(line) for line in lines)
    was, now = Path(header.get("home", "")), folder.root.parents[1]
    if header.get("home") and was != now and not was.exists():
        steps = tuple(_moved(step, was.parent, now.parent) for step in steps)
    groups = tuple(tuple(group) for group in header["groups"])
    maps = header.get("maps")
    if maps is None:  # as an older version wrote it
        maps = maps_of((step.name for step in steps), {})
    notes = tuple(header.get("notes", ()))
    limits = header.get("limits", {})
    tasks = {key: tuple(map(tuple, of)) for key, of in header.get("tasks", {}).items()}
    why = header["why"]
    return Plan(
        header["pipeline"],
        steps,
        groups,
        why=why,
        notes=notes,
        maps=maps,
        limits=limits,
        tasks=tasks,
    )


def _moved(step: PlannedStep, was: Path, now: Path) -> PlannedStep:
    """Return a step with the present paths of its input files, after a move of the project."""
    files = []
    for file in step.files:
        path = Path(file["path"])
        there = now / path.relative_to(was) if path.is_relative_to(was) else path
        files.append({**file, "path": str(there)} if there.exists() else file)
    return replace(step, files=tuple(files))


def read_history(home: Home, pipeline: str) -> dict[str, Any]:
    """Return what the last plan of a pipeline was made of; empty without a readable one."""
    return steps_in(_history(home, pipeline))


def folders_known(
    home: Home, pipeline: str, now: Mapping[str, Mapping[str, str]]
) -> Callable[[str], Mapping[str, str]]:
    """Return a function from an input folder's digest to its files, as of now or the last plan."""

    @cache
    def before() -> Mapping[str, Mapping[str, str]]:
        found: Mapping[str, Mapping[str, str]] = _history(home, pipeline).get("folders", {})
        return found

    return lambda digest: now.get(digest) or before().get(digest, {})


def _history(home: Home, pipeline: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(home.history(pipeline).read_text())
    except (FileNotFoundError, ValueError):
        return {}
    # some file systems ignore case
    name = found.get("pipeline", pipeline)
    return {} if isinstance(name, str) and name != pipeline else found


def steps_in(history: dict[str, Any]) -> dict[str, Any]:
    """Return the steps of a history; an older version wrote only the steps."""
    steps: dict[str, Any] = (
        history["steps"] if isinstance(history.get("pipeline"), str) else history
    )
    return steps


def require_format(folder: RunFolder) -> None:
    """Refuse a plan that this version cannot carry out.

    Raises
    ------
    FormatError
        Another version of Wingspan made the plan.
    """
    try:
        with folder.plan.open() as lines:
            header = json.loads(lines.readline())
    except FileNotFoundError:  # `load_plan` reports it
        return
    _refuse_newer(folder, header)
    found = header.get("format")
    if found != _FORMAT:
        problem = f"its plan has format {found}, but this version carries out format {_FORMAT}"
        raise FormatError(f"run {folder.run_id}", problem, "run it again: wingspan run FILE.py")


def _refuse_newer(folder: RunFolder, header: Mapping[str, Any]) -> None:
    """Refuse a plan whose format this version does not know."""
    found = header.get("format", _FORMAT)
    if found > _FORMAT:
        problem = f"its plan has format {found}, and this version reads formats up to {_FORMAT}"
        raise FormatError(
            f"run {folder.run_id}", problem, "use the newer Wingspan that made the run"
        )
