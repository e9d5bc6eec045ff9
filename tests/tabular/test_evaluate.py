"""Counts become an evaluation with honest intervals."""

import json
import time

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from wingspan.errors import TableError
from wingspan.tabular.apply import scores_of
from wingspan.tabular.blocks import BLOCK_ROWS, shards
from wingspan.tabular.evaluate import Evaluation, count_rows, count_table, evaluation
from wingspan.tabular.intervals import BINS, coarsen, intervals
from wingspan.tabular.matrix import matrix
from wingspan.tabular.metrics import count_scores, merge_counts, ranks, values_of
from wingspan.tabular.prepare import learn_preparation
from wingspan.tabular.split import SplitRule
from wingspan.tabular.train import train_table


class Nearest(ClassifierMixin, BaseEstimator):
    """Predicts the class whose mean is nearest, and gives no scores."""

    def fit(self, x, y):
        self.classes_ = np.unique(y)
        self.means_ = np.stack([x[y == label].mean(axis=0) for label in self.classes_])
        return self

    def predict(self, x):
        away = ((x[:, None] - self.means_) ** 2).sum(axis=2)
        return self.classes_[away.argmin(axis=1)]


def sample(size, seed=0, classes=2):
    """Scores that are right more often than not, and the true classes."""
    random = np.random.default_rng(seed)
    y = random.integers(0, classes, size)
    if classes == 2:
        return 1 / (1 + np.exp(-random.normal(y * 1.5 - 1.5, 1))), y
    scores = random.random((size, classes)) + np.eye(classes)[y]
    return scores / scores.sum(axis=1, keepdims=True), y


def test_intervals_are_those_of_resampled_rows():
    """Each interval is within a tenth of its width of a plain bootstrap over rows."""
    scores, y = sample(1500)
    found = intervals(count_scores(scores, y, 0), replicates=2000, seed=1)
    random = np.random.default_rng(2)
    drawn = {name: [] for name in found}
    for _ in range(2000):
        rows = random.integers(0, len(y), len(y))
        for name, value in values_of(count_scores(scores[rows], y[rows], 0)).items():
            drawn[name].append(value)
    for name, (low, high) in found.items():
        expected = np.quantile(drawn[name], [0.025, 0.975])
        assert np.abs(np.array([low, high]) - expected).max() < 0.1 * np.ptp(expected), name


def test_intervals_cover_the_truth():
    """Of 200 samples about 95 % have the ROC AUC of the population inside their interval."""
    population, truth = sample(400_000, seed=5)
    area = sk.roc_auc_score(truth, population)
    inside = 0
    for seed in range(200):
        counts = count_scores(*sample(400, seed=100 + seed), 0)
        low, high = intervals(counts, replicates=200, seed=seed)["roc_auc"]
        inside += low <= area <= high
    assert 178 <= inside <= 199


def test_intervals_hold_the_value_and_narrow_with_rows():
    """low <= value <= high, and a hundred times the rows gives a tenth of the width."""
    few = evaluation(count_scores(*sample(500), 0), [0, 1])
    many = evaluation(count_scores(*sample(50_000), 0), [0, 1])
    for name, metric in few.metrics.items():
        assert metric.low <= metric.value <= metric.high
        width = many.metrics[name].high - many.metrics[name].low
        assert 0.07 < width / (metric.high - metric.low) < 0.14, name


def test_same_counts_and_seed_give_the_same_evaluation():
    """The bootstrap is seeded."""
    counts = count_scores(*sample(300), 0)
    assert evaluation(counts, [0, 1], seed=3) == evaluation(counts, [0, 1], seed=3)
    assert evaluation(counts, [0, 1], seed=3) != evaluation(counts, [0, 1], seed=4)


def test_coarse_scores_keep_every_row():
    """Joining scores moves no row across classes, bounds the bins, and leaves few scores as they are."""
    rows = count_scores(*sample(30_000), 0).rows
    coarse = coarsen(rows)
    assert coarse.sum(axis=0).tolist() == rows.sum(axis=0).tolist()
    assert len(coarse) <= 2 * BINS + 2
    assert float(ranks(coarse)["roc_auc"]) == pytest.approx(float(ranks(rows)["roc_auc"]), abs=1e-4)


