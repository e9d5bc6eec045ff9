"""Timeline: what was known, and in which order."""

import pytest

from wingspan.advisor.holds.timeline import AUTHORS, author_of


def test_bytes_beat_stamps(write):
    """Within one log the order of bytes counts, and the clock never runs back."""
    timeline = write([(0, 1, 0), (9, 1, 1), (5, 1, 12), (20, 1, 13)])
    assert timeline.events.code.tolist() == [0, 1, 12, 13]
    assert (timeline.clock - timeline.clock[0]).tolist() == [0, 9, 9, 20]


def test_logs_are_interleaved_by_clock(write):
    """What another log tells counts from the moment it was told."""
    timeline = write([(0, 1, 0), (30, 1, 1)], [(10, 1, 0, "other"), (20, 1, 1)])
    assert (timeline.clock - timeline.clock[0]).tolist() == [0, 10, 20, 30]
    assert timeline.job.tolist() == [0, 1, 1, 0]


def test_ids_that_restart_are_other_jobs(write):
    """A job submitted again under the same id begins a new history."""
    timeline = write([(0, 1, 0), (9, 1, 5), (50, 1, 0), (60, 1, 1)])
    assert timeline.job.tolist() == [0, 0, 1, 1]
    assert timeline.cluster.tolist() == [0, 0, 1, 1]


def test_hosts_carry_on(write):
    """A row's host is that of the job's last start before it."""
    timeline = write([(0, 1, 0), (1, 1, 1, "a"), (2, 1, 4), (3, 1, 1, "b"), (4, 1, 12)])
    assert [timeline.hosts[host] if host >= 0 else "" for host in timeline.host] == [
        "",
        "a",
        "a",
        "b",
        "b",
    ]
    assert timeline.sites == ("Nord",)


def test_templates_are_numbered_as_they_appear(write):
    """Reasons that differ in numbers only share a template."""
    timeline = write(
        [
            (0, 1, 0),
            (1, 1, 12, 12, "no disk on 10.1.1.1"),
            (2, 1, 13),
            (3, 1, 12, 13, "gone"),
            (4, 2, 0),
            (5, 2, 12, 12, "no disk on 10.1.1.2"),
        ]
    )
    assert timeline.template.tolist() == [-1, 0, -1, 1, -1, 0]
    assert timeline.templates == ("no disk on <HOST>", "gone")


@pytest.mark.parametrize(
    ("reason", "author"),
    [
        ("via condor_release (by user ada)", "user"),
        ("The job attribute PeriodicRelease expression 'x > 3' evaluated to TRUE", "policy"),
        ("The system macro SYSTEM_PERIODIC_REMOVE expression 'x' evaluated to TRUE", "policy"),
        ("removed because <OtherJobRemoveRequirements = DAGManJobId =?= 7> fired", "dag"),
        ("DAG Abort: DAG is exiting and writing rescue file. (by user ada)", "dag"),
        ("DAG Removed: User removed scheduler job from queue. (by user ada)", "user"),
        ("", ""),
    ],
)
def test_authors(reason, author):
    """The reason tells whose act a release or removal is."""
    assert AUTHORS[author_of(reason)] == author
