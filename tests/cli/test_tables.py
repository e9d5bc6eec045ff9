"""``wingspan train`` starts early what it will surely need."""

import pytest

from wingspan.cli import tables
from wingspan.cli.model_table import print_comparison, print_evaluations, write_out
from wingspan.cli.table_ends import Ends
from wingspan.errors import SettingError
from wingspan.recipes.table_training import Training, table_training
from wingspan.runner.local.preload import preload, preload_of
from wingspan.tabular.evaluate import Evaluation, Metric
from wingspan.tabular.select import Selection


def test_the_templates_that_are_started_early_are_those_that_the_plan_needs(tmp_path):
    """What is begun before there is a plan is what the plan asks for, or it would be begun twice."""
    data = tmp_path / "loans.csv"
    data.write_text("age,late\n" + "".join(f"{n},{n % 2}\n" for n in range(40)))
    pipeline = table_training(Training(data, "late"))
    assert pipeline.name == tables._PIPELINE
    plan = pipeline.plan(tmp_path / "home")
    needed = {preload_of(step) for step in plan.steps}
    assert needed == {preload([name], tables._RECIPE) for name in ("sklearn", "polars")}


def test_only_the_first_run_of_a_folder_starts_anything_early(tmp_path):
    """An unchanged command must not wait for libraries that it does not need."""
    home = tmp_path / "home"
    with tables._runner(home, 1, "local") as runner:
        assert len(runner._processes._templates) == 2
    history = home / "history" / f"{tables._PIPELINE}.json"
    history.parent.mkdir(parents=True)
    history.write_text("{}")
    with tables._runner(home, 1, "local") as runner:
        assert not runner._processes._templates


def test_nothing_is_started_early_here_for_a_run_on_a_pool(tmp_path):
    """Jobs of a pool run elsewhere."""
    with tables._runner(tmp_path / "home", 1, "condor") as runner:
        assert runner is None


def test_models_that_do_not_fit_beside_one_another_stand_below(capsys, monkeypatch):
    """No line is wider than 80 columns; each model keeps its metrics, of three digits, with their intervals."""
    monkeypatch.setenv("COLUMNS", "80")
    metrics = {
        "precision": Metric(0.7419, 0.68, 0.802),
        "average_precision": Metric(None, None, None),
    }
    one = Evaluation(1234, ["no", "yes"], [[5, 0], [1, 4]], metrics)
    print_evaluations(dict.fromkeys(["first", "second", "third", "fourth"], one), "third", ["f1"])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["metric", "first", "second"]
    assert lines[1].split("  ", 1)[1].split() == ["0.742", "(0.680,", "0.802)"] * 2
    assert lines[2].split() == ["average_precision", "-", "-"]
    assert lines[4].split() == ["metric", "third", "*", "fourth"]
    assert lines[-1] == "* best by f1, on 1,234 test rows; 95 % intervals"


def test_an_interval_needs_something_to_predict(tmp_path):
    """It is refused where it would be passed over."""
    ends = Ends(tmp_path, None, None, None, interval=0.9)
    with pytest.raises(SettingError, match="there is nothing to predict"):
        ends.checked()


def test_errors_of_small_numbers_keep_their_digits(capsys, monkeypatch):
    """Each model's as many as the smallest needs; the threshold that was chosen is printed."""
    monkeypatch.setenv("COLUMNS", "80")
    made = {
        name: Evaluation(9, [], [], {"rmse": Metric(value, value, value)})
        for name, value in (("good", 2.5e-5), ("bad", 0.5))
    }
    print_evaluations(made, "good", ["rmse"])
    assert "0.0000250 (0.0000250, 0.0000250)" in capsys.readouterr().out
    two = Evaluation(9, ["no", "yes"], [], {"f1": Metric(0.5, 0.4, 0.6)}, threshold=0.25)
    selection = Selection("one", ["f1"], ["one"], [])
    print_comparison({"one": two, "baseline": two}, selection, None, "baseline")
    assert "a row is predicted as yes if its score is above 0.25" in capsys.readouterr().out


def test_predictions_that_are_there_already_are_left_alone(tmp_path):
    """An unchanged command writes nothing anew; another content replaces what was there."""
    made, out = tmp_path / "made.csv", tmp_path / "out.csv"
    made.write_text("a\n1\n")
    write_out(made, out)
    before = out.stat().st_ino, out.stat().st_mtime_ns
    write_out(made, out)
    assert (out.stat().st_ino, out.stat().st_mtime_ns) == before
    made.write_text("a\n2\n")
    write_out(made, out)
    assert out.read_text() == "a\n2\n"
