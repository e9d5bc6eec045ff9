"""Room on an execution point's disk, on a small disk where this machine lets us mount one."""

import json
import os
import subprocess
import sys
from dataclasses import asdict

import pytest

from wingspan.errors import SpaceError
from wingspan.runner.events import FAILED, Outcome, StepEvent
from wingspan.runner.failure import Failure, out_of_disk
from wingspan.runner.htcondor.execution_point import room
from wingspan.workflow import Pipeline

FILLS = """
    from pathlib import Path
    import wingspan as ws

    def small() -> int:
        return 1

    def fills(mb: int, one: int) -> Path:
        with Path("large").open("wb") as file:
            for _ in range(mb):
                file.write(bytes(1 << 20))
        return Path("large")

    def pipeline() -> ws.Pipeline:
        p = ws.Pipeline("fills")
        asked = ws.Resources(disk="4MB")
        p.step(fills, 50, p.step(small, resources=asked), resources=asked)
        return p
"""


def failed(problem, **fields):
    return Outcome("run", {"a": StepEvent(1.0, "a", "k", FAILED, problem=problem, **fields)})


def test_a_step_that_lacks_disk_is_told_from_one_that_is_wrong(tmp_path):
    """Only what says so, or could not write its result, is a matter of disk while there is room."""
    room.refuse_full_disk(failed("ValueError: no good"), (), tmp_path)
    for told in ({"cause": "disk"}, {"error": "SpaceError"}):
        with pytest.raises(SpaceError, match="OSError: full"):
            room.refuse_full_disk(failed("OSError: full", **told), (), tmp_path)


def test_needed_and_available_are_told():
    """What the job's files took, what was left, what was asked for; how much to ask for."""
    why = out_of_disk(61.0, 0.04, 16, "here")
    assert why == Failure(
        "the disk of here is full: its job's files took 61 MB, 0.0 MB were left; it asked for 16 MB",
        'ask for more: resources=ws.Resources(disk="91MB")',
        cause="disk",
    )
    assert "another machine" in out_of_disk(3.0, 0.0, 16, "here").fix


def test_room_is_given_up(tmp_path):
    """What was kept and the steps' own files go, their logs stay; another disk's error is told as it is."""
    home = tmp_path / "home"
    attempt = home / "runs/part/steps/k/1"
    (attempt / "work").mkdir(parents=True)
    (attempt / "work" / "large").write_bytes(b"x" * (3 << 20))
    (attempt / "stderr.txt").write_text("why")
    room.keep_room(home)
    used = sum(file.stat().st_size for file in home.rglob("*") if file.is_file())
    assert used >= 4 << 20
    error = SpaceError("/elsewhere", "no space", "free some")
    assert room.give_up_room(error, home, 100) == Failure(
        "/elsewhere: no space", "free some", cause="disk"
    )
    assert [file.name for file in home.rglob("*") if file.is_file()] == ["stderr.txt"]
    here = SpaceError(str(home / "runs"), "no space left to write x", "")
    assert "it asked for 100 MB" in room.give_up_room(here, home, 100).problem


@pytest.mark.parametrize(
    ("most", "fix"),
    [({"most": {"disk": 6}}, "has more disk than 6 MB"), ({}, "ask for more")],  # as older versions
)
def test_a_job_on_a_full_disk_tells_so_and_hands_over_what_is_done(
    project, tmp_path, small_disk, most, fix
):
    """The step's file fills the disk: the other step's result and the reason come back, with the exit code of disk."""
    project.write(filling=FILLS)
    pipeline = project.fresh("filling").pipeline()
    plan = Pipeline.plan(pipeline, tmp_path / "home")
    part = {
        "schema": 1, "pipeline": "fills", "code": "", "roots": [], "checkpoint_every_s": 60, "shared": "",
        **most,
        "steps": [asdict(step) for step in plan.steps],
    }  # fmt: skip
    with small_disk(tmp_path / "sandbox", "16m") as sandbox:
        (sandbox / "node.json").write_text(json.dumps(part))
        (sandbox / ".machine.ad").write_text("Cpus = 1\nMemory = 2048\n")
        done = subprocess.run(
            [sys.executable, "-m", "wingspan.runner.htcondor.execution_point", "node"], cwd=sandbox,
            env={**os.environ, "PYTHONPATH": str(project.path)}, capture_output=True, text=True,
            check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 5, done.stderr
        results = [json.loads((sandbox / f"{step.key}.json").read_text()) for step in plan.steps]
    assert [result["status"] for result in results] == ["ok", "failed"]
    why = results[1]["failure"]
    assert "it asked for 4 MB" in why["problem"]
    assert why["cause"] == "disk"
    assert fix in why["fix"]
