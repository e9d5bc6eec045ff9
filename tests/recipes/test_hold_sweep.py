"""The sweep of a config.yaml: what it takes and refuses, and the best LSTM of four as an advisor, tested once."""

import shutil
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

import wingspan as ws
from wingspan.advisor.judging.classes import classify
from wingspan.advisor.models.saved import load_advisor
from wingspan.cli.main import app
from wingspan.errors import ConflictError, SettingError, WingspanError
from wingspan.recipes.hold_advisor import read
from wingspan.recipes.hold_sweep import weigh_enough
from wingspan.recipes.sweep_config import parsed, read_config
from wingspan.runner.run_folder import SHARED
from wingspan.simulator.parameters import load_parameters
from wingspan.simulator.pool import simulate

CONFIG = """
runs: 4
epochs: 6
earlystop_threshold: 2
wandb:
  enable: false
  entity: someone
  project: holds
  sweep_id: abc123
  sweep:
    name: small
    method: random
    metric:
      name: f-measure
      goal: maximize
preprocessing:
  parameters:
    e: {values: [4, 8]}
    j: 2
    m: [3, 5]
    timeframe_len: {distribution: uniform, min: 60, max: 3600.0}
training:
  parameters:
    lstm_layers: {value: 1}
    hidden_size: {min: 4, max: 8}
    learning_rate: {distribution: log_uniform_values, min: 1e-3, max: 1e-1}
    batch_size: {values: [32, 64]}
"""


def changed(**changes):
    """Return the content of the file with some keys, named with dots, replaced; None removes one."""
    content = yaml.safe_load(CONFIG.replace("1e-3", "0.001").replace("1e-1", "0.1"))
    for name, value in changes.items():
        *path, last = name.split("__")
        place = content
        for each in path:
            place = place[each]
        place[last] = value
        if value is None:
            del place[last]
    return content


def test_the_file_is_taken_as_it_is(tmp_path):
    """Plain values, lists and W&B's distributions; names of the metric; an id is passed over with a note."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    found = read_config(tmp_path / "config.yaml")
    assert (found.trials, found.epochs, found.patience) == (4, 6, 2)
    assert (found.name, found.search, found.metric, found.goal) == (
        "small",
        "random",
        "f_measure",
        "maximize",
    )
    assert set(found.over) == {
        "e", "j", "m", "timeframe_len", "lstm_layers", "hidden_size", "learning_rate", "batch_size",
    }  # fmt: skip
    assert found.over["j"].values() == [2]
    assert found.over["hidden_size"].values() == [4, 5, 6, 7, 8]
    assert not found.mirrored
    assert any("wandb.sweep_id is passed over" in note for note in found.notes)
    assert parsed(changed(wandb__sweep__metric={"name": "F1"}), "x").metric == "f_measure"
    assert parsed(changed(wandb__sweep__metric={"name": "loss"}), "x").goal == "minimize"
    assert parsed(changed(earlystop_threshold=None), "x").patience is None
    assert parsed(changed(run_id="x", wandb__enable=True), "x").mirrored


def test_the_file_on_the_page_is_taken():
    """As a reader copies it."""
    page = (Path(__file__).parents[2] / "docs/advisor.md").read_text()
    text = page.partition("# config.yaml\n")[2].partition("```")[0]
    found = parsed(yaml.safe_load(text), "config.yaml")
    assert (found.trials, found.epochs, found.patience, len(found.over)) == (20, 50, 5, 8)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"wandb__api_key": "s3cr3t"}, "wandb login"),
        ({"runs": 0}, "runs: expected a whole number of at least 1, found 0"),
        ({"epochs": None}, "epochs: expected a whole number of at least 1, found nothing"),
        ({"earlystop_threshold": 0.5}, "earlystop_threshold: expected a whole number"),
        ({"epoch": 3}, "did you mean epochs"),
        ({"wandb__sweep__metric": {"name": "acuracy"}}, "did you mean accuracy"),
        ({"wandb__sweep__method": "gridd"}, "grid"),
        ({"wandb__enable": "yes"}, "true or false"),
        ({"training__parameters__rate": 1}, "unknown key 'rate'"),
        ({"preprocessing__parameters__m": {"min": 5, "max": 2}}, "m"),
        ({"wandb": [1]}, "expected keys"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(changes, said):
    """A key of W&B's is refused and not shown."""
    with pytest.raises(WingspanError) as caught:
        parsed(changed(**changes), "config.yaml")
    assert said in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_figures_are_of_all_samples_together():
    """Against scikit-learn's, and where nothing is said or there."""
    from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

    random = np.random.default_rng(3)
    p, y = random.random(200), random.integers(0, 2, 200).astype(float)
    found = classify(p, y)
    functions = {"accuracy": accuracy_score, "precision": precision_score, "recall": recall_score, "f_measure": f1_score}  # fmt: skip
    for name, function in functions.items():
        assert found[name] == pytest.approx(function(y, p >= 0.5))
    assert set(classify(np.zeros(3), np.zeros(3)).values()) == {1.0, 0.0}
    assert set(classify(np.empty(0), np.empty(0)).values()) == {0.0}


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
@pytest.mark.parametrize("on", ["local", pytest.param("htcondor", marks=pytest.mark.long)])
def test_four_runs_of_six_epochs_make_an_advisor(project, planted, small_pool, on):
    """On a simulated log: the best by the metric is what is tested once, saved and advises."""
    (project.path / "logs").mkdir()
    shutil.copy(planted, project.path / "logs/pool.log")
    words = ["config.yaml", "logs", "--on", on, "--parallel", "2"]
    require_an_advisor(project, words, Path(".wingspan"))


