"""What a user may name: logs, folders, Parquet; anything else is refused with what was expected."""

import gc
import gzip
import os
import tempfile
import threading
import tracemalloc
import warnings
from contextlib import nullcontext
from pathlib import Path

import pytest

from wingspan.cli.logs import read
from wingspan.errors import EventLogError, NotFoundError
from wingspan.eventlog import sources
from wingspan.eventlog.bodies import read_bodies
from wingspan.eventlog.logs import read_logs, sort_folder
from wingspan.eventlog.parquet import write_parquet
from wingspan.eventlog.read import read_events

RECORD = "009 (00{}.000.000) 2025-11-04 12:00:00Z Job was aborted.\n...\n"
XML = '<?xml version="1.0"?>\n<!DOCTYPE classads SYSTEM "classads.dtd">\n<classads>\n'


@pytest.mark.parametrize(
    "content",
    [
        "import os\nprint(1)\n",
        "<html></html>\n",
        '{"a": 1}\n',
        "\x7fELF\0\0",
        "a,b\n1,2\n",
        "...\n",
    ],
)
def test_a_file_without_any_record_is_refused(tmp_path, content):
    """A program, a page, other JSON, a binary, a table: what was expected and what was found is told."""
    path = tmp_path / "some"
    path.write_text(content)
    with pytest.raises(EventLogError, match=r"classic, XML or JSON.*\n  -> give the log that HTC"):
        read_logs([path])
    compressed = tmp_path / "some.gz"
    compressed.write_bytes(gzip.compress(content.encode()))
    with pytest.raises(EventLogError, match=r"some\.gz"):
        read_logs([compressed])


@pytest.mark.parametrize(
    "content", ["", "0", "009 (00", RECORD.format(1)[:40], "{\n", XML, "<?xml ver"]
)
def test_a_log_that_has_just_begun_is_one(tmp_path, content):
    """Nothing yet, and the beginning of a first record, are logs without an event."""
    (tmp_path / "log").write_text(content)
    assert len(read_logs([tmp_path / "log"])) == 0


def test_a_file_among_others_is_refused_by_name(tmp_path):
    """Logs beside it do not hide it; a log that is damaged but has a record is read."""
    (tmp_path / "good").write_text(RECORD.format(1))
    (tmp_path / "damaged").write_text("what is this\n" + RECORD.format(2))
    (tmp_path / "pipe.py").write_text("import os\n")
    assert len(read_logs([tmp_path / "good", tmp_path / "damaged"])) == 2
    with pytest.raises(EventLogError, match=r"pipe\.py"):
        read_logs([tmp_path / "good", tmp_path / "pipe.py"])


def test_folders_and_parts_are_read(tmp_path):
    """Of a folder, at any depth, the job event logs; a folder of Parquet parts is one table; neither is told."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/one.log").write_text(RECORD.format(1))
    (tmp_path / "EventLog").write_text(RECORD.format(2))
    (tmp_path / "daemon.log").write_text("11/04/25 12:00:00 started\n")
    events = read_logs([tmp_path])
    assert sorted(events.cluster.tolist()) == [1, 2]
    part = write_parquet(events, tmp_path / "parts")
    assert part.parent == tmp_path / "parts"
    (tmp_path / "three").write_text(RECORD.format(3))
    assert len(read_logs([tmp_path / "parts", tmp_path / "three"])) == 3
    (tmp_path / "empty").mkdir()
    with pytest.raises(EventLogError, match=r"no job event log is in this folder\n  -> give the f"):
        read_logs([tmp_path / "empty"])
    with pytest.raises(NotFoundError, match="no such file"):
        read_logs([tmp_path / "none"])


def test_read_events_names_what_reads_folders(tmp_path):
    """The library's reader of single files says so."""
    with pytest.raises(EventLogError, match="read_logs"):
        read_events([tmp_path])


def test_a_log_counts_once_however_it_is_named(tmp_path, monkeypatch):
    """A path given twice, in another spelling, by a link, or by its folder too is one log."""
    (tmp_path / "one.log").write_text(RECORD.format(1))
    (tmp_path / "link").symlink_to(tmp_path / "one.log")
    monkeypatch.chdir(tmp_path)
    names = ["one.log", tmp_path / "one.log", "./one.log", "link", tmp_path]
    assert len(read_logs(names)) == 1


def test_folders_are_read_by_content(tmp_path, capsys):
    """Rotations and logs with any name are read; what is not a log is named with a count, also texts that quote a log."""
    for number, name in enumerate(("job.log.1", "EventLog.old", "x.log.txt", "dag.nodes"), 1):
        (tmp_path / name).write_text(RECORD.format(number))
    (tmp_path / "README.md").write_text("A log:\n\n" + RECORD.format(9))
    (tmp_path / "job.out").write_text("")
    assert sorted(read([tmp_path]).cluster.tolist()) == [1, 2, 3, 4]
    said = capsys.readouterr().err
    assert "2 files are not event logs and not read: README.md, job.out" in said


