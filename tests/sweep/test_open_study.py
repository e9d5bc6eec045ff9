"""A study that is open: draws, restarts, verdicts, endings."""

import json
import math
import os
import random
import re
import signal
import time
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wingspan.errors import (
    ConflictError,
    CorruptError,
    FormatError,
    NotFoundError,
    SettingError,
    SpaceError,
    WingspanError,
)
from wingspan.sweep.journal import JOURNAL
from wingspan.sweep.metric import metric_value
from wingspan.sweep.open_study import open_study
from wingspan.sweep.over import read_over
from wingspan.sweep.records import Ending
from wingspan.sweep.search import DRAWS, LEARNING
from wingspan.sweep.space import beta, choice, int_uniform, log_uniform, normal, uniform
from wingspan.sweep.spec import SEARCHES, make_spec
from wingspan.sweep.study import read_study

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


TRIED = ["random", "quasi-random", "tpe"]


@pytest.mark.parametrize("search", [*TRIED, "cma-es", "grid"])
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


PRUNED = ["none", "asha", "hyperband"]


@cache
def whole_study(search, prune, repeats):
    """Return a spec, and the draws and the journal of its study that was not disturbed."""
    numbers = {"rate": log_uniform(1e-5, 1e-1), "drop": uniform(0, 1)}
    over = numbers if search == "cma-es" else OVER
    spec = spec_of(over, search=search, prune=prune, seed=1, repeats=repeats)
    with TemporaryDirectory() as folder:
        draws = go_on(Path(folder), spec, 12)
        return spec, draws, (Path(folder) / JOURNAL).read_bytes()


def numbers_drawn(folder):
    """Return the numbers of all draws in a journal, in order."""
    entries = map(json.loads, (folder / JOURNAL).read_text().splitlines())
    return [each["number"] for each in entries if each["event"] == "draw"]


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("examples", "seconds"), [(25, 60), pytest.param(10_000, 300, marks=pytest.mark.long)]
)
def test_a_journal_cut_at_any_byte_gives_the_same_draws_and_none_twice(
    tmp_path_factory, examples, seconds
):
    """As many examples as the seconds allow."""
    end, tried = time.monotonic() + seconds, count()

    @settings(max_examples=examples, deadline=None, database=None)
    @given(
        study=st.builds(whole_study, *map(st.sampled_from, ([*TRIED, "cma-es"], PRUNED, [1, 2]))),
        share=st.floats(0, 1),
    )
    def require_the_same(study, share):
        if time.monotonic() > end:
            return
        next(tried)
        spec, draws, content = study
        with TemporaryDirectory() as name:
            folder = Path(name) / "study"
            folder.mkdir()
            (folder / JOURNAL).write_bytes(content[: round(share * len(content))])
            assert go_on(folder, spec, 12) == draws
            assert numbers_drawn(folder) == list(range(12))

    require_the_same()
    print(f"{next(tried):,} examples")


@pytest.mark.parametrize("seconds", [1, pytest.param(60, marks=pytest.mark.long)])
def test_a_search_killed_at_any_moment_gives_the_same_draws_and_none_twice(tmp_path, seconds):
    """Killed again and again, until a process comes to the end; the lock goes with the process."""
    end, source, kills = time.monotonic() + seconds, random.Random(5), 0
    for study in count():
        if study and time.monotonic() > end:
            break
        search, prune = source.choice(TRIED), source.choice(PRUNED)
        spec, draws, _ = whole_study(search, prune, 1)
        folder = tmp_path / f"{study}"
        ended, usual_s = False, 0.03
        while not ended:
            pid = os.fork()
            if not pid:
                try:
                    go_on(folder, spec, 12)
                    os._exit(0)
                finally:
                    os._exit(1)
            time.sleep(source.expovariate(1 / usual_s))
            usual_s *= (
                1.2  # a large process takes long to fork: it must come to an end all the same
            )
            os.kill(pid, signal.SIGKILL)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            assert code in {0, -signal.SIGKILL}
            ended = code == 0
            kills += not ended
        assert go_on(folder, spec, 12) == draws
        assert numbers_drawn(folder) == list(range(12))
    print(f"{kills:,} kills of {study:,} studies")
    assert kills


def test_a_longer_sweep_goes_on_and_a_shorter_one_is_its_beginning(tmp_path):
    spec = spec_of(seed=5)
    first = go_on(tmp_path, spec, 8)
    assert go_on(tmp_path, spec, 11)[:8] == first
    with open_study(tmp_path, spec, "run") as study:
        assert study.draw(8) is None
        assert study.exhausted(8) == "8 of 8 trials are drawn"
        assert [dict(each.parameters) for each in study.look(8).trials] == first


