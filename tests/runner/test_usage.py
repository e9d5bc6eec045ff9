"""What a step used against what it asked for."""

import pytest

from wingspan.eventlog.attempt import Amounts, Attempt
from wingspan.pipeline.resources import Resources
from wingspan.runner.events import StepEvent
from wingspan.runner.failure import failure
from wingspan.runner.usage import Usage, measure


@pytest.mark.parametrize(
    ("usage", "hint"),
    [
        (Usage("memory", 600, 2048), ""),
        (Usage("memory", 74, 8192), 'asked for 8,192 MB, used 74 MB: memory="128MB"'),
        (Usage("memory", 74, 4096), ""),
        (Usage("memory", 3000, 2048), 'used 3,000 MB, asked for 2,048 MB: memory="3776MB"'),
        (Usage("memory", 3000, 2048, stated=False), 'used 3,000 MB, states none: memory="3776MB"'),
        (Usage("disk", 2.5, 8192), 'asked for 8,192 MB, used 2.5 MB: disk="64MB"'),
        (Usage("cpus", 1.1, 8), "asked for 8, used 1.1: cpus=1"),
        (Usage("cpus", 2.0, 1), ""),
        (Usage("disk", None, 8192), ""),
        (Usage("memory", 224, 128, over=True), ""),
    ],
)
def test_a_request_far_from_the_use_gets_a_hint(usage, hint):
    """Above four times the use, unless it is small; below the use; not where nobody has measured, or a failure tells it."""
    assert usage.hint() == hint


def test_the_most_that_was_seen_counts():
    """Of the job's own measure and of what its machines reported, over all attempts."""
    event = StepEvent(1.0, "fit", "k", "done", wall_s=10.0, cpu_s=25.0, peak_memory_mb=500.0)
    tried = [
        Attempt("n", 1, 0.0, memory_mb=Amounts(700), disk_mb=Amounts(20)),
        Attempt("n", 2, 0.0, memory_mb=Amounts(), disk_mb=Amounts(30)),
    ]
    asked = Resources(cpus=4, memory="1GB", disk="2GB")
    assert measure(event, asked, tried) == [
        Usage("memory", 700, 1024), Usage("disk", 30, 2048), Usage("cpus", 2.5, 4),
    ]  # fmt: skip
    idle = StepEvent(1.0, "fit", "k", "waiting")
    assert [one.used for one in measure(idle, asked)] == [None, None, None]


def test_the_cores_of_a_short_step_are_not_judged():
    """Half a second of a step is imports and waiting: nobody should lower its request for that."""
    event = StepEvent(1.0, "fit", "k", "done", wall_s=0.5, cpu_s=0.1, peak_memory_mb=500.0)
    assert measure(event, Resources(cpus=8))[-1] == Usage("cpus", None, 8)


@pytest.mark.parametrize(
    ("peak_mb", "asked", "more"), [(224, "128MB", 448), (50, "128MB", 256), (4097, "4GB", 8256)]
)
def test_a_job_that_was_ended_for_its_memory_is_told_one_amount(peak_mb, asked, more):
    """Twice what it had, by its failure alone: nobody has seen what it would have come to."""
    resources = Resources(memory=asked)
    why = failure(None, "memory", 9, peak_mb, resources)
    assert why.fix == f'ask for more: resources=ws.Resources(memory="{more}MB")'
    event = StepEvent(1.0, "fit", "k", "failed", peak_memory_mb=peak_mb, **why._asdict())
    assert [one.hint() for one in measure(event, resources)] == ["", "", ""]
