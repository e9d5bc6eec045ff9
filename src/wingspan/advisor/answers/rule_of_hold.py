"""Find the rule for a hold from its reason, the events before it, and what was measured."""

from dataclasses import replace
from typing import Final

import numpy as np

from wingspan.advisor.answers.fix_first import amounts
from wingspan.advisor.answers.measured import DISK, MEMORY, Measured, Resource
from wingspan.advisor.holds.timeline import Timeline
from wingspan.eventlog.bodies import read_bodies
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.codes import HoldCode
from wingspan.eventlog.rules import Rule, explain

POLICIES: Final = frozenset(
    {HoldCode.JobPolicy, HoldCode.StartdHeldJob, HoldCode.SystemPolicy}
)  # any text an administrator or a user wrote
_SILENT: Final = ("", "reason unspecified", "unspecified reason", "none", "undefined")
_NEAR: Final = 0.5  # ratio of measured use and an amount in the text that is about it


def whole_reasons(timeline: Timeline, rows: np.ndarray, reasons: list[str]) -> list[str]:
    """Return the reasons of holds; an empty one is replaced by the error before it in its run."""
    silent = [number for number, reason in enumerate(reasons) if is_silent(reason)]
    if not silent:
        return reasons
    before = timeline.where(Event.SHADOW_EXCEPTION, Event.REMOTE_ERROR, Event.EXECUTE)
    before = before[np.argsort(timeline.job[before], kind="stable")]
    jobs = timeline.job[before]
    found: dict[int, int] = {}
    for number in silent:
        job, row = timeline.job[rows[number]], rows[number]
        start, stop = np.searchsorted(jobs, (job, job + 1))
        place = start + np.searchsorted(before[start:stop], row) - 1
        if place >= start and timeline.events.code[before[place]] != Event.EXECUTE:
            found[number] = int(before[place])
    bodies = read_bodies(timeline.events, list(found.values()))
    said = [str(body.get("Message") or body.get("ErrorMsg") or "").strip() for body in bodies]
    whole = dict(zip(found, said, strict=True))
    return [whole.get(number) or reason for number, reason in enumerate(reasons)]


def is_silent(reason: str) -> bool:
    """Return whether a reason carries no information."""
    return reason.strip().strip(".").lower() in _SILENT


def in_doubt(code: int, rule: Rule) -> bool:
    """Return whether a rule leaves open which resource a policy's hold is about."""
    return code in POLICIES and rule.kind in {"unknown", "expression"}


def by_measurement(rule: Rule, reason: str, memory: Measured, disk: Measured) -> Rule:
    """Return the rule for memory or disk if measured use, or an amount in the reason, shows it."""
    for resource, measured in ((MEMORY, memory), (DISK, disk)):
        if _is_about(resource, measured, reason):
            known = explain(HoldCode.JobOutOfResources, {"memory": 102, "disk": 104}[resource.kind])
            said = f"Its text is not known, but the log says: {known.cause[0].lower()}{known.cause[1:]}"
            return replace(known, cause=said)
    return rule


def _is_about(resource: Resource, measured: Measured, reason: str) -> bool:
    if measured.request and measured.own >= measured.request:
        return True
    least = _NEAR * measured.own
    return bool(measured.own) and any(
        least <= amount <= measured.own / _NEAR for amount in amounts(reason, resource)
    )
