"""New holds in growing logs, across rotation, missing logs and restarts: each is reported once."""

import gzip
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from wingspan.advisor.answers.advise import advise
from wingspan.advisor.answers.watching import Seen, WatchedLogs, families, load_seen, save_seen
from wingspan.advisor.holds.timeline import make_timeline
from wingspan.cli.held_watch import watch as watch_logs
from wingspan.cli.main import app
from wingspan.errors import EventLogError, FormatError
from wingspan.eventlog.bodies import read_bodies
from wingspan.eventlog.read import read_events
from wingspan.eventlog.read_new import read_new
from wingspan.eventlog.rotations import rotations_of

HEADER = (
    "008 (-01.-01.-01) 2025-11-04 10:00:00Z Global JobLog: ctime=1762250400 id=ap.1.{0} sequence={0} "
    "size=0 events=0 offset={1} event_off=0 max_rotation=1 creator_name=<>"
)


def header(sequence, offset):
    return f"{HEADER.format(sequence, offset):<300}\n...\n"


@pytest.fixture
def held(event):
    """Return the text of a job's submission and hold."""

    def write(cluster, second=0):
        return (
            event(second, cluster, 0)
            + event(second + 5, cluster, 1)
            + event(second + 9, cluster, 12)
        )

    return write


@pytest.fixture
def watch(tmp_path):
    """Look once, with a state file; return the jobs that were reported."""

    def once(*logs):
        words = ["holds", "watch", *map(str, logs), "--once", "--json", "--state"]
        result = CliRunner().invoke(app, [*words, str(tmp_path / "state")])
        assert result.exit_code == 0, (result.output, result.exception)
        return [json.loads(line)["job"] for line in result.stdout.splitlines()]

    return once


def append(path, text):
    with path.open("a") as file:
        file.write(text)


def test_each_hold_is_reported_once_across_restarts(tmp_path, held, event, watch):
    """The second process reads on; a hold that a person released in between is not reported."""
    log = tmp_path / "job.log"
    log.write_text(held(1))
    assert watch(log) == ["1.0"]
    assert watch(log) == []
    append(log, held(2, 20) + held(3, 40) + event(60, 2, 13))
    assert watch(log) == ["3.0"]
    assert watch(log) == []


def test_a_job_that_is_held_again_is_reported_again(tmp_path, held, event, watch):
    """It is another hold."""
    log = tmp_path / "job.log"
    log.write_text(held(1))
    assert watch(log) == ["1.0"]
    append(log, event(20, 1, 13) + event(30, 1, 1) + event(40, 1, 12))
    assert watch(log) == ["1.0"]


def test_rotation_while_no_watch_runs(tmp_path, held, watch):
    """Holds in `EventLog.old` that came after the last look are reported, those before are not."""
    log = tmp_path / "EventLog"
    log.write_text(header(1, 0) + held(1))
    assert watch(log) == ["1.0"]
    append(log, held(2, 20))
    size = log.stat().st_size
    log.rename(tmp_path / "EventLog.old")
    log.write_text(header(2, size) + held(3, 40))
    assert watch(log) == ["2.0", "3.0"]
    assert watch(log, tmp_path / "EventLog.old") == []


