"""Act on advice: canaries first, within bounds, with a record written before each act."""

import math
import time
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wingspan.accesspoint.jobs import Acted, edit, query, release, remove
from wingspan.advisor.answers.advice import (
    Advice,
    Incident,
    canaries,
    settle_s,
)
from wingspan.advisor.answers.audit import Act, Audit
from wingspan.errors import PoolError
from wingspan.shown import counted

_RUNNING, _COMPLETED, HELD = 2, 4, 5
_HOUR: Final = 3600.0
_LOOK_S: Final = 1.0
_SAME_HOLD_S: Final = 60.0  # at most, between a hold in the log and in the queue
GLOBAL_ID: Final = "GlobalJobId"
_NO_PROOF: Final = {
    "fix first": "the cause may be fixed",
    "no evidence": "nothing proves that it cannot be fixed",
}
_STATE: Final = (
    "ClusterId", "ProcId", "JobStatus", "NumHolds", "HoldReasonCode", "HoldReasonSubCode", "HoldReason",
    "JobCurrentStartExecutingDate", "EnteredCurrentStatus", "QDate", GLOBAL_ID,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may be done by all calls together; the audit log records what was done before.

    Attributes
    ----------
    per_job, per_hour
        Releases of one job in all; jobs acted on within an hour.
    cool_down_s
        Seconds to leave an incident alone after a release of one of its jobs.
    wait_s
        Longest wait for canaries to prove themselves, seconds.
    settle_s
        Seconds that a canary must run to have proven itself; None: twice as long as the jobs ran before.
    early
        Also release jobs whose time has not come.
    """

    per_job: int = 3
    per_hour: int = 100
    cool_down_s: float = 600.0
    wait_s: float = _HOUR
    settle_s: float | None = None
    early: bool = False


def release_advised(incidents: Sequence[Incident], bounds: Bounds, audit: Audit) -> Iterator[Act]:
    """Release the jobs with that answer, incident by incident, canaries first.

    A canary that is held again, or that has not proven itself in time, ends its incident.
    """
    due = {"release now", "release later"} if bounds.early else {"release now"}
    for incident in incidents:
        chosen = [each for each in incident.jobs if each.answer in due]
        yield from _release(chosen, bounds, audit)


def fix_measured(incidents: Sequence[Incident], bounds: Bounds, audit: Audit) -> Iterator[Act]:
    """Raise measured requests, and release those jobs, canaries first."""
    for incident in incidents:
        chosen = [each for each in incident.jobs if each.answer == "fix first" and each.edit]
        yield from _release(chosen, bounds, audit)


def remove_proven(incidents: Sequence[Incident], bounds: Bounds, audit: Audit) -> Iterator[Act]:
    """Remove the jobs whose answer is "remove" by proof, and no others."""
    for incident in incidents:
        proven = [
            each for each in incident.jobs if each.answer == "remove" and each.decided_by == "proof"
        ]
        with audit.alone():
            allowed = yield from _allowed(proven, bounds, audit, releases=False)
            if allowed:
                act = Act("remove", _ids(allowed), _why(allowed), global_ids=_global_ids(allowed))
                yield from carry_out(act, audit, remove)


def left_out(incidents: Sequence[Incident], what: str, *, early: bool = False) -> dict[str, int]:
    """Return why jobs are not acted on by "release", "fix" or "remove", and the number of them."""
    jobs = [job for each in incidents for job in each.jobs]
    return dict(Counter(why for job in jobs if (why := _why_left_out(job, what, early=early))))


def _why_left_out(job: Advice, what: str, *, early: bool) -> str:
    if what == "fix" and job.answer == "fix first":
        return "" if job.edit else "no request was measured, so a person must fix the cause"
    if what == "release" and job.answer == "release later":
        return "" if early else "the release is not due; --early includes it"
    if what == "remove" and job.answer != "remove":
        return f"{_NO_PROOF.get(job.answer, 'a release may help')} ({job.answer})"
    acted_on = {"fix": "fix first", "release": "release now", "remove": "remove"}[what]
    return "" if job.answer == acted_on else f"the answer is {job.answer}"


def _release(chosen: Sequence[Advice], bounds: Bounds, audit: Audit) -> Iterator[Act]:
    with audit.alone():
        repeat = _cooling(chosen, bounds, audit)
        if repeat:
            yield audit.write(Act("stop", _ids(chosen), repeat))
            return
        allowed = yield from _allowed(chosen, bounds, audit)
        if not allowed:
            return
        count = canaries(len(allowed))
        first, rest = allowed[:count], allowed[count:]
        holds = {job: ad.get("NumHolds") for job, ad in _ads(first).items()}
        word = f"canary for {len(rest)} more; " if rest else ""
        released = yield from _let_go(first, word, audit)
    if not rest:
        return
    if not released:
        yield audit.write(Act("stop", _ids(rest), "its canaries were not all released"))
        return
    if audit.real:
        settle = settle_s(first) if bounds.settle_s is None else bounds.settle_s
        verdict = _watch(first, holds, settle, bounds.wait_s)
        if verdict:
            yield audit.write(Act("stop", _ids(rest), verdict))
            return
        yield audit.write(Act("proven", _ids(first), "none of the canaries was held again"))
    with audit.alone():
        rest = yield from _allowed(rest, bounds, audit)  # the queue has gone on meanwhile
        if rest:
            yield from _let_go(rest, "after its canaries; ", audit)


def carry_out(
    act: Act, audit: Audit, do: Callable[[Sequence[str], str], int]
) -> Generator[Act, None, bool]:
    """Record an act, do it, yield it if done; return whether HTCondor acted on all jobs.

    If it did not, a "stop" with the number of jobs, and HTCondor's reasons, is yielded too. A rehearsal does nothing.

    Raises
    ------
    PoolError
        HTCondor refused or did not answer. That is recorded too.
    """
    act = audit.write(act)
    if not audit.real:
        yield act
        return True
    try:
        done = do(act.jobs, f"wingspan holds: {act.why}")
    except PoolError as error:
        audit.write(Act("stop", act.jobs, f"{act.what} failed: {error.problem}"))
        raise
    audit.answer(act, done)
    if done:
        yield act
    if done < len(act.jobs):
        others = done.others if isinstance(done, Acted) else {}
        reasons = ", ".join(f"{count:,} {why}" for why, count in others.items())
        all_jobs = counted(len(act.jobs), "job")
        why = f"HTCondor did this {act.what} for {done:,} of {all_jobs}; {reasons or 'it gave no reason'}"
        yield audit.write(Act("stop", act.jobs, why))
    return done >= len(act.jobs)


def _let_go(jobs: Sequence[Advice], word: str, audit: Audit) -> Generator[Act, None, bool]:
    """Edit and release jobs; return whether all were released."""
    good = list(jobs)
    for change in dict.fromkeys(job.edit for job in jobs if job.edit):
        for theirs in _by_owner([job for job in jobs if job.edit == change]):
            if not (yield from _edit(theirs, *change, audit)):
                good = [job for job in good if job not in theirs]
    if not good:
        return False
    act = Act("release", _ids(good), word + _why(good), global_ids=_global_ids(good))
    return (yield from carry_out(act, audit, release)) and len(good) == len(jobs)


def _by_owner(jobs: Sequence[Advice]) -> list[list[Advice]]:
    """Split jobs by owner: HTCondor edits none of them if one belongs to another user."""
    ads = _ads(jobs, ["Owner"])
    found: dict[object, list[Advice]] = {}
    for job in jobs:
        found.setdefault(ads.get(job.job, {}).get("Owner"), []).append(job)
    return list(found.values())


def _edit(
    jobs: Sequence[Advice], attribute: str, value: int, audit: Audit
) -> Generator[Act, None, bool]:
    ads = _ads(jobs, [attribute])
    act = Act(
        "edit",
        tuple(ads),
        f"{attribute} = {value}; {_why(jobs)}",
        global_ids={job: str(ad.get(GLOBAL_ID, "")) for job, ad in ads.items()},
        attribute=attribute,
        value=str(value),
        before={job: str(ad[attribute]) for job, ad in ads.items() if attribute in ad},
    )
    return (yield from carry_out(act, audit, lambda each, _: edit(each, attribute, act.value)))


def _global_ids(jobs: Sequence[Advice]) -> dict[str, str]:
    return {job: str(ad.get(GLOBAL_ID, "")) for job, ad in _ads(jobs).items()}


def _why(jobs: Sequence[Advice]) -> str:
    first = jobs[0]
    chance = f", {first.probability:.0%}" if first.probability >= 0 else ""
    return f"{first.answer}, decided by {first.decided_by}{chance}: {first.cause}"


def _ids(jobs: Sequence[Advice]) -> tuple[str, ...]:
    return tuple(each.job for each in jobs)


def _allowed(
    chosen: Sequence[Advice], bounds: Bounds, audit: Audit, *, releases: bool = True
) -> Generator[Act, None, list[Advice]]:
    """Yield why jobs are skipped; return those still held as advised and within the bounds.

    The bound on a job's releases does not apply to its removal.
    """
    ads = _ads(chosen)
    past, recent = _done(audit)
    good: list[Advice] = []
    for job in chosen:
        ad = ads.get(job.job)
        before = [at for at in past.get(job.job, []) if ad and at >= _number(ad, "QDate", 0.0)]
        if ad and ad.get("JobStatus") == HELD and not _same_hold(job, ad):
            why = "the queue's job of this number was held at another time: it is not the one of the log"
        elif not _as_advised(job, ad):
            why = "it is not held for this reason any more"
        elif releases and len(before) >= bounds.per_job:
            why = f"it was released {counted(len(before), 'time')}; the bound is {bounds.per_job}"
        elif recent + len(good) >= bounds.per_hour:
            why = f"the bound is {counted(bounds.per_hour, 'job')} an hour"
        else:
            good.append(job)
            continue
        yield audit.write(Act("skip", (job.job,), why))
    return good


def _cooling(chosen: Sequence[Advice], bounds: Bounds, audit: Audit) -> str:
    """Return which job of an incident was released recently; empty if none."""
    releases, _ = _done(audit)
    for job in chosen:
        since = time.time() - max(releases.get(job.job, [0.0]))
        if since < bounds.cool_down_s:
            return (
                f"{job.job} was released {since:.0f} s ago: "
                f"it and those held with it cool down for {bounds.cool_down_s:.0f} s"
            )
    return ""


def _same_hold(job: Advice, ad: Mapping[str, Any]) -> bool:
    """Return whether a held job is the one in the log.

    After its queue was reset, a pool reuses job ids.
    """
    held_at = _number(ad, "EnteredCurrentStatus", job.held_at)
    return (
        abs(held_at - job.held_at) <= _SAME_HOLD_S
        and _number(ad, "QDate", 0.0) <= job.held_at + _SAME_HOLD_S
    )


def _number(ad: Mapping[str, Any], name: str, otherwise: float) -> float:
    value = ad.get(name)
    return float(value) if isinstance(value, int | float) else otherwise


def _as_advised(job: Advice, ad: Mapping[str, Any] | None) -> bool:
    """Return whether the queue's job is held with the codes and reason that were advised on."""
    if ad is None or ad.get("JobStatus") != HELD:
        return False
    codes = ad.get("HoldReasonCode") or 0, ad.get("HoldReasonSubCode") or 0
    reason = " ".join(str(ad.get("HoldReason") or "").split())
    return codes == (job.code, job.subcode) and reason == " ".join(job.reason.split())


def _ads(jobs: Sequence[Advice], more: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    return queued(_ids(jobs), more)


def queued(jobs: Collection[str], more: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """Return the ads of those jobs that are in the queue, by id, with `more` attributes."""
    if not jobs:
        return {}
    clusters = sorted({job.partition(".")[0] for job in jobs})
    found = query(" || ".join(f"ClusterId == {each}" for each in clusters), (*_STATE, *more))
    ads = {f"{ad['ClusterId']}.{ad['ProcId']}": ad for ad in found}
    return {job: ad for job, ad in ads.items() if job in jobs}


def _done(audit: Audit) -> tuple[dict[str, list[float]], int]:
    """Return when each job was released, and how many jobs were acted on within the last hour.

    An act without an answer counts, since it may have been done.
    """
    releases: dict[str, list[float]] = {}
    recent = 0
    for one in audit.read():
        if one.act.what not in {"release", "remove"} or one.done == 0:
            continue
        recent += len(one.act.jobs) * (time.time() - one.time < _HOUR)
        for job in one.act.jobs if one.act.what == "release" else ():
            releases.setdefault(job, []).append(one.time)
    return releases, recent


def _watch(canary: Sequence[Advice], holds: Mapping[str, Any], settle: float, wait_s: float) -> str:
    """Wait until all canaries have left the queue or run long enough; return why not, else ""."""
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        ads = _ads(canary)
        for job, ad in ads.items():
            if ad.get("JobStatus") == HELD or ad.get("NumHolds") != holds.get(job):
                return f"canary {job} was held again: {ad.get('HoldReason', '')}"
        if all(_proven(ad, settle) for ad in ads.values()):
            return ""
        time.sleep(_LOOK_S)
    return f"the canaries {' '.join(_ids(canary))} have not proven themselves within {wait_s:.0f} s"


def _proven(ad: Mapping[str, Any], settle: float) -> bool:
    if ad.get("JobStatus") == _COMPLETED:
        return True
    since = float(ad.get("JobCurrentStartExecutingDate") or math.inf)
    return ad.get("JobStatus") == _RUNNING and time.time() - since >= settle
