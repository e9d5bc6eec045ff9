"""Explain one job from its log alone: its history, its cost, and why it waits.

No queue and no pool is asked, so a job that left the queue long ago can be explained too. Its state is as of the log's end.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from math import isnan, nan
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.answers.advice import Advice
from wingspan.advisor.answers.advise import advise_jobs
from wingspan.advisor.answers.remote import remote_news
from wingspan.advisor.holds.timeline import make_timeline
from wingspan.errors import NotFoundError, near
from wingspan.eventlog.attempt import Attempt, enter, slot_seconds
from wingspan.eventlog.attempts import take_in
from wingspan.eventlog.bodies import node_of, read_bodies, read_records
from wingspan.eventlog.clocks import end_of
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.events import Events
from wingspan.eventlog.histories import JobHistories, group_by_job
from wingspan.eventlog.job_state import CHANGE_OF, Change, Phase, State
from wingspan.shown import counted, listed

_ID: Final = re.compile(r"(\d+)(?:\.(\d+))?")
_NODE: Final = b"DAG Node: "
_NAMED: Final = 8  # jobs or nodes that an error lists
_SIGNAL_EXIT: Final = 128  # shells add it to the signal that ended a program
_SIGNALS: Final = {
    9: "it was killed, often for its memory",
    11: "it accessed memory that is not its own",
    15: "it was asked to end",
}
_KINDS: Final = {
    "exit 0": "ended well",
    "evicted": "evicted",
    "lost": "connection lost",
    "shadow exception": "shadow exception",
    "not executable": "not executable",
    "held": "held",
    "removed": "removed",
    "skipped": "skipped",
    "": "not ended",
}
_OF_RUNS: Final = frozenset(
    {
        Event.IMAGE_SIZE, Event.JOB_TERMINATED, Event.JOB_EVICTED, Event.SHADOW_EXCEPTION,
        Event.JOB_DISCONNECTED, Event.JOB_SUSPENDED,
    }
)  # fmt: skip
_WELL: Final = {
    "exit 0": "it ended well",
    "skipped": "HTCondor skipped it, since its outputs are newer than its inputs",
}
_DOES: Final = {
    Phase.INPUT: "receives its input on",
    Phase.RUN: "runs on",
    Phase.OUTPUT: "sends its output from",
    Phase.DISCONNECTED: "is disconnected, and HTCondor tries to reconnect to",
    Phase.SUSPENDED: "is suspended on",
}
_UNENDED: Final = frozenset({"evicted", "lost", "shadow exception"})
_OFTEN: Final = 3  # evictions that are worth a word
_CHECKPOINTS: Final = "it lost {} runs: save checkpoints, or split the work into shorter jobs"


@dataclass(frozen=True, slots=True)
class Cost:
    """Slot time that one kind of end took, transfers included."""

    what: str
    times: int
    slot_s: float


@dataclass(frozen=True, slots=True)
class JobReport:
    """What a log says about one job.

    Attributes
    ----------
    submitted_at, first_at, since, log_ends_at
        UTC seconds: its submission, nan if the log begins after it; its first event, the beginning of its state, and the
        log's last event.
    attempts
        Each start, and the wait for the next one.
    costs
        By how attempts ended; the largest first.
    queued_s, held_s
        Time in the queue, and on hold.
    disconnects, disconnected_s
        Number of disconnects of running attempts, and their duration as far as the log has the end.
    waits
        Why the job is in its state.
    steps
        What to do next, as commands where there are any.
    mates_started, mates
        Other jobs of its cluster that have started, and all of them.
    """

    job: str
    access_point: str
    node: str
    state: State
    submitted_at: float
    first_at: float
    since: float
    log_ends_at: float
    attempts: tuple[Attempt, ...]
    costs: tuple[Cost, ...]
    queued_s: float
    held_s: float
    disconnects: int
    disconnected_s: float
    waits: str
    steps: tuple[str, ...]
    mates_started: int
    mates: int
    advice: Advice | None = field(default=None, repr=False)

    @property
    def slot_s(self) -> float:
        """Return the slot time of all attempts, seconds."""
        return sum(cost.slot_s for cost in self.costs)


def explain_jobs(events: Events, wanted: str) -> list[JobReport]:
    """Explain a job: ``12.0``, all jobs of a cluster: ``12``, or a DAG node.

    Raises
    ------
    NotFoundError
        These logs have no such job; the message says which ones they have.
    """
    history = group_by_job(events)
    numbers = _find(history, wanted)
    held = _held(events, history, numbers)
    ends_at = end_of(events)
    mates = _mates(history, numbers)
    return [
        _report(history, number, ends_at, held.get(number), of)
        for number, of in zip(numbers, mates, strict=True)
    ]


def _find(history: JobHistories, wanted: str) -> list[int]:
    first = history.starts[:-1]
    if found := _ID.fullmatch(wanted):
        same = history.events.cluster[first] == int(found[1])
        if found[2]:
            same &= history.events.proc[first] == int(found[2])
        numbers = [int(each) for each in np.flatnonzero(same)]
    else:
        numbers = _of_node(history, wanted)
    if not numbers:
        raise NotFoundError(f"job {wanted}", "it is not in these logs", _there(history, wanted))
    return numbers


def _of_node(history: JobHistories, name: str) -> list[int]:
    """Return the jobs that a DAG node submitted, in order."""
    nodes = _nodes(history)
    return [number for number, node in nodes.items() if node == name]


def _nodes(history: JobHistories) -> dict[int, str]:
    """Return the DAG node of each job that has one."""
    first = history.starts[:-1]
    submitted = np.flatnonzero(history.events.code[first] == Event.SUBMIT)
    records = read_records(history.events, first[submitted])
    noted = [int(job) for job, record in zip(submitted, records, strict=True) if _NODE in record]
    bodies = read_bodies(history.events, first[noted])
    return {job: node_of(body) for job, body in zip(noted, bodies, strict=True)}


def _there(history: JobHistories, wanted: str) -> str:
    """Return what these logs have instead."""
    if not len(history):
        return "these logs have no job; give the log that HTCondor writes for it"
    names = [history.name(job) for job in range(len(history))]
    nodes = list(_nodes(history).values())
    if not _ID.fullmatch(wanted) and nodes:
        return (
            near(wanted, nodes)
            if len(set(nodes)) <= _NAMED
            else f"{listed(nodes, _NAMED)} are the nodes"
        )
    more = f"; nodes: {listed(nodes)}" if nodes else ""
    return f"these logs have {counted(len(names), 'job')}: {listed(names, _NAMED)}{more}"


def _held(events: Events, history: JobHistories, numbers: Collection[int]) -> dict[int, Advice]:
    """Return the advice on those of the jobs that are held at the end of the logs."""
    last = history.state[history.starts[1:] - 1]
    held = [number for number in numbers if last[number] == State.HELD]
    if not held:
        return {}
    rows = history.starts[held]
    found = history.events
    columns = (found.access_point[rows], found.cluster[rows], found.proc[rows])
    keys = list(zip(*(column.tolist() for column in columns), strict=True))
    advice = advise_jobs(make_timeline(events, lean=True), set(keys))
    return {number: advice[key] for number, key in zip(held, keys, strict=True) if key in advice}


class _Mates(NamedTuple):
    """The other jobs of a job's cluster, and those of them that have started."""

    jobs: int
    started: int


