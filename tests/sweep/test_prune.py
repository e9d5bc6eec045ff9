"""Rules that end trials early: W&B's own, Optuna's, and what is said of them."""

import json
import random
import subprocess

import pytest

from wingspan.sweep.open_study import open_study
from wingspan.sweep.over import read_over
from wingspan.sweep.prune import announcement, bands, read_prune, wandb_stops
from wingspan.sweep.records import Ending
from wingspan.sweep.spec import make_spec

SPACE = {"x": [*range(50)]}
RULES = [
    {"min_iter": 1, "eta": 2},
    {"min_iter": 2},
    {"min_iter": 3, "eta": 1.5, "strict": False},
    {"max_iter": 27, "s": 3},
    {"max_iter": 9, "s": 2, "eta": 2, "strict": False},
]


def curves_of(seed):
    source = random.Random(seed)
    lengths = [source.randint(0, 30) for _ in range(source.randint(1, 25))]
    return {n: [source.random() for _ in range(length)] for n, length in enumerate(lengths)}


def test_two_trials_are_too_few_and_the_worst_of_four_stops():
    """The threshold is the value at place n/eta of all that reached the band."""
    rule = read_prune({"rule": "wandb", "min_iter": 1, "eta": 2}, "here")
    assert wandb_stops(rule, {0: [1.0], 1: [2.0]}, [0, 1]) == []
    assert wandb_stops(rule, {0: [1.0], 1: [2.0], 2: [3.0], 3: [4.0]}, [0, 1, 2, 3]) == [3]
    assert wandb_stops(rule, {0: [1.0], 1: [2.0], 2: [3.0], 3: [4.0]}, [0, 1, 2]) == []


def test_a_trial_is_stopped_by_a_report_of_another_one(tmp_path):
    """W&B's rule judges all running trials again; the verdict stays."""
    spec = make_spec(
        read_over(SPACE, "x"),
        metric="accuracy",
        goal="maximize",
        search="grid",
        prune={"rule": "wandb", "min_iter": 1, "eta": 2},
    )
    with open_study(tmp_path, spec, "run") as study:
        for number in range(4):
            study.draw(4)
            study.began(number, "key")
        assert not study.report(0, 1, 0.1)
        assert not study.report(1, 1, 0.2)
        assert study.to_stop() == set()
        assert not study.report(2, 1, 0.3)
        assert study.to_stop() == {(0, 0)}
        assert study.report(0, 2, 0.9)  # the verdict stays
        assert study.to_stop() == {(0, 0)}
        study.ended(0, Ending("pruned"))
        assert study.to_stop() == set()
        assert study.look().trials[0].value == 0.9


@pytest.mark.parametrize("rule", ["asha", "hyperband", "median", "patience"])
def test_a_rule_of_optuna_prunes_the_worse_half(tmp_path, rule):
    """Each stops some of the bad trials of a sweep, and never the best."""
    options = {"rule": rule} | ({"reports": 3} if rule == "patience" else {})
    spec = make_spec(read_over(SPACE, "x"), metric="loss", search="random", prune=options, seed=4)
    with open_study(tmp_path, spec, "run") as study:
        while (draw := study.draw(30)) is not None:
            if draw.same_as is not None:
                continue
            rising = draw.values["x"] > 25
            state = "complete"
            for step in range(1, 10):
                value = draw.values["x"] + (step if rising else -step) / 10
                if study.report(draw.number, step, value):
                    state = "pruned"
                    break
            study.ended(draw.number, Ending(state, value if state == "complete" else None))
        trials = study.look().trials
    assert any(each.state == "pruned" for each in trials)
    least = min(each.parameters["x"] for each in trials)
    assert study.best(30).parameters["x"] == least


@pytest.mark.parametrize(("length", "first"), [(1, 1), (5, 1), (12, 2), (27, 4), (100, 13)])
def test_asha_compares_first_after_an_eighth_of_a_trial(tmp_path, length, first):
    """The first complete trial gives the length; those that were ahead of it are compared at once, and count."""
    spec = make_spec(
        read_over(SPACE, "x"), metric="loss", search="random", prune={"rule": "asha"}, seed=4
    )
    with open_study(tmp_path, spec, "run") as study:
        for number in range(4):
            study.draw(9)
            study.began(number, "key")
        for step in range(length):
            assert not study.report(0, step, 1.0)
            assert not study.report(1, step, 5.0)  # worse, but nothing is known of its length
        assert not study.report(2, 0, 0.5)
        study.ended(0, Ending("complete", 1.0))
        assert study.to_stop() == {(1, 0)}
        stopped = [study.report(3, step, 9.0) for step in range(length)]
        assert stopped == [step + 1 >= first for step in range(length)]
    with open_study(tmp_path, spec, "run") as study:
        assert study.to_stop() == {(1, 0), (3, 0)}


def test_the_bands_are_said_when_the_sweep_starts():
    wandb = read_prune({"rule": "wandb", "max_iter": 27, "s": 2}, "here")
    assert bands(wandb.options) == [3, 9]
    assert "Bands at reports 3, 9 of the metric" in announcement(wandb)[0]
    endless = read_prune({"rule": "wandb", "min_iter": 3, "strict": False}, "here")
    assert "Bands at reports 3, 9, 27, 81, 243, ... of" in announcement(endless)[0]
    assert "its best value so far is not among the best 1/3" in announcement(endless)[1]
    given = read_prune({"rule": "asha", "first": 1, "eta": 3}, "here")
    assert "At reports 1, 3, 9, 27, 81, ... of" in announcement(given)[0]
    said = "At 1/8, 1/4 and 1/2 of the first complete trial's reports a trial continues"
    assert said in announcement(read_prune("asha", "here"))[0]
    assert announcement(read_prune("none", "here")) == ()
    for rule in ("hyperband", "median", "patience"):
        assert f"{rule} (optuna)" in announcement(read_prune(rule, "here"))[0].lower()


@pytest.mark.long
def test_the_stopped_trials_are_those_of_wandbs_own_package(wandb_python):
    cases = [
        (seed, goal, rule)
        for seed in range(40)
        for goal in ("minimize", "maximize")
        for rule in RULES
    ]
    code = (
        "import json, sys\n"
        "from sweeps.hyperband_stopping import hyperband_stop_runs\n"
        "from sweeps.run import RunState, SweepRun\n"
        "def stopped(goal, rule, curves):\n"
        "    runs = [SweepRun(name=n, state=RunState.running if int(n) % 2 else RunState.finished,\n"
        "                     history=[{'m': v} for v in c]) for n, c in curves.items()]\n"
        "    config = {'method': 'random', 'parameters': {'a': {'value': 1}},\n"
        "              'metric': {'name': 'm', 'goal': goal},\n"
        "              'early_terminate': {'type': 'hyperband', **rule}}\n"
        "    return [int(r.name) for r in hyperband_stop_runs(runs, config)]\n"
        "print(json.dumps([stopped(*case) for case in json.load(sys.stdin)]))"
    )
    given = json.dumps([[goal, rule, curves_of(seed)] for seed, goal, rule in cases])
    call = [wandb_python, "-W", "ignore", "-c", code]
    done = subprocess.run(call, input=given, capture_output=True, text=True, check=True)
    for (seed, goal, rule), theirs in zip(cases, json.loads(done.stdout), strict=True):
        sign = 1 if goal == "minimize" else -1
        curves = {n: [sign * v for v in curve] for n, curve in curves_of(seed).items()}
        ours = wandb_stops(
            read_prune({"rule": "wandb", **rule}, "here"), curves, [n for n in curves if n % 2]
        )
        assert ours == theirs, (seed, goal, rule)
