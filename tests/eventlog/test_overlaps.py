"""Logs that no submission names count each event once with the logs that they overlap, and never with others."""

import gzip
import json
import os

import pytest
from typer.testing import CliRunner

from wingspan.cli.main import app
from wingspan.eventlog.histories import group_by_job
from wingspan.eventlog.logs import read_logs
from wingspan.eventlog.parquet import write_parquet


def record(number, job, minute, body):
    return f"{number:03} ({job:03}.000.000) 2026-11-04 {10 + minute // 60}:{minute % 60:02}:07Z {body}\n...\n"


def submit(job, point="ap"):
    body = f"Job submitted from host: <10.0.0.1:9618?alias={point}>"
    return record(0, job, job, body)


def hold(job, words="no words"):
    return record(12, job, 60 + job, f"Job was held.\n\t{words} {job}\n\tCode 26 Subcode 9")


def holds(first, last, words="no words"):
    return "".join(hold(job, words) for job in range(first, last))


ALL = "".join(map(submit, range(30))) + holds(0, 30)
CASES = {
    "a path twice": (("x.log", ALL), ("x.log", ALL)),
    "copy": (("x.log", ALL), ("y.log", ALL)),
    "compressed copy": (("x.log", holds(0, 30)), ("y.log.gz", holds(0, 30))),
    "tail cut": (("x.log", holds(0, 30)), ("y.log", holds(0, 20))),
    "head cut": (("x.log", ALL), ("y.log", holds(10, 30))),
    "head cut from a log without submissions": (("x.log", holds(0, 30)), ("y.log", holds(9, 30))),
    "head and tail cut": (("x.log", ALL), ("y.log", holds(5, 25))),
    "one has the head, the other the tail": (("x.log", holds(0, 20)), ("y.log", holds(10, 30))),
    "three that overlap": (
        ("x.log", holds(0, 15)),
        ("y.log", holds(20, 30)),
        ("z.log", holds(10, 25)),
    ),
    "head cut, compressed": (("x.log", ALL), ("y.log.gz", holds(3, 30))),
    "a job's own log and the access point's": (
        ("job.log", submit(3) + hold(3)),
        ("EventLog", ALL),
    ),
    "a job's own log without its head": (("job.log", hold(3)), ("EventLog", ALL)),
    "rotations that overlap": (("x.log.1", holds(0, 20)), ("x.log", holds(10, 30))),
    "rotations that overlap, with submissions": (
        ("x.log.1", ALL),
        ("x.log", holds(28, 30)),
    ),
}


@pytest.mark.parametrize("files", CASES.values(), ids=CASES)
def test_each_event_counts_once(tmp_path, files):
    """In `holds advise`, `holds explain` and `events summary`, in either order of the logs."""
    for name, text in files:
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    paths = [str(tmp_path / name) for name, _ in files]
    for given in (paths, paths[::-1]):
        advice = json.loads(run("holds", "advise", *given, "--json"))
        assert advice["jobs"] == 30
        job = json.loads(run("holds", "explain", "3.0", *given, "--json"))
        assert len(job["jobs"]) == 1
        summary = json.loads(run("events", "summary", *given, "--json"))
        assert (summary["jobs"], summary["by_event"]["JOB_HELD"]) == (30, 30)
    watched = run("holds", "watch", *paths, "--once", "--json").splitlines()
    assert len({json.loads(line)["job"] for line in watched}) == len(watched) == 30


def run(*words):
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (holds(0, 30), holds(0, 30, "other words")),
        (ALL, holds(0, 30, "other words")),
        (ALL, ALL.replace("alias=ap", "alias=ap2")),
        (ALL, holds(0, 30).replace(":07Z", ":09Z")),
        (ALL, holds(0, 30).replace(":07Z", ":09Z").replace(":03:09Z", ":03:07Z")),
    ],
    ids=["unnamed", "one unnamed", "both named", "other times", "one event by chance"],
)
def test_equal_job_numbers_are_not_equal_jobs(tmp_path, one, other):
    """Two access points may have the same job numbers, at the same times, with the same codes."""
    (tmp_path / "x.log").write_text(one)
    (tmp_path / "y.log").write_text(other)
    assert len(group_by_job(read_logs([tmp_path]))) == 60


def test_a_hard_link_is_the_same_log(tmp_path):
    """It is neither counted again nor reported as a copy."""
    (tmp_path / "x.log").write_text(holds(0, 30))
    os.link(tmp_path / "x.log", tmp_path / "y.log")
    assert len(group_by_job(read_logs([tmp_path]))) == 30


def test_rotations_that_follow_each_other_keep_equal_events(tmp_path):
    """An event may be written twice in one second; where rotations do not overlap, both count."""
    image = record(6, 1, 5, "Image size of job updated: 7")
    (tmp_path / "x.log.1").write_text(submit(1) + image)
    (tmp_path / "x.log").write_text(image + hold(1))
    assert len(group_by_job(read_logs([tmp_path])).events) == 4


def test_logs_that_are_gone_are_not_compared(tmp_path):
    """Tables outlive their logs; then nothing shows that equal numbers are equal events."""
    for name, text in (("x", ALL), ("y", holds(9, 30))):
        (tmp_path / f"{name}.log").write_text(text)
        write_parquet(read_logs([tmp_path / f"{name}.log"]), tmp_path / f"{name}.parquet")
    tables = [tmp_path / f"{name}.parquet" for name in "xy"]
    assert len(group_by_job(read_logs(tables))) == 30
    (tmp_path / "y.log").unlink()
    assert len(group_by_job(read_logs(tables))) == 51


def test_a_hold_is_reported_once_when_its_access_point_becomes_known(tmp_path):
    """The first submission after a cut names it."""
    log, state = tmp_path / "x.log", str(tmp_path / "state")
    log.write_text(hold(3))
    words = ("holds", "watch", str(log), "--once", "--json", "--state", state)
    assert json.loads(run(*words))["job"] == "3.0"
    with log.open("a") as file:
        file.write(submit(70) + hold(70))
    assert [json.loads(line)["job"] for line in run(*words).splitlines()] == ["70.0"]


@pytest.mark.parametrize("form", ["classic", "iso_date", "utc_iso_subsec", "json", "xml"])
def test_real_logs_without_their_heads(tmp_path, logs, form):
    """Jobs' own logs, cut after their first event, add nothing to the access point's log."""
    [whole] = [log for log in logs if log.parts[-3:] == ("pool", form, "EventLog")]
    cut = []
    for path in sorted((whole.parent / "joblogs").iterdir()):
        text = path.read_text()
        _, _, rest = text.partition("\n...\n")
        if rest.strip():
            (tmp_path / path.name).write_text(rest)
            cut.append(tmp_path / path.name)
    assert len(cut) > 1
    alone, both = (group_by_job(read_logs(logs)) for logs in ([whole], [whole, *cut]))
    assert len(both) == len(alone)
    assert len(both.events) == len(alone.events)
