"""`read_events` against HTCondor's own reader, and against every trap of the format."""

import gzip
import os
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from wingspan.errors import EventLogError, NotFoundError, SettingError
from wingspan.eventlog.kernel import ABSENT
from wingspan.eventlog.read import read_events

SUBMIT = "000 (7.000.000) {} Job submitted from host: <10.0.0.1:9618?addrs=x&alias={}&noUDP>\n...\n"
HELD = "012 (7.000.000) {} Job was held.\n\tdisk full on /a/b\n\tCode 12 Subcode 28\n...\n"
RELEASED = "013 (7.000.000) {} Job was released.\n\tvia condor_release (by user alice)\n...\n"
DAY = "2025-11-04 20:29:03"


def write(folder, text, name="log"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def utc(*when, zone="UTC"):
    return datetime(*when, tzinfo=ZoneInfo(zone)).timestamp()


def test_fields_of_a_record(tmp_path):
    """Ids, event number, codes, times and byte extents are those of the text."""
    text = SUBMIT.format(DAY, "ap1") + HELD.format(DAY) + RELEASED.format(DAY)
    events = read_events(write(tmp_path, text), timezone="America/Chicago")
    assert events.code.tolist() == [0, 12, 13]
    assert events.cluster.tolist() == [7] * 3
    assert events.hold_code.tolist() == [ABSENT, 12, ABSENT]
    assert events.hold_subcode[1] == 28
    assert events.time[0] == utc(2025, 11, 4, 20, 29, 3, zone="America/Chicago")
    assert events.access_points == ("ap1",)
    start, length = events.offset[1], events.length[1]
    assert text[start : start + length] == HELD.format(DAY)


def test_columns_cannot_be_changed(tmp_path):
    """Events are shared between stages: writing into a column is refused."""
    events = read_events(write(tmp_path, SUBMIT.format(DAY, "a")))
    with pytest.raises(ValueError, match="read-only"):
        events.code[0] = 5


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("2025-03-01 12:00:00", utc(2025, 3, 1, 12, zone="Europe/Berlin")),
        ("2025-03-01 12:00:00.250", utc(2025, 3, 1, 12, zone="Europe/Berlin") + 0.25),
        ("2025-03-01 12:00:00Z", utc(2025, 3, 1, 12)),
        ("2025-03-01 12:00:00.125Z", utc(2025, 3, 1, 12) + 0.125),
        ("2025-03-01T12:00:00.123456+02:00", utc(2025, 3, 1, 10) + 0.123456),
        ("2025-03-01T12:00:00-0530", utc(2025, 3, 1, 17, 30)),
        ("2025-07-01 12:00:00", utc(2025, 7, 1, 12, zone="Europe/Berlin")),
    ],
)
def test_stamps(tmp_path, stamp, expected):
    """Every form of stamp is read; local time is turned by the zone's rules of that day."""
    events = read_events(write(tmp_path, RELEASED.format(stamp)), timezone="Europe/Berlin")
    assert events.time[0] == pytest.approx(expected, abs=1e-6)


def test_machines_zone_is_the_default(tmp_path, zone):
    """Without a zone, local stamps mean the machine's zone, as HTCondor's reader has it."""
    zone("Asia/Kolkata")
    events = read_events(write(tmp_path, RELEASED.format("2025-07-01 12:00:00")))
    assert events.time[0] == utc(2025, 7, 1, 6, 30)


def test_hour_written_twice(tmp_path):
    """When clocks go back, the file's order tells the second 01:30 from the first."""
    stamps = [
        "2025-11-02 01:10:00",
        "2025-11-02 01:50:00",
        "2025-11-02 01:20:00",
        "2025-11-02 02:10:00",
    ]
    path = write(tmp_path, "".join(map(RELEASED.format, stamps)))
    events = read_events(path, timezone="America/Chicago")
    assert np.diff(events.time).tolist() == [2400, 1800, 3000]


def test_unknown_zone(tmp_path):
    """A zone that does not exist is refused by name."""
    with pytest.raises(SettingError, match="Mars/Olympus"):
        read_events(write(tmp_path, ""), timezone="Mars/Olympus")


