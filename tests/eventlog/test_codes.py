"""Numbers, names and rules agree with HTCondor's bindings and with real holds."""

import os
import re
from pathlib import Path

import pytest

from wingspan.eventlog import codes
from wingspan.eventlog.rules import (
    ANSWERS,
    EVICTION,
    ORIGINS,
    UNKNOWN,
    explain,
    rules,
)

SHARED = Path(os.environ.get("WINGSPAN_SHARED", Path(__file__).parents[2] / "../shared"))
MEMORY = "The job used more memory than it requested."
MISSING_OUTPUT = "An output file that the submit description names was missing"
MISSING_INPUT = "An input file is missing"


def test_event_numbers_are_those_of_the_bindings():
    """Every event that HTCondor's own library knows has the same number and name here."""
    htcondor2 = pytest.importorskip("htcondor2")
    theirs = {int(event): event.name for event in htcondor2.JobEventType}
    assert {number: codes.event_name(number) for number in theirs} == theirs


def test_tables_have_no_gap():
    """Events 0-47 and 100-111, holds 0-49 and vacates 1000-1037 are all named; others are not."""
    assert list(codes.EventNumber) == [*range(48), *range(100, 112)]
    assert list(codes.HoldCode) == list(range(50))
    assert list(codes.VacateCode) == list(range(1000, 1038))
    assert codes.event_name(48) == "EVENT_048"
    assert codes.hold_name(12) == "TransferOutputError"
    assert codes.hold_name(1011) == "StartdPreemptExpression"
    assert codes.hold_name(99) == "Other"


@pytest.mark.parametrize(
    ("code", "subcode", "words"),
    [
        (12, 2, "ENOENT"),
        (6, 8, "ENOEXEC"),
        (9, 122, "EDQUOT"),
        (13, 256, "exit code 1"),
        (13, 2816, "exit code 11"),
        (12, 62, "ETIME"),
        (34, 102, "memory"),
        (34, 104, "disk"),
        (19, -9, "signal 9"),
        (13, -1001, "not found"),
        (26, 103, ""),
        (3, 42, ""),
    ],
)
def test_subcodes_are_decoded(code, subcode, words):
    """Sub-codes are errno, plug-in exit codes or tables, as their code says; policies' own say nothing."""
    meaning = codes.subcode_meaning(code, subcode)
    assert words in meaning
    assert bool(words) == bool(meaning)


def test_vacates_are_told_from_holds():
    """Codes below 1 and from 1000, and sub-codes to -1000, mean that HTCondor tries again."""
    assert codes.is_vacate(1011, 0)
    assert codes.is_vacate(13, -1001)
    assert codes.is_vacate(0, 0)
    assert not codes.is_vacate(12, 2)


def test_every_hold_code_has_a_rule_of_its_own():
    """No code of the manual, nor of the source, is left to a general answer."""
    for code in codes.HoldCode:
        assert code in {number for number, _ in explain(code).codes}


def test_rules_are_whole():
    """Each rule has a cause, a fix, a source and words from the closed lists; only "later" waits."""
    for rule in rules():
        assert rule.cause, rule
        assert rule.fix, rule
        assert rule.source, rule
        assert rule.origin in ORIGINS
        assert rule.answer in ANSWERS
        assert rule.nature in {"deterministic", "transient", "either"}
        assert (rule.wait_s > 0) == (rule.answer == "release later"), rule
        assert rule.text or rule.words or rule.codes
        re.compile(rule.text)


def test_no_rule_is_hidden_by_an_earlier_one():
    """Two rules for the same code, sub-code and text would make the second useless."""
    keys = [(rule.codes, rule.text, rule.words) for rule in rules()]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("code", "subcode", "reason"),
    [
        (34, 0, "Error from slot1_4@cpu3: Job has encountered an out-of-memory event."),
        (
            34,
            102,
            "Error from slot1_1@e1: Job has gone over cgroup memory limit of 64 megabytes. Peak",
        ),
        (26, 0, "Memory usage exceeded request_memory"),
        (26, 103, "Memory usage exceeded request_memory"),
        (21, 102, "Error from slot1_1@vm: memory usage exceeded request_memory"),
        (21, 1001, "peak memory usage exceeded 2048 MB"),
        (None, None, "Docker job has gone over memory limit of 100 Mb"),
    ],
)
def test_memory_is_one_cause_whatever_the_code(code, subcode, reason):
    """Sites' different codes for memory overuse lead to the same cause."""
    assert explain(code, subcode, reason).cause == MEMORY


