"""Episodes: what a hold's history says, and what it does not."""

import numpy as np
import pytest

from wingspan.advisor.holds.episodes import EXCLUSIONS, OUTCOMES, find_episodes
from wingspan.advisor.holds.timeline import AUTHORS

BEFORE = [(0, 1, 0), (10, 1, 1), (20, 1, 12)]
RELEASED = (3600, 1, 13)
NAN = float("nan")


@pytest.mark.parametrize(
    ("after", "outcome", "label"),
    [
        ([RELEASED, (3700, 1, 1), (3800, 1, 5)], "released_ok", 1),
        ([RELEASED, (3700, 1, 12)], "released_held_same", 0),
        ([RELEASED, (3700, 1, 12, 13)], "released_held_other", 0),
        ([RELEASED, (3700, 1, 12, 1)], "released_removed", NAN),
        ([RELEASED, (3800, 1, 5, 3)], "released_failed", 0),
        ([RELEASED, (3800, 1, 9)], "released_removed", NAN),
        ([RELEASED, (3800, 1, 1)], "censored", NAN),
        ([(3600, 1, 9)], "removed_without_release", NAN),
        ([(3500, 1, 33), RELEASED, (3800, 1, 5)], "edited_before_release", NAN),
        ([(3600, 1, 5)], "censored", NAN),
        ([(3600, 1, 12), RELEASED, (3800, 1, 5)], "censored", NAN),
        ([], "censored", NAN),
    ],
)
def test_outcomes(write, after, outcome, label):
    """Each history has the outcome and label of the table of labels."""
    found = find_episodes(write(BEFORE + after))
    assert OUTCOMES[found.outcome[0]] == outcome
    np.testing.assert_equal(found.label[0], label)


def test_an_edit_of_the_cluster_is_an_edit(write, event):
    """A change of the whole cluster between hold and release is an edit of its jobs."""
    edit = event(100, 1, 33).replace("(001.000.", "(001.-01.")
    texts = [*(event(*each) for each in BEFORE), edit, event(*RELEASED), event(3700, 1, 5)]
    found = find_episodes(write("".join(texts)))
    assert OUTCOMES[found.outcome[0]] == "edited_before_release"


def test_an_edit_before_the_hold_is_none(write):
    """What was changed before the hold does not make its release another action."""
    found = find_episodes(write([(0, 1, 0), (5, 1, 33), (9, 1, 12), (20, 1, 13), (30, 1, 5)]))
    assert OUTCOMES[found.outcome[0]] == "released_ok"


@pytest.mark.parametrize(("code", "why"), [(1, 1), (15, 2), (16, 3), (12, 0)])
def test_exclusions(write, code, why):
    """Holds that a person decided are excluded, with the reason."""
    found = find_episodes(write([(0, 1, 0), (20, 1, 12, code), (30, 1, 13)]))
    assert EXCLUSIONS[found.excluded[0]] == EXCLUSIONS[why]


def test_times_and_authors(write):
    """An episode tells who ended the hold, how long it lasted, and when the outcome was known."""
    policy = "The job attribute PeriodicRelease expression 'TRUE' evaluated to TRUE"
    found = find_episodes(write([*BEFORE, (120, 1, 13, policy), (220, 1, 5)]))
    assert AUTHORS[found.author[0]] == "policy"
    assert (found.action[0], found.after_s[0], found.outcome_after_s[0]) == (13, 100, 200)
    assert (found.code[0], found.subcode[0]) == (12, 28)


def test_episodes_lie_at_their_bytes(write, event):
    """An episode's offset is where its hold's record begins."""
    found = find_episodes(write(BEFORE))
    assert found.offset[0] == len(event(*BEFORE[0])) + len(event(*BEFORE[1]))


def test_no_hold_no_episode(write):
    """A log without holds has no episodes; an empty one neither."""
    assert len(find_episodes(write([(0, 1, 0)]))) == 0
    assert len(find_episodes(write([]))) == 0


def test_real_logs(real_timeline):
    """Every hold of the real logs is an episode, and labels stand only behind releases that were seen."""
    found = find_episodes(real_timeline)
    assert len(found) == (real_timeline.events.code == 12).sum() > 400
    told = ~np.isnan(found.label)
    assert 10 < told.sum() < len(found)
    assert (found.action[told] == 13).all()
    assert (found.after_s[told] >= 0).all()
    assert (found.outcome_after_s >= 0).all()
