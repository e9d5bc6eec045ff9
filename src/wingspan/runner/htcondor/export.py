"""A plan -> a folder that ``condor_submit_dag`` takes; `dag_folder` names its files."""

import os
import shlex
import sys
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from wingspan.errors import SettingError
from wingspan.files import copy, json_text, walk, write_atomically
from wingspan.planning.plan import Plan, PlannedStep
from wingspan.runner.attempt import constants_of
from wingspan.runner.driver import save_plan
from wingspan.runner.htcondor.command_check import check_commands, require_ok
from wingspan.runner.htcondor.dag_file import dag_text
from wingspan.runner.htcondor.dag_folder import DagFolder
from wingspan.runner.htcondor.environment import environment_for, unpacked_environment
from wingspan.runner.htcondor.growth import Most, unknown
from wingspan.runner.htcondor.image import images_of, require_image, steps_in
from wingspan.runner.htcondor.known import Known, files_of
from wingspan.runner.htcondor.nodes import Node, nodes_of
from wingspan.runner.htcondor.packing import PACKED, pack_folder
from wingspan.runner.htcondor.profile import AUTO, SEND, Profile
from wingspan.runner.htcondor.project_code import pack_code, project_files
from wingspan.runner.htcondor.reference import require_own_names, sent_name, url_of
from wingspan.runner.htcondor.shared import (
    ENVIRONMENT,
    ENVIRONMENTS,
    give,
    give_done,
    make_place,
    place_of,
    require,
)
from wingspan.runner.htcondor.words import folder_problem
from wingspan.runner.job import file_name
from wingspan.runner.run_folder import RESULT, Home, RunFolder
from wingspan.runner.template import FIXED_HASHES
from wingspan.shown import shown_name
from wingspan.store.store import Store

_SCAN_S = 1
_CHECK_S = 600  # without events: look whether jobs are gone whose events were lost
_JOB_SH = """#!/bin/sh
# One job: runs the part of the node $1; if that cannot be started, says so in NODE.failed.json.
# Environments that came along are unpacked here, beside what the steps see.
node=$1
environment=$2
fail() {{  # problem, what to do, exit code, what there is too little of
    printf '{{"problem":"%s","fix":"%s","cause":"%s"}}\\n' "$1" "$2" "$4" > "$node.failed.json"
    echo "$1" >&2
    exit "${{3:-3}}"
}}
python={python}
wanted={wanted}
library={library}
if [ -n "$environment" ]; then
    if ! [ -x environment/python/bin/python3 ]; then
        mkdir -p environment
        if ! tar -xzf "$environment" -C environment; then
            : > "$environment"  # room for the words
            fail "the environment cannot be unpacked on $(uname -n)" "ask for more: ws.Resources(disk=...)" 5 disk
        fi
    fi
    python=$PWD/environment/python/bin/python3
    library=$PWD/environment/python/lib
fi
if [ -n "$library" ]; then
    export LD_LIBRARY_PATH="$library${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
    unset PYTHONHOME PYTHONPATH
fi
if ! [ -x "$python" ]; then  # in a container image: the one that it has
    [ -z "$library" ] && python=$(command -v python3) && "$python" -c "import wingspan" ||
        fail "there is no $wanted on $(uname -n), and no other python that has wingspan" {fix}
fi
export {hashes}
"$python" -P -m wingspan.runner.htcondor.part "$node"
code=$?
case $code in
0|1|4|5|85) ;;
*) fail "python ended with code $code on $(uname -n)" "read the output of the job: wingspan logs" ;;
esac
exit $code
"""


def export(plan: Plan, folder: RunFolder, home: Home, profile: Profile | None = None) -> Path:
    """Write a run folder for submission by hand; return the path of its DAG.

    Raises
    ------
    SettingError
        The folder exists and is not empty.
    """
    root = folder.root
    if root.exists() and any(root.iterdir()):
        raise SettingError(str(root), "expected a new or empty folder", "name another one")
    profile = profile or Profile()
    refuse(plan, profile, root)
    save_plan(plan, folder, home)
    inside = profile.environment == AUTO and bool(images_of(plan.to_run(), profile))
    send = profile.environment == SEND or inside
    return write_dag(plan, root, folder, home, profile, send=send)


