"""``wingspan models`` tells and changes what is deployed."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from wingspan.cli.models import app
from wingspan.errors import NotFoundError
from wingspan.tabular.bundle import Bundle
from wingspan.tabular.card import Card
from wingspan.tabular.deploy import deploy, find_deployed
from wingspan.tabular.evaluate import Evaluation, Metric


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A models folder with two versions of one model; the command finds it by the environment."""
    folder = tmp_path / "models"
    monkeypatch.setenv("WINGSPAN_MODELS", str(folder))
    monkeypatch.setenv("COLUMNS", "200")
    bundle = trained(tmp_path)
    for note in ("first", "second"):
        deploy(replace(bundle, card=replace(bundle.card, notes=[note])), folder, "loan")
    return folder


def trained(folder):
    """Train a tree on a few rows."""
    import polars as pl

    from wingspan.tabular.prepare import learn_preparation
    from wingspan.tabular.read import read_table
    from wingspan.tabular.split import SplitRule
    from wingspan.tabular.train import train_table

    frame = pl.DataFrame({"age": [float(n) for n in range(40)], "late": [0, 1] * 20})
    frame.write_parquet(folder / "rows.parquet")
    table = read_table(folder / "rows.parquet", folder / "table")
    metrics = {name: Metric(0.9, 0.8, 1.0) for name in ("accuracy", "precision")}
    card = Card(
        data=["rows.parquet"],
        data_digest="blake2b-256:00",
        rows=10,
        columns={"age": "number"},
        target="late",
        split={},
        estimator="decision_tree",
        parameters={},
        seed=1,
        evaluation=Evaluation(10, [0, 1], [[5, 0], [1, 4]], metrics),
        selected_by=["precision"],
    )
    split = SplitRule()
    preparation = learn_preparation(table, split, target="late")
    model = train_table(table, split, preparation, "decision_tree")
    return Bundle(model, preparation, card)


def said(*arguments):
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_list(models):
    """All versions are listed with their metrics, the current one marked; --json is the same as data."""
    text = said("list")
    assert "…" not in text  # no name is cut where there is no terminal
    for word in ("loan@1 ", "loan@2 * ", "decision_tree", "late", "precision 0.900"):
        assert word in text
    assert max(map(len, text.splitlines())) <= 80
    rows = json.loads(said("list", "--json"))
    assert [(row["version"], row["current"]) for row in rows] == [(1, False), (2, True)]
    assert rows[0]["metrics"] == {"accuracy": 0.9, "precision": 0.9}


def test_list_of_nothing(models):
    """An empty folder is told, not an empty table."""
    assert "no model is deployed" in said("list", "--models", str(models / "none"))
    assert json.loads(said("list", "--models", str(models / "none"), "--json")) == []


def test_list_goes_on_after_a_damaged_model(models):
    """A damaged version is a line of the list; the others are told as ever."""
    (models / "loan/1/card.json").write_text("{}")
    assert "damaged" in said("list")
    rows = json.loads(said("list", "--json"))
    assert "card.json" in rows[0]["damaged"]
    assert rows[1]["metrics"]["accuracy"] == 0.9


def test_show(models):
    """The card of a version is shown as Markdown, or as data."""
    assert "loan@1, in" in said("show", "loan@1")
    assert "# decision_tree for `late`" in said("show", "loan")
    found = json.loads(said("show", "loan", "--json"))
    assert (found["version"], found["card"]["seed"]) == (2, 1)


def test_rollback(models):
    """Rollback makes the version before, or the one that is named, current."""
    assert "loan@1 is current" in said("rollback", "loan")
    assert json.loads(said("rollback", "loan", "--to", "2", "--json"))["version"] == 2
    assert find_deployed(models, "loan").version == 2


def test_deploy_from_another_folder(models):
    """A version is deployed again under another name, checked on the way."""
    assert "staging@1 is current" in said("deploy", str(models / "loan/1"), "staging")
    with pytest.raises(NotFoundError, match="no such folder"):
        said("deploy", str(models / "loan/7"), "staging")


def test_errors_are_messages(models):
    """An unknown model exits with 2 and the close names, without a traceback."""
    command = [sys.executable, "-m", "wingspan", "models", "show", "laon"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "did you mean loan" in done.stderr
    assert "Traceback" not in done.stderr
