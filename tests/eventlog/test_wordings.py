"""Holds are recognised by what their texts say: a corpus of public wordings, split by source before rules were made."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wingspan.advisor.answers.measured import RESOURCES
from wingspan.eventlog.rules import KINDS, explain, rules

PARTS = ("seen", "unseen")
CORPUS = Path(__file__).with_name("wordings.txt")


class Wording(NamedTuple):
    source: str
    part: str
    code: int
    subcode: int
    kind: str
    text: str


def read_corpus():
    """Return the wordings of the corpus."""
    found, source, part = [], "", ""
    for line in CORPUS.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            source, part = line[3:].split(" | ")[:2]
        elif line and not line.startswith("#"):
            codes, kind, text = line.split("\t")
            code, subcode = map(int, codes.split("/"))
            found.append(Wording(source, part, code, subcode, kind, text))
    return found


def said(wording):
    """Return the kind that the rules say."""
    return explain(wording.code, wording.subcode, wording.text).kind


def accuracy(part):
    """Return the share of a part's wordings whose kind the rules say."""
    wordings = [one for one in read_corpus() if one.part == part]
    return sum(said(one) == one.kind for one in wordings) / len(wordings)


def test_the_corpus_is_what_it_says():
    """It has texts of many sources and all kinds, and both parts are large; a source is in one part."""
    wordings = read_corpus()
    assert len({one.text for one in wordings}) >= 500
    assert len({one.source for one in wordings}) >= 40
    assert {one.kind for one in wordings} <= set(KINDS)
    assert len({one.kind for one in wordings}) >= 25
    parts = {part: {one.source for one in wordings if one.part == part} for part in PARTS}
    assert not parts["seen"] & parts["unseen"]
    for source in parts["seen"] | parts["unseen"]:
        odd = hashlib.sha256(source.encode()).digest()[0] % 2
        assert source in parts["seen" if odd else "unseen"]


def test_kinds_are_recognised():
    """Of sources that were not at hand when rules were made, at least nine in ten; of the others, nearly all."""
    assert accuracy("unseen") >= 0.9
    assert accuracy("seen") >= 0.98


def test_what_is_not_known_says_so():
    """Texts that say nothing get no cause and no answer, whichever code of a policy they have."""
    for one in read_corpus():
        if one.kind == "unknown":
            assert explain(one.code, one.subcode, one.text).answer == "no evidence", one
    for code in (21, 26):
        for text in ("blue moon", "42", "Bitte an die Verwaltung wenden", "", "CauseWeCan"):
            assert explain(code, 0, text).kind == "unknown", text


@pytest.mark.parametrize(
    ("code", "subcode", "text", "kind", "words"),
    [
        (26, 0, "Job in status 2 put on hold by SYSTEM_PERIODIC_HOLD due to memory usage 2900.", "memory", "RequestMemory"),
        (26, 0, "expired proxy", "credential", "voms-proxy-init"),
        (3, 7, "proxy has expired", "credential", "voms-proxy-init"),
        (21, 0, "the user's Kerberos ticket is no longer valid", "credential", "Renew"),
        (12, 1, "404", "url", "URL"),
        (12, 28, "Error from slot1@e1: STARTER at 10.0.0.5 failed to write to file /x/y: (errno 28) No space left on device", "machine", "Another machine"),
        (12, 28, "Transfer output files failure at access point ap while receiving files from execution point slot1@e1. Details: writing to file /home/u/a: (errno 28) No space left on device", "quota", "Free space"),
        (5, 0, "The job attribute PeriodicRemove expression '( A > 3 )' evaluated to UNDEFINED", "expression", "condor_qedit JOB PeriodicRemove"),
        (26, 0, "no matching route", "idle", "wingspan why"),
        (26, 0, "Job idle for more than 7 days", "idle", "wingspan why"),
        (26, 0, "too many restarts (11)", "starts", "checkpoints"),
        (26, 0, "Wallclock limit (72h) reached", "time", "Split the work"),
        (26, 0, "load average 8.3 exceeds requested cores 1", "cpu", "RequestCpus"),
        (34, 102, "\u5185\u5b58\u8d85\u9650 4096 MB", "memory", "RequestMemory"),
        (34, 0, "Speicherlimit \u00fcberschritten", "memory", "RequestMemory"),
    ],
)  # fmt: skip
def test_any_words_in_any_order(code, subcode, text, kind, words):
    """What a text says counts, not its sentence; texts in other languages are left to code and sub-code."""
    rule = explain(code, subcode, text)
    assert rule.kind == kind
    assert words in rule.fix


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (
            "Failed to refresh credential of user ada: the token issuer did not answer",
            "release later",
        ),
        ("OAuth token refresh failed: connection timed out", "release later"),
        ("Kerberos ticket renewal: KDC unreachable", "release later"),
        ("HTTP 503 from the token server", "release later"),
        ("Cannot access myproxy server to refresh credential", "release later"),
        ("Token expired and the issuer did not respond", "fix first"),
        ("proxy refresh denied by the server: service unavailable to you", "fix first"),
        ("Failed to read credential of user ada", "fix first"),
    ],
)
def test_a_server_of_credentials_that_cannot_be_reached_comes_back(text, answer):
    """Such a hold passes, unless the credential itself has expired or is refused."""
    rule = explain(4, 0, text)
    assert (rule.kind, rule.answer) == ("credential", answer)


