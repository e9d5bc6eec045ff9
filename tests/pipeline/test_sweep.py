"""A sweep is declared: what is searched, what stays constant, and what is refused, with the line and a way out."""

from pathlib import Path
from typing import NamedTuple

import pytest

import wingspan as ws
from wingspan.errors import DeclarationError, WingspanError
from wingspan.planning.trial import trial_of


class Fitted(NamedTuple):
    model: dict[str, float]
    loss: float


class Told(NamedTuple):
    model: float
    study: float


def load(size: int) -> list[int]:
    return list(range(size))


def fit(train: list[int], rate: float, layers: int = 1) -> Fitted:
    return Fitted({"rate": rate}, rate * layers + len(train))


def seeded(rate: float, seed: int = 3, trials: int = 1) -> float:
    return rate + seed + trials


def told(rate: float) -> Told:
    return Told(rate, rate)


SPACE = {"rate": [0.1, 0.2, 0.4], "layers": [1, 2]}


def declared(tmp_path, **options):
    p = ws.Pipeline("sweeps")
    table = p.step(load, 3)
    given = {"over": SPACE, "metric": "loss", "search": "grid"} | options
    tuned = p.sweep(fit, train=table, **given)
    return p, tuned, p.plan(tmp_path)


def test_a_sweep_is_a_step_with_fields_and_a_table(tmp_path):
    """The handle has the fields of the function's result, and `study`; the table is a step of its own."""
    p, tuned, plan = declared(tmp_path)
    assert list(p.steps) == ["load", "fit", "fit.study"]
    assert repr(tuned.model) == "Handle('fit', 'model')"
    assert repr(tuned.study) == "Handle('fit.study')"
    assert plan["fit.study"].needs == (plan["fit"].key,)
    assert plan["fit"].sweep["budget"]["trials"] == 6  # all of the grid
    with pytest.raises(DeclarationError, match="no field 'modle'; did you mean model"):
        _ = tuned.modle


def test_a_trial_has_the_key_of_the_equal_step(tmp_path):
    """Given as p.step gives them, the values of a trial make the same key."""
    _, _, plan = declared(tmp_path)
    trial = trial_of(plan["fit"], {"rate": 0.2, "layers": 2}, 4)
    p = ws.Pipeline("other")
    p.step(fit, p.step(load, 3), rate=0.2, layers=2)
    assert trial.key == p.plan(tmp_path)["fit"].key
    assert trial.name == "fit[4]"
    assert trial.components["parameter rate"] == "0.2"


def test_a_command_trial_has_the_key_of_the_equal_command(tmp_path):
    """A command's trial is that command with the values in it."""
    script = tmp_path / "train.py"
    script.write_text("print(1)")
    line, files = "python train.py --rate {rate} --size {size}", [script]
    p = ws.Pipeline("commands")
    options = {"outputs": {"model": "model.txt"}, "files": files}
    p.sweep(line, over={"rate": [0.1, 0.5]}, metric="loss", search="grid", size=3, **options)
    p.command(line, rate=0.5, size=3, name="direct", **options)
    plan = p.plan(tmp_path / "home")
    assert trial_of(plan["train"], {"rate": 0.5}).key == plan["direct"].key


def test_repeats_take_the_next_seed_or_other_random_numbers(tmp_path):
    """A function with a parameter `seed` gets the next ones; any other one gets a key of its own, so other numbers."""
    p = ws.Pipeline("seeds")
    p.sweep(seeded, over={"rate": [0.1]}, metric="loss", search="grid", repeats=2)
    p.step(seeded, rate=0.1, seed=4, name="direct")
    plan = p.plan(tmp_path)
    assert trial_of(plan["seeded"], {"rate": 0.1}, 0, 1).key == plan["direct"].key
    _, _, other = declared(tmp_path, repeats=2)
    calls = [trial_of(other["fit"], {"rate": 0.1, "layers": 1}, 0, repeat) for repeat in range(3)]
    assert len({call.key for call in calls}) == len({call.base for call in calls}) == 3


def test_the_study_ignores_how_many_trials_there_are(tmp_path):
    """trials, target and hours make another sweep of the same study; parallel and keep not even that."""
    _, _, plan = declared(tmp_path, search="random", trials=24)
    for options, same_study, same_sweep in (
        ({"trials": 30}, True, False),
        ({"target": 0.5}, True, False),
        ({"parallel": 2, "keep": "best"}, True, True),
        ({"seed": 1}, False, False),
        ({"prune": {"rule": "wandb", "min_iter": 1}}, False, False),
        ({"over": {"rate": [0.1], "layers": [1, 2]}}, False, False),
        ({"start": [{"rate": 0.1, "layers": 1}]}, False, False),
    ):
        _, _, other = declared(tmp_path, **{"search": "random", "trials": 24, **options})
        assert (other["fit"].sweep["study"] == plan["fit"].sweep["study"]) is same_study, options
        assert (other["fit"].key == plan["fit"].key) is same_sweep, options


