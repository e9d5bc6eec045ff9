"""`wingspan holds explain`: what may be typed, what is printed."""

import json

import pytest
from typer.testing import CliRunner

from wingspan.advisor.answers.advise import advise_ads
from wingspan.cli.holds import parse_hold
from wingspan.cli.main import app
from wingspan.errors import NotFoundError, SettingError
from wingspan.eventlog.rules import explain, rules

LINE = "\tError from slot1_1@vm: memory usage exceeded request_memory\n\tCode 21 Subcode 102"


def run(*words):
    result = CliRunner().invoke(app, ["holds", "explain", *words])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize(
    ("typed", "code", "subcode"),
    [
        ("12/2", 12, 2),
        ("12", 12, None),
        ("TransferOutputError", 12, None),
        ("TransferOutputError/2", 12, 2),
        ("19/-9", 19, -9),
        (LINE, 21, 102),
        ("1011", 1011, None),
        ("some reason text", None, None),
    ],
)
def test_what_is_accepted(typed, code, subcode):
    """A code, code and sub-code, a label, lines of a log, or a text."""
    assert parse_hold(typed)[:2] == (code, subcode)


def test_code_and_text_together():
    """What follows the code is the reason."""
    assert parse_hold("26/0 Excessive CPU usage") == (26, 0, "Excessive CPU usage")


@pytest.mark.parametrize(
    "typed",
    ["99", "99/2", "12/", "12/x", "-1/2", "12-2", "12/2x lost", "Nonesuch/2", "TransferOutputErro"],
)
def test_wrong_input_lists_what_is_accepted(typed):
    """What is no code says which forms and numbers there are."""
    with pytest.raises(SettingError, match="12/2") as caught:
        parse_hold(typed)
    assert caught.value.where in typed
    assert "0-49" in caught.value.fix


@pytest.mark.parametrize("typed", ["", "  "])
def test_nothing_is_asked_for(typed):
    """An empty text is no reason: the forms are listed."""
    with pytest.raises(SettingError, match=r"no hold was given\n  -> give a code"):
        parse_hold(typed)


def test_misspelt_label_names_the_close_one():
    """A misspelt label is answered with the labels like it."""
    with pytest.raises(SettingError, match="TransferOutputError"):
        parse_hold("TransferOutputErro")


@pytest.mark.parametrize("width", [80, 132])
def test_nothing_is_wider_than_the_terminal(monkeypatch, width):
    """Long fixes are wrapped under their name; a sub-code without a documented meaning is told as such."""
    monkeypatch.setenv("COLUMNS", str(width))
    output = run("13/77777")
    assert max(map(len, output.splitlines())) <= width
    assert "none is documented of sub-code 77777" in " ".join(output.split())


def test_text_says_cause_and_next_command():
    """The terminal shows the decoded sub-code, the cause and a condor command."""
    output = run("12/2")
    assert "ENOENT" in output
    assert "failed before writing it" in output
    assert "condor_release" in output


def test_json_has_the_same_facts():
    """`--json` prints one object with the fields of the rule."""
    facts = json.loads(run("13/256", "transfer error: timer expired using protocol osdf", "--json"))
    assert facts["code"] == 13
    assert facts["meaning"] == "the file-transfer plug-in ended with exit code 1"
    assert facts["answer"] == "release later"
    assert facts["wait_s"] == 1800


def test_unknown_text_asks_for_the_code():
    """A text that no rule knows gets no made-up answer, but the way to a better question."""
    output = run("the moon was blue")
    assert "No rule knows" in output
    assert "Give the code too" in output


LOG = """000 (012.{0}.000) 2025-11-04 10:00:00Z Job submitted from host: <10.0.0.1:9618?alias=ap>
...
001 (012.{0}.000) 2025-11-04 10:00:05Z Job executing on host: <10.0.0.2:9618>
...
012 (012.{0}.000) 2025-11-04 10:00:15Z Job was held.
\tFailed to execute '/x': (errno=8: 'Exec format error')
\tCode 6 Subcode 8
...
"""


