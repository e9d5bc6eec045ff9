"""With a folder that the machines share, jobs read and write there, and nothing but their descriptions is sent."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from wingspan.accesspoint import query, release
from wingspan.errors import SettingError
from wingspan.runner.htcondor.export import export
from wingspan.runner.htcondor.follow.exported import collect
from wingspan.runner.htcondor.profile import Profile
from wingspan.runner.htcondor.shared import below, place_of
from wingspan.runner.htcondor.write.environment import environment_of
from wingspan.runner.run import Run
from wingspan.runner.run_folder import Home, RunFolder
from wingspan.store.store import Store
from wingspan.workflow import Pipeline

STEPS = """
    import sys
    import time
    from pathlib import Path
    from typing import NamedTuple

    import numpy as np
    import wingspan as ws
    import helper

    class Parts(NamedTuple):
        small: list[int]
        large: list[int]

    def load(path: Path, beside: Path) -> Parts:
        numbers = [int(word) for word in (path.read_text() + beside.read_text()).split()]
        return Parts(numbers[:2], numbers[2:])

    def total(numbers: list[int], weights: np.ndarray) -> int:
        return helper.add(numbers) + int(weights.sum())

    def tree(numbers: list[int]) -> Path:
        folder = Path("made")
        folder.mkdir()
        for number in numbers:
            (folder / f"{number}.txt").write_text(str(number))
        return folder

    def count(folder: Path) -> int:
        return len(list(folder.iterdir()))

    def fails(parts: Parts) -> int:
        raise ValueError("no good")

    def slow(folder: Path, beside: Path, weights: np.ndarray, log: str) -> int:
        kept = ws.checkpoint_file("count")
        start = int(kept.read_text()) if kept.exists() else 0
        with Path(log).open("a") as file:
            file.write(f"{start} ")
        for number in range(start, 30):
            time.sleep(0.2)
            kept = ws.checkpoint_file("count")
            kept.write_text(str(number + 1))
            ws.checkpoint()
        return len(list(folder.iterdir())) + int(beside.read_text()) + len(weights)

    def where() -> list[str]:
        return [sys.executable, np.__file__]

    def pipeline(beside: Path, *, bad: bool = False, brief: bool = False) -> ws.Pipeline:
        p = ws.Pipeline("by_path")
        parts = p.step(load, Path("numbers.txt"), beside)
        p.step(total, parts.large, np.ones(1000))
        if brief:
            return p
        p.step(count, p.step(tree, parts.small))
        if bad:
            p.step(fails, parts)
        return p
