"""A job meets another version of Wingspan on the execution point than the one that described it."""

import json

import pytest

from wingspan.runner.htcondor.dag_folder import PART
from wingspan.runner.htcondor.execution_point.run import main
from wingspan.runner.htcondor.export import export
from wingspan.runner.htcondor.follow.exported import collect
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
