"""Tensors a second: against the plain loop at 300 episodes, and at 200,000 and 1,000,000 made-up ones.

The loop is the algorithm of the student project this replaces: for every held job it draws other jobs until enough of
them have events near the hold, and for each job drawn and each frame it walks over all events, and reads their stamps by
a regular expression. It is written anew here: with dates, and an end where too few jobs have events.

Targets: 1,000 times the loop at 300 episodes; 50,000 episodes a second at 1,000,000; at most 4 GB.
"""

import re
import resource
import sys
import time

import numpy as np

from wingspan.advisor.holds.episodes import find_episodes
from wingspan.advisor.holds.moments import at_holds
from wingspan.advisor.holds.timeline import Timeline
from wingspan.advisor.samples.tensors import Layout, make_tensors, tensor_chunks
from wingspan.eventlog.events import Events

LAYOUT = Layout(m=10, j=10, e=18, frame_s=400.0)
TIMES_FASTER, RATE, GIGABYTES = 1000, 50_000, 4.0
SIZES = (200_000, 1_000_000)
STAMP = re.compile(r"(\d+)-(\d+)-(\d+) (\d+):(\d+):(\d+)")
STEPS = np.array([0, 40, 1, 6, 6, 12, 13, 1, 5])  # the life of a made-up job
STATES = np.array([1, 1, 2, 2, 2, 4, 1, 2, 5])


def made_up(holds, spacing_s=5.0, seed=0):
    """Return the timeline of a pool with one hold a job, clusters of 20 and a host for every 50."""
    draw = np.random.default_rng(seed)
    job = np.repeat(np.arange(holds), len(STEPS))
    step = np.tile(np.arange(len(STEPS)), holds)
    submitted = np.sort(draw.uniform(0, spacing_s * holds, holds // 20 + 1))[np.arange(holds) // 20]
    gaps = 1 + draw.exponential(300.0, (holds, len(STEPS)))
    clock = (submitted[:, None] + np.cumsum(gaps, axis=1)).reshape(-1)
    order = np.argsort(clock, kind="stable")
    job, step, clock = job[order], step[order], np.floor(clock[order]) + 1.7e9
    host = np.where(step >= 2, draw.integers(0, holds // 50 + 1, holds)[job], -1)
    rows = len(job)
    detail = np.where(STEPS[step] == 12, 1 + job % 3, 0)
    value = np.where(STEPS[step] == 12, 12, np.where(STEPS[step] == 5, job % 4 == 0, 0))
    events = Events(
        files=(),
        access_points=("a",),
        damage=(),
        file=np.zeros(rows, np.int32),
        access_point=np.zeros(rows, np.int16),
        cluster=(job // 20).astype(np.int32),
        proc=(job % 20).astype(np.int32),
        subproc=np.zeros(rows, np.int16),
        code=STEPS[step].astype(np.int16),
        time=clock,
        offset=np.arange(rows, dtype=np.int64) * 150,
        length=np.full(rows, 150, np.int32),
        value=value.astype(np.int64),
        detail=detail.astype(np.int32),
    )
    return Timeline(
        events=events,
        clock=clock,
        job=job.astype(np.int32),
        cluster=events.cluster,
        state=STATES[step].astype(np.int8),
        host=host.astype(np.int32),
        site=np.full(rows, -1, np.int32),
        template=np.where(events.code == 12, 0, -1).astype(np.int32),
        author=np.zeros(rows, np.int8),
        dated=np.ones(rows, bool),
        dag_node=np.zeros(rows, bool),
        hosts=tuple(str(number) for number in range(holds // 50 + 1)),
        sites=(),
        templates=("no disk",),
        reasons=("no disk",) * int((events.code == 12).sum()),
    )


def seconds_of(stamp):
    """Read a stamp as the project did: by a regular expression, at every comparison."""
    year, month, day, hour, minute, second = map(int, STAMP.match(stamp).groups())
    days = np.datetime64(f"{year:04}-{month:02}-{day:02}").astype(int)
    return ((days * 24 + hour) * 60 + minute) * 60 + second


def matrix(history, now, layout):
    """Count the events of one job: for each frame, walk over all of them."""
    counts = np.zeros((layout.m, layout.e), np.uint8)
    for frame in range(layout.m):
        old = now - layout.frame_s * (layout.m - frame)
        young = now - layout.frame_s * (layout.m - frame - 1)
        for stamp, code in history:
            if old < seconds_of(stamp) <= young:
                counts[frame, layout.channels[code]] += 1
    return counts


def loop(histories, holds, layout):
    """Return (episode, job, frame, event): of every held job, and of others drawn until enough of them have events."""
    draw = np.random.default_rng(0)
    counts = np.zeros((len(holds), layout.j, layout.m, layout.e), np.uint8)
    for number, (job, stamp) in enumerate(holds):
        now, found = seconds_of(stamp), 1
        counts[number, 0] = matrix(histories[job], now, layout)
        for other in draw.permutation(len(histories)).tolist():
            counted = matrix(histories[other], now, layout)
            if other != job and counted.any() and found < layout.j:
                counts[number, found] = counted
                found += 1
            if found == layout.j:
                break
    return counts


def faster_than_loop(holds=300):
    """Return how many times faster the tensors are than the loop, after comparing what they count of held jobs."""
    timeline = made_up(holds, spacing_s=1000.0)
    moments = at_holds(find_episodes(timeline))
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        made = make_tensors(timeline, moments, LAYOUT)
        times.append(time.perf_counter() - begin)
    stamps = [
        str(each).replace("T", " ") for each in timeline.clock.astype("datetime64[s]").tolist()
    ]
    histories = [[] for _ in range(int(timeline.job.max()) + 1)]
    rows = zip(timeline.job.tolist(), stamps, timeline.events.code.tolist(), strict=True)
    for job, stamp, code in rows:
        histories[job].append((stamp, code))
    questions = [(int(timeline.job[row]), stamps[row]) for row in moments.hold]
    begin = time.perf_counter()
    counted = loop(histories, questions, LAYOUT)
    theirs = time.perf_counter() - begin
    assert np.array_equal(counted[:, 0], made.counts[:, :, 0]), "the loop counts other events"
    ours = min(times)
    print(f"{holds} episodes: loop {theirs:.1f} s, tensors {ours * 1000:.1f} ms", flush=True)
    return theirs / ours


def rate(holds):
    """Return episodes a second of this process's time; the wall's is printed too."""
    timeline = made_up(holds)
    moments = at_holds(find_episodes(timeline))
    wall, own = time.perf_counter(), time.process_time()
    made = sum(len(chunk.counts) for chunk in tensor_chunks(timeline, moments, LAYOUT))
    wall, own = time.perf_counter() - wall, time.process_time() - own
    assert made == holds
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"{holds:,} episodes, {len(timeline):,} events: {holds / own:,.0f} a CPU second, "
        f"{holds / wall:,.0f} a second on this machine as loaded; at most {most:.2f} GB",
        flush=True,
    )
    return holds / own, most


def main():
    """Measure; exit with 0 if all targets hold."""
    faster = faster_than_loop()
    print(f"{faster:,.0f} times the loop (target {TIMES_FASTER:,})", flush=True)
    rates = [rate(size) for size in SIZES]
    slowest, most = min(each[0] for each in rates), max(each[1] for each in rates)
    print(f"slowest {slowest:,.0f} a second (target {RATE:,}), {most:.2f} GB (target {GIGABYTES})")
    return 0 if faster >= TIMES_FASTER and slowest >= RATE and most <= GIGABYTES else 1


if __name__ == "__main__":
    sys.exit(main())