def test_constants_pass_what_is_named_like_an_option(tmp_path):
    """seed=1 is the search's; the function's own goes by constants, or is searched."""
    p = ws.Pipeline("named")
    space = {"rate": [0.1], "seed": [1, 2]}
    p.sweep(seeded, over=space, metric="loss", search="grid", constants={"trials": 7})
    assert dict(p.steps["seeded"].arguments) == {"trials": 7}
    trial = trial_of(p.plan(tmp_path)["seeded"], {"rate": 0.1, "seed": 2})
    assert trial.arguments == {"trials": 7, "rate": 0.1, "seed": 2}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"over": {"ratee": [0.1]}}, "fit has no parameter of this name\n  -> did you mean rate"),
        ({"over": {}}, "expected parameters and what to draw them from"),
        ({"over": {"rate": []}}, "the list of values is empty"),
        ({"over": {"rate": Path("a")}}, "expected a list of values or a distribution"),
        ({"over": {"rate": [Path("a")]}}, "Path"),
        ({"over": {"train": [[1]], "rate": [1]}}, "train is given twice"),
        ({"metric": None}, "the metric is missing"),
        ({"goal": "max"}, "maximize"),
        ({"search": "bayesian"}, "tpe"),
        ({"search": "random"}, "the number of trials is missing"),
        ({"trials": 0}, "trials=0 is invalid: expected a whole number from 1"),
        ({"parallel": True}, "parallel=True is invalid"),
        ({"hours": -1}, "hours=-1 is invalid"),
        ({"target": float("nan")}, "target=nan is invalid"),
        ({"keep": "some"}, "expected one of all, best"),
        ({"start": [{"rate": 3.0}]}, "rate"),
        ({"start": {"rate": 0.1}}, "expected a list of trials to run first"),
        (
            {"over": {"rate": list(range(1000)), "layers": list(range(1001))}},
            "the grid has 1,001,000 combinations, expected at most 1,000,000",
        ),
        (
            {"start": [{"rate": 0.1}, {"rate": 0.2}], "search": "random", "trials": 1},
            "start= lists 2 trials, expected at most trials=1",
        ),
        ({"repeats": 0}, "repeats"),
        ({"prune": "ashaa"}, "asha"),
        ({"constants": 3}, "constants=3 is invalid"),
        ({"constants": {"train": 1}}, "train is given twice"),
        ({"constants": {"tran": 1}}, "tran"),
    ],
)
def test_what_is_wrong_is_refused(tmp_path, options, told):
    """The message says what was expected and found; the line is the user's."""
    with pytest.raises(WingspanError, match="(?s)" + told) as caught:
        declared(tmp_path, **options)
    assert "test_sweep.py:" in caught.value.where


def test_handles_are_no_values_to_search():
    """What a step will give is not known when the search begins."""
    p = ws.Pipeline("handles")
    size = p.step(load, 3)
    with pytest.raises(WingspanError, match=r"load|Handle"):
        p.sweep(fit, [1], over={"rate": [size]}, metric="loss", search="grid")


def test_a_field_called_study_is_refused():
    """tuned.study is the table of the trials."""
    p = ws.Pipeline("fields")
    with pytest.raises(DeclarationError, match="told returns a field called 'study'"):
        p.sweep(told, over={"rate": [0.1]}, metric="model", search="grid")


def test_a_declared_step_can_be_searched(tmp_path):
    """`search` takes the only step with such parameters; its other arguments stay."""
    p = ws.Pipeline("later")
    fitted = p.step(fit, p.step(load, 3), rate=0.5, layers=2)
    p.step(load, 4, name="after")
    assert p.search({"rate": [0.1, 0.2]}, metric="loss", search="grid") == "fit"
    assert list(p.steps) == ["load", "fit", "fit.study", "after"]
    assert set(p.steps["fit"].arguments) == {"train", "layers"}
    assert p.search({"layers": [1, 2]}) == "fit"
    assert fitted == p.steps["fit"].handle()
    with pytest.raises(DeclarationError, match="no step takes all of rates"):
        ws.Pipeline("none").search({"rates": [1]}, metric="loss", search="grid")
