"""Explain why a job is idle, from the pool at one moment and the job's ad.

The first that applies: no slot can meet the request, a concurrency limit, the access point's own limit, all slots that
could are taken, the negotiator's own word for its last refusal, and last, that the negotiator has not looked at the job yet.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wingspan.accesspoint.bindings import explained, plain
from wingspan.accesspoint.matching import START, Match, Slot, largest, match, slots_of, slots_text
from wingspan.accesspoint.request import job_ad

if TYPE_CHECKING:
    from classad2 import ClassAd

_MATCHED = frozenset(
    {5, 9}
)  # JobUniverse vanilla and grid; others never meet a slot of a collector
_CLAIM = ("Name", "State", "RemoteUser", "JobId", "ConcurrencyLimits")
_SCHEDD = ("Name", "MaxJobsRunning", "TotalRunningJobs", "TotalIdleJobs")
_ACCOUNT = ("Name", "Priority", "PriorityFactor", "WeightedResourcesUsed", "IsAccountingGroup")
_SIZES = ("Cpus", "Memory", "Disk", "PartitionableSlot", "SlotType",
          "TotalSlotCpus", "TotalSlotMemory", "TotalSlotDisk")  # fmt: skip
_LIMIT = re.compile(r"concurrency limit (\S+) reached", re.IGNORECASE)
_SHOWN = 4
_ORDINARY = "no match found"  # what the negotiator says where nothing particular is the matter


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a job is idle, and what to do; `match` is None where slots have nothing to do with it."""

    problem: str
    fix: str
    match: Match | None = None


@dataclass(frozen=True, slots=True)
class Pool:
    """What decides when a job starts.

    Parameters
    ----------
    claims
        One for each claimed slot: its user, job and concurrency limits.
    priorities
        User -> effective priority; the lower, the sooner its jobs start.
    schedd
        Limits and counts of the access point.
    negotiators
        How many the pool has: none, and no job ever starts.
    """

    slots: tuple[Slot, ...]
    claims: tuple[Mapping[str, object], ...]
    priorities: Mapping[str, float]
    schedd: Mapping[str, object]
    negotiators: int


def look_at_pool() -> Pool:
    """Ask the collector for all that decides when a job starts."""
    with explained("asking for the pool's slots") as htcondor2:
        collector, kinds = htcondor2.Collector(), htcondor2.AdType
        ads = collector.query(kinds.Startd)
        accounts = [plain(ad, _ACCOUNT) for ad in collector.query(kinds.Accounting)]
        name = collector.locate(htcondor2.DaemonType.Schedd)["Name"]
        schedds = collector.query(kinds.Schedd, f'Name == "{name}"', list(_SCHEDD))
        return Pool(
            slots=slots_of(ads),
            claims=tuple(plain(ad, _CLAIM) for ad in ads if ad.get("State") == "Claimed"),
            priorities={str(a["Name"]): _number(a.get("Priority")) for a in accounts},
            schedd=plain(schedds[0], _SCHEDD) if schedds else {},
            negotiators=len(collector.query(kinds.Negotiator, "true", ["Name"])),
        )


def largest_slots(commands: Mapping[str, str]) -> dict[str, int]:
    """Return memory and disk, in MB, of the largest slots that meet the rest of a job's request.

    Asks the collector for no more of the slots than is compared; dynamic slots are parts of others.
    """
    job = job_ad(commands, "")
    gpus = "RequireGPUs" in job  # each GPU has an attribute of its own name
    read = [] if gpus else sorted({*_SIZES, *map(_bare, _read_by(job))})
    only = 'SlotType =!= "Dynamic"' + (" && TotalGPUs > 0" if gpus else "")
    with explained("asking for the pool's slots") as htcondor2:
        ads = htcondor2.Collector().query(htcondor2.AdType.Startd, only, read or None)
    return largest(job, slots_of(ads))


def _read_by(job: "ClassAd") -> Iterable[str]:
    return map(str, job.externalRefs(job.lookup("Requirements")))


def _bare(name: str) -> str:
    return name.rpartition(".")[2]


