"""``wingspan store`` removes what nobody needs, and finds what is damaged."""

import json
import os
import time

import pytest
from typer.testing import CliRunner

import wingspan as ws
from wingspan.cli.store import app, needed_keys, seconds
from wingspan.errors import CorruptError, FormatError, SettingError
from wingspan.runner.drive import drive
from wingspan.runner.events import ignore
from wingspan.runner.run_folder import find_home
from wingspan.store.store import Store

STEPS = """
    import wingspan as ws

    def one(number: int) -> int:
        return number + 1

    def made(number=1):
        pipeline = ws.Pipeline("numbers")
        pipeline.step(one, number)
        return pipeline
"""


def ask(*words, code=0):
    """Give a command and return what it prints; a WingspanError is raised."""
    done = CliRunner().invoke(app, words, catch_exceptions=True)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    return done.stdout


@pytest.fixture
def runs(project):
    """Run a pipeline with two numbers; the results look forty days old."""
    project.write(steps=STEPS)
    steps = project.fresh("steps")
    made = [steps.made(number).run() for number in (1, 2)]
    home = find_home()
    old = time.time() - 40 * 86_400
    for entry in home.store.glob("??/*"):
        os.utime(entry, (old, old))
    return made


def keys(run):
    """Return the keys of a run's steps."""
    return {step.key for step in run.steps.values()}


def test_gc_keeps_what_the_last_plan_needs(runs):
    """The result of an older plan goes, that of the last plan stays, and a dry run removes nothing."""
    home = find_home()
    dry = json.loads(ask("gc", "--dry-run", "--json"))
    assert dry["results"] == 1
    assert dry["bytes"] > 0
    assert dry["removed"] is False
    assert json.loads(ask("gc", "--json", "--older-than", "41d"))["results"] == 0
    assert json.loads(ask("gc", "--json"))["results"] == 1
    assert Store(home.store).done(keys(runs[0]) | keys(runs[1])) == keys(runs[1])
    assert runs[1].result() == 3
    assert "removed 0 results" in ask("gc")


def test_gc_keeps_what_a_living_run_needs(runs):
    """The results of a run that a living process drives stay, whatever was planned later."""
    runs[0].folder.claim()
    assert needed_keys(find_home()) == keys(runs[0]) | keys(runs[1])
    assert "would remove 0 results" in ask("gc", "--dry-run", "--older-than", "1s")


def test_gc_removes_what_no_plan_can_find(runs):
    """A result of an older key format goes after a day, also of the last plan; a living run keeps its own."""
    home = find_home()
    (first,), (last,) = (keys(run) for run in runs)
    history = home.history("numbers")
    said = json.loads(history.read_text())
    for key, steps in ((first, {}), (last, said["steps"])):
        for facts in steps.values():
            facts["components"]["format"] = "2"
        result = Store(home.store).folder(key) / "result.json"
        made = json.loads(result.read_text())
        assert made.pop("key_format") == 3
        result.chmod(0o644)
        result.write_text(json.dumps(made))
    history.write_text(json.dumps(said["steps"]))  # as it was written then
    runs[0].folder.claim()

    def found(age_s):
        for key in (first, last):
            os.utime(Store(home.store).folder(key), (time.time() - age_s,) * 2)
        return json.loads(ask("gc", "--dry-run", "--json"))["results"]

    assert found(age_s=80_000) == 0
    assert found(age_s=90_000) == 1
    assert json.loads(ask("gc", "--json"))["results"] == 1
    assert Store(home.store).done([first, last]) == {first}


def test_a_run_that_an_older_version_planned_is_read_but_not_carried_out(runs):
    """Its jobs would not understand their arguments."""
    plan = runs[0].folder.plan
    header, *steps = plan.read_text().splitlines()
    plan.write_text("\n".join([json.dumps({**json.loads(header), "format": 1}), *steps]) + "\n")
    run = ws.open_run(runs[0].run_id)
    assert run.result() == 2
    with pytest.raises(FormatError, match="format 1, but this version carries out format 2"):
        drive(run.folder, run.home, ignore)
    assert not run.folder.driven()


def test_gc_removes_nothing_when_it_cannot_know_what_is_needed(runs):
    """An unreadable record of a plan stops gc before it removes anything."""
    home = find_home()
    (home.root / "history" / "other.json").write_text('["odd"]')
    with pytest.raises(CorruptError, match=r"other\.json"):
        ask("gc")
    assert len(Store(home.store).done(keys(runs[0]) | keys(runs[1]))) == 2


def test_check_names_what_is_damaged(runs):
    """A changed byte is named and makes the command exit with 1; a whole store is well."""
    assert "no damage" in ask("check")
    assert json.loads(ask("check", "--json")) == []
    home = find_home()
    key = next(iter(keys(runs[0])))
    path = Store(home.store).output_path(key, "value")
    path.chmod(0o644)
    path.write_text("7")
    assert "1 damaged" in ask("check", code=1)
    assert key in json.loads(ask("check", "--json", code=1))[0]["where"]


def test_an_empty_home_is_well(tmp_path):
    """Without a store there is nothing to remove and nothing damaged."""
    assert "no results yet" in ask("check", "--home", str(tmp_path / "none"))
    assert "removed 0 results" in ask("gc", "--home", str(tmp_path / "none"))


def test_durations():
    """A duration is a number and a unit; anything else is refused with the units there are."""
    assert [seconds(text) for text in ("30d", "1.5h", "2w", "0s")] == [
        2_592_000,
        5400,
        1_209_600,
        0,
    ]
    for wrong in ("", "d", "30", "-1d", "1y", "1.2.3d"):
        with pytest.raises(SettingError, match="duration"):
            seconds(wrong)


def test_gc_keeps_the_trials_of_a_sweep(project):
    """Their keys are in no plan, but in the study's journal."""
    project.write(
        steps=STEPS
        + """
    def swept():
        pipeline = ws.Pipeline("swept")
        pipeline.sweep(one, over={"number": [3, 1, 2]}, metric="value", search="grid")
        return pipeline
"""
    )
    run = project.fresh("steps").swept().run()
    home = find_home()
    trials = {key for trial in run.study.trials for key in trial.keys}
    assert len(trials) == 3
    assert needed_keys(home) == keys(run) | trials
    old = time.time() - 40 * 86_400
    for entry in home.store.glob("??/*"):
        os.utime(entry, (old, old))
    assert ask("gc").startswith("removed 0 results")
    (home.root / "history" / "swept.json").unlink()
    assert ask("gc").startswith("removed 5 results")
