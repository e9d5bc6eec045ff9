"""Reading event logs: against `wc -l`, against HTCondor's reader, on one core and on two, and its memory.

Usage: ``python benchmarks/eventlog_read.py [--gigabytes 1.0] [--logs FOLDER] [--parts real,simulated]``

FOLDER holds real logs (default: those beside the checkout, or WINGSPAN_SHARED); they are repeated to the size. The
simulated log is a simulated pool's, repeated likewise. Files lie in a temporary folder on disk and are removed.
Ends with the figures beside their targets; exits with 0 only if all hold.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

REPEATS = 5
HTCONDOR_BYTES = 20_000_000  # its reader gets the first so many bytes: it is a hundred times slower
READ = """
import json, sys, threading, time
start = time.perf_counter()
from wingspan.eventlog.read import read_events
imported = time.perf_counter() - start
peak, done = 0, False
def watch():
    global peak
    while not done:
        for line in open("/proc/self/status"):
            if line.startswith("RssAnon"):
                peak = max(peak, int(line.split()[1]))
        time.sleep(0.005)
watcher = threading.Thread(target=watch)
watcher.start() if sys.argv[3] == "watch" else None
start, cpu = time.perf_counter(), time.process_time()
events = read_events(sys.argv[1], timezone="UTC", cpus=int(sys.argv[2]))
seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
done = True
print(json.dumps({"seconds": seconds, "cpu": cpu, "events": len(events), "damage": len(events.damage),
                  "imported": imported, "peak": peak * 1024}))
"""
THEIRS = """
import sys, time, htcondor2
start, count = time.perf_counter(), 0
reader = htcondor2.JobEventLog(sys.argv[1]).events(0)
while True:
    try:
        next(reader)
    except StopIteration:
        break
    except htcondor2.HTCondorException:
        continue
    count += 1
print(count / (time.perf_counter() - start))
"""


def best(measure: Callable[[], float]) -> float:
    """Return the least of several measurements: others at work on the machine only add to it."""
    return min(measure() for _ in range(REPEATS))


def on_cores(cores: int, command: list[str]) -> list[str]:
    """Bind a command to the first cores."""
    return ["taskset", "-c", ",".join(map(str, range(cores))), *command]


def read(path: Path, cpus: int, watch: str = "") -> dict[str, float]:
    """Read a log in a fresh process on so many cores."""
    command = on_cores(cpus, [sys.executable, "-c", READ, str(path), str(cpus), watch])
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(result.stdout)
    return found


def count_newlines(paths: list[Path]) -> float:
    """Return the seconds `wc -l` takes, one process and one core for each file."""
    start = time.perf_counter()
    running = [
        subprocess.Popen(["taskset", "-c", str(core), "wc", "-l", path], stdout=subprocess.DEVNULL)
        for core, path in enumerate(paths)
    ]
    for each in running:
        each.wait()
    return time.perf_counter() - start


def cpu_of_counting(path: Path) -> float:
    """Return the CPU seconds that `wc -l` takes: others at work on the machine change them less."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    count_newlines([path])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def repeat(paths: list[Path], target: Path, size: int) -> None:
    """Write the files one after the other, over and over, until the size is reached."""
    contents = [path.read_bytes() for path in paths]
    block = b"".join(each if each.endswith(b"\n") else each + b"\n" for each in contents)
    with target.open("wb") as file:
        while file.tell() < size:
            file.write(block)


def real_logs(folder: Path) -> list[Path]:
    """Return the real logs in the classic format."""
    from wingspan.eventlog.sources import format_of

    ends = {".dag", ".out", ".metrics", ".tsv", ".h5", ".50-stridesproblem", ".rescue001"}
    found = [
        path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix not in ends
    ]
    return [path for path in found if path.stat().st_size and format_of(path) == "classic"]


def simulate(folder: Path) -> list[Path]:
    """Return the logs of a simulated pool."""
    out = folder / "simulated"
    command = [
        "simulate",
        "ospool",
        "--out",
        str(out),
        "--truth",
        str(folder / "truth"),
        "--days",
        "3",
    ]
    subprocess.run(
        [sys.executable, "-m", "wingspan", *command], check=True, stdout=subprocess.DEVNULL
    )
    return sorted(folder.glob("simulated*"))[:1]  # a global log is of one access point