PLUGIN = "files failure at execution point slot1@e1 using protocol https. Details: "
WRAPPER = "Error from glidein_1@e1: The job wrapper failed to execute the job: "


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        (13, f"Transfer input {PLUGIN}token file not found", "credential"),
        (13, f"Transfer input {PLUGIN}S3_HOST is not set", "setup"),
        (13, f"Transfer input {PLUGIN}unsupported protocol gsiftp", "url"),
        (13, f"Transfer input {PLUGIN}server responded with an error: access denied", "access"),
        (12, f"Transfer output {PLUGIN}cannot open local file x.npz", "output"),
        (12, f"Transfer output {PLUGIN}the remote object already exists", "output"),
        (13, "FILETRANSFER:1:Unknown error while copying", "unknown"),
        (13, "FILETRANSFER:1:non-zero exit(11) from /usr/libexec/curl_plugin", "server"),
        (13, "data reuse directory is locked", "machine"),
        (0, f"{WRAPPER}cannot access the image /cvmfs/x/y", "image"),
        (0, f"{WRAPPER}Failed to exec(127): ./run", "program"),
        (0, f"{WRAPPER}exit code 3", "exit"),
        (0, f"{WRAPPER}sorry", "hook"),
        (2, "Globus error 7: the provided directory does not exist", "folder"),
        (2, "Globus error 9: the system cancelled the job", "unknown"),
        (6, "VMGAHP_ERR_JOBCLASSAD_KVM_NO_DISK_PARAM", "setup"),
        (6, "VMGAHP_ERR_VM_NOT_FOUND", "machine"),
        (0, "Error creating network interface: conflict", "cloud"),
        (0, "Schedd ce.example.org didn't return the files", "server"),
        (0, "Error from the starter: died", "machine"),
        (3, "Job held by PERIODIC_HOLD due to hold time longer than 3 days", "unknown"),
        (3, "Job held by PERIODIC_HOLD", "unknown"),
        (26, "test of a hold", "unknown"),
    ],
)
def test_what_a_wrapper_quotes_is_read_first(code, text, kind):
    """What stands behind a plug-in's, wrapper's or gateway's own words is the cause, if it says something."""
    assert explain(code, 0, text).kind == kind


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        (48, "HOOK_SHADOW_PREPARE_JOB (x) failed (exited with status 3): no valid vault token", "credential"),
        (19, "HOOK_PREPARE_JOB (x) failed (reported status 14): CVMFS repository sw not mounted", "machine"),
        (48, "HOOK_SHADOW_PREPARE_JOB (x) failed (exited with status 3): sorry", "hook"),
        (0, "submission command failed (exit code = 1) (stdout:Error) (stderr:qsub: Access to queue is denied-)", "account"),
        (0, "submission command failed (exit code = 1) (stdout:Error) (stderr:flux-batch: unsatisfiable request-)", "setup"),
        (0, "submission command failed (exit code = 1) (stdout:) (stderr:sbatch: partition is in drain-)", "server"),
        (0, "submission command failed (exit code = 1) (stdout:) (stderr:sorry-)", "server"),
    ],
)  # fmt: skip
def test_what_a_hook_or_batch_system_says_is_read_without_its_frame(code, text, kind):
    """The frame's exit code and its own word for failure are no evidence; they count only if the rest says nothing."""
    assert explain(code, 0, text).kind == kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Job exceded its memmory limt", "memory"),
        ("the grid certficate has exipred", "credential"),
        ("credentials aren't valid", "credential"),
        ("Singularity couldnt start", "container"),
        ("filed under rule 7", "unknown"),
    ],
)
def test_slips_of_the_pen_and_short_forms_are_read(text, kind):
    """A missing, doubled or swapped letter does not hide a word; other words stay what they are."""
    assert explain(26, 0, text).kind == kind


