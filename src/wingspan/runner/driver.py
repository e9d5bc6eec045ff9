"""Write a plan into a run folder, and carry it out from there: the same way at once, in the background, or again later."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

from wingspan.errors import ConflictError, FormatError, NotFoundError
from wingspan.files import disk_errors, json_text, write_atomically
from wingspan.pipeline.handles import maps_of
from wingspan.planning.plan import Plan, history, step_from_json
from wingspan.runner.attempt import write_constants
from wingspan.runner.kept_code import write_code
from wingspan.runner.local import LocalRunner
from wingspan.runner.run_folder import Home, RunFolder
from wingspan.runner.runner import (
    DONE,
    Listener,
    Outcome,
    Runner,
    StepEvent,
    ignore,
    read_events,
    write_event,
)
from wingspan.store.again import write_again
from wingspan.store.store import Store

_FORMAT = 2  # of a plan in a run folder; an older one is read, but not carried out
LOCAL = "local"


def save_plan(
    plan: Plan,
    folder: RunFolder,
    home: Home,
    on: str = LOCAL,
    shared: Path | None = None,
    origin: Mapping[str, Any] | None = None,
) -> None:
    """Write all of a plan into a new run folder, and what the next plan is compared with.

    Parameters
    ----------
    origin
        What started the run: see `Pipeline.origin`.
    """
    with disk_errors(folder.root):
        folder.root.mkdir(parents=True, exist_ok=True)
        write_constants(plan, folder)
        write_code(plan.sources, folder)
        write_atomically(folder.root / "on", on)
        if shared is not None:
            write_atomically(folder.root / "shared", str(shared))
    header = {
        "format": _FORMAT,
        "pipeline": plan.pipeline,
        "created": time.time(),
        "groups": plan.groups,
        "why": plan.why,
        "notes": plan.notes,
        "maps": plan.maps,
        "origin": dict(origin or {}),
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
    """Read a run folder's plan; `done` is as it was when the plan was made."""
    try:
        header, *lines = (json.loads(line) for line in folder.plan.read_text().splitlines())
    except FileNotFoundError:
        raise NotFoundError(
            str(folder.root), "there is no run here", "`wingspan runs` lists the runs"
        ) from None
    steps = tuple(step_from_json(line) for line in lines)
    groups = tuple(tuple(group) for group in header["groups"])
    maps = header.get("maps")
    if maps is None:  # as an older version wrote it
        maps = maps_of((step.name for step in steps), {})
    notes = tuple(header.get("notes", ()))
    return Plan(header["pipeline"], steps, groups, why=header["why"], notes=notes, maps=maps)


def read_history(home: Home, pipeline: str) -> dict[str, Any]:
    """Return what the last plan of a pipeline was made of; empty if there was none or it is unreadable."""
    return steps_in(_history(home, pipeline))


def folders_known(
    home: Home, pipeline: str, now: Mapping[str, Mapping[str, str]]
) -> Callable[[str], Mapping[str, str]]:
    """Return what gives the files of an input folder by its digest: as it is now, or was for the last plan."""

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
    # some disks take a capital for its small letter
    name = found.get("pipeline", pipeline)
    return {} if isinstance(name, str) and name != pipeline else found


def steps_in(history: dict[str, Any]) -> dict[str, Any]:
    """Return the steps of a history as it was read; an older version wrote the steps alone."""
    steps: dict[str, Any] = (
        history["steps"] if isinstance(history.get("pipeline"), str) else history
    )
    return steps


def drive(
    folder: RunFolder,
    home: Home,
    listener: Listener,
    runner: Runner | None = None,
    jobs: int | None = None,
) -> Outcome:
    """Carry out what of a run's plan is not done, until all has ended; by `runner`, or a new one of its kind.

    Parameters
    ----------
    jobs
        The most jobs that a new runner has at once, here or in the queue of a pool; None is its own limit.

    Raises
    ------
    ConflictError
        Another process drives this run.
    FormatError
        Another version of Wingspan planned it, whose jobs this one cannot start.
    """
    _require_format(folder)
    folder.claim()
    plan = _with_what_others_did(load_plan(folder), folder, home, listener)
    try:
        outcome = (runner or _runner(folder, jobs)).run(plan, folder, home, listener)
        if outcome.ok:
            folder.complete.touch()
    finally:
        folder.pid.unlink(missing_ok=True)
    return outcome


def _require_format(folder: RunFolder) -> None:
    try:
        with folder.plan.open() as lines:
            found = json.loads(lines.readline()).get("format")
    except FileNotFoundError:  # said by `load_plan`
        return
    if found != _FORMAT:
        problem = f"its plan has format {found}, and this version carries out format {_FORMAT}"
        raise FormatError(f"run {folder.run_id}", problem, "run it again: wingspan run FILE.py")


def _with_what_others_did(plan: Plan, folder: RunFolder, home: Home, listener: Listener) -> Plan:
    """Return the plan as the store is now; what another run finished since it was made is recorded as done."""
    done = Store(home.store).done(step.key for step in plan.steps)
    known = read_events(folder)
    for step in plan.steps:
        told = known.get(step.name)
        if step.key in done and not step.done and (told is None or told.state != DONE):
            event = StepEvent(time.time(), step.name, step.key, DONE)
            write_event(folder, event)
            listener(event)
    return replace(plan, steps=tuple(replace(step, done=step.key in done) for step in plan.steps))


def _runner(folder: RunFolder, jobs: int | None) -> Runner:
    if folder.on == LOCAL:
        return LocalRunner(jobs=jobs)
    from wingspan.runner.htcondor.profile import find_profile
    from wingspan.runner.htcondor.runner import HTCondorRunner

    profile = find_profile(folder.on, Path.cwd(), folder.shared)
    return HTCondorRunner(profile if jobs is None else replace(profile, max_jobs=jobs))


def interrupt(folder: RunFolder) -> None:
    """Send Ctrl-C to the process that drives a run, if there is one.

    Raises
    ------
    ConflictError
        The process is on another machine.
    """
    pid, host = folder.driver() or (None, "")
    if pid is None:
        return
    if host != os.uname().nodename:
        problem = f"it is driven from {host}, so it cannot be stopped from here"
        fix = f"on {host}: wingspan stop {folder.run_id}"
        raise ConflictError(f"run {folder.run_id}", problem, fix)
    with suppress(ProcessLookupError):  # it has just ended
        os.kill(pid, signal.SIGINT)


def drive_in_background(folder: RunFolder, home: Home, jobs: int | None = None) -> None:
    """Start a process of its own session that drives the run; it outlives this one and the terminal."""
    command = [sys.executable, "-m", "wingspan.runner.driver", str(folder.root), str(home.root)]
    command += [] if jobs is None else [str(jobs)]
    appending = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    pid = os.posix_spawn(
        sys.executable,
        command,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(folder.log), appending, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigdef=[signal.SIGINT],  # a shell ignores it for what it starts with &
    )
    folder.claim(pid)


if __name__ == "__main__":
    at_most = int(sys.argv[3]) if len(sys.argv) > 3 else None
    drive(RunFolder(Path(sys.argv[1])), Home(Path(sys.argv[2])), ignore, jobs=at_most)
