"""What a model does is drawn from its card, compared on new rows, and scored without Wingspan as with it."""

import subprocess
import sys
from xml.etree import ElementTree as ET

import numpy as np
import polars as pl
import pytest
from sklearn import metrics as sk

from wingspan.errors import SettingError, TableError
from wingspan.tabular.contest import compare, rival_of, standing
from wingspan.tabular.curves import curves_of
from wingspan.tabular.deploy import deploy
from wingspan.tabular.evaluate import Evaluation, Metric, evaluation
from wingspan.tabular.export import export_model
from wingspan.tabular.importance import Importance
from wingspan.tabular.metrics import count_scores
from wingspan.tabular.pictures import picture_of
from wingspan.tabular.predict import predict
from wingspan.tabular.residuals import count_errors
from wingspan.tabular.split import SplitRule


def test_curves_are_those_of_scikit_learn():
    """Their area, and their ends; at most 101 points; calibration of ten groups."""
    random = np.random.default_rng(0)
    y = (random.random(5_000) < 0.3).astype(int)
    scores = np.clip(0.25 * y + random.random(5_000) * 0.7, 0, 1)
    curves = curves_of(count_scores(scores, y, 0))
    roc = np.array(curves["roc"])
    assert len(roc) <= 101
    assert roc[0].tolist() == [0, 0]
    assert roc[-1].tolist() == [1, 1]
    assert np.trapezoid(roc[:, 1], roc[:, 0]) == pytest.approx(
        sk.roc_auc_score(y, scores), abs=2e-3
    )
    assert len(curves["calibration"]) <= 10
    assert curves["precision_recall"][-1][0] == 1


@pytest.mark.parametrize("classes", [2, 3, 0])
def test_every_kind_of_model_has_a_picture(classes):
    """Curves of two classes, the confusion of more, errors of numbers; names are escaped; a card keeps the points."""
    y = np.arange(300) % max(classes, 2)
    if classes:
        scores = np.eye(classes)[y] * 0.6 + 0.4 / classes
        found = evaluation(count_scores(scores, y, 0), [f"<{k}>" for k in range(classes)])
    else:
        found = evaluation(count_errors(y + 0.5, y.astype(float), 0, center=0.5, scale=0.5))
    again = Evaluation.from_json(found.as_json())
    needs = Importance("rmse", 30, {"b<": Metric(0.3, 0.2, 0.4), "a": Metric(-0.1, -0.2, 0)}, {}, 2)
    picture = picture_of(again, "a & b", needs)
    assert "b&lt;" in picture
    assert "100%" in picture
    assert ET.fromstring(picture).tag.endswith("svg")
    assert "a &amp; b" in picture
    words = {2: "calibration", 3: "&lt;2&gt;", 0: "absolute errors"}
    assert words[classes] in picture
    assert ("confusion" in picture) is bool(classes)
    if not classes:
        assert again.curves["residuals"][0] == [0.5, -0.5]  # a prediction, and what it misses
        assert picture.count('fill-opacity="0.5"') == len(again.curves["residuals"]) == 300


def test_models_are_compared_on_the_same_rows(bundle_of, people, tmp_path):
    """Both are judged on all of them; other targets are refused."""
    people(300, seed=5).write_csv(tmp_path / "new.csv")
    models = {"a": bundle_of(people(400)), "b": bundle_of(people(400), "decision_tree")}
    found = compare(models, tmp_path / "new.csv")
    assert {name: one.rows for name, one in found.items()} == {"a": 300, "b": 300}
    assert found["a"].metric("roc_auc").value > found["b"].metric("roc_auc").value
    other = bundle_of(people(400).drop("late"), target="home")
    with pytest.raises(TableError, match="different targets: home, late"):
        compare(models | {"c": other}, tmp_path / "new.csv")


def test_a_deployed_model_stands_beside_the_one_that_would_replace_it(
    bundle_of, people, tmp_path, table_of
):
    """Both are judged on rows that neither was fitted on; a worse one is not put in place of a better."""
    frame = people(900)
    good, bad = bundle_of(frame), bundle_of(frame, "dummy")
    table, split = table_of(frame, "again"), SplitRule()
    for name, one, other, keeps in (("late", good, bad, True), ("other", bad, good, False)):
        deployed = deploy(one, tmp_path / "models", name)
        other.save(tmp_path / name)
        assert rival_of(tmp_path / "models", name, deployed.folder) is None
        assert rival_of(tmp_path / "models", name, tmp_path / name) == deployed
        found = standing(deployed, tmp_path / name, table, split, "log_loss")
        assert found.keeps == keeps
        assert found.old.rows == found.new.rows == one.preparation.test_rows
    assert rival_of(tmp_path / "models", "none", tmp_path / "late") is None


@pytest.mark.parametrize(
    ("estimator", "target"),
    [
        ("logistic_regression", "late"),
        ("decision_tree", "home"),  # of three classes
        pytest.param("decision_tree", "late", marks=pytest.mark.long),
    ],
)
def test_an_exported_model_scores_as_wingspan_does(bundle_of, people, tmp_path, estimator, target):
    """Its script imports nothing of Wingspan, and gives the same labels and probabilities."""
    bundle = bundle_of(people(400), estimator, target)
    deployed = deploy(bundle, tmp_path / "models", "late")
    folder = export_model(deployed.folder, tmp_path / "scoring")
    rows = people(120, seed=8).drop(target)
    rows.write_csv(tmp_path / "new.csv")
    assert "wingspan" not in (folder / "score.py").read_text()
    command = [sys.executable, folder / "score.py", tmp_path / "new.csv", tmp_path / "theirs.csv"]
    subprocess.run(command, check=True, cwd=tmp_path)
    predict(bundle, tmp_path / "new.csv", tmp_path / "ours.csv")
    ours, theirs = (pl.read_csv(tmp_path / name) for name in ("ours.csv", "theirs.csv"))
    assert theirs.columns == ours.columns
    assert theirs["prediction"].to_list() == ours["prediction"].to_list()
    scores = [frame.drop("prediction").to_numpy() for frame in (theirs, ours)]
    assert scores[0] == pytest.approx(scores[1])
    with pytest.raises(SettingError, match="it is there already"):
        export_model(deployed.folder, folder)
