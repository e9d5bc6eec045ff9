"""Run ids: where runs lie, in which order they are, and what finds them."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

import wingspan as ws
from wingspan.errors import ConflictError, NotFoundError
from wingspan.runner.plan_file import read_history
from wingspan.runner.ready import catch_up_all
from wingspan.runner.run_folder import Home, RunFolder

# What its jobs and commands run is covered by other tests.


def number(n: int) -> int:
    return n


def add_run(home, run_id, pipeline="loans", created=0.0):
    folder = RunFolder(home.runs / run_id)
    folder.root.mkdir(parents=True)
    header = {"format": 1, "pipeline": pipeline, "created": created, "groups": [], "why": {}}
    folder.plan.write_text(json.dumps(header) + "\n")
    return folder


@pytest.mark.parametrize(
    "name",
    ["../../evil", "team/loans", "/etc/evil", ".", "..", "a b\\", "ü" * 200, "-x", "a" * 200],
)
def test_runs_of_any_name_lie_in_the_home_and_are_listed(tmp_path, name):
    pipeline = ws.Pipeline(name)
    pipeline.step(number, 1)
    home = tmp_path / "deep" / "down" / "home"
    run = pipeline.run(home=home)
    assert Home(home).run_ids() == [run.run_id]
    assert [path.name for path in home.parent.iterdir()] == ["home"]
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]
    assert read_history(Home(home), name)
    assert ws.open_run(home=home)["number"] == 1


def test_a_name_is_never_that_of_another_pipeline(tmp_path):
    """Not even where the file system takes capitals and small letters for the same."""
    home = Home(tmp_path)
    for name, value in (("loans", 1), ("Loans", 2)):
        pipeline = ws.Pipeline(name)
        pipeline.step(number, value)
        pipeline.run(home=tmp_path)
    home.history("loans").write_bytes(home.history("Loans").read_bytes())
    assert read_history(home, "loans") == {}
    assert read_history(home, "Loans")


def test_runs_are_in_the_order_of_their_starts(tmp_path, monkeypatch):
    """Within one second, after the clock was set back, and after those of older versions."""
    home = Home(tmp_path)
    for old in ("20361129-083127-zoo-ff00", "20251129-083127-loans-1234", "evil-ab12"):
        add_run(home, old)
    now = [1_800_000_000.0, 1_800_000_000.0, 1_700_000_000.0, 1_700_000_000.0]
    made = []
    for seconds, name in zip(now, ["zoo", "ant", "zoo", "ant"], strict=True):
        monkeypatch.setattr(
            time, "gmtime", lambda *given, s=seconds: time.localtime(*given or (s,))
        )
        folder = home.new_run(name)
        made.append(add_run(home, folder.run_id, name).run_id)
    old = ["evil-ab12", "20251129-083127-loans-1234", "20361129-083127-zoo-ff00"]
    assert home.run_ids() == [*old, *made]
    assert home.run("last").run_id == made[-1]


def test_a_run_is_found_by_its_whole_id_first_and_several_are_listed(tmp_path):
    home = Home(tmp_path)
    add_run(home, "20251129-083127-loans-1234", created=1_764_405_087.0)
    add_run(home, "20251129-083127-loans-1234-1234", created=1_764_405_088.0)
    assert home.run("20251129-083127-loans-1234").run_id == "20251129-083127-loans-1234"
    with pytest.raises(NotFoundError) as error:
        home.run("1234")
    first, second = error.value.problem.splitlines()[1:]
    assert first.split()[0].endswith("-1234-1234")
    assert "2025-11-29 08:31:28 UTC" in first
    assert "2025-11-29 08:31:27 UTC" in second
    with pytest.raises(NotFoundError, match="there is no run ''"):
        home.run("")


def test_new_run_ids_do_not_end_in_digits(tmp_path):
    home = Home(tmp_path)
    assert not any(set(home.new_run("loans").run_id[-4:]) & set("0123456789") for _ in range(50))


def test_what_a_pool_has_finished_is_brought_in_for_this_pipeline_alone(tmp_path, monkeypatch):
    """`loans` is not the end of `big-loans`."""
    home, seen = Home(tmp_path), []
    for name in ("loans", "big-loans"):
        folder = add_run(home, home.new_run(name).run_id, name)
        (folder.root / "on").write_text("htcondor")
    monkeypatch.setattr(
        "wingspan.runner.htcondor.trail.follower_of",
        lambda folder, home, plan: seen.append(folder.header["pipeline"]),
    )
    catch_up_all(home, "loans")
    assert seen == ["loans"]


WAITS = """
    import os, time
    import wingspan as ws

    def wait(number: int, flag: str) -> int:
        print("number", number, flush=True)
        while not os.path.exists(flag):
            time.sleep(0.02)
        return number

    def pipeline(number: int = 0, flag: str = "flag") -> ws.Pipeline:
        p = ws.Pipeline("zoo" if number % 2 else "ant")
        p.step(wait, number, flag)
        return p
"""


def test_last_is_the_run_that_was_started_last_in_a_loop_of_12(project, wait_until):
    """`runs`, `logs`, `stop` and `resume` act on it, while the others stay as they are."""
    project.write(waits=WAITS)

    def wingspan(*words):
        command = [sys.executable, "-m", "wingspan", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    import waits

    flag = str(project.path / "flag")
    started = [waits.pipeline(n, flag).prepare() for n in range(12)]
    assert json.loads(wingspan("runs", "--json").stdout)[0]["run"] == started[-1].run_id
    assert [run.run_id for run in started] == started[0].home.run_ids()
    assert ws.open_run().run_id == started[-1].run_id
    assert waits.pipeline(11, flag).submit().run_id  # a thirteenth, which waits
    last = ws.open_run()
    try:
        wait_until(
            lambda: any(path.stat().st_size for path in last.folder.root.rglob("stdout.txt"))
        )
        assert "number 11" in wingspan("logs", "wait").stdout
        assert wingspan("stop").stdout.startswith(f"run {last.run_id}: ")
        assert last.state == "stopped"
        (project.path / "flag").touch()
        assert f"run {last.run_id}: done" in wingspan("resume").stderr
        assert {run.state for run in started} == {"stopped"}
    finally:
        if last.folder.driven():
            os.kill(int(last.folder.pid.read_text().split()[0]), signal.SIGINT)


def test_a_run_that_is_driven_says_how_to_follow_it(tmp_path):
    """The message of a second process names the command."""
    folder = Home(tmp_path).new_run("p")
    folder.root.mkdir(parents=True)
    with subprocess.Popen(["sleep", "60"]) as other:
        folder.claim(other.pid)
        with pytest.raises(ConflictError, match=f"follow it: wingspan watch {folder.run_id}"):
            folder.claim()
        other.kill()
