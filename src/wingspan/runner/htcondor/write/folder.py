"""Write the folder of a plan's DAG, as ``condor_submit_dag`` takes it.

`dag_folder` names the files.
"""

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from wingspan.files import json_text, write_atomically
from wingspan.planning.plan import Plan
from wingspan.runner.htcondor.chirp_commands import streams
from wingspan.runner.htcondor.dag_folder import PART, STATUS, UNLESS_DONE, DagFolder
from wingspan.runner.htcondor.growth import Most, unknown
from wingspan.runner.htcondor.known import Known, files_of
from wingspan.runner.htcondor.profile import Profile
from wingspan.runner.htcondor.reference import require_own_names
from wingspan.runner.htcondor.search.draw_ahead import Drawn
from wingspan.runner.htcondor.shared import (
    ENVIRONMENT,
    ENVIRONMENTS,
    make_place,
)
from wingspan.runner.htcondor.write.dag_file import SUBMIT, Around, dag_text, submission
from wingspan.runner.htcondor.write.environment import environment_of
from wingspan.runner.htcondor.write.given import give_done_result, given_files
from wingspan.runner.htcondor.write.job_script import (
    write_script,
    write_sweep_scripts,
    write_unless_done,
)
from wingspan.runner.htcondor.write.lanes import Lanes, lanes_for, reserves
from wingspan.runner.htcondor.write.nodes import Node, nodes_of
from wingspan.runner.htcondor.write.project_code import pack_code, project_files
from wingspan.runner.htcondor.write.travel import Way, stage, way_of
from wingspan.runner.run_folder import Home, RunFolder
from wingspan.runner.started import command_of
from wingspan.store.store import Store
from wingspan.version import __version__

_SCAN_S = 1
_CHECK_S = 600  # without events: look whether jobs are gone whose events were lost


class Facts(NamedTuple):
    """What is known where a DAG is submitted.

    Parameters
    ----------
    most
        Gives what the pool's largest slots have; requests do not grow beyond.
    known
        Earlier results that steps may take over, see `last_results`.
    once
        The access point can send what jobs have in common once to each machine.
    search
        The universe of the search of sweeps; empty without a search.
    drawn
        The trials that are left of each sweep, by its key.
    """

    most: Most = unknown
    known: Known = MappingProxyType({})
    once: bool = False
    drawn: Mapping[str, Drawn] = MappingProxyType({})
    search: str = ""


def write_dag(
    plan: Plan,
    place: Path,
    folder: RunFolder,
    home: Home,
    profile: Profile,
    *,
    send: bool,
    facts: Facts | None = None,
) -> Path:
    """Write the steps that are to run as a DAG into `place`; return its path.

    Parameters
    ----------
    send
        Send interpreter and libraries with the jobs.
    facts
        What is known where the DAG is submitted; None of one that is exported.
    """
    dag = DagFolder(place)
    for made in (dag.jobs, dag.results, dag.files, dag.logs):
        made.mkdir(parents=True)
    there = None if profile.shared is None else make_place(profile.shared, place, folder.run_id)
    roots = project_files(plan, folder)
    code = pack_code(roots, folder, there or place) if roots else None
    new = _New(plan, dag, folder, home, profile, facts or Facts(), there, code, tuple(roots))
    nodes = _nodes(new)
    reserves_of = _write_sweeps(nodes, dag, new.facts.drawn, home, folder.run_id)
    _write_jobs(new, nodes, reserves_of)
    archive = _environment(new) if plan.to_run() and send else None
    write_script(dag.script, archive if there else None)
    if any(node.after for node in nodes):
        write_unless_done(place / UNLESS_DONE)
    members = {node.name: [step.key for step in node.steps] for node in nodes if not node.lane_of}
    write_atomically(dag.nodes, json_text(members))
    if there:  # nothing but what each job has to do is sent
        nodes = tuple(replace(node, made=()) for node in nodes)
    write_atomically(dag.dag, dag_text(nodes, _around(new, archive)))
    return dag.dag


class _New(NamedTuple):
    """A DAG that is being written.

    Parameters
    ----------
    there
        Its place in the shared folder; None without one.
    code
        The user's modules, packed; None if the steps have none.
    roots
        Folders that these are imported from.
    """

    plan: Plan
    dag: DagFolder
    folder: RunFolder
    home: Home
    profile: Profile
    facts: Facts
    there: Path | None
    code: Path | None
    roots: tuple[str, ...]

    @property
    def store(self) -> Store:
        """The store of the home."""
        return Store(self.home.store)


def _nodes(new: _New) -> tuple[Node, ...]:
    """Return the nodes; what the jobs are given is linked for them."""
    lanes = {key: _lanes(new.plan, key, each) for key, each in new.facts.drawn.items()}
    given = partial(given_files, place=new.dag.root, folder=new.folder, profile=new.profile)
    nodes = nodes_of(new.plan, given, lanes)
    for node in nodes:
        require_own_names(node.name, node.given)
    store, known = new.store, new.facts.known
    return tuple(_with_known(node, known, store) for node in nodes)


