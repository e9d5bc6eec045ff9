"""Slices by time."""

import numpy as np
import pytest

from wingspan.advisor.samples.samples import make_samples
from wingspan.advisor.samples.split import incident_weights, split_samples
from wingspan.errors import ConflictError, SettingError


@pytest.fixture
def samples(write):
    """Return 20 released holds; the outcome of the first is told only after all others."""
    log = []
    for number in range(20):
        start = number * 1000
        told = 30_000 if number == 0 else start + 200
        log += [(start, number, 0), (start + 9, number, 12, 12, "lost", 0)]
        log += [(start + 99, number, 13), (told, number, 5)]
    return make_samples(write(sorted(log, key=lambda event: event[0])))


def test_what_was_not_known_then_is_not_trained_on(samples):
    """A hold whose outcome came after the slice's end is purged, however early the hold was."""
    split = split_samples(samples)
    assert 0 not in split.train
    assert split.purged >= 1
    assert (samples.told[split.train] < split.starts[0]).all()
    assert (samples.told[split.calibrate] < split.starts[1]).all()
    test = split.test.open()
    assert (samples.moments.clock[test] >= split.starts[1]).all()
    assert len({*split.train, *split.calibrate, *test}) == len(split.train) + len(
        split.calibrate
    ) + len(test)


def test_clusters_stay_together(write, event):
    """No later slice holds a sample of a cluster that an earlier one has used."""
    log = ""
    for number in range(30):
        start, job = number * 1000, {"proc": number // 3}
        log += event(start, number % 3, 0, **job)
        log += event(start + 9, number % 3, 12, 12, "lost", 0, **job)
        log += event(start + 99, number % 3, 13, **job) + event(start + 200, number % 3, 5, **job)
    samples = make_samples(write(log))
    split = split_samples(samples)
    assert len(split.train) > 10
    assert len(split.calibrate) + len(split.test.open()) == 0
    assert split.purged == 30 - len(split.train)


def test_the_test_is_opened_once(samples, tmp_path):
    """A second look is refused, in this process and by a marker in any other."""
    marker = tmp_path / "opened"
    split = split_samples(samples, marker=marker)
    assert len(split.test.open()) == len(split.test)
    with pytest.raises(ConflictError, match="opened before"):
        split.test.open()
    with pytest.raises(ConflictError, match="opened before"):
        split_samples(samples, marker=marker).test.open()


def test_shares_leave_a_test(samples):
    """Shares that leave nothing to test are refused."""
    with pytest.raises(SettingError, match="leave nothing"):
        split_samples(samples, (0.7, 0.3))


def test_an_incident_counts_once(samples):
    """The weights of an incident's samples add up to 1."""
    rows = np.arange(len(samples))
    weights = incident_weights(samples, rows)
    sums = np.bincount(samples.incidents.number, weights)
    np.testing.assert_allclose(sums, 1.0)
