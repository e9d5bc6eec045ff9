"""`wingspan holds explain`: what may be typed, what is printed."""

import json

import pytest
from typer.testing import CliRunner

from wingspan.cli.holds import parse_hold
from wingspan.cli.main import app
from wingspan.errors import SettingError

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