def test_an_unreadable_file_is_one_line(tmp_path):
    """A file that the system does not give is an error with its path; in a folder it is one of the others."""
    unreadable = Path("/proc/self/mem")
    if not unreadable.exists():
        pytest.skip("this system has no file that cannot be read by root")
    with pytest.raises(EventLogError, match="it cannot be read"):
        read_logs([unreadable])
    (tmp_path / "a.log").write_text(RECORD.format(1))
    (tmp_path / "b.log").symlink_to(unreadable)
    assert len(read_logs([tmp_path])) == 1


def test_a_pipe_is_read_as_a_file_is(tmp_path):
    """`zcat log | wingspan events summary /dev/stdin`: events, and bodies that are read later."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    text = "".join(RECORD.format(n) for n in range(1, 5))
    writer = threading.Thread(target=pipe.write_text, args=[text])
    writer.start()
    events = read_logs([pipe])
    writer.join()
    assert events.cluster.tolist() == [1, 2, 3, 4]
    assert events.files[0].size == len(text)
    assert read_bodies(events, [3]) == [{}]


def test_a_record_far_into_a_compressed_log_costs_little_memory(tmp_path):
    """What stands before a record is inflated and forgotten, not held."""
    log = tmp_path / "log.gz"
    record = RECORD.format(1).encode()
    log.write_bytes(gzip.compress(record + b"\n" * 30_000_000 + record))
    events = read_events(log)
    tracemalloc.start()
    try:
        assert read_bodies(events, [1]) == [{}]
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


def test_hidden_folders_are_not_searched(tmp_path, capsys):
    """They are named with their number; a hidden folder that the user names is read."""
    for name in ("job.log", ".git/job.log", "deep/.cache/x/job.log", ".job.log.swp"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(RECORD.format(1))
    read([tmp_path])
    said = capsys.readouterr().err
    assert "3 hidden paths are not searched: .git, .job.log.swp, deep/.cache" in said
    assert [file.path for file in read_logs([tmp_path]).files] == [tmp_path / "job.log"]
    assert len(read_logs([tmp_path / ".git"])) == len(read_logs([tmp_path / "job.log"]))


def test_files_that_have_not_changed_are_not_read_again(tmp_path):
    """For a watch of a folder: a log that grew stays one, a file that was written again is looked at."""
    log, other = tmp_path / "job.log", tmp_path / "notes.txt"
    log.write_text(RECORD.format(1))
    other.write_text("notes")
    looked = {}
    assert sort_folder(tmp_path, looked).logs == [log]
    log.write_text(RECORD.format(1) + "x" * 2000)
    assert sort_folder(tmp_path, looked).logs == [log]
    other.write_text(RECORD.format(1))
    assert sort_folder(tmp_path, looked).logs == [log, other]
    log.write_text("notes")
    assert sort_folder(tmp_path, looked).logs == [other]


@pytest.mark.parametrize("cpus", [1, 2])
def test_a_compressed_log_is_decompressed_once(tmp_path, cpus):
    """What is read later comes from the copy, which goes with the events."""
    log = tmp_path / "job.log.gz"
    log.write_bytes(gzip.compress(RECORD.format(1).encode()))
    plain = tmp_path / "job.log"
    plain.write_text(RECORD.format(1))
    expected = read_bodies(read_events(plain), [0])
    events = read_events(log, cpus=cpus)
    log.unlink()
    assert read_bodies(events, [0]) == expected
    copy = events.files[0].source
    assert copy.exists()
    assert events.files[0].path == log
    del events
    assert not copy.exists()


def test_a_copy_is_closed_where_events_are_in_a_cycle(tmp_path):
    """The collector may end the file before its owner; no warning comes of it."""
    log = tmp_path / "job.log.gz"
    log.write_bytes(gzip.compress(RECORD.format(1).encode()))
    ring = [read_events(log)]
    copy = ring[0].files[0].source
    ring.append(ring)
    del ring
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gc.collect()
    assert not copy.exists()


@pytest.mark.parametrize("fault", [KeyboardInterrupt, OSError])
def test_a_copy_that_is_not_made_whole_goes(tmp_path, monkeypatch, fault):
    """Ctrl+C passes on; without room the log is read as it is."""
    log = tmp_path / "job.log.gz"
    log.write_bytes(gzip.compress(RECORD.format(1).encode()))
    copies = tmp_path / "copies"
    copies.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(copies))

    def failed(self, buffer):
        raise fault

    monkeypatch.setattr(sources._Inflating, "readinto", failed)
    with pytest.raises(KeyboardInterrupt) if fault is KeyboardInterrupt else nullcontext():
        assert sources.decompressed(log) is None
    assert not list(copies.iterdir())


def test_a_compressed_log_is_read_without_room_for_a_copy(tmp_path, monkeypatch):
    """It is decompressed at each use."""
    log = tmp_path / "job.log.gz"
    log.write_bytes(gzip.compress(RECORD.format(1).encode()))
    monkeypatch.setattr(sources, "_ROOM", 1 << 62)
    events = read_events(log)
    assert events.files[0].copy is None
    assert read_bodies(events, [0])
