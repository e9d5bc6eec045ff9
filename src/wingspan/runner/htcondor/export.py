"""A plan -> a folder that ``condor_submit_dag`` takes.

::

    FOLDER/
      workflow.dag        submit this
      job.sh              the executable of every node
      code-DIGEST.zip     the user's modules
      jobs/NODE.json      the steps of a node
      nodes.json          the keys of each node's steps
      results/            KEY.json, KEY.OUTPUT and logs of each step; links to what was done before
      files/              links to the user's input files, under the names that the jobs know
      logs/NODE.out       what the job itself wrote
"""

import os
import shlex
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from wingspan.errors import SettingError
from wingspan.files import json_text, write_atomically
from wingspan.planning.plan import Plan, PlannedStep
from wingspan.runner.attempt import constants_of
from wingspan.runner.driver import save_plan
from wingspan.runner.htcondor.dag_file import dag_text
from wingspan.runner.htcondor.environment import environment_for
from wingspan.runner.htcondor.nodes import Node, nodes_of
from wingspan.runner.htcondor.part import PACKED, pack_folder
from wingspan.runner.htcondor.profile import SEND, Profile
from wingspan.runner.htcondor.project_code import pack_code, project_files
from wingspan.runner.job import file_name
from wingspan.runner.run_folder import RESULT, Home, RunFolder
from wingspan.store.store import Store

DAG = "workflow.dag"
_SCAN_S = 1
_CHECK_S = 600  # without events: look whether jobs are gone whose events were lost
_JOB_SH = """#!/bin/sh
# One job: runs the part of the node $1; if that cannot be started, says so in NODE.failed.json.
# Environments that came along are unpacked here, beside what the steps see.
node=$1
environment=$2
fail() {{ printf '{{"problem":"%s","fix":"%s"}}\\n' "$1" "$2" > "$node.failed.json"; echo "$1" >&2; exit 3; }}
python={python}
if [ -n "$environment" ]; then
    if ! [ -x environment/python/bin/python3 ]; then
        mkdir -p environment
        if ! tar -xzf "$environment" -C environment; then
            : > "$environment"  # room for the words
            fail "the environment cannot be unpacked on $(uname -n)" "ask for more: ws.Resources(disk=...)" 5
        fi
    fi
    python=$PWD/environment/python/bin/python3
    export LD_LIBRARY_PATH="$PWD/environment/python/lib${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
    unset PYTHONHOME PYTHONPATH
fi
[ -x "$python" ] || fail "there is no $python on $(uname -n)" "let the environment travel: see docs/htcondor.md"
"$python" -m wingspan.runner.htcondor.part "$node"
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
    save_plan(plan, folder, home)
    profile = profile or Profile()
    return write_dag(plan, root, folder, home, profile, send=profile.environment == SEND)


def write_dag(
    plan: Plan, place: Path, folder: RunFolder, home: Home, profile: Profile, *, send: bool
) -> Path:
    """Write the steps that are to run as a DAG into `place`, below the run's folder; return its path.

    Parameters
    ----------
    send
        Send interpreter and libraries with the jobs.
    """
    for name in ("jobs", "results", "files", "logs"):
        (place / name).mkdir(parents=True)
    store = Store(home.store)
    roots = project_files(plan.to_run())
    code = pack_code(roots, place).name if roots else ""
    nodes = nodes_of(plan, lambda step: _given(step, place, folder))
    part = {
        "schema": 1,
        "pipeline": plan.pipeline,
        "code": code,
        "roots": list(roots),
        "checkpoint_every_s": profile.checkpoint_every_s,
    }
    done = store.done(step.key for step in plan.steps)
    for node in nodes:
        for key in {key for step in node.steps for key in step.needs} & done:
            _link_done(key, place, store)
        steps = [asdict(step) for step in node.steps]
        (place / "jobs" / f"{node.name}.json").write_text(json_text({**part, "steps": steps}))
    script = place / "job.sh"
    write_atomically(script, _JOB_SH.format(python=shlex.quote(sys.executable)))
    script.chmod(0o755)
    archive = ""
    if plan.to_run() and send:
        folder_of_archives = home.root / "environments"
        archive = str(
            environment_for(plan.to_run(), folder_of_archives, profile.environment_limit_mb)
        )
    members = {node.name: [step.key for step in node.steps] for node in nodes}
    write_atomically(place / "nodes.json", json_text(members))
    write_atomically(place / DAG, _text(nodes, place, folder, (code, archive), profile))
    return place / DAG


def _text(
    nodes: Iterable[Node], place: Path, folder: RunFolder, sent: tuple[str, str], profile: Profile
) -> str:
    settings = {
        "DAGMAN_USER_LOG_SCAN_INTERVAL": str(_SCAN_S),
        "DAGMAN_CHECK_QUEUE_INTERVAL": str(_CHECK_S),
    }
    if place.resolve().is_relative_to("/tmp"):
        settings["DAGMAN_USE_STRICT"] = "0"  # else it refuses to keep its log there
    code, archive = sent
    return dag_text(
        tuple(nodes),
        run_id=folder.run_id,
        common=",".join(filter(None, [f"../{code}" if code else "", archive])),
        environment=Path(archive).name,
        profile=profile,
        settings=settings,
    )


def _given(step: PlannedStep, place: Path, folder: RunFolder) -> list[str]:
    """Link the user's files under the names the job knows; return them and the constants, relative to results."""
    results = place / "results"
    found = [
        os.path.relpath(folder.constant(digest), results) for digest in sorted(constants_of(step))
    ]
    for file in step.files:
        link = place / "files" / file["digest"].partition(":")[2][:16] / file["name"]
        link.parent.mkdir(exist_ok=True)
        if not link.exists():
            link.symlink_to(file["path"])
        found.append(f"../{link.relative_to(place)}")
    return found


def _link_done(key: str, place: Path, store: Store) -> None:
    """Link what the store has of a step into the folder of results, folders packed as a job sends them."""
    made = store.output_path(key, "").parent
    results = place / "results"
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
