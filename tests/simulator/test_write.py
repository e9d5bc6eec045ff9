"""Events are written as HTCondor writes them, and as its own reader reads them."""

import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from wingspan.simulator import write
from wingspan.simulator.write import StampFormat, Transferred, Usage, stamp_writer

SHARED = Path(os.environ.get("WINGSPAN_SHARED", Path(__file__).parents[2] / "../shared"))
JOB = write.job_id(21, 3)
WHEN = "2026-05-01 12:00:00"
HOST = "<127.0.0.1:35635?addrs=127.0.0.1-35635&alias=vm&noUDP&sock=startd_6308_5780>"
USAGE = (
    Usage("Cpus", "0.01", "1", "1"),
    Usage("Disk (KB)", "16", "20480", "20480"),
    Usage("GPUs", "", "", "0"),
    Usage("Memory (MB)", "9", "64", "128"),
    Usage("TimeExecute (s)", "2"),
)
ALL = {
    0: write.submitted(JOB, WHEN, HOST, notes=['[ JobBatchName = "ok" ]', "DAG Node: a"]),
    1: write.executing(JOB, WHEN, HOST, "slot1_1@vm", {"Cpus": "1", "Memory": "128"}),
    2: write.not_executable(JOB, WHEN),
    4: write.evicted(JOB, WHEN, code=1010, reason="Claim vacated", usage=USAGE),
    5: write.terminated(JOB, WHEN, return_value=3, moved=Transferred(7, 1, 5, 6), usage=USAGE),
    6: write.image_size(JOB, WHEN, 14088, 9, 8852),
    7: write.shadow_exception(JOB, WHEN, "Error from slot1_1@vm: it broke", 1, 2),
    8: write.generic(JOB, WHEN, "some words"),
    9: write.aborted(JOB, WHEN, "via condor_rm (by user u1)"),
    10: write.suspended(JOB, WHEN, 2),
    11: write.unsuspended(JOB, WHEN),
    12: write.held(JOB, WHEN, "memory usage exceeded request_memory", 21, 102),
    13: write.released(JOB, WHEN, "via condor_release (by user u1)"),
    16: write.post_script_terminated(JOB, WHEN, 0, "a"),
    21: write.remote_error(JOB, WHEN, "slot1_1@vm", "STARTER at 1.2.3.4 failed", 13, 2),
    22: write.disconnected(JOB, WHEN, "Socket closed unexpectedly", "slot1_1@vm", HOST),
    23: write.reconnected(JOB, WHEN, "slot1_1@vm", HOST, HOST),
    24: write.reconnect_failed(JOB, WHEN, "Job not found at execution machine", "slot1_1@vm"),
    28: write.job_ad_information(JOB, WHEN, {"JobStatus": "2", "Owner": '"u1"'}),
    33: write.attribute_changed(JOB, WHEN, "RequestMemory", "2048", "4096"),
    35: write.cluster_submitted(write.job_id(22, -1), WHEN, HOST),
    36: write.cluster_removed(write.job_id(22, -1), WHEN, 5, 0),
    40: write.transfer(JOB, WHEN, "Started transferring input files", queued_s=4, to=HOST),
}


def read(path, text):
    """Return the events that HTCondor's reader finds; a bad one would raise."""
    htcondor2 = pytest.importorskip("htcondor2")
    path.write_text(text)
    return list(htcondor2.JobEventLog(str(path)).events(stop_after=0))


def test_each_event_is_read_by_htcondor(tmp_path):
    """HTCondor's own reader finds all events, each with its number and its job."""
    events = read(tmp_path / "log", "".join(ALL.values()))
    assert [int(event.type) for event in events] == list(ALL)
    assert {(event.cluster, event.proc) for event in events} == {(21, 3), (22, -1)}


def test_htcondor_reads_the_values_that_were_written(tmp_path):
    """Fields come back as they went in."""
    events = {int(event.type): event for event in read(tmp_path / "log", "".join(ALL.values()))}
    assert events[12]["HoldReasonCode"] == 21
    assert events[12]["HoldReasonSubCode"] == 102
    assert events[12]["HoldReason"] == "memory usage exceeded request_memory"
    assert events[5]["ReturnValue"] == 3
    assert events[5]["SentBytes"] == 5
    assert events[5]["MemoryUsage"] == 9
    assert events[5]["RequestDisk"] == 20480
    assert events[6]["MemoryUsage"] == 9
    assert events[6]["ResidentSetSize"] == 8852
    assert events[13]["Reason"] == "via condor_release (by user u1)"
    assert events[33]["Attribute"] == "RequestMemory"
    assert events[1]["SlotName"] == "slot1_1@vm"


