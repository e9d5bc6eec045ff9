"""Ask a trained advisor about held jobs, fitted to the pool of the logs."""

from typing import TYPE_CHECKING, NamedTuple

from wingspan.advisor.answers.advice import Chance
from wingspan.advisor.holds.episodes import Episodes
from wingspan.advisor.holds.moments import Moments, at_holds
from wingspan.advisor.holds.timeline import Timeline

if TYPE_CHECKING:
    from wingspan.advisor.models.saved import Advisor
    from wingspan.advisor.samples.samples import Reals, Samples


class Counsel(NamedTuple):
    """A trained advisor's opinion of a held job; None if it has seen nothing similar.

    `note` says how far the advisor applies to this pool.
    """

    chance: Chance | None
    note: str = ""


def ask(
    timeline: Timeline, episodes: Episodes, moments: Moments, advisor: "Advisor | None"
) -> list[Counsel]:
    """Return the counsel at some moments.

    The advisor was trained on what was known at a hold and on releases some time later, and is asked the same way. In a
    pool that is new to it, each moment uses the advisor as it was fitted by then.
    """
    if advisor is None or not len(moments):
        return [Counsel(None)] * len(moments)
    from wingspan.advisor.models.transfer import transfer
    from wingspan.advisor.samples.samples import make_samples

    samples = make_samples(timeline, at_holds(episodes).take(moments.episode))
    held_s = moments.clock - samples.moments.clock
    new = transfer(advisor, timeline, episodes)
    if new is None:
        return _counsel(advisor, samples, held_s)
    known = moments.upto >= new.since
    before = _counsel(advisor, samples, held_s) if not known.all() else []
    later = _counsel(new.advisor, samples, held_s, new.note)
    return [later[n] if after else before[n] for n, after in enumerate(known.tolist())]


def _counsel(
    advisor: "Advisor | None", samples: "Samples", held_s: "Reals", note: str = ""
) -> list[Counsel]:
    if advisor is None:
        return [Counsel(None, note)] * len(samples)
    found = advisor.counsel(samples, held_s)
    name = f"model {advisor.name}"
    columns = (found.p, found.low, found.high, found.wait_s, found.evidence)
    return [
        Counsel(Chance(p, low, high, name, wait_s) if count else None, note)
        for p, low, high, wait_s, count in zip(*(each.tolist() for each in columns), strict=True)
    ]
