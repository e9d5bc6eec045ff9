"""What Wingspan's own part of a job costs, in what a machine's load does not change: calls, and modules imported."""

import json
import subprocess
import sys

import wingspan as ws
from wingspan.runner.local.preload import preload_of
from wingspan.runner.local.runner import LocalRunner

STEPS = """
def one(n: int) -> int:
    return n + 1
"""
COUNT = """
import json, sys
import wingspan.workflow
from wingspan.runner.job import run

run.before_forks()
calls = 0

def count(frame, event, argument):
    global calls
    calls += event == "call"

sys.setprofile(count)
code = run.run_job(sys.argv[1])
sys.setprofile(None)
print(json.dumps([code, calls, sorted(sys.modules)]))
"""
MOST_CALLS = (
    290  # of Python's functions; Python 3.11 makes 180 for the first and 231 for the second step
)
NOT_NEEDED = (  # to load, call and store
    "logging",
    "subprocess",
    "wingspan.planning.plan",
    "wingspan.planning.project",
    "wingspan.planning.syntax",
    "wingspan.runner.drive",
    "wingspan.runner.local",
    "wingspan.runner.run",
)


def test_a_small_job_makes_few_calls_and_imports_little(project):
    """Each job is a fork: what it calls first, and what its template has imported, it pays for in copied memory."""
    project.write(small=STEPS)
    one = project.fresh("small").one
    p = ws.Pipeline("small")
    p.step(one, p.step(one, 1, name="first"), name="second")
    folder = p.run().folder
    for attempt in sorted(folder.root.glob("steps/*/1")):
        (attempt / "result.json").unlink()
        command = [sys.executable, "-P", "-c", COUNT, str(attempt)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        code, calls, modules = json.loads(done.stdout)
        assert (code, calls <= MOST_CALLS) == (0, True), f"{calls} calls"
        assert not set(modules).intersection(NOT_NEEDED)


MADE = """
import numpy as np

def make(n: int) -> np.ndarray:
    return np.arange(n)

def total(values: np.ndarray) -> int:
    return int(values.sum())
"""
IMPORTS = """
import importlib, json, sys
for name in json.loads(sys.argv[2]):
    importlib.import_module(name)
from wingspan.runner.job import run
run.before_forks()
before = set(sys.modules)
code = run.run_job(sys.argv[1])
print(json.dumps([code, sorted(set(sys.modules) - before)]))
"""


def test_a_job_with_arrays_imports_the_users_module_alone(project):
    """What every such job needs, its template has: reading arrays, and NumPy's random numbers for the seed."""
    project.write(made=MADE)
    made = project.fresh("made")
    p = ws.Pipeline("made")
    p.step(made.total, p.step(made.make, 5))
    plan, folder = p.plan(), p.run().folder
    step = next(step for step in plan.steps if step.name == "total")
    (attempt,) = folder.attempts(step.key)
    (attempt / "result.json").unlink()
    names = json.dumps(sorted(preload_of(step)))
    command = [sys.executable, "-P", "-c", IMPORTS, str(attempt), names]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [0, ["made"]]


def test_templates_start_while_the_plan_is_written(project, monkeypatch):
    """Their imports take longer than all else before the first job; with nothing to run there are none."""
    project.write(small=STEPS)
    started = []

    def begin(runner, plan):
        started.append((len(plan.to_run()), list(project.path.glob(".wingspan/runs/*/plan.jsonl"))))
        real(runner, plan)

    real = LocalRunner.begin
    monkeypatch.setattr(LocalRunner, "begin", begin)
    p = ws.Pipeline("small")
    p.step(project.fresh("small").one, 1)
    p.run()
    assert started[0] == (1, [])
    p.run()
    assert started[-1][0] == 0


PART = "import sys, wingspan.runner.htcondor.execution_point.run; print(*sys.modules)"
NOT_IN_A_PART = {  # what only some jobs need is imported by them
    "logging",
    "secrets",
    "statistics",
    "subprocess",
    "wingspan.eventlog",
    "wingspan.pipeline.sweeps",
    "wingspan.planning.arguments",
    "wingspan.eventlog.attempt",
    "wingspan.sweep.distributions",
    "wingspan.sweep.study",
    "wingspan.workflow",
}


def test_a_job_on_an_execution_point_imports_little():
    """Each module costs every job of a pool a third of a millisecond."""
    command = [sys.executable, "-P", "-c", PART]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert NOT_IN_A_PART.isdisjoint(loaded)
    assert len([name for name in loaded if name.startswith("wingspan.")]) < 95
