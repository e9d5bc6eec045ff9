"""What a lane does next, and what the DAG of a sweep says: values in, values out."""

import os
import time

import pytest

from wingspan.planning.plan import Plan, PlannedStep
from wingspan.runner.htcondor.execution_point.lane_study import LaneStudy
from wingspan.runner.htcondor.execution_point.starts import (
    LEFT,
    Before,
    Start,
    bad_hosts,
    before,
)
from wingspan.runner.htcondor.write.dag_file import dag_text
from wingspan.runner.htcondor.write.lanes import Lanes, lanes_for, reserves
from wingspan.runner.htcondor.write.nodes import nodes_of
from wingspan.sweep.over import read_over
from wingspan.sweep.records import COMPLETE, FAILED, Ending
from wingspan.sweep.spec import make_spec
from wingspan.tracking import record

NEW = Before("", 0.0, 0, 0.0)
OWN = [[0, {"rate": 0.1}, 0], [2, {"rate": 0.2}, 0], [4, {"rate": 0.3}, 0]]


class Said:
    """A channel whose answers a test has written."""

    def __init__(self, answers=None, hears=True):
        self.answers, self.hears, self.said = answers or {}, hears, []

    def next(self, call):
        return self.answers.get(call)

    def stopped(self, call):
        return call in self.answers.get("stop", ())

    def say(self, content):
        self.said.append(content)


def spec(**options):
    given = {
        "metric": "loss",
        "goal": "minimize",
        "search": "random",
        "prune": "none",
        "seed": 0,
        "start": (),
        "repeats": 1,
    } | options
    return make_spec(read_over({"rate": [0.1, 0.2, 0.3]}, "here"), where="here", **given)


@pytest.fixture
def lane(tmp_path, monkeypatch):
    """Give a function that takes up a lane, as the next job of it does."""
    monkeypatch.setattr("wingspan.runner.htcondor.execution_point.lane_study._ASK_S", 0.0)
    monkeypatch.setattr("wingspan.runner.htcondor.execution_point.lane_study._WAIT_S", 0.0)

    def make(channel=None, reserve=OWN, left_s=60.0, before=NEW, again=False, **options):
        until = time.monotonic() + left_s
        given = {"reserve": reserve, "until": until, "before": before, "again": again}
        given["start"] = Start(cluster=7, shadow=2)
        given["at_home"] = lambda text: text.replace("/scratch/", "/home/ada/")
        file = tmp_path / "trials.jsonl"
        return LaneStudy("fit-2_lane1", given, spec(**options), file, channel or Said(hears=False))

    return make


def run_all(study, state=COMPLETE):
    """End every trial that the lane gives; return them as (number, repeat, values)."""
    found = []
    while (draw := study.draw(9)) is not None:
        study.began(draw.number, f"key{draw.number}", draw.repeat)
        study.ended(draw.number, Ending(state, 1.0 if state == COMPLETE else None), draw.repeat)
        found.append((draw.number, draw.repeat, draw.values["rate"]))
    return found


def test_a_lane_that_hears_nothing_runs_its_own_trials_once(lane):
    """Also over several jobs: what an earlier one ended is not run again."""
    first = lane(left_s=-1.0)
    assert run_all(first) == [(0, 0, 0.1)]
    assert first.more
    second = lane()
    assert run_all(second) == [(2, 0, 0.2), (4, 0, 0.3)]
    assert not second.more
    assert run_all(lane()) == []


def test_what_the_search_says_comes_first(lane):
    """The search's trials, until it says that the sweep is over; own ones only where it is silent."""
    answers = {
        "fit-2_lane1.0": {"number": 5, "values": {"rate": 0.3}, "repeat": 0},
        "fit-2_lane1.1": None,
        "fit-2_lane1.2": {"over": True},
    }
    channel = Said(answers)
    study = lane(channel)
    assert run_all(study) == [(5, 0, 0.3), (0, 0, 0.1)]
    assert not study.more
    assert [next(iter(said)) for said in channel.said] == ["begin", "end"] * 2
    assert channel.said[0]["begin"]["reserve"] is None
    assert channel.said[2]["begin"]["reserve"] == 0


