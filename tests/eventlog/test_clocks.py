"""Clocks that go back and times in the future: nothing is lost, doubled or made up, and it is reported."""

import json
from datetime import datetime, timedelta

import pytest
from typer.testing import CliRunner

from wingspan.advisor.answers.one_job import explain_jobs
from wingspan.cli.main import app
from wingspan.eventlog.clocks import ahead_of, end_of, steps_back
from wingspan.eventlog.logs import read_logs
from wingspan.eventlog.read_new import read_new

DAY = datetime(2025, 10, 26)  # clocks in Berlin go back at 03:00  # noqa: DTZ001
BODIES = {
    0: "Job submitted from host: <10.0.0.1:9618?alias=ap>",
    1: "Job executing on host: <10.0.0.2:9618>\n\tSlotName: slot1@host",
    12: "Job was held.\n\twords\n\tCode 26 Subcode 9",
    13: "Job was released.\n\tvia condor_release (by user ada)",
}


def log(*events, zone=""):
    """Events as (minutes after midnight, job, number)."""
    return "".join(
        f"{number:03} ({job:03}.000.000) {DAY + timedelta(minutes=minute)}{zone} {BODIES[number]}\n...\n"
        for minute, job, number in events
    )


# The hour from 02:00 to 03:00 is written twice.
FOLD = (
    (60, 1, 0), (61, 1, 1), (155, 1, 12), (156, 2, 0),
    (130, 1, 13), (131, 2, 1), (140, 2, 12), (165, 1, 1), (166, 1, 12), (190, 3, 0),
)  # fmt: skip
STEP = (
    (0, 1, 0), (1, 1, 1), (120, 2, 0), (121, 2, 1), (122, 2, 12), (123, 2, 13),
    (62, 1, 12), (63, 2, 1), (64, 2, 12), (65, 3, 0), (66, 3, 1), (67, 3, 12),
)  # fmt: skip
FUTURE = ((0, 1, 0), (1, 1, 1), (5_000_000, 2, 0), (3, 2, 1), (4, 1, 12), (5, 2, 12), (6, 3, 0))


@pytest.fixture
def watch(tmp_path):
    """Look once, with a state file; return the holds that were reported, and what stderr says."""

    def once(path):
        words = ["holds", "watch", str(path), "--once", "--json", "--state", str(tmp_path / "s")]
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0, result.output
        found = [json.loads(line) for line in result.stdout.splitlines()]
        return [(each["job"], each["held_at_s"]) for each in found], result.stderr

    return once


def test_an_hour_that_is_written_twice_is_read_alike_in_parts(tmp_path, zone):
    """A look that begins in the second hour gives the same times as a read of the whole log."""
    zone("Europe/Berlin")
    path, position, times = tmp_path / "x.log", None, []
    path.write_text("")
    for event in FOLD:
        with path.open("a") as file:
            file.write(log(event))
        news = read_new(path, position)
        times += news.events.time.tolist()
        position = news.position
    assert times == read_logs([path]).time.tolist() == sorted(times)
    assert times[-1] - times[0] == (190 + 60 - 60) * 60


@pytest.mark.parametrize(
    ("events", "written_in", "held"),
    [(FOLD, "", 3), (STEP, "Z", 4), (FUTURE, "Z", 2)],
    ids=["two equal hours", "step", "future"],
)
def test_each_hold_is_reported_once(tmp_path, zone, watch, events, written_in, held):
    """Event by event across restarts, with the times that the log has."""
    zone("Europe/Berlin")
    path, found = tmp_path / "x.log", []
    path.write_text("")
    for event in events:
        with path.open("a") as file:
            file.write(log(event, zone=written_in))
        found += watch(path)[0]
    assert len(found) == len(set(found)) == held
    read = read_logs([path])
    assert sorted(at for _, at in found) == sorted(read.time[read.code == 12].tolist())


def test_the_queue_and_the_log_agree_on_a_hold(tmp_path):
    """The time of a hold is its stamp, also after the log's clock went back."""
    path = tmp_path / "x.log"
    path.write_text(log(*STEP, zone="Z"))
    result = CliRunner().invoke(app, ["holds", "advise", str(path), "--json"])
    jobs = [job for each in json.loads(result.stdout)["incidents"] for job in each["jobs"]]
    midnight = read_logs([path]).time[0]
    minutes = {job["job"]: (job["held_at_s"] - midnight) / 60 for job in jobs}
    assert minutes == {"1.0": 62, "2.0": 64, "3.0": 67}
    assert "went back by up to 60 min (1 time, first at 2025-10-26 01:03:00Z in job 2.0)" in (
        " ".join(result.stderr.split())
    )


def test_a_history_across_a_step(tmp_path):
    """No attempt begins before the submission, and the log ends where its clock is now."""
    path = tmp_path / "x.log"
    path.write_text(log(*STEP, zone="Z"))
    events = read_logs([path])
    assert end_of(events) == events.time[-1]
    (report,) = explain_jobs(events, "2.0")
    assert report.attempts[0].began == report.submitted_at
    assert report.log_ends_at - report.since == 180


def test_logs_whose_times_are_fine_are_not_mentioned(tmp_path):
    """Small inversions of several writers, and logs that were joined, are no steps."""
    path = tmp_path / "x.log"
    path.write_text(log((0, 1, 0), (5, 1, 1), (3, 1, 12)) + log((90, 2, 0)) + log((1, 3, 0)))
    events = read_logs([path])
    assert steps_back(events) == []
    assert ahead_of(events, float(events.time.max())) == []


def test_the_end_of_rotations(tmp_path):
    """A wrong clock in an older rotation does not count."""
    header = (
        "008 (-01.-01.-01) 2025-10-26 00:00:00Z Global JobLog: ctime=1761436800 id=ap.{0} sequence={0} "
        "size=0 events=0 offset=0 event_off=0 max_rotation=1 creator_name=<>"
    )
    for number, (name, events) in enumerate({"x.old": FUTURE[:3], "x": FUTURE[3:]}.items()):
        first = f"{header.format(number):<300}\n...\n"
        (tmp_path / name).write_text(first + log(*events, zone="Z"))
    events = read_logs([tmp_path / "x.old", tmp_path / "x"])
    assert end_of(events) == events.time[-1]
    (ahead,) = ahead_of(events, events.time[-1])
    assert (ahead.path.name, ahead.events) == ("x.old", 1)
