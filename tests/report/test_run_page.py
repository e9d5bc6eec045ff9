"""A run's page: what failed stands first, nothing becomes markup, nothing is loaded, and the size is bounded."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from wingspan.cli.main import app
from wingspan.eventlog.attempt import Attempt
from wingspan.eventlog.job_state import Phase
from wingspan.report.page import Picture
from wingspan.report.render import MOST, render
from wingspan.report.run_facts import FailureFacts
from wingspan.report.run_page import run_page
from wingspan.report.stretches import Stretch
from wingspan.report.use_table import use_tables
from wingspan.runner.usage import Usage

START = 1_795_963_212.0
NASTY = "<script>alert(1)</script>\"'&]]>--></style></title><img src=x onerror=alert(2)>\x00\u202e"


def blocks_of(page, kind):
    return [block for part in page.sections for block in part.blocks if isinstance(block, kind)]


def page_of(facts, details=None):
    return render(run_page(facts, details or {}))


def test_the_page_of_a_failed_run_begins_with_the_cause(failed_run, parse):
    """Step, exception line, place and the commands come before the picture; what was not run is named."""
    _, text = failed_run
    lead = parse(text[: text.index('<section id="pipeline"')]).text
    for told in (
        "fit[3] failed",
        "ValueError: depth <b>3</b> is too much (",
        "work.py:11)",
        "Not run, as they need what failed: best.",
        "What to do: Correct the code",
        "wingspan run work.py",
        "wingspan logs 'fit[3]' --run ",
        "wingspan.runner.job",
        "Traceback (most recent call last)",
    ):
        assert told in lead


def test_a_click_on_a_step_shows_all_that_is_known_of_it(failed_run, parse):
    """Inputs, parameters, code, outputs, logs, metrics, key: as data, that the script writes as text."""
    found = parse(failed_run[1]).data["details"]
    by_name = {
        one["title"]: {part["title"]: part for part in one["parts"]} for one in found.values()
    }
    fit = by_name["fit[1]"]
    assert ["rows", "result of read"] in fit["Inputs"]["pairs"]
    assert ["depth", "1"] in fit["Parameters"]["pairs"]
    assert ["loss", "0.5"] in fit["Metrics logged"]["pairs"]
    assert fit["Code"]["pairs"][0][0] == "function work.fit"
    assert fit["Outputs"]["rows"][0][1].startswith("{mean: 4.5")
    assert "</script>" in by_name["read"]["Standard output, last lines"]["text"]


def test_a_page_loads_nothing_and_runs_one_script_of_its_own(failed_run, parse):
    """No address, no event handler; the policy forbids all but the script whose digest it names."""
    text = failed_run[1]
    page = parse(text)
    assert page.count("script") == 2
    assert page.count("b") == page.count("img") == page.count("iframe") == 0
    addresses = [v for _, attrs in page.elements for k, v in attrs.items() if k in {"src", "href"}]
    assert {a for a in addresses if not a.startswith("#")} == {"data:,"}
    assert not [k for _, attrs in page.elements for k in attrs if k.startswith("on")]
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", text)
    assert "default-src 'none'" in text


def test_a_report_changes_nothing(failed_run):
    """It is made from records: no file of the home is written, and no step is run."""
    folder, _ = failed_run
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert CliRunner().invoke(app, ["report", "last", "--out", "page.html"]).exit_code == 0
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    assert {path.name for path in after if after[path] != before.get(path)} == {"page.html"}


def test_no_text_becomes_markup(parse, make_step, make_run):
    """Names, problems, parameters, notes and logs with tags, quotes, ends of scripts, NULs and turned writing."""
    one = make_step(NASTY, "failed", problem=NASTY, fix=NASTY, parameters=[(NASTY, NASTY)])
    facts = make_run(
        [one, make_step("next", needs=(NASTY,))], "failed", pipeline=NASTY, command=NASTY
    )
    facts = replace(facts, notes=(NASTY,), results=((NASTY, NASTY),))
    details = {"step-0": {"title": NASTY, "parts": [{"title": "log", "text": NASTY}]}}
    text = page_of(facts, details)
    page = parse(text)
    assert page.count("script") == 2
    assert page.count("style") == page.count("title") - text.count("<title>", text.index("<svg"))
    assert page.count("img") == 0
    assert page.data["details"]["step-0"]["title"] == NASTY.replace("\x00\u202e", "\\x00\\u202e")
    assert page.text.count("<script>alert(1)</script>") >= 4
    assert "\x00" not in text


@settings(max_examples=20, deadline=None)
@given(names=st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=5, unique=True))
def test_any_name_is_shown_and_pictures_stay_well_formed(make_step, make_run, names):
    """Whatever the names are, each picture is XML and the page has its two scripts."""
    made = run_page(make_run([make_step(name) for name in names]), {})
    for picture in blocks_of(made, Picture):
        ET.fromstring(picture.svg)
    assert render(made).count("<script") == 2


def test_a_run_of_20_000_steps_is_bounded_and_says_what_is_left_out(parse, make_step, make_run):
    """The picture has one box a map; the table has 10,000 rows and says of how many."""
    names = [f"fit[{k}]" for k in range(20_000)]
    steps = [make_step("read"), *(make_step(name, needs=("read",)) for name in names)]
    text = page_of(make_run(steps), {"step-1": {"title": "fit[0]", "parts": []}})
    assert len(text.encode()) < MOST
    page = parse(text)
    assert len(page.data["tables"]["steps"]["rows"]) == 10_000
    assert "The first 10,000 of 20,001 rows." in page.text
    assert "Inputs, outputs and attempts of 20,000 steps" in page.text
    assert "20,001 steps in 2 boxes" in page.text


def test_a_run_that_goes_on_says_how_far_it_is(parse, make_step, make_run):
    """Counts, what runs and for how long, and the command that follows it."""
    steps = [
        make_step("read"),
        make_step("fit", "running", needs=("read",)),
        make_step("best", "waiting"),
    ]
    page = parse(page_of(make_run(steps, "running")))
    assert "1 of 3 steps done: 1 done, 1 running, 1 waiting." in page.text
    assert "fit: running for 55 s" in page.text
    assert "wingspan watch 20261129" in page.text


def test_a_run_that_goes_on_says_how_long_the_rest_takes(parse, make_step, make_run):
    """By the steps of the same map that have ended."""
    steps = [make_step("fit[1]", wall_s=40.0), make_step("fit[2]", "waiting")]
    page = parse(page_of(make_run(steps, "running")))
    assert "It has been going on for 1 min 0 s, and about 40 s are left." in page.text


def test_ids_are_unique_and_every_link_leads_somewhere(failed_run, parse):
    """A link leads to an element, or to a step that the panel shows; the address has the step's name."""
    page = parse(failed_run[1])
    assert len(page.ids) == len(set(page.ids))
    links = {a["href"][1:] for _, a in page.elements if a.get("href", "").startswith("#")}
    targets = set(map(unquote, links))
    assert "step=fit[1]" in targets
    assert targets <= {*page.ids, *page.data["details"]}