"""


@pytest.fixture
def declared(project):
    """Give the function that declares the pipeline."""
    project.write(declared=STEPS, helper="def add(numbers):\n    return sum(numbers)\n")
    (project.path / "numbers.txt").write_text("1 2 3 ")
    return project.fresh("declared")


@pytest.fixture
def shared(tmp_path):
    """Give a shared folder with an input file in it."""
    folder = tmp_path / "shared"
    folder.mkdir()
    (folder / "beside.txt").write_text("4")
    return folder


def run_jobs(dag):
    """Carry out the nodes of an exported DAG in order, each in its own sandbox with what it would be sent."""
    codes = {}
    for line in re.findall(r'^VARS (\S+) inputs="(.*?)"', dag.read_text(), re.M):
        sandbox = dag.parent / "sandboxes" / line[0]
        sandbox.mkdir(parents=True)
        sent = [f"../jobs/{line[0]}.json", *filter(None, line[1].split(","))]
        for file in sent:
            (sandbox / Path(file).name).write_bytes((dag.parent / "results" / file).read_bytes())
        done = subprocess.run(
            [sys.executable, "-m", "wingspan.runner.htcondor.execution_point", line[0]],
            cwd=sandbox, check=False, capture_output=True, text=True,
        )  # fmt: skip
        codes[line[0]] = done.returncode
        for file in sandbox.iterdir():
            if file.is_file() and file.name != f"{line[0]}.json":
                (dag.parent / "results" / file.name).write_bytes(file.read_bytes())
    return codes


def digests_of(plan, home):
    store = Store(home.store)
    return {
        step.name: {n: o["digest"] for n, o in store.result(step.key)["outputs"].items()}
        for step in plan.steps
        if store.done([step.key])
    }


def test_jobs_get_everything_by_path(declared, shared, tmp_path):
    """Only the job's description travels; results have the digests of a local run; the folder is empty afterwards."""
    pipeline = declared.pipeline(shared / "beside.txt")
    here, home = Home(tmp_path / "here"), Home(tmp_path / "home")
    pipeline.run(home=here.root)
    folder = RunFolder(tmp_path / "run")
    plan = pipeline.plan(home.root)
    dag = export(plan, folder, home, Profile(shared=shared))
    text = dag.read_text()
    assert set(re.findall(r'inputs="(.*?)"', text)) == {""}
    assert set(re.findall(r"transfer_input_files = (.*)", text)) == {
        "../jobs/$(JOB).json,$(inputs)"
    }
    place = place_of(dag.parent)
    (link,) = place.glob("files/*/beside.txt")
    assert link.readlink() == shared / "beside.txt"  # where it is already
    (copied,) = place.glob("files/*/numbers.txt")
    assert not copied.is_symlink()
    assert set(run_jobs(dag).values()) == {0}
    key = next(step.key for step in plan.steps if step.name == "tree")
    assert (place / "store" / key[:2] / key / "outputs").is_dir()
    assert {path.suffix for path in (dag.parent / "results").iterdir()} <= {".json", ".txt"}
    assert {event.state for event in collect(folder, home).values()} == {"done"}
    assert digests_of(plan, home) == digests_of(plan, here)
    assert list((shared / "runs").iterdir()) == []


def alone(run, step):
    """Return the last line that a failed step writes when it is run by the command that is told of it."""
    (command,) = re.findall(r"run it alone: (.*)", run.report(step))
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr.splitlines()[-1]


@pytest.mark.long
def test_results_made_before_are_read_by_path(declared, shared, tmp_path):
    """A copy where the store lies elsewhere, a link where it lies below the shared folder; nothing is sent.

    A step that failed in the pool can be run alone here, on the same inputs.
    """
    for home in (Home(tmp_path / "home"), Home(shared / "home")):
        declared.pipeline(shared / "beside.txt").run(home=home.root)
        plan = declared.pipeline(shared / "beside.txt", bad=True).plan(home.root)
        folder = RunFolder(home.root / "run")
        dag = export(plan, folder, home, Profile(shared=shared))
        place = place_of(dag.parent)
        (entry,) = place.glob("store/??/*")
        assert entry.is_symlink() == below(home.root, shared)
        assert run_jobs(dag) == {"fails-1": 1}
        event = collect(folder, home)["fails"]
        assert event.state == "failed"
        assert alone(Run(folder, home), "fails") == (1, "ValueError: no good")
        assert list((shared / "runs").iterdir()) == []


def test_a_folder_that_cannot_be_used_is_told_before_anything_is_done(declared, shared, tmp_path):
    """Not there, or no folder; and a run on this machine takes none."""
    pipeline, home = declared.pipeline(shared / "beside.txt"), tmp_path / "home"
    for wrong in (shared / "none", shared / "beside.txt"):
        with pytest.raises(SettingError, match=f"shared folder {wrong}: "):
            pipeline.run("htcondor", home=home, shared=wrong)
        with pytest.raises(SettingError, match=f"shared folder {wrong}"):
            export(
                pipeline.plan(home), RunFolder(tmp_path / "run"), Home(home), Profile(shared=wrong)
            )
    with pytest.raises(SettingError, match="on this machine has no use for a shared folder"):
        pipeline.run(home=home, shared=shared)
    assert not home.exists()
    assert not (tmp_path / "run").exists()


