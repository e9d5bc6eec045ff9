"""Models against each other, on logs whose causes are known."""

from dataclasses import replace

import numpy as np
import pytest

from wingspan.advisor.answers.own_fault import own_shifts_of
from wingspan.advisor.judging.contest import (
    ADVISING,
    ALWAYS,
    AVERAGE,
    CALIBRATING,
    CONSTANT,
    PER_CODE,
    choose,
    hold_contest,
    training_weights,
)
from wingspan.advisor.judging.evaluate import check_targets, evaluate
from wingspan.advisor.models.baselines import fit_osg_rule, fit_rates
from wingspan.advisor.models.calibrate import shifted
from wingspan.advisor.models.drift import outcomes_during, shifts_by
from wingspan.advisor.models.intervals import fit_strength, group_holds
from wingspan.advisor.models.mended import without_fixes
from wingspan.advisor.samples.samples import make_samples
from wingspan.advisor.samples.split import rolling, split_samples
from wingspan.advisor.samples.truth import HELD_BACK, Truth, join_truth
from wingspan.errors import NotFoundError


@pytest.fixture(scope="module")
def planted(tmp_path_factory, event):
    """Return 1,200 released holds of one code: a release pays unless the job had several starts before."""
    from wingspan.advisor.holds.timeline import make_timeline
    from wingspan.eventlog.read import read_events

    random = np.random.default_rng(5)
    text = ""
    for number in range(1200):
        start, doomed = number * 300, number % 3 == 0
        text += event(start, number, 0)
        for again in range(3 if doomed else 1):
            text += event(start + 1 + again, number, 1, f"h{random.integers(900)}")
        text += event(start + 20, number, 12, 12, "lost", 0)
        text += event(start + 40, number, 13)
        unlucky = random.random() < 0.1
        last = (12, 12, "lost", 0) if doomed or unlucky else (5,)
        text += event(start + 60, number, *last)
    log = tmp_path_factory.mktemp("planted") / "log"
    log.write_text(text)
    return make_samples(make_timeline(read_events([log])))


@pytest.fixture(scope="module")
def contest(planted):
    """Return the contest of all models on the planted log, and of one more."""
    return hold_contest(planted, split_samples(planted), {"another": fit_osg_rule})


def known(samples):
    """Return the truth of the planted log: what was done to a hold does not matter."""
    lost = samples.features.column("starts") > 1
    pays = np.stack([~lost, ~lost], axis=1)
    causes = ("user_bug",) * len(samples)
    return Truth(np.ones(len(samples), bool), (0.0, 600.0), pays, lost, causes)


@pytest.mark.long
def test_the_table_finds_what_was_planted(planted, contest):
    """Boosting sees what no rate per code can; the winner's advice removes what is lost and little else."""
    split = split_samples(planted)
    report = evaluate(planted, split, contest, known(planted))
    told, all_holds = report.tables
    assert report.winner == AVERAGE
    assert told.of("gradient boosting", "skill").low > 0.2
    assert told.of(PER_CODE, "skill").value <= 0
    assert max(told.of(name, "skill").value for name in (CONSTANT, PER_CODE, ADVISING)) == 0
    assert told.of(ALWAYS, "brier").value == pytest.approx(1 - told.base_rate, abs=1e-6)
    assert all_holds.of(report.winner, "hopeless held back").value > 0.4
    assert all_holds.of(report.winner, "good held back").value < 0.1
    assert all_holds.of(report.winner, "regret").value < all_holds.of(ALWAYS, "regret").value
    assert {line.model for line in told.lines} >= {"another", "OSG rule", "mates' last outcome"}
    assert [count for count, _ in told.codes.values()] == [told.episodes]
    assert len(told.course) == 8
    said, seen = np.array(told.reliability).T
    assert (np.diff(said) >= 0).all()
    assert said[0] < 0.3 > seen[0]
    assert said[-1] > 0.7 < seen[-1]
    assert next(iter(check_targets(report).values()))
    assert sum(each.holds for each in report.slices) + report.purged == report.labelled
    assert not report.warnings


@pytest.mark.long
def test_shuffled_labels_fall_to_the_base_rate(planted):
    """Trained on labels that were shuffled, nothing does better than the base rate on the true ones."""
    label = planted.episodes.label.copy()
    told = np.flatnonzero(~np.isnan(label))
    label[told] = np.random.default_rng(1).permutation(label[told])
    shuffled = replace(planted, episodes=replace(planted.episodes, label=label))
    contest = hold_contest(shuffled, split_samples(shuffled))
    split = split_samples(planted)
    report = evaluate(planted, split, contest)
    assert len(report.tables) == 1
    base = report.tables[0].base_rate
    for name in ("gradient boosting", "logistic regression"):
        assert report.tables[0].of(name, "brier").value > 0.9 * base * (1 - base)


def test_little_is_learned_from_little(planted):
    """With few incidents only counts take part, and always to release is never called the winner."""
    split = split_samples(planted)
    few = replace(split, train=split.train[:20])
    contest = hold_contest(planted, few)
    assert "gradient boosting" not in {each.name for each in contest.contestants}
    assert contest.winner != ALWAYS
    advisor = contest.advisor(planted, few, [{"path": "log"}])
    assert (advisor.name, advisor.card["train"]) == (contest.winner, 20)


