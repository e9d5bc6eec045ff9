"""Pipelines run on a real pool, and mean there what they mean here."""

import json
import shutil
import subprocess
import sys

import pytest

from wingspan.accesspoint import query
from wingspan.errors import SpaceError
from wingspan.store.store import Store

pytestmark = pytest.mark.htcondor

STEPS = """
    from pathlib import Path
    from typing import NamedTuple
    import wingspan as ws
    import helper

    class Parts(NamedTuple):
        small: list[int]
        large: list[int]

    def load(path: Path) -> Parts:
        numbers = [int(word) for word in path.read_text().split()]
        return Parts(numbers[:2], numbers[2:])

    def total(numbers: list[int]) -> int:
        print("adding")
        return helper.add(numbers)

    def tree(numbers: list[int]) -> Path:
        folder = Path("made")
        folder.mkdir()
        for number in numbers:
            (folder / f"{number}.txt").write_text(str(number))
        return folder

    def count(folder: Path) -> int:
        return len(list(folder.iterdir()))

    def pipeline() -> ws.Pipeline:
        p = ws.Pipeline("real")
        parts = p.step(load, Path("numbers.txt"))
        p.step(total, parts.large)
        p.step(count, p.step(tree, parts.small))
        return p
"""


@pytest.fixture
def real(project, pool):
    project.write(real=STEPS, helper="def add(numbers):\n    return sum(numbers)\n")
    (project.path / "numbers.txt").write_text("1 2 3 4")
    return project


def test_a_pool_gives_the_results_of_this_machine(real, job_folder):
    """Values, folders and digests are the same, and the second run has nothing to do."""
    module = real.fresh("real")
    here = module.pipeline().run(home=job_folder / "here")
    states = []
    there = module.pipeline().run(
        "htcondor", home=job_folder / "there", listener=lambda e: states.append((e.step, e.state))
    )
    assert (there["total"], there["count"]) == (here["total"], here["count"]) == (7, 2)
    digests = [
        [Store(run.home.store).result(step.key)["outputs"] for step in run.steps.values()]
        for run in (here, there)
    ]
    assert digests[0] == digests[1]
    assert (
        states.index(("load", "running"))
        < states.index(("load", "done"))
        < states.index(("total", "done"))
    )
    shown = [line.split() for line in _status(job_folder / "there", real.path)]
    assert shown[1][:6] == ["step", "state", "time", "memory", "tries", "queued"]
    assert shown[2][:2] == ["load", "done"]
    told = json.loads("".join(_status(job_folder / "there", real.path, "--json")))["steps"]["total"]
    assert [one["outcome"] for one in told["attempts"]] == ["exit 0"]
    assert told["attempts"][0]["host"]
    assert told["usage"]["disk"]["used"] > 0
    assert told["usage"]["memory"]["used"] > 15  # a Python, however short the job
    again = module.pipeline().run("htcondor", home=job_folder / "there")
    assert not again.folder.dags.exists()


def _status(home, folder, *words):
    """Return what `wingspan status` prints, by lines."""
    command = [sys.executable, "-m", "wingspan", "status", "--home", str(home), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder)
    return done.stdout.splitlines()


def in_queue(run_id):
    """Return the ids and states of a run's jobs in the queue, DAGMan's own apart."""
    ads = query(f'WingspanRun == "{run_id}"', ["ClusterId", "JobStatus"])
    return {str(ad["ClusterId"]): ad["JobStatus"] for ad in ads}


SLOW = """
    import time
    from pathlib import Path
    import wingspan as ws

    def first(x: int) -> int:
        return x + 1

    def slow(x: int, flag: str) -> int:
        print("waiting for the flag", flush=True)
        ws.log({"seen": 0.5}, step=3)
        for _ in range(600):
            if Path(flag).exists():
                break
            time.sleep(0.1)
        return x + 1

    def pipeline(flag: str) -> ws.Pipeline:
        p = ws.Pipeline("slow")
        p.step(slow, p.step(first, 1), flag)
        return p
"""


@pytest.fixture
def slow(project, pool, job_folder):
    """Give a pipeline of two steps, whose second ends once a file is there; that file; and the home folder."""
    project.write(slow=SLOW)
    flag, home = job_folder / "flag", job_folder / "home"
    yield project.fresh("slow").pipeline(str(flag)), flag, home
    flag.touch()


def running(run, step):
    """Tell whether a step runs in the pool."""
    return run.events[step].state == "running"


@pytest.mark.long
def test_of_two_steps_that_share_a_job_the_one_that_runs_is_running(slow, wait_until):
    """The other has ended there, and its result comes with the job's end. What the running one logs is seen at once."""
    pipeline, flag, home = slow
    run = pipeline.submit("htcondor", home=home)
    assert len(run.plan.groups) == 1
    wait_until(lambda: running(run, "slow"), 60)
    first = run.events["first"]
    assert first.state == "waiting"
    assert first.problem == "has ended; its result comes with those of the 1 other of its job"
    logged = wait_until(lambda: run.metrics.get("slow"))
    assert logged["seen"].curve == ((3, 0.5),)
    assert run.state == "running"
    flag.touch()
    assert run.wait(60)["slow"] == 3


