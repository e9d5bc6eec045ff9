"""A study that is open: draws, restarts, verdicts, endings."""

import json
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wingspan.sweep.journal import JOURNAL
from wingspan.sweep.opened import open_study
from wingspan.sweep.over import read_over
from wingspan.sweep.records import Ending
from wingspan.sweep.space import beta, choice, int_uniform, log_uniform, normal, uniform
from wingspan.sweep.spec import make_spec

OVER = {
    "rate": log_uniform(1e-5, 1e-1),
    "layers": int_uniform(1, 4),
    "model": {"name": ["cnn", "mlp"], "width": normal(64, 10, q=8)},
    "drop": beta(2, 5),
    "kind": choice(["a", "b"], [0.75, 0.25]),
}


def spec_of(over=OVER, **options):
    return make_spec(read_over(over, "here"), **({"metric": "loss"} | options))


def loss(values):
    """A made loss: a function of the parameters alone."""
    return abs(json.dumps(values, sort_keys=True).__len__() % 7 + values.get("rate", 0) - 3)


def go_on(folder, spec, limit, events=None):
    """Run the study's calls one after the other, until none is left or `events` are used up; return its draws."""
    left = count() if events is None else iter(range(events))
    with open_study(folder, spec, "run") as study:
        waiting = study.unended(limit)
        while (draw := waiting.pop(0) if waiting else study.draw(limit)) is not None:
            if draw.same_as is not None:
                continue
            study.began(draw.number, f"{draw.number:04}-{draw.repeat}", draw.repeat)
            value = loss(draw.values) + draw.repeat
            state = "complete"
            for epoch in range(1, 6):
                if next(left, None) is None:
                    return None
                if study.report(draw.number, epoch, value + 1 / epoch, draw.repeat):
                    state = "pruned"
                    break
            study.ended(
                draw.number, Ending(state, None if state == "pruned" else value), draw.repeat
            )
        return [dict(each.parameters) for each in study.look().trials]


SEARCHES = ["random", "quasi-random", "tpe"]


@pytest.mark.parametrize("search", [*SEARCHES, "cma-es", "grid"])
@pytest.mark.parametrize("prune", ["none", "asha"])
def test_a_restart_after_any_trial_gives_the_same_draws(tmp_path, search, prune):
    """The journal is all that a search remembers."""
    over = {"a": uniform(0, 1), "rate": log_uniform(1e-3, 1), "n": int_uniform(1, 9)}
    over = {"a": [1, 2, 3], "rate": [0.1, 0.2, 0.3, 0.4]} if search == "grid" else over
    spec = spec_of(over, search=search, prune=prune, seed=3)
    whole = go_on(tmp_path / "whole", spec, 12)
    assert len(whole) == 12
    assert len({json.dumps(each) for each in whole}) == 12
    for events in range(1, 60, 7):
        go_on(tmp_path / "parts", spec, 12, events)
    assert go_on(tmp_path / "parts", spec, 12) == whole


@settings(max_examples=15, deadline=None)
@given(data=st.data(), search=st.sampled_from(SEARCHES), prune=st.sampled_from(["none", "asha"]))
def test_a_journal_cut_at_any_byte_gives_the_same_draws_and_none_twice(
    tmp_path_factory, data, search, prune
):
    folder = tmp_path_factory.mktemp("study")
    spec = spec_of(search=search, prune=prune, seed=1, repeats=data.draw(st.sampled_from([1, 2])))
    whole = go_on(folder, spec, 12)
    path = folder / JOURNAL
    content = path.read_bytes()
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    assert go_on(folder, spec, 12) == whole
    numbers = [
        each["number"]
        for each in map(json.loads, path.read_text().splitlines())
        if each["event"] == "draw"
    ]
    assert numbers == list(range(12))


def test_a_longer_sweep_goes_on_and_a_shorter_one_is_its_beginning(tmp_path):
    spec = spec_of(seed=5)
    first = go_on(tmp_path, spec, 8)
    assert go_on(tmp_path, spec, 11)[:8] == first
    with open_study(tmp_path, spec, "run") as study:
        assert study.draw(8) is None
        assert study.exhausted(8) == "8 of 8 trials are drawn"
        assert [dict(each.parameters) for each in study.look(8).trials] == first
