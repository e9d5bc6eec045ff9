"""Looking at a run changes nothing; following it brings results in, once."""

import json

import polars as pl
import pytest
from typer.testing import CliRunner

from wingspan.cli.main import app
from wingspan.files import json_text
from wingspan.runner.events import ignore
from wingspan.runner.htcondor.follow.follower import Follower, catch_up, follower_of
from wingspan.runner.htcondor.follow.reading import Reading
from wingspan.runner.htcondor.profile import Profile
from wingspan.runner.htcondor.runner import HTCondorRunner
from wingspan.runner.record import read_all_events
from wingspan.runner.run import Run
from wingspan.runner.run_folder import file_name
from wingspan.runner.watch import Watch
from wingspan.simulator import write
from wingspan.store.store import Store


def listing(root):
    """Return every path below a folder with what a write would change."""
    return {
        str(path): (facts.st_mtime_ns, facts.st_size, facts.st_ino)
        for path in sorted(root.rglob("*"))
        if (facts := path.lstat())
    }


def states(run):
    return {name: event.state for name, event in run.events.items()}


@pytest.fixture
def finished(pool_run):
    """Give a run whose jobs have ended while no process followed: one well, one with an error, one never begun."""
    run = pool_run({"load": [], "fit": ["load"], "other": [], "score": ["fit"]})
    for node in ("load", "other", "fit"):
        run.submitted(node)
        run.started(node)
    run.sends("load", [1, 2])
    run.job("load", write.terminated, 20)
    run.job("other", write.held, 25, "via condor_hold (by user alice)", 1, 0)
    run.sends_failure("fit", "no good")
    run.job("fit", write.terminated, 30, return_value=1)
    return run


def shared_folder(run, place):
    """Make what lies in a shared folder for the DAG."""
    place.mkdir()
    (run.dag.root / "shared").symlink_to(place)


SEEN = {"load": "done", "fit": "failed", "other": "held", "score": "waiting"}


def test_looking_changes_nothing(finished, tmp_path):
    """State, events, text and HTML, a watcher and the list of runs: no file is written, touched or removed."""
    home = str(finished.home.root)
    shared_folder(finished, tmp_path / "place")
    before = listing(tmp_path)
    run = Run(finished.folder, finished.home)
    assert states(run) == SEEN
    assert run.state == "running"
    assert "fit: failed" in repr(run)
    assert "load" in run._repr_html_()
    assert "Trace: no good" in run.report("fit")
    watch = Watch(finished.folder, finished.home)
    assert {event.step for event in watch.look()} == {"load", "fit", "other"}
    assert (watch.look(), watch.over) == ([], False)
    assert watch.jobs()[finished.keys["other"]].phase == "held"
    listed = CliRunner().invoke(app, ["runs", "--home", home, "--json"])
    assert json.loads(listed.stdout)[0]["state"] == "running"
    assert listing(tmp_path) == before
    finished.dagman(write.aborted, 99, "via condor_rm")
    before = listing(tmp_path)
    watched = CliRunner().invoke(app, ["watch", "--home", home, "--json"])
    assert watched.exit_code == 1
    assert json.loads(watched.stdout.splitlines()[-1])["state"] == "failed"
    assert run.state == "failed"
    assert states(run) == {**SEEN, "other": "stopped", "score": "skipped"}
    assert listing(tmp_path) == before


def test_a_value_that_is_asked_for_is_brought_in(finished):
    """What was only looked at before is in the store then."""
    run = Run(finished.folder, finished.home)
    assert states(run)["load"] == "done"
    assert not finished.home.store.exists()
    assert run["load"] == [1, 2]
    assert Store(finished.home.store).done([finished.keys["load"]])


def test_following_records_each_change_once(finished):
    """However many processes follow, and however often; the record says what a look said."""
    looked = Run(finished.folder, finished.home).events
    told = []
    assert catch_up(finished.folder, finished.home, told.append)
    assert catch_up(finished.folder, finished.home, told.append)
    assert [(event.step, event.state) for event in told] == [
        ("load", "running"),
        ("other", "running"),
        ("fit", "running"),
        ("load", "done"),
        ("other", "held"),
        ("fit", "failed"),
    ]
    assert told == list(read_all_events(finished.folder))
    brought_in = Run(finished.folder, finished.home).events
    assert [(e.state, e.time, e.problem, e.wall_s) for e in looked.values()] == [
        (e.state, e.time, e.problem, e.wall_s) for e in brought_in.values()
    ]
    assert len(finished.folder.attempts(finished.keys["fit"])) == 1


def test_the_end_is_brought_in_once_and_the_shared_folder_removed(finished, tmp_path):
    """Who looks later sees what was recorded, without reading the nodes' log again."""
    assert catch_up(finished.folder, finished.home)
    shared_folder(finished, tmp_path / "place")
    finished.dagman(write.aborted, 99, "via condor_rm")
    assert not catch_up(finished.folder, finished.home)
    assert not (tmp_path / "place").exists()
    assert not finished.folder.complete.exists()
    end = {**SEEN, "other": "stopped", "score": "skipped"}
    assert states(Run(finished.folder, finished.home)) == end
    count = len(list(read_all_events(finished.folder)))
    finished.dag.nodes_log.unlink()
    assert not catch_up(finished.folder, finished.home)
    assert states(Run(finished.folder, finished.home)) == end
    assert len(list(read_all_events(finished.folder))) == count