@pytest.mark.parametrize("iso", [True, False])
@pytest.mark.parametrize("utc", [True, False])
@pytest.mark.parametrize("sub_second", [True, False])
def test_stamps_are_read_back(tmp_path, iso, utc, sub_second):
    """In every format of stamps HTCondor reads the second that was written."""
    style = StampFormat(iso=iso, utc=utc, sub_second=sub_second, zone="UTC")
    now = datetime.now(UTC).replace(month=6, microsecond=0).timestamp() + 0.789
    when = stamp_writer(style)(now)
    assert when.endswith("Z") == utc
    assert (".789" in when) == sub_second
    (event,) = read(tmp_path / "log", write.unsuspended(JOB, when))
    written = datetime.fromtimestamp(int(now), UTC).strftime("%Y-%m-%dT%H:%M:%S")
    assert event["EventTime"].startswith(written)


def test_local_stamps_follow_the_zone():
    """Local time is that of the access point, with its summer time."""
    stamp = stamp_writer(StampFormat(zone="America/Chicago"))
    winter = datetime(2026, 1, 5, 12, 0, 1, tzinfo=UTC).timestamp()
    summer = datetime(2026, 7, 5, 12, 59, 59, tzinfo=UTC).timestamp()
    assert stamp(winter) == "2026-01-05 06:00:01"
    assert stamp(summer) == "2026-07-05 07:59:59"
    assert stamp_writer(StampFormat(iso=False))(winter) == "01/05 12:00:01"


def test_rotation_header_has_a_fixed_length(tmp_path):
    """The header's body takes 256 bytes, so that the writer can put in size and events afterwards."""
    live = write.rotation_header(WHEN, ctime=1795231230, log_id="1000.1.2")
    full = write.rotation_header(WHEN, ctime=1795231230, log_id="1000.1.2", size=10**9, events=7)
    assert len(live) == len(full) == len(f"008 (-01.-01.-01) {WHEN} ") + 256 + len("\n...\n")
    (event,) = read(tmp_path / "log", full)
    assert "size=1000000000 events=7" in event["Info"]


def test_usage_table_is_aligned_at_the_point():
    """Fractions stand behind the column of whole numbers, as in a real log."""
    assert write.usage_table(USAGE) == (
        "\tPartitionable Resources :    Usage  Request Allocated \n"
        "\t   Cpus                 :     0.01        1         1 \n"
        "\t   Disk (KB)            :    16       20480     20480 \n"
        "\t   GPUs                 :                           0 \n"
        "\t   Memory (MB)          :     9          64       128 \n"
        "\t   TimeExecute (s)      :     2                       \n"
    )


def test_usage_table_grows_with_its_values():
    """Wide values widen their column, and what is assigned stands at the end, as in a real log."""
    rows = (
        Usage("Cpus", "0.54", "8", "8"),
        Usage("Disk (KB)", "56375214", "104857600", "104859341"),
        Usage("GPUs", "", "4", "4", '"GPU-69e85ca1,GPU-1a960904"'),
    )
    assert write.usage_table(rows) == (
        "\tPartitionable Resources :       Usage   Request Allocated Assigned\n"
        "\t   Cpus                 :        0.54         8         8 \n"
        "\t   Disk (KB)            : 56375214    104857600 104859341 \n"
        '\t   GPUs                 :                     4         4 "GPU-69e85ca1,GPU-1a960904"\n'
    )


def test_termination_by_signal(tmp_path):
    """A job that a signal ended is read as such."""
    text = write.terminated(JOB, WHEN, return_value=None, signal=11)
    (event,) = read(tmp_path / "log", text)
    assert event["TerminatedNormally"] is False
    assert event["TerminatedBySignal"] == 11


