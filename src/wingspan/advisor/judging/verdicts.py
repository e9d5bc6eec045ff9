"""Score verdicts on where faults lie against a simulator's causes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wingspan.advisor.answers.advice import Advice
from wingspan.advisor.answers.blame import USER, WIDE
from wingspan.eventlog.rules import DECISIONS

OWN: Final = "job or cluster"
UNKNOWN: Final = "cannot say"
RIGHT: Final[Mapping[str, frozenset[str]]] = {  # the right verdicts for each cause
    **{
        cause: frozenset({OWN, USER})
        for cause in ("user_bug", "memory", "disk", "cpus", "time", "evictions")
    },
    "site_outage": frozenset({"site"}),
    "host_fault": frozenset({"host"}),
    "access_point_outage": frozenset({"access point"}),
    "plugin_outage": frozenset(
        {"site", "access point"}
    ),  # a data server that a site or all jobs use
}
_SAID: Final = {"job": OWN, "cluster": OWN, WIDE: USER, "": UNKNOWN}
SAID: Final = (OWN, USER, "host", "site", "access point", UNKNOWN)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Verdicts on holds whose cause is known.

    Attributes
    ----------
    accuracy
        Share of right verdicts; holds without a verdict are not counted.
    said
        Mean probability of the verdicts.
    calibration_error
        Mean gap between probability and share of right verdicts, over bins of 0.1.
    confusion
        Number of holds by cause and verdict.
    """

    holds: int
    verdicts: int
    accuracy: float
    said: float
    calibration_error: float
    confusion: Mapping[str, Mapping[str, int]]


def judge_verdicts(advice: Sequence[Advice], causes: Sequence[str]) -> Verdicts:
    """Compare each hold's verdict with its cause.

    Holds by a person, or without a known cause, are left out.
    """
    confusion: dict[str, Counter[str]] = {}
    bins: dict[int, list[tuple[float, bool]]] = {}
    for each, cause in zip(advice, causes, strict=True):
        if cause not in RIGHT or each.code in DECISIONS:
            continue
        said = _SAID.get(each.whose, each.whose)
        confusion.setdefault(cause, Counter())[said] += 1
        if said != UNKNOWN:
            bins.setdefault(int(each.share * 10), []).append((each.share, said in RIGHT[cause]))
    pairs = [pair for group in bins.values() for pair in group]
    count = len(pairs)
    gaps = [abs(sum(share - right for share, right in group)) for group in bins.values()]
    nan = float("nan")
    return Verdicts(
        holds=sum(each.total() for each in confusion.values()),
        verdicts=count,
        accuracy=sum(right for _, right in pairs) / count if count else nan,
        said=sum(share for share, _ in pairs) / count if count else nan,
        calibration_error=sum(gaps) / count if count else nan,
        confusion={cause: dict(confusion[cause]) for cause in sorted(confusion)},
    )
