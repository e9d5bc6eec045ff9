"""Weigh where the fault for a hold lies, as probabilities of six hypotheses.

They are the job, its cluster, its user, the host, the site and the access point. All functions are pure.

Tries of other jobs are counted in cells, by whether they are cluster-mates and by how near they ran in place and time.
A hypothesis says that such holds come in its cells at a rate of their own, and elsewhere at the usual rate. The hold in
question is left out. Code and text give the prior. The counts move it, and a cell of many tries counts no more than its
clusters allow.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from math import exp, lgamma, log
from typing import Final, TypeAlias

from wingspan.eventlog.rules import Place

MATES: Final = "mates"
OTHERS: Final = "others"
THEIRS: Final = "the user's other clusters"  # counted where the log names users
NEAR: Final = (
    "host",
    "site",
    "access point",
)  # each without the nearer ones before it, and as recent as its outages last
FAR: Final = "elsewhere"  # of mates: at other places and times; of the user's other clusters: at any place in a day
SPANS_S: Final = {"host": 86400.0, "site": 21600.0, "access point": 3600.0}  # the longest outages
AGES_S: Final = (21600.0, 3600.0, 900.0)  # when an outage may have begun
Cell: TypeAlias = tuple[str, str]
_CELLS: Final[Mapping[str, tuple[Cell, ...]]] = {
    "job": (),
    "cluster": tuple((MATES, near) for near in (*NEAR, FAR)),
    "user": (*((MATES, near) for near in (*NEAR, FAR)), (THEIRS, FAR)),
    "host": tuple((who, "host") for who in (MATES, OTHERS)),
    "site": tuple((who, near) for who in (MATES, OTHERS) for near in NEAR[:2]),
    "access point": tuple((who, near) for who in (MATES, OTHERS) for near in NEAR),
}
JOB: Final = "job"
USER: Final = "user"
OWN: Final = (JOB, "cluster", USER)
WIDE: Final = "job, cluster or user"
_OF_ONE: Final = frozenset({JOB, "cluster", "job or cluster"})
SURE: Final = 0.6  # a hypothesis is named from this share on
KEEPS: Final = 0.8  # a narrower verdict keeps this part of the wider one's probability
MOST: Final = 0.95  # no counts make a verdict certain
_PRIOR: Final[Mapping[Place, Mapping[str, float]]] = {
    "job": {
        JOB: 0.40,
        "cluster": 0.475,
        USER: 0.05,
        "host": 0.04,
        "site": 0.03,
        "access point": 0.005,
    },
    "configuration": {
        JOB: 0.15,
        "cluster": 0.55,
        USER: 0.10,
        "host": 0.05,
        "site": 0.05,
        "access point": 0.10,
    },
    "credential": {
        JOB: 0.08,
        "cluster": 0.44,
        USER: 0.20,
        "host": 0.05,
        "site": 0.08,
        "access point": 0.15,
    },
    "environment": {
        JOB: 0.03,
        "cluster": 0.03,
        USER: 0.01,
        "host": 0.36,
        "site": 0.36,
        "access point": 0.21,
    },
    "access point": {
        JOB: 0.02,
        "cluster": 0.08,
        USER: 0.15,
        "host": 0.02,
        "site": 0.03,
        "access point": 0.70,
    },
    "server": {
        JOB: 0.02,
        "cluster": 0.05,
        USER: 0.02,
        "host": 0.03,
        "site": 0.04,
        "access point": 0.84,
    },
    "unknown": {
        JOB: 0.20,
        "cluster": 0.30,
        USER: 0.05,
        "host": 0.15,
        "site": 0.15,
        "access point": 0.15,
    },
}
_RATE: Final = {  # beta distribution of the rate in the cells at fault: an outage strikes a good part of the tries
    "job": (1.0, 1.0),
    "cluster": (1.0, 1.0),
    USER: (3.0, 2.0),
    "host": (4.0, 2.0),
    "site": (4.0, 3.0),
    "access point": (3.0, 4.0),
}
_RATE_OF_SERVER: Final = {  # most tries do not use the server, and end well during its outage
    **_RATE,
    **dict.fromkeys(("site", "access point"), (1.0, 4.0)),
}
_LOG_PRIOR: Final = {
    place: {name: log(max(share, 1e-9)) for name, share in prior.items()}
    for place, prior in _PRIOR.items()
}
_RARE: Final = (0.5, 25.0)  # held jobs and jobs that the usual rate begins with
_COMMON: Final = (
    0.5  # from this usual rate on, such holds are nothing special of a job or its cluster
)
_TRUST: Final = 0.35  # weight of the counts: clusters in the same outage are not independent
_A_CLUSTER: Final = 3.0  # independent jobs that one cluster counts as


@dataclass(frozen=True, slots=True)
class Seen:
    """Tries of other jobs, how many of them ended in such a hold, and their numbers of clusters.

    `held_clusters` is 0 if unknown: as many as `clusters` then.
    """

    held: int = 0
    tries: int = 0
    clusters: int = 0
    held_clusters: int = 0


@dataclass(frozen=True, slots=True)
class Blame:
    """Where the fault for a hold lies.

    Attributes
    ----------
    shares
        Probability of each hypothesis; they sum to 1. ``host`` and ``site`` are included if the log names them.
    seen
        Counts by cell.
    whose
        The likeliest hypothesis, ``job or cluster`` or `WIDE`; else "".
    share
        The probability of `whose`; 0 if that is empty.
    """

    shares: Mapping[str, float]
    seen: Mapping[Cell, Seen]
    whose: str = ""
    share: float = 0.0


def blame(
    place: Place,
    seen: Mapping[Cell, Seen],
    usual: Seen,
    known: Container[str] = NEAR,
    late: Sequence[Mapping[Cell, Seen]] = (),
    shared: float = 0.0,
) -> Blame:
    """Return the share of each hypothesis.

    Parameters
    ----------
    place
        Where the fault lies by the rule for code and text. A person's decision gets no verdict.
    usual
        Tries of all other clusters at any time and place, and those that ended in such a hold. Without the user's, if
        `seen` counts them on their own.
    known
        Of ``host`` and ``site``, those that the log names.
    late
        The counts of `seen` from each of `AGES_S` on.
    shared
        Log likelihood ratio of whose clusters are held alike: a fault of the user against any other.

    Examples
    --------
    >>> mates = blame("job", {(MATES, FAR): Seen(291, 291, 1)}, Seen())
    >>> mates.whose, blame("environment", {(OTHERS, "host"): Seen(9, 10, 8), (OTHERS, "site"): Seen(0, 30, 9)}, Seen(20, 500, 60)).whose
    ('cluster', 'host')
    """
    if place == "person":
        return Blame({}, dict(seen))
    rate = (usual.held + _RARE[0]) / (usual.tries + _RARE[1])
    rate = min(max(rate, 1e-4), 0.9)
    counts = [
        {cell: _counted(one) for cell, one in each.items() if one.tries} for each in (seen, *late)
    ]
    usually = log(rate), log(1 - rate)
    raised = _RATE_OF_SERVER if place == "server" else _RATE
    moved = {
        name: _moved(name, counts, usually, raised[name])
        for name in _CELLS
        if name in known or name not in {"host", "site"}
    }
    like = moved["access point"]  # a user's other clusters are among the others there
    moved[USER] = max(moved[USER], like) + shared if shared > 0 else like
    if "host" in moved and not _tries_elsewhere(seen, usual):
        moved["host"] = min(moved["host"], moved["access point"])  # all runs were on this machine
    weights = {
        name: prior + moved[name] for name, prior in _LOG_PRIOR[place].items() if name in moved
    }
    top = max(weights.values())
    parts = {name: exp(weight - top) for name, weight in weights.items()}
    whole = sum(parts.values())
    shares = {name: part / whole for name, part in parts.items()}
    whose = _verdict(shares)
    if whose == "cluster" and _mostly_well(seen):
        whose = "job or cluster"
    if rate > _COMMON:  # other clusters are held in the same way, anywhere
        whose = {"host": "", "site": ""}.get(whose, WIDE if whose in _OF_ONE else whose)
    blamed = whose.replace(",", " or").split(" or ") if whose else []
    return Blame(shares, dict(seen), whose, min(sum(shares[part] for part in blamed), MOST))


def _mostly_well(seen: Mapping[Cell, Seen]) -> bool:
    """Return whether most tries of cluster-mates did not end in such a hold."""
    mates = [each for (who, _), each in seen.items() if who == MATES]
    return 2 * sum(each.held for each in mates) < sum(each.tries for each in mates)


def _tries_elsewhere(seen: Mapping[Cell, Seen], usual: Seen) -> int:
    """Return at least how many tries were not on the host within a day."""
    near = sum(each.tries for cell, each in seen.items() if cell[1] != "host")
    return max(usual.tries - seen.get((OTHERS, "host"), Seen()).tries, near)


def _verdict(shares: Mapping[str, float]) -> str:
    """Return whose fault it is; narrow if that keeps `KEEPS` of the wider one's share."""
    best = max(shares, key=lambda name: shares[name])
    own = shares[JOB] + shares["cluster"]
    wide = own + shares[USER]
    if wide < SURE:
        return best if shares[best] >= SURE else ""
    enough = max(KEEPS * wide, SURE)
    if shares[best] >= enough:
        return best
    return "job or cluster" if own >= enough else WIDE


