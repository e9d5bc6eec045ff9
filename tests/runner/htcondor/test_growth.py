"""How far requests grow, and what is said where no slot has more."""

import subprocess
import sys

import pytest

from wingspan.pool.personal import start_pool
from wingspan.runner.events import (
    DONE,
    FAILED,
    Outcome,
    StepEvent,
)
from wingspan.runner.htcondor.check.slots import unmet_by
from wingspan.runner.htcondor.growth import ends_here, fix_of_removed, with_fix

HUNGRY = """
    import time
    import wingspan as ws

    def hungry(mb: int) -> int:
        block = bytearray(mb * 2**20)
        block[::4096] = b"x" * len(block[::4096])
        time.sleep(2)  # until somebody has looked
        return len(block)

    def small() -> int:
        return 1

    def never() -> int:
        return 2

    def pipeline(mb: int = 500) -> ws.Pipeline:
        p = ws.Pipeline("growing")
        p.step(small, resources=ws.Resources(memory="300MB", disk="10MB"))
        p.step(hungry, mb, resources=ws.Resources(memory="300MB", disk="10MB"))
        p.step(never, resources=ws.Resources(memory="9GB", disk="10MB"))
        return p
"""


def test_only_a_slot_as_large_as_any_is_the_end():
    """Where the pool was not looked at, or a larger slot is there, another run may help."""
    assert ends_here({"Memory": 1001}, {"memory": 1001})
    assert not ends_here({"Memory": 512}, {"memory": 1001})
    assert not ends_here({"Memory": 512}, {})
    assert not ends_here({}, {"memory": 1001})


def test_the_fix_of_a_step_that_lacked_memory_names_the_largest_slot():
    """Other steps keep their own."""
    events = {
        "fat": StepEvent(0.0, "fat", "k1", FAILED, problem="used 9 MB", fix="ask", cause="memory"),
        "bad": StepEvent(0.0, "bad", "k2", FAILED, problem="ValueError", fix="correct the code"),
        "good": StepEvent(0.0, "good", "k3", DONE),
    }
    steps = with_fix(Outcome("run", events), {"memory": 1001}).steps
    assert "has more memory than 1,001 MB" in steps["fat"].fix
    assert (steps["bad"], steps["good"]) == (events["bad"], events["good"])


def test_a_job_removed_for_its_use_is_told_what_to_ask_or_that_there_is_no_more():
    """More than it was given at last, where a slot has it."""
    part = {"most": {"memory": 1000}, "steps": [{"resources": {"memory": "400MB"}}]}
    assert "has more memory than 1,000 MB" in fix_of_removed("memory", part)
    assert fix_of_removed("disk", part) == 'ask for more: ws.Resources(disk="16384MB")'
    assert "3200MB" in fix_of_removed("memory", {**part, "most": {}})


def test_a_request_beyond_every_slot_is_told_before_it_waits(project, tmp_path):
    """By step, with what it asks for and what there is; what the user asks for in HTCondor's own words is not judged."""
    project.write(growing=HUNGRY)
    plan = project.fresh("growing").pipeline().plan(tmp_path / "home")
    found = unmet_by(plan.steps, lambda asked: {"memory": 1000, "disk": 1000})
    names = {step.key: step.name for step in plan.steps}
    assert {names[key] for key in found} == {"never"}
    assert (
        "asks for 9,216 MB of memory; the largest slot that the pool has now has 1,000 MB"
        in found.popitem()[1]
    )
    assert len(unmet_by(plan.steps, lambda asked: {})) == 3


@pytest.mark.htcondor
@pytest.mark.long
def test_a_request_grows_to_the_largest_slot_and_then_the_step_has_failed(
    project, daemons, pool_parent, wait_until
):
    """On a real pool: what finished stays, the cause and the largest slot are told; who never fits is told at once."""
    project.write(growing=HUNGRY)
    pool = start_pool(pool_parent / "small", cpus=2, memory_mb=400, daemons=daemons)
    home = pool.folder / "home"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in pool.environment.items():
            patch.setenv(name, value)
        try:
            run = project.fresh("growing").pipeline().submit("htcondor", home=home, fuse=False)
            said = wait_until(lambda: run.events["never"].problem)
            assert "the largest slot that the pool has now has 400 MB" in said
            wait_until(lambda: run.events["hungry"].state == FAILED, 90)
            assert run["small"] == 1
            words = [sys.executable, "-m", "wingspan", "logs", "hungry", "--home", str(home)]
            said = subprocess.run(words, capture_output=True, text=True, check=False).stdout
            run.trail.stop()
            run.wait(60)
            assert run.events["never"].state == "stopped"
        finally:
            pool.stop()
    assert "it asked for 400 MB" in said
    assert "has more memory than 400 MB" in said
