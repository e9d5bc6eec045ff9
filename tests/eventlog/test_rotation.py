"""Following a log: every event once, whatever happens to its files; what is missing is told in bytes."""

import pytest

from wingspan.errors import FormatError, NotFoundError
from wingspan.eventlog import read_new as read_new_module
from wingspan.eventlog.positions import load_position, save_position
from wingspan.eventlog.read_new import follow, read_new
from wingspan.eventlog.rotations import rotations_of

DAY = "2025-11-04 20:29:03"


def head(sequence, offset, size=0):
    """The first record of a global log, padded as HTCondor pads it."""
    body = (
        f"Global JobLog: ctime=1762288143 id=1000.7.{sequence} sequence={sequence} size={size} events=0 "
        f"offset={offset} event_off=0 max_rotation=1 creator_name=<>"
    )
    return f"008 (-01.-01.-01) {DAY} {body.ljust(255)}\n...\n"


def records(*clusters):
    submit = "000 ({:03}.000.000) {} Job submitted from host: <10.0.0.1:1?alias=ap>\n...\n"
    return "".join(submit.format(cluster, DAY) for cluster in clusters)


class GlobalLog:
    """A log that rotates as HTCondor's does."""

    def __init__(self, folder):
        self.path, self.sequence, self.offset = folder / "EventLog", 1, 0
        self.path.write_text(head(1, 0))

    def add(self, *clusters):
        with self.path.open("a") as file:
            file.write(records(*clusters))

    def rotate(self):
        text = self.path.read_text()
        text = head(self.sequence, self.offset, len(text)) + text[len(head(1, 0)) :]
        self.path.with_name("EventLog.old").write_text(text)
        self.sequence, self.offset = self.sequence + 1, self.offset + len(text)
        self.path.write_text(head(self.sequence, self.offset))


def clusters(news):
    return [cluster for cluster in news.events.cluster.tolist() if cluster >= 0]


def test_each_event_once(tmp_path):
    """Looks between additions and rotations give every event exactly once, with no gap."""
    log = GlobalLog(tmp_path)
    log.add(1, 2)
    first = read_new(log.path)
    assert clusters(first) == [1, 2]
    log.add(3)
    log.rotate()
    log.add(4)
    second = read_new(log.path, first.position)
    assert clusters(second) == [3, 4]
    assert second.complete
    assert clusters(read_new(log.path, second.position)) == []


def test_two_rotations_between_looks(tmp_path):
    """What rotated away unseen is a gap of so many bytes; what is left is read."""
    log = GlobalLog(tmp_path)
    log.add(1)
    seen = read_new(log.path)
    log.add(2)
    log.rotate()
    log.add(3)
    log.rotate()
    log.add(4)
    news = read_new(log.path, seen.position)
    assert clusters(news) == [3, 4]
    assert [gap.length for gap in news.gaps] == [len(records(2))]


def test_three_rotations_between_looks(tmp_path):
    """A whole file that is gone is counted too."""
    log = GlobalLog(tmp_path)
    log.add(1)
    seen = read_new(log.path)
    for cluster in (2, 3, 4):
        log.add(cluster)
        log.rotate()
    news = read_new(log.path, seen.position)
    assert clusters(news) == [4]
    [gap] = news.gaps
    assert gap.length == 2 * len(records(2)) + len(head(2, 0))
    assert "follows 1" in gap.why


def test_late_writer_of_a_rotated_file(tmp_path):
    """A shadow may still append to the file that was rotated away: that is read as well."""
    log = GlobalLog(tmp_path)
    log.add(1)
    log.rotate()
    seen = read_new(log.path)
    with log.path.with_name("EventLog.old").open("a") as file:
        file.write(records(9))
    assert clusters(read_new(log.path, seen.position)) == [9]


def test_torn_tail_is_read_when_it_is_whole(tmp_path):
    """A record that is being written comes with the look after it was finished."""
    log = tmp_path / "job.log"
    text = records(1, 2)
    log.write_text(text[:-10])
    first = read_new(log)
    assert clusters(first) == [1]
    log.write_text(text)
    assert clusters(read_new(log, first.position)) == [2]


def test_truncated_log(tmp_path):
    """A log that was cut to nothing is read from its start, and that is told."""
    log = tmp_path / "job.log"
    log.write_text(records(*range(1, 40)))
    first = read_new(log)
    log.write_text(records(50))
    news = read_new(log, first.position)
    assert clusters(news) == [50]
    assert [gap.length for gap in news.gaps] == [None]


def test_replaced_and_longer_log(tmp_path):
    """Other content in the same file is noticed although the file is longer than before."""
    log = tmp_path / "job.log"
    log.write_text(records(*range(1, 40)))
    first = read_new(log)
    log.write_text(records(*range(100, 200)))
    news = read_new(log, first.position)
    assert len(clusters(news)) == 100
    assert not news.complete


