"""``wingspan store`` removes what nobody needs, and finds what is damaged."""

import json
import os
import time

import pytest
from typer.testing import CliRunner

from wingspan.cli.store import app, needed_keys, seconds
from wingspan.errors import CorruptError, SettingError
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


def test_gc_removes_nothing_when_it_cannot_know_what_is_needed(runs):
    """An unreadable record of a plan stops gc before it removes anything."""
    home = find_home()
    (home.root / "history" / "other.json").write_text('["odd"]')
    with pytest.raises(CorruptError, match=r"other\.json"):
        ask("gc")
    assert len(Store(home.store).done(keys(runs[0]) | keys(runs[1]))) == 2


def test_check_names_what_is_damaged(runs):
    """A changed byte is named and makes the command exit with 1; a whole store is well."""
    assert "all is well" in ask("check")
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
    assert "all is well" in ask("check", "--home", str(tmp_path / "none"))
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
