"""Small workflows on a private pool: Wingspan against DAGs written by hand for the same work.

The loan workflow: eight plain scripts as an eight-node DAG, files transferred, with the same estimators, against
``wingspan train`` and ``predict`` in one run; fused, and with a job for each step. A chain of ten steps that do
nothing: ten jobs of ``python -c pass`` against ten steps, fused, and with a job for each step.

Two more chains by hand say what a job costs before any of our own: their jobs send a file and bring one back, with and
without naming it. HTCondor's starter sleeps one second after the input of a job that names no outputs
(`FileTransfer::DownloadFiles`). If they are named, it asks the shadow at once whether the transfer is over, and about a
third of the time asks again 5 s later (`UniShadow::pseudo_request_guidance`). Only a job without file transfer has neither.

``./run python benchmarks/htcondor_latency.py [loan_data.csv] [--rounds 5] [--pool tuned|default]``

Each round submits at another phase of the negotiator's cycle. The peers' rounds and ours take turns on a pool with
short intervals; on one with HTCondor's defaults (``--pool default``) all workflows of a round run side by side, because
they wait more than 95 % of their time and would need an hour.
"""

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from environments import peers_python, wingspan_python
from loan_local import made_table

from wingspan.accesspoint import submit_dag
from wingspan.pool.install import install
from wingspan.pool.personal import start_pool

HERE = Path(__file__).parent
SCRIPTS = HERE / "loan_scripts"
# node: script, files in, files out, parents
NODES = {
    "process": (["loan_data.csv"], ["processed.csv"], []),
    "split": (["processed.csv"], ["train.csv", "test.csv"], ["process"]),
    "fit_logistic": (["train.csv"], ["logistic.joblib"], ["split"]),
    "fit_tree": (["train.csv"], ["tree.joblib"], ["split"]),
    "evaluate_logistic": (["test.csv", "logistic.joblib"], ["logistic.json"], ["fit_logistic"]),
    "evaluate_tree": (["test.csv", "tree.joblib"], ["tree.json"], ["fit_tree"]),
    "deploy": (
        ["logistic.json", "tree.json", "logistic.joblib", "tree.joblib"],
        ["models"],
        ["evaluate_logistic", "evaluate_tree"],
    ),
    "predict": (["test.csv", "models"], ["predictions.csv"], ["deploy"]),
}
CHAIN = """
import wingspan as ws

def nothing(before: int) -> int:
    return before + 1

def pipeline() -> ws.Pipeline:
    p = ws.Pipeline("chain")
    last = 0
    for number in range(10):
        last = p.step(nothing, last, name=f"s{number}")
    return p
"""
TARGETS = {
    "tuned": {"loan, fused": 0.45, "loan, --no-fuse": 1.05, "chain, fused": 0.35},
    "default": {"loan, fused": 0.25, "loan, --no-fuse": 1.05, "chain, fused": 0.15},
}


def wait_for_dag(folder: Path) -> None:
    """Wait until DAGMan has ended well."""
    out = folder / "peer.dag.dagman.out"
    while "EXITING WITH STATUS" not in (out.read_text() if out.exists() else ""):
        time.sleep(0.05)
    if "EXITING WITH STATUS 0" not in out.read_text():
        raise SystemExit(f"the peer's DAG failed: {out}")


def loan_peer(folder: Path, table: Path) -> float:
    """Run the eight scripts as a DAG; return seconds."""
    folder.mkdir()
    shutil.copy(table, folder / "loan_data.csv")
    lines = []
    for name, (inputs, outputs, parents) in NODES.items():
        shutil.copy(SCRIPTS / f"{name}.py", folder)
        (folder / f"{name}.sub").write_text(
            f"executable = {peers_python()}\narguments = {name}.py\ntransfer_executable = false\n"
            "should_transfer_files = YES\nwhen_to_transfer_output = ON_EXIT\n"
            f"transfer_input_files = {','.join([f'{name}.py', *inputs])}\n"
            f"transfer_output_files = {','.join(outputs)}\nrequest_memory = 2GB\n"
            f"output = {name}.out\nerror = {name}.err\n"
        )
        lines.append(f"JOB {name} {name}.sub")
        lines += [f"PARENT {' '.join(parents)} CHILD {name}"] if parents else []
    return _submit_peer(folder, lines)


def chain_peer(folder: Path, program: str = "pass", commands: str = "") -> float:
    """Run ten jobs of a Python program, one after the other; return seconds."""
    folder.mkdir()
    (folder / "in.txt").write_text("1")
    (folder / "nothing.py").write_text(f"{program}\n")
    (folder / "nothing.sub").write_text(
        f"executable = {sys.executable}\narguments = nothing.py\ntransfer_executable = false\n"
        f"should_transfer_files = YES\ntransfer_input_files = nothing.py, in.txt\nrequest_memory = 1GB\n{commands}"
    )
    lines = [f"JOB n{number} nothing.sub" for number in range(10)]
    lines += [f"PARENT n{number} CHILD n{number + 1}" for number in range(9)]
    return _submit_peer(folder, lines)


