"""One job from its submission or a release until it stops: ends, or is held.

`Slots.run` depends on the job, the world and the random numbers it is given, and on nothing that other jobs or
people do: so the same call with another start says what would have happened, had the job been
released then. Time is in seconds since 1970.
"""

from bisect import bisect_right
from dataclasses import dataclass, field
from math import inf, log, sqrt
from random import Random
from typing import Literal

from wingspan.simulator.parameters import Parameters
from wingspan.simulator.reasons import STAGES, Stage
from wingspan.simulator.world import AccessPoint, Broken, Site, User, World

Outcome = Literal["", "ok", "bad exit", "held"]
Step = tuple[
    float, str, "Place", float, float
]  # when, what, where, two numbers that `what` explains

_CRASHES = frozenset({"output_missing", "bad_exit"})  # the program ends before its time
_FLOOR = 0.15  # share of the peak that a job needs from its first second


@dataclass(slots=True)
class Cluster:
    """Jobs submitted together, alike except for their inputs.

    `fixed` is true once the user has corrected the bug.
    """

    number: int
    user: User
    size: int
    dag: bool
    osdf: bool
    queue_s: float
    run_s: float
    memory_mb: float
    memory_spread: float
    request_mb: int
    limit_s: float
    bug: str
    exit_code: int
    policy: str
    submitted: float
    fixed: bool = False
    live: dict[int, "Job"] = field(default_factory=dict)

    @property
    def access_point(self) -> AccessPoint:
        """Where it was submitted."""
        return self.user.access_point


@dataclass(slots=True)
class Job:
    """A job: what is fixed when it is submitted, and where it stands now.

    Attributes
    ----------
    flaw
        Kind of the fault that it carries itself; empty for none. Memory is a number, not a flaw.
    need_mb, work_s
        Peak of its memory; seconds of its run on a host of speed 1.
    """

    number: int
    cluster: Cluster
    cluster_id: int
    proc: int
    id: str
    flaw: str
    need_mb: float
    work_s: float
    request_mb: int
    submitted: float
    holds: int = 0
    starts: int = 0
    releases: int = 0
    sent: int = 0
    received: int = 0
    run: "Run | None" = None
    held_code: int = -1


