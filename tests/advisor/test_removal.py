"""When a job is removed rather than released."""

from dataclasses import replace

import numpy as np
import pytest

from wingspan.advisor.judging.removal import (
    ENOUGH_PAID,
    MOST_TRIES,
    Removal,
    learn_removal,
)
from wingspan.advisor.samples.samples import make_samples
from wingspan.advisor.samples.truth import REMOVE

FREE = Removal({}, {}, enough=True)


@pytest.fixture
def tried(write):
    """Return jobs of two codes: of 12, second releases pay as often as first ones do; of 13, they never pay."""
    log = []
    for number in range(80):
        start, code = number * 3600, 12 + number % 2
        paid_first = number % 8 < 2
        paid_second = number % 8 in {2, 4} if code == 12 else False
        log += [
            (start, number, 0),
            (start + 9, number, 12, code, "lost", 0),
            (start + 99, number, 13),
        ]
        if paid_first:
            log.append((start + 199, number, 5))
            continue
        log += [(start + 199, number, 12, code, "lost", 0), (start + 299, number, 13)]
        log.append(
            (start + 399, number, 5) if paid_second else (start + 399, number, 12, code, "lost", 0)
        )
    return make_samples(write(log))


def learned(samples, until=np.inf):
    rows = np.flatnonzero(~np.isnan(samples.label))
    return learn_removal(samples, rows, np.ones(len(rows)), until)


def test_second_releases_tell_how_many_a_good_job_needs(tried):
    """Where they pay like first ones, failing once says little; where they never do, once is nearly enough."""
    tries = learned(tried).tries
    assert tries[12] > 1.3 * tries[13]
    assert 2 <= tries[13] < 3
    assert tries[12] <= MOST_TRIES


def test_hopeless_jobs_that_are_released_again_and_again_tell_nothing_of_the_others(write):
    """Half of the jobs are hopeless, the others succeed at two of five releases; a loop of releases does not change the tries."""
    tries = []
    for most in (2, 12):
        random, log = np.random.default_rng(3), []
        for number in range(400):
            start = number * 9000
            log += [(start, number, 0), (start + 9, number, 12)]
            for again in range(most):
                log.append((start + 100 * again + 50, number, 13))
                pays = number % 2 == 0 and random.random() < 0.4
                log.append((start + 100 * again + 100, number, 5 if pays else 12))
                if pays:
                    break
        tries.append(learned(make_samples(write(log))).tries[12])
    assert tries[0] > 3.5
    assert tries[1] == pytest.approx(tries[0], rel=0.3)


def test_a_removal_must_be_cheaper_than_a_release(tried):
    """The chance that the job is good, at the price of its removal, against the chance that the release is in vain."""
    rows = np.arange(4)
    pays = np.array([[0.0, 0.01], [0.03, 0.02], [0.05, 0.04], [0.5, 0.6]])
    assert FREE.choose(pays, tried, rows, 5.0).tolist() == [REMOVE, REMOVE, 0, 1]
    assert FREE.choose(pays, tried, rows, 20.0).tolist() == [0, 0, 0, 1]
    once = replace(FREE, tries={12: 1.0, 13: 1.0})
    assert once.choose(pays, tried, rows, 5.0).tolist() == [REMOVE, REMOVE, REMOVE, 1]
    never = replace(FREE, enough=False)
    assert REMOVE not in never.choose(pays, tried, rows, 5.0)


def test_little_that_paid_is_not_enough_for_removals(write):
    """From few incidents in which a release paid one cannot tell which would."""
    for paid, enough in ((ENOUGH_PAID - 1, False), (ENOUGH_PAID, True)):
        log = []
        for number in range(paid):
            start = number * 3600
            log += [(start, number, 12), (start + 9, number, 13), (start + 99, number, 5)]
        assert learned(make_samples(write(log))).enough == enough


def test_what_many_meet_at_once_is_not_removed(write):
    """A hold that no more than one cluster ever had at a time is met by six within minutes: it may be an outage."""
    reason = (13, "no such file", 2)
    log = [(day * 86400, day, 12, *reason) for day in range(60)]
    log += [(60 * 86400 + 60 * number, 60 + number, 12, *reason) for number in range(6)]
    samples = make_samples(write(log))
    removal = learned(samples, until=float(samples.moments.clock[60]))
    rows = np.arange(len(samples))
    assert np.flatnonzero(removal.crowded(samples, rows)).tolist() == [63, 64, 65]
    hopeless = np.zeros((len(rows), 1))
    acting = replace(removal, enough=True)
    assert (acting.choose(hopeless, samples, rows, 5.0)[:63] == REMOVE).all()
    assert (acting.choose(hopeless, samples, rows, 5.0)[63:] == 0).all()


def test_many_at_once_are_usual_for_some_causes(write):
    """Where such holds have come in crowds before, a crowd keeps nothing from being removed."""
    log = [
        (day * 86400 + 60 * number, 10 * day + number, 12, 13, "no such file", 2)
        for day in range(20)
        for number in range(8)
    ]
    samples = make_samples(write(log))
    removal = learned(samples)
    crowded = removal.crowded(samples, np.arange(len(samples)))
    assert crowded.mean() < 0.06
    assert FREE.crowded(samples, np.arange(len(samples))).mean() > 0.5