def test_a_task_that_is_given_back_waits_for_the_node_after_its_job(pool_run):
    """Nodes are taken by their numbers, not by their names: task-10 comes after task-9. It is recorded once."""
    run = pool_run({"a": [], "b": []}, {"task-9": ["a", "b"], "task-10": ["b"]})
    run.dag.nodes.write_text(json_text(json.loads(run.dag.nodes.read_text())))
    run.submitted("task-9")
    run.started("task-9")
    run.sends("a", 1, node="task-9")
    run.job("task-9", write.terminated, 20)
    assert catch_up(run.folder, run.home)
    assert states(Run(run.folder, run.home)) == {"a": "done", "b": "waiting"}
    assert Run(run.folder, run.home).events["b"].problem.startswith("given back")
    run.submitted("task-10", 21)
    run.started("task-10", 25)
    run.sends("b", 2, node="task-10")
    run.job("task-10", write.terminated, 30)
    run.dagman(write.terminated, 31, return_value=0)
    assert not catch_up(run.folder, run.home)
    told = [(event.step, event.state) for event in read_all_events(run.folder)]
    assert told.count(("b", "done")) == 1
    assert ("b", "failed") not in told
    assert dict(Run(run.folder, run.home)) == {"a": 1, "b": 2}


def test_what_is_stored_lies_once_on_the_disk(pool_run, tmp_path):
    """Packed folders and files that were sent are removed once no job reads them; what failed, and all logs, stay."""
    run = pool_run({"frame": [], "number": [], "bad": [], "score": ["frame"]})
    for node in ("frame", "number", "bad"):
        run.submitted(node)
    run.sends("frame", {"a": pl.DataFrame({"x": [1, 2]})})
    run.sends("number", 3)
    run.sends_failure("bad", "no good")
    log = run.dag.results / file_name(run.keys["number"], "stdout.txt")
    log.write_text("said")
    run.job("frame", write.terminated, 20)
    run.job("number", write.terminated, 20)
    run.job("bad", write.terminated, 21, return_value=1)
    outputs = [run.dag.results / file_name(run.keys[one], "value") for one in ("frame", "number")]
    assert catch_up(run.folder, run.home)
    assert all(file.exists() for file in outputs)  # a job may still read them
    run.dagman(write.terminated, 30, return_value=1)
    assert not catch_up(run.folder, run.home)
    assert not any(file.exists() for file in outputs)
    assert log.exists()
    assert run.dag.result(run.keys["bad"]).exists()
    assert Run(run.folder, run.home)["number"] == 3
    assert Run(run.folder, run.home)["frame"]["a"]["x"].to_list() == [1, 2]


def test_a_run_that_is_done_is_marked_complete_by_who_brings_it_in(pool_run):
    """A look says done before; `wait` brings the results in and returns."""
    made = pool_run({"load": []})
    made.submitted("load")
    made.started("load")
    made.sends("load", 7)
    made.job("load", write.terminated, 20)
    made.dagman(write.terminated, 21)
    run = Run(made.folder, made.home)
    assert run.state == "done"
    assert not made.folder.complete.exists()
    assert run.wait(5)["load"] == 7
    assert made.folder.complete.exists()
    assert follower_of(made.folder, made.home) is None


def test_a_watcher_is_told_once_what_another_process_records_later(finished):
    """First from the logs, then from the record."""
    watch = Watch(finished.folder, finished.home)
    first = watch.look()
    catch_up(finished.folder, finished.home)
    assert watch.look() == []
    finished.job("other", write.released, 40)
    assert [(event.step, event.state) for event in watch.look()] == [("other", "waiting")]
    catch_up(finished.folder, finished.home)
    assert watch.look() == []
    assert len(first) == 6


def test_a_full_disk_loses_no_event(finished, monkeypatch):
    """What could not be brought in is brought in by the same follower later."""
    from wingspan.errors import SpaceError
    from wingspan.runner.htcondor.follow import follower as module

    follower = Follower(finished.plan, finished.dag, finished.folder, finished.home, ignore)

    def full(*_):
        raise SpaceError("here", "the disk is full", "free some space")

    with monkeypatch.context() as patch:
        patch.setattr(module, "collect_step", full)
        with pytest.raises(SpaceError):
            follower.advance()
    follower.advance()
    assert {name: event.state for name, event in follower.events.items()} == {
        name: state for name, state in SEEN.items() if name != "score"
    }


def test_a_step_that_is_running_when_the_follower_dies_is_seen_by_a_look(pool_run):
    """The record ends with it; the log goes on."""
    made = pool_run({"load": [], "fit": ["load"]})
    made.submitted("load")
    made.started("load")
    catch_up(made.folder, made.home)
    made.job("load", write.evicted, 50, code=1010, reason="Claim vacated by the administrator")
    event = Run(made.folder, made.home).events["load"]
    assert (event.state, event.problem) == (
        "waiting",
        "was evicted, and waits to go on: Claim vacated by the administrator",
    )
    reading = Reading(made.plan, made.dag, made.folder, made.home)
    assert [event.state for event in reading.advance()] == ["waiting"]


def test_who_resumes_next_to_a_held_job_is_told_so(finished, caplog):
    """Its hold was recorded before, so no event comes: the reason and what to do are said at once."""
    catch_up(finished.folder, finished.home)
    follower = HTCondorRunner(Profile()).start(
        finished.plan, finished.folder, finished.home, ignore
    )
    assert not follower.over
    assert (
        "waiting for a job that is held: other: held by the user: condor_hold (by user alice)\n  -> "
        in caplog.text
    )