@pytest.mark.long
def test_the_average_wins_unless_another_is_cheaper_for_sure_and_in_every_block(planted, contest):
    """Decisions that cost less by little, by chance or in one block alone change nothing; in all blocks they do."""
    split = split_samples(planted)
    weights = training_weights(planted, split)
    first = contest[AVERAGE]
    entered = [each for each in contest.contestants if each.name != AVERAGE]
    blocks = [np.searchsorted(split.calibrate, judged) for _, judged in rolling(planted, split)]
    assert sum(map(len, blocks)) == len(split.calibrate)
    assert len(blocks) == 3

    def winner(gain):
        other = replace(contest[ADVISING], cost=first.cost - gain)
        others = [other if each.name == ADVISING else each for each in entered]
        return choose(others, planted, split, weights, frozenset()).winner

    lucky, one_block = np.zeros(len(first.cost)), np.zeros(len(first.cost))
    lucky[blocks[0][0]] = 9.0
    one_block[blocks[1]] = 0.5
    assert winner(lucky) == winner(one_block) == AVERAGE
    assert winner(np.full(len(lucky), 0.05)) == ADVISING


def test_a_winner_needs_holds_and_incidents_to_be_chosen_by(planted):
    """One hold fewer than are needed, or so many of too few incidents, and there is no winner and no advisor."""
    split = split_samples(planted)
    enough = replace(split, calibrate=split.calibrate[: CALIBRATING[0]])
    few = replace(split, calibrate=split.calibrate[: CALIBRATING[0] - 1])
    burst = replace(split, calibrate=np.repeat(split.calibrate[: CALIBRATING[1] - 1], 3))
    assert hold_contest(planted, enough, learn=False).winner
    for lacking in (few, burst):
        contest = hold_contest(planted, lacking, learn=False)
        assert (contest.winner, contest.judged) == (None, ADVISING)
        assert "are needed" in contest.lacking
        with pytest.raises(NotFoundError, match="train on more logs"):
            contest.advisor(planted, lacking, [{"path": "log"}])


def test_truth_is_joined_by_job_and_hold(planted):
    """A record finds the hold of its job by number; costs and the oracle's are by hand."""
    events = planted.timeline.events
    record = {
        "kind": "hold",
        "access_point": events.access_points[0],
        "cluster": 0,
        "proc": 0,
        "hold": 2,
        "release_pays_after_s": {"0": False, "600": True},
        "hopeless": False,
        "cause": "site_outage",
    }
    truth = join_truth(planted, [record, {"kind": "job"}])
    (row,) = np.flatnonzero(truth.known)
    assert planted.features.column("holds")[row] == 1
    rows = np.array([row])
    back = np.array([5.2])
    for action, cost in ((0, 1), (1, 0), (HELD_BACK, 5.2)):
        assert truth.costs(rows, np.array([action]), back) == [cost]
    assert truth.least(rows, back) == [0]
    assert truth.cause[row] == "site_outage"


@pytest.mark.long
def test_boosting_beats_the_rate_per_code_on_a_simulated_pool():
    """Some thousand holds of a simulated pool are enough to do better than the rate per code."""
    from wingspan.recipes.hold_judging import Judging, Pool, judge_pool

    report = judge_pool(Pool("ospool", 11, 6.0), Judging())
    assert report.holds > 3000
    assert report.tables[1].of("gradient boosting", "skill").low > 0


@pytest.mark.long
def test_intervals_are_fitted_to_probabilities_with_the_shifts(planted, contest):
    """The strength is that of the average shifted by verdicts and by the outcomes of each block's time, with corrected labels."""
    split = split_samples(planted)
    average, weights = contest[AVERAGE], training_weights(planted, split)
    truest, groups, moved = without_fixes(planted, split.train).label, [], 0.0
    own = own_shifts_of(planted, np.arange(len(planted)))
    for (earlier, block), seen in zip(rolling(planted, split), average.past, strict=True):
        past = outcomes_during(planted, block)
        assert len(seen) == len(past) > 0
        assert planted.episodes.known[past].min() >= planted.moments.clock[block].min()
        after = shifted(seen, own[past])
        shift = own[block] + shifts_by(after, planted, past, block, planted.moments.upto[block])
        moved += np.abs(shift).sum()
        said = shifted(average.said[np.searchsorted(split.calibrate, block)], shift)
        chosen = weights.both[np.searchsorted(split.both, earlier)]
        rates = fit_rates(planted, earlier, chosen)
        known = np.array([rates.evidence(cause) for cause in planted.causes], float)
        groups.append(group_holds(planted, block, said, truest[block], known[planted.cause[block]]))
    assert moved > 0
    assert contest.strength == fit_strength(np.concatenate(groups))


def test_a_recipe_that_learns_nothing_is_no_winner_where_no_release_paid(write, event):
    """All rates hold back at the same cost: the recipe, which would say that a release pays surely, must not win."""
    text = ""
    for cluster in range(1, 171):
        second = 4000 * cluster
        text += event(second, cluster, 0) + event(second + 60, cluster, 1, f"host{cluster % 12}")
        text += event(second + 660, cluster, 12) + event(second + 960, cluster, 13)
        text += event(second + 1000, cluster, 1, f"host{cluster % 7}")
        text += event(second + 1600, cluster, 12) + event(second + 3600, cluster, 9)
    samples = make_samples(write(text))
    contest = hold_contest(samples, split_samples(samples), learn=False)
    assert contest.winner == ADVISING