def _mates(history: JobHistories, numbers: Sequence[int]) -> list[_Mates]:
    first, events = history.starts[:-1], history.events
    ran = np.zeros(len(history), np.int64)
    ran[history.job[events.code == Event.EXECUTE]] = 1
    clusters = np.stack([events.access_point[first], events.cluster[first]], axis=1)
    _, which = np.unique(clusters, axis=0, return_inverse=True)
    which = which.reshape(-1)
    count, started = np.bincount(which), np.bincount(which, ran).astype(np.int64)
    return [
        _Mates(int(count[which[number]]) - 1, int(started[which[number]] - ran[number]))
        for number in numbers
    ]


def _report(
    history: JobHistories, number: int, ends_at: float, advice: Advice | None, mates: _Mates
) -> JobReport:
    rows = history.rows(number)
    events = history.events.take(rows)
    state = State(int(history.state[rows[-1]]))
    attempts = _attempts(events, ends_at, waiting=state == State.IDLE)
    news = remote_news(events)
    disconnects, disconnected_s = _disconnects(events)
    return JobReport(
        job=history.name(number),
        access_point=events.access_points[events.access_point[0]],
        node=attempts[0].node if attempts else "",
        state=state,
        submitted_at=float(events.time[0]) if events.code[0] == Event.SUBMIT else nan,
        first_at=float(events.time[0]),
        since=_since(events.time, history.state[rows]),
        log_ends_at=ends_at,
        attempts=attempts,
        costs=_costs(attempts),
        queued_s=sum(one.queued_s for one in attempts),
        held_s=sum(one.held_s for one in attempts),
        disconnects=disconnects,
        disconnected_s=disconnected_s,
        waits=_why(state, attempts, advice, mates, news),
        steps=_steps(state, attempts, advice, history.name(number), remote=bool(news)),
        mates_started=mates.started,
        mates=mates.jobs,
        advice=advice,
    )


def _attempts(events: Events, ends_at: float, *, waiting: bool) -> tuple[Attempt, ...]:
    """Return a job's attempts, up to the log's end; an idle job waits in its last one."""
    job = int(events.cluster[0]), int(events.proc[0])
    made: dict[tuple[int, int], list[Attempt]] = {}
    if events.code[0] != Event.SUBMIT:  # the log begins later
        made[job] = [_before(int(events.code[0]), float(events.time[0]), f"{job[0]}.{job[1]}")]
    take_in(events, made)
    found = made[job]
    if found and waiting and found[-1].outcome:
        last = found[-1]
        found.append(Attempt(last.node, last.number + 1, last.since, job=last.job))
    if found and found[-1].goes_on:
        found[-1] = enter(found[-1], found[-1].phase, ends_at)
    return tuple(found)


