"""None and one of everything: no "1 jobs", no share of nothing, no nan, no negative time, no job that is none."""

import json
import re

import numpy as np
import pytest
from typer.testing import CliRunner

from wingspan.advisor.judging import metrics
from wingspan.cli.main import app
from wingspan.eventlog.rules import rules

AP = "Job submitted from host: <10.0.0.{}:9618?alias=ap{}>"
HELD = "Job was held.\n\tError from slot1@h: Job has gone over memory limit of 64 megabytes\n\tCode 34 Subcode 0"
ENDED = "Job terminated.\n\t(1) Normal termination (return value 0)"
RUNS = "Job executing on host: <10.0.0.9:9618>\n\tSlotName: slot1@h"
MANY = re.compile(
    r"(?<![\d.,/])1 (?!is\b|was\b|has\b|access\b)[a-z-]*(?<!s)s\b|(?<![\d.,])1 [a-z-]+ (?:job|hold|row|cluster)s\b"
)
ODD = re.compile(r"\bnan\b|\binf\b|-\d+(\.\d+)? (s|min|h|d)\b|\b0 of 0\b")


def record(code, second, text, job="001.000.000"):
    minutes, seconds = divmod(second, 60)
    return f"{code:03} ({job}) 2025-11-04 10:{minutes:02}:{seconds:02}Z {text}\n...\n"


ONE = record(0, 0, AP.format(1, 1)) + record(1, 60, RUNS) + record(12, 120, HELD)
LOGS = {
    "nothing": "",
    "idle": record(0, 0, AP.format(1, 1)),
    "held": ONE,
    "well": record(0, 0, AP.format(1, 1)) + record(1, 60, RUNS) + record(5, 120, ENDED),
    "clock stepped back": record(0, 500, AP.format(1, 1))
    + record(1, 400, RUNS)
    + record(12, 300, HELD)
    + record(13, 200, "Job was released.")
    + record(1, 100, RUNS)
    + record(5, 0, ENDED),
    "damage": ONE + "no record\n...\n" + record(9, 200, "Job was aborted.")[:40],
}
COMMANDS = (
    "events summary {log}",
    "events jobs {log}",
    "events show 1.0 {log}",
    "holds advise {log}",
    "holds advise {log} --all",
    "holds advise {log} --all --by user --rows 1",
    "holds advise {log} --only 1 --all",
    "holds explain 1.0 {log}",
    "holds explain 1 {log}",
    "holds watch {log} --once",
    "holds evaluate {log} --journal {journal}",
)


def run(*words):
    return CliRunner().invoke(app, list(map(str, words)))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda text: text.replace(" {log}", ""))
@pytest.mark.parametrize("log", LOGS)
def test_one_and_none_are_said_as_people_do(tmp_path, log, command):
    """Every command, on logs of at most one job: its text, or its error."""
    path = tmp_path / "job.log"
    path.write_text(LOGS[log])
    result = run(*command.format(log=path, journal=tmp_path / "journal").split())
    text = result.output + str(result.exception or "")
    text = text.replace(str(tmp_path), "")
    assert not MANY.search(text), (MANY.search(text), text)
    assert not ODD.search(text), (ODD.search(text), text)
    assert "calibration error           0.000" not in " ".join(text.split(" ")), text


def test_calibration_of_nothing_is_unknown():
    """No samples: no figure, rather than a perfect one."""
    none = np.empty(0)
    draws = metrics.draw_clusters(np.empty(0, np.int32))
    error, resolution = metrics.calibration(draws, none, none, none)
    assert np.isnan(error).all()
    assert np.isnan(resolution).all()


def test_what_dagman_writes_of_no_job_is_no_job(tmp_path):
    """PRE_SKIP and POST scripts of nodes without a job have cluster 0."""
    skipped = record(
        34, 0, "PRE script return value is PRE_SKIP value\n    DAG Node: A", "000.000.000"
    )
    (tmp_path / "dag.nodes.log").write_text(skipped + ONE)
    lines = json.loads(run("events", "jobs", tmp_path / "dag.nodes.log", "--json").stdout)
    assert [line["job"] for line in lines] == ["1.0"]


def test_a_rule_and_its_advice_agree():
    """A removal needs proof, so no rule alone says so: `explain 17` and `advise` give one answer."""
    facts = json.loads(run("holds", "explain", "17", "--json").stdout)
    assert facts["answer"] == "fix first"
    assert {rule.first_answer for rule in rules()} >= {"fix first", "release later", "no evidence"}
    assert "remove" not in {rule.first_answer for rule in rules()}


def test_a_code_of_a_newer_htcondor(tmp_path):
    """It is judged by its text; without one the message says what this version knows."""
    facts = json.loads(
        run("holds", "explain", "50", "memory usage exceeded request_memory", "--json").stdout
    )
    assert (facts["code"], facts["name"]) == (50, "Other")
    assert "memory" in facts["cause"]
    error = str(run("holds", "explain", "50").exception)
    assert "this version of Wingspan knows" in error
    assert "wingspan holds explain 50 'TEXT'" in error


def test_ids_of_several_access_points(tmp_path):
    """Job 1.0 of two access points is two jobs of two clusters; commands say where they belong."""
    for number in (1, 2):
        text = ONE.replace(AP.format(1, 1), AP.format(number, number))
        (tmp_path / f"{number}.log").write_text(text)
    logs = [tmp_path / "1.log", tmp_path / "2.log"]
    (row,) = json.loads(run("holds", "advise", *logs, "--json").stdout)["rows"]
    assert (row["jobs"], row["clusters"]) == (2, 2)
    by = json.loads(run("holds", "advise", *logs, "--json", "--by", "cluster").stdout)["rows"]
    assert [each["key"] for each in by] == ["1 at ap1", "1 at ap2"]
    lines = run("holds", "advise", *logs, "--commands").stdout.splitlines()
    assert [line for line in lines if line.startswith("#")] == ["# at ap1", "# at ap2"]
    assert len(lines) == 4
