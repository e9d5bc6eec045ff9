"""Fix the surroundings of the jobs: access points, sites, users and outages.

Parameters and a seed -> `World`. Outages do not depend on jobs, so that what would have happened to
a job, had it been released at another time, can be worked out as well as what did happen.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate
from math import log
from random import Random

from wingspan.simulator.parameters import Outage, Parameters
from wingspan.simulator.reasons import (
    ACCESS_POINT_FAULTS,
    PLUGIN_FAULTS,
    SITE_FAULTS,
    STAGES,
    Stage,
)

DAY_S = 86400.0
CACHE_REGIONS = 3
_AFTER_END_DAYS = 40.0  # outages go on after the log's end, for releases that would come then
_SITE_NAMES = [
    "Argand",
    "Bessel",
    "Cauchy",
    "Dedekind",
    "Euler",
    "Fermat",
    "Galois",
    "Hilbert",
    "Ito",
    "Jordan",
    "Klein",
    "Lie",
    "Markov",
    "Noether",
]
_CACHES = ("cache-east.example.net", "cache-west.example.net", "cache-north.example.net")


@dataclass(frozen=True, slots=True)
class Broken:
    """An outage: `cause` at `where`, from `start` to `end`, in seconds since 1970."""

    number: int
    cause: str
    where: str
    kind: str
    start: float
    end: float
    severity: float

    @property
    def stage(self) -> Stage:
        """At which step of a job's run it is met."""
        return STAGES[self.kind]


class Calendar:
    """The outages of one place, none overlapping."""

    __slots__ = ("_broken", "_starts")

    def __init__(self, broken: Sequence[Broken] = ()) -> None:
        self._broken = broken
        self._starts = [one.start for one in broken]

    def __len__(self) -> int:
        return len(self._broken)

    def at(self, time: float) -> Broken | None:
        """Return the outage under way at a time."""
        index = bisect_right(self._starts, time) - 1
        if index >= 0 and self._broken[index].end > time:
            return self._broken[index]
        return None


@dataclass(frozen=True, slots=True)
class AccessPoint:
    """Where jobs are submitted.

    `host` is the full name. `old` and `policy` choose its words, see `reasons.wording`.
    """

    index: int
    name: str
    host: str
    address: str
    sinful: str
    old: bool
    policy: int
    calendar: Calendar


@dataclass(frozen=True, slots=True)
class Site:
    """Where jobs run.

    `hosts` has the calendars of the hosts that ever break, `speeds` one number per host.
    """

    index: int
    name: str
    dialect: int
    speeds: Sequence[float]
    calendar: Calendar
    hosts: Mapping[int, Calendar]
    cache: Calendar
    cache_name: str


@dataclass(frozen=True, slots=True)
class User:
    """A user with habits; `tilt` multiplies the share of clusters with flaws."""

    name: str
    access_point: AccessPoint
    patience: float
    tilt: float
    run_s: float
    memory_mb: float


@dataclass(frozen=True, slots=True)
class World:
    """All that does not depend on jobs."""

    start: float
    end: float
    access_points: Sequence[AccessPoint]
    sites: Sequence[Site]
    site_weights: Sequence[float]
    users: Sequence[User]
    user_weights: Sequence[float]
    outages: Sequence[Broken]


def stream(seed: int, name: str) -> Random:
    """Return random numbers for one purpose, the same for a seed on every machine."""
    return Random(int.from_bytes(blake2b(f"{seed}/{name}".encode(), digest_size=16).digest()))


def keyed(seed: int, number: int, count: int) -> Random:
    """Return the random numbers of a job's run after its `count`-th hold."""
    return Random(((seed << 40) + number) * 4096 + count)


def spread_of(random: Random, median: float, sigma: float) -> float:
    """Draw from a log-normal distribution."""
    return random.lognormvariate(log(median), sigma)


def draw(random: Random, cumulative: Sequence[float]) -> int:
    """Draw an index from cumulated weights."""
    return bisect_right(cumulative, random.random() * cumulative[-1], hi=len(cumulative) - 1)


def pick(random: Random, weights: Mapping[str, float]) -> str:
    """Draw a key by its weight; the mapping's order counts."""
    return list(weights)[draw(random, list(accumulate(weights.values())))]


def make_world(parameters: Parameters, seed: int, start: float) -> World:
    """Make the surroundings, from independent streams of random numbers for each kind of thing."""
    end = start + parameters.days * DAY_S
    breaking = _Breaking(start, end + _AFTER_END_DAYS * DAY_S)
    points = _access_points(parameters, stream(seed, "access points"), breaking)
    sites = _sites(parameters, seed, breaking)
    return World(
        start=start,
        end=end,
        access_points=points,
        sites=sites,
        site_weights=_zipf(len(sites), parameters.sites.site_zipf),
        users=_users(parameters, stream(seed, "users"), points),
        user_weights=_zipf(parameters.workload.users, parameters.workload.user_zipf),
        outages=sorted(breaking.all, key=lambda one: one.start),
    )