def test_one_search_at_a_time(tmp_path):
    """The second is refused, with the name of the run that searches."""
    with open_study(tmp_path, spec_of(), "20261129-first"), pytest.raises(ConflictError) as caught:
        open_study(tmp_path, spec_of(), "other")
    assert "run 20261129-first is searching this study now" in caught.value.problem
    open_study(tmp_path, spec_of(), "other").__exit__(None, None, None)


def test_a_journal_of_another_format_or_study_is_not_touched(tmp_path):
    """Each says what is in the way; not a byte changes."""
    spec = spec_of()
    go_on(tmp_path, spec, 2)
    path = tmp_path / JOURNAL
    whole = path.read_text()
    lines = whole.splitlines(keepends=True)
    newer = lines[0].replace('"format":1', '"format":2')
    cases = [
        (newer + "".join(lines[1:]), FormatError, "expected format 1, found 2"),
        (lines[0] + "half a li\n" + "".join(lines[1:]), CorruptError, "line 2 is not an entry"),
        ("".join(lines[1:]), CorruptError, "the first line does not describe a study"),
        (lines[0] + '{"event":"draw"}\n' + lines[1], CorruptError, "an entry is malformed"),
        (
            lines[0] + '{"event":"ended","number":7}\n' + lines[1],
            CorruptError,
            "an entry is malformed",
        ),
    ]
    for content, kind, part in cases:
        path.write_text(content)
        for look in (lambda: open_study(tmp_path, spec, "run"), lambda: read_study(tmp_path)):
            with pytest.raises(kind, match=part):
                look()
        assert path.read_text() == content
    path.write_text(whole)
    with pytest.raises(ConflictError, match="other settings"):
        open_study(tmp_path, spec_of(seed=9), "run")
    with pytest.raises(NotFoundError, match="there is no study here"):
        read_study(tmp_path / "none")


def test_a_full_disk_leaves_whole_lines(tmp_path, monkeypatch):
    """Half a line would spoil the next entry, and a draw that is not written is not handed out."""
    with open_study(tmp_path, spec_of(), "run") as study:
        study.draw(9)
        before = (tmp_path / JOURNAL).read_bytes()
        write = os.write
        monkeypatch.setattr(os, "write", lambda file, line: write(file, line[: len(line) // 2]))
        with pytest.raises(SpaceError):
            study.draw(9)
        monkeypatch.undo()
        assert (tmp_path / JOURNAL).read_bytes() == before
        assert study.draw(9).number == 1


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
def test_a_trial_without_a_finite_value_has_failed(tmp_path, value):
    """It never is the best, teaches the search nothing, and says why."""
    with open_study(tmp_path, spec_of(goal="maximize"), "run") as study:
        for number, each in enumerate([1.0, value]):
            study.draw(2)
            study.began(number, "key")
            study.report(number, 1, math.nan)
            study.ended(number, Ending("complete", each))
        good, bad = study.look().trials
        assert (good.state, bad.state, bad.value, bad.curve) == ("complete", "failed", None, ())
        assert "loss" in bad.problem
        assert study.best(2) == good


def test_equal_draws_share_one_result(tmp_path):
    """A draw that equals an earlier trial starts no job, and a finite space comes to its end."""
    spec = spec_of({"a": [1, 2], "b": ["x"]}, search="random", seed=2)
    with open_study(tmp_path, spec, "run") as study:
        draws = []
        while (draw := study.draw(50)) is not None:
            draws.append(draw)
            if draw.same_as is None:
                study.began(draw.number, "key")
                study.ended(draw.number, Ending("complete", float(draw.values["a"])))
        assert len(draws) < 20
        assert study.exhausted(50) == "all 2 combinations are drawn"
        assert [each.value for each in study.look().trials] == [each.values["a"] for each in draws]
        assert study.look().used_s == 0


def test_starting_points_are_tried_first(tmp_path):
    """As they are given, in dots or nested; what they leave out is drawn."""
    start = [{"rate": 0.01, "model.name": "mlp"}, {"model": {"width": 64}, "kind": "b"}]
    spec = spec_of(start=start, seed=1)
    first, second = go_on(tmp_path, spec, 6)[:2]
    assert (first["rate"], first["model"]["name"]) == (0.01, "mlp")
    assert (second["model"]["width"], second["kind"]) == (64, "b")


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"search": "tpa"}, "did you mean tpe"),
        ({"search": "cma-es"}, "searches numbers only, found the choice kind, model.name"),
        ({"search": "grid"}, "a grid needs parameters with finitely many values; drop is beta"),
        ({"goal": "minimise"}, "did you mean minimize"),
        ({"metric": ""}, "expected the name of a metric"),
        ({"prune": "asah"}, "did you mean asha"),
        ({"prune": {"rule": "asha", "frist": 2}}, "did you mean first"),
        ({"prune": {"rule": "asha", "eta": 1}}, "expected eta of at least 2, found 1"),
        ({"prune": {"rule": "hyperband", "first": 9, "last": 3}}, "expected first <= last"),
        ({"prune": {"rule": "patience", "delta": "x"}}, "expected a number as delta"),
        ({"prune": {"rule": "wandb"}}, "needs min_iter, or max_iter and s"),
        ({"prune": 3}, "expected the name of a rule"),
        ({"seed": -1}, "expected an integer of at least 0, found -1"),
        ({"repeats": 0}, "expected an integer of at least 1"),
        ({"repeats": True}, "found True"),
        ({"start": {"rate": 1}}, "expected a list of dicts"),
        ({"start": [{"rates": 0.1}]}, "'rates' is not swept"),
        ({"start": [{"rate": 5}]}, "5 cannot be drawn"),
        ({"start": [{"model": {"name": "rnn"}}]}, "'rnn' is not one of the choices"),
        ({"start": [{}]}, "names no swept parameter"),
    ],
)
def test_wrong_options_are_refused_together(options, part):
    with pytest.raises(SettingError, match=re.escape(part)):
        spec_of(**options)