@pytest.mark.long
@pytest.mark.htcondor
@pytest.mark.timeout(600)
@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
def test_four_runs_on_real_daemons_make_an_advisor(project, job_folder):
    """The same, with trials in lanes of a real pool, on a log of the simulator.

    Two days leave 25 holds to validate on; three leave room for another simulator.
    """
    parameters = replace(load_parameters("ospool"), days=3.0)
    (project.path / "logs").mkdir()
    simulate(parameters, 0, project.path / "logs/pool.log", project.path / "truth")
    home = job_folder / "home"
    words = ["config.yaml", "logs", "--on", "htcondor", "--parallel", "2", "--home", str(home)]
    require_an_advisor(project, words, home)


def require_an_advisor(project, given, home):
    """Sweep by the file; check the study, the sealed test, what is written, and that it advises."""
    (project.path / "config.yaml").write_text(CONFIG)
    words = ["holds", "sweep", *given]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    run = ws.open_run(home=home)
    assert not (run.folder.root / SHARED).exists()  # what trials shared is gone with the run
    study = run.study
    assert study.counts["complete"] == 4
    best = run["train"]
    assert best.f_measure == max(trial.value for trial in study.trials)
    losses = [epoch.validate_loss for epoch in best.network.trained.epochs]
    assert len(losses) == best.epochs <= 6
    assert best.best_epoch == 1 + int(np.argmin(losses))
    assert best.epochs in {6, best.best_epoch + 2}
    said = yaml.safe_load((project.path / "advisor/bestmodel.info").read_text())
    assert (said["trial"], said["metric"], said["value"]) == (
        study.best.number,
        "f_measure",
        best.f_measure,
    )
    assert said["validation"]["f_measure"] == best.f_measure
    assert said["test"] == pytest.approx(run["test"])
    assert said["parameters"]["j"] == 2
    saved = load_advisor(project.path / "advisor")
    mine, theirs = saved.model.trained.weights, best.network.trained.weights
    assert all((mine[name] == theirs[name]).all() for name in theirs)
    advice = CliRunner().invoke(
        app, ["holds", "advise", "logs", "--model", "advisor"], catch_exceptions=False
    )
    assert advice.exit_code == 0, advice.output
    require_refusals(project, words)


def require_refusals(project, words):
    """The same command again runs nothing; a folder that is no advisor is not replaced."""
    again = CliRunner().invoke(app, words, catch_exceptions=False)
    assert "0 steps run" in again.output
    (project.path / "other").mkdir()
    with pytest.raises(ConflictError, match=r"has no bestmodel\.info"):
        CliRunner().invoke(app, [*words, "--out", "other"], catch_exceptions=False)


def test_too_few_holds_are_said_to_be_few(planted, tmp_path):
    """Before any trial, with what to do."""
    text = planted.read_text()[:20_000].rpartition("...\n")[0]
    (tmp_path / "few.log").write_text(f"{text}...\n")
    with pytest.raises(SettingError, match="too few releases with a known outcome"):
        weigh_enough(read([tmp_path / "few.log"]).samples)
