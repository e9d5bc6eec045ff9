"""Attempts of jobs, from the text of a job event log as HTCondor writes it."""

import json

import pytest

from wingspan.eventlog.attempt import Amounts
from wingspan.runner.htcondor.dag_folder import DagFolder
from wingspan.runner.htcondor.follow.attempts import Attempts
from wingspan.runner.htcondor.follow.tries import attempts_of

SLOT = "<127.0.0.1:9618?addrs=127.0.0.1-9618&alias=vm>"
SUBMIT = '000 ({job}) 2026-11-21 10:00:00 Job submitted from host: {slot}\n    [ DAGNodeName = "{node}"; ]\n'
TRANSFER = "040 ({job}) 2026-11-21 {at} {what} transferring {way} files\n"
EXECUTE = "001 ({job}) 2026-11-21 {at} Job executing on host: {slot}\n\tSlotName: slot1_1@{host}\n"
SIZE = (
    "006 ({job}) 2026-11-21 {at} Image size of job updated: 2\n\t{mb}  -  MemoryUsage of job (MB)\n"
)
USAGE = "".join(
    f"\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  {kind} Usage\n"
    for kind in ("Run Remote", "Run Local", "Total Remote", "Total Local")
)
BYTES = "".join(
    f"\t0  -  {kind} By Job\n"
    for kind in ("Run Bytes Sent", "Run Bytes Received", "Total Bytes Sent", "Total Bytes Received")
)
RUN_USAGE, RUN_BYTES = ("".join(text.splitlines(True)[:2]) for text in (USAGE, BYTES))
LOST = "004 ({job}) 2026-11-21 {at} Job was evicted. Code 1024 Subcode 0\n\t(0) CPU times\n" + (
    RUN_USAGE + RUN_BYTES + "\tReason: {why}\n"
)
DISCONNECTED = "024 ({job}) 2026-11-21 {at} Job reconnection failed\n    gone\n    Can not reconnect to slot1@a, rescheduling job\n"
AWAY = "022 ({job}) 2026-11-21 {at} Job disconnected, attempting to reconnect\n    Socket closed\n    Trying to reconnect to slot1_1@a {slot}\n"
BACK = "023 ({job}) 2026-11-21 {at} Job reconnected to slot1_1@a\n    startd address: {slot}\n    starter address: {slot}\n"
SUSPENDED = (
    "010 ({job}) 2026-11-21 {at} Job was suspended.\n\tNumber of processes actually suspended: 1\n"
)
HELD = "012 ({job}) 2026-11-21 {at} Job was held.\n\t{why}\n\tCode 13 Subcode 28\n"
RELEASED = "013 ({job}) 2026-11-21 {at} Job was released.\n\tvia condor_release\n"
REMOVED = "009 ({job}) 2026-11-21 {at} Job was aborted.\n\tvia condor_rm\n"
ENDED = f"""005 ({{job}}) 2026-11-21 {{at}} Job terminated.
\t(1) Normal termination (return value {{code}})
{USAGE}{BYTES}\
\tPartitionable Resources :    Usage  Request Allocated
\t   Cpus                 :     0.50        1         2
\t   Disk (KB)            : 20480     2097152   2097152
\t   GPUs                 :     0.25        1         1
\t   Memory (MB)          :    50        2048      4096
\t   TimeSlotBusy (s)     :    70
"""


@pytest.fixture
def dag(tmp_path):
    """Give a function that adds events to the log of a DAG of one node."""
    place = tmp_path / "1"
    place.mkdir()
    (place / "nodes.json").write_text(json.dumps({"fit-1": ["k1", "k2"], "late-2": ["k3"]}))

    def add(*events, job="007.000.000"):
        with (place / "jobs.log").open("a") as log:
            for text, facts in events:
                log.write(text.format(job=job, slot=SLOT, **facts) + "...\n")
        return place

    return add


def event(text, at="", **facts):
    return text, {"at": f"10:{at}", "node": "fit-1", "host": "a", **facts}


def test_the_times_and_the_use_of_a_job_that_ends_well(dag):
    """Queue, input, run and output in seconds; use, request and grant in MB and cores; each step of the job has them."""
    place = dag(
        event(SUBMIT),
        event(TRANSFER, "00:20", what="Started", way="input"),
        event(TRANSFER, "00:24", what="Finished", way="input"),
        event(EXECUTE, "00:25", host="big.example"),
        event(SIZE, "00:30", mb=300),
        event(TRANSFER, "01:25", what="Started", way="output"),
        event(TRANSFER, "01:28", what="Finished", way="output"),
        event(ENDED, "01:28", code=0),
    )
    found = attempts_of([DagFolder(place)])
    assert found["k1"] == found["k2"]
    (one,) = found["k1"]
    assert (one.queued_s, one.input_s, one.run_s, one.output_s, one.held_s) == (20, 5, 60, 3, 0)
    assert (one.number, one.outcome, one.host, one.reason) == (1, "exit 0", "big.example", "")
    assert one.memory_mb == Amounts(300, 2048, 4096)
    assert one.disk_mb == Amounts(20, 2048, 2048)
    assert one.cpus == Amounts(0.5, 1, 2)
    assert one.gpus == Amounts(0.25, 1, 1)
    assert one.slot_s == 70