def test_code_alone_is_enough_for_common_memory_codes():
    """Without a text, the codes that sites use for memory are still the job's, to be fixed first."""
    for code, subcode in [(34, 102), (34, 0), (26, 103), (21, 102), (21, 1001)]:
        rule = explain(code, subcode)
        assert "RequestMemory" in rule.fix
        assert rule.answer == "fix first"


def test_text_tells_old_transfer_codes_apart():
    """In old logs 13/2 means that the sender failed: at the execution point that is a missing output."""
    old = (
        "Error from slot1@m: STARTER at 10.0.0.2 failed to send file(s) to <10.0.0.1:9618>: error reading "
        "from /var/dir_1/out.txt: (errno 2) No such file or directory; SHADOW failed to receive file(s)"
    )
    new = (
        "Transfer input files failure at access point ap while sending files to execution point slot1@m. "
        "Details: reading from file /home/u/in.dat: (errno 2) No such file or directory"
    )
    assert explain(13, 2, old).cause.startswith(MISSING_OUTPUT)
    assert explain(13, 2, new).cause.startswith(MISSING_INPUT)
    assert explain(12, 2).cause.startswith("An output file")


def test_plugin_failures_are_told_apart_by_their_text():
    """13/256 is a wrong URL, a refused credential or an outage, and each has another answer."""
    where = (
        "Transfer input files failure at execution point slot1_1@g using protocol osdf. Details: "
    )
    wrong = explain(
        13, 256, where + "Error code 3001: 404: No sources found for the requested path"
    )
    refused = explain(13, 256, where + "authorization failed: token has expired")
    outage = explain(13, 256, where + "transfer error: timer expired (30.1s elapsed)")
    assert [rule.answer for rule in (wrong, refused, outage)] == [
        "fix first",
        "fix first",
        "release later",
    ]
    assert [rule.origin for rule in (wrong, refused, outage)] == [
        "configuration",
        "configuration",
        "environment",
    ]


def test_paths_do_not_look_like_plugin_trouble():
    """A missing input whose path holds "cache" or "director" is a missing input."""
    reason = (
        "Transfer input files failure at access point ap while sending files to execution point slot1@m. "
        "Details: reading from file /home/u/cache/director/404/x: (errno 2) No such file or directory"
    )
    assert explain(13, 2, reason).cause.startswith(MISSING_INPUT)


def test_decisions_of_people_are_never_overruled():
    """A hold by condor_hold stays the user's decision, whatever reason the user typed."""
    rule = explain(1, 0, "memory usage exceeded request_memory")
    assert rule.origin == "user"
    assert rule.answer == "no evidence"


def test_unknown_and_vacates():
    """A text that no rule knows gets no made-up answer; a vacate code is no hold."""
    assert explain(None, None, "blue moon") is UNKNOWN
    assert explain(None) is UNKNOWN
    assert explain(1011, 0, "") is EVICTION


def test_every_real_hold_with_a_code_is_explained():
    """In the public event logs no hold that has a code is left without an answer, but the users' own."""
    if not (SHARED / "data/eventlogs").is_dir():
        pytest.skip("the public event logs are not beside this checkout")
    holds = set()
    for path in (SHARED / "data/eventlogs").rglob("*"):
        if path.is_file():
            holds.update(_holds(path.read_text(errors="replace").replace("\r\n", "\n")))
    assert len(holds) > 300
    unanswered = {
        (code, subcode, reason)
        for code, subcode, reason in holds
        if explain(code, subcode, reason).answer == "no evidence" and code != 1
    }
    assert unanswered == set()


def _holds(text):
    for body in re.findall(r"^012 \(.*\n((?:.*\n)*?)\.\.\.$", text, re.MULTILINE):
        if found := re.search(r"Code (\d+) Subcode (-?\d+)", body):
            yield int(found[1]), int(found[2]), body.strip().split("\n")[0]
