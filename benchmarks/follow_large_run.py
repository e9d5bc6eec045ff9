"""What looking at a large run on a pool and stopping it cost beside HTCondor's own work; no pool is needed.

A run folder of 5,000 jobs is made, with logs as HTCondor writes them: half have ended, 500 run. Target: the looks of
`wingspan stop`, before and after DAGMan has removed its jobs, take at most 3 s together.
"""

import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from nothing import nothing

import wingspan as ws
from wingspan.files import json_text
from wingspan.runner.htcondor.dag_folder import DagFolder
from wingspan.runner.plan_file import save_plan
from wingspan.runner.run import Run
from wingspan.runner.run_folder import Home
from wingspan.simulator import write

JOBS = 5000
TARGET_S = 3.0
HOST = "<127.0.0.1:9618?addrs=127.0.0.1-9618&alias=vm&noUDP&sock=schedd_1_2>"
SLOT = {"CondorScratchDir": '"/pool/execute/dir_1/scratch"', "Cpus": "1", "Memory": "2048"}


def at(seconds: int) -> str:
    """Return a stamp of a log."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(1_798_000_000 + seconds))


def job(number: int) -> str:
    """Return the id of a node's job in the log."""
    return f"{number + 2:03}.000.000"


def append(dag: DagFolder, lines: list[str]) -> None:
    """Add events to both logs of the nodes' jobs."""
    for log in (dag.nodes_log, dag.jobs_log):
        with log.open("a") as file:
            file.writelines(lines)


def make_run(root: Path, jobs: int) -> tuple[Run, DagFolder]:
    """Make a run of so many jobs, half of which have ended and been brought in."""
    home = Home(root)
    pipeline = ws.Pipeline("large")
    pipeline.map(nothing, over={"n": list(range(jobs))})
    plan = pipeline.plan(home.root)
    plan = replace(plan, groups=tuple((step.key,) for step in plan.steps))
    folder = home.new_run("large")
    save_plan(plan, folder, home, "htcondor")
    dag = DagFolder(folder.dags / "1")
    dag.results.mkdir(parents=True)
    dag.nodes.write_text(json.dumps({f"n-{n}": [s.key] for n, s in enumerate(plan.steps)}))
    dag.cluster.write_text("1")
    dag.dagman_log.write_text(write.submitted("1.0.0", at(0), HOST))
    lines = []
    for number, step in enumerate(plan.steps):
        notes = [f'[ DAGNodeName = "n-{number}"; JobBatchName = "large" ]']
        lines.append(write.submitted(job(number), at(2), HOST, notes=notes))
        if number < jobs // 2 + 500:
            lines.append(write.executing(job(number), at(60), HOST, "slot1@vm", SLOT))
        if number < jobs // 2:
            lines.append(write.terminated(job(number), at(70)))
            entry = home.store / step.key[:2] / step.key
            (entry / "outputs").mkdir(parents=True)
            made = {"schema": 1, "key": step.key, "status": "ok", "outputs": {}, "wall_s": 1.0}
            (entry / "result.json").write_text(json_text(made))
    append(dag, lines)
    return Run(folder, home), dag


def remove_jobs(dag: DagFolder, jobs: int) -> None:
    """Add what HTCondor writes when DAGMan is removed."""
    lines = []
    for number in range(jobs // 2, jobs):
        if number < jobs // 2 + 500:
            lines.append(write.evicted(job(number), at(99), code=1009, reason="Claim deactivated"))
        lines.append(write.aborted(job(number), at(99), "DAG Removed: User removed scheduler job."))
    append(dag, lines)
    with dag.dagman_log.open("a") as log:
        log.write(write.aborted("1.0.0", at(99), "via condor_rm (by user me)"))


def measure(jobs: int) -> tuple[dict[str, str], float]:
    """Return the state of each step in the end, and the seconds that `wingspan stop` looked and recorded."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        run, dag = make_run(Path(folder), jobs)
        begin = time.perf_counter()
        assert run.state == "running"
        first = time.perf_counter() - begin
        remove_jobs(dag, jobs)
        begin = time.perf_counter()
        run.wait(600)
        assert run.state == "stopped"
        seconds = first + time.perf_counter() - begin
        return {name: event.state for name, event in run.events.items()}, seconds


if __name__ == "__main__":
    total = measure(JOBS)[1]
    print(f"stop of {JOBS:,} jobs: {total:.2f} s, target {TARGET_S:g} s")
    sys.exit(total > TARGET_S)
