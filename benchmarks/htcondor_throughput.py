"""A thousand tasks of 0.1 s on eight slots of a private pool: one job each, and batched, against HTCondor by hand.

Both sides run the same Python function, with its input sent and its output brought back. By hand: one cluster
(``queue 1000``), and a DAG of a thousand nodes. Ours: a job for each task (``--no-fuse``), and batches.

``./run python benchmarks/htcondor_throughput.py [--tasks 1000]``
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from environments import wingspan_python

from wingspan.accesspoint import query, submit, submit_dag
from wingspan.pool.install import install
from wingspan.pool.personal import start_pool

TASK = """
import json, sys, time
from pathlib import Path
number = json.loads(Path(sys.argv[1]).read_text())
time.sleep(0.1)
Path(sys.argv[2]).write_text(json.dumps(number * 2))
"""
OURS = """
import time
import wingspan as ws

def task(number: int) -> int:
    time.sleep(0.1)
    return number * 2

def pipeline(tasks: int = 1000) -> ws.Pipeline:
    p = ws.Pipeline("tasks")
    asked = ws.Resources(expected="0.1s", memory="1GB", disk="100MB")
    p.map(task, over={"number": list(range(tasks))}, resources=asked)
    return p
"""
ONE_EACH, BATCHED = 1.15, 0.4


def description(name: str) -> str:
    """Return the submit description of one task by hand; `name` is its macro."""
    return (
        f"executable = {sys.executable}\ntransfer_executable = false\narguments = task.py {name}.json {name}.out\n"
        f"should_transfer_files = YES\nwhen_to_transfer_output = ON_EXIT\nrequest_memory = 1GB\n"
        f"request_disk = 100MB\ntransfer_input_files = task.py,{name}.json\n"
    )


def by_queue(folder: Path, tasks: int) -> float:
    """Run the tasks as one cluster; return seconds."""
    text = description("$(Process)") + f"initialdir = {folder}\nlog = {folder}/log\n"
    begin = time.perf_counter()
    cluster = submit(text, count=tasks)
    while query(f"ClusterId == {cluster}", ["ProcId"]):
        time.sleep(0.5)
    return _checked(folder, tasks, begin)


def by_dag(folder: Path, tasks: int) -> float:
    """Run the tasks as a DAG; return seconds."""
    lines = ["ENV SET _CONDOR_DAGMAN_USER_LOG_SCAN_INTERVAL=1"]
    lines += ["SUBMIT-DESCRIPTION task {", description("$(number)"), "}"]
    for number in range(tasks):
        lines += [f"JOB n{number} task", f'VARS n{number} number="{number}"']
    (folder / "tasks.dag").write_text("\n".join(lines) + "\n")
    begin = time.perf_counter()
    submit_dag(folder / "tasks.dag")
    out = folder / "tasks.dag.dagman.out"
    while "EXITING WITH STATUS" not in (out.read_text() if out.exists() else ""):
        time.sleep(0.2)
    return _checked(folder, tasks, begin)


def _checked(folder: Path, tasks: int, begin: float) -> float:
    took = time.perf_counter() - begin
    missing = [number for number in range(tasks) if not (folder / f"{number}.out").exists()]
    if missing:
        raise SystemExit(f"{len(missing)} tasks by hand gave no result, the first is {missing[0]}")
    return took


def ours(folder: Path, tasks: int, *options: str) -> float:
    """Run the tasks as a pipeline; return seconds, from command to prompt."""
    (folder / "tasks.py").write_text(OURS)
    command = [wingspan_python(), "-m", "wingspan", "run", "tasks.py", "--set", f"tasks={tasks}"]
    begin = time.perf_counter()
    done = subprocess.run(
        [*command, "--on", "htcondor", *options],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    return time.perf_counter() - begin


def main() -> int:
    """Print the table; return 0 if both targets hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=1000)
    tasks = parser.parse_args().tasks
    root = Path(tempfile.mkdtemp(prefix="wingspan-throughput-", dir="/var/tmp"))
    pool = start_pool(root / "pool", cpus=8, memory_mb=32768, daemons=install())
    os.environ.update(pool.environment)
    times = {}
    try:
        for name in ("queue", "dag", "one each", "batched"):
            folder = root / name.replace(" ", "-")
            folder.mkdir()
            if name in {"queue", "dag"}:
                (folder / "task.py").write_text(TASK)
                for number in range(tasks):
                    (folder / f"{number}.json").write_text(str(number))
            match name:
                case "queue":
                    times[name] = by_queue(folder, tasks)
                case "dag":
                    times[name] = by_dag(folder, tasks)
                case "one each":
                    times[name] = ours(folder, tasks, "--no-fuse")
                case _:
                    times[name] = ours(folder, tasks)
            print(f"{name:10} {times[name]:7.1f} s  {tasks / times[name]:6.1f} tasks/s", flush=True)
    finally:
        pool.stop()
        shutil.rmtree(root, ignore_errors=True)
    best = min(times["queue"], times["dag"])
    each, batched = times["one each"] / best, times["batched"] / best
    print(f"one each: {each:.2f}x of the best by hand (target {ONE_EACH})")
    print(f"batched:  {batched:.2f}x of the best by hand (target {BATCHED})")
    return int(each > ONE_EACH or batched > BATCHED)


if __name__ == "__main__":
    sys.exit(main())
