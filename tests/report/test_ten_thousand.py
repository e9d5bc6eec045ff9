"""A run of 10,000 steps, made from records without executing a step: its report, and what watching it costs."""

import os
import pty
import resource
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest
from typer.testing import CliRunner

from wingspan.cli.main import app
from wingspan.runner.events import StepEvent
from wingspan.runner.record import write_event

FILE = """
import wingspan as ws

def read(rows: int) -> list[int]:
    return list(range(rows))

def fit(rows: list[int], depth: int) -> dict[str, float]:
    return {"depth": float(depth)}

def score(model: dict[str, float], rows: list[int]) -> float:
    return 0.0

def pipeline() -> ws.Pipeline:
    p = ws.Pipeline("many")
    rows = p.step(read, 10)
    models = p.map(fit, over={"depth": list(range(5_000))}, rows=rows)
    p.map(score, over={"model": models}, rows=rows)
    return p
"""


@pytest.fixture(scope="module")
def large_run(tmp_path_factory):
    """Plan the run, and write the record of one that goes on: 6,000 steps done, one failed."""
    folder = tmp_path_factory.mktemp("many")
    (folder / "many.py").write_text(FILE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(str(folder))
        from importlib import import_module

        run = import_module("many").pipeline().prepare()
    at = time.time() - 5_000
    for place, (name, step) in enumerate(run.steps.items()):
        if place > 6_000:
            break
        start = at + place / 4
        write_event(run.folder, StepEvent(start, name, step.key, "running", 1))
        state, problem = ("failed", "ValueError: boom") if place == 77 else ("done", "")
        ended = StepEvent(
            start + 1,
            name,
            step.key,
            state,
            1,
            wall_s=1.0,
            peak_memory_mb=80.0,
            problem=problem,
            fix="correct the code",
        )
        write_event(run.folder, ended)
    return folder, run


@pytest.mark.long
def test_the_report_of_10_000_steps_is_small(large_run, monkeypatch):
    """At most 10 MB, with the failure first and a box for each map."""
    folder, _ = large_run
    monkeypatch.chdir(folder)
    begin = time.perf_counter()
    done = CliRunner().invoke(app, ["report", "--out", "page.html"])
    print(f"{time.perf_counter() - begin:.1f} s, {(folder / 'page.html').stat().st_size:,} bytes")
    assert done.exit_code == 0, done.output
    text = (folder / "page.html").read_text()
    assert len(text.encode()) <= 10_000_000
    assert text.index("fit[76] failed") < text.index('<section id="pipeline"')
    assert "10,001 steps in 3 boxes" in text


def drain(terminal):
    with suppress(OSError):
        while os.read(terminal, 1 << 16):
            pass


@pytest.mark.long
def test_watching_10_000_steps_costs_at_most_a_twentieth_of_a_core(large_run):
    """Processor time over ten seconds, once the run has been read."""
    folder, run = large_run
    run.folder.claim()  # by this process: the run goes on
    environment = {**os.environ, "COLUMNS": "100", "TERM": "xterm"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    words = [sys.executable, "-m", "wingspan", "watch"]
    spent = []
    for seconds in (10, 30):  # the difference leaves out the start and the first look
        ours, theirs = pty.openpty()  # a terminal, which shows the table that lives
        threading.Thread(target=drain, args=(ours,), daemon=True).start()
        with subprocess.Popen(words, cwd=folder, env=environment, stdout=theirs) as shown:
            time.sleep(seconds)
            shown.kill()
        os.close(theirs)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        before = after
    print(f"{(spent[1] - spent[0]) / 20:.3f} of a core")
    assert (spent[1] - spent[0]) / 20 <= 0.05
    run.folder.pid.unlink()
