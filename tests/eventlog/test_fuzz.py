"""Mutated logs: no crash, no hang, and every record that was not touched is found where it lies."""

import random
import time

import pytest

from wingspan.eventlog.bodies import read_bodies
from wingspan.eventlog.read import read_events

USAGE = "\t\tUsr 0 00:00:01, Sys 0 00:00:00  -  {} Usage\n"
BODIES = {
    0: "Job submitted from host: <10.0.0.1:9618?addrs=x&alias=ap&noUDP>\n    DAG Node: a\n",
    1: "Job executing on host: <10.0.0.2:9618>\n\tSlotName: slot1_1@h\n\tCpus = 1\n",
    4: "Job was evicted. Code 1007 Subcode 0\n\t(0) CPU times\n"
    + USAGE.format("Run Remote")
    + USAGE.format("Run Local")
    + "\t0  -  Run Bytes Sent By Job\n\t0  -  Run Bytes Received By Job\n",
    5: "Job terminated.\n\t(1) Normal termination (return value 0)\n"
    + "".join(USAGE.format(f"{a} {b}") for a in ("Run", "Total") for b in ("Remote", "Local")),
    6: "Image size of job updated: 4242\n\t3  -  MemoryUsage of job (MB)\n",
    9: "Job was aborted.\n\tvia condor_rm (by user alice)\n",
    12: "Job was held.\n\tTransfer output files failure (errno 2) of 3 (files)\n\tCode 12 Subcode 2\n",
    13: "Job was released.\n\tvia condor_release (by user alice)\n",
    28: 'Job ad information event triggered.\nCluster = 1\nCmd = "/bin/sleep"\n',
    40: "Started transferring input files\n\tTransferring to host: <10.0.0.2:1>\n",
}
LINES = [line + "\n" for body in BODIES.values() for line in body.split("\n")]


def record(chance):
    code = chance.choice(list(BODIES))
    ids = f"{chance.randrange(1, 10 ** chance.randrange(1, 9)):03}.{chance.randrange(1000):03}.000"
    stamp = chance.choice(["2025-11-04 20:29:03", "11/04 20:29:03", "2025-11-04 20:29:03.123Z"])
    return f"{code:03} ({ids}) {stamp} {BODIES[code]}...\n".encode()


def mutate(content, chance):
    """Damage one record in one of the ways that happen, or could."""
    at = chance.randrange(1, len(content))
    match chance.randrange(8):
        case 0:  # a short write
            return content[:at]
        case 1:  # a flipped bit
            flipped = bytearray(content)
            flipped[at] ^= 1 << chance.randrange(8)
            return bytes(flipped)
        case 2:
            return content[:at] + b"\0" * chance.randrange(1, 20) + content[at:]
        case 3:  # lines of another event
            start = content.index(b"\n") + 1
            return content[:start] + chance.choice(LINES).encode() + content[start:]
        case 4:  # a whole other record inside
            return content[:at] + record(chance) + content[at:]
        case 5:
            return content[:at] + chance.randbytes(chance.randrange(200)) + content[at:]
        case 6:
            return b""
        case _:  # two halves of different records
            other = record(chance)
            return content[:at] + other[chance.randrange(len(other)) :]


def mutated_log(seed):
    """Return a log's bytes, and the (offset, length, code) of the records that nobody touched."""
    chance = random.Random(seed)
    parts, untouched, offset = [], [], 0
    for _ in range(chance.randrange(1, 60)):
        part = whole = record(chance)
        if chance.random() < 0.25:
            part = mutate(whole, chance)
        else:
            untouched.append((offset, len(part), int(part[:3])))
        parts.append(part)
        offset += len(part)
    if chance.random() < 0.3:
        parts.append(record(chance)[: chance.randrange(1, 40)])
    return b"".join(parts), untouched


def check(path, content, untouched):
    path.write_bytes(content)
    began = time.process_time()
    events = read_events(path, timezone="UTC")
    found = set(
        zip(events.offset.tolist(), events.length.tolist(), events.code.tolist(), strict=True)
    )
    assert not set(untouched) - found
    read_bodies(events, range(len(events)))
    assert time.process_time() - began < 10
    covered = sum(events.length.tolist()) + sum(each.length for each in events.damage)
    tail = events.files[0].tail
    blank = len(content) - covered - (len(content) - tail if tail is not None else 0)
    assert 0 <= blank <= sum(content.count(mark) for mark in (b"\n", b"\r", b" ", b"\t"))


def test_some_mutated_logs(tmp_path):
    """300 logs with short writes, flipped bits, NULs, foreign lines, records within records and noise."""
    for seed in range(300):
        check(tmp_path / "log", *mutated_log(seed))


@pytest.mark.long
def test_many_mutated_logs(tmp_path):
    """The same on 10,000 logs."""
    for seed in range(300, 10_300):
        check(tmp_path / "log", *mutated_log(seed))


@pytest.mark.parametrize("cut", [0, 1, 5])
def test_long_lines_and_blocks(tmp_path, cut):
    """Records that straddle the reader's blocks, or are longer than them, are found like any other."""
    chance = random.Random(cut)
    content, untouched = b"", []
    for size in (0, 3_000_000, 10_000_000, 0, 1, 2_097_152 - cut):
        extra = (
            record(chance).replace(b"\n", b" " + b"x" * size + b"\n", 1) if size else record(chance)
        )
        whole = (
            f"012 (1.0.0) 2025-11-04 20:29:03 Job was held.\n\t{'y' * size}\n...\n".encode()
            if size
            else extra
        )
        untouched.append((len(content), len(whole), int(whole[:3])))
        content += whole
    check(tmp_path / "log", content, untouched)


def test_bytes_that_are_no_log(tmp_path):
    """Noise of any kind gives no event, no error, and is accounted for."""
    chance = random.Random(7)
    for size in (0, 1, 3, 4, 100, 5_000_000):
        check(tmp_path / "log", chance.randbytes(size), [])
    check(tmp_path / "log", b"...\n" * 1000, [])
    check(tmp_path / "log", b"\n" * 1000, [])
