"""What the rules expect weighs more, the fewer clusters a model learned from."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from wingspan.advisor.answers.advise import advise
from wingspan.advisor.holds.episodes import find_episodes
from wingspan.advisor.models.baselines import blindly, fit_rates
from wingspan.advisor.models.calibrate import IDENTITY
from wingspan.advisor.models.expected import PAYS, Expected, expected, weigh
from wingspan.advisor.models.learned import Blend, fit_boosting, fit_forest
from wingspan.advisor.models.saved import Advisor
from wingspan.advisor.samples.samples import make_samples
from wingspan.eventlog.rules import Nature

BUG = (13, "Transfer input files failure: (errno 2) No such file or directory", 2)
OUTAGE = (6, "Failed to execute '/x': (errno=116: 'Stale file handle')", 116)
LIMIT = (46, "The job exceeded allowed job duration of 0+02:00:00", 0)


@pytest.fixture
def pool(write):
    """Return 150 clusters with a bug, three each with an outage and a time limit; no release paid."""
    log = []
    for number in range(156):
        start = number * 1000
        why = OUTAGE if number % 52 == 20 else LIMIT if number % 52 == 40 else BUG
        log += [(start, number, 0), (start + 5, number, 1, f"h{number}")]
        log += [(start + 9, number, 12, *why), (start + 99, number, 13)]
        log += [(start + 199, number, 12, *why)]
    return write(log)


def test_rare_causes_keep_the_rules_word_and_common_ones_lose_it(pool):
    """Three vain releases of an outage do not make it hopeless; 150 of a bug do."""
    samples = make_samples(pool)
    rows = np.flatnonzero(~np.isnan(samples.label))
    weights = np.ones(len(rows))
    label = samples.label.copy()
    assert not label[rows].any()
    rates = fit_rates(samples, rows, weights)
    some = rows[:: len(rows) // 8]
    changed = samples.episodes.label.copy()
    changed[some] = 0.3  # models need both classes
    taught = _with_labels(samples, changed)
    parts = (fit_boosting(taught, rows, weights), fit_forest(taught, rows, weights))
    average = Blend(parts, (4.0, 1.0), rates)
    releases = blindly(len(samples), 0.0)
    said = average.predict(samples, np.arange(len(samples)), releases)
    plain = parts[0].predict(samples, np.arange(len(samples)), releases)
    code = samples.episodes.code
    assert plain[code == 6].max() < 0.15
    assert said[code == 6].min() > 0.3
    assert said[code == 46].min() > 0.2
    np.testing.assert_allclose(said[code == 13], plain[code == 13], atol=0.03)


def test_a_rare_outage_is_released_and_a_common_bug_fixed(pool):
    """The printed answers follow: a stale handle in three clusters is no reason to hold jobs back."""
    samples = make_samples(pool)
    rows = np.flatnonzero(~np.isnan(samples.label))
    changed = samples.episodes.label.copy()
    changed[rows[:8]] = 0.1
    taught = _with_labels(samples, changed)
    weights = np.ones(len(rows))
    rates = fit_rates(samples, rows, weights)
    parts = (fit_boosting(taught, rows, weights), fit_forest(taught, rows, weights))
    advisor = Advisor("average", Blend(parts, (4.0, 1.0), rates), IDENTITY, rates, {})
    incidents = advise(pool, every=True, advisor=advisor)
    answers = {}
    for each in incidents:
        for job in each.jobs:
            answers.setdefault(job.code, set()).add(job.answer)
    assert len(find_episodes(pool)) == sum(len(each.jobs) for each in incidents)
    assert answers[13] == {"fix first"}
    assert answers[6] <= {"release now", "release later"}


def test_the_scale_from_rule_to_data():
    """Without clusters the rules speak alone; at as many clusters both count alike; with many the model alone."""
    rules = Expected(np.full(3, 0.6), np.full(3, 10.0))
    none, even, many = weigh(np.full(3, 0.02), np.array([0.0, 10.0, 1e9]), rules)
    assert none == pytest.approx(0.6)
    logits = [np.log(each / (1 - each)) for each in (0.02, 0.6, even)]
    assert logits[2] == pytest.approx((logits[0] + logits[1]) / 2)
    assert many == pytest.approx(0.02)


def test_each_nature_has_an_expectation():
    """A rule of each nature has a number, and what passes is expected to pay more often."""
    assert set(PAYS) == set(get_args(Nature))
    assert expected((6, 116, OUTAGE[1]))[0] == PAYS["transient"]
    assert expected((46, 0, LIMIT[1])) == (0.3, 30.0)
    assert PAYS["deterministic"] <= PAYS["either"] < PAYS["transient"]


def _with_labels(samples, label):
    label.flags.writeable = False
    return replace(samples, episodes=replace(samples.episodes, label=label))
