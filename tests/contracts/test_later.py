"""A run that outlives what started it: Wingspan was upgraded meanwhile, or the user's credentials have expired."""

import json
import os
import signal
import sys
import time

import pytest

import wingspan as ws
from wingspan.cli.idle_text import Idle
from wingspan.cli.main import main
from wingspan.errors import FormatError, PoolError
from wingspan.runner.htcondor.dag_folder import newest
from wingspan.runner.htcondor.follow.follower import Follower
from wingspan.simulator import write
from wingspan.store.store import Store

STEPS = """
    import time
    from pathlib import Path
    import wingspan as ws

    def first() -> int:
        print("first")
        return 1

    def slow(x: int, place: str) -> int:
        Path(place, "began").touch()
        while not Path(place, "flag").exists():
            time.sleep(0.02)
        return x + 1

    def pipeline(place: str) -> ws.Pipeline:
        p = ws.Pipeline("later")
        p.step(slow, p.step(first), place)
        return p
"""


@pytest.fixture
def run(project, small_pool, tmp_path, wait_until):
    """Give a run whose second step works in a pool, and that no process here drives."""
    project.write(later=STEPS)
    run = project.fresh("later").pipeline(str(tmp_path)).submit("htcondor", fuse=False)
    wait_until((tmp_path / "began").exists, 60)
    os.kill(run.folder.driver()[0], signal.SIGKILL)
    wait_until(lambda: not run.folder.driven())
    yield run
    (tmp_path / "flag").touch()