def test_years_from_the_files_mtime(tmp_path):
    """Stamps without a year end at the file's mtime and are unwrapped backwards over New Year."""
    path = write(
        tmp_path,
        "".join(map(RELEASED.format, ["12/30 10:00:00", "12/31 23:59:59", "01/01 00:00:01"])),
    )
    os.utime(path, (0, utc(2020, 1, 1, 1)))
    events = read_events(path, timezone="UTC")
    assert events.time.tolist() == [
        utc(2019, 12, 30, 10),
        utc(2019, 12, 31, 23, 59, 59),
        utc(2020, 1, 1, 0, 0, 1),
    ]


def test_years_from_the_rotation_header(tmp_path):
    """Stamps without a year start at the rotation header's ctime, whatever the file's mtime says."""
    ctime = int(utc(2015, 12, 31, 22))
    head = f"008 (-01.-01.-01) 12/31 22:00:00 Global JobLog: ctime={ctime} id=a.1 sequence=3 size=0\n...\n"
    path = write(tmp_path, head + RELEASED.format("02/29 01:00:00"))
    events = read_events(path, timezone="UTC")
    assert events.time.tolist() == [ctime, utc(2016, 2, 29, 1)]
    assert events.files[0].header.sequence == 3
    assert events.cluster[0] == -1


def test_carriage_returns(tmp_path):
    """Logs of Windows machines are read alike."""
    text = (SUBMIT.format(DAY, "w") + HELD.format(DAY)).replace("\n", "\r\n")
    events = read_events(write(tmp_path, text))
    assert events.code.tolist() == [0, 12]
    assert events.hold_code[1] == 12
    assert events.damage == ()


def test_events_of_a_newer_htcondor(tmp_path):
    """Numbers nobody knows yet are kept as they are."""
    events = read_events(write(tmp_path, f"071 (1.2.3) {DAY} New.\n\tA = 1\n...\n"))
    assert (events.code[0], events.proc[0], events.subproc[0]) == (71, 2, 3)


def test_torn_tail_is_remembered(tmp_path):
    """An unfinished last record is no event and no damage: its offset is kept."""
    whole = SUBMIT.format(DAY, "a")
    events = read_events(write(tmp_path, whole + HELD.format(DAY)[:60]))
    assert len(events) == 1
    assert events.damage == ()
    assert events.files[0].tail == len(whole)


def test_separator_at_the_end_without_newline(tmp_path):
    """A last separator line may lack its newline."""
    events = read_events(write(tmp_path, SUBMIT.format(DAY, "a").rstrip("\n")))
    assert len(events) == 1
    assert events.files[0].tail is None


@pytest.mark.parametrize("cut", range(5, 90, 7))
def test_short_write(tmp_path, cut):
    """After a short write the next record goes on in the same line: it is found, the torn one is located."""
    torn = HELD.format(DAY)[:cut]
    text = SUBMIT.format(DAY, "a") + torn + RELEASED.format(DAY)
    events = read_events(write(tmp_path, text))
    assert events.code.tolist() == [0, 13]
    [damage] = events.damage
    assert (damage.offset, damage.length) == (len(SUBMIT.format(DAY, "a")), len(torn))


def test_quoted_header_is_text(tmp_path):
    """An id that is only quoted in a reason does not cut its record."""
    reason = f"\tsee 012 (7.000.000) {DAY} in the other log"
    text = f"009 (8.000.000) {DAY} Job was aborted.\n{reason}\n...\n"
    events = read_events(write(tmp_path, text))
    assert events.code.tolist() == [9]
    assert events.damage == ()


def test_garbage_between_records(tmp_path):
    """What is no record is skipped and located; the records around it are found."""
    good = RELEASED.format(DAY)
    bad = b"\x00\xffhello\nworld\n...\n"
    wrong = f"005 (7.000.000) {DAY} Job terXinated.\n...\n".encode()
    events = read_events(
        write(tmp_path, good.encode() + bad + good.encode() + wrong + good.encode())
    )
    assert events.code.tolist() == [13, 13, 13]
    assert [(each.offset, each.length, each.why) for each in events.damage] == [
        (len(good), len(bad), "no header"),
        (2 * len(good) + len(bad), len(wrong), "body does not fit the event"),
    ]


def test_line_longer_than_any_buffer(tmp_path):
    """A reason of 10 MB is one record; the next one is found."""
    text = HELD.format(DAY).replace("disk full", "x" * 10_000_000) + RELEASED.format(DAY)
    events = read_events(write(tmp_path, text))
    assert events.code.tolist() == [12, 13]
    assert events.hold_code[0] == 12


