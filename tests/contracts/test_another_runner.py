"""A third runner needs one method: the simplest there is, a process for each job, carries out a plan like the others."""

import subprocess
import sys
import time

import pytest

from wingspan.runner.drive import drive
from wingspan.runner.events import DONE, Outcome, StepEvent
from wingspan.runner.prepare import prepare, write_constants
from wingspan.runner.protocol import Runner, Trail
from wingspan.runner.publish import publish
from wingspan.runner.record import write_event
from wingspan.store.store import Store

STEPS = """
    import wingspan as ws

    def first(n: int) -> int:
        return n + 1

    def second(n: int) -> int:
        return n * 10

    def pipeline() -> ws.Pipeline:
        p = ws.Pipeline("two")
        p.step(second, p.step(first, 1))
        return p
"""
JOB = "import sys; from wingspan.runner.job.run import run_job; sys.exit(run_job(sys.argv[1]))"


class OneByOne(Runner):
    """Runs one job after the other, each in a process of its own."""

    def run(self, plan, folder, home, listener):
        store, events = Store(home.store), {}
        write_constants(plan, folder)
        for step in plan.to_run():
            attempt = prepare(step, folder, store, [])
            subprocess.run([sys.executable, "-P", "-c", JOB, str(attempt)], check=True)
            publish(attempt, step, store, {})
            events[step.name] = StepEvent(time.time(), step.name, step.key, DONE)
            write_event(folder, events[step.name])
            listener(events[step.name])
        return Outcome(folder.run_id, events)


def test_the_simplest_runner_carries_out_a_plan(project):
    project.write(two=STEPS)
    run = project.fresh("two").pipeline().prepare()
    told = []
    with OneByOne() as runner:
        assert drive(run.folder, run.home, told.append, runner).ok
    assert (run["second"], run.state, [event.step for event in told]) == (
        20,
        "done",
        ["first", "second"],
    )
    assert not project.fresh("two").pipeline().plan().to_run()


def test_what_a_runner_must_offer_is_asked_for():
    """One that lacks it cannot be made; the error names it."""
    with pytest.raises(TypeError, match="run"):
        type("Lacks", (Runner,), {})()
    with pytest.raises(TypeError, match=r"catch_up.*look.*stop"):
        type("Lacks", (Trail,), {})()
