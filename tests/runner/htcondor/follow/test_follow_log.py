"""The logs of a DAG as changes of its nodes' jobs, read once."""

import pytest

from wingspan.eventlog import read_new as rotation
from wingspan.eventlog.job_state import Change
from wingspan.runner.htcondor.follow import dag_logs as follow_log
from wingspan.runner.htcondor.follow.dag_logs import (
    DagLog,
    dag_over,
    dagman_says,
    in_pool,
)
from wingspan.simulator import write

SLOT = "slot1_1@a"


@pytest.fixture
def run(pool_run):
    return pool_run({"load": [], "fit": ["load"]})


def told(changes):
    return [(change.node, change.kind) for change in changes]


def test_each_event_is_a_change_of_its_node(run):
    """With the job's id, why, and how its process ended."""
    run.submitted("load")
    run.submitted("fit", 3)
    run.started("load", 5)
    run.job("load", write.shadow_exception, 8, "Error from slot1@a")
    run.started("load", 9)
    run.job("load", write.terminated, 20, return_value=3)
    run.job("fit", write.held, 30, "no space", 13, 28)
    run.job("fit", write.released, 40)
    run.started("fit", 41)
    run.job("fit", write.terminated, 50, return_value=None, signal=9)
    found = DagLog(run.dag).of_nodes()
    assert told(found) == [
        ("load", Change.SUBMITTED),
        ("fit", Change.SUBMITTED),
        ("load", Change.STARTED),
        ("load", Change.REQUEUED),
        ("load", Change.STARTED),
        ("load", Change.ENDED),
        ("fit", Change.HELD),
        ("fit", Change.RELEASED),
        ("fit", Change.STARTED),
        ("fit", Change.ENDED),
    ]
    assert (found[3].reason, found[5].exit, found[9].exit) == (
        "Error from slot1@a", "exit 3", "signal 9",
    )  # fmt: skip
    assert found[6][5:8] == ("no space", 13, 28)
    assert {change.job for change in found if change.node == "fit"} == {"3.0"}


def test_disconnections_come_from_the_log_of_all_events(run):
    """DAGMan keeps them out of its own; they stand where they belong, with the slot's name."""
    run.submitted("load")
    run.started("load", 5)
    lost = ("Socket closed", SLOT, "<>")
    run.job("load", write.disconnected, 60, *lost, only_jobs_log=True)
    run.job("load", write.reconnect_failed, 90, "Job not found", SLOT)
    run.job("load", write.evicted, 90, code=1008, reason="Job not found")
    found = DagLog(run.dag).of_nodes()
    assert [change.kind for change in found[1:]] == [
        Change.STARTED, Change.DISCONNECTED, Change.REQUEUED, Change.REQUEUED,
    ]  # fmt: skip
    assert (found[2].host, found[2].reason) == (SLOT, "Socket closed")


@pytest.mark.parametrize(
    ("event", "given"),
    [(write.held, ("via condor_hold (by user a)", 1, 0)), (write.aborted, ("via condor_rm",))],
)
def test_an_eviction_for_a_hold_or_a_removal_is_no_change_of_its_own(run, event, given):
    """Whatever reason it has; one a minute earlier is."""
    run.submitted("load")
    run.started("load", 5)
    run.job("load", write.evicted, 20, code=1022, reason="Job vacated by schedd")
    run.started("load", 60)
    run.job("load", write.evicted, 80, code=1022, reason="Job vacated by schedd")
    run.job("load", event, 81, *given)
    kinds = [change.kind for change in DagLog(run.dag).of_nodes()]
    assert kinds.count(Change.REQUEUED) == 1
    assert kinds[-2:] == [Change.STARTED, Change.HELD if event is write.held else Change.REMOVED]


def test_a_look_reads_only_what_is_new(run, monkeypatch):
    """A log that did not grow is not opened; one that did is read from where it ended."""
    run.submitted("load")
    log = DagLog(run.dag)
    assert told(log.of_nodes()) == [("load", Change.SUBMITTED)]
    before = run.dag.nodes_log.stat().st_size
    monkeypatch.setattr(follow_log, "read_new", None)  # whoever calls it now fails
    assert log.of_nodes() == []
    monkeypatch.undo()
    pieces = []

    def spied(given, *rest, **facts):
        pieces.extend(given)
        return read_pieces(given, *rest, **facts)

    read_pieces = rotation.read_pieces
    monkeypatch.setattr(rotation, "read_pieces", spied)
    run.started("load", 5)
    assert told(log.of_nodes()) == [("load", Change.STARTED)]
    assert [piece.start for piece in pieces if piece.path == run.dag.nodes_log] == [before]


def test_a_torn_event_is_read_when_it_is_whole(run):
    """A look between two writes of one event misses nothing and invents nothing."""
    run.submitted("load")
    whole = run.dag.nodes_log.read_text()
    log = DagLog(run.dag)
    run.dag.nodes_log.write_text(whole[:40])
    assert log.of_nodes() == []
    run.dag.nodes_log.write_text(whole)
    assert told(log.of_nodes()) == [("load", Change.SUBMITTED)]


def test_whether_dagman_is_in_the_queue(run):
    """By its own log alone."""
    assert not dag_over(run.dag)
    assert in_pool(run.folder)
    run.dagman(write.aborted, 50, "via condor_rm (by user a)")
    assert dag_over(run.dag)
    run.dagman(write.submitted, 60, "<>")
    assert not dag_over(run.dag)
    run.dag.cluster.unlink()  # it was never submitted
    assert not in_pool(run.folder)


def test_what_dagman_wrote(run):
    """The last error, and the jobs that the access point did not take."""
    assert dagman_says(run.dag) == ("", {})
    run.dag.dagman_out.write_text(
        "11/21/26 10:00:00 ERROR: first\n"
        "11/21/26 10:00:01 Failed to submit job load: SCHEDD:7:no such group\n"
        "11/21/26 10:00:02 ERROR: Line 23 is bad\n"
    )
    assert dagman_says(run.dag) == ("Line 23 is bad", {"load": "no such group"})
