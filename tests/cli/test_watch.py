"""``wingspan watch``: a run as it goes on, told until it ends, and left alone."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time

import pytest

from wingspan.cli.job_text import job_now
from wingspan.cli.progress import summary
from wingspan.eventlog.attempt import Attempt
from wingspan.eventlog.job_state import Phase
from wingspan.runner.events import StepEvent
from wingspan.runner.runs import open_run

STEPS = """
    import time
    from pathlib import Path
    import wingspan as ws

    def quick(n: int) -> int:
        return n

    def waits(numbers: dict[str, int], flag: str, good: bool) -> int:
        for turn in range(300):
            if Path(flag).exists():
                break
            ws.log({"turn": turn, "nothing": float("nan")}, step=turn)
            time.sleep(0.1)
        return sum(numbers.values()) // int(good)

    def pipeline(flag: str, good: bool = True) -> ws.Pipeline:
        p = ws.Pipeline("watched")
        p.step(waits, p.map(quick, over={"n": [1, 2]}), flag, good)
        return p
"""
WATCH = [sys.executable, "-m", "wingspan", "watch"]


@pytest.fixture
def started(project):
    """Give a function that starts the pipeline in the background, and the file that lets it end."""
    project.write(watched=STEPS)
    flag = project.path / "flag"

    def start(**settings):
        return project.fresh("watched").pipeline(str(flag), **settings).submit(), flag

    yield start
    flag.touch()


def plain(text):
    """Return what a terminal was told, without the codes that move and colour."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def begins(process, word):
    """Read lines until one has the word; return them."""
    lines = []
    while not lines or word not in lines[-1]:
        lines.append(process.stdout.readline())
        assert lines[-1], lines
    return lines


def test_lines_as_it_goes_on_and_the_runs_exit_code(started):
    """What was before is told first; each step once; 0 when all is done."""
    run, flag = started()
    with subprocess.Popen(
        WATCH, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as shown:
        first = begins(shown, "logged   waits  turn ")
        flag.touch()
        rest, told = shown.stdout.read(), shown.stderr.read()
    lines = "".join(first) + rest
    assert [lines.count(f"done     {step}") for step in ("quick[1]", "quick[2]", "waits")] == [
        1,
        1,
        1,
    ]
    assert f"run {run.run_id}: done, 3 steps run" in told
    assert shown.returncode == 0


def test_a_failure_is_told_and_is_the_exit_code(started):
    """The traceback stands on standard error, as after `wingspan run`."""
    _, flag = started(good=False)
    flag.touch()
    done = subprocess.run(WATCH, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "failed   waits" in done.stdout
    assert "ZeroDivisionError" in done.stderr


def test_events_for_a_program(started):
    """A line of JSON each, also of what a running step logs; then the run's state."""
    run, flag = started()
    with subprocess.Popen([*WATCH, "--json"], stdout=subprocess.PIPE, text=True) as shown:
        first = begins(shown, "metrics")
        flag.touch()
        *rest, last = map(json.loads, shown.stdout)
    events = [event for event in [*map(json.loads, first), *rest] if event["step"] == "waits"]
    states = [event["state"] for event in events if "metrics" not in event]
    assert states == ["running", "done"]
    logged = next(event["metrics"] for event in events if "metrics" in event)
    assert logged["turn"]["step"] == logged["turn"]["value"]
    assert logged["nothing"]["value"] is None
    assert last == {"run": run.run_id, "state": "done"}


def test_ctrl_c_leaves_the_run_alone(started):
    """The watcher ends; the run goes on to its end."""
    run, flag = started()
    with subprocess.Popen(
        WATCH, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as shown:
        begins(shown, "quick[2]")
        shown.send_signal(signal.SIGINT)
        told = shown.stderr.read()
    assert shown.returncode == 130
    assert f"wingspan watch {run.run_id}" in told
    assert run.folder.driven()
    flag.touch()
    assert open_run().wait(60)["waits"] == 3


def test_a_terminal_shows_a_table_that_lives(started):
    """Steps, states, and how much of each map is done."""
    _, flag = started()
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(WATCH, stdout=theirs, stderr=subprocess.PIPE, env=environment) as shown:
        os.close(theirs)
        seen, end = "", time.monotonic() + 60
        while not re.search(r"waits +running", plain(seen)):  # as it may end between two pictures
            assert time.monotonic() < end, seen
            seen += os.read(ours, 1 << 16).decode()
        flag.touch()
        try:
            while chunk := os.read(ours, 1 << 16):
                seen += chunk.decode()
        except OSError:  # the other end is closed
            pass
        shown.wait(60)
    os.close(ours)
    text = plain(seen)
    assert shown.returncode == 0
    assert re.search(r"[12] of 3 steps done", text)
    assert "3 of 3 steps done, quick 2/2" in text
    assert re.search(r"waits +done", text)


def test_the_summary_counts_maps_and_what_jobs_do():
    """Of steps that have not ended, in the words of the job's phase."""
    events = [
        StepEvent(1.0, step, "", state)
        for step, state in (
            ("load", "done"), ("fit[1]", "done"), ("fit[2]", "running"), ("fit[3]", "waiting"),
        )
    ]  # fmt: skip
    jobs = {"load": "vm", "fit[2]": "running on a for 3 s", "fit[3]": "queued for 9 s"}
    assert summary(events, jobs) == "2 of 4 steps done, fit 1/3, 1 running, 1 queued"


def test_what_a_job_does_now_is_said_with_place_and_time():
    """Since when it does so; of an ended one where it ran."""
    attempt = Attempt("n", 1, time.time() - 5, phase=Phase.RUN, host="a")
    assert re.fullmatch(r"running on a for [56] s", job_now(attempt))
    assert job_now(Attempt("n", 1, 0.0, host="a", outcome="exit 0")) == "a"
