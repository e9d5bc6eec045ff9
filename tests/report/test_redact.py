"""`--redact`: no user, host, path or value of a parameter is left anywhere in the file."""

import getpass
import re
import socket
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from wingspan.cli.main import app
from wingspan.eventlog.attempt import Attempt
from wingspan.report.log_facts import read_log
from wingspan.report.log_page import log_page
from wingspan.report.redact import (
    Redactor,
    redacted_details,
    redacted_log,
    redacted_run,
    redactor_of,
)
from wingspan.report.render import render
from wingspan.report.run_page import run_page
from wingspan.sweep.over import read_over
from wingspan.sweep.records import Trial
from wingspan.sweep.spec import make_spec
from wingspan.sweep.study import Study

SECRETS = (
    "ada",
    "node9.example.org",
    "/home/ada",
    "loans-2026.csv",
    "s3cret",
    "0.12345",
    "10.1.2.3",
    "ada@example.org",
)
PROBLEM = (
    "ValueError: could not read /home/ada/loans-2026.csv with s3cret, rate=0.12345 on node9.example.org "
    "(10.1.2.3) for ada@example.org (/home/ada/work.py:25)"
)


def left_in(text, secrets=SECRETS):
    return [secret for secret in secrets if re.search(rf"(?<!\w){re.escape(secret)}(?!\w)", text)]


def test_a_run_is_shared_without_its_secrets(make_step, make_run, monkeypatch):
    """Not in the text, the pictures, the details or the tables; equal ones keep equal names."""
    monkeypatch.setenv("USER", "ada")
    step = make_step(
        "fit[0.12345]",
        "failed",
        parameters=[("rate", "0.12345"), ("word", '"s3cret"')],
        problem=PROBLEM,
        fix="look at /home/ada/x.log",
        note="s3cret",
    )
    tried = Attempt(
        "n",
        1,
        100.0,
        host="node9.example.org",
        outcome="held",
        held_s=5.0,
        run_s=5.0,
        reason=PROBLEM,
    )
    facts = make_run(
        [replace(step, attempts=(tried,)), make_step("best", "skipped", needs=("fit[0.12345]",))],
        "failed",
        command="wingspan run /home/ada/work.py --set rate=0.12345",
        parameters=(("rate", "0.12345"), ("csv", "/home/ada/loans-2026.csv")),
        notes=(PROBLEM,),
        results=(("fit[0.12345]", "s3cret"),),
    )
    parts = [
        {"title": "Parameters", "pairs": [["rate", "0.12345"]]},
        {"title": "Outputs", "rows": [["value", PROBLEM]], "columns": ["name", "is"]},
    ]
    details = {"step=fit[0.12345]": {"title": "fit[0.12345]", "parts": parts}}
    assert len(left_in(render(run_page(facts, details)))) == len(SECRETS)
    by = redactor_of(facts)
    text = render(run_page(redacted_run(facts, by), redacted_details(details, by), redacted=True))
    assert left_in(text) == []
    assert "fit[value-" in text
    assert "Redacted: " in text


@pytest.mark.parametrize("state", ["running", "done"])
def test_values_that_a_sweep_tried_are_left_out(make_step, make_run, state, parse):
    """Neither in the first screen, the facts, the curves' titles nor the table; the curves stay."""
    spec = make_spec(read_over({"word": ["s3cret", "ada"]}, "x"), metric="loss", search="random")
    curve = ((0.0, 2.0), (1.0, 1.5))
    trials = tuple(
        Trial(k, {"word": word}, "complete", 1.5 + k, curve, 1, values=(1.5 + k,))
        for k, word in enumerate(("s3cret", "ada"))
    )
    facts = make_run([make_step("fit", state)], state, studies={"fit": Study(spec, trials)})
    assert "s3cret" in left_in(render(run_page(facts, {})))
    text = render(run_page(redacted_run(facts, redactor_of(facts)), {}, redacted=True))
    assert left_in(text, ("s3cret", "ada")) == []
    assert "loss of 2 trials" in text
    assert len(parse(text).data["tables"]["trials-0"]["rows"]) == 2


def test_the_command_redacts_a_real_run(failed_run, monkeypatch, parse):
    """What steps printed is left out; the exception stays readable."""
    folder, _ = failed_run
    monkeypatch.chdir(folder)
    done = CliRunner().invoke(app, ["report", "--redact", "--out", "shared.html"])
    assert done.exit_code == 0, done.output
    text = (folder / "shared.html").read_text()
    page = parse(text)
    said = page.text + page.scripts[0]
    assert (
        left_in(said, (getpass.getuser(), socket.gethostname(), str(folder), "work.py", "fit[3]"))
        == []
    )
    assert "alert(3)" not in said
    assert "ValueError: depth <b>value-" in page.text


def test_a_log_is_shared_without_users_and_hosts(tmp_path):
    """Neither in tables, reasons, evidence nor commands."""
    log = tmp_path / "pool-of-ada.log"
    log.write_text(
        """000 (012.000.000) 2025-11-04 10:00:00Z Job submitted from host: <10.1.2.3:9618?alias=ap7.example.org>
...
028 (012.000.000) 2025-11-04 10:00:00Z Job ad information event triggered.
Owner = "ada"
...
001 (012.000.000) 2025-11-04 10:00:05Z Job executing on host: <10.1.2.3:9618?alias=node9.example.org>
\tSlotName: slot1_1@node9.example.org
...
012 (012.000.000) 2025-11-04 10:30:15Z Job was held.
\tError from slot1_1@node9.example.org: Failed to execute '/home/ada/x' (errno=8: 'Exec format error')
\tCode 6 Subcode 8
...
"""
    )
    facts = read_log([log])
    assert {"ada", "node9.example.org"} <= set(left_in(render(log_page(facts))))
    text = render(log_page(redacted_log(facts)))
    assert left_in(text, (*SECRETS, "ap7.example.org", "pool-of-ada.log")) == []


WORD = st.from_regex(r"[a-z][a-z0-9]{2,8}", fullmatch=True)


@settings(max_examples=40, deadline=None)
@given(st.sets(WORD, min_size=1, max_size=4), st.lists(WORD, max_size=6), st.data())
def test_a_known_word_never_stays(secrets, others, data):
    """Wherever it stands in a text, between spaces, quotes, brackets or slashes."""
    words = data.draw(st.permutations([*secrets, *others]))
    glue = data.draw(st.sampled_from([" ", "'", "(", "=", ", ", ": "]))
    by = Redactor(secrets, (), ())
    assert left_in(by.text(glue.join(words)), secrets) == []


@pytest.mark.parametrize(
    "path", ["/home/ada/a b.csv", "~/x/y.py", "/scratch/run-1/out.parquet", "data/rows.csv"]
)
def test_paths_are_found_without_being_known(path):
    """Absolute ones, of the home folder, and files with usual endings."""
    text = Redactor((), (), ()).text(f"cannot read '{path}', or {path}:25 (x)")
    assert not re.search(r"ada|rows|out|y\.py", text)


def test_values_of_a_commands_options_never_stay():
    by = Redactor((), (), ())
    text = by.command("wingspan train loans.csv --target income --set rate=7 --on campus --no-fuse")
    assert not re.search("loans|income|7|campus", text)
    assert text.startswith("wingspan train path-1 --target value-1 --set")
    assert text.endswith("--no-fuse")
