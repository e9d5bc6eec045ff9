"""What a step costs beyond its function: 200 steps that do nothing, side by side and in a chain.

Target: at most 20 ms a step over the function itself plus four times the disk's fsync, which is printed.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from nothing import nothing

import wingspan as ws

STEPS = 200
TARGET_MS = 20.0
FSYNCS = 4


def chain() -> ws.Pipeline:
    """Each step reads the one before."""
    p = ws.Pipeline("chain")
    last = p.step(nothing, 0, name="step0")
    for number in range(1, STEPS):
        last = p.step(nothing, last, name=f"step{number}")
    return p


def wide() -> ws.Pipeline:
    """No step needs another."""
    p = ws.Pipeline("wide")
    p.map(nothing, over={"n": list(range(STEPS))})
    return p


def fsync_ms(folder: Path) -> float:
    """Return the median time of writing and syncing a small file."""
    times = []
    for number in range(30):
        handle = os.open(folder / f"probe{number}", os.O_WRONLY | os.O_CREAT)
        os.write(handle, b"x" * 200)
        start = time.perf_counter()
        os.fsync(handle)
        times.append(time.perf_counter() - start)
        os.close(handle)
    return 1000 * sorted(times)[len(times) // 2]


def main() -> int:
    """Measure both shapes; exit with 0 if both hold."""
    worst = 0.0
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        sync = fsync_ms(Path(folder))
        budget = TARGET_MS + FSYNCS * sync
        print(
            f"fsync {sync:.2f} ms; budget {TARGET_MS:g} + {FSYNCS} x fsync = {budget:.1f} ms a step\n"
        )
        print(f"{'shape':8} {'plan s':>8} {'run s':>8} {'ms a step':>10} {'again s':>8}")
        for pipeline in (wide(), chain()):
            home = Path(folder) / pipeline.name
            start = time.perf_counter()
            pipeline.plan(home)
            planned = time.perf_counter()
            pipeline.run(home=home)
            ran = time.perf_counter()
            pipeline.run(home=home)
            again = time.perf_counter() - ran
            each = 1000 * (ran - planned) / STEPS
            worst = max(worst, each)
            print(
                f"{pipeline.name:8} {planned - start:8.2f} {ran - planned:8.2f} {each:10.2f} {again:8.2f}"
            )
    print(f"\nstep overhead {worst:.2f} ms, target <= {budget:.2f} ms")
    return 0 if worst <= budget else 1


if __name__ == "__main__":
    sys.exit(main())