def _submit_peer(folder: Path, lines: list[str]) -> float:
    (folder / "peer.dag").write_text("\n".join(lines) + "\n")
    begin = time.perf_counter()
    submit_dag(folder / "peer.dag")
    wait_for_dag(folder)
    return time.perf_counter() - begin


def ours(folder: Path, *command: str) -> float:
    """Run a wingspan command in a fresh folder; return seconds."""
    folder.mkdir(exist_ok=True)
    begin = time.perf_counter()
    done = subprocess.run(
        [wingspan_python(), "-m", "wingspan", *command],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"wingspan {' '.join(command)} failed:\n{done.stderr}")
    return time.perf_counter() - begin


def works(root: Path, table: Path) -> dict[str, Callable[[int], float]]:
    """Return what is measured: name -> function of the round's number."""
    new_rows = root / "new.csv"
    lines = table.read_text().splitlines(keepends=True)
    new_rows.write_text("".join(lines[: 1 + len(lines) // 5]))
    train = ("train", str(table), "--target", "loan_status", "--compatibility", "--on", "htcondor")
    train += ("--predict", str(new_rows), "--out", "predictions.csv")

    def chain(name: str, *options: str) -> float:
        folder = root / name
        folder.mkdir()
        (folder / "chain.py").write_text(CHAIN)
        return ours(folder, "run", "chain.py", "--on", "htcondor", *options)

    back = 'open("out.txt", "w").write("1")'
    named = "transfer_output_files = out.txt\n"

    return {
        "loan, by hand": lambda number: loan_peer(root / f"loan-peer-{number}", table),
        "loan, fused": lambda number: ours(root / f"loan-{number}", *train),
        "loan, --no-fuse": lambda number: ours(root / f"loan-no-{number}", *train, "--no-fuse"),
        "chain, by hand": lambda number: chain_peer(root / f"chain-peer-{number}"),
        "chain, fused": lambda number: chain(f"chain-{number}"),
        "chain, --no-fuse": lambda number: chain(f"chain-no-{number}", "--no-fuse"),
        "chain, file back": lambda number: chain_peer(root / f"chain-back-{number}", back),
        "chain, named": lambda number: chain_peer(root / f"chain-named-{number}", back, named),
    }


def measure(root: Path, table: Path, rounds: int, *, together: bool) -> dict[str, list[float]]:
    """Return the seconds of each round of each workflow."""
    found: dict[str, list[float]] = {}
    all_works = works(root, table)
    phase = random.Random(5)
    for number in range(rounds):
        time.sleep(phase.uniform(0, 60 if together else 1))
        with ThreadPoolExecutor(len(all_works) if together else 1) as threads:
            futures = {name: threads.submit(work, number) for name, work in all_works.items()}
            for name, future in futures.items():
                found.setdefault(name, []).append(future.result())
        print(", ".join(f"{name} {times[-1]:.1f} s" for name, times in found.items()), flush=True)
    return found


def main() -> int:
    """Print the table; return 0 if all targets hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", nargs="?", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pool", choices=["tuned", "default"], default="tuned")
    asked = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="wingspan-latency-", dir="/var/tmp"))
    pool = start_pool(
        root / "pool", cpus=8, memory_mb=32768, tuned=asked.pool == "tuned", daemons=install()
    )
    os.environ.update(pool.environment)
    try:
        table = made_table(58_645, asked.table, root)
        times = measure(root, table, asked.rounds, together=asked.pool == "default")
    finally:
        pool.stop()
        shutil.rmtree(root, ignore_errors=True)
    bad = False
    print(
        f"\n{asked.pool} pool, {asked.rounds} rounds\n{'workflow':18} {'median':>9} {'min':>9} {'max':>9}"
    )
    for name, seconds in times.items():
        print(
            f"{name:18} {statistics.median(seconds):8.1f}s {min(seconds):8.1f}s {max(seconds):8.1f}s"
        )
    floor = statistics.median(times["chain, file back"])
    ratio = statistics.median(times["chain, --no-fuse"]) / floor
    print(f"chain, --no-fuse: {ratio:.2f}x of a DAG by hand whose jobs bring a file back")
    for name, target in TARGETS[asked.pool].items():
        peer = times[f"{name.split(',')[0]}, by hand"]
        ratio = statistics.median(times[name]) / statistics.median(peer)
        bad |= ratio > target
        print(f"{name}: {ratio:.2f}x of the DAG by hand (target {target})")
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