def _before(code: int, at: float, job: str) -> Attempt:
    """Return the attempt of a job when the log begins with this event."""
    if code == Event.JOB_RELEASED:
        return Attempt("", 1, at, phase=Phase.HELD, outcome="held", job=job)
    return Attempt("", 1, at, phase=Phase.RUN if code in _OF_RUNS else Phase.QUEUED, job=job)


def _since(time: NDArray[np.float64], state: NDArray[np.int8]) -> float:
    """Return when the last state began."""
    changes = np.flatnonzero(np.diff(state, prepend=-1) != 0)
    return float(time[changes[-1]])


def _disconnects(events: Events) -> tuple[int, float]:
    """Count disconnects, and add up the seconds until each one's end, if the log has it."""
    count, seconds, since = 0, 0.0, nan
    for code, at in zip(events.code.tolist(), events.time.tolist(), strict=True):
        if not isnan(since) and CHANGE_OF.get(code, Change.SPOKE) != Change.SPOKE:
            seconds, since = seconds + max(at - since, 0.0), nan
        if code == Event.JOB_DISCONNECTED:
            count, since = count + 1, at
    return count, seconds


def _costs(attempts: Sequence[Attempt]) -> tuple[Cost, ...]:
    found: dict[str, list[float]] = {}
    for one in attempts:
        slot_s = slot_seconds(one)
        if slot_s or one.outcome:
            found.setdefault(_KINDS.get(one.outcome, "ended badly"), []).append(slot_s)
    costs = (Cost(what, len(each), sum(each)) for what, each in found.items())
    return tuple(sorted(costs, key=lambda cost: -cost.slot_s))


def _why(
    state: State, attempts: Sequence[Attempt], advice: Advice | None, mates: _Mates, news: str
) -> str:
    """Say why the job is in its state; `news` are those of a remote queue."""
    last = attempts[-1]
    if advice is not None:
        return f"{' '.join(advice.reason.split()) or 'no reason in the log'}: {advice.cause}"
    if not last.outcome and last.phase in _DOES:
        does = f"it {_DOES[last.phase]} {last.host or 'an unnamed machine'}"
        return f"{does}; {news}" if news else does
    if state == State.IDLE and news:
        return f"{news}, and it has not started there"
    if state == State.IDLE:
        return _why_idle(attempts, mates)
    if state == State.REMOVED:
        return f"it was removed: {last.reason or 'no reason in the log'}"
    if state == State.UNKNOWN:
        return "the log does not show its state"
    return _how_it_ended(last)


def _why_idle(attempts: Sequence[Attempt], mates: _Mates) -> str:
    ended = [one for one in attempts if one.outcome]
    if not ended:
        others = f"; {mates.started:,} of {counted(mates.jobs, 'other job')} of its cluster started"
        return "no machine has started it since its submission" + (others if mates.jobs else "")
    last = ended[-1]
    machine = last.host or "an unnamed machine"
    reason = f" ({last.reason})" if last.reason else ""
    if last.outcome == "held":
        return "it was released from its hold, and no machine has started it since"
    if last.outcome == "evicted":
        return f"{machine} evicted it{reason}; HTCondor starts it again by itself"
    if last.outcome == "lost":
        return f"the connection to {machine} was lost{reason}; HTCondor starts it again by itself"
    if last.outcome == "shadow exception":
        return f"its shadow failed while it ran on {machine}{reason}; HTCondor starts it again by itself"
    if last.outcome == "not executable":
        return f"{machine} could not execute its program"
    return f"it ended with {last.outcome} and was put back into the queue{reason}"


def _how_it_ended(last: Attempt) -> str:
    if last.outcome in _WELL:
        return _WELL[last.outcome]
    kind, _, number = last.outcome.partition(" ")
    code = int(number) if number.isdecimal() else 0
    signal = code if kind == "signal" else code - _SIGNAL_EXIT
    meaning = f": {_SIGNALS[signal]}" if signal in _SIGNALS else ""
    used, asked = last.memory_mb.used, last.memory_mb.asked
    over = used is not None and asked is not None and used >= asked
    memory = f"; it used {used:,.0f} MB of memory and requested {asked:,.0f} MB" if over else ""
    return f"its program ended with {last.outcome}{meaning}{memory}"


def _steps(
    state: State, attempts: Sequence[Attempt], advice: Advice | None, job: str, *, remote: bool
) -> tuple[str, ...]:
    """Return what to do next."""
    if advice is not None:
        return (advice.command or advice.fix,)
    evictions = sum(one.outcome in _UNENDED for one in attempts)
    often = (_CHECKPOINTS.format(evictions),) if evictions >= _OFTEN else ()
    if state == State.IDLE and remote:
        return (*often, f"condor_q -grid {job}   # its state in the remote queue")
    if state == State.IDLE:
        return (*often, f"wingspan why {job}   # tries it on every slot of the pool")
    if state == State.COMPLETED and attempts and attempts[-1].outcome not in _WELL:
        return (f"read its standard error: condor_history {job} -af Err",)
    if state == State.REMOVED:
        return ("submit it again if it is still needed",)
    return often