@pytest.mark.parametrize("kind", ["gz", "zst", "two gzip members"])
def test_compressed(tmp_path, kind):
    """Compressed logs give the same events, with offsets of the decompressed text."""
    text = (SUBMIT.format(DAY, "a") + HELD.format(DAY)).encode()
    if kind == "zst":
        zstandard = pytest.importorskip("zstandard")
        content = zstandard.ZstdCompressor().compress(text)
    else:
        half = len(text) // 2 if kind != "gz" else len(text)
        content = gzip.compress(text[:half]) + (gzip.compress(text[half:]) if kind != "gz" else b"")
    events = read_events(write(tmp_path, content))
    assert events.offset.tolist() == [0, len(SUBMIT.format(DAY, "a"))]
    assert events.files[0].size == len(text)


def test_access_points_are_told_apart(tmp_path):
    """Job 7.0 of two access points is two jobs, also in one concatenated file."""
    one = SUBMIT.format(DAY, "ap1") + HELD.format(DAY)
    two = SUBMIT.format(DAY, "ap2") + RELEASED.format(DAY)
    paths = [write(tmp_path, one, "1"), write(tmp_path, two, "2"), write(tmp_path, one + two, "3")]
    events = read_events(paths)
    names = [events.access_points[index] for index in events.access_point]
    assert names == ["ap1", "ap1", "ap2", "ap2"] * 2
    assert events.file.tolist() == [0, 0, 1, 1, 2, 2, 2, 2]


def test_resubmitted_ids(tmp_path):
    """When the ids of a job are given again by another access point, rows belong to the submit event before them."""
    one, two = SUBMIT.format(DAY, "ap1"), SUBMIT.format(DAY, "ap2")
    held, released = HELD.format(DAY), RELEASED.format(DAY)
    text = one + held + released + two + held + released + one + held
    events = read_events(write(tmp_path, text))
    names = [events.access_points[index] for index in events.access_point]
    assert names == ["ap1"] * 3 + ["ap2"] * 3 + ["ap1"] * 2


def test_missing_file(tmp_path):
    """A log that is not there is an error that names it; so is a folder."""
    with pytest.raises(NotFoundError, match="nowhere"):
        read_events(tmp_path / "nowhere")
    with pytest.raises(EventLogError, match="folder"):
        read_events(tmp_path)


def test_pieces_in_threads(tmp_path):
    """Several threads on one big file give the events of one thread."""
    text = (SUBMIT.format(DAY, "a") + HELD.format(DAY) + RELEASED.format(DAY)) * 60_000
    path = write(tmp_path, text + HELD.format(DAY)[:50])
    one, three = read_events(path), read_events(path, cpus=3)
    assert len(one) == 180_000
    for name in ("code", "time", "offset", "length", "value", "detail", "access_point"):
        assert np.array_equal(getattr(one, name), getattr(three, name))
    assert one.files == three.files


def test_ads_between_classic_records(tmp_path):
    """DAGMan's own events may be JSON or XML in a classic nodes.log: they are events in their place."""
    post = '{\n  "MyType": "PostScriptTerminatedEvent",\n  "EventTypeNumber": 16,\n  "Cluster": 7,\n  "Proc": 0,\n'
    post += '  "EventTime": "2025-11-04T21:00:00",\n  "ReturnValue": 3,\n  "TerminatedNormally": true\n}\n'
    xml = '<c>\n  <a n="EventTypeNumber"><i>9</i></a>\n  <a n="EventTime"><s>2025-11-04T22:00:00</s></a>\n</c>\n'
    text = SUBMIT.format(DAY, "a") + post + HELD.format(DAY) + xml
    events = read_events(write(tmp_path, text), timezone="UTC")
    assert events.code.tolist() == [0, 16, 12, 9]
    assert events.return_value[1] == 3
    assert events.damage == ()
    assert events.files[0].tail is None
    assert np.all(np.diff(events.offset) > 0)


def test_damage_before_and_in_ads_between_classic_records(tmp_path):
    """Noise in front of such an ad, and an ad that ends half-way, are damage; the ads behind and before are events."""
    ad = '{\n  "EventTypeNumber": 16,\n  "EventTime": "2025-11-04T21:00:00",\n  "ReturnValue": 3,\n'
    whole = ad + '  "TerminatedNormally": true\n}\n'
    text = HELD.format(DAY) + "noise\n...\n" + whole + ad + HELD.format(DAY) + "<c>\nand no more\n"
    events = read_events(write(tmp_path, text), timezone="UTC")
    assert events.code.tolist() == [12, 16, 12]
    assert [(each.offset, each.length, each.why) for each in events.damage] == [
        (text.index("noise"), len("noise\n...\n"), "no header"),
        (text.index(whole) + len(whole), len(ad), "torn"),
    ]
    assert events.files[0].tail == text.index("<c>")


