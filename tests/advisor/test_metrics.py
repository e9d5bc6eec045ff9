"""Figures against scikit-learn's, and intervals against what they must cover."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss

from wingspan.advisor.judging import metrics
from wingspan.advisor.models.decision import LOOK, RATIO, WORTH, decide, decision_cost
from wingspan.advisor.samples.truth import HELD_BACK

RANDOM = np.random.default_rng(3)
P = np.round(RANDOM.random(400), 2)
Y = (RANDOM.random(400) < P).astype(float)
W = RANDOM.random(400)
DRAWS = metrics.draw_clusters(np.arange(400, dtype=np.int32) // 4)


def test_figures_are_scikit_learns():
    """Brier score and average precision, weighted and with ties, are those of scikit-learn."""
    assert metrics.brier(DRAWS, P, Y, W)[0] == pytest.approx(
        brier_score_loss(Y, P, sample_weight=W), abs=1e-6
    )
    for score, truth in ((P, Y), (1 - P, 1 - Y)):
        assert metrics.average_precision(DRAWS, score, truth, W)[0] == pytest.approx(
            average_precision_score(truth, score, sample_weight=W), abs=1e-6
        )


def test_a_draw_is_what_its_clusters_say():
    """Each line of the bootstrap equals the plain figure of the samples repeated as drawn."""
    times = DRAWS.counts[7][DRAWS.of]
    assert metrics.average_precision(DRAWS, P, Y, W)[7] == pytest.approx(
        average_precision_score(Y, P, sample_weight=W * times), abs=1e-6
    )
    assert metrics.skill(DRAWS, P, np.full(400, 0.5), Y, W)[7] == pytest.approx(
        1 - np.average((P - Y) ** 2, weights=W * times) / 0.25, abs=1e-5
    )


def test_calibration_error_and_resolution():
    """Right probabilities have a small error and some resolution; a constant base rate has neither; wrong ones err."""
    error, resolution = metrics.calibration(DRAWS, P, Y, W)
    assert error[0] < 0.1
    assert resolution[0] > 0.03
    base = np.full(400, np.average(Y, weights=W))
    flat = metrics.calibration(DRAWS, base, Y, W)
    assert flat[0][0] == pytest.approx(0, abs=1e-6)
    assert flat[1][0] == pytest.approx(0, abs=1e-6)
    assert metrics.calibration(DRAWS, np.ones(400), Y, W)[0][0] == pytest.approx(
        1 - np.average(Y, weights=W), abs=1e-6
    )


def test_right_probabilities_err_by_chance_with_few_clusters():
    """The error by chance is that of outcomes drawn from the probabilities: large with few clusters, small with many."""
    random = np.random.default_rng(2)
    p = random.random(4000)
    found = {}
    for clusters in (20, 4000):
        draws = metrics.draw_clusters(np.arange(4000, dtype=np.int32) % clusters)
        chance = metrics.figure(metrics.calibration_by_chance(draws, p, np.ones(4000)))
        right = (random.random(clusters)[draws.of] < p).astype(float)
        assert (
            chance.low <= metrics.calibration(draws, p, right, np.ones(4000))[0][0] <= chance.high
        )
        found[clusters] = chance.value
    assert found[20] > 0.05
    assert found[4000] == pytest.approx(np.sqrt(2 / np.pi * p.mean() / 3 / 400), rel=0.3)
    assert np.isnan(metrics.calibration_by_chance(DRAWS, np.empty(0), np.empty(0))).all()


def test_an_interval_holds_its_figure():
    """The interval lies around the figure, and is empty where there is nothing to measure."""
    found = metrics.figure(metrics.brier(DRAWS, P, Y, W))
    assert found.low < found.value < found.high
    nothing = metrics.draw_clusters(np.empty(0, np.int32))
    empty = np.empty(0)
    assert np.isnan(metrics.figure(metrics.brier(nothing, empty, empty, empty)).value)
    assert np.isnan(metrics.average_precision(nothing, empty, empty, empty)).all()


def test_few_clusters_have_no_interval():
    """However many samples they have: nine clusters give a figure alone, ten an interval too."""
    for clusters, told in ((metrics.FEWEST - 1, False), (metrics.FEWEST, True)):
        draws = metrics.draw_clusters(np.arange(400, dtype=np.int32) % clusters)
        found = metrics.figure(metrics.brier(draws, P, Y, W))
        assert 0 < found.value < 1
        assert np.isfinite([found.low, found.high]).all() == told


def test_decisions_and_their_costs():
    """The earliest of nearly equal releases is advised, none below the price of a look; costs are by hand."""
    pays = np.array([[0.5, 0.9], [0.5, 0.505], [0.01, WORTH - 0.01], [WORTH + 0.01, 0.0]])
    assert decide(pays).tolist() == [1, 0, HELD_BACK, 0]
    costs = decision_cost(np.array([0.9, 0.9, 0.0, 0.0]), np.array([1.0, 0.0, 1.0, 0.0]))
    assert costs == pytest.approx([0, 1, LOOK + RATIO, LOOK])


def test_the_effective_count_is_of_incidents():
    """Ten rows of one incident count once; one that outweighs the others leaves little more than itself."""
    assert metrics.effective_count(np.ones(20), np.repeat([3, 7], 10)) == pytest.approx(2)
    assert metrics.effective_count(np.array([100.0, 1, 1, 1]), np.arange(4)) == pytest.approx(
        1.06, abs=0.01
    )
    assert metrics.effective_count(np.empty(0), np.empty(0, np.int32)) == 0
