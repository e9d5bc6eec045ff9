"""Lower probabilities where the fault for a hold is most likely the job's own.

The cluster's and the user's faults count as its own, since a release fixes none of them.
Models learn from releases, and rates count them. They are few, and a user's fix hides that a bug stays a bug. The verdict
on the fault needs no release: it rests on what happens to other jobs.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from wingspan.advisor.answers.advice import Chance
from wingspan.advisor.answers.blame import OWN, Blame
from wingspan.advisor.answers.evidence import History
from wingspan.advisor.holds.episodes import find_episodes
from wingspan.advisor.holds.moments import Moments
from wingspan.advisor.models.calibrate import shifted, to_logit
from wingspan.advisor.models.decision import AGAIN
from wingspan.advisor.samples.samples import Reals, Rows, Samples
from wingspan.eventlog.rules import Rule, explain

VERDICT: Final = "the verdict on the fault"
_TRUST: Final = 0.5  # weight of the verdict: the model saw some of the same events


def own_shifts(history: History, moments: Moments) -> Reals:
    """Return by how much the logit of each probability moves, by what was known at each moment.

    It falls by a part of the log odds that the fault is the job's own, and never rises: an outage may last, so its jobs'
    next release need not pay. A try of a job that ran out of time may pay although the fault is its own. Without runs of
    other jobs the verdict rests on code and text, which the model knows.
    """
    episodes, found = history.episodes, np.zeros(len(moments))
    for number, (episode, upto) in enumerate(
        zip(moments.episode.tolist(), moments.upto.tolist(), strict=True)
    ):
        code, subcode = int(episodes.code[episode]), int(episodes.subcode[episode])
        rule = explain(code, subcode, history.said[episode])
        if rule.kind not in AGAIN:
            found[number] = _own_share(history.blame(episode, upto, rule.place))
    return _shifts(found)


def own_shifts_of(samples: Samples, *rows: Rows) -> Reals:
    """Return `own_shifts` for some rows in a column for all samples; the others are 0."""
    history = History(samples.timeline, find_episodes(samples.timeline))
    asked, found = np.unique(np.concatenate(rows)), np.zeros(len(samples))
    found[asked] = own_shifts(history, samples.moments.take(asked))
    return found


def lowered(chance: Chance, rule: Rule, blame: Blame) -> Chance:
    """Return a rate after a verdict on the fault."""
    own = 0.0 if rule.kind in AGAIN else _own_share(blame)
    shift = _shifts(np.full(3, own))
    p, low, high = shifted(np.array([chance.p, chance.low, chance.high]), shift).tolist()
    return replace(chance, p=p, low=min(low, chance.low), high=high)


def _shifts(own: Reals) -> Reals:
    return -_TRUST * np.maximum(to_logit(own), 0.0)


def _own_share(blame: Blame) -> float:
    if not any(seen.tries for seen in blame.seen.values()):
        return 0.0
    return sum(blame.shares.get(name, 0.0) for name in OWN)
