"""What is removed from a shared folder, and what stays."""

import json
import os
import time

import pytest
from typer.testing import CliRunner

from wingspan.cli.store import app, needed_keys
from wingspan.errors import SettingError
from wingspan.runner.events import ignore
from wingspan.runner.htcondor.dag_folder import newest
from wingspan.runner.htcondor.follow.dag_logs import dag_over
from wingspan.runner.htcondor.leftovers import clean_shared
from wingspan.runner.htcondor.profile import Profile
from wingspan.runner.htcondor.runner import HTCondorRunner
from wingspan.runner.htcondor.shared import make_place, place_of
from wingspan.runner.plan_file import load_plan, save_plan
from wingspan.runner.run import Run
from wingspan.runner.run_folder import Home

DAY = 86_400.0


@pytest.fixture
def shared(tmp_path):
    """Give a shared folder with two environments, used forty days ago."""
    folder = tmp_path / "shared"
    for name in ("aaaa", "bbbb"):
        (folder / "environments" / name).mkdir(parents=True)
        (folder / "environments" / name / "python").write_text("x")
        age(folder / "environments" / name)
    return folder


def age(path, days=40):
    os.utime(path, (time.time() - days * DAY,) * 2)


def place(shared, folder, name="run"):
    """Give the place of a DAG whose own folder is `folder`."""
    folder.mkdir(parents=True)
    return make_place(shared, folder, name)


def gone(found):
    return [one.path.name for one in found if not one.kept]


def test_a_folder_that_is_no_shared_one_is_left_alone(tmp_path):
    """A misspelt path is told, and nothing in it is touched."""
    with pytest.raises(SettingError, match="neither runs/ nor environments/"):
        clean_shared(tmp_path, 0)


def test_environments_go_that_were_not_used_lately_and_that_no_run_needs(shared, tmp_path):
    """A dry run removes nothing; one that a place names stays, and all do where a place does not say which."""
    made = place(shared, tmp_path / "dag")
    (made / "environment").write_text("bbbb")
    assert gone(clean_shared(shared, 50 * DAY)) == []
    assert gone(clean_shared(shared, 30 * DAY, dry=True)) == ["aaaa"]
    (made / "environment").unlink()
    assert gone(clean_shared(shared, 30 * DAY)) == []
    (made / "environment").write_text("bbbb")
    (found,) = [one for one in clean_shared(shared, 30 * DAY) if not one.kept]
    assert (found.path, found.size) == (shared / "environments/aaaa", 1)
    assert [path.name for path in (shared / "environments").iterdir()] == ["bbbb"]


def test_what_was_half_made_goes_after_a_day(shared):
    """A younger one may still be written."""
    for name, days in ((".aaaa.12.part", 2), (".bbbb.12.part", 0)):
        (shared / "environments" / name).mkdir()
        age(shared / "environments" / name, days)
    clean_shared(shared, 50 * DAY)
    assert [path.name for path in (shared / "environments").glob(".*")] == [".bbbb.12.part"]


def test_places_go_only_where_it_is_known_that_nobody_needs_them(shared, tmp_path):
    """Of a DAG that is gone, or whose submission failed; others' and unknown ones stay, with the reason."""
    home = tmp_path / "home/runs"
    places = {
        name: place(shared, home / name / "dag/1", name)
        for name in ("gone", "moved", "failed", "new", "other", "nobody")
    }
    for name in ("gone", "moved"):
        (home / name).rename(tmp_path / name)
    for path in (places["gone"], places["gone"] / "store"):
        age(path, 60)
    (places["other"] / "owner.json").write_text(json.dumps({"host": "b", "dag": "/x"}))
    (places["nobody"] / "owner.json").unlink()
    age(places["failed"], 2)
    found = {one.path: one.kept for one in clean_shared(shared, 50 * DAY)}
    why = {name: found[path] for name, path in places.items()}
    assert (why["gone"], why["failed"]) == ("", "")
    assert why["moved"] == "its run's folder is gone, or was moved, and it was used lately"
    assert "goes on, or waits" in why["new"]
    assert "a run of b: run this command there" in why["other"]
    assert "delete it by hand" in why["nobody"]
    assert [path.exists() for path in places.values()] == [False, True, False, True, True, True]


@pytest.mark.htcondor
def test_a_run_that_nobody_followed_is_brought_in_first(project, job_folder, wait_until):
    """While it goes on, its place and the results it needs stay; once it is over they are stored, and the place goes."""
    project.write(
        followed="""
        import time
        from pathlib import Path
        import wingspan as ws

        def made(flag: str) -> int:
            while not Path(flag).exists():
                time.sleep(0.1)
            return 7

        def pipeline(flag: str) -> ws.Pipeline:
            p = ws.Pipeline("followed")
            p.step(made, flag)
            return p
        """
    )
    flag, shared, home = job_folder / "flag", job_folder / "shared", Home(job_folder / "home")
    shared.mkdir()
    plan = project.fresh("followed").pipeline(str(flag)).plan(home.root, on="htcondor")
    folder = home.new_run(plan.pipeline)
    save_plan(plan, folder, home, "htcondor", shared)
    HTCondorRunner(Profile(shared=shared)).start(load_plan(folder), folder, home, ignore)
    dag = newest(folder)
    (home.root / "history").rename(home.root / "no history")
    assert needed_keys(home) == {step.key for step in plan.steps}
    words = ["gc", "--shared", str(shared), "--json"]
    (told,) = json.loads(CliRunner().invoke(app, words).stdout)["folders"]
    assert "its run goes on" in told["kept"]
    flag.touch()
    wait_until(lambda: dag_over(dag), 60)
    assert needed_keys(home) == set()
    said = CliRunner().invoke(app, words[:3]).stdout
    assert said.startswith("removed 1 folder,")
    assert not place_of(dag.root).exists()
    assert Run(folder, home)["made"] == 7
