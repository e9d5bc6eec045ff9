"""Logs that HTCondor wrote in the failure drill: each event that a user sees of a step, in order."""

import json
import re
import shutil
from pathlib import Path

import pytest

from wingspan.planning.plan import Plan
from wingspan.runner.events import StepEvent
from wingspan.runner.htcondor.dag_folder import DagFolder
from wingspan.runner.htcondor.follow.dag_logs import DagLog
from wingspan.runner.htcondor.follow.state import Following, Left, advance, members_of

LOGS = Path(__file__).with_name("drill")


def follow(name, folder, planned, left):
    """Return the events of the scenario's last step."""
    dag = DagFolder(folder)
    for target in (dag.nodes_log, dag.jobs_log, dag.nodes):
        shutil.copy(LOGS / f"{name}.{target.name.removeprefix('workflow.dag.')}", target)
    keys = dag.keys()
    steps = tuple(
        planned(node, key) for node, of in json.loads(dag.nodes.read_text()).items() for key in of
    )
    members = members_of(Plan("drill", steps, ()), keys)
    last = steps[-1]
    known = {last.name: Left(results={last.key: left} if left else {})}
    _, events = advance(Following(), DagLog(dag).of_nodes(), members, known)
    return [
        (e.state, re.sub(r"\d\d:\d\d", "HH:MM", e.problem)) for e in events if e.step == last.name
    ]


FULL = "the disk of vm is full"
WAITS = ("waiting", f"{FULL}; waits for more disk")
SCENARIOS = {
    "machine-lost": (
        StepEvent(0.0, "slow", "", "done"),
        [
            ("running", ""),
            ("disconnected", "disconnected since HH:MM: slot1_1@vm: Socket between submit and execute hosts closed unexpectedly"),
            ("waiting", "its machine did not come back, and waits to go on: Job disconnected too long: JobLeaseDuration (20 seconds) expired"),
            ("running", ""),
            ("done", ""),
        ],
    ),
    "schedd-killed": (
        StepEvent(0.0, "slow", "", "done"),
        [
            ("running", ""),
            ("disconnected", "disconnected since HH:MM: slot1_1@vm: Local schedd and job shadow died, schedd now running again"),
            ("running", ""),
            ("done", ""),
        ],
    ),
    "evicted": (
        StepEvent(0.0, "counting", "", "done"),
        [
            ("running", ""),
            ("waiting", "was evicted, and waits to go on: Job vacated by schedd"),
            ("running", ""),
            ("done", ""),
        ],
    ),
    "user-holds": (
        StepEvent(0.0, "slow", "", "done"),
        [
            ("running", ""),
            ("held", "held by the user: I want to look at it (by user ada)"),
            ("waiting", ""),
            ("running", ""),
            ("done", ""),
        ],
    ),
    "dagman-removed": (None, [("running", ""), ("stopped", "the workflow was removed")]),
    "pool-made-anew": (
        None,
        [("running", ""), ("waiting", "was evicted, and waits to go on: Startd was shutdown")],
    ),
    "over-memory": (
        StepEvent(0.0, "hungry", "", "failed", problem="used 300 MB", cause="memory"),
        [
            ("running", ""),
            ("waiting", "used 300 MB; waits for more memory"),
            ("running", ""),
            ("failed", "used 300 MB"),
        ],
    ),
    "disk-full": (
        StepEvent(0.0, "fills", "", "failed", problem=FULL, cause="disk"),
        [("running", ""), WAITS, ("running", ""), WAITS, ("running", ""), ("failed", FULL)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_a_user_sees(name, tmp_path, planned_step):
    """From the logs of nodes and jobs together; one loss is said once."""
    left, expected = SCENARIOS[name]
    assert follow(name, tmp_path, planned_step, left) == expected


def test_an_input_that_was_deleted(tmp_path, planned_step):
    """Held with the path, then failed with it; that the job was evicted for the hold is not said."""
    (held, why), (failed, problem) = follow("input-deleted", tmp_path, planned_step, None)
    assert (held, failed) == ("held", "failed")
    assert why.startswith("Transfer input files failure at access point vm")
    assert "data.txt" in why
    assert problem == f"was held: {why}"


def test_a_machine_on_which_no_job_can_begin(tmp_path, planned_step):
    """Ten times waiting with the machine's words, then failed with them."""
    *tries, (state, problem) = follow("no-room-to-begin", tmp_path, planned_step, None)
    assert {state for state, _ in tries} == {"waiting"}
    assert len(tries) == 10
    assert all("Failed to create scratch dir" in why for _, why in tries)
    assert state == "failed"
    assert problem.startswith("its job was started several times and lost each time: ")


def test_a_file_that_cannot_be_executed(tmp_path, planned_step):
    """Held with the machine's words, then failed with them: no other machine is tried."""
    running, (held, why), (failed, problem) = follow("not-executable", tmp_path, planned_step, None)
    assert (running, held, failed) == (("running", ""), "held", "failed")
    assert why.endswith("(errno=8: 'Exec format error')")
    assert problem == f"was held: {why}"