def test_each_loss_begins_a_new_attempt(dag):
    """Evicted, not reconnected (which two events tell), lost before it began, removed while it waits."""
    place = dag(
        event(SUBMIT),
        event(EXECUTE, "00:10"),
        event(LOST, "00:40", why="the machine went away"),
        event(EXECUTE, "00:45", host="b"),
        event(DISCONNECTED, "00:50"),
        event(LOST, "00:51", why="again"),
        event(LOST, "00:56", why="Failed to create scratch dir"),
        event(REMOVED, "00:59"),
    )
    found = attempts_of([DagFolder(place)])["k1"]
    assert [one.outcome for one in found] == ["evicted", "evicted", "evicted", "removed"]
    assert [one.number for one in found] == [1, 2, 3, 4]
    assert {one.job for one in found} == {"7.0"}
    assert [one.host for one in found] == ["a", "b", "", ""]
    assert [one.queued_s for one in found] == [10, 5, 5, 3]
    assert [one.run_s for one in found] == [30, 5, 0, 0]
    assert found[1].reason == "gone"
    assert found[2].reason == "Failed to create scratch dir"


def test_a_hold_is_time_of_the_attempt_it_ended(dag):
    """An eviction at the same moment is the hold's; the wait before the release is not the queue's."""
    place = dag(
        event(SUBMIT),
        event(TRANSFER, "00:10", what="Started", way="input"),
        event(LOST, "00:16", why="no space"),
        event(HELD, "00:16", why="no space left on device"),
        event(RELEASED, "01:16"),
        event(EXECUTE, "01:20"),
    )
    held, again = attempts_of([DagFolder(place)])["k1"]
    assert (held.outcome, held.reason, held.held_s) == ("held", "no space left on device", 60)
    assert (held.queued_s, held.input_s) == (10, 6)
    assert (again.outcome, again.phase, again.queued_s) == ("", "running", 4)


def test_a_job_that_is_evicted_to_be_removed_was_tried_once(dag):
    """Its eviction and its removal are written one after the other: no second attempt came between."""
    place = dag(
        event(SUBMIT),
        event(EXECUTE, "00:10"),
        event(LOST, "00:40", why="DAG Removed: User removed scheduler job from queue."),
        event(REMOVED, "00:41"),
    )
    (one,) = attempts_of([DagFolder(place)])["k1"]
    assert (one.outcome, one.host, one.run_s, one.queued_s) == ("removed", "a", 31, 10)


def test_a_log_is_followed_as_it_grows(dag):
    """What was read is not read again; a second DAG's attempts are numbered on."""
    place = dag(event(SUBMIT))
    log = Attempts(DagFolder(place))
    log.advance()
    assert log.by_node()["fit-1"][0].phase == "queued"
    dag(event(EXECUTE, "00:09"))
    log.advance()
    (one,) = log.by_node()["fit-1"]
    assert (one.phase, one.queued_s) == ("running", 9)
    assert [one.number for one in attempts_of([DagFolder(place)] * 2)["k1"]] == [1, 2]
    (place / "jobs.log").unlink()
    assert attempts_of([DagFolder(place)]) == {}


def test_a_job_whose_beginning_was_lost_is_left_out(dag):
    """Its node is not known."""
    assert attempts_of([DagFolder(dag(event(EXECUTE, "00:09")))]) == {}


def test_a_machine_that_is_not_heard_of_is_no_running_job(dag):
    """Disconnected and suspended jobs are named as such, the time counts as run; then they run on."""
    place = dag(event(SUBMIT), event(EXECUTE, "00:10"), event(AWAY, "00:30"))
    log = Attempts(DagFolder(place))
    phases = []
    for news in ((), (event(BACK, "00:40"),), (event(SUSPENDED, "00:50"),)):
        dag(*news)
        log.advance()
        phases.append(log.by_node()["fit-1"][0].phase)
    assert phases == ["disconnected", "running", "suspended"]
    assert log.by_node()["fit-1"][0].run_s == 40
