"""When the steps of a run did what, from its record or from its attempts on a pool. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from wingspan.eventlog.job_state import Phase
from wingspan.runner.events import DONE, ENDED, RUNNING, STOPPED, StepEvent

if TYPE_CHECKING:
    from wingspan.eventlog.attempt import Attempt

_PHASES: Final = (
    ("queued_s", "queued"),
    ("input_s", "transfer"),
    ("run_s", "running"),
    ("output_s", "transfer"),
)
_NOW: Final = {
    Phase.QUEUED: "queued",
    Phase.INPUT: "transfer",
    Phase.OUTPUT: "transfer",
    Phase.HELD: "held",
}
LOST: Final = frozenset({"evicted", "lost", "shadow exception", "removed", "held"})
OFF_SLOT: Final = frozenset({"queued", "held"})  # what takes no slot


@dataclass(frozen=True, slots=True)
class Stretch:
    """A job did one thing for a while; in seconds since 1970.

    Parameters
    ----------
    step
        The step of the job; of several, one that failed, or the last.
    place
        The machine; empty for this one, and in the queue.
    kind
        ``queued``, ``transfer``, ``running``, ``held``, or as what a run ended: ``failed``, ``lost``.
    """

    step: str
    place: str
    kind: str
    start: float
    end: float
    outcome: str = ""
    steps: tuple[str, ...] = ()

    @property
    def length(self) -> float:
        """Seconds from start to end."""
        return max(self.end - self.start, 0.0)


def of_record(events: Iterable[StepEvent], now: float | None) -> list[Stretch]:
    """Return the runs of steps on this machine.

    Parameters
    ----------
    now
        The time of a run that goes on; None for one that has ended.
    """
    begun: dict[str, float] = {}
    found = []
    last = 0.0
    for event in events:
        last = max(last, event.time)
        start = begun.pop(event.step, None)
        if event.state == RUNNING and start is not None and event.attempt <= 1:
            begun[event.step] = start  # said again, such as by a sweep
        elif event.state == RUNNING:
            begun[event.step] = event.time
            if start is not None:  # its process was lost, and it was started again
                found.append(Stretch(event.step, "", "lost", start, event.time, "lost"))
        elif start is not None and event.state in ENDED:
            kind = {DONE: "running", STOPPED: "lost"}.get(event.state, "failed")
            found.append(Stretch(event.step, "", kind, start, event.time, event.state))
    end = last if now is None else now
    kind = "lost" if now is None else "running"
    return found + [Stretch(step, "", kind, start, end) for step, start in begun.items()]


def of_attempts(
    attempts: "Mapping[str, Sequence[Attempt]]", failed: Iterable[str], now: float | None
) -> list[Stretch]:
    """Return what the jobs of a pool did, each job of several steps once.

    Parameters
    ----------
    failed
        Steps that failed: the last attempt of such a step is one that failed.
    """
    bad = set(failed)
    jobs: dict[tuple[str, str, int], list[str]] = {}
    for step, tried in attempts.items():
        for one in tried:
            jobs.setdefault((one.node, one.job, one.number), []).append(step)
    found: list[Stretch] = []
    for job, steps in jobs.items():
        step = next((name for name in steps if name in bad), steps[-1])
        tried = attempts[step]
        one = next(each for each in tried if (each.node, each.job, each.number) == job)
        ended_badly = step in bad and one is tried[-1]
        stretches = _of_attempt(step, one, now, ended_badly=ended_badly)
        found += [replace(each, steps=tuple(steps)) for each in stretches]
    return found


def _of_attempt(
    step: str, one: "Attempt", now: float | None, *, ended_badly: bool
) -> list[Stretch]:
    """Return the stretches of an attempt from the lengths of its phases and its end."""
    lengths = [(kind, getattr(one, name)) for name, kind in _PHASES]
    lengths += [("held", one.held_s)]
    at = one.since - sum(length for _, length in lengths)
    kind_of_run = _run_kind(one, ended_badly=ended_badly)
    found = []
    for kind, length in lengths:
        if length > 0:
            place = "" if kind in OFF_SLOT else one.host
            shown = kind_of_run if kind == "running" else kind
            found.append(Stretch(step, place, shown, at, at + length, one.outcome))
        at += length
    if one.goes_on and now is not None and now > one.since:
        kind = "held" if one.outcome else _NOW.get(one.phase, "running")
        place = "" if kind in OFF_SLOT else one.host
        found.append(Stretch(step, place, kind, one.since, now, one.outcome))
    return found


def _run_kind(one: "Attempt", *, ended_badly: bool) -> str:
    if one.outcome in LOST:
        return "lost"
    bad = one.outcome and one.outcome != "exit 0"
    return "failed" if bad or (ended_badly and one.outcome) else "running"


@dataclass(frozen=True, slots=True)
class Link:
    """A step of the critical path: its wait since its inputs were there, and its run."""

    step: str
    waited_s: float
    ran_s: float


def critical_path(
    needs: Mapping[str, Sequence[str]],
    spans: dict[str, tuple[float, float]],
    since: Mapping[str, float] = MappingProxyType({}),
) -> list[Link]:
    """Return the chain of steps that the end of a run waited for.

    Parameters
    ----------
    needs
        By step, the steps that it reads from.
    spans
        By step that ran, when it was first on a machine and when it ended; equal for the steps of one job, which are one
        link.
    since
        By step, when its first job was queued.
    """
    if not spans:
        return []
    step = max(reversed(spans), key=lambda name: spans[name][1])  # of one job, the last step
    chain: list[Link] = []
    shown = step
    while True:
        start, end = spans[step]
        before = [need for need in needs.get(step, ()) if need in spans and spans[need][0] < end]
        last = max(before, key=lambda name: spans[name][1], default=None)
        if last is not None and spans[last] == spans[step]:
            step = last
            continue
        ready = since.get(step, start) if last is None else spans[last][1]
        chain.append(Link(shown, start - min(ready, start), end - start))
        if last is None:
            return chain[::-1]
        step = shown = last


def path_of(needs: Mapping[str, Sequence[str]], stretches: Sequence[Stretch]) -> list[Link]:
    """Return the critical path of a run from what its jobs did."""
    return critical_path(needs, spans_of(stretches), queued_since(stretches))


def spans_of(stretches: Iterable[Stretch]) -> dict[str, tuple[float, float]]:
    """Return when each step was first on a machine, and when it last ended."""
    found: dict[str, tuple[float, float]] = {}
    for one in stretches:
        if one.kind not in OFF_SLOT:
            for step in one.steps or (one.step,):
                start, end = found.get(step, (one.start, one.end))
                found[step] = min(start, one.start), max(end, one.end)
    return found


def queued_since(stretches: Iterable[Stretch]) -> dict[str, float]:
    """Return when the first job of each step was queued, or began."""
    found: dict[str, float] = {}
    for one in stretches:
        for step in one.steps or (one.step,):
            found[step] = min(found.get(step, one.start), one.start)
    return found


@dataclass(frozen=True, slots=True)
class Spent:
    """Slot time in seconds, by what it came to."""

    good_s: float
    failed_s: float
    lost_s: float
    held_s: float
    queued_s: float
    cached_s: float
    pruned_s: float


def spent(stretches: Iterable[Stretch], cached_s: float, pruned_s: float) -> Spent:
    """Return the sums; transfers count as the attempts did for which they were."""
    sums = dict.fromkeys(("good", "failed", "lost", "held", "queued"), 0.0)
    for one in stretches:
        gone = one.outcome in LOST or one.kind == "lost"
        kind = "lost" if gone and one.kind not in OFF_SLOT else one.kind
        if (
            kind == "transfer"
            and one.outcome.startswith(("exit ", "signal "))
            and one.outcome != "exit 0"
        ):
            kind = "failed"
        sums["good" if kind in {"running", "transfer"} else kind] += one.length
    return Spent(
        sums["good"],
        sums["failed"],
        sums["lost"],
        sums["held"],
        sums["queued"],
        cached_s,
        pruned_s,
    )
