"""What users mend, told apart from what releases do."""

import numpy as np
import pytest

from wingspan.advisor.models.baselines import blindly
from wingspan.advisor.models.learned import fit_boosting, fit_logistic
from wingspan.advisor.models.mended import ASSUMED, without_fixes
from wingspan.advisor.samples.samples import make_samples

POLICY = "The job attribute PeriodicRelease expression 'x' evaluated to TRUE"
USER = "via condor_release (by user ada)"


@pytest.fixture
def samples(write, request):
    """Return 400 holds: of a bug only what a user mended pays, one in four; of an outage all releases do.

    Half of the releases are a policy's; with the parameter `False`, none.
    """
    log = []
    for number in range(400):
        bug, user = number % 2 == 0, number % 4 < 2 or not getattr(request, "param", True)
        pays = not bug or (user and number % 16 == 0)
        hold = (12, 12, "bug", 2) if bug else (12, 13, "outage", 3)
        log += [(number * 1000, number, 0), (number * 1000 + 5, number, 1, "h1")]
        log += [(number * 1000 + 20, number, *hold)]
        log += [(number * 1000 + 40, number, 13, USER if user else POLICY)]
        log += [(number * 1000 + 60, number, *((5,) if pays else hold))]
    return make_samples(write(log))


def test_what_a_policy_never_reaches_a_user_has_mended(samples):
    """A user's success where policies have none counts for little; where policies succeed, for all; failures stay."""
    train = np.flatnonzero(~np.isnan(samples.label))
    found = without_fixes(samples, train).label
    bug, paid = samples.episodes.code == 12, samples.label == 1
    assert 0 < found[bug & paid].max() < 0.2
    assert found[~bug & paid].min() > 0.95
    np.testing.assert_array_equal(found[~paid], samples.label[~paid])


def test_labels_between_are_learned_in_parts(samples):
    """A model of labels between 0 and 1 gives their mean where nothing tells them apart."""
    train = np.flatnonzero(~np.isnan(samples.label))
    alone = without_fixes(samples, train)
    model = fit_boosting(alone, train, np.ones(len(train)))
    said = model.predict(alone, train, blindly(len(train), 20.0))
    bug = samples.episodes.code[train] == 12
    assert said[bug].mean() == pytest.approx(alone.label[train][bug].mean(), abs=0.03)
    assert said[~bug].mean() > 0.9


@pytest.mark.parametrize("samples", [False], indirect=True)
def test_without_policies_some_fixes_are_assumed(samples):
    """Where only users release, a rare success may well be a fix, a usual one hardly; failures stay."""
    train = np.flatnonzero(~np.isnan(samples.label))
    found = without_fixes(samples, train).label
    bug, paid = samples.episodes.code == 12, samples.label == 1
    rate = samples.label[train][bug[train]].mean()
    alone = (rate - ASSUMED) / (1 - ASSUMED)
    assert 0.1 < rate < 0.3
    assert found[bug & paid] == pytest.approx(alone / rate, abs=0.05)
    assert found[~bug & paid].min() > 0.97
    np.testing.assert_array_equal(found[~paid], samples.label[~paid])


def test_rare_successes_are_still_learned_from(write):
    """Where users' releases pay more rarely than users are assumed to mend, a model is trained, and says little."""
    log = []
    for number in range(200):
        start = number * 1000
        log += [(start, number, 0), (start + 20, number, 12), (start + 40, number, 13)]
        log.append((start + 60, number, 5 if number % 25 == 0 else 12))
    samples = make_samples(write(log))
    train = np.flatnonzero(~np.isnan(samples.label))
    alone = without_fixes(samples, train)
    assert (alone.label[train][samples.label[train] == 1] > 0).all()
    for fit in (fit_boosting, fit_logistic):
        said = fit(alone, train, np.ones(len(train))).predict(
            alone, train, blindly(len(train), 0.0)
        )
        assert said.mean() < 0.04
