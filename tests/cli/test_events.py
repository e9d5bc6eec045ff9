"""``wingspan events``: what it prints, and what it refuses."""

import json
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from wingspan.cli.events import app
from wingspan.errors import NotFoundError, SettingError

USAGE = "\t\tUsr 0 00:00:01, Sys 0 00:00:00  -  Run Remote Usage\n" * 4
TABLE = (
    "\tPartitionable Resources :    Usage  Request Allocated\n"
    "\t   Cpus                 :     0.50        2         2\n"
    "\t   Memory (MB)          :      900      500       512\n"
)
EVENTS = [
    ("000 (001.000.000) 2025-11-04 10:00:00Z Job submitted from host: <10.0.0.1:1?alias=ap>", ""),
    ("040 (001.000.000) 2025-11-04 10:00:05Z Started transferring input files", ""),
    ("040 (001.000.000) 2025-11-04 10:01:05Z Finished transferring input files", ""),
    (
        "001 (001.000.000) 2025-11-04 10:01:05Z Job executing on host: <10.0.0.2:1>",
        "\tSlotName: slot1@e1\n",
    ),
    (
        "012 (001.000.000) 2025-11-04 10:02:05Z Job was held.",
        "\tno file /a/b7\n\tCode 13 Subcode 2\n",
    ),
    ("013 (001.000.000) 2025-11-04 10:12:05Z Job was released.", ""),
    (
        "001 (001.000.000) 2025-11-04 10:20:00Z Job executing on host: <10.0.0.2:1>",
        "\tSlotName: slot1@e1\n",
    ),
    (
        "005 (001.000.000) 2025-11-04 11:20:00Z Job terminated.",
        f"\t(1) Normal termination (return value 0)\n{USAGE}{TABLE}",
    ),
    ("000 (002.000.000) 2025-11-04 11:20:01Z Job submitted from host: <10.0.0.1:1?alias=ap>", ""),
]


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "job.log"
    path.write_text("".join(f"{first}\n{rest}...\n" for first, rest in EVENTS))
    return path


def run(*arguments):
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def test_summary(log):
    """The summary has jobs, wall time, holds with their cause, requests, transfers and hosts."""
    found = json.loads(run("summary", log, "--json"))
    assert (found["events"], found["jobs"], found["good_s"], found["bad_s"]) == (9, 2, 3600, 60)
    [hold] = found["holds"]
    assert (hold["code"], hold["subcode"], hold["template"]) == (13, 2, "no file <PATH>")
    assert (hold["released"], hold["median_s"]) == (1.0, 600)
    memory = next(each for each in found["requests"] if each["resource"] == "Memory")
    assert (memory["median_request"], memory["median_use"], memory["over"]) == (500, 900, 1.0)
    assert found["transfers"] == [{"job": "1.0", "direction": "input", "seconds": 60}]
    assert found["hosts"] == [{"host": "e1", "runs": 2, "good_s": 3600, "bad_s": 60, "holds": 1}]
    assert "no file <PATH>" in run("summary", log)


def test_summary_of_nothing(tmp_path):
    """An empty log has an empty summary."""
    (tmp_path / "empty.log").touch()
    assert "0 events of 0 jobs" in run("summary", tmp_path)


def test_picture(log, tmp_path):
    """The timeline is an SVG picture."""
    run("summary", log, "--picture", tmp_path / "t.svg")
    assert ET.parse(tmp_path / "t.svg").getroot().tag.endswith("svg")


def test_jobs_by_state(log):
    """Jobs are listed with their state, and can be chosen by it."""
    assert [job["job"] for job in json.loads(run("jobs", log, "--json"))] == ["1.0", "2.0"]
    assert [job["job"] for job in json.loads(run("jobs", log, "--json", "--state", "idle"))] == [
        "2.0"
    ]
    with pytest.raises(SettingError, match="ilde"):
        run("jobs", log, "--state", "ilde")


def test_show(log):
    """Every event of a job comes with its body."""
    events = json.loads(run("show", "1.0", log, "--json"))
    assert len(events) == 8
    assert events[4]["body"]["HoldReasonCode"] == 13
    with pytest.raises(NotFoundError, match=r"77\.0"):
        run("show", "77", log)


def test_convert_and_read_back(log, tmp_path):
    """A Parquet file is read like the logs it was made from."""
    run("convert", log, "--to", "parquet", "--out", tmp_path / "e.parquet")
    assert run("summary", tmp_path / "e.parquet", "--json") == run("summary", log, "--json")


def test_follow_once(log, tmp_path):
    """A second look gives only what was added."""
    options = ("follow", log, "--once", "--state", tmp_path / "state.json", "--json")
    assert len(run(*options).splitlines()) == 9
    with log.open("a") as file:
        file.write("009 (002.000.000) 2025-11-04 12:00:00Z Job was aborted.\n...\n")
    [line] = run(*options, "--parquet", tmp_path / "parts").splitlines()
    assert json.loads(line)["event"] == "JOB_ABORTED"
    assert (
        json.loads(run("summary", tmp_path / "parts" / "part-000000.parquet", "--json"))["events"]
        == 1
    )