def test_time_does_not_grow_with_rows():
    """Intervals of a million distinct scores take well under a second."""
    counts = count_scores(*sample(1_000_000), 0)
    start = time.process_time()
    intervals(counts)
    assert time.process_time() - start < 2  # 0.1 s on an idle core


def test_undefined_metrics_are_none():
    """With one class in the test rows ROC AUC is None, not NaN, and the evaluation is JSON."""
    found = evaluation(count_scores(np.array([0.1, 0.2]), np.array([0, 0]), 0), ["no", "yes"])
    assert found.metric("roc_auc").value is None
    json.dumps(found.as_json(), allow_nan=False)


def test_json_comes_back():
    """from_json(as_json(evaluation)) == evaluation."""
    found = evaluation(count_scores(*sample(50), 0), ["no", "yes"], threshold=0.5)
    assert Evaluation.from_json(json.loads(json.dumps(found.as_json()))) == found


def test_binary_metric_on_several_classes():
    """A metric that needs two classes is refused by name, with those there are."""
    found = evaluation(count_scores(*sample(90, classes=3), 0), ["a", "b", "c"])
    with pytest.raises(TableError, match=r"'roc_auc'.*3 classes; it has accuracy, precision_macro"):
        found.metric("roc_auc")
    with pytest.raises(TableError, match="did you mean precision_macro"):
        found.metric("precision_marco")


def test_no_test_rows_and_wrong_labels():
    """An evaluation of nothing, or with labels of another model, is an error."""
    with pytest.raises(TableError, match="no test row"):
        evaluation(count_scores(np.empty(0), np.empty(0, np.int64), 0), [0, 1])
    with pytest.raises(TableError, match="3 labels for counts of 2 classes"):
        evaluation(count_scores(*sample(9), 0), [0, 1, 2])


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("estimator", [LogisticRegression, LinearSVC, Nearest])
def test_scores_agree_with_the_model(estimator, classes):
    """Whatever the estimator offers, the predicted class is its own and scores lie in [0, 1]."""
    random = np.random.default_rng(0)
    y = random.integers(0, classes, 300)
    x = random.normal(size=(300, 4)) + y[:, None]
    model = estimator().fit(x, y)
    scores = scores_of(model, x)
    assert scores.shape == (300, classes)
    assert scores.min() >= 0
    assert scores.max() <= 1
    called = scores[:, 1] > 0.5 if classes == 2 else scores.argmax(axis=1)
    np.testing.assert_array_equal(called, model.predict(x))


def test_scores_without_probabilities_have_no_losses():
    """A support vector machine's scores rank rows; log loss and Brier score are not made up."""
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 100)
    x = random.normal(size=(100, 3)) + y[:, None]
    found = evaluation(count_rows(LinearSVC().fit(x, y), x, y, 0), [0, 1])
    assert "roc_auc" in found.metrics
    assert "log_loss" not in found.metrics


@pytest.mark.parametrize("kind", ["hash", "sklearn"])
def test_a_table_in_shards_is_the_table(table_of, people, kind):
    """Any number of shards gives the evaluation of the whole table, which is that of all test rows at once."""
    table, split = table_of(people(3 * BLOCK_ROWS + 9).drop("key")), SplitRule(kind)
    preparation = learn_preparation(table, split, target="late")
    model = train_table(table, split, preparation, "gaussian_nb")
    whole = evaluation(count_table(model, table, split, preparation), preparation.classes)
    for number in (2, 3, 4):
        parts = [
            count_table(model, table, split, preparation, blocks)
            for blocks in shards(table, number)
        ]
        assert len(parts) == number
        assert evaluation(merge_counts(parts), preparation.classes) == whole
    rows = matrix(table, split, preparation, "test")
    plain = values_of(count_rows(model, rows.x, rows.y, 0))
    for name, value in plain.items():
        assert whole.metric(name).value == pytest.approx(value, rel=1e-12), name


def test_many_blocks_are_merged_on_the_way(table_of, people):
    """More blocks than wait at a time are counted as well."""
    table, split = table_of(people(17 * BLOCK_ROWS).select("age", "late")), SplitRule()
    preparation = learn_preparation(table, split, target="late")
    model = train_table(table, split, preparation, "decision_tree", {"max_depth": 2})
    counts = count_table(model, table, split, preparation)
    assert counts.blocks.tolist() == list(range(17))
    assert counts.total == preparation.test_rows
