"""What stands behind a hold's record does not change one bit of what is known at it."""

import os

import numpy as np
import pytest

from wingspan.advisor.holds.episodes import find_episodes
from wingspan.advisor.holds.moments import at_holds
from wingspan.advisor.holds.timeline import make_timeline
from wingspan.advisor.samples.features import make_features
from wingspan.advisor.samples.tensors import Layout, make_tensors
from wingspan.eventlog.read import read_events

CODES = (0, 1, 1, 4, 5, 6, 6, 7, 9, 12, 12, 12, 13, 22, 33, 40, 46, 47)
REASONS = ("no disk on 10.1.1.1", "STARTER at slot1@a failed to send", "quota exceeded")


def known_at(path, offset):
    """Return features and tensors of the holds that begin at `offset` or before."""
    timeline = make_timeline(read_events(path))
    episodes = find_episodes(timeline)
    chosen = at_holds(episodes).part(0, int((episodes.offset <= offset).sum()))
    parts = [make_features(timeline, episodes, chosen).values.tobytes()]
    for layout in (Layout(m=6, j=5, e=12), Layout(m=4, j=3, e=20, frame_s=60.0)):
        made = make_tensors(timeline, chosen, layout)
        parts += [made.counts.tobytes(), made.mask.tobytes(), made.job.tobytes()]
    return [len(chosen), *parts]


def made_up_log(event, draw, count=250):
    times = np.sort(draw.integers(0, 5000, count)) + draw.integers(-3, 3, count)
    records = []
    for second in times.tolist():
        code, cluster, proc = draw.choice(CODES), draw.integers(1, 5), draw.integers(0, 4)
        details = {1: [f"h{draw.integers(3)}"], 5: [draw.integers(2)], 6: [draw.integers(1, 999)]}
        held = [draw.choice([1, 12, 13, 34]), draw.choice(REASONS), draw.integers(3)]
        told = details.get(int(code), held if code == 12 else [])
        records.append(event(second, int(cluster), int(code), *told, proc=int(proc)))
    return [record.encode() for record in records]


def mutate(event, draw, suffix):
    """Return other bytes in place of those behind the hold."""
    kind = draw.integers(6)
    records = b"".join(suffix)
    if kind == 0:
        return b""
    if kind == 1:
        return records[: draw.integers(0, len(records) + 1)]
    if kind == 2:
        return records + b"".join(made_up_log(event, draw, 30))
    if kind == 3:
        return b"".join(suffix[place] for place in draw.permutation(len(suffix)))
    if kind == 4:
        return event(0, 1, 9).encode() + event(9, 77, 0, "elsewhere").encode() + records
    altered = bytearray(records)
    for place in draw.integers(0, max(len(altered), 1), 40 if altered else 0).tolist():
        altered[place] = int(draw.integers(9, 127))
    return bytes(altered)


def check(event, tmp_path, records, draw, rounds):
    """Mutate what stands behind a hold; return how many were tried."""
    path = tmp_path / "log"
    holds = [number for number, record in enumerate(records) if record.startswith(b"012")]
    tried = 0
    for hold in draw.choice(holds, max(rounds // 12, 1)).tolist():
        prefix = b"".join(records[: hold + 1])
        offset = len(prefix) - len(records[hold])
        path.write_bytes(b"".join(records))
        before = path.stat()
        expected = known_at(path, offset)
        for _ in range(12):
            path.write_bytes(prefix + mutate(event, draw, records[hold + 1 :]))
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
            assert known_at(path, offset) == expected, f"round {tried}"
            tried += 1
    return tried


def test_mutations(event, tmp_path):
    """Sixty changes behind a hold's record leave features and tensors as they are, bit for bit."""
    draw = np.random.default_rng(1)
    assert check(event, tmp_path, made_up_log(event, draw), draw, 60) == 60


@pytest.mark.long
def test_a_thousand_mutations(event, tmp_path):
    """A thousand changes, over ten logs, leave features and tensors as they are, bit for bit."""
    tried = 0
    for seed in range(10):
        draw = np.random.default_rng(100 + seed)
        tried += check(event, tmp_path, made_up_log(event, draw), draw, 108)
    assert tried >= 1000


def test_real_log(event, tmp_path, real_timeline):
    """The same on the real logs with the most holds."""
    events = real_timeline.events
    counts = np.bincount(events.file[events.code == 12], minlength=len(events.files))
    draw = np.random.default_rng(2)
    chosen = [events.files[place] for place in np.argsort(counts)[::-1][:3].tolist()]
    for file in chosen:
        content = file.path.read_bytes().split(b"...\n")
        records = [record + b"...\n" for record in content if record.strip()]
        assert check(event, tmp_path, records, draw, 12) == 12


def test_other_logs_count_by_their_clock(write, event):
    """Of another log only what it told before counts; what it tells later changes nothing."""
    own = event(0, 1, 1, "a") + event(100, 1, 12)
    before, after = event(50, 9, 1, "a"), event(101, 9, 12)
    names = ("one", "two")

    def known(*texts):
        timeline = write(*texts, names=names)
        episodes = find_episodes(timeline)
        return make_features(timeline, episodes, at_holds(episodes).part(0, 1))

    base = known(own, before)
    assert base.values.tobytes() == known(own, before + after).values.tobytes()
    assert base.column("host_jobs")[0] == 2


def test_the_check_can_fail(event, tmp_path):
    """A change before the hold is seen, so that equality means something."""
    path = tmp_path / "log"
    base = event(0, 1, 1) + event(50, 2, 12) + event(100, 1, 12)
    path.write_text(base)
    one = known_at(path, len(base))
    path.write_text(base.replace("002.000", "003.000").replace("10:00:50", "10:00:40"))
    assert known_at(path, len(base)) != one
