"""A trained advisor in a pool that is new to it."""

import numpy as np
import pytest

from wingspan.advisor.answers.advise import advise
from wingspan.advisor.holds.episodes import find_episodes
from wingspan.advisor.models.baselines import Rates
from wingspan.advisor.models.calibrate import IDENTITY
from wingspan.advisor.models.saved import Advisor
from wingspan.advisor.models.transfer import FIRST, transfer

KINDS = {28: 9, 2: 1}  # sub-code -> how many of ten releases pay


def trained(said, access_points=("another",)):
    """Return an advisor that says for each sub-code how likely a release pays."""
    counts = {f"12/{subcode}": (1e6 * p, 1e6, 500) for subcode, p in said.items()}
    rates = Rates(counts, 3)
    return Advisor("x", rates, IDENTITY, rates, {"access_points": list(access_points)})


@pytest.fixture
def pool(write):
    """Return the timeline of some released holds, each of its own cluster, and one of each kind that is still held."""

    def make(count):
        log = []
        for number in range(count):
            start, subcode = number * 1000, (28, 2)[number % 2]
            pays = (number // 2) % 10 < KINDS[subcode]
            log += [(start, number, 0), (start + 9, number, 12, 12, "lost", subcode)]
            log += [(start + 99, number, 13)]
            log.append((start + 200, number, *((5,) if pays else (12, 12, "lost", subcode))))
        for more, subcode in enumerate(KINDS):
            start = (count + more) * 1000
            log += [(start, count + more, 0), (start + 9, count + more, 12, 12, "lost", subcode)]
        return write(log)

    return make


def test_an_advisor_of_the_same_access_point_is_left_as_it_is(pool):
    """Where it learned from one of the access points, or does not say from which, nothing is changed."""
    timeline = pool(60)
    names = timeline.events.access_points
    assert transfer(trained({28: 0.6}, names), timeline, find_episodes(timeline)) is None


def test_the_first_outcomes_recalibrate(pool):
    """After the first fifty outcomes probabilities are stretched to what they showed; before, they are as they were."""
    timeline = pool(100)
    found = transfer(trained({28: 0.6, 2: 0.4}), timeline, find_episodes(timeline))
    assert "paid where it said" in found.note
    assert found.note.endswith("recalibrated by them")
    high, low = found.advisor.curve(np.array([0.6, 0.4]))
    assert high > 0.61
    assert low < 0.39
    open_jobs = [
        job
        for each in advise(timeline, advisor=trained({28: 0.6, 2: 0.4}))
        for job in each.jobs
        if job.held_at > timeline.clock[-1] - 2500 and job.job.partition(".")[0] in {"100", "101"}
    ]
    assert [round(job.probability, 3) for job in open_jobs] == [round(high, 3), round(low, 3)]
    assert found.note in open_jobs[0].evidence


def test_what_comes_later_changes_no_recalibration(pool):
    """The first fifty outcomes alone count, however many follow."""
    curves = []
    for count in (60, 120):
        timeline = pool(count)
        found = transfer(trained({28: 0.6, 2: 0.4}), timeline, find_episodes(timeline))
        curves.append(found.advisor.curve)
    assert curves[0] == curves[1]


def test_a_far_pool_falls_back(pool):
    """Where what it says is the wrong way round, rules and rates advise, and that is said."""
    timeline = pool(100)
    wrong = trained({28: 0.05, 2: 0.95})
    found = transfer(wrong, timeline, find_episodes(timeline))
    assert found.advisor is None
    assert "rules and rates advise" in found.note
    last = [job for each in advise(timeline, advisor=wrong) for job in each.jobs]
    assert not any(job.decided_by.startswith("model") for job in last)
    assert all(found.note in job.evidence for job in last)


def test_before_that_it_says_what_is_lacking(pool):
    """From fewer outcomes nothing is recalibrated; the evidence has their number."""
    timeline = pool(20)
    found = transfer(trained({28: 0.6, 2: 0.4}), timeline, find_episodes(timeline))
    assert f"20 of {FIRST[0]} releases" in found.note
    assert found.advisor.curve == IDENTITY
