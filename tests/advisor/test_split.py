"""Slices by time."""

import numpy as np
import pytest

from wingspan.advisor.judging.slices import describe, warn
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
    assert (samples.known_at[split.train] < split.starts[0]).all()
    assert (samples.known_at[split.calibrate] < split.starts[1]).all()
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


def test_the_test_is_opened_once(samples):
    """A second look at the same slice is refused in a process."""
    split = split_samples(samples)
    assert len(split.test.open()) == len(split.test)
    with pytest.raises(ConflictError, match="opened before"):
        split.test.open()


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


@pytest.fixture
def stormy(write):
    """Return 60 clusters, one a day, and a job that a policy releases 400 times within 40 hours."""
    day, log = 86400, []
    for number in range(60):
        start = number * day
        log += [(start, number, 0), (start + 9, number, 12, 12, "lost", 0)]
        log += [(start + 99, number, 13), (start + 200, number, *((5,) if number % 2 else (5, 1)))]
    start = 40 * day
    log.append((start, 99, 0))
    for again in range(400):
        log += [
            (start + again * 360 + 9, 99, 12, 12, "lost", 0),
            (start + again * 360 + 99, 99, 13),
        ]
    return make_samples(write(sorted(log, key=lambda event: event[0])))


def test_one_looping_job_fills_no_slice(stormy):
    """The slice that calibrates spans its share of the clusters, however often one job was held."""
    split = split_samples(stormy)
    slices = [describe(name, stormy, getattr(split, name)) for name in ("train", "calibrate")]
    assert slices[1].clusters >= 9
    assert slices[1].days > 8
    assert slices[0].base_rate == pytest.approx(0.5, abs=0.1)
    assert slices[1].effective <= slices[1].clusters


def test_slices_unlike_the_first_are_warned_of(stormy):
    """A slice of few clusters, and one whose releases pay at another rate, are named."""
    label = stormy.label
    cluster = stormy.episodes.cluster
    fresh = np.flatnonzero((np.bincount(cluster)[cluster] == 1) & ~np.isnan(label))
    paid = np.flatnonzero(label == 1)
    first = describe("training", stormy, fresh)
    assert not warn((first, describe("calibrating", stormy, fresh)))
    (few, unlike) = warn((first, describe("calibrating", stormy, paid[:15])))
    assert "15 effective clusters" in few
    assert "100% of releases pay, in the training slice" in unlike
    empty = describe("test", stormy, np.empty(0, np.int64))
    assert len(warn((first, empty))) == 1
