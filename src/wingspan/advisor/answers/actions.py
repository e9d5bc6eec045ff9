"""Act on advice: canaries first, within bounds, with a record written before each act."""

import getpass
import json
import math
import os
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from wingspan.accesspoint.jobs import query, release, remove
from wingspan.advisor.answers.advice import (
    Advice,
    Incident,
    canaries,
    settle_s,
)

_RUNNING, _COMPLETED, _HELD = 2, 4, 5
_HOUR: Final = 3600.0
_LOOK_S: Final = 1.0
_SAME_HOLD_S: Final = 60.0  # at most, between a hold in the log and in the queue
_STATE: Final = (
    "ClusterId", "ProcId", "JobStatus", "NumHolds", "HoldReasonCode", "HoldReasonSubCode", "HoldReason",
    "JobCurrentStartExecutingDate", "EnteredCurrentStatus", "QDate",
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


@dataclass(frozen=True, slots=True)
class Act:
    """An act, or a reason not to act: one line of the audit log.

    Attributes
    ----------
    what
        "release" and "remove" are written before they are done; "skip", "stop" and "proven" say why no more, or more,
        is done.
    """

    what: Literal["release", "remove", "skip", "stop", "proven"]
    jobs: tuple[str, ...]
    why: str


def append_line(path: Path, content: Mapping[str, Any]) -> None:
    """Append one line of JSON in a single write, so that lines of several processes do not mix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(content, sort_keys=True).encode() + b"\n"
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, line)
        os.fsync(handle)
    finally:
        os.close(handle)


def audit_file() -> Path:
    """Return the path of the user's audit log, which is the same for all folders."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
    return Path(state) / "wingspan" / "holds.jsonl"


def release_advised(incidents: Sequence[Incident], bounds: Bounds, audit: Path) -> Iterator[Act]:
    """Release the jobs with that answer, incident by incident, canaries first.

    A canary that is held again, or that has not proven itself in time, ends its incident.
    """
    due = {"release now", "release later"} if bounds.early else {"release now"}
    for incident in incidents:
        chosen = [each for each in incident.jobs if each.answer in due]
        yield from _release(chosen, bounds, audit)


def remove_proven(incidents: Sequence[Incident], bounds: Bounds, audit: Path) -> Iterator[Act]:
    """Remove the jobs whose answer is "remove" by proof, and no others."""
    for incident in incidents:
        proven = [
            each for each in incident.jobs if each.answer == "remove" and each.decided_by == "proof"
        ]
        allowed = yield from _allowed(proven, bounds, audit)
        if allowed:
            yield _write(audit, Act("remove", _ids(allowed), _why(allowed)))
            remove(_ids(allowed), f"wingspan holds advise: {_why(allowed)}")


def _release(chosen: Sequence[Advice], bounds: Bounds, audit: Path) -> Iterator[Act]:
    repeat = _cooling(chosen, bounds, audit)
    if repeat:
        yield _write(audit, Act("stop", _ids(chosen), repeat))
        return
    allowed = yield from _allowed(chosen, bounds, audit)
    if not allowed:
        return
    count = canaries(len(allowed))
    first, rest = allowed[:count], allowed[count:]
    holds = {job: ad.get("NumHolds") for job, ad in _ads(first).items()}
    word = f"canary for {len(rest)} more; " if rest else ""
    yield _let_go(first, word, audit)
    if not rest:
        return
    settle = settle_s(first) if bounds.settle_s is None else bounds.settle_s
    verdict = _watch(first, holds, settle, bounds.wait_s)
    if verdict:
        yield _write(audit, Act("stop", _ids(rest), verdict))
        return
    yield _write(audit, Act("proven", _ids(first), "none of the canaries was held again"))
    rest = yield from _allowed(rest, bounds, audit)  # the queue has gone on meanwhile
    if rest:
        yield _let_go(rest, "after its canaries; ", audit)


def _let_go(jobs: Sequence[Advice], word: str, audit: Path) -> Act:
    act = _write(audit, Act("release", _ids(jobs), word + _why(jobs)))
    release(_ids(jobs), f"wingspan holds advise: {act.why}")
    return act


def _why(jobs: Sequence[Advice]) -> str:
    first = jobs[0]
    chance = f", {first.probability:.0%}" if first.probability >= 0 else ""
    return f"{first.answer}, decided by {first.decided_by}{chance}: {first.cause}"


def _ids(jobs: Sequence[Advice]) -> tuple[str, ...]:
    return tuple(each.job for each in jobs)


def _write(audit: Path, act: Act) -> Act:
    who = {"time": time.time(), "who": getpass.getuser(), "pid": os.getpid()}
    append_line(audit, {**who, "what": act.what, "jobs": act.jobs, "why": act.why})
    return act


def _allowed(
    chosen: Sequence[Advice], bounds: Bounds, audit: Path
) -> Generator[Act, None, list[Advice]]:
    """Yield why jobs are skipped; return those still held as advised and within the bounds."""
    ads = _ads(chosen)
    releases, recent = _done(audit)
    good: list[Advice] = []
    for job in chosen:
        ad = ads.get(job.job)
        before = [at for at in releases.get(job.job, []) if ad and at >= _number(ad, "QDate", 0.0)]
        if ad and ad.get("JobStatus") == _HELD and not _same_hold(job, ad):
            why = "the queue's job of this number was held at another time: it is not the one of the log"
        elif not _as_advised(job, ad):
            why = "it is not held for this reason any more"
        elif len(before) >= bounds.per_job:
            why = f"it was released {len(before)} times; the bound is {bounds.per_job}"
        elif recent + len(good) >= bounds.per_hour:
            why = f"{bounds.per_hour} jobs an hour is the bound"
        else:
            good.append(job)
            continue
        yield _write(audit, Act("skip", (job.job,), why))
    return good


def _cooling(chosen: Sequence[Advice], bounds: Bounds, audit: Path) -> str:
    """Return which job of an incident was released recently and is held again; empty if none."""
    releases, _ = _done(audit)
    for job in chosen:
        since = time.time() - max(releases.get(job.job, [0.0]))
        if since < bounds.cool_down_s:
            return (
                f"{job.job} was released {since:.0f} s ago and is held again: "
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
    if ad is None or ad.get("JobStatus") != _HELD:
        return False
    codes = ad.get("HoldReasonCode"), ad.get("HoldReasonSubCode")
    reason = " ".join(str(ad.get("HoldReason") or "").split())
    return codes == (job.code, job.subcode) and reason == " ".join(job.reason.split())


def _ads(jobs: Sequence[Advice]) -> dict[str, dict[str, Any]]:
    wanted = set(_ids(jobs))
    if not wanted:
        return {}
    clusters = sorted({job.partition(".")[0] for job in wanted})
    found = query(" || ".join(f"ClusterId == {each}" for each in clusters), _STATE)
    ads = {f"{ad['ClusterId']}.{ad['ProcId']}": ad for ad in found}
    return {job: ad for job, ad in ads.items() if job in wanted}


def _done(audit: Path) -> tuple[dict[str, list[float]], int]:
    """Return when each job was released, and how many jobs were acted on within the last hour."""
    releases: dict[str, list[float]] = {}
    recent = 0
    lines = audit.read_text().splitlines() if audit.exists() else []
    for line in lines:
        done = json.loads(line)
        if done.get("what") not in {"release", "remove"}:
            continue
        recent += len(done["jobs"]) * (time.time() - done["time"] < _HOUR)
        for job in done["jobs"]:
            releases.setdefault(job, []).append(done["time"])
    return releases, recent


def _watch(canary: Sequence[Advice], holds: Mapping[str, Any], settle: float, wait_s: float) -> str:
    """Wait until all canaries have left the queue or run long enough; return why not, else ""."""
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        ads = _ads(canary)
        for job, ad in ads.items():
            if ad.get("JobStatus") == _HELD or ad.get("NumHolds") != holds.get(job):
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
