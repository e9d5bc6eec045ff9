"""Steps start when what they need is done and what they ask for is free."""

import pytest

from wingspan.planning.plan import PlannedStep
from wingspan.runner.local.schedule import Machine, Schedule, Turns


def step(key, needs=(), **resources):
    return PlannedStep(
        name=key,
        key=key,
        done=False,
        reason="",
        needs=tuple(needs),
        inputs={},
        outputs=("value",),
        action={},
        arguments={},
        files=(),
        resources=resources,
        retries=0,
        preload=(),
        modules=(),
        components={},
    )


def started(schedule):
    found = []
    while (one := schedule.start()) is not None:
        found.append(one[0].key)
    return found


def test_a_diamond_runs_in_three_waves():
    """A step is ready when the last of what it needs is done."""
    schedule = Schedule(
        [step("a"), step("b", "a"), step("c", "a"), step("d", "bc")], Machine(4, 100_000)
    )
    assert started(schedule) == ["a"]
    schedule.done("a")
    assert started(schedule) == ["b", "c"]
    schedule.done("b")
    assert started(schedule) == []
    schedule.done("c")
    assert started(schedule) == ["d"]
    schedule.done("d")
    assert not schedule.unfinished


@pytest.mark.parametrize(
    ("asked", "machine"), [({"cpus": 2}, Machine(3, 99_999)), ({"memory": "2GB"}, Machine(9, 3000))]
)
def test_what_does_not_fit_waits(asked, machine):
    """Cores and memory are counted; what ended gives them back."""
    schedule = Schedule([step("a", **asked), step("b", **asked)], machine)
    assert started(schedule) == ["a"]
    schedule.done("a")
    assert started(schedule) == ["b"]


def test_a_small_step_passes_one_that_waits():
    """What fits starts, also past a larger one."""
    schedule = Schedule([step("a", cpus=2), step("b", cpus=2), step("c")], Machine(3, 99_999))
    assert started(schedule) == ["a", "c"]


def test_a_step_larger_than_the_machine_runs_alone():
    """A pipeline written for a pool still runs on a laptop."""
    schedule = Schedule([step("a", cpus=64), step("b")], Machine(2, 99_999))
    assert started(schedule) == ["a"]
    schedule.done("a")
    assert started(schedule) == ["b"]


def test_no_more_jobs_than_allowed_run_at_once():
    """A limit on jobs holds whatever the machine has."""
    schedule = Schedule([step("a"), step("b"), step("c")], Machine(9, 99_999), jobs=2)
    assert started(schedule) == ["a", "b"]
    schedule.done("a")
    assert started(schedule) == ["c"]


def test_a_step_that_is_set_aside_holds_nothing():
    """It gives its cores back, keeps the schedule going, and is the first to start once it is taken up."""
    schedule = Schedule([step("a"), step("b"), step("c", "a")], Machine(1, 99_999))
    assert started(schedule) == ["a"]
    schedule.set_aside("a")
    assert list(schedule.aside) == ["a"]
    assert started(schedule) == ["b"]
    schedule.done("b")
    assert schedule.unfinished
    assert started(schedule) == []
    schedule.take_up("a")
    assert started(schedule) == ["a"]
    schedule.done("a")
    assert started(schedule) == ["c"]


def test_gpus_are_given_one_by_one():
    """Each job gets devices of its own; none starts without."""
    schedule = Schedule(
        [step("a", gpus=1), step("b", gpus=1), step("c", gpus=1)], Machine(8, 99_999, [0, 1])
    )
    assert schedule.start()[1] == [0]
    assert schedule.start()[1] == [1]
    assert schedule.start() is None
    schedule.done("a")
    assert schedule.start()[1] == [0]


def test_a_failure_names_all_that_can_never_start():
    """Everything downstream of a failed step is given up, the rest goes on."""
    schedule = Schedule([step("a"), step("b", "a"), step("c", "b"), step("x")], Machine(8, 99_999))
    assert started(schedule) == ["a", "x"]
    assert [lost.key for lost in schedule.failed("a")] == ["b", "c"]
    schedule.done("x")
    assert not schedule.unfinished


def test_a_lost_step_is_started_again_first():
    """A lost process costs its place to nobody."""
    schedule = Schedule([step("a"), step("b")], Machine(1, 99_999))
    assert started(schedule) == ["a"]
    schedule.again("a")
    assert started(schedule) == ["a"]


def test_what_needs_two_failed_steps_is_given_up_once():
    """Each step that can never start is told once, nearest first, whichever of what it needs has failed."""
    steps = [step("a"), step("b"), step("c", "ab"), step("d", "c"), step("e", "b")]
    schedule = Schedule(steps, Machine(4, 100_000))
    assert started(schedule) == ["a", "b"]
    assert [one.key for one in schedule.failed("a")] == ["c", "d"]
    assert [one.key for one in schedule.failed("b")] == ["e"]
    assert not schedule.unfinished


def test_no_more_steps_of_a_map_run_at_once_than_it_allows():
    """Other steps take the free cores; when one of the map ends, or is lost, its next one may start."""
    steps = [*(step(f"m{number}") for number in range(4)), step("x"), step("y")]
    limited = {f"m{number}": ("m", 2) for number in range(4)}
    schedule = Schedule(steps, Machine(4, 100_000), None, limited)
    assert started(schedule) == ["m0", "m1", "x", "y"]
    schedule.done("x")
    assert started(schedule) == []
    schedule.again("m0")
    assert started(schedule) == ["m0"]
    schedule.done("m0")
    schedule.failed("m1")
    assert started(schedule) == ["m2", "m3"]


def test_no_task_is_begun_when_the_time_is_up_and_what_was_begun_is_ended():
    """Whatever the time, the first task runs; its second step comes before the next task."""
    steps = [step("a1"), step("b1"), step("a2", ["a1"]), step("b2", ["b1"])]
    tasks = (("a1", "a2"), ("b1", "b2"))
    for until, order in ((float("inf"), ["a1", "a2", "b1", "b2"]), (0.0, ["a1", "a2"])):
        schedule = Schedule(steps, Machine(1, 100_000), turns=Turns(tasks, until))
        found = []
        while schedule.unfinished and (keys := started(schedule)):
            found += keys
            for key in keys:
                schedule.done(key)
        assert found == order
        assert not schedule.unfinished
