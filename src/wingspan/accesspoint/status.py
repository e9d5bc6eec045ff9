"""A pool's slots and this access point's jobs, at one moment."""

import html
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wingspan.accesspoint.bindings import LOOK, RESTART, explained, plain
from wingspan.accesspoint.versions import check_versions
from wingspan.errors import PoolError

_SLOT = (
    "Machine", "State", "Cpus", "Memory", "GPUs", "TotalSlotCpus", "TotalSlotMemory", "TotalSlotGPUs",
)  # fmt: skip
_STATES = {1: "idle", 2: "running", 5: "held", 6: "running"}  # JobStatus; 6 is transferring output


@dataclass(frozen=True, slots=True)
class UserJobs:
    """How many jobs of a user are in the queue of this access point."""

    user: str
    idle: int
    running: int
    held: int


@dataclass(frozen=True, slots=True)
class Amount:
    """Of something that slots offer: all of it, and what no job has claimed."""

    total: int
    free: int


@dataclass(frozen=True, slots=True)
class PoolStatus:
    """The slots of a pool, how much of them is free, and whose jobs this access point queues.

    Parameters
    ----------
    problem
        Why the access point cannot be asked, and what to do; empty if it can.
    """

    access_point: str
    version: str
    machines: int
    cpus: Amount
    memory_mb: Amount
    gpus: Amount
    users: tuple[UserJobs, ...]
    problem: str = ""

    def __str__(self) -> str:
        there = f"access point {self.access_point}, HTCondor {self.version}"
        lines = [
            f"access point  {self.problem}" if self.problem else there,
            f"machines      {self.machines}",
            f"cpus          {self.cpus.total}, {self.cpus.free} free",
            f"memory        {self.memory_mb.total} MB, {self.memory_mb.free} MB free",
            f"GPUs          {self.gpus.total}, {self.gpus.free} free",
        ]
        jobs = [
            f"{user.user}: {user.idle} idle, {user.running} running, {user.held} held"
            for user in self.users
        ]
        none = [] if self.problem else ["no jobs"]
        return "\n".join([*lines, *(jobs or none)])

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def pool_status() -> PoolStatus:
    """Ask the collector for the slots, and the access point for its jobs."""
    with explained("asking for the pool's state") as htcondor2:
        only = 'SlotType =!= "Dynamic"'  # dynamic slots are parts of the others
        ads = htcondor2.Collector().query(htcondor2.AdType.Startd, only, list(_SLOT))
    slots = [plain(ad, _SLOT) for ad in ads]
    name, version, users, problem = "", "", tuple[UserJobs, ...](), ""
    try:
        name, version, users = _access_point()
    except PoolError as error:
        problem = f"{error.problem}\n  -> {RESTART if LOOK in error.fix else error.fix}"
    return PoolStatus(
        access_point=name,
        version=version,
        machines=len({slot["Machine"] for slot in slots}),
        cpus=_amount(slots, "Cpus"),
        memory_mb=_amount(slots, "Memory"),
        gpus=_amount(slots, "GPUs"),
        users=users,
        problem=problem,
    )


def _access_point() -> tuple[str, str, tuple[UserJobs, ...]]:
    """Ask the access point for its name, version and jobs."""
    check_versions()
    with explained("asking the access point for its jobs") as htcondor2:
        ad = htcondor2.Collector().locate(htcondor2.DaemonType.Schedd)
        schedd = plain(ad, ("Name", "CondorVersion"))
        jobs = htcondor2.Schedd().query("true", ["User", "JobStatus"])
    users = _users((str(job["User"]), int(job["JobStatus"])) for job in jobs)
    return str(schedd["Name"]), str(schedd["CondorVersion"]).split()[1], users


def _amount(slots: Iterable[Mapping[str, object]], name: str) -> Amount:
    """Add up a resource; a slot's own attribute is what its dynamic slots have left."""
    total = free = 0
    for slot in slots:
        left = _number(slot.get(name))
        total += _number(slot.get(f"TotalSlot{name}")) or left
        free += left if slot.get("State") == "Unclaimed" else 0
    return Amount(total, free)


def _number(value: object) -> int:
    return int(value) if isinstance(value, int | float) else 0


def _users(jobs: Iterable[tuple[str, int]]) -> tuple[UserJobs, ...]:
    counts: dict[str, dict[str, int]] = defaultdict(lambda: {"idle": 0, "running": 0, "held": 0})
    for user, status in jobs:
        if status in _STATES:
            counts[user][_STATES[status]] += 1
    return tuple(UserJobs(user, **counts[user]) for user in sorted(counts))


def is_one_machine() -> bool:
    """Return whether all slots of the pool are on this machine; a pool without slots is not."""
    with explained("asking for the pool's machines") as htcondor2:
        ads = htcondor2.Collector().query(htcondor2.AdType.Startd, projection=["Machine"])
        machines = {str(ad["Machine"]) for ad in ads}
        return machines == {str(htcondor2.param.get("FULL_HOSTNAME", ""))}
