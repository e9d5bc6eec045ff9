"""Counts add up, and give scikit-learn's values."""

import itertools
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from wingspan.errors import CorruptError, TableError
from wingspan.tabular.metrics import (
    STEPS,
    Counts,
    available,
    count_scores,
    merge_counts,
    values_of,
)

CLOSE = {"rel": 1e-12, "abs": 1e-12}


@st.composite
def rows(draw, classes=2, smallest=1):
    """Scores and true classes: ties, exact 0 and 1, and one class only are all likely."""
    size = draw(st.integers(smallest, 60))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    grid = draw(st.sampled_from([2, 5, STEPS]))
    y = random.integers(0, draw(st.integers(1, classes)), size)
    if classes == 2:
        return random.integers(0, grid + 1, size) / grid, y
    scores = random.random((size, classes)) + 1e-3
    return scores / scores.sum(axis=1, keepdims=True), y


@settings(deadline=None, max_examples=100)
@given(rows())
def test_two_classes_agree_with_scikit_learn(data):
    """Every metric of two classes is scikit-learn's to 1e-12, also with ties and with one class only."""
    scores, y = data
    found = values_of(count_scores(scores, y, 0))
    called = scores > 0.5
    expected = {
        "accuracy": sk.accuracy_score(y, called),
        "precision": sk.precision_score(y, called, zero_division=0),
        "recall": sk.recall_score(y, called, zero_division=0),
        "f1": sk.f1_score(y, called, zero_division=0),
        "log_loss": sk.log_loss(y, scores, labels=[0, 1]),
        "brier_score": sk.brier_score_loss(y, scores, labels=[0, 1], pos_label=1),
    }
    if len(set(y)) == 2:
        expected["roc_auc"] = sk.roc_auc_score(y, scores)
    if y.any():
        expected["average_precision"] = sk.average_precision_score(y, scores)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, **CLOSE), name


@settings(deadline=None, max_examples=60)
@given(rows(classes=4))
def test_several_classes_agree_with_scikit_learn(data):
    """Averages over classes and losses are scikit-learn's to 1e-12."""
    scores, y = data
    found = values_of(count_scores(scores, y, 0))
    called, labels = scores.argmax(axis=1), list(range(4))
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(y, called), **CLOSE)
    assert found["log_loss"] == pytest.approx(sk.log_loss(y, scores, labels=labels), **CLOSE)
    brier = sk.brier_score_loss(y, scores, labels=labels)
    assert found["brier_score"] == pytest.approx(brier, **CLOSE)
    for average in ("macro", "weighted"):
        options = {"average": average, "labels": labels, "zero_division": 0}
        for name in ("precision", "recall", "f1"):
            value = getattr(sk, f"{name}_score")(y, called, **options)
            assert found[f"{name}_{average}"] == pytest.approx(value, **CLOSE)
    assert set(found) == set(available(4))


@settings(deadline=None, max_examples=40)
@given(rows(smallest=8), st.lists(st.integers(1, 59), max_size=5), st.randoms())
def test_any_shards_give_the_same_values(data, cuts, random):
    """Blocks counted apart and merged in any grouping and order give every metric bit for bit."""
    scores, y = data
    edges = sorted({0, len(y), *(cut % len(y) for cut in cuts)})
    blocks = [
        count_scores(scores[a:b], y[a:b], number)
        for number, (a, b) in enumerate(itertools.pairwise(edges))
    ]
    whole = merge_counts(blocks)
    random.shuffle(blocks)
    half = len(blocks) // 2
    groups = [group for group in (blocks[:half], blocks[half:]) if group]
    again = merge_counts([merge_counts(group) for group in groups])
    np.testing.assert_equal(dict(values_of(again)), dict(values_of(whole)))
    for name in ("confusion", "scores", "rows", "blocks", "sums"):
        np.testing.assert_array_equal(getattr(again, name), getattr(whole, name))
    once = values_of(count_scores(scores, y, 0))
    assert values_of(whole)["log_loss"] == pytest.approx(once["log_loss"], rel=1e-12)
    assert values_of(whole)["average_precision"] == once["average_precision"]