def test_a_lane_that_is_told_to_wait_waits_no_longer_than_its_time(lane):
    """Its next job asks again."""
    channel = Said(
        {
            "fit-2_lane1.0": {"number": 5, "values": {"rate": 0.3}, "repeat": 0},
            "fit-2_lane1.1": {"wait": True},
        }
    )
    study = lane(channel, left_s=-1.0)
    assert len(run_all(study)) == 1
    assert study.more


def test_own_trials_without_numbers_take_the_places_of_those_that_the_search_gave(lane):
    """A lane runs no more trials in all than it has of its own."""
    own = [[None, values, repeat] for _, values, repeat in OWN]
    channel = Said({"fit-2_lane1.0": {"number": 7, "values": {"rate": 0.3}, "repeat": 0}})
    assert run_all(lane(channel, own)) == [(7, 0, 0.3), (-2, 0, 0.2), (-3, 0, 0.3)]
    assert [line["number"] for line in lane(channel, own).lines] == [7, None, None]


def test_own_trials_are_repeated_by_the_lane(lane):
    """Where the first call is complete; a failed one is not repeated."""
    assert run_all(lane(repeats=2))[:3] == [(0, 0, 0.1), (0, 1, 0.1), (2, 0, 0.2)]


def test_a_failed_trial_is_not_repeated(lane):
    """It has failed."""
    assert run_all(lane(repeats=2), FAILED) == [(0, 0, 0.1), (2, 0, 0.2), (4, 0, 0.3)]


def test_a_trial_that_lacks_memory_is_not_over(lane):
    """It has no line, so the next job makes it again."""
    study = lane()
    draw = study.draw(9)
    study.began(draw.number, "key")
    study.lacking = "memory"
    study.ended(draw.number, Ending(FAILED, problem="killed"))
    assert study.draw(9) is None
    assert lane().draw(9) == draw


def test_what_is_no_number_is_no_value(lane):
    """The trial has failed, as on this machine; its line is JSON."""
    study = lane()
    draw = study.draw(9)
    study.began(draw.number, "key")
    study.ended(draw.number, Ending(COMPLETE, float("inf"), curve=((0, float("nan")), (1, 2.0))))
    assert (study.lines[0]["state"], study.lines[0]["value"]) == (FAILED, None)
    assert study.lines[0]["curve"] == [[1, 2.0]]


def test_a_problem_has_the_paths_of_the_access_point(lane):
    """In the line, and in the message that comes before it."""
    channel = Said()
    study = lane(channel)
    draw = study.draw(9)
    study.began(draw.number, "key")
    study.ended(
        draw.number, Ending(FAILED, problem="Traceback\nValueError: no (/scratch/fit.py:7)")
    )
    assert study.lines[0]["problem"].endswith("ValueError: no (/home/ada/fit.py:7)")
    assert channel.said[-1]["end"]["problem"] == "ValueError: no (/home/ada/fit.py:7)"


def end(study, state, wall_s=1.0):
    """End the next trial of a lane."""
    draw = study.draw(9)
    study.began(draw.number, f"key{draw.number}", draw.repeat)
    study.ended(draw.number, Ending(state, 1.0, "no" * (state == FAILED), wall_s), draw.repeat)
    return draw.number


def test_a_trial_that_fails_at_once_is_given_once_more_elsewhere(lane, monkeypatch):
    """It counts once; where it goes well elsewhere, the first machine is bad."""
    first = lane(again=True)
    assert end(first, FAILED) == 0
    assert first.elsewhere
    assert first.draw(9) is None
    assert first.lines == []
    monkeypatch.setattr("os.uname", lambda: type("uname", (), {"nodename": "other"}))
    second = lane(again=True)
    assert end(second, COMPLETE) == 0
    monkeypatch.undo()
    assert bad_hosts(record.read(second._file)) == {os.uname().nodename}
    third = lane(again=True)
    assert end(third, FAILED) == 2
    assert third.elsewhere


def test_a_function_that_fails_everywhere_is_not_tried_twice_each_time(lane):
    """Once a trial has failed on two machines, the next failures are the function's."""
    assert end(lane(again=True), FAILED) == 0
    study = lane(again=True)
    assert [end(study, FAILED) for _ in range(3)] == [0, 2, 4]
    assert not study.elsewhere
    assert bad_hosts(record.read(study._file)) == set()