@pytest.fixture
def wingspan(capsys, monkeypatch):
    """Give a function that runs a command in this process; it returns the exit code, and what was printed."""

    def go(*words):
        monkeypatch.setattr(sys, "argv", ["wingspan", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code or 0, "".join(capsys.readouterr())

    return go


def test_a_run_whose_credentials_have_expired(run, small_pool, tmp_path, wingspan):
    """What needs the access point says what to do, and changes nothing; the run is followed by its logs to its end."""
    (small_pool / "queue" / "denied").touch()
    with pytest.raises(
        PoolError, match=r"(?s)does not accept these credentials.*condor_token_fetch"
    ):
        run.stop()
    assert (run.state, run.events["slow"].state) == ("running", "running")
    for words in ("stop", "why", "pool status"):
        code, said = wingspan(*words.split())
        assert code in {1, 2}
        assert "condor_token_fetch" in said
    assert wingspan("status")[0] == 0
    (tmp_path / "flag").touch()
    assert run.resume()["slow"] == 2
    (small_pool / "queue" / "denied").unlink()


def test_a_dagman_that_is_held_is_reported_with_the_command_that_releases_it(run, wingspan):
    """By what looks at the run and by what follows it; Ctrl-C then leaves the run in the pool, and says so."""
    dag = newest(run.folder)
    job = dag.cluster.read_text()
    ident = f"{int(job):03}.000.000"

    def happens(event, *facts):
        with dag.dagman_log.open("a") as log:
            log.write(event(ident, time.strftime("%Y-%m-%d %H:%M:%S"), *facts))

    happens(write.held, "via condor_hold (by user ada)", 1, 0)
    for words in ("status", "status --json", "why"):
        said = wingspan(*words.split())[1]
        assert "held by the user: condor_hold (by user ada)" in said, words
        assert f"condor_release {job}" in said, words
    assert f"condor_release {job}" in Idle(run).text([])

    def interrupted(follower):
        advance(follower)
        raise KeyboardInterrupt

    advance = Follower.advance
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Follower, "advance", interrupted)
        code, said = wingspan("resume")
    assert (code, f"condor_release {job}" in said) == (130, True)
    assert f"the run goes on in the pool\n  watch: wingspan watch {run.run_id}" in said
    happens(write.released, "via condor_release")
    assert "condor_release" not in wingspan("status")[1]


def older(run):
    """Make a run's folder what an older version wrote: another format of the plan, nothing of the submission."""
    header, *steps = run.folder.plan.read_text().splitlines()
    found = json.loads(header)
    kept = {name: found[name] for name in ("pipeline", "created", "groups", "why")}
    lines = [json.loads(step) for step in steps]
    for line in lines:
        line.pop("base", None)
    text = "\n".join(map(json.dumps, [{"format": 1, **kept}, *lines]))
    run.folder.plan.write_text(f"{text}\n")
    newest(run.folder).submitted.unlink()
    return ws.open_run(run.run_id)


def test_a_run_of_an_older_version_is_read_and_ends(run, tmp_path, wingspan, wait_until):
    """Looking and reporting work; what its jobs finish is brought in; what cannot go on says which command does."""
    now = older(run)
    assert now.state == "running"
    assert wingspan("status")[1].count("done") == 1
    assert wingspan("logs", "first") == (0, "first\n")
    assert wingspan("runs")[0] == wingspan("why")[0] == wingspan("store", "gc")[0] == 0
    with pytest.raises(FormatError, match=r"(?s)format 1.*wingspan run FILE.py"):
        now.resume()
    (tmp_path / "flag").touch()
    assert now.wait(60)["slow"] == 2
    assert now.state == "done"


@pytest.mark.long
def test_results_of_an_older_key_format_stay_while_their_run_goes_on(run, tmp_path, wingspan):
    """`store gc` removes them afterwards: no plan of this version can find them again."""
    key, store = run.collect().steps["first"].key, Store(run.home.store)
    (result,) = store.folder(key).glob("result.json")
    found = json.loads(result.read_text())
    result.unlink()
    result.write_text(json.dumps({**found, "key_format": found["key_format"] - 1}))
    history = run.home.history("later")
    planned = json.loads(history.read_text())
    for step in planned["steps"].values():
        step["components"]["format"] = str(found["key_format"] - 1)
    history.write_text(json.dumps(planned))
    assert wingspan("store", "gc", "--older-than", "0s")[0] == 0
    assert store.done([key])
    (tmp_path / "flag").touch()
    assert run.wait(60)["slow"] == 2
    assert wingspan("store", "gc", "--older-than", "0s")[0] == 0
    assert not store.done([key])


def newer(run):
    """Make a run's folder what a newer version wrote: another format of the plan, and steps that say more."""
    header, *steps = run.folder.plan.read_text().splitlines()
    lines = [{**json.loads(header), "format": 99}, *({**json.loads(s), "new": 1} for s in steps)]
    run.folder.plan.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return ws.open_run(run.run_id)


def test_a_run_of_a_newer_version_is_left_to_it(run, wingspan):
    """What cannot be read says which Wingspan can, and touches nothing; other runs are listed."""
    now = newer(run)
    for look in (lambda: now.events, now.resume, lambda: now["slow"]):
        with pytest.raises(FormatError, match=r"(?s)format 99.*newer Wingspan"):
            look()
    for words in ("status", "why", "logs slow", "resume", "stop", "watch"):
        code, said = wingspan(*words.split())
        assert (code, "newer Wingspan" in said, "Traceback" in said) == (2, True, False), words
    code, said = wingspan("runs")
    assert (code, "unreadable" in said, "newer Wingspan" in said) == (0, True, True)


@pytest.mark.parametrize("ours", [True, False])
def test_a_run_of_an_older_version_is_stopped_if_folder_and_name_are_its_own(run, small_pool, ours):
    """A job of its number with another batch name is left alone, and the run is concluded: its own is gone."""
    now = older(run)
    number = newest(now.folder).cluster.read_text()
    file = small_pool / "queue" / f"{number}.json"
    if not ours:
        file.write_text(json.dumps({**json.loads(file.read_text()), "JobBatchName": "theirs"}))
    now.stop()
    assert now.state == "stopped"
    assert (small_pool / "queue" / f"{number}.act").exists() is False
    assert bool(json.loads(file.read_text()).get("JobStatus")) is not ours
