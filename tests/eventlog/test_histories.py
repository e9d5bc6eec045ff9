"""Histories: a job's events together, once each; states, holds, runs and transfers."""

import numpy as np
import pytest

from wingspan.errors import NotFoundError
from wingspan.eventlog.histories import group_by_job
from wingspan.eventlog.job_state import State
from wingspan.eventlog.kernel import ABSENT
from wingspan.eventlog.read import read_events

TEXTS = {
    0: "Job submitted from host: <10.0.0.1:9618?alias=ap>",
    1: "Job executing on host: <10.0.0.2:9618>",
    4: "Job was evicted. Code 1007 Subcode 0\n\t(0) CPU times\n"
    + "\t\tUsr 0 00:00:01, Sys 0 00:00:00  -  Run Remote Usage\n" * 2
    + "\t0  -  Run Bytes Sent By Job",
    5: "Job terminated.\n\t(1) Normal termination (return value {})\n"
    + "\t\tUsr 0 00:00:01, Sys 0 00:00:00  -  Run Remote Usage\n" * 4
    + "\t0  -  Run Bytes Sent By Job",
    6: "Image size of job updated: 5",
    9: "Job was aborted.",
    12: "Job was held.\n\tno disk\n\tCode 12 Subcode 28",
    13: "Job was released.",
    40: "{}",
}


def log(*events):
    """Events as (second, cluster, code, detail); all of 2025-11-04 between 10:00 and 11:00 UTC."""
    text = ""
    for second, cluster, code, *detail in events:
        stamp = f"2025-11-04 10:{second // 60:02}:{second % 60:02}Z"
        text += f"{code:03} ({cluster:03}.000.000) {stamp} {TEXTS[code].format(*detail)}\n...\n"
    return text


def histories(tmp_path, *texts):
    paths = []
    for number, text in enumerate(texts):
        paths.append(tmp_path / f"log{number}")
        paths[-1].write_text(text)
    return group_by_job(read_events(paths))


ONE = log((0, 1, 0), (10, 1, 1), (20, 1, 12), (50, 1, 13), (60, 1, 1), (90, 1, 5, 0))
TWO = log((5, 2, 0), (15, 2, 1), (25, 2, 4), (30, 2, 1), (45, 2, 5, 3))


def test_jobs_are_put_together(tmp_path):
    """Interleaved events are sorted by job, and by place in the log within one."""
    mixed = log((0, 2, 0), (0, 1, 0), (9, 2, 1), (8, 2, 5, 0))
    found = histories(tmp_path, mixed)
    assert [found.name(job) for job in range(len(found))] == ["1.0", "2.0"]
    assert found.events.code.tolist() == [0, 0, 1, 5]


def test_state_at_any_time(tmp_path):
    """A job's state at an instant is what its last event until then made it."""
    found = histories(tmp_path, ONE)
    start = float(found.events.time[0])
    states = [int(found.states_at(start + second)[0]) for second in (-1, 0, 15, 30, 55, 70, 100)]
    expected = [State.UNKNOWN, State.IDLE, State.RUNNING, State.HELD, State.IDLE, State.RUNNING]
    assert states == [*expected, State.COMPLETED]


def test_counts_agree_with_states(tmp_path):
    """The timeline's counts are the states of all jobs at each time."""
    found = histories(tmp_path, ONE + TWO)
    times = float(found.events.time.min()) + np.arange(-3.0, 100.0, 1.0)
    counts = found.count_states(times + 0.5)
    for place, time in enumerate(times + 0.5):
        expected = np.bincount(found.states_at(time), minlength=len(State))
        assert counts[:, place].tolist() == expected.tolist()


def test_hold_cycles(tmp_path):
    """Every hold has its codes, its length and what ended it; an open one has no end."""
    found = histories(tmp_path, ONE + log((5, 3, 0), (6, 3, 12), (9, 3, 9), (5, 4, 0), (7, 4, 12)))
    holds = found.holds()
    assert holds.job.tolist() == [0, 1, 2]
    assert holds.end_code.tolist() == [13, 9, ABSENT]
    assert (holds.end - holds.start)[:2].tolist() == [30, 3]
    assert np.isnan(holds.end[2])
    assert (holds.code[0], holds.subcode[0]) == (12, 28)


