"""A job meets another version of Wingspan on the execution point than the one that described it."""

import json
import os
import shutil
import subprocess

import pytest

from wingspan.runner.htcondor.dag_folder import PART, SELECT, DagFolder
from wingspan.runner.htcondor.execution_point.run import main
from wingspan.runner.htcondor.export import export
from wingspan.runner.htcondor.follow.exported import collect
from wingspan.runner.htcondor.hold_policy import SELECTED_EXIT
from wingspan.runner.htcondor.write.job_script import write_sweep_scripts
from wingspan.runner.run_folder import Home, RunFolder

STEPS = """
    import wingspan as ws

    def first() -> int:
        return 1

    def pipeline() -> ws.Pipeline:
        p = ws.Pipeline("met")
        p.step(first)
        return p
"""


@pytest.fixture
def exported(project, tmp_path):
    """Give the folder and the home of an exported pipeline."""
    project.write(met=STEPS)
    folder, home = RunFolder(tmp_path / "dag"), Home(tmp_path / "home")
    export(project.fresh("met").pipeline().plan(), folder, home)
    return folder, home


def test_a_job_that_an_older_version_described_runs(exported, run_jobs):
    """What it does not say has a meaning of its own."""
    folder, home = exported
    (file,) = (folder.root / "jobs").iterdir()
    part = json.loads(file.read_text())
    for name in ("schema", "most", "known", "tasks", "jobs", "chirp", "streams", "lane"):
        del part[name]
    file.write_text(json.dumps(part))
    run_jobs(folder.root / "workflow.dag")
    assert collect(folder, home)["first"].state == "done"


@pytest.fixture
def elsewhere(tmp_path):
    """Give an environment in which `wingspan` is another version, with other modules."""
    (tmp_path / "other" / "wingspan").mkdir(parents=True)
    (tmp_path / "other" / "wingspan" / "__init__.py").touch()
    return {**os.environ, "PYTHONPATH": str(tmp_path / "other")}


def start(script, node, folder, environment):
    """Run a script of the DAG as HTCondor does; return its exit code, and why it failed."""
    done = subprocess.run(
        ["sh", script, node], cwd=folder, env=environment, capture_output=True, check=False
    )
    (said,) = folder.rglob(f"{node}.failed.json")
    return done.returncode, json.loads(said.read_text())


def test_a_job_whose_wingspan_has_other_modules_says_so(exported, tmp_path, elsewhere):
    """It did not start, so no step has failed; the same job would not start again."""
    folder, home = exported
    (file,) = (folder.root / "jobs").iterdir()
    sandbox = tmp_path / "sandbox"
    sandbox.mkdir()
    (sandbox / file.name).write_text(file.read_text())
    code, why = start(folder.root / "job.sh", file.stem, sandbox, elsewhere)
    assert code == 1
    assert "another version than the one that submitted it" in why["problem"]
    shutil.copy(sandbox / f"{file.stem}.failed.json", folder.root / "results")
    event = collect(folder, home)["first"]
    assert (event.state, event.problem, event.fix) == ("failed", why["problem"], why["fix"])


def test_a_sweep_whose_wingspan_has_other_modules_has_no_result(tmp_path, elsewhere):
    """Python that cannot start ends with 1, which is not taken for a result that is there."""
    dag = DagFolder(tmp_path / "dag")
    dag.results.mkdir(parents=True)
    write_sweep_scripts(dag)
    code, why = start(dag.root / SELECT, "fit-1", dag.root, elsewhere)
    assert code == 2
    assert "code 1: " in why["problem"]
    assert "No module named" in why["problem"]
    assert "run the command again" in why["fix"]
    assert SELECTED_EXIT not in {0, 1, 2}


def test_a_job_that_a_newer_version_described_says_what_to_install(exported, tmp_path, monkeypatch):
    """Its steps fail, with both formats; nothing is run."""
    folder, _ = exported
    (file,) = (folder.root / "jobs").iterdir()
    part = json.loads(file.read_text())
    sandbox = tmp_path / "sandbox"
    sandbox.mkdir()
    (sandbox / file.name).write_text(json.dumps({**part, "schema": PART + 1}))
    monkeypatch.chdir(sandbox)
    with pytest.raises(SystemExit) as end:
        main([file.stem])
    assert end.value.code == 1
    key = part["steps"][0]["key"]
    why = json.loads((sandbox / f"{key}.json").read_text())["failure"]
    assert f"format {PART + 1}" in why["problem"]
    assert "install the access point's version" in why["fix"]
