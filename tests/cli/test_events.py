"""``wingspan events``: what it prints, and what it refuses."""

import json
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from wingspan.cli.events import app
from wingspan.errors import EventLogError, NotFoundError, SettingError

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
    [host] = found["hosts"]
    assert (host["name"], host["runs"], host["holds"]) == ("e1", 2, 1)
    assert (host["good_s"], host["bad_s"]) == (3600, 60)
    assert "no file <PATH>" in run("summary", log)


def test_dagmans_own_jobs_are_no_work(log):
    """A run on the schedd itself, without a slot, counts in a line of its own; on a slot of that machine it is work."""
    schedd = "<10.0.0.1:9618?alias=ap&sock=schedd_{}>"
    hosts = [(schedd.format("1_a"), ""), (schedd.format("2_b"), "\tSlotName: slot1@ap\n")]
    hosts += [("<10.0.0.1:9618?alias=ap&sock=startd_3_c>", "")]
    for number, (host, slot) in enumerate(hosts, 10):
        with log.open("a") as file:
            for clock, code, text in (
                ("12:00:00", "000", f"Job submitted from host: {schedd.format('0_0')}\n"),
                ("12:00:01", "001", f"Job executing on host: {host}\n{slot}"),
                ("13:00:01", "009", "Job was aborted.\n"),
            ):
                file.write(f"{code} ({number:03}.000.000) 2025-11-04 {clock}Z {text}...\n")
    found = json.loads(run("summary", log, "--json"))
    assert (found["own_runs"], found["own_s"]) == (1, 3600)
    assert (found["good_s"], found["bad_s"]) == (3600, 60 + 7200)
    assert sum(host["runs"] for host in found["hosts"]) == 4
    assert "not counted above: 1.0 h in 1 run" in " ".join(run("summary", log).split())


def test_nothing_is_wider_than_the_terminal(log, tmp_path, monkeypatch):
    """80 columns where there is no terminal, else what `COLUMNS` says; many logs that name no access point are a number."""
    monkeypatch.delenv("COLUMNS", raising=False)
    long = "a reason " * 30
    for number in range(20):
        (tmp_path / f"{number}.log").write_text(
            f"012 (001.000.000) 2025-11-04 10:02:{number:02}Z Job was held.\n\t{long}\n\tCode 13 Subcode 2\n...\n"
        )
    for words in (("summary",), ("jobs",), ("jobs", "--state", "held"), ("show", "1")):
        for width in (80, 120):
            monkeypatch.setenv("COLUMNS", str(width))
            lines = run(*words, tmp_path).splitlines()
            assert max(map(len, lines)) <= width, words
            assert len(lines) > 1
    assert "access points: ap, 20 that no submit event names" in run("summary", tmp_path)


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
    assert run("jobs", log, "--state", "held") == "no job is held now, of 2\n"
    lines = run("jobs", log).splitlines()
    assert lines[0].split() == ["job", "state", "runs", "holds", "good", "bad", "submitted"]
    assert lines[1].split()[:8] == ["1.0", "completed", "2", "1", "1.0", "h", "1.0", "min"]
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


def test_other_programs_get_parquet_only(log, tmp_path):
    """A name with another suffix is refused with the right one, and nothing is made; without one it is a folder."""
    with pytest.raises(SettingError, match=r"found 'e\.csv'\n  -> --out \S*e\.parquet"):
        run("convert", log, "--out", tmp_path / "e.csv")
    assert not (tmp_path / "e.csv").exists()
    assert "part-000000.parquet: 9 events" in run("convert", log, "--out", tmp_path / "parts")
    assert run("summary", tmp_path / "parts", "--json") == run("summary", log, "--json")


def test_what_is_no_log_is_refused(tmp_path):
    """Reading and following it end with the same message; an empty log is told to be empty."""
    other = tmp_path / "pipe.py"
    other.write_text("import os\n")
    for words in (("summary", other), ("jobs", other), ("follow", other, "--once")):
        with pytest.raises(EventLogError, match="found no record"):
            run(*words)
    (tmp_path / "empty").touch()
    assert "empty is empty: no event yet" in run("summary", tmp_path / "empty")


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