def test_runs(tmp_path):
    """A run is good when the job then ended by itself with 0; evicted, held and failed runs are not."""
    runs = histories(tmp_path, ONE + TWO).runs()
    assert (runs.end - runs.start).tolist() == [10, 30, 10, 15]
    assert runs.good.tolist() == [False, True, False, False]
    assert runs.end_code.tolist() == [12, 5, 4, 5]


def test_transfers(tmp_path):
    """Seconds between start and end of moving files, for input and output."""
    kinds = ["Started transferring input files", "Finished transferring input files"]
    more = [kind.replace("input", "output") for kind in kinds]
    found = histories(
        tmp_path,
        log(
            (0, 1, 0),
            (1, 1, 40, kinds[0]),
            (8, 1, 40, kinds[1]),
            (9, 1, 40, more[0]),
            (9, 1, 40, more[1]),
        ),
    ).transfers()
    assert found.seconds.tolist() == [7, 0]
    assert found.output.tolist() == [False, True]


def test_event_told_by_two_logs(tmp_path):
    """A user's log and the global log tell the same events: each counts once, each log's own ones stay."""
    user = log((0, 1, 0), (10, 1, 1), (12, 1, 6), (12, 1, 6), (20, 1, 5, 0))
    everything = log(
        (0, 1, 0),
        (0, 2, 0),
        (10, 1, 1),
        (11, 1, 40, "Started transferring input files"),
        (20, 1, 5, 0),
    )
    found = histories(tmp_path, user, everything)
    assert found.events.take(found.rows(0)).code.tolist() == [0, 1, 40, 6, 6, 5]
    assert len(found) == 2


def test_rotations_keep_every_event(tmp_path):
    """Files of one log are never copies of each other, be their seconds equal."""
    (tmp_path / "log.old").write_text(log((0, 1, 0), (5, 1, 6)))
    (tmp_path / "log").write_text(log((5, 1, 6), (9, 1, 5, 0)))
    found = group_by_job(read_events([tmp_path / "log", tmp_path / "log.old"]))
    assert found.events.code.tolist() == [0, 6, 6, 5]


def test_ids_that_are_given_again_are_other_jobs(tmp_path):
    """A new queue begins at cluster 1: a submission after the end is another job, one before it is not."""
    again = log((100, 1, 0), (110, 1, 1), (120, 1, 12))
    found = histories(tmp_path, ONE + again)
    assert [found.name(job) for job in range(len(found))] == ["1.0", "1.0"]
    assert found.find(1) == [0, 1]
    assert [len(found.rows(job)) for job in (0, 1)] == [6, 3]
    assert found.states_at(float(found.events.time[-1])).tolist() == [State.COMPLETED, State.HELD]
    assert found.holds().job.tolist() == [0, 1]
    assert len(histories(tmp_path, log((0, 1, 0), (1, 1, 1), (2, 1, 0), (3, 1, 5, 0)))) == 1


def test_unknown_job(tmp_path):
    """Asking for a job that the logs do not have is an error that says how to list them."""
    with pytest.raises(NotFoundError, match=r"9\.0"):
        histories(tmp_path, ONE).find(9)


def test_no_jobs(tmp_path):
    """Empty logs give no jobs, no holds, no runs."""
    found = histories(tmp_path, "")
    assert (
        len(found),
        len(found.holds().job),
        len(found.runs().job),
        len(found.transfers().job),
    ) == (0, 0, 0, 0)


def test_only_some_events(tmp_path):
    """Histories of chosen event numbers hold these, and the states that they make."""
    (tmp_path / "log").write_text(ONE)
    found = group_by_job(read_events(tmp_path / "log"), [0, 12])
    assert found.events.code.tolist() == [0, 12]
    assert found.state.tolist() == [State.IDLE, State.HELD]
