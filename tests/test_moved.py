"""A project that is moved as a whole: what was finished is found again, and a run goes on from there."""

import shutil

import pytest

import wingspan as ws
from wingspan.accesspoint.jobs import query

STEPS = """
    import time
    from pathlib import Path
    import wingspan as ws
    import helper

    def load(path: Path, log: str) -> int:
        with Path(log).open("a") as file:
            file.write("load\\n")
        return helper.size(path)

    def slow(x: int, log: str, flag: str) -> int:
        with Path(log).open("a") as file:
            file.write("slow\\n")
        while not Path(flag).exists():
            time.sleep(0.02)
        return x

    def last(x: int, path: Path) -> int:
        return x + helper.size(path)

    def pipeline(place: str) -> ws.Pipeline:
        log, flag, data = f"{place}/log", f"{place}/flag", Path(__file__).with_name("data.txt")
        p = ws.Pipeline("moved")
        p.step(last, p.step(slow, p.step(load, data, log), log, flag), data)
        return p
"""


@pytest.fixture
def moving(project, tmp_path, monkeypatch, wait_until):
    """Give a function that starts the run in a project, waits for its second step, and moves the project."""
    project.write(moving=STEPS, helper="def size(path):\n    return len(path.read_text())\n")
    (project.path / "data.txt").write_text("abc")

    class Moving:
        log, flag = tmp_path / "log", tmp_path / "flag"

        def pipeline(self):
            return project.fresh("moving").pipeline(str(tmp_path))

        def start(self, on):
            run = self.pipeline().submit(on, fuse=False)
            wait_until(lambda: "slow" in self.said(), 60)
            return run

        def said(self):
            return self.log.read_text().split() if self.log.exists() else []

        def move(self):
            """Move the folder, and import from where it is now."""
            shutil.move(project.path, tmp_path / "elsewhere")
            monkeypatch.chdir(tmp_path / "elsewhere")
            monkeypatch.syspath_prepend(str(tmp_path / "elsewhere"))

    made = Moving()
    yield made
    made.flag.touch()


def test_a_project_that_is_moved_while_nothing_runs(moving):
    """Results, reports and values are there; the run resumes with the plan it had; a new one finds all done."""
    run = moving.start("local")
    run.stop()
    moving.move()
    moving.flag.touch()
    again = ws.open_run(run.run_id)
    assert (again.state, again["load"]) == ("stopped", 3)
    assert again.resume()["last"] == 6
    assert moving.said() == ["load", "slow", "slow"]
    new = moving.pipeline().run()
    assert (new["last"], new.steps["load"].done) == (6, True)


def test_a_project_that_is_moved_while_a_pool_runs_it(moving, small_pool, project, wait_until):
    """Its jobs belong to the old place: it is said, they are removed, and the same command goes on."""
    run = moving.start("htcondor")
    moving.move()
    again = ws.open_run(run.run_id)
    wait_until(lambda: not again.folder.driven())  # who drove it notices
    assert not project.path.exists()
    assert again.collect().state == "stopped"
    assert again.events["load"].state == "done"
    assert again.events["slow"].problem.startswith("the run was moved from ")
    assert len(query("JobUniverse == 7", ["ClusterId"])) == 1
    moving.flag.touch()
    assert again.resume()["last"] == 6
    assert query("JobUniverse == 7", ["ClusterId"]) == []
    assert moving.said().count("load") == 1
