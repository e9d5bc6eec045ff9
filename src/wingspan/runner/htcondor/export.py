"""A plan -> a folder that ``condor_submit_dag`` takes, and back: what the DAG's jobs left -> store and record.

::

    FOLDER/             a run folder, and besides
      workflow.dag      submit this
      job.sh            the executable of every node
      jobs/KEY.job      job.json of a step
      results/          KEY.json and KEY.OUTPUT of each step; links to what was done before
      files/            links to the user's input files, under the names that the jobs know
      logs/
"""

import shlex
import sys
import time
from pathlib import Path

from wingspan.errors import SettingError, WingspanError
from wingspan.files import json_text, write_atomically
from wingspan.pipeline.resources import Resources
from wingspan.planning.plan import Plan, PlannedStep
from wingspan.runner.attempt import constants_of, job_of, publish
from wingspan.runner.driver import load_plan, save_plan
from wingspan.runner.failure import failure, refusal
from wingspan.runner.htcondor.dag_file import dag_text
from wingspan.runner.job import file_name
from wingspan.runner.run_folder import OUTPUTS, RESULT, STDERR, STDOUT, Home, RunFolder, read_result
from wingspan.runner.runner import DONE, FAILED, WAITING, StepEvent, write_event
from wingspan.store.store import Store

DAG = "workflow.dag"
_JOB_SH = """#!/bin/sh
# One job: puts job.json in place, runs it, and leaves KEY.json and every declared output, whatever happens.
key=$1
mv "$key.job" job.json
{python} -m wingspan.runner.job "$PWD"
code=$?
if [ -f result.json ]; then
    mv result.json "$key.json"
else
    printf '{{"schema":1,"key":"%s","status":"failed","outputs":{{}},"error":{{"type":"JobError","message":"%s",' \\
        "$key" "python ended with code $code before it wrote a result" > "$key.json"
    printf '"where":"","traceback":""}}}}' >> "$key.json"
    [ "$code" = 0 ] && code=1
fi
IFS=,
for file in $2; do
    name=${{file#"$key."}}
    if [ -e "outputs/$name" ]; then mv "outputs/$name" "$file"; else : > "$file"; fi
done
exit $code
"""


def export(plan: Plan, folder: RunFolder, home: Home) -> Path:
    """Write the steps that are to run as a DAG; return its path.

    Raises
    ------
    SettingError
        The folder exists and is not empty.
    """
    root = folder.root
    if root.exists() and any(root.iterdir()):
        raise SettingError(str(root), "expected a new or empty folder", "name another one")
    save_plan(plan, folder, home)
    for name in ("jobs", "results", "files", "logs"):
        (root / name).mkdir()
    store = Store(home.store)
    inputs = {}
    for step in plan.to_run():
        inputs[step.key] = _inputs(step, folder)
        _link_done(step, folder, store)
        (root / "jobs" / f"{step.key}.job").write_text(json_text(job_of(step, 1)))
    script = root / "job.sh"
    write_atomically(script, _JOB_SH.format(python=shlex.quote(sys.executable)))
    script.chmod(0o755)
    write_atomically(root / DAG, dag_text(plan, inputs))
    return root / DAG


def _inputs(step: PlannedStep, folder: RunFolder) -> list[str]:
    """Link the user's files under the names the job knows; return them and the constants, relative to results."""
    found = [f"../constants/{digest.partition(':')[2]}" for digest in sorted(constants_of(step))]
    for file in step.files:
        link = folder.root / "files" / file["digest"].partition(":")[2][:16] / file["name"]
        link.parent.mkdir(exist_ok=True)
        if not link.exists():
            link.symlink_to(file["path"])
        found.append(f"../{link.relative_to(folder.root)}")
    return found


def _link_done(step: PlannedStep, folder: RunFolder, store: Store) -> None:
    """Link what the store has of a step's inputs into the folder of results."""
    for key in store.done(step.needs):
        made = store.output_path(key, "").parent
        links = {f"{key}.json": made / RESULT}
        links |= {
            file_name(key, name): store.output_path(key, name)
            for name in store.result(key)["outputs"]
        }
        for name, path in links.items():
            if not (folder.root / "results" / name).exists():
                (folder.root / "results" / name).symlink_to(path)


def collect(folder: RunFolder, home: Home) -> dict[str, StepEvent]:
    """Publish what the jobs of an exported DAG have finished, and record what failed; return the events by step."""
    store = Store(home.store)
    events = {}
    plan = load_plan(folder)
    for step in plan.steps:
        done = step.key in store.done([step.key])
        event = (
            StepEvent(time.time(), step.name, step.key, DONE)
            if done
            else _collect_one(step, folder, store)
        )
        events[step.name] = event
        write_event(folder, event)
    if all(event.state == DONE for event in events.values()):
        folder.complete.touch()
    return events


def _collect_one(step: PlannedStep, folder: RunFolder, store: Store) -> StepEvent:
    results = folder.root / "results"
    made = results / f"{step.key}.json"
    if (
        not made.exists() or made.stat().st_size == 0
    ):  # HTCondor makes the files before the job ends
        return StepEvent(time.time(), step.name, step.key, WAITING)
    attempt = folder.new_attempt(step.key)
    (attempt / OUTPUTS).mkdir(parents=True)
    made.rename(attempt / RESULT)
    for output in step.outputs:
        (results / file_name(step.key, output)).rename(attempt / OUTPUTS / output)
    for name, suffix in ((STDOUT, "out"), (STDERR, "err")):
        logs = sorted((folder.root / "logs").glob(f"{step.key}.*.{suffix}"))
        (attempt / name).write_bytes(logs[-1].read_bytes() if logs else b"")
    result = read_result(attempt)
    wall_s = float((result or {}).get("wall_s", 0.0))
    asked = Resources(**step.resources)
    if result is not None and result["status"] == "ok":
        try:
            publish(attempt, store, {})
        except WingspanError as error:
            why = refusal(error)
            return StepEvent(time.time(), step.name, step.key, FAILED, 1, **why._asdict())
        return StepEvent(time.time(), step.name, step.key, DONE, 1, wall_s)
    why = failure(result, "exit", None, 0.0, asked)
    return StepEvent(time.time(), step.name, step.key, FAILED, 1, wall_s, **why._asdict())