def test_noise_right_before_an_ad(tmp_path):
    """A stretch of noise that an ad follows without a separator is found as such, up to the next record."""
    content = b"{ this\n{ is none\n" * 3 + HELD.format(DAY).encode()
    (tmp_path / "log").write_bytes(HELD.format(DAY).encode() + content)
    events = read_events(tmp_path / "log", timezone="UTC")
    assert events.code.tolist() == [12, 12]
    assert sum(each.length for each in events.damage) == content.index(b"012")


@pytest.mark.parametrize("form", ["json", "xml"])
def test_damaged_ads(tmp_path, form):
    """In ad logs too, torn and foreign text is located, and an unfinished last record remembered."""
    good = {
        "json": '{\n  "EventTypeNumber": 13,\n  "EventTime": "2025-11-04T21:00:00Z"\n}\n',
        "xml": '<c>\n<a n="EventTypeNumber"><i>13</i></a>\n<a n="EventTime"><s>2025-11-04T21:00:00Z</s></a>\n</c>\n',
    }[form]
    torn = good[:30].rpartition("\n")[0] + "\n"
    text = good + torn + good + "what is this\nand this\n" + good.replace("13", "x") + good + torn
    events = read_events(write(tmp_path, text))
    assert events.code.tolist() == [13, 13, 13]
    assert events.time[0] == utc(2025, 11, 4, 21)
    assert [each.why for each in events.damage] == [
        "torn",
        "no header",
        "body does not fit the event",
    ]
    assert events.files[0].tail == len(text) - len(torn)


@pytest.mark.parametrize("record", [RELEASED, "013 (1.0.0) {} Job was released.\n...\n"])
def test_threads_give_what_one_does(tmp_path, record):
    """Files shared out to threads give the rows of one thread, also where their records are short beyond what is usual."""
    paths = [
        write(tmp_path, record.format(DAY) * 4000 + HELD.format(DAY) * number, f"log{number}")
        for number in range(5)
    ]
    one, three = read_events(paths), read_events(paths, cpus=3)
    for name in ("code", "file", "offset", "length", "cluster", "time"):
        assert np.array_equal(getattr(one, name), getattr(three, name)), name
    assert len(three) >= 20_010


def test_numbers_of_any_length(tmp_path):
    """Ids and values of one to eighteen digits, signed or not, are read as they are written; longer ones are damage."""
    sizes = [10**digits - 1 for digits in range(1, 19)]
    text = "".join(
        f"006 ({min(size, 2**31 - 1)}.{min(size, 4321)}.-1) {DAY} Image size of job updated: {size}\n...\n"
        for size in sizes
    )
    longer = f"006 (1.000.000) {DAY} Image size of job updated: {10**18}\n...\n"
    events = read_events(write(tmp_path, text + longer))
    assert events.image_size_kb.tolist() == sizes
    assert events.cluster.tolist() == [min(size, 2**31 - 1) for size in sizes]
    assert events.proc.tolist() == [min(size, 4321) for size in sizes]
    assert events.subproc.tolist() == [-1] * 18
    assert [each.offset for each in events.damage] == [len(text)]


@pytest.mark.parametrize("zone", ["UTC", "America/Chicago"])
def test_years_of_stamps_without_one(tmp_path, zone):
    """Stamps over several New Years, leap days among them, get the years before the file's mtime."""
    days = [f"{month:02}/{day:02}" for _ in range(6) for month in range(1, 13) for day in (1, 28)]
    days.insert(2 * 12 * 3 + 4, "02/29")  # of the fourth year
    path = write(tmp_path, "".join(RELEASED.format(f"{day} 12:00:00") for day in days))
    os.utime(path, (utc(2027, 1, 5, zone=zone),) * 2)
    got = read_events(path, timezone=zone).time
    years = np.repeat(np.arange(2021, 2027), 24).tolist()
    years.insert(2 * 12 * 3 + 4, 2024)
    want = [
        utc(year, *map(int, day.split("/")), 12, zone=zone)
        for year, day in zip(years, days, strict=True)
    ]
    assert got.tolist() == want
