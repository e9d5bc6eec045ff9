"""A record can be read while it grows and after a crash."""

import subprocess
import sys

from wingspan.tracking import record

WRITER = """
import sys
from pathlib import Path
from wingspan.tracking import record
for i in range(200):
    record.append(Path(sys.argv[1]), {"who": sys.argv[2], "i": i, "pad": "x" * 300})
"""


def test_entries_come_back_in_order(tmp_path):
    """What was appended is read, oldest first; no file is no entries."""
    path = tmp_path / "r.jsonl"
    assert list(record.read(path)) == []
    record.append(path, {"a": 1})
    record.append(path, {"b": "ü\n"})
    assert list(record.read(path)) == [{"a": 1}, {"b": "ü\n"}]


def test_a_torn_line_is_passed_over(tmp_path):
    """A crash in the middle of a write loses that line only."""
    path = tmp_path / "r.jsonl"
    record.append(path, {"a": 1})
    with path.open("ab") as file:
        file.write(b'{"b": 2')
    assert list(record.read(path)) == [{"a": 1}]


def test_two_processes_append_whole_lines(tmp_path):
    """Concurrent writers never mix their lines."""
    path = tmp_path / "r.jsonl"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), who]) for who in "ab"]
    assert [writer.wait() for writer in writers] == [0, 0]
    entries = list(record.read(path))
    assert len(entries) == 400
    assert [e["i"] for e in entries if e["who"] == "a"] == list(range(200))


def test_a_record_is_read_on_from_where_one_was(tmp_path):
    """Only what is new, each entry once; half a line waits for its other half."""
    path = tmp_path / "r.jsonl"
    assert record.read_new(path, 0) == ([], 0)
    record.append(path, {"a": 1})
    entries, offset = record.read_new(path, 0)
    assert entries == [{"a": 1}]
    with path.open("ab") as file:
        file.write(b'{"b":')
    assert record.read_new(path, offset) == ([], offset)
    with path.open("ab") as file:
        file.write(b" 2}\n")
    assert record.read_new(path, offset)[0] == [{"b": 2}]
