"""On a pool: linked folders arrive, variables are named but not compared, and a file that was not declared is named."""

import os

import pytest

STEPS = """
    import os
    from pathlib import Path
    import wingspan as ws

    HERE = Path(__file__).parent

    def count(folder: Path) -> list[str]:
        return sorted(path.name for path in folder.glob("*/*"))

    def asks() -> str:
        return os.environ.get("RATE", "unset")

    def reads() -> str:
        return (HERE / "cfg.json").read_text()

    def pipeline() -> ws.Pipeline:
        p = ws.Pipeline("undeclared")
        p.step(count, HERE / "data")
        p.step(asks)
        p.step(reads)
        return p
"""


@pytest.mark.htcondor
def test_what_a_job_on_a_pool_reads_undeclared(project, job_folder, monkeypatch):
    """The results say so, and the next plan is not misled by the access point's own variables."""
    monkeypatch.setenv("RATE", "5")
    project.write(undeclared=STEPS)
    (project.path / "cfg.json").write_text("1")
    (project.path / "far").mkdir()
    (project.path / "far/one.txt").write_text("1")
    (project.path / "data").mkdir()
    (project.path / "data/link").symlink_to(project.path / "far")
    home = job_folder / "home"
    pipeline = project.fresh("undeclared").pipeline
    run = pipeline().submit("htcondor", home=home).wait(240)
    assert run["count"] == ["one.txt"]
    assert run["asks"] == "unset"
    assert "$RATE on the execution point" in run.events["asks"].note
    assert run.events["reads"].state == "failed"
    assert "as an argument of type Path" in run.events["reads"].fix
    assert os.environ["RATE"] == "5"
    assert {step.name for step in pipeline().plan(home).steps if not step.done} == {"reads"}