NAMES = (
    "{}.1.gz",
    "{}.old.gz",
    "{}.20260101T000000",
    "{}.20260101T000000.gz",
    "{}-20260101",
    "{}-20260101.gz",
    "{}-20260101-1767225600.gz",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("headed", [True, False])
def test_a_rotation_that_was_compressed_or_dated(tmp_path, held, watch, capfd, name, headed):
    """By logrotate or by hand: what was read is not read again, and what was added before is not lost."""
    log = tmp_path / "EventLog"
    log.write_text(header(1, 0) * headed + held(1))
    running = WatchedLogs([log])
    look = running.look({})
    assert watch(log) == ["1.0"]
    append(log, held(2, 20))
    old = tmp_path / name.format("EventLog")
    whole = log.read_bytes()
    old.write_bytes(gzip.compress(whole) if old.suffix == ".gz" else b"")
    if old.suffix != ".gz":
        log.rename(old)
    log.write_text(header(2, len(whole)) * headed + held(3, 40))
    assert watch(log) == ["2.0", "3.0"]
    assert watch(log, old) == []
    assert watch(tmp_path) == []
    look = running.look(look.logs)
    assert look.held
    assert look.gaps == ()
    jobs = [job.job for each in advise(make_timeline(running.events())) for job in each.jobs]
    assert sorted(jobs) == ["1.0", "2.0", "3.0"]
    before = bytes_read()
    assert not running.look(look.logs).held
    assert bytes_read() - before < 20_000
    assert "gap" not in capfd.readouterr().err


def test_a_read_rotation_is_compressed_and_later_deleted(tmp_path, held, watch, capfd):
    """It keeps its identity through both, and a file that was read whole leaves no gap."""
    log, old = tmp_path / "job.log", tmp_path / "job.log.1"
    log.write_text(held(1))
    assert watch(log) == ["1.0"]
    log.rename(old)
    log.write_text(held(2, 40))
    assert watch(log) == ["2.0"]
    (tmp_path / "job.log.1.gz").write_bytes(gzip.compress(old.read_bytes()))
    assert watch(log) == []  # gzip has not removed the plain file yet
    old.unlink()
    assert watch(log) == []
    (tmp_path / "job.log.1.gz").rename(tmp_path / "job.log.2.gz")
    assert watch(log) == []
    (tmp_path / "job.log.2.gz").unlink()
    append(log, held(3, 60))
    assert watch(log) == ["3.0"]
    assert capfd.readouterr().err == ""


def test_a_json_log_that_grows_is_read_on(tmp_path):
    """Each event of a look is new."""
    log = tmp_path / "EventLog"

    def ad(cluster):
        return json.dumps(
            {
                "MyType": "JobHeldEvent",
                "EventTypeNumber": 12,
                "EventTime": "2026-11-04T10:00:00",
                "Cluster": cluster,
                "Proc": 0,
                "Subproc": 0,
                "HoldReason": "words",
                "HoldReasonCode": 26,
                "HoldReasonSubCode": 9,
            },
            indent=1,
        )

    log.write_text(f"{ad(1)}\n")
    first = read_new(log)
    append(log, f"{ad(2)}\n")
    second = read_new(log, first.position)
    assert [news.events.cluster.tolist() for news in (first, second)] == [[1], [2]]
    assert read_bodies(second.events, [0])[0]["HoldReason"] == "words"


def test_two_rotations_while_no_watch_runs_are_a_gap(tmp_path, held, watch, capfd):
    """What is lost is said with its bytes; what is there is reported."""
    log = tmp_path / "EventLog"
    log.write_text(header(1, 0) + held(1))
    assert watch(log) == ["1.0"]
    log.write_text(header(3, 9000) + held(3, 40))
    words = ["holds", "watch", str(log), "--once", "--state", str(tmp_path / "state")]
    result = CliRunner().invoke(app, words)
    assert "bytes missing before" in result.output
    assert "3.0" in result.output


def test_a_log_that_is_gone_for_a_while(tmp_path, held, watch):
    """Nothing is reported while it is missing, and nothing twice when it is back."""
    log = tmp_path / "job.log"
    log.write_text(held(1))
    assert watch(log) == ["1.0"]
    aside = log.rename(tmp_path / "elsewhere")
    assert WatchedLogs([log]).look(load_seen(tmp_path / "state").logs).held is False
    aside.rename(log)
    assert watch(log) == []


def test_a_torn_hold_is_reported_when_it_is_whole(tmp_path, held, watch):
    """A record that is still being written is read at the next look."""
    log = tmp_path / "job.log"
    whole = held(1) + held(2, 20)
    log.write_text(whole[:-12])
    assert watch(log) == ["1.0"]
    log.write_text(whole)
    assert watch(log) == ["2.0"]


def test_a_look_without_holds_reads_only_what_is_new(tmp_path, held, event):
    """Other events do not make all logs be read again."""
    log = tmp_path / "job.log"
    log.write_text(held(1))
    watched = WatchedLogs([log])
    first = watched.look({})
    assert first.held
    append(log, event(20, 1, 13))
    second = watched.look(first.logs)
    assert not second.held
    (position,) = second.logs.values()
    (mark,) = position.files.values()
    assert mark.offset == log.stat().st_size


def bytes_read():
    """Return how many bytes this process has read from files."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("rchar")).split()[1])


def test_a_new_hold_reads_only_what_was_added(tmp_path, held, event):
    """The logs are read once; then the news, and the few records that the new hold needs."""
    log, other = tmp_path / "job.log", tmp_path / "other.log"
    log.write_text("".join(held(job, job) for job in range(1, 1500)))
    other.write_text("".join(event(job, 6000 + job, 0) for job in range(5000)))
    watched = WatchedLogs([tmp_path])
    seen = watched.look({})
    advise(make_timeline(watched.events(), lean=True))
    for number in range(3):
        append(log, held(1500 + number, 5000 + 20 * number))
        before = bytes_read()
        seen = watched.look(seen.logs)
        assert seen.held
        incidents = advise(make_timeline(watched.events(), lean=True))
        assert sum(len(each.jobs) for each in incidents) == 1500 + number
        assert bytes_read() - before < log.stat().st_size / 20


def test_what_is_kept_is_what_a_whole_read_finds(tmp_path, event):
    """With rotations, late writers, a log that is gone for a while, and a second log."""
    draw = random.Random(5)
    logs = [tmp_path / "EventLog", tmp_path / "job.log"]
    sizes, sequence = 0, 1
    logs[0].write_text(header(1, 0) + event(0, 99, 0))
    watched, seen = WatchedLogs(logs), {}
    for second in range(0, 400, 5):
        log = draw.choice(logs)
        old = tmp_path / "EventLog.old"
        if draw.random() < 0.1:
            sizes, sequence = sizes + logs[0].stat().st_size, sequence + 1
            logs[0].rename(old)
            logs[0].write_text(header(sequence, sizes) + event(second, 99, 0))
        target = old if log == logs[0] and old.exists() and draw.random() < 0.1 else log
        append(target, event(second, draw.randint(1, 12), draw.choice([0, 1, 5, 6, 12, 13])))
        if draw.random() < 0.5:
            seen = watched.look(seen).logs
            files = [each for log in logs for each in rotations_of(log)]
            expected = advise(make_timeline(read_events(files), lean=True))
            found = advise(make_timeline(watched.events(), lean=True))
            assert repr(found) == repr(expected)


def test_a_log_of_two_access_points_is_read_whole(tmp_path, event):
    """News do not say which access point a known job belongs to; the numbers are used twice."""
    log = tmp_path / "both.log"
    log.write_text(event(0, 1, 0, "ap1") + event(1, 1, 0, "ap2") + event(2, 2, 0, "ap1"))
    watched = WatchedLogs([log])
    seen = watched.look({})
    append(log, event(3, 1, 12) + event(4, 2, 12))
    watched.look(seen.logs)
    jobs = [job for each in advise(make_timeline(watched.events())) for job in each.jobs]
    assert {(job.access_point, job.job) for job in jobs} == {("ap2", "1.0"), ("ap1", "2.0")}


def test_a_compressed_log_is_watched_too(tmp_path, held):
    """It is read once; the log next to it grows."""
    with gzip.open(tmp_path / "a.log.gz", "wt") as file:
        file.write(held(1))
    log = tmp_path / "b.log"
    log.write_text(held(2))
    watched = WatchedLogs([tmp_path])
    seen = watched.look({})
    append(log, held(3, 20))
    assert watched.look(seen.logs).held
    jobs = [job.job for each in advise(make_timeline(watched.events())) for job in each.jobs]
    assert sorted(jobs) == ["1.0", "2.0", "3.0"]


def test_folders_are_followed_log_by_log(tmp_path, held):
    """A rotation belongs to its log."""
    for name in ("a.log", "EventLog", "EventLog.old"):
        (tmp_path / name).write_text(held(1))
    assert [path.name for path in families([tmp_path])] == ["EventLog", "a.log"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 9}', '{"version": 1, "logs": 3}'])
def test_a_garbled_state_is_refused(tmp_path, text):
    """With what to do; nothing is reported twice in silence."""
    (tmp_path / "state").write_text(text)
    with pytest.raises(FormatError, match="remove the file"):
        load_seen(tmp_path / "state")


def test_a_state_comes_back_as_it_was(tmp_path, held):
    """Positions and reported holds."""
    log = tmp_path / "job.log"
    log.write_text(held(1))
    seen = Seen(WatchedLogs([log]).look({}).logs, frozenset({("ap", "1.0", 1.0)}))
    save_seen(tmp_path / "state", seen)
    assert load_seen(tmp_path / "state") == seen


def test_a_killed_watch_reads_on(tmp_path, held, wait_until):
    """A process that is killed between two holds, and a second one: each hold once."""
    log, state = tmp_path / "job.log", tmp_path / "state"
    log.write_text(held(1))
    words = [sys.executable, "-m", "wingspan", "holds", "watch", str(log), "--state", str(state)]
    words += ["--json", "--interval", "0.1"]

    def run_until(count):
        with (tmp_path / "out").open("a") as out, subprocess.Popen(words, stdout=out) as process:
            wait_until(lambda: len((tmp_path / "out").read_text().splitlines()) >= count)
            wait_until(state.exists)
            process.kill()

    run_until(1)
    append(log, held(2, 20))
    run_until(2)
    lines = (tmp_path / "out").read_text().splitlines()
    assert [json.loads(line)["job"] for line in lines] == ["1.0", "2.0"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_watch_keeps_what_it_reported(tmp_path, held, wait_until, number):
    """The signal comes while holds are printed: the look is finished, and a restart reports none twice."""
    log, state = tmp_path / "job.log", tmp_path / "state"
    log.write_text("".join(held(job) for job in range(1, 400)))
    words = [sys.executable, "-m", "wingspan", "holds", "watch", str(log), "--state", str(state)]
    out = tmp_path / "out"
    with out.open("w") as file, subprocess.Popen([*words, "--json"], stdout=file) as process:
        wait_until(lambda: out.stat().st_size > 0)
        process.send_signal(number)
        assert process.wait(20) == 0
    assert len(out.read_text().splitlines()) == 399
    assert len(load_seen(state).reported) == 399


def test_pipes_and_devices_are_not_watched(tmp_path):
    """They would wait, or be read, without end."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(EventLogError, match="cannot be watched"):
            watch_logs([path], once=True)
    with pytest.raises(EventLogError, match="this is a device"):
        read_events("/dev/zero")
    assert len(read_events("/dev/null")) == 0