def test_scores_are_ranked_to_a_millionth():
    """Scores closer than half a millionth are a tie: 1/2 for the pair, whatever their order."""
    found = values_of(count_scores(np.array([0.3, 0.3 + 1e-8]), np.array([1, 0]), 0))
    assert found["roc_auc"] == 0.5


def test_threshold_is_applied_before_rounding():
    """A score that only rounds to the threshold is on its own side of it, and an equal one is negative."""
    scores = np.array([0.5 + 1e-9, 0.5, 0.7])
    counts = count_scores(scores, np.array([1, 0, 1]), 0)
    assert counts.confusion.tolist() == [[1, 0], [0, 2]]
    strict = count_scores(scores, np.array([1, 0, 1]), 0, threshold=0.6)
    assert strict.confusion.tolist() == [[1, 0], [1, 1]]


def test_one_class_only():
    """Without a positive row ROC AUC is undefined, the others are 0: what scikit-learn gives, with no warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = values_of(count_scores(np.array([0.1, 0.2]), np.array([0, 0]), 0))
    assert np.isnan(found["roc_auc"])
    assert [found[name] for name in ("precision", "recall", "f1", "average_precision")] == [0] * 4
    assert found["accuracy"] == 1


def test_perfect_and_certainly_wrong_scores_have_finite_losses():
    """A certain error costs -log(2**-52), as in scikit-learn, not infinity."""
    found = values_of(count_scores(np.array([1.0, 0.0]), np.array([0, 0]), 0))
    assert found["log_loss"] == pytest.approx(-np.log(2.0**-52) / 2)


def test_no_rows():
    """A block without test rows counts nothing and merges with others."""
    nothing = count_scores(np.empty(0), np.empty(0, np.int64), 3)
    some = count_scores(np.array([0.9]), np.array([1]), 1)
    assert nothing.total == 0
    assert values_of(merge_counts([nothing, some])) == pytest.approx(values_of(some), nan_ok=True)


@pytest.mark.parametrize("bad", [np.nan, -0.1, 1.5, np.inf])
def test_scores_that_are_none_are_refused(bad):
    """NaN and numbers outside [0, 1] are no scores; the message names the block."""
    with pytest.raises(TableError, match="NaN or outside"):
        count_scores(np.array([0.5, bad]), np.array([0, 1]), 7)


def test_a_block_cannot_be_counted_twice():
    """Merging a shard with itself would double its rows: refused."""
    part = count_scores(np.array([0.5]), np.array([1]), 4)
    with pytest.raises(TableError, match="block 4 was counted more than once"):
        merge_counts([part, part])


def test_parts_of_different_models_do_not_merge():
    """Two and three classes, or none at all, have no common counts."""
    two = count_scores(np.array([0.5]), np.array([1]), 0)
    three = count_scores(np.array([[0.2, 0.3, 0.5]]), np.array([1]), 1)
    for parts in ([two, three], []):
        with pytest.raises(TableError, match="cannot be added up"):
            merge_counts(parts)


def test_counts_are_read_only():
    """Counts made once cannot be changed."""
    counts = count_scores(np.array([0.5]), np.array([1]), 0)
    with pytest.raises(ValueError, match="read-only"):
        counts.confusion[0, 0] = 5


def test_saved_counts_come_back(tmp_path):
    """load(save(counts)) == counts, the file is the same each time, and a damaged one is refused."""
    random = np.random.default_rng(1)
    counts = count_scores(random.random(50), random.integers(0, 2, 50), 2)
    for name in ("a", "b"):
        counts.save(tmp_path / name)
    again = Counts.load(tmp_path / "a")
    assert dict(values_of(again)) == dict(values_of(counts))
    assert again.probabilities is True
    path = tmp_path / "a" / "counts.npz"
    assert path.read_bytes() == (tmp_path / "b" / "counts.npz").read_bytes()
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(CorruptError):
        Counts.load(tmp_path / "a")
