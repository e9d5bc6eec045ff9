"""What `advise` prints is what `evaluate` scores."""

import numpy as np
import pytest

from wingspan.advisor.answers.advise import advise
from wingspan.advisor.judging.contest import hold_contest
from wingspan.advisor.judging.evaluate import evaluate
from wingspan.advisor.judging.policy import (
    PRINTED,
    advised_outcomes,
    answers_for,
    cover,
    look_costs,
)
from wingspan.advisor.judging.verdicts import UNKNOWN, judge_verdicts
from wingspan.advisor.models.decision import LOOK, RATIO
from wingspan.advisor.models.intervals import STRENGTH, fit_strength, interval
from wingspan.advisor.samples.samples import make_samples
from wingspan.advisor.samples.split import incident_weights, split_samples
from wingspan.advisor.samples.truth import Truth
from wingspan.eventlog.rules import ANSWERS

KINDS = (  # code, text, sub-code; whether a release pays
    (12, "no disk on 10.1.1.1", 28, True),
    (13, "Transfer input files failure: (errno 2) No such file or directory", 2, False),
    (34, "Job has gone over cgroup memory limit of 4096 megabytes.", 0, False),
    (1, "via condor_hold (by user ada)", 0, True),
)


@pytest.fixture(scope="module")
def pool(tmp_path_factory, event):
    """Return 240 released holds of four kinds, and what their releases would have done."""
    from wingspan.advisor.holds.timeline import make_timeline
    from wingspan.eventlog.read import read_events

    text = ""
    for number in range(240):
        start, (code, why, subcode, pays) = number * 1000, KINDS[number % 4]
        text += event(start, number, 0) + event(start + 5, number, 1, f"h{number % 50}")
        text += event(start + 20, number, 12, code, why, subcode) + event(start + 99, number, 13)
        text += event(start + 200, number, *((5,) if pays else (12, code, why, subcode)))
    log = tmp_path_factory.mktemp("pool") / "log"
    log.write_text(text)
    samples = make_samples(make_timeline(read_events([log])))
    lost = np.isin(samples.episodes.code, (13, 34))
    pays = np.stack([~lost, ~lost], axis=1)
    causes = tuple("memory" if each else "site_outage" for each in lost.tolist())
    return samples, Truth(np.ones(len(samples), bool), (0.0, 3600.0), pays, lost, causes)


def test_what_is_printed_is_what_is_scored(pool):
    """Each tested hold is scored by the very advice that `advise` gives; shares, costs and verdicts are recomputed from it."""
    samples, truth = pool
    split = split_samples(samples)
    contest = hold_contest(samples, split, learn=False)
    report = evaluate(samples, split, contest, truth)
    rows = split_samples(samples).test.open()
    incidents = advise(samples.timeline, every=True, advisor=contest.advising())
    printed = {(job.job, job.held_at): job for each in incidents for job in each.jobs}
    mine = answers_for(samples, rows, contest.advising())
    assert len(rows) >= 50
    assert [printed[job.job, job.held_at] for job in mine.advice] == mine.advice
    assert {each.answer for each in mine.advice} >= {"fix first", "release now"}
    weights, costs = incident_weights(samples, rows), []
    looks = look_costs(samples, rows, weights)
    for row, advice, look in zip(rows.tolist(), mine.advice, looks.tolist(), strict=True):
        back = (0 if truth.hopeless[row] else RATIO) + (look if advice.answer != "remove" else 0)
        at_once = 1.0 - truth.pays[row, 0]
        cost = back if advice.answer in {"fix first", "remove"} else at_once
        least = min(at_once, look + (0 if truth.hopeless[row] else RATIO))
        costs.append(cost - least)
    table = report.tables[1]
    assert table.of(PRINTED, "regret").value == pytest.approx(
        np.average(costs, weights=weights), abs=1e-5
    )
    for name in ANSWERS:
        has = [each.answer == name for each in mine.advice]
        assert report.answers[name] == pytest.approx(np.average(has, weights=weights))
    assert table.of(PRINTED, "hopeless held back").value == pytest.approx(1)
    assert table.of(PRINTED, "good removed").value == 0
    assert report.coverage == cover(samples, mine, advised_outcomes(mine, truth))
    verdicts = judge_verdicts(mine.advice, [truth.cause[row] for row in rows])
    assert report.verdicts == verdicts
    assert set(verdicts.confusion) == {"memory", "site_outage"}
    own = verdicts.confusion["memory"]
    assert own["job or cluster"] + own.get(UNKNOWN, 0) == sum(own.values())


def test_a_look_is_paid_once_for_a_cluster_and_cause(pool):
    """All incidents of a cluster for one cause share the price; another cluster pays its own."""
    samples, _ = pool
    rows = np.array([0, 0, 0, 0, 1])
    assert look_costs(samples, rows, np.ones(5)).tolist() == pytest.approx([LOOK / 4] * 4 + [LOOK])


@pytest.mark.parametrize("between", [3.0, 10.0, 60.0])
def test_printed_intervals_cover(between):
    """Where the rates of groups scatter from what was said, calibrated intervals have the next ones nine times in ten."""
    random = np.random.default_rng(7)
    said, clusters = random.uniform(0.05, 0.95, 400), random.integers(20, 400, 400).astype(float)
    rate = random.beta(said * between, (1 - said) * between)
    seen = random.binomial(12, rate) / 12
    groups = np.stack([said, seen, clusters], axis=1)
    strength = fit_strength(groups[:200])
    low, high = interval(said[200:], clusters[200:], strength)
    inside = ((low <= seen[200:]) & (seen[200:] <= high)).mean()
    assert 0.88 <= inside <= 0.99
    plain = interval(said[200:], clusters[200:], 1e9)
    assert ((plain[0] <= seen[200:]) & (seen[200:] <= plain[1])).mean() < 0.75


def test_few_groups_leave_the_usual_strength():
    """From three groups nothing surer than usual is learned; a miss widens the intervals."""
    right = np.array([[0.5, 0.5, 100.0]] * 3)
    assert fit_strength(right) <= STRENGTH
    assert fit_strength(np.array([[0.1, 0.9, 100.0]] * 9)) < 3
    low, high = interval(np.array([0.5]), np.array([0.0]))
    assert (low[0], high[0]) == (0, 1)