@pytest.mark.long
def test_stop_ends_a_run_and_the_same_command_goes_on(slow, project, wait_until, caplog):
    """Nothing is left in the queue; what was finished is not done again; the stop is told once, however often one looks.

    Whoever follows is told what is submitted or followed, what starts, and by the exit code that it was stopped.
    """
    pipeline, flag, home = slow
    run = pipeline.submit("htcondor", home=home, fuse=False)
    wait_until(lambda: running(run, "slow"), 60)
    logs = subprocess.run(
        [sys.executable, "-m", "wingspan", "logs", "slow", "--home", str(home)],
        capture_output=True, text=True, check=True, cwd=project.path,
    )  # fmt: skip
    job = run.attempts["slow"][-1].job
    assert f"step slow: its job {job} is running on " in logs.stderr
    tail = ["condor_tail", job]
    wait_until(
        lambda: (
            b"waiting for the flag\n"
            in subprocess.run(tail, check=False, capture_output=True).stdout
        )
    )
    watcher = subprocess.Popen(
        [sys.executable, "-m", "wingspan", "watch", "--home", str(home)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=project.path,
    )  # fmt: skip
    told = subprocess.run(
        [sys.executable, "-m", "wingspan", "stop", "--home", str(home)],
        capture_output=True, text=True, check=True, cwd=project.path,
    )  # fmt: skip
    assert "stopped" in told.stdout
    seen, code = watcher.communicate()[0], watcher.returncode
    assert (seen.count("running  slow"), seen.count("stopped  slow"), code) == (1, 1, 130)
    wait_until(lambda: not in_queue(run.run_id) and not run.folder.driven())
    told = [run.state, run.events["slow"].problem]
    record = run.folder.record.read_text()
    assert [*told, run.state] == ["stopped", "the workflow was removed", "stopped"]
    assert run.folder.record.read_text() == record
    assert record.count('"stopped"') == 1
    assert [one.outcome for one in run.attempts["slow"]] == ["removed"]
    flag.touch()
    with caplog.at_level("INFO", "wingspan.runner"):
        again = pipeline.run("htcondor", home=home, fuse=False)
    assert "submitted: steps 1, jobs 1, by DAGMan's job " in caplog.text
    assert again["slow"] == 3
    (attempt,) = again.folder.attempts(again.steps["slow"].key)
    assert (attempt / "stdout.txt").read_text() == "waiting for the flag\n"  # once
    assert again.run_id != run.run_id
    assert not again.folder.attempts(again.steps["first"].key)


@pytest.mark.long
def test_no_secret_is_left_anywhere(real, job_folder, monkeypatch):
    """A key in the environment is in no file of the run, and in no ad."""
    monkeypatch.setenv("WANDB_API_KEY", "s3cr3t-0123456789")
    run = real.fresh("real").pipeline().run("htcondor", home=job_folder / "home")
    found = [
        path
        for path in (job_folder / "home").rglob("*")
        if path.is_file() and b"s3cr3t-0123456789" in path.read_bytes()
    ]
    assert run["total"] == 7
    assert not found


WHERE = """
    import os
    import ssl
    import sys
    import wingspan as ws

    def where() -> list[str]:
        import numpy
        return [sys.executable, numpy.__file__, os.environ["PATH"]]

    def pipeline() -> ws.Pipeline:
        p = ws.Pipeline("where")
        p.step(where)
        return p
"""


@pytest.mark.long
def test_the_environment_travels_to_a_machine_without_python(project, job_folder):
    """Interpreter and libraries run from the job's sandbox, whose PATH has a shell's tools only; not above the limit."""
    home, tools = job_folder / "home", job_folder / "tools"
    tools.mkdir()
    for name in ("sh", "tar", "gzip", "uname", "mkdir"):
        (tools / name).symlink_to(shutil.which(name))
    project.write(where=WHERE)
    (project.path / "wingspan.toml").write_text(
        f'[pools.bare]\nenvironment = "send"\nsubmit = {{ environment = \'"PATH={tools}"\' }}\n'
        '[pools.small]\nenvironment = "send"\nenvironment_limit = "1MB"\n'
    )
    pipeline = project.fresh("where").pipeline()
    with pytest.raises(SpaceError, match="the pool's limit is 1"):
        pipeline.run("small", home=home)
    assert not query('WingspanStep == "where"')
    executable, library, path = pipeline.run("bare", home=home)["where"]
    sandbox = job_folder.parents[1] / "execute"
    assert executable.startswith(str(sandbox))
    assert library.startswith(str(sandbox))
    assert path == str(tools)
    shutil.rmtree(home)  # 200 MB