@pytest.mark.parametrize("command", [["holds", "explain"], ["why"]], ids=" ".join)
def test_a_job_is_explained_by_its_log(tmp_path, command):
    """The same from both commands: state, reason, next step, history, cost."""
    (tmp_path / "log").write_text(LOG.format("000"))
    result = CliRunner().invoke(app, [*command, "12.0", str(tmp_path / "log")])
    assert result.exit_code == 0, (result.output, result.exception)
    text = " ".join(result.output.split())
    assert "job 12.0: held since 2025-11-04 10:00:15Z" in text
    assert "Exec format error" in text
    assert "1. 2025-11-04 10:00:00Z on 10.0.0.2: queued 5 s, ran 10 s, held" in text
    assert "slot time 10 s in 1 attempt" in text


def test_a_cluster_is_a_table(tmp_path):
    """States and costs of all, a line for each of some, and the command for one."""
    (tmp_path / "log").write_text("".join(LOG.format(f"{proc:03}") for proc in range(30)))
    output = run("12", str(tmp_path / "log"), "--rows", "5")
    assert output.startswith("12: 30 jobs, 30 held")
    lines = [line for line in output.splitlines() if line.startswith("  12.")]
    assert [line.split()[:3] for line in lines] == [[f"12.{n}", "held", "1"] for n in range(5)]
    assert all("The program is not in a format" in line and len(line) <= 80 for line in lines)
    assert "25 more jobs: --rows 30" in output
    command = output.partition("-> wingspan holds ")[2].split("#")[0].split()
    assert "job 12.0: held" in run(*command[1:])


def test_a_job_without_its_log(tmp_path):
    """The number alone is no hold code: the commands that explain a job are named."""
    with pytest.raises(SettingError, match=r"wingspan holds explain 12\.0 LOG"):
        parse_hold("12.0")
    result = CliRunner().invoke(app, ["holds", "explain", "12.0", str(tmp_path / "nope")])
    assert "there is no such file" in str(result.exception)


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        (["12", "nope.log"], "nope.log"),
        (["fit", "x/nodes.log"], "x/nodes.log"),
        (["12", "{log}", "EventLog.1"], "EventLog.1"),
        (["1234", "./gone"], "./gone"),
    ],
)
def test_a_missing_log_is_no_reason_text(tmp_path, words, missing):
    """A cluster or node whose log is misspelt is not explained as a code with a text."""
    (tmp_path / "log.log").write_text(LOG.format("000"))
    given = [word.replace("{log}", str(tmp_path / "log.log")) for word in words]
    result = CliRunner().invoke(app, ["holds", "explain", *given])
    assert isinstance(result.exception, NotFoundError), result.output
    assert str(result.exception).startswith(f"{missing}: there is no such log")


@pytest.mark.parametrize("text", ["26 memory.log is full", "12/2 /a/b", "x.log: no space", "12"])
def test_texts_that_name_files_are_still_explained(text):
    """Typed without quotes, or pasted."""
    assert "answer:" in run(*text.split(" "))


def test_explain_and_advise_agree(tmp_path):
    """For every code, and every sub-code that a rule knows: same cause, same answer."""
    pairs = {pair for rule in rules() for pair in rule.codes} | {(code, 0) for code in range(51)}
    known = sorted((code, subcode or 0) for code, subcode in pairs)
    records = [
        f"000 ({job:03}.000.000) 2025-11-04 10:00:00Z Job submitted from host: <10.0.0.1:9618>\n...\n"
        f"012 ({job:03}.000.000) 2025-11-04 10:00:00Z Job was held.\n\tReason unspecified\n"
        f"\tCode {code} Subcode {subcode}\n...\n"
        for job, (code, subcode) in enumerate(known)
    ]
    (tmp_path / "log").write_text("".join(records))
    result = CliRunner().invoke(app, ["holds", "advise", str(tmp_path / "log"), "--json"])
    incidents = json.loads(result.stdout)["incidents"]
    found = {int(job["job"][:-2]): job for each in incidents for job in each["jobs"]}
    assert len(found) == len(known)
    for job, (code, subcode) in enumerate(known):
        rule = explain(code, subcode, "")
        advice = found[job]["answer"], found[job]["cause"]
        assert advice == (rule.first_answer, rule.cause), (code, subcode)
        ad = {"ClusterId": 1, "ProcId": 0, "HoldReasonCode": code, "HoldReasonSubCode": subcode}
        ((queued,),) = [each.jobs for each in advise_ads([ad], 100.0)]
        assert (queued.answer, queued.cause) == advice