def test_marks_are_no_comparison():
    """The mark for a path ends in `>`, which means "more than" only in an administrator's text."""
    assert explain(26, 0, "memory and disk of /var/lib/x").kind == "unknown"
    assert explain(26, 0, "memory 5000 > 4000").kind == "memory"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Das Speicherkontingent im Heimatverzeichnis ist ausgeschöpft", "quota"),
        ("Der angeforderte Speicher wurde überschritten", "memory"),
        ("Vous avez réservé 64 Go de mémoire et n'en utilisez que 2", "unused"),
        ("Le nœud de calcul est en panne, disque défectueux", "machine"),
        ("La preparación del trabajo falló: error en el script", "hook"),
        ("El disco del nodo está lleno", "machine"),
        ("La directory di destinazione non esiste", "folder"),
        ("O certificado do usuário expirou", "credential"),
        ("Het programma is niet gevonden", "program"),
        ("Bitte in der Sprechstunde melden", "unknown"),
        ("Veuillez lire la charte", "unknown"),
        ("Job messo in attesa dal sistema", "unknown"),
        ("Tâche mise en attente", "unknown"),
    ],
)
def test_policies_in_six_languages_are_recognised(text, kind):
    """What a resource's name stands beside decides first; texts that say nothing stay unknown."""
    assert explain(26, 0, text).kind == kind


@given(st.permutations(["memory", "usage", "exceeded", "request_memory", "of", "the", "job"]))
@settings(max_examples=20, deadline=None)  # the first call compiles the rules
def test_order_of_words_does_not_matter(words):
    """Any order of the same words is the same cause."""
    assert explain(26, 0, " ".join(words)).kind == "memory"


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("MemoryUsage > 1.5 * RequestMemory", "memory"),
        ("DiskUsage > 20000000", "disk"),
        ("JobStatus == 1 && (time() - EnteredCurrentStatus) > 864000", "idle"),
        ("JobStatus == 2 && (time() - EnteredCurrentStatus) > 864000", "time"),
        ("NumJobStarts > 10 && JobStatus == 1", "starts"),
        ("MemoryUsage > RequestMemory || DiskUsage > RequestDisk", "unknown"),
        ("JobStatus == 2 && NumJobStarts >= 1 && ResidentSetSize > 1100 * RequestMemory", "memory"),
        ("CpusUsage > RequestCpus && JobStatus == 2 && time() - EnteredCurrentStatus > 60", "cpu"),
        ("MemoryUsage > RequestCpus * 2000", "memory"),
        ("MemoryUsage < 0.2 * RequestMemory && time() - JobStartDate > 3600", "unused"),
        ("JobRunCount > 0 && JobStatus == 1", "starts"),
        ("NumJobStarts > 10 && JobStatus == 2 && time() - JobStartDate > 60", "starts"),
        ("NumJobStarts < 3 && time() - JobCurrentStartDate > 3600", "time"),
        ("NumJobStarts > 0 && (time() - QDate) > 7200", "time"),
        ("JobStatus == 1 && (isUndefined(X) || CurrentTime - QDate > 7200)", "idle"),
        ("(ImageSize > 5000000 && JobStatus == 2) || MemoryUsage > RequestMemory", "memory"),
        ("JobStatus == 5 && time() - EnteredCurrentStatus > 7200", "unknown"),
    ],
)
def test_expressions_are_read_by_their_attributes(expression, kind):
    """HTCondor's own text for a policy names its expression: what that is about, unless it is about several things."""
    text = f"The system macro SYSTEM_PERIODIC_HOLD expression '( {expression} )' evaluated to TRUE"
    assert explain(26, 0, text).kind == kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("MEM: 5000 of 4000 MB", "memory"),
        ("walltime", "time"),
        ("NumJobStarts > 10", "starts"),
        ("memory and disk", "unknown"),
        ("Please answer within 2 days", "unknown"),
        ("used 120% of its requested memory", "memory"),
        ("used 3% of its requested memory", "unused"),
    ],
)
def test_the_only_resource_that_a_policy_names_is_the_cause(text, kind):
    """Also without a word for too much; two resources, or a length of time alone, are no cause."""
    assert explain(26, 0, text).kind == kind


def test_a_request_that_is_too_large_is_lowered():
    """The measured fix for too little memory is not given."""
    rule = explain(26, 0, "Job Is Wasting Memory using less than 20 percent of requested Memory")
    assert rule.fix.startswith("Lower the request")
    assert rule.kind not in RESOURCES


def test_paths_and_names_say_nothing():
    """Words in paths, host names and addresses are no evidence."""
    text = "Error from slot1@memory-limit.exceeded.example: see /var/disk/quota/exceeded/proxy/expired.txt"
    assert explain(21, 0, text).kind == "unknown"


def test_rules_are_in_order():
    """Sentences first, then words, then codes by their number, so that a rule is found and placed by its kind."""
    tiers = [0 if rule.text else 1 if rule.words else 2 for rule in rules()]
    assert tiers == sorted(tiers)
    codes = [rule.codes[0] for rule in rules() if not (rule.text or rule.words)]
    assert codes == sorted(codes, key=lambda pair: (pair[0], pair[1] is None, pair[1] or 0))
