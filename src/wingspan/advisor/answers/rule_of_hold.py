"""Find the rule for a hold from its reason, the events before it, and what was measured."""

import re
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
_SILENT: Final = (
    "",
    "reason unspecified",
    "unspecified reason",
    "none",
    "undefined",
    "unknown",
    "n/a",
)
_FIXABLE: Final = re.compile(
    r"(?<![\w<])~?/\w|[a-z]:\\|://|\berrno\b|(?-i:\bE[A-Z]{3,}\b)|\d ?(?:%|[kmgt]i?b\b|[kmgt]o\b)"
    r"|quota|kontingent|cuota|alloc|budget|limit|límit|grenz|exce|exhaust|erschöpf|überschr|épuis|dépass|agotad|insuffi"
    r"|stor|stock|speicher|almacen|space|espac|platz|spazio|dis[kc]|disq|platte|memo|mémo|\bram\b|full\b|\bvoll|plein|lleno"
    r"|fi(?:le|chier)|datei|archiv|folder|director|ordner|verzeichnis|dossier|carpeta|path|chemin|pfad|ruta"
    r"|not found|introuv|gefunden|encontr|missing|fehlt|manqu|falta|acc[eè]s|zugriff|zugang|acceso|permi|denied|refus|interdit"
    r"|verweiger|forbidden|verboten|creden|token|prox[yi]|certif|zertif|passw|mot de passe|contrase|\bkeys?\b|schlüssel|auth|log-?in"
    r"|expir|abgelauf|abläuf|caduc|renew|licen[cs]|lizenz|account|konto|compte|netz|net\b|network|réseau|red\b|serv|conn|verbind"
    r"|timeout|time|zeit|temps|tiempo|cpu|core|thread|gpu|image|container|mount|version|modul|librar|bibliot|unavail|down\b"
    r"|admin|ticket|contact|kontakt|operat|mainten|wartung",
    re.IGNORECASE,
)  # in the languages of those who write policies; a word too many keeps a job that could go
_WORD: Final = re.compile(r"[^\W\d_]{2}")
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


def may_be_fixed(rule: Rule, reason: str) -> bool:
    """Return whether the cause may have a fix, so that the job must not be removed.

    A removal cannot be undone. So where no rule knows the text, one that has no information, or that names a file, a
    limit, a right, a credential or a place, is enough to keep the job.
    """
    if rule.answer == "remove":
        return False
    vague = is_silent(reason) or not _WORD.search(reason)
    known = rule.fixable or rule.kind == "person"
    return known or vague or bool(_FIXABLE.search(reason))


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
    limit = measured.request or measured.slot
    if limit and measured.own >= limit:
        return True
    least = _NEAR * measured.own
    return bool(measured.own) and any(
        least <= amount <= measured.own / _NEAR for amount in amounts(reason, resource)
    )