def _zipf(count: int, exponent: float) -> list[float]:
    return list(accumulate((rank + 1) ** -exponent for rank in range(count)))


class _Breaking:
    """Draws the outages of one place after another and numbers them through."""

    def __init__(self, start: float, end: float) -> None:
        self.start = start
        self.end = end
        self.all: list[Broken] = []

    def calendar(
        self,
        random: Random,
        rate: Outage,
        share: float,
        cause: str,
        where: str,
        kinds: Mapping[str, float],
    ) -> Calendar:
        """Draw the outages of a place that gets `share` of all of a kind, one after another."""
        mine: list[Broken] = []
        per_s = rate.per_day * share / DAY_S
        time = self.start
        while per_s > 0:
            time += random.expovariate(per_s)
            if time >= self.end:
                break
            lasts = spread_of(random, rate.minutes * 60, rate.spread)
            mine.append(
                Broken(
                    len(self.all),
                    cause,
                    where,
                    pick(random, kinds),
                    time,
                    time + lasts,
                    rate.severity,
                )
            )
            self.all.append(mine[-1])
            time += lasts
        return Calendar(mine)


def _access_points(
    parameters: Parameters, random: Random, breaking: _Breaking
) -> list[AccessPoint]:
    count, old = parameters.log.access_points, parameters.log.old_share
    made = []
    for index in range(count):
        name = f"ap{index + 1:02d}"
        address = f"192.0.2.{index + 10}"
        sock = f"schedd_{random.randrange(1000, 9999)}_{random.randrange(4096, 65535):x}"
        made.append(
            AccessPoint(
                index,
                name,
                f"{name}.example.org",
                address,
                f"<{address}:9618?addrs={address}-9618&alias={name}.example.org&noUDP&sock={sock}>",
                int((index + 1) * old) > int(index * old),
                (0, 1, 0, 2)[index % 4],
                breaking.calendar(
                    random,
                    parameters.outages.access_point,
                    1 / count,
                    "access_point_outage",
                    name,
                    ACCESS_POINT_FAULTS,
                ),
            )
        )
    return made


def _sites(parameters: Parameters, seed: int, breaking: _Breaking) -> list[Site]:
    outages, random = parameters.outages, stream(seed, "sites")
    regions = [
        breaking.calendar(
            random,
            outages.plugin,
            1 / CACHE_REGIONS,
            "plugin_outage",
            _CACHES[region],
            PLUGIN_FAULTS,
        )
        for region in range(CACHE_REGIONS)
    ]
    made = []
    for index in range(parameters.sites.sites):
        name = f"{_SITE_NAMES[index % len(_SITE_NAMES)]}-{index // len(_SITE_NAMES) + 1}"
        made.append(
            Site(
                index,
                name,
                random.randrange(12),
                [random.lognormvariate(0.0, 0.2) for _ in range(parameters.sites.hosts_per_site)],
                breaking.calendar(
                    random,
                    outages.site,
                    1 / parameters.sites.sites,
                    "site_outage",
                    name,
                    SITE_FAULTS,
                ),
                _hosts(parameters, random, breaking, name),
                regions[index % CACHE_REGIONS],
                _CACHES[index % CACHE_REGIONS],
            )
        )
    return made


def _hosts(
    parameters: Parameters, random: Random, breaking: _Breaking, site: str
) -> dict[int, Calendar]:
    """Draw the calendars of the hosts that break; the other hosts of the site have none."""
    rate, count = parameters.outages.host, parameters.sites.hosts_per_site
    share = 1 / (parameters.sites.sites * count)
    found = {
        host: breaking.calendar(random, rate, share, "host_fault", f"{site}/{host}", SITE_FAULTS)
        for host in range(count)
    }
    return {host: calendar for host, calendar in found.items() if calendar}


def _users(parameters: Parameters, random: Random, points: Sequence[AccessPoint]) -> list[User]:
    habits, work = parameters.habits, parameters.workload
    return [
        User(
            name=f"user{index + 1:03d}",
            access_point=points[index % len(points)],
            patience=min(
                1.0, random.betavariate(1.2, 1.2 / max(habits.patience, 0.01) - 1.2 + 1e-6)
            ),
            tilt=random.lognormvariate(-0.32, 0.8),
            run_s=spread_of(random, work.run_s, work.run_spread * 0.7),
            memory_mb=spread_of(random, work.memory_mb, work.memory_spread * 0.7),
        )
        for index in range(work.users)
    ]
