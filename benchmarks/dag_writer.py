"""Plan and write a DAG of 100,000 nodes, wide and as a chain, against HTCondor's own `htcondor2.dags`.

Target: at most 3 s each of CPU for plan and write (declaring the steps is told apart). Each shape has a process of its own,
whose peak memory is told. `htcondor2.dags` writes chains of 250, 500 and 1,000 layers: its time grows with their square.
"""

import argparse
import gc
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from nothing import nothing

import wingspan as ws
from wingspan.cli.main import COLLECTIONS
from wingspan.runner.htcondor.write.dag_file import dag_text
from wingspan.runner.htcondor.write.nodes import nodes_of

TARGET_S = 3.0
RIVAL = (250, 500, 1000)


def wide(steps: int) -> ws.Pipeline:
    """No step needs another."""
    p = ws.Pipeline("wide")
    p.map(nothing, over={"n": list(range(steps))})
    return p


def chain(steps: int) -> ws.Pipeline:
    """Each step reads the one before."""
    p = ws.Pipeline("chain")
    last = p.step(nothing, 0, name="step0")
    for number in range(1, steps):
        last = p.step(nothing, last, name=f"step{number}")
    return p


def ours(shape: str, steps: int, folder: Path) -> tuple[float, float, float]:
    """Return CPU seconds of declaring, planning and writing."""
    begun = time.process_time()
    pipeline = {"wide": wide, "chain": chain}[shape](steps)
    declared = time.process_time()
    plan = pipeline.plan(folder / "home")
    planned = time.process_time()
    file = folder / "run.dag"
    file.write_text(dag_text(nodes_of(plan, lambda _: ())))
    written = time.process_time()
    if file.read_text().count("\nJOB ") != steps:
        raise SystemExit(f"{shape}: not every step is in the DAG")
    return declared - begun, planned - declared, written - planned


def rival(layers: int, folder: Path) -> float:
    """Return CPU seconds of a chain of layers built and written by HTCondor's own bindings."""
    import htcondor2
    from htcondor2 import dags

    begun = time.process_time()
    dag = dags.DAG()
    asked = htcondor2.Submit({"executable": "/bin/true"})
    layer = dag.layer(name="step0", submit_description=asked)
    for number in range(1, layers):
        layer = layer.child_layer(name=f"step{number}", submit_description=asked)
    dags.write_dag(dag, folder)
    return time.process_time() - begun


def peak_mb() -> float:
    """Return the most memory this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    """Measure; exit with 0 if both shapes hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--shape", choices=["wide", "chain", "rival"])
    chosen = parser.parse_args()
    if chosen.shape is None:
        command = [sys.executable, __file__, "--steps", str(chosen.steps), "--shape"]
        print(
            f"{'shape':8} {'steps':>8} {'declare':>8} {'plan':>8} {'write':>8} {'plan+write':>10}"
        )
        ends = [subprocess.run([*command, shape], check=False).returncode
                for shape in ("wide", "chain", "rival")]  # fmt: skip
        return max(ends)
    gc.set_threshold(*COLLECTIONS)  # as the command line does
    with tempfile.TemporaryDirectory() as folder:
        if chosen.shape == "rival":
            for layers in RIVAL:
                seconds = rival(layers, Path(folder) / str(layers))
                each = 1e6 * seconds / layers
                print(
                    f"htcondor2.dags, chain of {layers}: {seconds:.2f} s CPU, {each:.0f} us a node"
                )
            return 0
        declare, plan, write = ours(chosen.shape, chosen.steps, Path(folder))
    both = plan + write
    verdict = "holds" if both <= TARGET_S * chosen.steps / 100_000 else "too slow"
    print(
        f"{chosen.shape:8} {chosen.steps:8} {declare:8.2f} {plan:8.2f} {write:8.2f} {both:10.2f}"
        f"  s CPU, {1e6 * both / chosen.steps:.0f} us a node, peak {peak_mb():.0f} MB: {verdict}"
    )
    return 0 if verdict == "holds" else 1


if __name__ == "__main__":
    sys.exit(main())
