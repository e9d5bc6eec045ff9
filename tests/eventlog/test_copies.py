"""A log under several names, as copies and compressed, counts once; overlapping logs are reported."""

import gzip
import os

import pytest
from typer.testing import CliRunner

from wingspan.cli.main import app
from wingspan.eventlog.copies import without_copies
from wingspan.eventlog.logs import read_logs

HEADER = (
    "008 (-01.-01.-01) 2026-11-04 10:00:00Z Global JobLog: ctime=1793786400 id=ap.1.1 sequence=1 "
    "size={} events=0 offset=0 event_off=0 max_rotation=1 creator_name=<>"
)


def record(job, number, body="Job was held.\n\tno words\n\tCode 26 Subcode 9"):
    return f"{number:03} ({job:03}.000.000) 2026-11-04 10:{job % 60:02}:00Z {body}\n...\n"


def log(*jobs):
    """Holds in a log that begins in the middle, so that no submission names its access point."""
    return "".join(record(job, 12) for job in jobs)


def packed(text):
    return gzip.compress(text.encode())


@pytest.mark.parametrize(
    "files",
    [
        {"x.log": log(*range(30)), "x.log.gz": packed(log(*range(30)))},
        {"x.log": log(*range(30)), "y.txt.bak": log(*range(30))},
        {"early.log": log(*range(20)), "x.log": log(*range(30))},
        {"early.log": log(*range(20)), "x.log.gz": packed(log(*range(30)))},
        {"early.log.gz": packed(log(*range(20))), "x.log": log(*range(30))},
        {"a.gz": packed(log(*range(30))), "b.gz": packed(log(*range(30)))},
        {"a": log(1), "b": log(1), "x.log": log(*range(2, 31))},
        {
            "EventLog": f"{HEADER.format(0):<400}\n...\n" + log(*range(30)),
            "EventLog.old": f"{HEADER.format(9):<400}\n...\n" + log(*range(29)),
        },
    ],
)
def test_a_log_with_copies_counts_once(tmp_path, files):
    """Compressed, with another name, made while the log was shorter, or before its header was completed."""
    for name, content in files.items():
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    events = read_logs([tmp_path])
    assert int((events.code == 12).sum()) == 30
    assert sum(len(file.copies) for file in events.files) == 1
    result = CliRunner().invoke(app, ["holds", "advise", *map(str, sorted(tmp_path.iterdir()))])
    assert result.output.count("30 jobs held") == 1, result.output
    assert "not read, all events are in" in " ".join(result.stderr.split())


def test_links_are_the_same_file(tmp_path):
    """Symbolic links, hard links and other spellings of a path are no copies to report."""
    (tmp_path / "x.log").write_text(log(1))
    (tmp_path / "symbolic").symlink_to(tmp_path / "x.log")
    os.link(tmp_path / "x.log", tmp_path / "hard")
    names = [tmp_path / name for name in ("x.log", "symbolic", "hard", ".")]
    names[3] = names[3] / "x.log"
    assert without_copies(names) == {tmp_path / "x.log": ()}


def test_logs_with_one_beginning_are_both_read(tmp_path):
    """They differ later, also where only one of them is compressed."""
    (tmp_path / "x.log").write_text(log(*range(30), 40))
    (tmp_path / "y.gz").write_bytes(packed(log(*range(30), 41)))
    assert [file.copies for file in read_logs([tmp_path]).files] == [(), ()]


def test_overlapping_logs_are_reported(tmp_path):
    """A job's own log and the access point's log have the same events; the summary counts each once."""
    submits = "".join(
        record(job, 0, "Job submitted from host: <10.0.0.1:9618?alias=ap>") for job in (1, 2)
    )
    (tmp_path / "EventLog").write_text(submits + log(1, 2))
    (tmp_path / "job.log").write_text(submits.partition("...\n")[0] + "...\n" + log(1))
    result = CliRunner().invoke(app, ["events", "summary", str(tmp_path)])
    assert "4 events of 2 jobs in 2 files" in result.output
    assert "2 events of several of these logs counted once" in result.output
