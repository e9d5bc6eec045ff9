"""A pool's slots and this access point's jobs, at one moment."""

import html
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wingspan.accesspoint.bindings import explained, plain
from wingspan.accesspoint.versions import check_versions

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
    """What a pool offers, what of it is free, and whose jobs are in the queue of this access point."""

    access_point: str
    version: str
    machines: int
    cpus: Amount
    memory_mb: Amount
    gpus: Amount
    users: tuple[UserJobs, ...]

    def __str__(self) -> str:
        lines = [
            f"access point {self.access_point}, HTCondor {self.version}",
            f"machines      {self.machines}",
            f"cpus          {self.cpus.total}, {self.cpus.free} free",
            f"memory        {self.memory_mb.total} MB, {self.memory_mb.free} MB free",
            f"GPUs          {self.gpus.total}, {self.gpus.free} free",
        ]
        jobs = [
            f"{user.user}: {user.idle} idle, {user.running} running, {user.held} held"
            for user in self.users
        ]
        return "\n".join([*lines, *(jobs or ["no jobs"])])

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def pool_status() -> PoolStatus:
    """Ask the collector for the slots, and the access point for its jobs."""
    check_versions()
    with explained("asking for the pool's state") as htcondor2:
        collector = htcondor2.Collector()
        schedd = plain(collector.locate(htcondor2.DaemonType.Schedd), ("Name", "CondorVersion"))
        ads = collector.query(htcondor2.AdType.Startd, 'SlotType =!= "Dynamic"', list(_SLOT))
        jobs = htcondor2.Schedd().query("true", ["User", "JobStatus"])
        slots = [plain(ad, _SLOT) for ad in ads]  # dynamic slots are parts of these
        return PoolStatus(
            access_point=str(schedd["Name"]),
            version=str(schedd["CondorVersion"]).split()[1],
            machines=len({slot["Machine"] for slot in slots}),
            cpus=_amount(slots, "Cpus"),
            memory_mb=_amount(slots, "Memory"),
            gpus=_amount(slots, "GPUs"),
            users=_users((str(job["User"]), int(job["JobStatus"])) for job in jobs),
        )


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