def _write_jobs(
    new: _New, nodes: Sequence[Node], reserves_of: Mapping[str, Mapping[str, Any]]
) -> None:
    """Write what each job is to do, and give it the stored results that it reads."""
    profile, known, store = new.profile, new.facts.known, new.store
    part = {
        "schema": PART,
        "pipeline": new.plan.pipeline,
        "code": "" if new.code is None else str(new.code) if new.there else new.code.name,
        "roots": list(new.roots),
        "shared": str(new.there or ""),
        "checkpoint_every_s": profile.checkpoint_every_s,
        "task_time_s": profile.task_time_s,
        "chirp": profile.chirp,
    }
    done = store.done(step.key for step in new.plan.steps)
    for node in nodes:
        last = {step.key: known[step.key] for step in node.steps if step.key in known}
        needed = {key for step in node.steps for key in step.needs} & done
        for key in needed | {result["key"] for result in last.values()}:
            give_done_result(key, new.dag.root, store, profile)
        own = {
            "most": dict(new.facts.most(node.asked)),
            "steps": [asdict(step) for step in node.steps],
            "known": last,
            "tasks": node.tasks,
            "jobs": new.plan.limits.get(node.map),
            "lane": reserves_of.get(node.name),
            "streams": streams(profile.chirp, lane=bool(node.lane_of)),
        }
        new.dag.job(node.name).write_text(json_text({**part, **own}))


def _lanes(plan: Plan, key: str, drawn: Drawn) -> Lanes:
    step = next(step for step in plan.steps if step.key == key)
    return lanes_for((step.sweep or {})["parallel"], len(drawn.trials))


def _write_sweeps(
    nodes: Sequence[Node], dag: DagFolder, drawn: Mapping[str, Drawn], home: Home, run_id: str
) -> dict[str, dict[str, Any]]:
    """Write what the sweeps' scripts and lanes need; return the trials of each lane."""
    found: dict[str, dict[str, Any]] = {}
    sweeps = {}
    for node in nodes:
        if not node.sweeps:
            continue
        sweep = node.steps[0]
        given = drawn[sweep.key]
        for lane, trials in zip(node.lanes, reserves(given.trials, len(node.lanes)), strict=True):
            found[lane] = {"sweep": node.name, "reserve": trials}
            dag.trials(lane).touch()
        sweeps[node.name] = {
            "key": sweep.key,
            "step": sweep.name,
            "lanes": node.lanes,
            "study": str(given.study.absolute()),
            "home": str(home.root.absolute()),
            "run": run_id,
        }
    if sweeps:
        write_sweep_scripts(dag)
        for place in (dag.params("call"), dag.stop("call")):
            place.parent.mkdir()
        write_atomically(dag.sweeps_file, json_text(sweeps))
    return found


def _with_known(node: Node, known: Known, store: Store) -> Node:
    last = [known[step.key] for step in node.steps if step.key in known]
    more = [name for result in last for name in files_of(result, store)]
    return replace(node, made=tuple(dict.fromkeys([*node.made, *more])))


def _environment(new: _New) -> Path:
    """Return what holds interpreter and libraries.

    That is a folder in the shared folder, else an archive to send.
    """
    environment, profile = environment_of(new.plan.to_run()), new.profile
    if profile.shared is not None and new.there is not None:
        claim = (new.there / ENVIRONMENT).write_text
        return environment.unpacked(profile.shared / ENVIRONMENTS, claim)
    return environment.packed(new.home.root / ENVIRONMENTS, profile.environment_limit_mb)


def _sent(archive: Path | None, place: Path, way: Way) -> str:
    """Return the archive as the DAG names it: its URL, or a link in the DAG's folder.

    A link spares the DAG a path of the home.
    """
    if archive is None:
        return ""
    if way.kind == "url":
        return stage(archive, way)
    (place / archive.name).symlink_to(archive)
    return f"../{archive.name}"


def _around(new: _New, archive: Path | None) -> Around:
    """Return what the DAG says besides its nodes; `archive` holds interpreter and libraries."""
    plan, dag, profile = new.plan, new.dag, new.profile
    settings = {
        "DAGMAN_USER_LOG_SCAN_INTERVAL": _SCAN_S,
        "DAGMAN_CHECK_QUEUE_INTERVAL": _CHECK_S,
        "DAGMAN_MAX_JOBS_SUBMITTED": profile.max_jobs,
        "DAGMAN_MAX_JOBS_IDLE": profile.max_idle,
        "DAGMAN_USE_STRICT": 0 if dag.root.resolve().is_relative_to("/tmp") else None,
    }
    around = Around(
        about=_about(plan, dag, new.folder, profile),
        run_id=new.folder.run_id,
        profile=profile,
        settings={name: str(value) for name, value in settings.items() if value is not None},
        limits=plan.limits,
        search=new.facts.search,
        most=new.facts.most,
        status_file=STATUS if dag.root == new.folder.root else "",
    )
    if new.there:
        return around
    way = way_of(profile, once=new.facts.once)
    return replace(
        around,
        common="" if new.code is None else f"../{new.code.name}",
        environment=_sent(archive, dag.root, way),
        once=way.kind == "once",
    )


def _about(plan: Plan, dag: DagFolder, folder: RunFolder, profile: Profile) -> list[str]:
    """Return the lines for a person who opens the file."""
    command = command_of(folder.header.get("origin", {}))
    exported = dag.root == folder.root
    collect = "wingspan collect ." if exported else f"wingspan status {shlex.quote(folder.run_id)}"
    return [
        f"Run {folder.run_id} of the pipeline {plan.pipeline}, written by Wingspan {__version__}.",
        *([f"Command: {command}"] if command else []),
        f"Plan:    {os.path.relpath(folder.plan, dag.root)}: {plan.summary()}.",
        f"{SUBMIT.removeprefix('# ')}  {submission(dag.dag.name, plan.pipeline, profile)}",
        f"Results: {collect}",
        "Names of 64 digits are the keys of results: a step's own is in the plan, and in jobs/NODE.json.",
    ]