# Every real record of these kinds is taken apart and written again. group names: arguments
PATTERNS = {
    "held": r"012 \((?P<job>\S+)\) (?P<when>.+?) Job was held\.\n\t(?P<reason>.*)\n"
    r"\tCode (?P<code>\d+) Subcode (?P<subcode>-?\d+)",
    "released": r"013 \((?P<job>\S+)\) (?P<when>.+?) Job was released\.(?:\n\t(?P<reason>.*))?",
    "aborted": r"009 \((?P<job>\S+)\) (?P<when>.+?) Job was aborted\.(?:\n\t(?P<reason>.*))?",
    "image_size": r"006 \((?P<job>\S+)\) (?P<when>.+?) Image size of job updated: (?P<image_kb>\d+)\n"
    r"\t(?P<memory_mb>\d+)  -  Mem.*\n\t(?P<resident_kb>\d+)  -  Res.*",
    "remote_error": r"021 \((?P<job>\S+)\) (?P<when>.+?) Error from starter on (?P<slot>.*):\n\t(?P<text>.*)\n"
    r"\tCode (?P<code>\d+) Subcode (?P<subcode>\d+)",
    "disconnected": r"022 \((?P<job>\S+)\) (?P<when>.+?) Job disconnected, .*\n    (?P<reason>.*)\n"
    r"    Trying to reconnect to (?P<slot>\S+) (?P<host>.*)",
    "reconnect_failed": r"024 \((?P<job>\S+)\) (?P<when>.+?) Job reconnection failed\n    (?P<reason>.*)\n"
    r"    Can not reconnect to (?P<slot>\S+), .*",
    "suspended": r"010 \((?P<job>\S+)\) (?P<when>.+?) Job was .*\n\tNumber .*: (?P<processes>\d+)",
    "unsuspended": r"011 \((?P<job>\S+)\) (?P<when>.+?) Job was unsuspended\.",
    "cluster_removed": r"036 \((?P<job>\S+)\) (?P<when>.+?) Cluster removed\n\tMaterialized (?P<jobs>\d+) jobs "
    r"from (?P<items>\d+) items\.\t(?P<state>\S+)",
    "transfer": r"040 \((?P<job>\S+)\) (?P<when>.+?) (?P<what>[A-Z][a-z]+ transferring .* files)"
    r"(?:\n\tSeconds spent in queue: (?P<queued_s>\d+))?(?:\n\tTransferring to host: (?P<to>.*))?",
}
ROW = re.compile(r"\t   (.{20,}?) : (.{8}) (.{8}) (.{9}) (.*)\n")
TABLED = re.compile(
    r"00(?P<number>[45]) \((?P<job>\S+)\) (?P<when>.+?) Job (?:was )?\w+\.(?: Code (?P<code>\d+) Subcode (?P<subcode>\d+))?\n"
    r"(?P<body>(?:\t.*\n)+?)(?P<table>\tPartitionable Resources :    Usage  Request Allocated \n(?:\t   .*\n)*)"
)


def real_records():
    if not (SHARED / "data/eventlogs/pool").is_dir():
        pytest.skip("the real event logs are not beside this checkout")
    for folder in ("classic", "iso_date", "utc_iso_subsec"):
        text = (SHARED / f"data/eventlogs/pool/{folder}/EventLog").read_text()
        yield from (record + "\n...\n" for record in text.split("\n...\n") if record)


def test_real_records_are_written_again_byte_for_byte():
    """Taking a real record apart and writing it again gives the same bytes, for every kind tried."""
    seen = dict.fromkeys(PATTERNS, 0)
    for record in real_records():
        for name, pattern in PATTERNS.items():
            if found := re.fullmatch(pattern + r"\n\.\.\.\n", record):
                values = {
                    key: value for key, value in found.groupdict().items() if value is not None
                }
                assert getattr(write, name)(**values) == record
                seen[name] += 1
    assert min(seen.values()) > 2, seen


def test_real_tables_are_written_again_byte_for_byte():
    """The tables of resources of real evictions and terminations come out with the same bytes."""
    seen = 0
    for record in real_records():
        if found := TABLED.match(record):
            rows = [
                Usage(row[0].rstrip(), row[1].strip(), row[2].strip(), row[3].strip(), row[4])
                for row in ROW.findall(found["table"])
            ]
            assert write.usage_table(rows) == found["table"]
            seen += 1
    assert seen > 500


def test_real_terminations_are_written_again_byte_for_byte():
    """A real termination is rebuilt whole from its numbers."""
    seen = 0
    for record in real_records():
        numbers = re.search(
            r"return value (\d+)\)\n(?:.*\n){4}\t(\d+)  -  .*\n\t(\d+)  -  .*\n\t(\d+)  -  .*\n\t(\d+)",
            record,
        )
        found = TABLED.match(record)
        if record.startswith("005") and found and numbers and "Usr 0 00:00:00, Sys 0" in record:
            value, *moved = map(int, numbers.groups())
            again = write.terminated(
                found["job"],
                found["when"],
                return_value=value,
                moved=Transferred(0, 0, moved[0], moved[1], 0, 0, moved[2], moved[3]),
            )
            assert again.removesuffix("...\n") + found["table"] + "...\n" == record
            seen += 1
    assert seen > 100