def test_a_failure_after_a_success_or_a_while_is_the_trials(lane):
    """The machine has done well, or the trial has worked for longer than a bad machine takes."""
    study = lane(again=True)
    assert end(study, COMPLETE) == 0
    assert end(study, FAILED) == 2
    assert not study.elsewhere
    assert end(lane(again=True), FAILED, wall_s=60.0) == 4


def test_the_time_of_lost_starts_is_that_of_the_trial_under_way(lane):
    """Of the first trial that ends then; also what it had taken before its checkpoint."""
    assert before([], Start(7, 1, 0.0, 0)) == NEW
    assert before([], Start(7, 3, 22.0, 0)) == Before("", 22.0, 2, 22.0)
    paused = {
        LEFT: {
            "cluster": 7,
            "shadow": 1,
            "over": 0,
            "elapsed_s": 6.0,
            "call": "c",
            "spent_s": 5.0,
            "lost": 0,
        }
    }
    assert before([paused], Start(7, 1, 0.0, 0)) == Before("c", 5.0, 0, 6.0)
    assert before([paused], Start(7, 2, 15.0, 0)) == Before("c", 14.0, 1, 15.0)
    ended = {LEFT: {**paused[LEFT], "over": 1, "call": "", "spent_s": 0.0}}
    assert before([ended], Start(7, 2, 6.5, 1)) == Before("", 0.0, 0, 6.5)
    assert before([ended], Start(8, 1, 0.0, 0)) == NEW
    study = lane(before=Before("fit-2_lane1.0", 14.0, 1, 15.0))
    end(study, COMPLETE, wall_s=3.0)
    end(study, COMPLETE, wall_s=3.0)
    assert [(line["wall_s"], line["attempts"]) for line in study.lines] == [(17.0, 2), (3.0, 1)]


def test_trials_are_dealt_in_turn():
    """No lane has two more than another; there are no more lanes than trials."""
    assert reserves([0, 1, 2, 3, 4], 2) == [[0, 2, 4], [1, 3]]
    assert lanes_for(None, 100).number == 8
    assert lanes_for(16, 5).number == 5
    assert lanes_for(16, 0).number == 0


def step(name, key, inputs=None, **more):
    made = inputs or {}
    return PlannedStep(
        name=name, key=key, done=False, reason="", needs=tuple(key for key, _ in made.values()),
        inputs=made, outputs=("value",), action=more.pop("action", {}), arguments={}, files=(),
        resources={}, retries=2, preload=(), modules=(), components={}, **more,
    )  # fmt: skip


def test_the_dag_of_a_sweep():
    """Lanes wait for what the sweep reads, the sweep for its lanes, and what reads it for the sweep; the table is its own."""
    steps = (
        step("load", "a"),
        step("fit", "b", {"x": ("a", "value")}, sweep={"spec": {}}),
        step("fit.study", "c", {"sweep": ("b", None)}, action={"trials": True}),
        step("test", "d", {"m": ("b", "value"), "t": ("c", "value")}),
    )
    plan = Plan("p", steps, tuple((each.key,) for each in steps))
    nodes = nodes_of(plan, lambda _: [], {"b": Lanes(2, 5)})
    assert [node.name for node in nodes] == [
        "load-1",
        "fit-2_lane1",
        "fit-2_lane2",
        "fit-2",
        "test-3",
    ]
    assert [len(node.steps) for node in nodes] == [1, 1, 1, 2, 1]
    text = dag_text(nodes)
    assert "PARENT load-1 CHILD fit-2_lane1 fit-2_lane2" in text
    assert "PARENT fit-2_lane1 fit-2_lane2 CHILD fit-2" in text
    assert "PARENT fit-2 CHILD test-3" in text
    assert (
        "RETRY fit-2_lane1 8\nSCRIPT POST fit-2_lane1 lane_over.sh $RETURN $RETRY $MAX_RETRIES"
        in text
    )
    assert (
        "SCRIPT PRE fit-2 select.sh fit-2\nPRE_SKIP fit-2 10\nSCRIPT POST fit-2 select.sh fit-2 again"
        in text
    )
    assert "b.value,c.json,c.value" in text.partition("VARS test-3")[2]
    assert "RETRY load-1" not in text
