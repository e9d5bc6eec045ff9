"""How soon a pool's search decides, how soon a trial hears it, and what the search costs.

Delays are measured on a private pool: twelve trials that log once a second, of which eight are stopped. A report's
decision is the file that stops its trial; the clock begins when ``ws.log`` has returned. The search's CPU is that of a
search fed with the messages of 1,000 trials with 50 reports each, one look a report, which is dearer than any pool.

``./run python benchmarks/sweep_delay.py [--trials 1000] [--reports 50]``
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import wingspan as ws
from wingspan.pool.install import install
from wingspan.pool.personal import start_pool
from wingspan.runner.htcondor.dag_folder import DagFolder
from wingspan.runner.htcondor.follow.dag_logs import DagLog
from wingspan.runner.htcondor.messages import Message, line_of
from wingspan.sweep.open_study import open_study
from wingspan.sweep.over import read_over
from wingspan.sweep.records import COMPLETE, Ending
from wingspan.sweep.spec import make_spec

PIPELINE = """
import json
import time
import wingspan as ws

def note(file: str, *facts: object) -> None:
    with open(file, "a") as notes:
        notes.write(json.dumps([*facts, time.time()]) + "\\n")

def fit(rate: float, file: str) -> float:
    for epoch in range(6):
        time.sleep(1.0)
        ws.log({"loss": rate + 1 / (epoch + 1)}, step=epoch)
        note(file, "log", rate)
        for _ in range(20):
            if ws.should_stop():
                note(file, "stop", rate)
                return rate
            time.sleep(0.02)
    return rate

def pipeline(file: str) -> ws.Pipeline:
    p = ws.Pipeline("delay")
    rates = [0.1, 0.2, 0.25, 0.3, *(0.6 + number / 100 for number in range(8))]
    p.sweep(fit, over={"rate": rates}, metric="loss", search="grid", parallel=4, file=file,
            prune={"rule": "median", "startup": 4})
    return p
"""
REPORT_S, STOP_S, CPU_S = 0.1, 1.0, 60.0
EVENT = "{code:03} (007.000.000) 2026-11-29 15:00:00 {text}\n...\n"
SUBMIT = 'Job submitted from host: <127.0.0.1:9618>\n    [ DAGNodeName = "fit-1_lane1"; ]'


def delays(root: Path) -> tuple[list[float], list[float]]:
    """Return the seconds from reports to decisions, and from decisions to trials that hear them."""
    notes = root / "notes"
    (root / "delay.py").write_text(PIPELINE)
    command = [sys.executable, "-m", "wingspan", "run", "delay.py", "--on", "htcondor"]
    subprocess.run([*command, "--set", f"file={notes}"], cwd=root, check=True, capture_output=True)
    run = ws.open_run(home=root / ".wingspan")
    logged: dict[float, list[float]] = {}
    heard: dict[float, float] = {}
    for what, rate, at in map(json.loads, notes.read_text().splitlines()):
        if what == "log":
            logged.setdefault(rate, []).append(at)
        else:
            heard[rate] = at
    reports, stops = [], []
    dag = DagFolder(run.folder.dags / "1")
    for lane in next(iter(dag.sweeps().values())).lanes:
        for file in dag.params_of(lane):
            said, stop = json.loads(file.read_text()), dag.stop(file.stem)
            if "values" in said and stop.exists() and said["values"]["rate"] in heard:
                decided, rate = stop.stat().st_mtime, said["values"]["rate"]
                reports.append(decided - max(at for at in logged[rate] if at <= decided))
                stops.append(heard[rate] - decided)
    return reports, stops


def cost(root: Path, trials: int, reports: int) -> tuple[float, float]:
    """Return the CPU seconds of reading so many messages one by one, and of searching with them."""
    dag = DagFolder(root)
    log = DagLog(dag)
    begin = time.process_time()
    with dag.jobs_log.open("a") as file:
        file.write(EVENT.format(code=0, text=SUBMIT))
        for number in range(trials * (reports + 3)):
            content = {"metrics": {"fit-1_lane1.0": {"loss": [[number, 0.5]]}}}
            file.write(EVENT.format(code=8, text=line_of(Message(1, number + 1, content))))
            file.flush()
            log.of_jobs()
    read = time.process_time() - begin
    space = read_over({name: ws.uniform(0.0, 1.0) for name in ("rate", "decay")}, "here")
    given = {"goal": "minimize", "search": "tpe", "prune": "asha", "seed": 1, "start": ()}
    spec = make_spec(space, metric="loss", repeats=1, where="here", **given)
    begin = time.process_time()
    with open_study(root / "study", spec, "run") as study:
        for _ in range(trials):
            draw = study.draw(trials)
            rate = draw.values["rate"]
            study.began(draw.number, f"key{draw.number}")
            for step in range(reports):
                study.report(draw.number, step, rate + 1 / (step + 1))
                study.to_stop()
            study.ended(draw.number, Ending(COMPLETE, rate))
    return read, time.process_time() - begin


def main() -> int:
    """Print the figures; return 0 if all targets hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--reports", type=int, default=50)
    asked = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="wingspan-sweep-delay-", dir="/var/tmp"))
    pool = start_pool(root / "pool", cpus=4, memory_mb=16384, daemons=install())
    os.environ.update(pool.environment)
    try:
        reports, stops = delays(root)
    finally:
        pool.stop()
    (root / "log").mkdir()
    read, searched = cost(root / "log", asked.trials, asked.reports)
    shutil.rmtree(root, ignore_errors=True)
    report_s, stop_s = statistics.median(reports), statistics.median(stops)
    each = f"{len(reports)} decisions, at most"
    print(
        f"report -> decision:      median {report_s:.3f} s (target {REPORT_S}); {each} {max(reports):.3f} s"
    )
    print(
        f"decision -> should_stop: median {stop_s:.3f} s (target {STOP_S}); {each} {max(stops):.3f} s"
    )
    size = f"{asked.trials:,} trials of {asked.reports} reports"
    print(
        f"CPU of the search, {size}: {read:.1f} s of reading + {searched:.1f} s of searching (target {CPU_S:.0f})"
    )
    return int(report_s > REPORT_S or stop_s > STOP_S or read + searched > CPU_S)


if __name__ == "__main__":
    sys.exit(main())