@pytest.mark.parametrize(
    ("over", "part"),
    [
        ({}, "names no parameters"),
        ([1], "expected over={name: values}"),
        ({"a": 3}, "write [3] for one value"),
        ({"a": "adam"}, "write ['adam'] for one value"),
        ({"a": []}, "the list of values is empty"),
        ({"a": {}}, "the dict of nested parameters is empty"),
        ({"a": [(1, 2)]}, "write a list: [1, 2]"),
        ({"a": [Path("x")]}, "sweep over text"),
        ({"a": [np.int64(3)]}, "write the plain number 3"),
        ({"a": [1, math.nan]}, "expected a finite number"),
        ({"a": [{"lr": uniform(0, 1)}]}, "depend on another"),
        ({"a.b": [1], "a": {"b": [2]}}, "two parameters are called a.b"),
        ({3: [1]}, "expected the name of a parameter"),
    ],
)
def test_a_wrong_space_is_refused(over, part):
    with pytest.raises(WingspanError, match=re.escape(part)):
        read_over(over, "here")


@pytest.mark.parametrize("search", ["random", "tpe", "quasi-random"])
def test_a_space_may_have_more_values_than_any_grid(tmp_path, search):
    """Such as a seed: only a grid lists its values."""
    space = {"seed": int_uniform(0, 2**53), "rate": uniform(0, 1, q=1e-12)}
    spec = make_spec(read_over(space, "here"), metric="loss", search=search)
    with open_study(tmp_path / "studies/s", spec, "run") as study:
        found = [study.draw(12).values for _ in range(12)]
    assert len({each["seed"] for each in found}) == 12
    with pytest.raises(SettingError, match=r"a grid would have 9,007,199,254,740,993 values"):
        make_spec(read_over({"seed": int_uniform(0, 2**53)}, "here"), metric="loss", search="grid")


def test_arrays_and_ranges_are_choices():
    space = read_over({"a": np.array([1, 2]), "b": range(3), "c": (0.5, 1)}, "here")
    assert [each.distribution.choices for each in space.dimensions] == [(1, 2), (0, 1, 2), (0.5, 1)]
    assert space.size == 12


def test_repeats_and_confirmations_find_the_best_by_its_mean(tmp_path):
    """Repeats come after a complete first call; the confirmed trials alone compete at the end."""
    spec = spec_of({"a": [1, 2, 3, 4]}, search="grid", repeats=2)
    noise = {(1, 0): -5, (1, 1): 5, (2, 2): 9, (2, 3): 9}

    def run(study, draw):
        study.began(draw.number, f"{draw.number}{draw.repeat}", draw.repeat)
        if draw.number == 3:
            return study.ended(draw.number, Ending("failed", problem="no"), draw.repeat)
        value = draw.number + noise.get(draw.call, 0) - 3 * (draw.number == 2)
        return study.ended(draw.number, Ending("complete", value, wall_s=1.0), draw.repeat)

    with open_study(tmp_path, spec, "run") as study:
        order = []
        while (draw := study.draw(4)) is not None:
            order.append(draw.call)
            run(study, draw)
        assert order == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1), (3, 0)]
        assert [each.number for each in study.top(2, 4)] == [2, 0]
        draws = study.confirmations(2, 4)
        assert [each.call for each in draws] == [(2, 2), (2, 3), (0, 2), (0, 3)]
    with open_study(tmp_path, spec, "run") as study:  # killed before they were begun
        draws = study.confirmations(2, 4)
        for draw in draws:
            run(study, draw)
        assert study.confirmations(2, 4) == []
        assert (study.best(4).number, study.best(4, confirm=2).number) == (2, 0)
        assert study.look().trials[0].values == (0, 0, 0, 0)