def test_log_without_header_that_rotates(tmp_path):
    """A user's log that was renamed to .old is known by its inode."""
    log = tmp_path / "job.log"
    log.write_text(records(1))
    first = read_new(log)
    with log.open("a") as file:
        file.write(records(2))
    log.rename(tmp_path / "job.log.old")
    log.write_text(records(3))
    news = read_new(log, first.position)
    assert clusters(news) == [2, 3]
    assert news.complete


def test_a_log_that_is_copied_and_truncated(tmp_path):
    """As by logrotate's copytruncate: the copy is what was read before, and the log begins again."""
    log, copy = tmp_path / "job.log", tmp_path / "job.log.1"
    log.write_text(records(1))
    first = read_new(log)
    copy.write_text(log.read_text() + records(2))
    log.write_text(records(3))
    second = read_new(log, first.position)
    assert clusters(second) == [2, 3]
    assert second.complete
    with log.open("a") as file:
        file.write(records(4))
    third = read_new(log, second.position)
    assert (clusters(third), third.complete) == ([4], True)


def test_order_of_rotations(tmp_path):
    """Numbered rotations are older the higher their number; a plain file goes before its compressed copy."""
    rotated = (
        "EventLog-20260101.gz", "EventLog.20260102T000000", "EventLog.10.gz", "EventLog.2",
        "EventLog.1", "EventLog.old.gz", "EventLog",
    )  # fmt: skip
    others = ("EventLog.lock", "EventLog.1.gz", "EventLog.gz", "EventLog-2", "EventLog.txt.1")
    for name in (*others, *rotated):
        (tmp_path / name).touch()
    assert [path.name for path in rotations_of(tmp_path / "EventLog")] == [*rotated]


def test_rotations_of_a_log_with_an_odd_name(tmp_path):
    """Brackets in a name are no pattern."""
    for name in ("a[1].log", "a[1].log.1"):
        (tmp_path / name).touch()
    assert len(rotations_of(tmp_path / "a[1].log")) == 2


def test_access_point_is_known_after_a_restart(tmp_path):
    """Events behind the submit event keep their access point, also in a later look."""
    log = tmp_path / "job.log"
    log.write_text(records(1))
    position = read_new(log).position
    save_position(tmp_path / "state.json", position)
    with log.open("a") as file:
        file.write(f"009 (001.000.000) {DAY} Job was aborted.\n...\n")
    news = read_new(log, load_position(tmp_path / "state.json"))
    assert news.events.access_points == ("ap",)


def test_follow_goes_on_after_a_crash(tmp_path):
    """The position is kept only after the news were worked on: what was not comes again."""
    log, state = tmp_path / "job.log", tmp_path / "state.json"
    log.write_text(records(1))
    first = follow(log, state, every_s=0)
    assert clusters(next(first)) == [1]
    first.close()  # it died at its work
    again = follow(log, state, every_s=0)
    assert clusters(next(again)) == [1]
    with log.open("a") as file:
        file.write(records(2))
    assert clusters(next(again)) == [2]
    assert next(iter(load_position(state).files.values())).offset == len(records(1))


def test_missing_log_and_foreign_state(tmp_path):
    """A log that is not there, and a state file of something else, are errors that name them."""
    with pytest.raises(NotFoundError, match="EventLog"):
        read_new(tmp_path / "EventLog")
    (tmp_path / "state").write_text("{}")
    with pytest.raises(FormatError, match="state"):
        load_position(tmp_path / "state")


def test_a_rotation_during_the_read(tmp_path, monkeypatch):
    """The log is renamed, and a new one begun, between the look at its name and its reading."""
    log = tmp_path / "EventLog"
    line = "012 (00{}.000.000) 2025-11-04 10:00:0{}Z Job was held.\n\tx\n\tCode 26 Subcode 9\n...\n"
    log.write_text(line.format(1, 1) * 3)
    read, calls = read_new_module.read_pieces, []

    def rotate_first(*given, **more):
        if not calls:
            log.rename(tmp_path / "EventLog.old")
            log.write_text(line.format(2, 2))
        calls.append(1)
        return read(*given, **more)

    monkeypatch.setattr(read_new_module, "read_pieces", rotate_first)
    news = read_new_module.read_new(log)
    assert news.events.cluster.tolist() == [1, 1, 1, 2]

    def remove_first(*given, **more):
        if len(calls) == 2:
            log.rename(tmp_path / "EventLog.old")
        calls.append(1)
        return read(*given, **more)

    monkeypatch.setattr(read_new_module, "read_pieces", remove_first)
    later = read_new_module.read_new(log, news.position)
    assert len(later.events) == 0