def refuse(plan: Plan, profile: Profile, root: Path) -> None:
    """Look at what a plan and a profile name, before anything is written.

    Parameters
    ----------
    root
        The folder of the DAG, or one above it.

    Raises
    ------
    SettingError, NotFoundError
        HTCondor could not use it.
    """
    if profile.shared is not None:
        require(profile.shared)
    for image in images_of(plan.to_run(), profile):
        require_image(image, profile.shared, steps_in(image, plan.to_run(), profile))
    require_ok(check_commands(plan.to_run(), profile))
    problem = folder_problem(root)
    if problem:
        raise SettingError(f"folder {shown_name(str(root))}", problem, "name another folder")


class Facts(NamedTuple):
    """What is known where a DAG is submitted.

    Parameters
    ----------
    most
        Gives what the pool's largest slots have; requests do not grow beyond.
    known
        Earlier results that steps may take over, see `last_results`.
    """

    most: Most = unknown
    known: Known = MappingProxyType({})


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
    """Write the steps that are to run as a DAG into `place`, below the run's folder; return its path.

    Parameters
    ----------
    send
        Send interpreter and libraries with the jobs.
    facts
        What is known where the DAG is submitted; None of one that is exported.
    """
    most, known = facts or Facts()
    refuse(plan, profile, place)
    dag = DagFolder(place)
    for made in (dag.jobs, dag.results, dag.files, dag.logs):
        made.mkdir(parents=True)
    store = Store(home.store)
    there = None if profile.shared is None else make_place(profile.shared, place, folder.run_id)
    roots = project_files(plan.to_run(), plan.sources, folder)
    code = pack_code(roots, folder, there or place) if roots else None
    nodes = nodes_of(plan, lambda step: _given(step, place, folder, profile))
    nodes = tuple(_with_known(node, known, store) for node in nodes)
    part = {
        "schema": 1,
        "pipeline": plan.pipeline,
        "code": "" if code is None else str(code) if there else code.name,
        "roots": list(roots),
        "shared": str(there or ""),
        "checkpoint_every_s": profile.checkpoint_every_s,
    }
    done = store.done(step.key for step in plan.steps)
    for node in nodes:
        require_own_names(node.name, node.given)
        last = {step.key: known[step.key] for step in node.steps if step.key in known}
        needed = {key for step in node.steps for key in step.needs} & done
        for key in needed | {result["key"] for result in last.values()}:
            _give_done(key, place, store, profile)
        steps = [asdict(step) for step in node.steps]
        dag.job(node.name).write_text(
            json_text({**part, "most": dict(most(node.asked)), "steps": steps, "known": last})
        )
    archive = _environment(plan, home, profile, there) if plan.to_run() and send else None
    _write_script(dag.script, archive if there else None)
    members = {node.name: [step.key for step in node.steps] for node in nodes}
    write_atomically(dag.nodes, json_text(members))
    if archive is not None and not there:
        (place / archive.name).symlink_to(archive)  # the DAG has no path of the home
    sent = ("" if code is None else code.name, "" if archive is None else archive.name)
    if there:  # nothing but what each job has to do
        nodes, sent = tuple(replace(node, made=()) for node in nodes), ("", "")
    write_atomically(dag.dag, _text(nodes, place, folder, sent, profile, most))
    return dag.dag


def _with_known(node: Node, known: Known, store: Store) -> Node:
    last = [known[step.key] for step in node.steps if step.key in known]
    more = [name for result in last for name in files_of(result, store)]
    return replace(node, made=tuple(dict.fromkeys([*node.made, *more])))


def _environment(plan: Plan, home: Home, profile: Profile, there: Path | None) -> Path:
    """Return what holds interpreter and libraries: a folder in the shared one, else an archive to send."""
    if profile.shared is not None and there is not None:
        claim = (there / ENVIRONMENT).write_text
        return unpacked_environment(plan.to_run(), profile.shared / ENVIRONMENTS, claim)
    limit = profile.environment_limit_mb
    return environment_for(plan.to_run(), home.root / "environments", limit)


