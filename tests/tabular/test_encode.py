"""Categories with an order, words of texts, and calibrated probabilities."""

import numpy as np
import polars as pl
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.tree import DecisionTreeClassifier

from wingspan.errors import SettingError, TableError
from wingspan.recipes.table_training import Training, table_training
from wingspan.store import estimators
from wingspan.tabular.blocks import shards
from wingspan.tabular.export import export_model
from wingspan.tabular.inputs import Wanted, choose_inputs
from wingspan.tabular.matrix import matrix
from wingspan.tabular.predict import predict
from wingspan.tabular.preparation import Preparation, Treatment
from wingspan.tabular.prepare import learn_part, merge_parts
from wingspan.tabular.split import SplitRule
from wingspan.tabular.train import train
from wingspan.tabular.transform import transform

WORDS = ["Good red wine", "good, GOOD bread", "bad wine", "a red red apple", None, "2 apples - bad"]


def frame(rows=240):
    random = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "size": random.choice(["S", "M", "L"], rows),
            "grade": random.choice(["9", "10", "-1.5"], rows),
            "note": [WORDS[number % 6] for number in range(rows)],
            "late": random.integers(0, 2, rows),
        }
    )


def prepared(table, parts=1, **treatment):
    wanted = Wanted("late", treatment=Treatment(**treatment))
    inputs = choose_inputs(table, wanted)
    split = SplitRule()
    return merge_parts([learn_part(table, split, inputs, each) for each in shards(table, parts)])


def test_an_order_is_one_feature(table_of):
    """As it is given, else that of numbers; a new value and a missing one are -1; it is stored with the model."""
    made = prepared(table_of(frame()), ordinal=("size=S<M<L", "grade"), texts=("note",))
    assert made.features[:2] == ("size", "grade")
    new = pl.DataFrame(
        {
            "size": ["L", "S", "XL", None],
            "grade": ["10", "-1.5", "9", "9"],
            "note": ["", "", "", ""],
        }
    )
    x = transform(Preparation.from_json(made.as_json()), new)
    assert x[:, :2].tolist() == [[2, 2], [0, 0], [-1, 1], [-1, 1]]
    assert Preparation.from_json(made.as_json()) == made


def test_words_are_weighted_as_by_scikit_learn(table_of):
    """TF-IDF with unit lengths, learned from the training rows alone; no number of shards changes it."""
    table = table_of(frame())
    made = prepared(table, texts=("note",))
    train_rows, test_rows = (matrix(table, SplitRule(), made, part) for part in ("train", "test"))
    notes = [note or "" for note in frame()["note"]]
    vector = TfidfVectorizer().fit([notes[row] for row in train_rows.rows])
    names = [name.removeprefix("note:") for name in made.features if name.startswith("note:")]
    assert names == list(vector.get_feature_names_out())
    for rows in (train_rows, test_rows):
        theirs = vector.transform([notes[row] for row in rows.rows]).toarray()
        np.testing.assert_allclose(rows.x[:, -len(names) :], theirs, atol=1e-12)
    assert prepared(table, parts=3, texts=("note",)) == made


@pytest.mark.parametrize(
    ("treatment", "said"),
    [
        ({"ordinal": ("siz",)}, "there is no such column"),
        ({"texts": ("age",)}, "expected a category or a text, found a number"),
        ({"ordinal": ("late",)}, "expected a category or a text, found a number"),
        ({"ordinal": ("size=S<M",)}, "expected one of S, M, found L"),
        ({"calibration": "none"}, "expected sigmoid or isotonic"),
    ],
)
def test_an_encoding_that_does_not_fit_is_refused(table_of, treatment, said):
    """With what there is, and what to do."""
    table = table_of(frame().with_columns(age=pl.lit(3)))
    with pytest.raises((SettingError, TableError), match=said):
        prepared(table, **treatment)


def test_calibrated_probabilities_are_those_of_scikit_learn(tmp_path):
    """By five folds of the rows; a model that is stored gives the same; numbers have none."""
    random = np.random.default_rng(1)
    x = random.normal(size=(400, 3))
    y = (x[:, 0] + random.normal(size=400) > 0).astype(int)
    mine = train(x, y, "decision_tree", {"max_depth": 6}, 3, calibration="sigmoid")
    theirs = CalibratedClassifierCV(DecisionTreeClassifier(max_depth=6, random_state=3), cv=5)
    np.testing.assert_array_equal(mine.predict_proba(x), theirs.fit(x, y).predict_proba(x))
    estimators.write(mine, tmp_path / "model")
    again = estimators.read(tmp_path / "model")
    np.testing.assert_array_equal(again.predict_proba(x), mine.predict_proba(x))
    (tmp_path / "t.csv").write_text("a,b\n" + "".join(f"{n},{n / 7}\n" for n in range(60)))
    treatment = Treatment(calibration="sigmoid")
    with pytest.raises(SettingError, match="this option is for classes"):
        table_training(Training(tmp_path / "t.csv", "b", treatment=treatment))


@pytest.mark.long
def test_a_model_of_words_predicts_new_rows_and_is_not_exported_without_them(tmp_path):
    """Whatever the new rows hold; the scoring script, which knows no words, is not written."""
    frame(120).write_csv(tmp_path / "t.csv")
    what = Training(
        tmp_path / "t.csv",
        "late",
        estimators={"tree": "decision_tree"},
        validation=0.0,
        treatment=Treatment(texts=("note",), ordinal=("size",), calibration="isotonic"),
    )
    run = table_training(what).run(home=tmp_path / "home")
    from wingspan.tabular.bundle import Bundle

    folder = run["choose_best"].bundle
    new = frame(40).drop("late").with_columns(note=pl.lit("never seen"))
    new.write_csv(tmp_path / "new.csv")
    found = predict(Bundle.load(folder), tmp_path / "new.csv", tmp_path / "out.csv")
    assert found.rows == 40
    used = {column.name: column.used for column in run["survey"].survey.columns}
    assert used["note"].endswith(" words")
    assert used["size"] == "order of 3"
    with pytest.raises(SettingError, match="words of texts, an order"):
        export_model(folder, tmp_path / "out")
