"""An operator's commands on large logs, against budgets: `holds advise`, `holds advise --all` and `events summary`.

Usage: ``python benchmarks/operators_day.py [--gigabytes 1.4] [--holds 44000] [--logs FILE..]``

Without --logs it simulates a pool (seed 5) and keeps its log in ~/.cache/wingspan-benchmarks: some minutes, once. Each command
runs alone, as a user's would; CPU seconds are compared, since wall seconds depend on what else the machine does.
Ends with the figures next to their budgets, the one that comes closest to its budget last; exits with 0 only if all hold.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

CACHE = Path.home() / ".cache/wingspan-benchmarks"
BYTES_A_DAY, HOLDS_A_DAY = 35_400_000, 2_130  # of the simulated pool, about
COMMAND = """
import contextlib, io, json, resource, sys
from wingspan.cli.main import app
with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.suppress(SystemExit):
    app(sys.argv[1:], standalone_mode=True)
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"cpu": used.ru_utime + used.ru_stime, "mb": used.ru_maxrss / 1024, "lines": said.getvalue().count("\\n")}))
"""


def measure(words: list[str], logs: list[Path]) -> dict[str, float]:
    """Run a command alone; return its CPU and wall seconds, memory and lines.

    The logs are read once before, so that no time of the disk counts.
    """
    for log in logs:
        with log.open("rb") as file:
            while file.read(1 << 22):
                pass
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *words, *map(str, logs)],
        check=True,
        capture_output=True,
        text=True,
    )
    used: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {**used, "wall": time.perf_counter() - start}


def simulated(days: float) -> list[Path]:
    """Return the logs of a simulated pool, made once."""
    folder = CACHE / f"operator-{days:g}"
    if not folder.exists():
        fresh = folder.with_suffix(".part")
        fresh.mkdir(parents=True, exist_ok=True)
        words = ["--out", str(fresh / "pool.log"), "--truth", str(fresh / "truth.jsonl")]
        command = [sys.executable, "-m", "wingspan", "simulate", "ospool", *words]
        subprocess.run([*command, "--seed", "5", "--days", str(days)], check=True)
        fresh.rename(folder)
    return sorted(folder.glob("pool*.log"))


def size_of(logs: list[Path]) -> str:
    """Return the bytes of logs and their number of holds."""
    from wingspan.eventlog.codes import EventNumber
    from wingspan.eventlog.logs import read_logs

    holds = sum(int((read_logs([log]).code == EventNumber.JOB_HELD).sum()) for log in logs)
    return f"{sum(log.stat().st_size for log in logs) / 1e9:.2f} GB, {holds:,} holds"


def main() -> int:
    """Measure, print, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=1.4)
    parser.add_argument("--holds", type=int, default=44_000)
    parser.add_argument("--logs", type=Path, nargs="*")
    given = parser.parse_args()
    large = given.logs or simulated(round(given.gigabytes * 1e9 / BYTES_A_DAY))
    many = given.logs or simulated(round(given.holds / HOLDS_A_DAY))
    budgets = {  # CPU seconds, MB
        "events summary": (["events", "summary"], large, 6.0, 1000.0),
        "holds advise": (["holds", "advise"], large, 20.0, 1000.0),
        "holds advise --all": (["holds", "advise", "--all"], many, 30.0, 1000.0),
    }
    shown = []
    for name, (words, logs, seconds, memory) in budgets.items():
        used = measure(words, logs)
        share = max(used["cpu"] / seconds, used["mb"] / memory)
        line = (
            f"{name:20} CPU {used['cpu']:5.1f} s ({seconds:.0f})  wall {used['wall']:5.1f} s  "
            f"{used['mb']:6.0f} MB ({memory:.0f})  {used['lines']:3.0f} lines  {size_of(logs)}  "
            f"{'held' if share <= 1 else 'MISSED'}"
        )
        shown.append((share, line))
    shown.sort()
    print("\n".join(line for _, line in shown))
    return 0 if shown[-1][0] <= 1 else 1


if __name__ == "__main__":
    sys.exit(main())