def queued_ads(constraint: str) -> list["ClassAd"]:
    """Return the complete ads of the queued jobs that fulfil an expression, ready for matching."""
    with explained("querying jobs") as htcondor2:
        return list(htcondor2.Schedd().query(constraint))


def why_idle(job: "ClassAd", pool: Pool) -> Reason:
    """Say why a job that is idle has not started."""
    if job.get("JobUniverse", 5) not in _MATCHED:
        problem = "it runs on the access point itself, which starts such jobs when it has room"
        return Reason(problem, "wait; the access point's limit is START_LOCAL_UNIVERSE")
    if not pool.slots:
        problem = "the pool has no slot at all"
        return Reason(problem, "wait until an execution point joins: wingspan pool status")
    found = match(job, pool.slots)
    if not found.fit:
        return _mismatch(found)
    if not pool.negotiators:
        problem = "the pool has no negotiator, which brings jobs and slots together"
        return Reason(problem, "ask the pool's administrator", found)
    refused = str(job.get("LastRejMatchReason") or "")
    if limit := _LIMIT.search(refused):
        return _limited(limit[1], pool, found)
    running, most = (_number(pool.schedd.get(n)) for n in ("TotalRunningJobs", "MaxJobsRunning"))
    if 0 < most <= running:
        problem = f"the access point runs as many jobs as it may: MAX_JOBS_RUNNING = {most:.0f}"
        return Reason(problem, "wait, or ask its administrator for more", found)
    if not found.free:
        return _taken(str(job.get("User")), pool, found)
    if refused and refused != _ORDINARY:
        problem = f"the negotiator refused it: {refused}"
        return Reason(problem, "wait for its next cycle, or ask the pool's administrator", found)
    problem = (
        f"there is room for it in {slots_text(found.free)}; the negotiator has not come to it yet"
    )
    return Reason(problem, "wait for its next cycle: a minute, on most pools", found)


def _mismatch(found: Match) -> Reason:
    failing = [clause for clause in found.failing if clause.kind != START] or list(found.failing)
    if failing:
        clauses = "; ".join(clause.text for clause in failing)
        problem = f"none of the pool's slots ({found.total}) meets: {clauses}"
    else:
        problem = f"none of the pool's slots ({found.total}) meets all that is asked together"
    then = f"then {found.changed} of {found.total} slots match"
    return Reason(problem, "\n".join([*found.change, then]), found)


def _limited(name: str, pool: Pool, found: Match) -> Reason:
    holders = [
        f"{claim.get('JobId')} of {claim.get('RemoteUser')}"
        for claim in pool.claims
        if name.lower() in _limits(str(claim.get("ConcurrencyLimits", "")))
    ]
    held_by = f", held by jobs {_listed(holders)}" if holders else ""
    problem = f"the concurrency limit {name} is reached{held_by}"
    fix = f"wait until one ends, or ask the pool's administrator for a higher {name.upper()}_LIMIT"
    return Reason(problem, fix, found)


def _limits(text: str) -> list[str]:
    return [part.partition(":")[0].strip().lower() for part in text.split(",")]


def _taken(user: str, pool: Pool, found: Match) -> Reason:
    """Say who has the slots, and who comes first when one is free."""
    counts = Counter(str(claim.get("RemoteUser")) for claim in pool.claims)
    others = [f"{name} {n}" for name, n in counts.most_common() if name not in {user, "None"}]
    own = counts.get(user, 0)
    held = [f"your own jobs {own}"] * bool(own) + others
    problem = (
        f"{slots_text(found.fit)} can run it, and all are taken: {_listed(held) or 'no room left'}"
    )
    mine = pool.priorities.get(user)
    better = [name for name in counts if mine and 0 < pool.priorities.get(name, 0.0) < mine]
    if mine and better:
        first = ", ".join(f"{name} {pool.priorities[name]:.0f}" for name in better[:_SHOWN])
        problem += f"; users with a better priority than yours ({mine:.0f}): {first}"
    fix = (
        "wait until a job of your own ends"
        if own and not others
        else "wait: a slot comes when a job ends; the lower number of condor_userprio comes first"
    )
    return Reason(problem, fix, found)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