def _write_script(script: Path, environment: Path | None) -> None:
    """Write the executable of every node.

    Parameters
    ----------
    environment
        Where jobs find interpreter and libraries; None: where they are here, or in the archive that is sent.
    """
    python, library, fix = sys.executable, "", "let the environment travel: see docs/htcondor.md"
    if environment is not None:
        python, library = str(environment / "python/bin/python3"), str(environment / "python/lib")
        fix = "mount the shared folder on all machines that run jobs; or leave out the key shared, or --shared"
    hashes = "=".join(*FIXED_HASHES.items())
    values = {"python": python, "library": library, "fix": fix, "hashes": hashes}
    quoted = {name: shlex.quote(value) for name, value in values.items()}
    in_json = json_text(python)[1:-1]  # as fail() has to write it
    wanted = "$python" if in_json == python else shlex.quote(in_json)
    write_atomically(script, _JOB_SH.format(**quoted, wanted=wanted))
    script.chmod(0o755)


def _text(
    nodes: Iterable[Node],
    place: Path,
    folder: RunFolder,
    sent: tuple[str, str],
    profile: Profile,
    most: Most,
) -> str:
    settings = {
        "DAGMAN_USER_LOG_SCAN_INTERVAL": str(_SCAN_S),
        "DAGMAN_CHECK_QUEUE_INTERVAL": str(_CHECK_S),
    }
    if place.resolve().is_relative_to("/tmp"):
        settings["DAGMAN_USE_STRICT"] = "0"  # else it refuses to keep its log there
    _, archive = sent
    return dag_text(
        tuple(nodes),
        run_id=folder.run_id,
        common=",".join(f"../{name}" for name in sent if name),
        environment=archive,
        profile=profile,
        settings=settings,
        most=most,
    )


def _given(step: PlannedStep, place: Path, folder: RunFolder, profile: Profile) -> list[str]:
    """Link the user's files under the names the job knows; return them and the constants, relative to results.

    Files that the pool reaches by itself are URLs. Where there is a shared folder the others are put there, and not
    to be sent.
    """
    there = place_of(place)
    urls = {file["name"]: url_of(file, profile.staging) for file in step.files}
    found = [url for url in urls.values() if url]
    files = [file for file in step.files if not urls[file["name"]]]
    if there is not None and profile.shared is not None:
        give(step, files, (there, profile.shared), folder)
        return found
    results = DagFolder(place).results
    found += [
        os.path.relpath(folder.constant(digest), results) for digest in sorted(constants_of(step))
    ]
    for file in files:
        link = DagFolder(place).files / sent_name(file)
        if not link.exists():
            _link_input(Path(file["path"]), link)
        found.append(f"../{link.relative_to(place)}")
    return found


def _link_input(source: Path, link: Path) -> None:
    """Link a file; of a folder, its files: HTCondor follows no link to a folder.

    Raises
    ------
    SettingError
        A link in the folder leads in a circle.
    """
    loop = next((found for found in walk(source) if found.loop), None) if source.is_dir() else None
    if loop is not None:
        problem = f"{loop.path} is a link to a folder that it lies in, which HTCondor does not send"
        raise SettingError(
            f"input folder {source}", problem, f"remove it: rm {shlex.quote(loop.path)}"
        )
    copy(source, link, lambda file, place: place.symlink_to(file.absolute()))


def _give_done(key: str, place: Path, store: Store, profile: Profile) -> None:
    there = place_of(place)
    if there is not None and profile.shared is not None:
        give_done(key, there, store, profile.shared)
    else:
        _link_done(key, place, store)


def _link_done(key: str, place: Path, store: Store) -> None:
    """Link what the store has of a step into the folder of results, folders packed as a job sends them."""
    made = store.output_path(key, "").parent
    results = DagFolder(place).results
    if (results / f"{key}.json").exists():
        return
    result = store.result(key)
    packed = []
    for name in result["outputs"]:
        source, target = store.output_path(key, name), results / file_name(key, name)
        if source.is_dir():
            packed.append(name)
            pack_folder(source, target)
        else:
            target.symlink_to(source)
    if packed:
        (results / f"{key}.json").write_text(json_text({**result, PACKED: packed}))
    else:
        (results / f"{key}.json").symlink_to(made / RESULT)