@dataclass(frozen=True, slots=True)
class Place:
    """A slot; `tag` varies its names."""

    site: Site
    host: int
    slot: int
    tag: int


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a run stopped: the latent `cause`, its outage if any, and the kind of fault seen."""

    cause: str
    kind: str
    outage: Broken | None = None


@dataclass(slots=True)
class Run:
    """What happened from `start` to `end`.

    Nothing after `cut` came to pass: the job was removed.

    `starts` counts executions that began, `image` is the last memory used in MB.
    """

    start: float
    end: float = inf
    cut: float = inf
    outcome: Outcome = ""
    hold: Hold | None = None
    place: Place | None = None
    starts: int = 0
    executes: int = 0
    used_mb: float = 0.0
    ran_s: float = 0.0
    steps: list[Step] = field(default_factory=list)


class Slots:
    """The rules by which jobs run; see the module."""

    def __init__(self, parameters: Parameters, world: World) -> None:
        self.world = world
        self.sites = parameters.sites
        self.workload = parameters.workload
        self.fastest = max(max(site.speeds) for site in world.sites)
        self._total_weight = world.site_weights[-1]
        self._last_site = len(world.sites) - 1
        self._transfer_mu = log(parameters.workload.transfer_s)

    def run(self, job: Job, start: float, random: Random) -> Run:
        """Let the job run from `start` until it stops; the job itself is not changed."""
        run = Run(start)
        if job.flaw and not job.cluster.fixed and STAGES.get(job.flaw) == "submit":
            return _stop(run, start + 1 + 4 * random.random(), Hold("user_bug", job.flaw))
        time = start
        while not run.outcome:
            time += job.cluster.queue_s * random.lognormvariate(0.0, 0.6) + 1.0
            if job.starts + run.starts >= self.sites.starts_max * (job.holds + 1):
                return _stop(run, time, Hold("evictions", "starts"))
            run.starts += 1
            time = self._start(run, job, time, random)
        return run

    def _start(self, run: Run, job: Job, time: float, random: Random) -> float:
        """Match, fetch the input and start; returns when the slot was left."""
        place = self._place(random)
        run.place = place
        old = job.cluster.access_point.old
        if old:
            run.executes += 1
            run.steps.append((time, "execute", place, 0.0, 0.0))
        seconds = random.lognormvariate(self._transfer_mu, 1.0)
        run.steps.append((time, "input", place, seconds, 0.0))
        time += seconds + 0.2
        if hold := self._met("input", job, place, time, random):
            _stop(run, time, hold)
            return time
        if not old:
            run.executes += 1
            run.steps.append((time, "execute", place, 0.0, 0.0))
        time += 0.5 + 2 * random.random()
        if hold := self._met("start", job, place, time, random):
            _stop(run, time, hold)
            return time
        if random.random() < self.sites.shadow_exceptions:
            run.steps.append((time, "shadow", place, 0.0, 0.0))
            return time
        return self._execute(run, job, place, time, random)

    def _execute(self, run: Run, job: Job, place: Place, time: float, random: Random) -> float:
        """Execute until the job's end, a fault or an eviction."""
        whole_s = job.work_s / place.site.speeds[place.host]
        end_s, what = self._first_stop(job, place, time, whole_s, random)
        needed = job.need_mb * (0.97 + 0.06 * random.random())
        full = _crossing(needed, job.request_mb)
        if full * whole_s < end_s:
            end_s, what = full * whole_s, Hold("memory", "memory")
        end = time + end_s
        run.used_mb = image_mb(min(needed, job.request_mb), min(1.0, end_s / whole_s))
        if isinstance(what, Hold) and what.cause == "memory":
            run.used_mb = job.request_mb * 1.01
        run.ran_s = end_s
        run.steps.append((time, "image", place, end_s, run.used_mb))
        self._disconnect(run, place, time, end_s, random)
        if isinstance(what, Hold):
            _stop(run, end, what)
            return end
        if what == "evicted":
            run.steps.append((end, "evicted", place, end_s, run.used_mb))
            return end + 1
        return self._finish(run, job, place, end, random)

    def _first_stop(
        self, job: Job, place: Place, time: float, whole_s: float, random: Random
    ) -> tuple[float, Hold | str]:
        """Return after how many seconds, and why, the execution stops, leaving memory aside."""
        end_s, what = whole_s, ""
        evicted_s = random.expovariate(1.0) * 3600 / max(self.sites.evictions_per_hour, 1e-9)
        part, severe = random.random(), random.random()
        if evicted_s < end_s:
            end_s, what = evicted_s, "evicted"
        if job.flaw in _CRASHES and not job.cluster.fixed and whole_s * part**6 < end_s:
            end_s, what = whole_s * part**6, ""  # most bugs show in the first seconds
        stops: list[tuple[float, Hold]] = []
        if job.cluster.limit_s < end_s:
            stops.append((job.cluster.limit_s, Hold("time", "execute_time")))
        if job.flaw in {"disk", "cpus"}:
            stops.append((whole_s * (0.1 + 0.8 * part), Hold(job.flaw, job.flaw)))
        host = place.site.hosts.get(place.host)
        broken = host.at(time + part * whole_s) if host else None
        broken = broken or place.site.calendar.at(time + part * whole_s)
        if broken and broken.stage == "run" and severe < broken.severity:
            stops.append((part * whole_s, Hold(broken.cause, broken.kind, broken)))
        if stops and (first := min(stops, key=lambda stop: stop[0]))[0] < end_s:
            return first
        return end_s, what

    def _finish(self, run: Run, job: Job, place: Place, time: float, random: Random) -> float:
        """Send the output and end."""
        if hold := self._met("output", job, place, time, random):
            _stop(run, time, hold)
            return time
        seconds = random.lognormvariate(self._transfer_mu - 1.0, 1.0)
        run.steps.append((time, "output", place, seconds, 0.0))
        run.outcome = "bad exit" if job.cluster.exit_code else "ok"
        run.end = time + seconds + 0.1
        return run.end

    def _met(
        self, stage: Stage, job: Job, place: Place, time: float, random: Random
    ) -> Hold | None:
        """Return the fault that the job meets at a stage.

        It draws the same random numbers in any case.
        """
        by_point, by_plugin, by_site = random.random(), random.random(), random.random()
        cluster, site = job.cluster, place.site
        if job.flaw and not cluster.fixed and STAGES.get(job.flaw) == stage:
            return Hold("user_bug", job.flaw)
        broken = cluster.access_point.calendar.at(time)
        if broken and broken.stage == stage and by_point < broken.severity:
            return Hold(broken.cause, broken.kind, broken)
        broken = site.cache.at(time) if cluster.osdf else None
        if broken and broken.stage == stage and by_plugin < broken.severity:
            return Hold(broken.cause, broken.kind, broken)
        host = site.hosts.get(place.host)
        broken = host.at(time) if host else None
        broken = broken or site.calendar.at(time)
        if broken and broken.stage == stage and by_site < broken.severity:
            return Hold(broken.cause, broken.kind, broken)
        return None

    def _disconnect(
        self, run: Run, place: Place, time: float, end_s: float, random: Random
    ) -> None:
        """Maybe disconnect the execution point for a while; a failed reconnection is an eviction."""
        when, back, found = random.expovariate(1.0), random.random(), random.random()
        when_s = when * 3600 / max(self.sites.disconnects_per_hour, 1e-9)
        gone_s = 20 + 2000 * back
        if when_s + gone_s < end_s and found < self.sites.reconnects:
            run.steps.append((time + when_s, "disconnected", place, gone_s, 0.0))
        elif back < 0.01 and end_s > 600:
            run.steps.append(
                (time + 0.85 * end_s * found, "suspended", place, min(300.0, end_s * 0.1), 0.0)
            )

    def _place(self, random: Random) -> Place:
        """Choose a slot; the site by its weight."""
        where = random.random() * self._total_weight
        index = bisect_right(self.world.site_weights, where, hi=self._last_site)
        return Place(
            self.world.sites[index],
            int(random.random() * self.sites.hosts_per_site),
            1 + int(random.random() * 63),
            int(random.random() * 1e6),
        )


def _stop(run: Run, time: float, hold: Hold) -> Run:
    run.end, run.outcome, run.hold = time, "held", hold
    return run


def image_mb(peak_mb: float, part: float) -> float:
    """Return the memory used after a part (0-1) of a time at whose end it is `peak_mb`."""
    return peak_mb * (_FLOOR + (1 - _FLOOR) * sqrt(part))


def _crossing(needed: float, request: float) -> float:
    """Return the part of the run at which the memory used passes the request; inf if never."""
    if needed <= request:
        return inf
    return max(0.001, (request / needed - _FLOOR) / (1 - _FLOOR)) ** 2


def hopeless(job: Job, fastest: float) -> bool:
    """Return whether no release alone can help, as the job's own flaw stops it everywhere."""
    if job.flaw in {"disk", "cpus"} or (job.flaw and not job.cluster.fixed):
        return True
    if job.cluster.exit_code:
        return True
    return job.need_mb * 0.97 > job.request_mb or job.work_s / fastest > job.cluster.limit_s
