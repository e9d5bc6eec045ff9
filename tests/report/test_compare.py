"""Two runs: what differed, and what that did to results and times."""

import json
import re
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from wingspan.cli.main import app
from wingspan.report.compare import differences, effects
from wingspan.report.compare_page import compare_page
from wingspan.report.render import render


@pytest.fixture
def two(make_step, make_run):
    """Two runs that differ in a parameter, a file, code, a package, a request, a step, a metric and a time."""
    read, fit = make_step("read"), make_step("fit[1]", parameters=[("depth", "3")])
    other = replace(
        fit,
        parameters=(("depth", "4"),),
        files=(("rows", "/home/ada/rows.csv", "blake2b-256:" + "9" * 64),),
        code=(("function work.fit", "blake2b-256:" + "8" * 64),),
        packages=(("numpy", "2.5.0"),),
        asked=(("memory", "4GB"),),
        event=replace(fit.event, wall_s=3.0, peak_memory_mb=900.0),
    )
    one = make_run([read, fit, make_step("old")], numbers={"fit[1]": {"rmse": 0.5, "rows": 10.0}})
    after = {"run_id": "b", "numbers": {"fit[1]": {"rmse": 0.25, "rows": 10.0}}}
    return one, make_run([read, other, make_step("new", "failed")], "failed", **after)


def test_every_kind_of_difference_is_found(two):
    """Equal parts are not listed; the steps of a difference are."""
    found = {
        (each.kind, each.name, each.before, each.after): each.steps for each in differences(*two)
    }
    assert found[("parameter", "depth", "3", "4")] == ("fit[1]",)
    assert found[("package", "numpy", "2.4.6", "2.5.0")] == ("fit[1]",)
    assert found[("request", "memory", "", "4GB")] == ("fit[1]",)
    assert found[("step", "old", "done", "")] == ("old",)
    assert found[("step", "new", "", "failed")] == ("new",)
    assert {kind for kind, *_ in found} == {
        "parameter",
        "data",
        "code",
        "package",
        "request",
        "step",
    }
    assert differences(two[0], two[0]) == []


def test_the_effect_on_metrics_time_and_memory_is_a_number(two):
    """Equal metrics are left out; a run that lacks a number has None."""
    found = {(each.kind, each.step, each.name): each.change for each in effects(*two)}
    assert found[("metric", "fit[1]", "rmse")] == -0.25
    assert ("metric", "fit[1]", "rows") not in found
    assert found[("time", "fit", "run time")] == 2.0
    assert found[("memory", "fit", "most memory")] == 800.0
    assert found[("time", "old", "run time")] is None


def test_the_page_of_two_runs_begins_with_what_differed(two, parse):
    """In words, with the largest change of a metric."""
    text = render(compare_page(*two))
    lead = parse(text[: text.index('<section id="differences"')]).text
    assert "parameter depth: 3 → 4 (fit[1])" in lead
    assert "fit[1]: rmse 0.5 → 0.25" in lead


def test_runs_diff_prints_and_runs_still_lists(failed_run, monkeypatch):
    """In the terminal, the older run first whatever the order; `--json` for a program."""
    monkeypatch.chdir(failed_run[0])
    listed = CliRunner().invoke(app, ["runs", "--json"]).output
    first = json.loads(listed)[0]["run"]
    assert CliRunner().invoke(app, ["run", "work.py", "--set", "rows=20"]).exit_code == 1
    second = json.loads(CliRunner().invoke(app, ["runs", "--json"]).output)[0]["run"]
    done = CliRunner().invoke(app, ["runs", "diff", second, first])
    assert done.exit_code == 0, done.output
    assert done.output.index(first) < done.output.index(second)
    assert "parameter rows: 10 → 20" in done.output
    assert re.search(r"fit\[1\] mean: 4.5 → 9.5\s+\+5", done.output)
    found = json.loads(CliRunner().invoke(app, ["runs", "diff", first, second, "--json"]).output)
    assert found["before"] == first
    page = CliRunner().invoke(app, ["report", first, second, "--out", "two.html"])
    assert (page.exit_code, page.stdout) == (0, "two.html\n")
