"""Ask a trained advisor about held jobs.

Its probabilities are shifted by the verdicts on the jobs' faults, and by the outcomes in the pool.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wingspan.advisor.answers.advice import Chance
from wingspan.advisor.answers.evidence import History
from wingspan.advisor.answers.evidence_text import moved_text
from wingspan.advisor.answers.own_fault import VERDICT, own_shifts
from wingspan.advisor.holds.moments import Moments, at_holds
from wingspan.eventlog.rules import Rule

if TYPE_CHECKING:
    from wingspan.advisor.models.saved import Advisor
    from wingspan.advisor.models.saved import Counsel as Found
    from wingspan.advisor.samples.samples import Reals


class Counsel(NamedTuple):
    """A trained advisor's opinion of a held job; None if it has seen nothing similar.

    `note` says how far the advisor applies to this pool.
    """

    chance: Chance | None
    note: str = ""


def ask(
    history: History,
    moments: Moments,
    advisor: "Advisor | None",
    rules: Sequence[Rule],
) -> list[Counsel]:
    """Return the counsel at some moments; `rules` has the rule for each.

    The advisor was trained on what was known at a hold and on releases some time later, and is asked the same way. It is
    shifted by the verdict on the fault at the hold, and by the outcomes since its training, or by all in a pool that is new
    to it. Each moment uses what was known by then.
    """
    if advisor is None or not len(moments):
        return [Counsel(None)] * len(moments)
    from wingspan.advisor.models.calibrate import shifted
    from wingspan.advisor.models.drift import outcomes_since, shifts
    from wingspan.advisor.models.transfer import EARLY, is_foreign, measure_distance, trained_until
    from wingspan.advisor.samples.samples import make_samples

    timeline, episodes = history.timeline, history.episodes
    since = trained_until(advisor, timeline)
    past = outcomes_since(since, episodes, int(moments.upto.min()))
    everything = np.concatenate([moments.episode, past])
    needed, place = np.unique(everything, return_inverse=True)
    samples = make_samples(timeline, at_holds(episodes).take(needed))
    rows, past = place[: len(moments)], place[len(moments) :]
    held_s = moments.clock - samples.moments.clock[rows]
    own = own_shifts(history, samples.moments)
    shift = shifts(advisor, samples, past, rows, moments.upto, own)
    found = advisor.counsel(samples, held_s, rows, own[rows] + shift, rules)
    followed = shifted(found.p, -shift)
    notes = _moves(VERDICT, shifted(followed, -own[rows]), followed, found)
    if is_foreign(advisor, timeline):
        far = measure_distance(advisor, timeline, episodes)
        more = [far.note if known else EARLY for known in (moments.upto >= far.since).tolist()]
    else:
        more = _moves("outcomes since the advisor's training", followed, found.p, found)
    notes = ["; ".join(filter(None, each)) for each in zip(notes, more, strict=True)]
    return _as_chances(advisor, found, notes)


def _moves(what: str, before: "Reals", after: "Reals", found: "Found") -> list[str]:
    """Return a note for each probability that was moved and is known."""
    columns = zip(before.tolist(), after.tolist(), found.evidence.tolist(), strict=True)
    return [moved_text(what, one, other) if count else "" for one, other, count in columns]


def _as_chances(advisor: "Advisor", found: "Found", notes: list[str]) -> list[Counsel]:
    name = f"model {advisor.name}"
    columns = (found.p, found.low, found.high, found.wait_s, found.evidence)
    return [
        Counsel(Chance(p, low, high, name, wait_s) if count else None, note)
        for p, low, high, wait_s, count, note in zip(
            *(each.tolist() for each in columns), notes, strict=True
        )
    ]
