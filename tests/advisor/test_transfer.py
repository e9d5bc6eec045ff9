"""A trained advisor in a pool that is new to it."""

import pytest

from wingspan.advisor.answers.advise import advise
from wingspan.advisor.holds.episodes import find_episodes
from wingspan.advisor.models.baselines import Rates
from wingspan.advisor.models.calibrate import IDENTITY
from wingspan.advisor.models.saved import Advisor
from wingspan.advisor.models.transfer import EARLY, is_foreign, measure_distance

pytestmark = pytest.mark.usefixtures("no_verdicts")
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


def last_two(timeline, advisor):
    """Return the advice on the two jobs that are held at the end, sub-code 28 first."""
    jobs = [job for each in advise(timeline, advisor=advisor) for job in each.jobs]
    return sorted(sorted(jobs, key=lambda job: job.held_at)[-2:], key=lambda job: -job.subcode)


def test_an_advisor_of_the_same_access_point_is_at_home(pool):
    """Where it learned from one of the access points, or does not say from which, old outcomes shift nothing."""
    timeline = pool(60)
    names = timeline.events.access_points
    assert not is_foreign(trained({28: 0.6}, names), timeline)
    assert is_foreign(trained({28: 0.6}), timeline)
    there = last_two(timeline, trained({28: 0.6, 2: 0.4}, names))
    assert [job.probability for job in there] == pytest.approx([0.6, 0.4], abs=0.01)


@pytest.mark.parametrize("said", [{28: 0.6, 2: 0.4}, {28: 0.15, 2: 0.85}])
def test_outcomes_there_shift_a_foreign_advisor(pool, said):
    """Its probabilities go to what the outcomes showed, even where it says the wrong way round."""
    timeline = pool(300)
    high, low = last_two(timeline, trained(said))
    assert high.probability > said[28] + 0.2
    assert low.probability < said[2] - 0.2
    assert high.probability > low.probability
    assert high.decided_by == "model x"
    note = measure_distance(trained(said), timeline, find_episodes(timeline)).note
    assert "paid where it said" in note
    assert note in high.evidence


def test_later_outcomes_change_no_advice_on_earlier_holds(pool):
    """What is said of a hold, its note included, is the same in a log that goes on."""
    advisor = trained({28: 0.6, 2: 0.4})
    found = []
    for count in (70, 120):
        jobs = [
            job for each in advise(pool(count), every=True, advisor=advisor) for job in each.jobs
        ]
        found.append({(job.job, job.held_at): job for job in jobs})
    same = [key for key in found[0] if int(key[0].partition(".")[0]) < 69]
    assert len(same) > 60
    for name in ("answer", "probability", "low", "high", "evidence"):
        short, long = ([getattr(each[key], name) for key in same] for each in found)
        assert short == long
    assert any(EARLY in found[0][key].evidence for key in same)


def test_kinds_that_are_new_to_it_are_left_to_rates_and_rules(pool):
    """It says nothing of what it has not seen, wherever it is used."""
    high, low = last_two(pool(100), trained({28: 0.6}))
    assert high.decided_by == "model x"
    assert low.decided_by.startswith("data")


def test_before_that_it_says_that_little_is_known(pool):
    """With few outcomes the advice names the other pool."""
    timeline = pool(20)
    assert EARLY in last_two(timeline, trained({28: 0.6, 2: 0.4}))[0].evidence
