"""Killed at any moment, the same command goes on: same results, nothing finished done again."""

import random
import subprocess
import sys
import time

import pytest

from wingspan.runner.run_folder import Home, read_result
from wingspan.store.store import Store

# What its jobs and commands run is covered by other tests.

PIPELINE = """
    import time
    import wingspan as ws

    def make(n: int) -> list[int]:
        time.sleep(0.05)
        return list(range(n))

    def total(numbers: list[int], times: int) -> int:
        time.sleep(0.05)
        return sum(numbers) * times

    def join(totals: dict[str, int]) -> int:
        return sum(totals.values())

    def pipeline() -> ws.Pipeline:
        p = ws.Pipeline("killed")
        tables = p.map(make, over={"n": [10, 20, 30]})
        totals = p.map(total, over={"numbers": tables, "times": [1, 2]})
        p.step(join, totals)
        return p
"""
COMMAND = [sys.executable, "-m", "wingspan", "run", "killed.py"]


def outcomes(home):
    """Digests of every output in the store, by key."""
    store = Store(home.store)
    keys = [path.name for path in home.store.glob("??/*") if len(path.name) == 64]
    return {key: {n: r["digest"] for n, r in store.result(key)["outputs"].items()} for key in keys}


def finished_attempts(home):
    """How often each step came to a result, over all runs."""
    counts = {}
    for attempt in home.runs.glob("*/steps/*/*"):
        result = read_result(attempt)
        if result is not None and result["status"] == "ok":
            counts[result["key"]] = counts.get(result["key"], 0) + 1
    return counts


def killed_until_done(project, kills, seed):
    """Kill the command at random moments, then let it end; return how often it was killed in time."""
    moments = random.Random(seed)
    hit = 0
    for _ in range(kills):
        with subprocess.Popen(COMMAND, stderr=subprocess.DEVNULL, cwd=project.path) as run:
            time.sleep(moments.uniform(0.05, 1.2))
            hit += run.poll() is None
            run.kill()
    done = subprocess.run(
        COMMAND, cwd=project.path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return hit


@pytest.mark.parametrize("kills", [4, pytest.param(20, marks=pytest.mark.long)])
def test_kill_minus_9_at_random_moments(project, tmp_path, kills):
    """Same digests as a run that nobody disturbed; every step came to a result exactly once."""
    project.write(killed=PIPELINE)
    home = Home(project.path / ".wingspan")
    whole = tmp_path / "whole"
    subprocess.run(
        [*COMMAND, "--home", str(whole)],
        cwd=project.path,
        check=True,
        capture_output=True,
        timeout=60,
    )
    assert killed_until_done(project, kills, seed=kills) > 0
    assert outcomes(home) == outcomes(Home(whole))
    assert set(finished_attempts(home).values()) == {1}
