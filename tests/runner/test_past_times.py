"""What the records of earlier runs tell of the time that steps take."""

from wingspan.planning.plan import Plan
from wingspan.runner.events import StepEvent
from wingspan.runner.past_times import read_lasted
from wingspan.runner.plan_file import save_plan
from wingspan.runner.record import write_event
from wingspan.runner.run_folder import Home


def run_of(home, pipeline, *events):
    """Make a run whose record has these events: time, step, state, seconds."""
    folder = home.new_run(pipeline)
    save_plan(Plan(pipeline, (), ()), folder, home)
    for at, name, state, *wall_s in events:
        write_event(folder, StepEvent(at, name, name, state, wall_s=sum(wall_s)))


def test_steps_that_ended_and_steps_that_were_stopped_are_told_apart(tmp_path):
    """What was adopted took no time; of a step that was stopped twice, the longer time is known."""
    home = Home(tmp_path)
    run_of(home, "p", (10.0, "fit[a]", "running"), (12.0, "fit[a]", "done", 2.0))
    run_of(home, "other", (10.0, "fit[z]", "running"), (99.0, "fit[z]", "done", 89.0))
    run_of(home, "p", (10.0, "fit[b]", "running"), (15.0, "fit[b]", "stopped"), (16.0, "x", "done"))
    run_of(
        home, "p", (10.0, "fit[b]", "running"), (11.0, "fit[b]", "stopped"), (12.0, "y", "failed")
    )
    lasted = read_lasted(home, "p")
    assert lasted.ended == {"fit": [2.0]}
    assert lasted.stopped == {"fit[b]": 5.0}


def test_there_may_be_no_run(tmp_path):
    assert read_lasted(Home(tmp_path), "p") == ({}, {})
