"""Submit commands: what HTCondor would refuse is refused before it is asked, what it would not use is a warning."""

import json
import subprocess
import sys

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

import wingspan as ws
from wingspan.accesspoint import expressions
from wingspan.accesspoint.expressions import expression_problem
from wingspan.errors import DeclarationError, SettingError
from wingspan.pipeline.submit_commands import unknown_commands
from wingspan.runner.htcondor.export import export
from wingspan.runner.htcondor.profile import find_profile
from wingspan.runner.run_folder import Home, RunFolder


def one(n: int) -> int:
    return n


def pipeline(**submit):
    p = ws.Pipeline("p")
    p.step(one, 1, resources=ws.Resources(submit=submit))
    return p


PIPELINE = """
    import wingspan as ws

    def fit(n: int) -> int:
        return n

    def pipeline(command: str, value: str) -> ws.Pipeline:
        p = ws.Pipeline("p")
        p.step(fit, 1, resources=ws.Resources(submit={command: value}))
        return p
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("JobStatus ==", "expected a value after ==, found the end (column 13)"),
        ("(Memory > 5", "( is not closed (column 1)"),
        ("Memory > 5)", "expected ( before it, found ) (column 11)"),
        ("Memory 5", "expected an operator, found 5 (column 8)"),
        ("Memory > > 5", "expected a value after >, found > (column 10)"),
        ("Arch = 5", "expected == to compare, found = (column 6)"),
        ("f(1,", "expected a value after ,, found the end (column 5)"),
        ("a # b", "found # (column 3)"),
        ("", "expected a value, found the end (column 1)"),
    ],
)
def test_a_fault_of_an_expression_is_reported_with_its_column(text, said, monkeypatch):
    """By the bindings' parser, and without the bindings."""
    assert said in expression_problem(text)
    monkeypatch.setitem(sys.modules, "classad2", None)
    assert said in expression_problem(text)


@pytest.mark.parametrize(
    "text",
    [
        "true",
        "-1",
        '"a" is b',
        "a ? b : c",
        "max({1, 2.5e3}) ?: 0",
        "[a = 1; b = {}].a",
        "$(x) > $$(Memory)",
        "'q' =!= x[1]",
    ],
)
def test_a_good_expression_passes(text, monkeypatch):
    assert not expression_problem(text)
    monkeypatch.setitem(sys.modules, "classad2", None)
    assert not expression_problem(text)


WORDS = st.sampled_from(
    ["a", "1", '"s"', "(", ")", "{", "}", "==", "&&", "!", "-", "?:", ",", ".", "f("]
)


@settings(max_examples=500, deadline=None)
@given(st.lists(WORDS, max_size=8))
def test_without_bindings_nothing_good_is_refused(words):
    classad2 = pytest.importorskip("classad2")
    text = " ".join(words)
    try:
        classad2.ExprTree(text)
    except classad2.ClassAdException:
        return
    assert not expressions._syntax_problem(text)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("requirments", "requirements"),
        ("request_gpu", "Resources(gpus=)"),
        ("request_memroy", "Resources(memory=)"),
        ("want_container", "Resources(image=)"),
        ("max_retry", "max_retries"),
        ("notificaton", "notification"),
        ("zzz", "attributes begin with +"),
    ],
)
def test_an_unknown_command_is_named_with_what_is_meant(name, near):
    ((found, hint),) = unknown_commands({name: "1"})
    assert found == name
    assert near in hint


@pytest.mark.parametrize(
    "name",
    [
        "Rank",
        "+Note",
        "MY.Note",
        "request_licenses",
        "PeriodicHold",
        "notification",
        "box_oauth_permissions",
    ],
)
def test_what_htcondor_knows_is_no_warning(name):
    assert not list(unknown_commands({name: "1"}))
    assert not list(unknown_commands({"mine": "1", "rank": "$(mine)"}))


def test_notification_is_the_users():
    asked = ws.Resources(submit={"notification": "Error", "notify_user": "ann@example.org"})
    assert asked.submit["notification"] == "Error"


