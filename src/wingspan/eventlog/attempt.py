"""Describe one attempt of a job: where it waited, ran and transferred, and what it used.

A job's attempts begin at its submission, and each later one when the job is back in the queue.
"""

from dataclasses import dataclass, field, replace
from math import isnan, nan
from typing import Final

from wingspan.eventlog.job_state import Phase


@dataclass(frozen=True, slots=True)
class Amounts:
    """Peak use, request and allocation of one resource; None if the log does not have it."""

    used: float | None = None
    asked: float | None = None
    given: float | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a job, from its place in the queue to its end; times in seconds.

    Parameters
    ----------
    number
        1 for the first.
    outcome
        Empty while it goes on; else ``exit 0``, ``signal 9``, ``evicted``, ``lost`` (its connection),
        ``shadow exception``, ``not executable``, ``held``, ``removed`` or ``skipped``.
    phase
        Its phase, or its last one.
    since
        When that began, in seconds since 1970.
    memory_mb, disk_mb, cpus, gpus
        Use is known once the attempt has ended; use of memory also before.
    job
        Its id in the queue, ``CLUSTER.PROC``.
    slot_s
        How long the slot was busy with it, transfers included, as its machine counts; None until it has ended.
    began
        When it entered the queue, in seconds since 1970: `since` when it is made.
    """

    node: str
    number: int
    since: float
    phase: Phase = Phase.QUEUED
    host: str = ""
    queued_s: float = 0.0
    input_s: float = 0.0
    run_s: float = 0.0
    output_s: float = 0.0
    held_s: float = 0.0
    outcome: str = ""
    reason: str = ""
    memory_mb: Amounts = field(default_factory=Amounts)
    disk_mb: Amounts = field(default_factory=Amounts)
    cpus: Amounts = field(default_factory=Amounts)
    gpus: Amounts = field(default_factory=Amounts)
    slot_s: float | None = None
    job: str = ""
    began: float = nan

    def __post_init__(self) -> None:
        if isnan(self.began):
            object.__setattr__(self, "began", self.since)

    @property
    def goes_on(self) -> bool:
        """Whether it has not ended, or is held now; only the last attempt of a job can."""
        return not self.outcome or (self.outcome == "held" and not self.held_s)


_FIELD: Final = {
    Phase.QUEUED: "queued_s",
    Phase.INPUT: "input_s",
    Phase.RUN: "run_s",
    Phase.DISCONNECTED: "run_s",
    Phase.SUSPENDED: "run_s",
    Phase.OUTPUT: "output_s",
    Phase.HELD: "held_s",
}


def spent(attempt: Attempt, now: float | None) -> dict[str, float]:
    """Return the seconds of an attempt in each phase but a hold, by field.

    If `now` is given, they include the current phase of an attempt that goes on.
    """
    names = dict.fromkeys(name for name in _FIELD.values() if name != "held_s")
    until = attempt if now is None or attempt.outcome else enter(attempt, attempt.phase, now)
    return {name: getattr(until, name) for name in names}


def enter(attempt: Attempt, phase: Phase, at: float) -> Attempt:
    """Add the time of the phase that ends, and begin the next."""
    name = _FIELD[attempt.phase]
    seconds = getattr(attempt, name) + max(at - attempt.since, 0.0)
    return replace(attempt, **{name: seconds}, phase=phase, since=at)


def slot_seconds(attempt: Attempt) -> float:
    """Return how long an attempt took a slot: its run and its transfers."""
    return attempt.input_s + attempt.run_s + attempt.output_s
