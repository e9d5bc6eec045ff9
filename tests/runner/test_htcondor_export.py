"""A plan exported as a DAG is what HTCondor runs; its results and tracebacks come back through the same code."""

import re
import subprocess
import time

import pytest

import wingspan as ws
from wingspan.errors import SettingError, StepFailedError
from wingspan.runner.htcondor.export import export
from wingspan.runner.htcondor.follow.collect import collect
from wingspan.runner.htcondor.write.submit_description import submit_description
from wingspan.runner.run import Run
from wingspan.runner.run_folder import Home, RunFolder

STEPS = """
    from pathlib import Path
    from typing import NamedTuple
    import wingspan as ws

    class Parts(NamedTuple):
        small: list[int]
        large: list[int]

    def load(path: Path) -> Parts:
        numbers = [int(word) for word in path.read_text().split()]
        return Parts(numbers[:2], numbers[2:])

    def total(small: list[int], large: list[int]) -> int:
        print("adding")
        return sum(small) + sum(large)

    def fails(parts: Parts) -> int:
        raise ValueError(f"no good: {len(parts.small)}")

    def pipeline(path: Path = Path("numbers.txt")) -> ws.Pipeline:
        p = ws.Pipeline("thin")
        parts = p.step(load, path)
        p.step(total, parts.small, large=parts.large)
        p.step(fails, parts)
        return p
"""


@pytest.fixture
def thin(project):
    project.write(thin=STEPS)
    (project.path / "numbers.txt").write_text("1 2 3 4")
    return project.fresh("thin").pipeline()


def test_the_dag_says_who_needs_whom(thin, tmp_path):
    """Syntax as in the manual's DAGMan reference: JOB, VARS, PARENT ... CHILD ..."""
    text = export(thin.plan(), RunFolder(tmp_path / "out"), Home(tmp_path / "home")).read_text()
    assert re.search(r"^JOB load-1 request1$", text, re.M)
    assert re.search(r"^PARENT load-1 CHILD total-2 fails-3$", text, re.M)
    key = next(iter(thin.plan().steps)).key
    assert f'VARS total-2 inputs="{key}.json,{key}.small,{key}.large" steps="total"' in text


def test_a_request_becomes_submit_commands():
    """Names and units as in the manual's page on condor_submit."""
    asked = ws.Resources(
        cpus=2, memory="1.5GB", gpus=1, gpu_capability=8.0, runtime="1h", submit={"rank": "Mips"}
    )
    text = submit_description(asked)
    for line in (
        "request_cpus = 2",
        "request_gpus = 1",
        "gpus_minimum_capability = 8.0",
        "allowed_execute_duration = 3600",
        "rank = Mips",
        "when_to_transfer_output = ON_EXIT",
    ):
        assert f"  {line}\n" in text


def test_a_folder_in_use_is_left_alone(thin, tmp_path):
    """Exporting over other files is refused."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("x")
    with pytest.raises(SettingError, match="expected a new or empty folder"):
        export(thin.plan(), RunFolder(tmp_path / "out"), Home(tmp_path / "home"))


@pytest.mark.htcondor
def test_a_pool_runs_an_exported_pipeline(thin, job_folder):
    """Values come back from the pool, a failing step with its traceback; done steps are not exported again."""
    folder, home = RunFolder(job_folder / "run"), Home(job_folder / "home")
    dag = export(thin.plan(home.root), folder, home)
    done = subprocess.run(
        ["condor_submit_dag", dag.name], cwd=dag.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    finished = dag.with_name(f"{dag.name}.dagman.out")
    for _ in range(300):
        if finished.exists() and "EXITING WITH STATUS" in finished.read_text():
            break
        time.sleep(0.1)
    states = {name: event.state for name, event in collect(folder, home).items()}
    run = Run(folder, home)
    assert states == {"load": "done", "total": "done", "fails": "failed"}, finished.read_text()[
        -3000:
    ]
    assert run["total"] == 10
    assert run["load"].large == [3, 4]
    with pytest.raises(StepFailedError) as told:
        run["fails"]
    assert "ValueError: no good: 2" in str(told.value)
    assert "thin.py" in str(told.value)
    again = export(thin.plan(home.root), RunFolder(job_folder / "again"), home)
    assert again.read_text().count("\nJOB ") == 1