@pytest.mark.parametrize(
    ("command", "option"),
    [("request_memory", "memory"), ("RequestGPUs", "gpus"), ("docker_image", "image")],
)
def test_the_parameter_to_use_instead_is_named(command, option):
    with pytest.raises(DeclarationError, match=rf"Resources\({option}=\)"):
        ws.Resources(submit={command: "1"})


def test_a_faulty_expression_is_refused_with_step_and_command(tmp_path):
    plan = pipeline(periodic_remove="JobStatus ==", rank="Mips").plan(tmp_path / "home")
    with pytest.raises(SettingError) as error:
        export(plan, RunFolder(tmp_path / "out"), Home(tmp_path / "home"))
    assert "step one: periodic_remove = JobStatus ==: expected a value" in error.value.problem
    assert "column 13" in error.value.problem
    assert not (tmp_path / "out").exists()


def test_a_plan_for_a_pool_refuses_a_faulty_expression(project):
    """A plan that a run would refuse is not shown as one that can be carried out."""
    project.write(faulty=PIPELINE)
    command = [sys.executable, "-m", "wingspan", "plan", "faulty.py"]
    command += ["--set", "command=periodic_remove", "--set", "value=JobStatus =="]
    pool = [*command, "--on", "htcondor"]
    done = subprocess.run(pool, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "step fit: periodic_remove = JobStatus ==: expected a value" in done.stderr
    subprocess.run(command, check=True)


def test_a_faulty_expression_of_a_profile_is_refused_with_its_line(tmp_path):
    text = '[pools.q]\nsubmit = { rank = "1" }\n[pools.p]\n[pools.p.submit]\n"+Note" = "1"\nrank = "Mips +"\n'
    (tmp_path / "wingspan.toml").write_text(text)
    with pytest.raises(
        SettingError, match=r"\[pools\.p\]: submit, line 6: rank = Mips \+: expected"
    ):
        find_profile("p", tmp_path)
    assert find_profile("q", tmp_path).submit == {"rank": "1"}


def test_a_misspelt_command_is_a_warning_of_plan_and_run(project):
    """As condor_submit gives, here and on a pool."""
    project.write(typo=PIPELINE)
    options = ["--set", "command=requirments", "--set", "value=true"]
    for words in (["plan"], ["run"]):
        command = [sys.executable, "-m", "wingspan", *words, "typo.py", *options]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert "warning: step fit: submit command requirments is unknown" in done.stderr
        assert "did you mean requirements?" in done.stderr


@pytest.mark.htcondor
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (
            "periodic_remove",
            "JobStatus ==",
            "step fit: periodic_remove = JobStatus ==: expected a value",
        ),
        (
            "notification",
            "Sometimes",
            "step fit: condor_submit refuses notification: Notification must be",
        ),
        ("max_retries", "many", "condor_submit refuses max_retries"),
        ("request_gpu", "1", "warning"),
        ("rank", "Mips", ""),
    ],
)
def test_check_and_submission_agree_with_condor_submit(
    project, pool, job_folder, name, value, said
):
    """What is refused is refused by both, before there is a run."""
    project.write(wrong=PIPELINE)
    options = [
        "--set",
        f"command={name}",
        "--set",
        f"value={value}",
        "--home",
        str(job_folder / "home"),
    ]
    checked = subprocess.run(
        [sys.executable, "-m", "wingspan", "check", "wrong.py", "--json", *options],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = [
        each for each in json.loads(checked.stdout)["checks"] if each["name"] == "submit commands"
    ]
    refused = bool(said) and said != "warning"
    assert [each["ok"] for each in found] == [not refused]
    assert said in found[0]["found"] or found[0]["warning"]
    declared = project.fresh("wrong").pipeline(name, value)
    if refused:
        with pytest.raises(SettingError) as error:
            declared.prepare("htcondor", home=job_folder / "home")
        assert said in str(error.value)
        assert Home(job_folder / "home").run_ids() == []
    else:
        declared.prepare("htcondor", home=job_folder / "home")
