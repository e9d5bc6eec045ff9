"""In compatibility mode, rows become what a script with pandas and scikit-learn makes of them, to the last bit."""

import io

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from wingspan.tabular.matrix import matrix
from wingspan.tabular.prepare import learn_preparation
from wingspan.tabular.read import read_table
from wingspan.tabular.split import SplitRule

RULE = SplitRule("sklearn", test_size=0.2, seed=42)


def by_pandas(path, target):
    """Fill, encode, write, read and split, as the script does."""
    frame = pd.read_csv(path)
    numbers = frame.select_dtypes("number").columns
    frame[numbers] = frame[numbers].fillna(frame[numbers].mean())
    frame = pd.get_dummies(frame, drop_first=True)
    frame = pd.read_csv(io.StringIO(frame.to_csv()))
    x, y = frame.drop(columns=target), frame[target]
    return train_test_split(x, y, test_size=0.2, random_state=42)


def by_wingspan(path, folder, target):
    table = read_table(path, folder)
    preparation = learn_preparation(table, RULE, target=target, compatibility=True)
    parts = [matrix(table, RULE, preparation, part) for part in ("train", "test")]
    return preparation, *parts


@pytest.fixture
def holes(tmp_path):
    """A table with missing values in every kind of column, and awkward categories."""
    random = np.random.default_rng(3)
    rows = 3001
    frame = pd.DataFrame(
        {
            "id": np.arange(rows),
            "income": random.normal(50_000, 20_000, rows),
            "home": random.choice(["RENT", "OWN", "élan", "Zoo", "a b", "x,y"], rows),
            "years": random.integers(0, 40, rows).astype(float),
            "flag": random.random(rows) < 0.3,
            "maybe": random.choice([True, False, None], rows),
            "label": random.integers(0, 2, rows),
            "grade": random.choice(list("GFEDCBA"), rows),
        }
    )
    for name in ("income", "home", "years", "grade"):
        frame.loc[random.random(rows) < 0.1, name] = None
    path = tmp_path / "holes.csv"
    frame.to_csv(path, index=False)
    return path


def test_features_equal_those_of_pandas(holes, tmp_path):
    """Names, order, values and rows of both parts are those of pandas and scikit-learn."""
    x_train, x_test, y_train, y_test = by_pandas(holes, "label")
    preparation, train, test = by_wingspan(holes, tmp_path, "label")
    assert list(preparation.features) == list(x_train.columns)
    np.testing.assert_array_equal(train.x, x_train.to_numpy(float))
    np.testing.assert_array_equal(test.x, x_test.to_numpy(float))
    np.testing.assert_array_equal(train.y, y_train)
    np.testing.assert_array_equal(test.y, y_test)
    np.testing.assert_array_equal(test.rows, x_test.index)


def test_the_recorded_metrics_are_reached_to_the_last_digit(loans, tmp_path):
    """Default logistic regression on scaled features of the loan table gives the recorded numbers."""
    preparation, train, test = by_wingspan(loans, tmp_path, "loan_status")
    assert len(preparation.features) == 24
    with threadpool_limits(1):
        scaler = StandardScaler().fit(train.x)
        model = LogisticRegression().fit(scaler.transform(train.x), train.y)
        predicted = model.predict(scaler.transform(test.x))
    scores = (accuracy_score, precision_score, recall_score, f1_score)
    assert [score(test.y, predicted) for score in scores] == [
        0.9124392531332595,
        0.774798927613941,
        0.5280146163215591,
        0.6280333212604129,
    ]


def test_the_loan_features_equal_those_of_pandas(loans, tmp_path):
    """Also on the real table, every feature is that of pandas."""
    x_train, x_test, y_train, _ = by_pandas(loans, "loan_status")
    preparation, train, test = by_wingspan(loans, tmp_path, "loan_status")
    assert list(preparation.features) == list(x_train.columns)
    np.testing.assert_array_equal(train.x, x_train.to_numpy(float))
    np.testing.assert_array_equal(test.x, x_test.to_numpy(float))
    np.testing.assert_array_equal(train.y, y_train)
