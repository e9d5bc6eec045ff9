"""One attempt of a job in a queue: where it waited, ran and transferred, and what it used."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from wingspan.eventlog.job_state import Phase
from wingspan.planning.plan import PlannedStep, is_sweep


@dataclass(frozen=True, slots=True)
class Amounts:
    """The peak use of a resource, the request, and the allocation; None if the log lacks it."""

    used: float | None = None
    asked: float | None = None
    given: float | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of a job, from the queue to its end; times are in seconds.

    Parameters
    ----------
    number
        1 is the first attempt of the run.
    outcome
        Empty while it goes on; else ``exit 0``, ``signal 9``, ``evicted``, ``lost``, ``held`` or ``removed``.
    phase
        What it does now, or did last.
    since
        When the phase began, in seconds since 1970.
    memory_mb, disk_mb, cpus, gpus
        The use is known after the attempt has ended; that of memory also before.
    job
        Its id in the queue, ``CLUSTER.PROC``.
    slot_s
        How long the slot was busy with it, with transfers, by its machine's clock; None until it has ended.
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
    """Return the seconds of an attempt in each phase except holds, by field.

    If `now` is given, the present phase of a running attempt counts until then.
    """
    names = dict.fromkeys(name for name in _FIELD.values() if name != "held_s")
    until = attempt if now is None or attempt.outcome else enter(attempt, attempt.phase, now)
    return {name: getattr(until, name) for name in names}


def enter(attempt: Attempt, phase: Phase, at: float) -> Attempt:
    """Add the time of the phase that ends, and begin the next."""
    name = _FIELD[attempt.phase]
    spent = getattr(attempt, name) + max(at - attempt.since, 0.0)
    return replace(attempt, **{name: spent}, phase=phase, since=at)


def by_name(
    steps: Mapping[str, PlannedStep], found: Mapping[str, list[Attempt]]
) -> dict[str, list[Attempt]]:
    """Return attempts by the names of steps and trials, from those of `Trail.attempts`."""
    trials: dict[str, dict[str, list[Attempt]]] = {}
    for key, tried in found.items():
        sweep, bracket, call = key.partition("[")
        if bracket:
            trials.setdefault(sweep, {})[f"[{call}"] = tried
    named = {}
    for name, step in steps.items():
        if step.key in found:
            named[name] = found[step.key]
        of = trials.get(step.key, {}) if is_sweep(step) else {}
        named |= {f"{name}{call}": tried for call, tried in of.items()}
    return named
