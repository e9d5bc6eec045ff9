"""What becomes of held and lost jobs, as the schedd itself evaluates the expressions."""

import re
import time

import pytest

from wingspan.eventlog.rules import explain
from wingspan.pipeline.resources import Resources
from wingspan.runner.htcondor import hold_policy as hold_policy_module
from wingspan.runner.htcondor.hold_policy import WHY, amounts, hold_policy, lacked

classad = pytest.importorskip("classad2")
POLICY = hold_policy(60)
CAPPED = hold_policy(60, {"memory": 1500, "disk": 30})
AMOUNTS = amounts(Resources(memory="1000MB", disk="10MB"))


def value(command, policy=POLICY, **attributes):
    """Evaluate a command of the policy in a job's ad, which has the policy's own attributes too."""
    ad = classad.ClassAd(attributes)
    for name, text in policy.items():
        if name.startswith("My."):
            amount = AMOUNTS.get(text.strip("$()"), text)
            ad[name.removeprefix("My.")] = classad.ExprTree(amount)
    ad["Answer"] = classad.ExprTree(policy[command])
    return ad.eval("Answer")


def held(code, subcode=0, holds=1, ago=0, **attributes):
    return {
        "JobStatus": 5,
        "HoldReasonCode": code,
        "HoldReasonSubCode": subcode,
        "NumHolds": holds,
        "EnteredCurrentStatus": int(time.time()) - ago,
        **attributes,
    }


def test_a_new_job_asks_for_what_the_step_asks():
    """Memory in MB, disk in KB."""
    assert value("request_memory", JobStatus=1) == 1000
    assert value("request_disk", JobStatus=1) == 10 * 1024


@pytest.mark.parametrize(("ends", "memory", "disk"), [(1, 1000, 20), (2, 1000, 40), (9, 1000, 40)])
def test_a_job_that_filled_the_disk_asks_for_more_disk_alone(ends, memory, disk):
    """Twice as much each time, and as much memory as it had."""
    ad = {"NumJobCompletions": ends, "ExitCode": 5, "MemoryProvisioned": 1000}
    assert value("request_memory", **ad) == memory
    assert value("request_disk", **ad) == disk * 1024


def test_a_job_that_lacked_memory_asks_for_more_memory_alone():
    """Also where it ended without a word; disk stays what it was."""
    for code in (4, 3):
        ad = {"NumJobCompletions": 2, "ExitCode": code, "DiskProvisioned": 10 * 1024}
        assert value("request_memory", **ad) == 4000
        assert value("request_disk", **ad) == 10 * 1024


def test_what_was_granted_is_remembered_when_the_reason_changes():
    """First too little memory, then too little disk: neither request shrinks."""
    ad = {"NumJobCompletions": 2, "ExitCode": 5, "MemoryProvisioned": 2000}
    assert value("request_memory", **ad) == 2000


def test_a_job_held_for_its_use_is_released_with_more():
    """Memory and disk are told apart by the hold's sub-code."""
    for code, subcode in ((34, 102), (21, 102), (34, 104), (21, 103), (26, 104)):
        assert value("periodic_release", **held(code, subcode)) is True
    memory = {"LastHoldReasonCode": 34, "LastHoldReasonSubCode": 102, "NumHolds": 1}
    assert value("request_memory", **memory, MemoryUsage=1400) == 2100
    assert value("request_disk", **memory) == 10 * 1024
    disk = {"LastHoldReasonCode": 34, "LastHoldReasonSubCode": 104, "NumHolds": 1}
    assert value("request_disk", **disk, DiskUsage=40960) == 61440
    assert value("request_disk", **disk, DiskUsage=11000) == 20 * 1024
    assert value("request_memory", **disk, MemoryUsage=1400) == 1000


def test_inputs_that_found_no_room_ask_for_more_disk():
    """Transfer to the execution point failed for want of space."""
    ad = {"LastHoldReasonCode": 13, "LastHoldReasonSubCode": 28, "NumHolds": 2}
    assert value("request_disk", **ad) == 40 * 1024


def test_a_passing_hold_is_released_after_its_wait():
    """After 1, 4 and 16 times the back-off; then the job is removed."""
    assert value("periodic_release", **held(12, 28, ago=30)) is False
    assert value("periodic_release", **held(12, 28, ago=70)) is True
    assert value("periodic_release", **held(12, 28, holds=2, ago=200)) is False
    assert value("periodic_remove", **held(12, 28, holds=3)) is False
    assert value("periodic_remove", **held(12, 28, holds=4)) is True


def test_a_hold_that_no_machine_helps_is_final():
    """No such input file, nothing executable; a person's hold stays."""
    for code, subcode in ((13, 2), (12, 2), (6, 8)):
        assert value("periodic_remove", **held(code, subcode)) is True
        assert value("periodic_release", **held(code, subcode, ago=9999)) is False
    assert value("periodic_remove", **held(1, holds=9)) is False
    assert value("periodic_release", **held(1, ago=9999)) is False