def test_the_command_takes_a_folder(declared, shared, tmp_path):
    """`plan --export` writes what is to run for it; what cannot be used is a message and exit code 2."""
    Path("here.py").write_text(
        "from pathlib import Path\nimport declared\n\n"
        "def pipeline(beside: Path):\n    return declared.pipeline(beside)\n"
    )

    def plan(folder, *options):
        command = [
            "plan",
            "here.py",
            "--set",
            f"beside={shared}/beside.txt",
            "--export",
            tmp_path / "out",
        ]
        return subprocess.run(
            [sys.executable, "-m", "wingspan", *command, "--shared", folder, *options],
            check=False, capture_output=True, text=True,
        )  # fmt: skip

    told = plan("none")
    assert (told.returncode, f"shared folder {Path.cwd()}/none: No such file" in told.stderr) == (
        2,
        True,
    )
    told = plan(shared)
    assert told.returncode == 0, told.stderr
    assert place_of(tmp_path / "out").parent == shared / "runs"


def test_a_job_that_cannot_use_the_folder_fails_with_its_name(declared, shared, tmp_path):
    """Each step has failed for that reason, with an exit code after which HTCondor does not start it again."""
    folder, home = RunFolder(tmp_path / "run"), Home(tmp_path / "home")
    dag = export(
        declared.pipeline(shared / "beside.txt").plan(home.root),
        folder,
        home,
        Profile(shared=shared),
    )
    shared.rename(tmp_path / "gone")
    assert run_jobs(dag)["load-1"] == 1
    event = collect(folder, home)["load"]
    assert (event.state, event.error) == ("failed", "SettingError")
    assert f"shared folder {shared}/runs/run-" in event.problem
    assert "No such file or directory" in event.problem
    assert "mount it on all machines" in event.fix


def test_an_output_that_is_damaged_there_is_not_stored(declared, shared, tmp_path):
    """The step has failed with both digests; one that is gone is told too."""
    folder, home = RunFolder(tmp_path / "run"), Home(tmp_path / "home")
    plan = declared.pipeline(shared / "beside.txt", brief=True).plan(home.root)
    dag = export(plan, folder, home, Profile(shared=shared))
    run_jobs(dag)
    outputs = {
        s.name: place_of(dag.parent) / "store" / s.key[:2] / s.key / "outputs" for s in plan.steps
    }
    (changed,) = outputs["total"].iterdir()
    changed.chmod(0o644)
    changed.write_bytes(b"8")
    gone = outputs["load"] / "small"
    gone.unlink()
    events = collect(folder, home)
    assert "did not arrive whole" in events["total"].problem
    assert f"is not in the shared folder: {gone}" in events["load"].problem


@pytest.mark.long
@pytest.mark.htcondor
def test_an_environment_lies_in_the_folder_once(declared, job_folder):
    """Jobs run its python, with the libraries beside it, and are sent none; the next run finds it there."""
    shared = job_folder / "shared"
    shared.mkdir()
    Path("wingspan.toml").write_text(f'[pools.near]\nenvironment = "send"\nshared = "{shared}"\n')
    pipeline = Pipeline("where")
    pipeline.step(declared.where)
    run = pipeline.run("near", home=job_folder / "home")
    (folder,) = (shared / "environments").iterdir()
    assert run["where"] == [
        f"{folder}/python/bin/python3",
        str(next(folder.rglob("numpy/__init__.py"))),
    ]
    assert most_bytes(run) < 100_000
    before = folder.stat().st_ino
    claimed = []
    again = environment_of(run.steps.values()).unpacked(shared / "environments", claimed.append)
    assert (again, claimed) == (folder, [folder.name])
    assert folder.stat().st_ino == before
    shutil.rmtree(shared)  # 200 MB