def halves(path: Path) -> list[Path]:
    """Cut a file in two, for two counting processes."""
    size = path.stat().st_size
    parts = [path.with_name(f"half{number}") for number in range(2)]
    for number, part in enumerate(parts):
        with path.open("rb") as source, part.open("wb") as target:
            source.seek(number * (size // 2))
            for _ in range(size // 2 // (1 << 20)):
                target.write(source.read(1 << 20))
    return parts


def their_rate(path: Path, folder: Path) -> float:
    """Return the events a second of HTCondor's own reader."""
    part = folder / "part"
    with path.open("rb") as file:
        content = file.read(HTCONDOR_BYTES)
    part.write_bytes(content[: content.rindex(b"\n...\n") + 5])
    command = on_cores(1, [sys.executable, "-c", THEIRS, str(part)])
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def measure(name: str, path: Path, folder: Path) -> list[tuple[str, float, str, float]]:
    """Return (what, value, relation, target) for one log; prints what was measured."""
    size = path.stat().st_size
    read(path, 1)  # into the page cache
    turns = [(count_newlines([path]), read(path, 1)) for _ in range(2 * REPEATS)]  # by turns: fair
    newlines, seconds = min(turn[0] for turn in turns), min(turn[1]["seconds"] for turn in turns)
    processor = min(cpu_of_counting(path) for _ in turns), min(turn[1]["cpu"] for turn in turns)
    events, damage = turns[0][1]["events"], turns[0][1]["damage"]
    theirs = their_rate(path, folder)
    parts = halves(path)
    both = [(count_newlines(parts), read(path, 2)["seconds"]) for _ in range(2 * REPEATS)]
    newlines_two, two = min(turn[0] for turn in both), min(turn[1] for turn in both)
    for part in parts:
        part.unlink()
    peak = read(path, 1, "watch")["peak"]
    start = time.perf_counter()
    command = [
        sys.executable,
        "-m",
        "wingspan",
        "events",
        "summary",
        str(path),
        "--timezone",
        "UTC",
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    summary = time.perf_counter() - start
    print(f"{name}: {size / 1e9:.2f} GB, {events:,.0f} events, {damage:,.0f} damaged stretches")
    print(f"  wc -l            {newlines:7.3f} s  {size / newlines / 1e9:6.2f} GB/s")
    print(
        f"  read_events      {seconds:7.3f} s  {size / seconds / 1e9:6.2f} GB/s  {events / seconds / 1e6:6.2f} M events/s"
    )
    print(
        f"  of CPU: wc -l {processor[0]:.3f} s, read_events {processor[1]:.3f} s: {processor[1] / processor[0]:.2f}x"
    )
    print(f"  JobEventLog                               {theirs / 1e6:14.3f} M events/s")
    print(
        f"  two cores        {two:7.3f} s  gain {seconds / two:.2f}; wc on halves {newlines / newlines_two:.2f}"
    )
    print(f"  anonymous memory {peak / 1e6:7.0f} MB")
    print(f"  events summary   {summary:7.2f} s")
    figures = [
        (f"{name}: events a second, in JobEventLog's", events / seconds / theirs, ">=", 60.0),
        (
            f"{name}: two cores' gain, in that of wc",
            seconds / two / (newlines / newlines_two),
            ">=",
            0.85,
        ),
        (f"{name}: anonymous memory, MB", peak / 1e6, "<=", size * 0.2 / 1e6 + 200),
        (f"{name}: events summary, s", summary, "<=", 5.0),
    ]
    if name == "real":
        figures.append((f"{name}: time, in that of wc -l", seconds / newlines, "<=", 3.0))
    return figures


def import_seconds() -> float:
    """Return how long a fresh process takes to import the package's reader."""
    code = "import time; t=time.perf_counter(); import wingspan.eventlog.read; print(time.perf_counter()-t)"
    command = [sys.executable, "-c", code]
    return best(
        lambda: float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    )


def main() -> int:
    """Measure; exit with 0 if all targets hold."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--gigabytes", type=float, default=1.0)
    beside = os.environ.get("WINGSPAN_SHARED") or str(Path(__file__).parents[1] / "../shared")
    arguments.add_argument("--logs", type=Path, default=Path(beside) / "data/eventlogs")
    arguments.add_argument("--parts", default="real,simulated")
    given = arguments.parse_args()
    size = int(given.gigabytes * 1e9)
    figures: list[tuple[str, float, str, float]] = [("import, s", import_seconds(), "<=", 0.15)]
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="wingspan-bench-") as name:
        folder = Path(name)
        for part in given.parts.split(","):
            sources = real_logs(given.logs) if part == "real" else simulate(folder)
            if not sources:
                print(f"{part}: no logs in {given.logs}")
                return 1
            repeat(sources, folder / "log", size)
            figures += measure(part, folder / "log", folder)
    held = True
    print()
    for what, value, relation, target in figures:
        good = value <= target if relation == "<=" else value >= target
        held &= good
        print(f"{'ok  ' if good else 'MISS'} {what:<50} {value:10.3f} {relation} {target:g}")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
