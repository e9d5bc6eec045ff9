"""A study as its user looks at it: table, best, importance, pictures."""

import json
import random
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from wingspan.sweep.open_study import open_study
from wingspan.sweep.over import read_over
from wingspan.sweep.records import Ending
from wingspan.sweep.space import int_uniform, log_uniform
from wingspan.sweep.spec import make_spec
from wingspan.sweep.study import Study, read_study

OVER = {
    "rate": log_uniform(1e-4, 1e-1),
    "layers": int_uniform(1, 4),
    "model": {"kind": ["a<b", "c"], "shape": [[1, 2], [3]]},
}


def studied(folder, count, **options):
    """Return a study of `count` trials whose loss is the rate's; every fifth is pruned, every seventh fails."""
    spec = make_spec(read_over(OVER, "x"), **({"metric": "loss", "search": "random"} | options))
    with open_study(folder, spec, "run") as study:
        for number in range(count):
            values = study.draw(count).values
            study.began(number, f"{number:02x}")
            loss = values["rate"] + random.Random(number).random() * 0.001
            reports = 2 if number % 5 == 4 else 4
            for step in range(reports):
                study.report(number, step, loss + 1 / (step + 1))
            state = "pruned" if reports == 2 else "failed" if number % 7 == 6 else "complete"
            value = loss if state == "complete" else None
            study.ended(
                number, Ending(state, value, "KeyError" * (state == "failed"), reports * 10.0)
            )
    return read_study(folder)


def test_the_best_and_the_rows_follow_the_goal(tmp_path):
    small, large = studied(tmp_path / "a", 20), studied(tmp_path / "b", 20, goal="maximize")
    complete = [each for each in small.trials if each.state == "complete"]
    assert small.best == min(complete, key=lambda each: each.value)
    assert large.best.number == max(complete, key=lambda each: each.value).number
    assert small.counts == {"complete": 14, "pruned": 4, "failed": 2, "running": 0}
    rows = small.rows()
    assert [row["loss"] for row in rows[:14]] == sorted(each.value for each in complete)
    assert {"number", "state", "loss", "rate", "layers", "model.kind", "reports"} <= set(rows[0])
    assert small.summary().startswith("20 trials: 14 complete, 4 pruned, 2 failed; best loss ")


def test_the_text_of_a_study_has_the_best_trials_and_how_to_see_all(tmp_path):
    study = studied(tmp_path / "a", 200)
    lines = repr(study).splitlines()
    assert lines[0] == f"Study: {study.summary()}"
    assert lines[1].startswith(f"  trial {study.best.number}: {study.best.value:g}  ")
    assert lines[-1] == "  and 190 more: study.table() has all"
    assert (len(lines), max(map(len, lines)) < 400) == (12, True)
    few = studied(tmp_path / "b", 5)
    assert "\n  trial 4: pruned  " in repr(few)
    assert len(repr(few).splitlines()) == 6


def test_the_table_has_a_row_a_trial(tmp_path):
    pytest.importorskip("polars")
    study = studied(tmp_path, 20)
    table = study.table()
    assert table.shape == (20, 10)
    assert table["number"][0] == study.best.number
    assert {json.loads(each)[0] for each in table["model.shape"]} == {1, 3}
    assert Study(study.spec, ()).table().shape[0] == 0


def test_a_parameter_that_is_called_like_a_column_has_its_own(tmp_path):
    spec = make_spec(
        read_over({"state": ["x"], "number": [1, "two", None]}, "x"), metric="loss", search="grid"
    )
    with open_study(tmp_path, spec, "run") as study:
        for number in range(3):
            study.draw(3)
            study.ended(number, Ending("complete", 1.0))
        table = study.look().table()
    assert set(table["parameters.state"]) == {"x"}
    assert set(table["parameters.number"]) == {"1", "two", None}
    assert table["state"].to_list() == ["complete"] * 3


def test_what_pruning_saved_is_estimated_from_the_usual_length(tmp_path):
    """Four pruned trials took 20 s, where a complete one takes 40 s."""
    study = studied(tmp_path, 20)
    assert study.saved_s == 4 * 20
    assert study.used_s == 16 * 40 + 4 * 20


def test_importance_names_its_method_and_is_silent_about_few_trials(tmp_path):
    few, many = studied(tmp_path / "few", 40), studied(tmp_path / "many", 80)
    assert sum(each.state == "complete" for each in few.trials) < 30
    assert few.importance() is None
    found = many.importance()
    assert found.method == "PED-ANOVA (Optuna)"
    assert next(iter(found.shares)) == "rate"
    assert sum(found.shares.values()) == pytest.approx(1)
    assert "Importance by PED-ANOVA (Optuna)" in many.pictures()["importance"]
    assert "importance" not in few.pictures()


def test_pictures_show_pruned_trials_grey_and_the_best_green(tmp_path):
    study = studied(tmp_path, 20)
    pictures = study.pictures()
    assert list(pictures) == ["curves", "parallel", "slices"]
    for picture in pictures.values():
        ET.fromstring(picture)
    lines = ET.fromstring(pictures["curves"]).findall("{http://www.w3.org/2000/svg}polyline")
    colours = [each.get("stroke") for each in lines]
    assert (colours.count("#c4c9cf"), colours.count("#2a9d5c")) == (6, 1)
    assert "a&lt;b" in pictures["parallel"]
    page = study._repr_html_()
    assert page.count("<svg") == 3
    assert "best loss" in page
    assert Study(study.spec, ()).pictures() == {}
    assert Study(study.spec, ())._repr_html_() == "<p>0 trials: none yet</p>"


def test_a_thousand_trials_make_pictures_of_bounded_size(tmp_path):
    few = studied(tmp_path, 20)
    curve = tuple((float(step), 1.0 + 1 / (step + 1)) for step in range(200))
    many = tuple(
        replace(few.trials[number % 10], number=number, curve=curve) for number in range(1000)
    )
    assert max(map(len, Study(few.spec, many).pictures().values())) < 2_000_000


def test_a_study_is_read_while_it_is_searched(tmp_path):
    """The running trial has its curve; half a line at the end is passed over."""
    spec = make_spec(read_over(OVER, "x"), metric="loss", search="random")
    with open_study(tmp_path, spec, "run") as study:
        study.draw(9)
        study.began(0, "ab12")
        study.report(0, None, 0.5)
        study.report(0, None, 0.25)
        with (tmp_path / "journal.jsonl").open("a") as file:
            file.write('{"event":"rep')
        seen = read_study(tmp_path).trials
        assert [(each.state, each.curve, each.attempts) for each in seen] == [
            ("running", ((1, 0.5), (2, 0.25)), 1)
        ]