@pytest.mark.long
@pytest.mark.htcondor
def test_a_pool_passes_everything_by_path(declared, job_folder, tmp_path):
    """Values and digests are those of this machine; no job gets or sends more than a description."""
    shared = job_folder / "shared"
    shared.mkdir()
    (shared / "beside.txt").write_text("4" + " " * 3_000_000)
    Path("numbers.txt").write_text("1 2 3 " + " " * 3_000_000)
    Path("wingspan.toml").write_text(f'[pools.near]\nshared = "{shared}"\n')
    pipeline = declared.pipeline(shared / "beside.txt")
    here = pipeline.run(home=tmp_path / "here")
    there = pipeline.run("near", home=job_folder / "home")
    assert (there["total"], there["count"]) == (here["total"], here["count"]) == (1007, 2)
    stores = [Store(run.home.store) for run in (here, there)]
    for step in here.steps.values():
        first, second = (store.result(step.key)["outputs"] for store in stores)
        assert first == second
    assert most_bytes(there) < 100_000
    assert list((shared / "runs").iterdir()) == []


def most_bytes(run):
    """Return the most bytes that a job of a run was sent, or sent back."""
    log = next(run.folder.dags.glob("1/*.nodes.log")).read_text()
    return max(map(int, re.findall(r"(\d+)  -  Run Bytes (?:Received|Sent)", log)))


@pytest.mark.htcondor
@pytest.mark.long
def test_a_machine_without_the_folder_fails_the_job_once(declared, job_folder, wait_until):
    """No input is in the job's list of transfers; it names the folder, ran once, and its readers are skipped."""
    shared = job_folder / "shared"
    shared.mkdir()
    (shared / "beside.txt").write_text("4")
    Path("wingspan.toml").write_text("[pools.held]\nsubmit = { hold = true }\n")
    pipeline = declared.pipeline(shared / "beside.txt")
    run = pipeline.submit("held", home=job_folder / "home", fuse=False, shared=shared)
    here = f'WingspanRun == "{run.run_id}"'
    (job,) = wait_until(lambda: query(here, ["ClusterId", "TransferInput", "Iwd"]), 60)
    assert str(job["TransferInput"]).strip(",") == "../jobs/load-1.json"
    shared.rename(job_folder / "gone")
    release(str(job["ClusterId"]), "go")
    run.wait(60)
    events = run.events
    assert {name: event.state for name, event in events.items()} == {
        "load": "failed", "total": "skipped", "tree": "skipped", "count": "skipped",
    }  # fmt: skip
    assert f"shared folder {shared}/runs/" in events["load"].problem
    log = next(run.folder.dags.glob("1/*.nodes.log")).read_text()
    assert log.count("Job executing on host") == 1


@pytest.mark.long
@pytest.mark.htcondor
@pytest.mark.parametrize("by_path", [True, False])
def test_a_checkpoint_is_sent_without_what_the_job_was_given(declared, job_folder, by_path):
    """Inputs, among them a folder, are not in it; the step goes on, and finds them again."""
    shared = job_folder / "shared"
    shared.mkdir()
    beside, log = shared / "beside.txt", job_folder / "log"
    beside.write_text("4" + " " * 3_000_000)
    Path("wingspan.toml").write_text('[pools.quick]\ncheckpoint_every = "2s"\n')
    pipeline = Pipeline("slow")
    made = pipeline.step(declared.tree, [1, 2])
    pipeline.step(declared.slow, made, beside, declared.np.ones(1000), str(log))
    home = job_folder / "home"
    run = pipeline.run("quick", home=home, fuse=False, shared=shared if by_path else None)
    assert run["slow"] == 1006
    starts = [int(word) for word in log.read_text().split()]
    assert starts[0] == 0
    assert len(starts) > 1
    assert all(start > 0 for start in starts[1:])
    events = next(run.folder.dags.glob("1/*.nodes.log")).read_text()
    assert max(map(int, re.findall(r"(\d+)  -  Run Bytes Sent", events))) < 1_000_000
