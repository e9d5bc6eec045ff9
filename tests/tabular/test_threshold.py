"""A threshold is chosen on counted scores, as if every row were looked at."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from wingspan.errors import SettingError
from wingspan.tabular.evaluate import evaluation
from wingspan.tabular.metrics import count_scores
from wingspan.tabular.threshold import at_threshold, check_threshold, threshold_of


def sample(rows, seed):
    random = np.random.default_rng(seed)
    y = (random.random(rows) < 0.3).astype(int)
    return np.round(np.clip(0.3 * y + random.random(rows) * 0.7, 0, 1), 2), y


@given(st.integers(0, 2**31), st.integers(20, 200), st.sampled_from(["f1", "accuracy", "recall"]))
@settings(max_examples=10, deadline=None)
def test_no_threshold_is_better(seed, rows, metric):
    """The chosen one gives the best value that any threshold gives."""
    scores, y = sample(rows, seed)
    counts = count_scores(scores, y, 0)
    found = at_threshold(counts, threshold_of(counts, metric))
    best = max(
        evaluation(at_threshold(counts, t), [0, 1], replicates=1).metric(metric).value or 0.0
        for t in np.arange(-0.005, 1.01, 0.01)
    )
    assert evaluation(found, [0, 1], replicates=1).metric(metric).value == pytest.approx(best)


def test_a_threshold_counts_rows_as_a_script_does():
    """The confusion is that of scores above it."""
    scores, y = sample(500, 3)
    for threshold in (0.0, 0.105, 0.33, 0.905):
        found = at_threshold(count_scores(scores, y, 0), threshold).confusion
        assert found.tolist() == sk.confusion_matrix(y, scores > threshold).tolist()


def test_a_cost_moves_the_threshold():
    """Where missing a positive row costs more, fewer are missed."""
    counts = count_scores(*sample(2_000, 1), 0)
    cheap, dear = (at_threshold(counts, threshold_of(counts, f"cost:{c}")) for c in (1, 20))
    assert dear.confusion[1, 0] < cheap.confusion[1, 0]
    assert dear.confusion[0, 1] > cheap.confusion[0, 1]


def test_evaluations_have_the_threshold_that_was_chosen():
    """A rule is a number afterwards; several classes have none to choose."""
    scores, y = sample(500, 2)
    counts = count_scores(scores, y, 0)
    assert evaluation(counts, [0, 1], threshold="0.25").threshold == 0.25
    assert evaluation(counts, [0, 1], threshold="f1").threshold == threshold_of(counts, "f1")
    three = count_scores(np.eye(3)[y], y, 0)
    assert evaluation(three, ["a", "b", "c"], threshold="f1").threshold == 0.5


@pytest.mark.parametrize(
    "rule", ["1.5", "f2", "cost:x", "cost:-5", "cost:nan", "cost:inf", "nan", "roc_auc"]
)
def test_what_is_no_rule_is_refused(rule):
    """With an example."""
    with pytest.raises(SettingError, match="--threshold"):
        check_threshold(rule)