def _counted(seen: Seen) -> tuple[float, float]:
    """Return held and other tries, each cluster counting as a few."""
    trust = min(1.0, _A_CLUSTER * seen.clusters / seen.tries) if seen.tries else 0.0
    held = min(trust * seen.held, _A_CLUSTER * (seen.held_clusters or seen.clusters))
    return held, trust * (seen.tries - seen.held)


def _moved(
    name: str,
    counts: Sequence[Mapping[Cell, tuple[float, float]]],
    usually: tuple[float, float],
    rate: tuple[float, float],
) -> float:
    """Return the log likelihood ratio of the counts, averaged over when the outage began."""
    ages = {"cluster": counts[:1], USER: counts[:1], "host": counts}.get(name, counts[1:] or counts)
    gains = [_TRUST * _gain(name, one, usually, rate) for one in ages]
    top = max(gains)
    return top + log(sum(exp(gain - top) for gain in gains) / len(gains))


def _gain(
    name: str,
    counts: Mapping[Cell, tuple[float, float]],
    usually: tuple[float, float],
    rate: tuple[float, float],
) -> float:
    """Return the log likelihood ratio of the counts, hypothesis against usual rate.

    `usually` are the logs of the usual shares of tries that are held and that are not. `rate` is the beta distribution
    of the raised rate.
    """
    raised = [counts[cell] for cell in _CELLS[name] if cell in counts]
    if not raised:
        return 0.0
    held, rest = sum(one[0] for one in raised), sum(one[1] for one in raised)
    own = _beta(held + rate[0], rest + rate[1]) - _NO_COUNTS[rate]
    return own - held * usually[0] - rest * usually[1]


def _beta(one: float, other: float) -> float:
    return lgamma(one) + lgamma(other) - lgamma(one + other)


_NO_COUNTS: Final = {
    rate: _beta(*rate) for rates in (_RATE, _RATE_OF_SERVER) for rate in rates.values()
}
