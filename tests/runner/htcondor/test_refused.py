"""What an access point does not take, and what people do to a run's files: told as it is, and nothing half done."""

import json

import pytest

import wingspan as ws
from wingspan.errors import CorruptError, PoolError, SettingError
from wingspan.pool.personal import start_pool
from wingspan.runner.drive import drive
from wingspan.runner.events import ignore
from wingspan.runner.htcondor.dag_folder import DagFolder
from wingspan.runner.htcondor.export import export
from wingspan.runner.htcondor.profile import Profile
from wingspan.runner.run_folder import Home, RunFolder

RULES = {
    "SUBMIT_REQUIREMENT_NAMES": "NoDags, Project",
    "SUBMIT_REQUIREMENT_NoDags": 'JobUniverse =!= 7 || !regexp("closed", Iwd)',
    "SUBMIT_REQUIREMENT_NoDags_REASON": '"no DAGs here"',
    "SUBMIT_REQUIREMENT_Project": "JobUniverse =!= 5 || ProjectName =!= undefined",
    "SUBMIT_REQUIREMENT_Project_REASON": '"give a ProjectName"',
}
STEPS = """
    import wingspan as ws

    def one(n: int) -> int:
        return n + 1

    def pipeline(out: str = "made") -> ws.Pipeline:
        p = ws.Pipeline("refused")
        p.step(one, p.step(one, 1, name="first"))
        p.command("echo x > made", outputs={"made": out}, name="make")
        return p
"""


@pytest.fixture
def refused(project):
    """Give the module that declares the pipeline."""
    project.write(refused=STEPS)
    return project.fresh("refused")


def test_a_configuration_that_is_not_there_is_told_as_such(refused, tmp_path, monkeypatch):
    """Before the bindings look for it, and before a run is made."""
    pytest.importorskip("htcondor2")
    monkeypatch.setenv("CONDOR_CONFIG", str(tmp_path / "none"))
    with pytest.raises(PoolError, match=r"CONDOR_CONFIG names .*none, which is not a file"):
        refused.pipeline().submit("htcondor", home=tmp_path / "home")
    assert Home(tmp_path / "home").run_ids() == []


@pytest.mark.parametrize("path", ["/elsewhere/made", "../made"])
def test_an_output_outside_the_jobs_folder_is_refused_before_a_run_is_made(refused, tmp_path, path):
    """No machine would send it back."""
    with pytest.raises(SettingError, match="outside the job's folder"):
        refused.pipeline(path).run("htcondor", home=tmp_path / "home")
    assert Home(tmp_path / "home").run_ids() == []


def test_a_list_of_nodes_that_was_lost_is_made_anew(refused, tmp_path):
    """From what the jobs are sent; where that is gone too, the file is named."""
    home, folder = Home(tmp_path / "home"), RunFolder(tmp_path / "out")
    dag = export(refused.pipeline().plan(home.root), folder, home, Profile())
    whole = DagFolder(dag.parent).keys()
    for damage in ("{", None):
        (dag.parent / "nodes.json").unlink()
        if damage:
            (dag.parent / "nodes.json").write_text(damage)
        assert DagFolder(dag.parent).keys() == whole
    for job in (dag.parent / "jobs").iterdir():
        job.write_text(json.dumps({}))
    with pytest.raises(CorruptError, match=r"nodes\.json: is missing or damaged"):
        DagFolder(dag.parent).keys()


@pytest.mark.htcondor
@pytest.mark.long
def test_what_the_access_point_does_not_take_is_told_in_its_words(
    refused, daemons, pool_parent, monkeypatch
):
    """A DAG: nothing is left that hinders the same command. A job: the step has failed, and the rest is told why."""
    pool = start_pool(pool_parent / "strict", cpus=1, memory_mb=4096, daemons=daemons, extra=RULES)
    for name, value in pool.environment.items():
        monkeypatch.setenv(name, value)
    try:
        home = Home(pool.folder / "closed")
        with pytest.raises(PoolError, match="no DAGs here"):
            refused.pipeline().run("htcondor", home=home.root)
        folder = RunFolder(home.runs / home.run_ids()[0])
        assert list(folder.dags.iterdir()) == []
        with pytest.raises(PoolError, match="no DAGs here"):
            drive(folder, home, ignore)
        run = refused.pipeline().run("htcondor", home=pool.folder / "home", fuse=False, check=False)
        states = {name: (event.state, event.problem) for name, event in run.events.items()}
        assert states["first"] == states["make"]
        assert states["first"] == ("failed", "the access point refused its job: give a ProjectName")
        assert states["one"] == ("skipped", "needs first, which failed")
        assert "ws.Resources(submit=...)" in run.events["first"].fix
        assert "run it alone" not in run.report("first")
        asked = ws.Resources(submit={"+ProjectName": '"x"'}, memory="200MB", disk="10MB")
        p = ws.Pipeline("taken")
        p.step(refused.one, 3, resources=asked)
        assert p.run("htcondor", home=pool.folder / "home")["one"] == 4
    finally:
        pool.stop()
