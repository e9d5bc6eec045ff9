"""Probabilities of models and rates fall where the fault is the job's own, and only there."""

import numpy as np
import pytest

from wingspan.advisor.answers.advise import advise
from wingspan.advisor.answers.evidence import History
from wingspan.advisor.answers.own_fault import own_shifts, own_shifts_of
from wingspan.advisor.holds.episodes import find_episodes
from wingspan.advisor.holds.moments import at_holds
from wingspan.advisor.models.baselines import Rates
from wingspan.advisor.models.calibrate import IDENTITY, shifted
from wingspan.advisor.models.saved import Advisor
from wingspan.advisor.samples.samples import make_samples

MISSING = (6, "Failed to execute 'run.sh': (errno=2: 'No such file or directory')", 2)
LONG = (47, "The job exceeded allowed execute duration of 1+00:00:00", 0)
CLUSTERS = 20


@pytest.fixture
def pool(write, event):
    """Return a function that writes runs of other clusters on ten hosts, then a cluster whose jobs are held on all of them."""

    def make(held, others_held=False):
        text = ""
        for number in range(CLUSTERS):
            start = number * 60
            text += event(start, number, 0)
            text += event(start + 1, number, 1, f"host{number % 10}")
            text += event(start + 2, number, *((12, *held) if others_held else (5,)))
        for proc in range(10):
            text += event(2000 + 10 * proc, 900, 0, proc=proc)
            text += event(2001 + 10 * proc, 900, 1, f"host{proc}", proc=proc)
            text += event(2002 + 10 * proc, 900, 12, *held, proc=proc)
        return write(text)

    return make


def said(timeline, held):
    """Return the advice on the cluster's last job by an advisor that says one in two for such holds."""
    rates = Rates({f"{held[0]}/{held[2]}": (5e5, 1e6, 500)}, 3)
    advisor = Advisor("x", rates, IDENTITY, rates, {"slices_start": [0.0, 1e12]})
    found = [job for each in advise(timeline, advisor=advisor) for job in each.jobs]
    return next(job for job in found if job.job == "900.9")


def test_the_probability_falls_where_only_one_cluster_is_held(pool):
    """All jobs of a cluster are held where others run: a release of such holds that paid in half of the cases pays less here."""
    advice = said(pool(MISSING), MISSING)
    assert advice.whose in {"cluster", "job or cluster", "job, cluster or user"}
    assert advice.probability < 0.2
    assert any(
        "the verdict on the fault moved" in line and "from 50%" in line for line in advice.evidence
    )


def test_the_probability_stays_where_many_clusters_are_held(pool):
    """Other clusters are held alike at the time: the fault is hardly the job's own."""
    advice = said(pool(MISSING, others_held=True), MISSING)
    assert advice.probability > 0.45


def test_the_probability_stays_where_the_next_try_may_pay(pool):
    """A job that ran out of time may end on a faster machine, although the fault is its own."""
    advice = said(pool(LONG), LONG)
    assert advice.probability == pytest.approx(0.5, abs=1e-4)


@pytest.mark.parametrize(
    ("others_held", "answer", "noted"), [(False, "fix first", True), (True, "release later", False)]
)
def test_a_rate_falls_as_a_models_probability(write, event, others_held, answer, noted):
    """One release in five of such holds paid: no reason to release jobs whose own fault it is this time."""
    text = ""
    for number in range(40):
        text += event(number * 60, number, 0) + event(number * 60 + 1, number, 1, f"host{number}")
        text += event(number * 60 + 2, number, 12, *MISSING)
        text += event(number * 60 + 5, number, 13) + event(number * 60 + 6, number, 1)
        paid = number % 5 == 0
        text += event(number * 60 + 7, number, *((5,) if paid else (12, *MISSING)))
    for number in range(300):
        start, host = 3000 + 600 * number, f"host{number % 10}"
        text += event(start, 200 + number, 0) + event(start + 1, 200 + number, 1, host)
        text += event(start + 2, 200 + number, 5)
    for number in range(CLUSTERS):  # two days later
        start, ended = 2e5 + 50 * number, (12, *MISSING) if others_held else (5,)
        text += event(start, 100 + number, 0) + event(
            start + 1, 100 + number, 1, f"host{number % 10}"
        )
        text += event(start + 2, 100 + number, *ended)
    for proc in range(10):
        start = 201100 + 10 * proc
        text += event(start, 900, 0, proc=proc) + event(start + 1, 900, 1, f"host{proc}", proc=proc)
        text += event(start + 2, 900, 12, *MISSING, proc=proc)
    jobs = {job.job: job for each in advise(write(text)) for job in each.jobs}
    assert jobs["900.9"].answer == answer
    assert jobs["900.9"].decided_by == "data (template)"
    assert (jobs["900.9"].probability < 0.1) == noted
    assert any("the verdict on the fault moved" in line for line in jobs["900.9"].evidence) == noted


def test_shifts_never_raise_and_use_nothing_later(pool):
    """Each hold's shift is at most 0, and is the same from the log up to its record."""
    timeline = pool(MISSING)
    episodes = find_episodes(timeline)
    everything = own_shifts(History(timeline, episodes), at_holds(episodes))
    assert everything.max() <= 0 > everything[-1]
    samples = make_samples(timeline)
    some = own_shifts_of(samples, np.array([3, 5]), np.array([5]))
    assert some[[3, 5]].tolist() == everything[[3, 5]].tolist()
    assert np.count_nonzero(some) == 2
    assert shifted(np.array([0.5]), everything[-1:])[0] < 0.5