def test_a_job_that_is_lost_again_and_again_ends():
    """Ten starts that together made no ten minutes; evictions after real work are no reason."""
    lost = {"JobStatus": 1, "NumShadowStarts": 10}
    assert value("periodic_remove", **lost, RemoteWallClockTime=20.0) is True
    assert value("periodic_remove", **lost) is True
    assert value("periodic_remove", **lost, RemoteWallClockTime=36000.0) is False
    assert value("periodic_remove", JobStatus=2, NumShadowStarts=11) is False
    assert value("periodic_remove", JobStatus=1) is False


def test_only_an_end_that_says_enough_leaves_the_queue():
    """Done or failed leave at once; too little memory or disk after three ends."""
    for code, ends, leaves in (
        (0, 1, True),
        (1, 1, True),
        (4, 1, False),
        (5, 2, False),
        (5, 3, True),
    ):
        found = value("on_exit_remove", ExitBySignal=False, ExitCode=code, NumJobCompletions=ends)
        assert found is leaves


def test_the_hosts_of_the_last_runs_are_avoided():
    """A new job has no preference; one that comes back ranks another machine above those it had."""
    rank = classad.ExprTree(POLICY["rank"])
    slots = {name: classad.ClassAd({"Machine": name}) for name in ("a", "b", "c")}
    new = classad.ClassAd({"JobStatus": 1})
    assert len({rank.eval(new, slot) for slot in slots.values()}) == 1
    back = classad.ClassAd({"MachineAttrMachine0": "a", "MachineAttrMachine1": "b"})
    assert rank.eval(back, slots["c"]) > rank.eval(back, slots["a"])
    assert rank.eval(back, slots["a"]) == rank.eval(back, slots["b"])


def test_requests_grow_to_the_largest_slot_and_no_further():
    """Of a disk to nine tenths, since others write there; never below what the step asked for."""
    ad = {"NumJobCompletions": 2, "ExitCode": 4}
    assert value("request_memory", CAPPED, **ad) == 1500
    assert value("request_disk", CAPPED, NumJobCompletions=2, ExitCode=5) == 27 * 1024
    small = hold_policy(60, {"memory": 500, "disk": 5})
    assert value("request_memory", small, **ad) == 1000
    assert value("request_disk", small, NumJobCompletions=2, ExitCode=5) == 10 * 1024


def test_a_job_held_for_all_there_is_leaves_the_queue():
    """Held for memory with as much as any slot has, it would be held again; for disk, or with less, it is released."""
    for had, stays in ((1500, False), (1000, True)):
        ad = held(34, 102, MemoryProvisioned=had, DiskProvisioned=1)
        assert value("periodic_release", CAPPED, **ad) is stays
        assert value("periodic_remove", CAPPED, **ad) is not stays
    for had, stays in ((27 * 1024, False), (20 * 1024, True)):
        ad = held(34, 104, MemoryProvisioned=1500, DiskProvisioned=had)
        assert value("periodic_release", CAPPED, **ad) is stays
        assert value("periodic_remove", CAPPED, **ad) is not stays


def test_every_expression_fits_a_line_and_names_its_ideas():
    """Whoever reads the file reads short expressions, made of named attributes that stand in the same ad."""
    for name, text in CAPPED.items():
        assert len(text) < 180, name
        used = set(re.findall(r"Wingspan\w+", text))
        assert used <= {own.removeprefix("My.") for own in CAPPED}
    assert WHY.keys() <= CAPPED.keys()


@pytest.mark.parametrize(
    ("code", "subcode", "resource"),
    [(34, 102, "Memory"), (34, 104, "Disk"), (21, 103, "Disk"), (26, 103, "Memory"), (26, 104, "Disk"), (34, 103, "Memory")],
)  # fmt: skip
def test_the_table_of_rules_says_which_request_grows(code, subcode, resource):
    """The same sub-code is memory on one pool and disk on another; advice and policy read one table."""
    ad = {"LastHoldReasonCode": code, "LastHoldReasonSubCode": subcode, "NumHolds": 1}
    grown = {kind: value(f"My.WingspanHeld{kind}", **ad) > 0 for kind in ("Memory", "Disk")}
    assert grown == {"Memory": resource == "Memory", "Disk": resource == "Disk"}
    assert lacked(code, subcode) == resource.lower()
    assert resource.lower() in explain(code, subcode).cause.lower()


def test_what_is_final_here_is_deterministic_to_the_table():
    """And what a person decided is a person's matter there."""
    for codes in hold_policy_module._FINAL:
        assert explain(*map(int, codes.split("/"))).nature == "deterministic"
    assert {explain(code).origin for code in hold_policy_module._NOT_OURS} == {"user"}