def test_held_attempts_have_cause_and_fix_and_metrics_have_curves(parse, make_step, make_run):
    """The cause is that of HTCondor's reason; few steps are named in the picture, many are not."""
    reason = "Error from slot1@e1: Job has gone over memory limit of 64 megabytes"
    held = Attempt(
        "n", 1, 100.0, Phase.HELD, "e1", 10.0, 0.0, 20.0, outcome="held", reason=reason, job="7.0"
    )
    steps = [replace(make_step("fit", "held"), attempts=(held,))]
    points = [(float(k), 1.0 / (k + 1)) for k in range(500)]
    many = {f"s{k}": points for k in range(60)}
    curves = {"loss": {"fit": points}, "accuracy": many}
    text = page_of(make_run(steps, "running", curves=curves, parents=(("run-1", 3),)))
    page = parse(text)
    (row,) = page.data["tables"]["held"]["rows"]
    assert row[:3] == ["fit", "e1", "now"]
    assert "memory" in row[3]
    assert "7.0" in row[4]
    assert "fit is held" in page.text
    assert "accuracy of 60 steps, the first 30." in page.text
    assert ">fit</text>" in text


def test_a_run_that_ended_well_says_what_went_wrong_on_the_way(parse, make_step, make_run):
    reason = "Error from slot1@e1: memory usage exceeded request_memory"
    held = Attempt(
        "n", 1, 100.0, Phase.HELD, "e1", 10.0, 0.0, 20.0, outcome="held", reason=reason, job="7.0"
    )
    usage = Usage("memory", 646.0, 100.0)
    lacked = replace(held, number=2, phase=Phase.OUTPUT, outcome="exit 4", reason="")
    fit = replace(make_step("fit"), attempts=(held, lacked), usage=(usage,))
    page = parse(page_of(make_run([fit])))
    assert "On the way: 1 attempt held and 1 attempt lacked memory" in page.text
    assert 'it used 646 MB, asked for 100 MB: memory="832MB"' in page.text
    (row,) = page.data["tables"]["held"]["rows"]
    assert 'A later attempt ended well. Request memory="832MB".' in row
    clean = parse(page_of(make_run([make_step("fit")])))
    assert "On the way" not in clean.text


