"""An advisor's probabilities follow the outcomes since its training."""

from dataclasses import replace

import numpy as np
import pytest

from wingspan.advisor.answers.advise import advise
from wingspan.advisor.holds.episodes import find_episodes
from wingspan.advisor.models.baselines import Rates
from wingspan.advisor.models.calibrate import IDENTITY, shifted
from wingspan.advisor.models.drift import EVERY, MOST, outcomes_since, shifts
from wingspan.advisor.models.saved import Advisor
from wingspan.advisor.models.transfer import trained_until
from wingspan.advisor.samples.samples import make_samples

POLICY = "The job attribute PeriodicRelease expression evaluated to TRUE"
pytestmark = pytest.mark.usefixtures("no_verdicts")
NEW, OLD = 28, 2  # sub-codes: of the first, releases pay as said no longer


def trained(since=0.0):
    """Return an advisor that says 0.3 for both kinds of hold, trained until `since`."""
    rates = Rates({f"12/{subcode}": (3e5, 1e6, 500) for subcode in (NEW, OLD)}, 3)
    return Advisor("x", rates, IDENTITY, rates, {"slices_start": [since, since]})


def outcomes(count, jobs=1, by="via condor_release (by user ada)"):
    """Return released holds of `count` clusters: every release of the one kind pays, three in ten of the other."""
    log = []
    for number in range(count):
        start, subcode = number * 1000, (NEW, OLD)[number % 2]
        pays = subcode == NEW or number // 2 % 10 < 3
        for proc in range(jobs):
            at = start + proc
            log += [(at, number, 0, "ap", proc), (at + 9, number, 12, subcode, proc)]
            log += [
                (at + 99, number, 13, by, proc),
                (at + 200, number, 5 if pays else 12, subcode, proc),
            ]
    return sorted(log, key=lambda one: one[0])


@pytest.fixture
def pool(write, event):
    """Return a function that writes such a log, and an open hold of each kind; it returns the timeline."""

    def make(log, last=200_000):
        text = ""
        for second, number, what, detail, proc in log:
            again = (12, 12, "lost", detail)
            body = {0: (0,), 5: (5,), 12: again, 13: (13, detail)}[what]
            text += event(second, number, *body, proc=proc)
        for more, subcode in enumerate((NEW, OLD)):
            text += event(last + more, 9000 + more, 0)
            text += event(last + 9 + more, 9000 + more, 12, 12, "lost", subcode)
        return write(text)

    return make


def said(timeline, advisor):
    """Return what is printed of the two open holds."""
    found = [job for each in advise(timeline, advisor=advisor) for job in each.jobs]
    by_job = {job.job: job for job in found}
    return by_job["9000.0"], by_job["9001.0"]


def test_the_kind_that_changed_is_followed_and_no_other(pool):
    """Releases of one cause always pay, where the advisor said 0.3: its probability rises, that of the other cause stays."""
    new, old = said(pool(outcomes(80, by=POLICY)), trained())
    assert new.probability > 0.6
    assert old.probability == pytest.approx(0.3, abs=0.08)
    assert any(
        "since the advisor's training" in line and "from 30%" in line for line in new.evidence
    )


def test_clusters_count_and_not_jobs(pool):
    """Twenty jobs of each of ten clusters shift no more than one each."""
    one, _ = said(pool(outcomes(10)), trained())
    many, _ = said(pool(outcomes(10, jobs=20)), trained())
    assert one.probability > 0.32
    assert many.probability == pytest.approx(one.probability, abs=0.03)


def test_a_release_by_a_user_proves_less_than_one_by_a_policy(pool):
    """A user may have fixed the job: the same outcomes shift less."""
    by_user, _ = said(pool(outcomes(40)), trained())
    by_policy, _ = said(
        pool(outcomes(40, by=POLICY)),
        trained(),
    )
    assert by_policy.probability > by_user.probability > 0.3


def test_what_was_trained_on_shifts_nothing(pool):
    """Outcomes before the training's end, or an advisor without a card, leave the probability as it is."""
    timeline = pool(outcomes(80))
    for advisor in (trained(1e12), replace(trained(), card={})):
        assert [job.probability for job in said(timeline, advisor)] == pytest.approx(
            [0.3, 0.3], abs=1e-4
        )


def test_later_outcomes_change_no_earlier_advice(pool):
    """Advice on each hold is the same in a log that goes on."""
    short = pool(outcomes(30), 60_000)
    before = {
        (j.job, j.held_at): j for e in advise(short, every=True, advisor=trained()) for j in e.jobs
    }
    long = pool(outcomes(60), 200_000)
    after = {
        (j.job, j.held_at): j for e in advise(long, every=True, advisor=trained()) for j in e.jobs
    }
    same = [key for key in before if int(key[0].partition(".")[0]) < 30]
    assert len(same) > 30
    for name in ("answer", "probability", "low", "high", "evidence"):
        assert [getattr(before[key], name) for key in same] == [
            getattr(after[key], name) for key in same
        ]


def test_the_newest_outcomes_are_enough(pool, monkeypatch):
    """A question about the end needs the last `MOST` outcomes; the shift is the same with all of them."""
    monkeypatch.setattr("wingspan.advisor.models.drift.MOST", 2 * EVERY)
    assert MOST % EVERY == 0
    samples = make_samples(pool(outcomes(80)))
    episodes, advisor = find_episodes(samples.timeline), trained()
    end = len(samples.timeline)
    asked, upto = np.array([len(samples) - 1]), np.array([end])
    since = trained_until(advisor, samples.timeline)
    some, everything = (outcomes_since(since, episodes, row) for row in (end, 0))
    assert len(some) == 2 * EVERY < len(everything)
    assert shifts(advisor, samples, some, asked, upto) == shifts(
        advisor, samples, everything, asked, upto
    )


def test_shifts_are_of_logits():
    """Odds are multiplied, and what is not shifted is left alone bit for bit."""
    p = np.array([0.0, 0.2, 0.5])
    assert shifted(p, np.log([1.0, 4.0, 4.0])) == pytest.approx([0.0, 0.5, 0.8])
