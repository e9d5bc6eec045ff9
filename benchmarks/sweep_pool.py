"""Trials of one second on eight slots of a private pool: as a sweep's lanes, against a plain DAG of as many jobs.

Both sides run the same Python function, with its input sent and its output brought back; the clock runs from the
submission to the moment when DAGMan has left. Shared jobs: lanes with the default task time, as many as slots. One trial
a job: a task time of a millisecond, and twice as many lanes as slots.

``./run python benchmarks/sweep_pool.py [--trials 500] [--seconds 1] [--slots 8]``
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

from wingspan.accesspoint import submit_dag
from wingspan.pool.install import install
from wingspan.pool.personal import start_pool

TASK = """
import json, sys, time
from pathlib import Path
number = json.loads(Path(sys.argv[1]).read_text())
time.sleep(float(sys.argv[3]))
Path(sys.argv[2]).write_text(json.dumps({"loss": number}))
"""
OURS = """
import time
import wingspan as ws

def trial(number: int, pause: float) -> dict[str, float]:
    time.sleep(pause)
    return {"loss": float(number)}

def pipeline(trials: int, pause: float, parallel: int) -> ws.Pipeline:
    p = ws.Pipeline("trials")
    over = {"number": list(range(trials))}
    asked = ws.Resources(memory="1GB", disk="100MB")
    p.sweep(trial, pause=pause, over=over, metric="loss", search="grid", parallel=parallel, resources=asked)
    return p
"""
SHARED, ONE_EACH = 0.5, 1.3


def by_dag(folder: Path, trials: int, seconds: float) -> float:
    """Run the trials as a DAG of one job each; return seconds."""
    (folder / "task.py").write_text(TASK)
    lines = ["ENV SET _CONDOR_DAGMAN_USER_LOG_SCAN_INTERVAL=1"]
    lines += [
        "SUBMIT-DESCRIPTION task {",
        f"executable = {sys.executable}\ntransfer_executable = false",
        f"arguments = task.py $(number).json $(number).out {seconds}",
        "should_transfer_files = YES\nwhen_to_transfer_output = ON_EXIT",
        "request_memory = 1GB\nrequest_disk = 100MB",
        "transfer_input_files = task.py,$(number).json",
        "}",
    ]
    for number in range(trials):
        (folder / f"{number}.json").write_text(str(number))
        lines += [f"JOB n{number} task", f'VARS n{number} number="{number}"']
    (folder / "tasks.dag").write_text("\n".join(lines) + "\n")
    begin = time.perf_counter()
    submit_dag(folder / "tasks.dag")
    _until_over(folder / "tasks.dag.dagman.out")
    took = time.perf_counter() - begin
    missing = [number for number in range(trials) if not (folder / f"{number}.out").exists()]
    if missing:
        raise SystemExit(f"{len(missing)} trials by hand gave no result, the first is {missing[0]}")
    return took


def _until_over(out: Path) -> None:
    while "EXITING WITH STATUS" not in (out.read_text() if out.exists() else ""):
        time.sleep(0.2)


def ours(
    folder: Path, trials: int, seconds: float, parallel: int, task_time: float | None
) -> float:
    """Run the trials as a sweep; return seconds."""
    (folder / "trials.py").write_text(OURS)
    if task_time is not None:
        (folder / "wingspan.toml").write_text(f"[pools.htcondor]\ntask_time = {task_time}\n")
    given = {"trials": trials, "pause": seconds, "parallel": parallel}
    words = [word for name, value in given.items() for word in ("--set", f"{name}={value}")]
    command = [wingspan_python(), "-m", "wingspan", "run", "trials.py", *words, "--on", "htcondor"]
    begin = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    took = time.perf_counter() - begin
    if done.returncode or f"{trials} of {trials} trials" not in done.stderr:
        raise SystemExit(done.stderr[-3000:])
    return took


def main() -> int:
    """Print the table; return 0 if both targets hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--slots", type=int, default=8)
    asked = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="wingspan-sweep-pool-", dir="/var/tmp"))
    pool = start_pool(root / "pool", cpus=asked.slots, memory_mb=32768, daemons=install())
    os.environ.update(pool.environment)
    size = asked.trials, asked.seconds
    times = {}
    try:
        for name in ("plain DAG", "shared jobs", "one trial a job"):
            folder = root / name.replace(" ", "-")
            folder.mkdir()
            match name:
                case "plain DAG":
                    times[name] = by_dag(folder, *size)
                case "shared jobs":
                    times[name] = ours(folder, *size, asked.slots, None)
                case _:
                    times[name] = ours(folder, *size, 2 * asked.slots, 0.001)
            print(f"{name:16} {times[name]:7.1f} s", flush=True)
    finally:
        pool.stop()
        shutil.rmtree(root, ignore_errors=True)
    shared = times["shared jobs"] / times["plain DAG"]
    each = times["one trial a job"] / times["plain DAG"]
    print(f"shared jobs:     {shared:.2f}x of the plain DAG (target {SHARED})")
    print(f"one trial a job: {each:.2f}x of the plain DAG (target {ONE_EACH})")
    return int(shared > SHARED or each > ONE_EACH)


if __name__ == "__main__":
    sys.exit(main())
