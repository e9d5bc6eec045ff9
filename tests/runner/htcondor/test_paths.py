"""What a failing step on a pool says of its files: the names that the user gave."""

import pytest

from wingspan.errors import SettingError, StepFailedError
from wingspan.files import digest_file
from wingspan.runner.htcondor.export import export
from wingspan.runner.htcondor.profile import Profile
from wingspan.runner.run_folder import Home, RunFolder

STEPS = """
    from pathlib import Path
    import wingspan as ws

    def count(folder: Path) -> int:
        return sum(1 for _ in folder.rglob("*"))

    def check(path: Path, folder: Path, entries: int) -> int:
        print("reading", path)
        raise ValueError(f"{entries} entries in {folder}, none in {path}")

    def beside(path: Path) -> str:
        return path.with_name("other.txt").read_text()

    def pipeline() -> ws.Pipeline:
        p = ws.Pipeline("named")
        table, folder = Path("data/table.csv"), Path("data")
        p.step(check, table, folder, p.step(count, folder))
        p.step(beside, table)
        p.command("cat {table} && ls {table}.gz", table=table, outputs={"x": "x"}, name="list")
        return p
"""


@pytest.fixture
def named(project):
    """Write the pipeline and its input folder, with an empty folder and one in a folder in it."""
    project.write(named=STEPS)
    for name in ("data/inner/deep", "data/empty"):
        (project.path / name).mkdir(parents=True)
    (project.path / "data/table.csv").write_text("a,b\n1,2\n")
    (project.path / "data/inner/deep/file").write_text("x")
    return project


def report(run, step):
    """Return what `wingspan logs` prints of a step that failed."""
    with pytest.raises(StepFailedError) as told:
        run[step]
    return str(told.value)


def test_files_have_the_users_names_on_this_machine(named, tmp_path):
    """In message and traceback; a file that a step was not given is told as such."""
    run = named.fresh("named").pipeline().run(home=tmp_path / "home", check=False)
    data = named.path / "data"
    assert f"none in {data / 'table.csv'}" in report(run, "check")
    assert "a step sees only the files that it is given" in report(run, "beside")
    assert "the command ended with exit code" in run.events["list"].problem
    assert "Traceback" not in report(run, "list")


@pytest.mark.htcondor
def test_files_have_the_users_names_on_a_pool(named, job_folder):
    """Also in what the step printed; a folder is sent with all that is in it, and no path of the machine is told."""
    run = named.fresh("named").pipeline().submit("htcondor", home=job_folder / "home").wait(120)
    data = named.path / "data"
    assert run["count"] == 5
    said = report(run, "check")
    assert f"ValueError: 5 entries in {data}, none in {data / 'table.csv'}" in said
    assert f"reading {data / 'table.csv'}" in said
    assert said.count("Traceback") == 1
    assert "'inputs/other.txt'" in report(run, "beside")
    assert f"{data / 'table.csv'}.gz" in report(run, "list")
    assert not any("/execute/" in report(run, step) for step in ("check", "beside", "list"))


def test_a_linked_folder_is_sent_as_a_folder_and_a_circle_is_refused(named, tmp_path):
    """HTCondor follows no link to a folder: what it leads to is laid out for it, a circle cannot be."""
    (named.path / "data/link").symlink_to(named.path / "data/inner")
    home = Home(tmp_path / "home")
    plan = named.fresh("named").pipeline().plan(home.root)
    dag = export(plan, RunFolder(tmp_path / "first"), home, Profile()).parent
    (sent,) = (path for path in (dag / "files").iterdir() if path.name.endswith(".data"))
    linked = next(step for step in plan.steps if step.name == "count").files[0]
    assert digest_file(sent) == linked["digest"]
    assert not (sent / "link").is_symlink()
    (named.path / "data/link").unlink()
    (named.path / "data/link").symlink_to(named.path / "data")
    plan = named.fresh("named").pipeline().plan(home.root)
    with pytest.raises(SettingError, match="data/link is a link to a folder that it lies in"):
        export(plan, RunFolder(tmp_path / "out"), home, Profile())