def test_a_file_that_cannot_be_written_is_refused_first(failed_run, monkeypatch):
    """The message names the option and what to do."""
    monkeypatch.chdir(failed_run[0])
    done = CliRunner().invoke(app, ["report", "--out", "nowhere/page.html"])
    assert "mkdir -p nowhere" in str(done.exception)
    assert not Path("nowhere").exists()


def test_a_report_is_opened_in_the_browser(failed_run, monkeypatch):
    """Without `--out` the file has the run's id."""
    monkeypatch.chdir(failed_run[0])
    shown = []
    monkeypatch.setattr("webbrowser.open", shown.append)
    done = CliRunner().invoke(app, ["report", "--open"])
    file = Path(done.stdout.strip())
    assert re.fullmatch(r"report-\d+-\d+\.\d{4}-work-\w+\.html", file.name)
    assert shown == [file.absolute().as_uri()]


def test_steps_that_failed_alike_are_listed_with_what_differs(parse, make_step, make_run):
    """Each has a link to its own traceback; what is equal for all of them is left out."""
    steps = [
        make_step(
            f"fit[{k}]",
            "failed",
            parameters=[("rate", f"0.{k}"), ("folds", "5")],
            problem=f"ValueError: {k} is too much (work.py:9)",
        )
        for k in range(1, 4)
    ]
    names = tuple(step.name for step in steps)
    group = FailureFacts(names, steps[0].event.problem, "mend it", "", "", "", "")
    page = parse(page_of(make_run(steps, "failed", failures=(group,))))
    found = page.data["tables"]["failed-0"]
    assert found["rows"][1] == ["fit[2]", "0.2", "ValueError: 2 is too much (work.py:9)"]
    assert found["links"][1] == "#step=fit[2]"
    assert "The 3 steps, with what differs" in page.text


def test_a_failed_step_shows_its_own_traceback(failed_run, parse):
    """The panel has it above the inputs, and each input is a link to the step that made it."""
    one = parse(failed_run[1]).data["details"]["step=fit[3]"]
    titles = [part["title"] for part in one["parts"]]
    assert titles.index("Traceback") < titles.index("Inputs")
    parts = {part["title"]: part for part in one["parts"]}
    assert parts["Traceback"]["text"].startswith("Traceback (most recent call last)")
    assert parts["Inputs"]["links"] == ["read"]


def test_a_request_is_judged_by_its_ratio_to_the_use(make_step, make_run):
    """Also a small one: 2 GB for 90 MB is too large, and by how much is said."""
    usages = [Usage("memory", 90.0, 2048.0), Usage("disk", 1500.0, 2048.0), Usage("cpus", 0.9, 8.0)]
    one = replace(make_step("fit"), usage=tuple(usages), attempts=(object(),))
    (table,) = use_tables(make_run([one]))
    assert [row[-1] for row in table.rows] == ["16x too large", "yes", "8x too large"]


def test_what_stands_between_backticks_is_code(parse, make_step, make_run):
    failed = make_step("fit", "failed", problem="x", fix="Give `condor_release <1>`, then `a`.")
    text = page_of(make_run([failed], "failed"))
    assert "<code>condor_release &lt;1&gt;</code>, then <code>a</code>." in text


def test_a_long_run_says_what_its_time_went_into(parse, make_step, make_run):
    steps = [make_step("read", wall_s=4.0), make_step("fit", wall_s=40.0, needs=("read",))]
    stretches = (
        Stretch("read", "e1", "running", START, START + 4),
        Stretch("fit", "", "queued", START + 4, START + 14),
        Stretch("fit", "e1", "running", START + 14, START + 54),
    )
    page = parse(page_of(make_run(steps, stretches=stretches)))
    path = "The critical path ran for 44 s and waited for 10 s. Its longest step: fit, 40 s."
    assert path in page.text
    assert "Time since 2026-11-29 14:40:12 UTC" in page.text