def test_a_sweep_of_failures_ends_with_the_commonest_traceback(tmp_path):
    spec = spec_of(search="random")
    with open_study(tmp_path, spec, "run") as study:
        for number in range(8):
            assert study.failure(2, 30) == ""
            study.draw(30)
            problem = (
                "Traceback\n  line\nValueError: rare" if number == 3 else "Traceback\nKeyError: 'x'"
            )
            study.began(number, "key")
            study.ended(number, Ending("failed", problem=problem))
        said = study.failure(2, 30)
        assert said.startswith("8 of 8 trials failed and none is complete; 7 of them with:")
        assert said.endswith("Traceback\nKeyError: 'x'")
        assert study.failure(9, 30) == ""


def test_a_missing_metric_is_said_after_the_first_trial(tmp_path):
    with open_study(tmp_path, spec_of(metric="val_loss"), "run") as study:
        study.draw(30)
        with pytest.raises(NotFoundError) as caught:
            metric_value("val_loss", {"vall_loss": 1.0, "name": "x"}, {"loss": 2.0})
        assert "did you mean vall_loss" in caught.value.problem
        study.ended(0, Ending("complete", None, problem=caught.value.problem))
        assert study.failure(2, 30).startswith(
            "trial 0 succeeded, but the trial reported no 'val_loss'"
        )


@pytest.mark.parametrize("prune", ["asha", {"rule": "wandb", "min_iter": 1}])
def test_late_reports_and_equal_draws_do_not_disturb_the_search(tmp_path, prune):
    """A report after the end is passed over; a draw that equals an ended trial is told at once."""
    spec = spec_of({"a": [1, 2, 3, 4, 5], "b": [1, 2]}, search="tpe", prune=prune, seed=0)
    with open_study(tmp_path, spec, "run") as study:
        equal = 0
        while (draw := study.draw(60)) is not None:
            if draw.same_as is not None:
                equal += 1
                continue
            study.began(draw.number, "key")
            stop = study.report(draw.number, 1, draw.values["a"])
            state = "pruned" if stop or draw.values["a"] == 5 else "complete"
            study.ended(draw.number, Ending(state, float(draw.values["a"])))
            assert not study.report(draw.number, 2, 9.0)
        assert equal
        whole = study.look()
    assert {len(each.curve) for each in whole.trials} == {1}
    assert whole.best.value == 1
    with open_study(tmp_path, spec, "run") as study:
        assert study.look() == whole


def test_every_search_has_its_draws():
    """A search that is only named would draw as another one does."""
    assert set(DRAWS) | LEARNING == set(SEARCHES)
    assert not set(DRAWS) & LEARNING


@pytest.mark.parametrize("search", SEARCHES)
def test_trials_drawn_ahead_are_those_that_are_drawn_one_by_one(tmp_path, search):
    """A search that learns draws at random then; what equals an earlier trial is no call."""
    over = {"rate": [1, 2, 3], "layers": [1, 2]} if search == "grid" else OVER
    if search == "cma-es":
        over = {"rate": uniform(0, 1), "other": uniform(0, 1)}
    spec = spec_of(over, search=search)
    with open_study(tmp_path / "ahead" / "s", spec, "run") as study:
        study.draw_ahead(5)
        ahead = [trial.parameters for trial in study.look().trials]
        assert [draw.number for draw in study.unended(5)] == [0, 1, 2, 3, 4]
        assert study.draw(5) is None
    if search not in LEARNING:
        assert ahead == go_on(tmp_path / "one" / "s", spec, 5)


def test_a_trial_that_was_drawn_elsewhere_is_recorded_once(tmp_path):
    """Its origin is what it is known by, also after a restart."""
    with open_study(tmp_path / "x" / "s", spec_of(search="random"), "run") as study:
        study.draw(9)
        values = study.look().trials[0].parameters
        assert study.draw_given(values, "lane 0").number == 1
        assert study.draw_given(values, "lane 0").same_as == 0
        assert not study.running(1)
    with open_study(tmp_path / "x" / "s", spec_of(search="random"), "run") as study:
        assert study.draw_given(values, "lane 0").number == 1
        assert study.draw_given(values, "lane 1").number == 2
        assert study.running(0)
        assert study.key(0) == ""
