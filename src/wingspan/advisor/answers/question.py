"""Turn held jobs into questions: what is known of each, its rule, and the request that fits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import nan
from typing import Any

from wingspan.advisor.answers.evidence import History
from wingspan.advisor.answers.fix_first import Fix, compute, longer
from wingspan.advisor.answers.measured import (
    DISK,
    MEMORY,
    RESOURCES,
    Asked,
    Measured,
    Resource,
    measure,
    measured_in_ad,
)
from wingspan.advisor.answers.rule_of_hold import by_measurement, in_doubt
from wingspan.advisor.holds.moments import Moments
from wingspan.eventlog.rules import Rule, explain


@dataclass(frozen=True, slots=True)
class Question:
    """One held job, from a log or from the queue.

    Attributes
    ----------
    said
        The hold's reason; if that is empty, the error before it in the log.
    """

    job: str
    access_point: str
    code: int
    subcode: int
    reason: str
    held_at: float
    now: float
    said: str
    rule: Rule
    fix: Fix | None = None
    host: str = ""
    owner: str = ""


def find_questions(history: History, moments: Moments, owners: Sequence[str]) -> list[Question]:
    """Return the question at each moment; measurements are read if its rule needs them.

    `owners` names the owner of each moment's job; empty if unknown.
    """
    questions = [_question(history, moments, number, owner) for number, owner in enumerate(owners)]
    asked = [
        (number, Asked(int(moments.hold[number]), int(moments.upto[number]), resource))
        for number, question in enumerate(questions)
        for resource in _asked(question)
    ]
    known: dict[int, dict[Resource, Measured]] = {}
    found = measure(history.timeline, [one for _, one in asked])
    for (number, one), measured in zip(asked, found, strict=True):
        known.setdefault(number, {})[one.resource] = measured
    return [
        _settled(one, known.get(number, {}), history.ran_s[episode])
        for number, (one, episode) in enumerate(zip(questions, moments.episode, strict=True))
    ]


def question_of_ad(ad: Mapping[str, Any], now: float) -> Question:
    """Return the question about a held job that is known by its ad in the queue alone."""
    code, subcode = int(ad.get("HoldReasonCode") or 0), int(ad.get("HoldReasonSubCode") or 0)
    reason = str(ad.get("HoldReason") or "")
    question = Question(
        job=f"{ad['ClusterId']}.{ad['ProcId']}",
        access_point="",
        code=code,
        subcode=subcode,
        reason=reason,
        held_at=float(ad.get("EnteredCurrentStatus") or now),
        now=now,
        said=reason,
        rule=explain(code, subcode, reason),
        host=str(ad.get("LastRemoteHost") or "").rpartition("@")[2],
        owner=str(ad.get("Owner") or ""),
    )
    return _settled(question, {one: measured_in_ad(ad, one) for one in _asked(question)}, nan)


def _question(history: History, moments: Moments, number: int, owner: str) -> Question:
    timeline, episodes = history.timeline, history.episodes
    episode, row = int(moments.episode[number]), int(moments.hold[number])
    events = timeline.events
    code, subcode = int(episodes.code[episode]), int(episodes.subcode[episode])
    said = history.said[episode]
    return Question(
        f"{events.cluster[row]}.{events.proc[row]}",
        events.access_points[events.access_point[row]],
        code,
        subcode,
        history.reasons[episode],
        float(events.time[row]),  # a clock that stepped back left `timeline.clock` ahead
        float(moments.clock[number]),
        said,
        explain(code, subcode, said),
        host=timeline.hosts[host] if (host := int(episodes.host[episode])) >= 0 else "",
        owner=owner,
    )


def _asked(question: Question) -> tuple[Resource, ...]:
    if in_doubt(question.code, question.rule):
        return MEMORY, DISK
    return (RESOURCES[question.rule.kind],) if question.rule.kind in RESOURCES else ()


def _settled(question: Question, measured: Mapping[Resource, Measured], ran_s: float) -> Question:
    """Return the question with its rule and fix.

    Measurements choose the rule where the text leaves the resource open.
    """
    rule = question.rule
    if in_doubt(question.code, rule):
        none = Measured()
        memory, disk = measured.get(MEMORY, none), measured.get(DISK, none)
        rule = by_measurement(rule, question.said, memory, disk)
    return replace(question, rule=rule, fix=_fix(question, rule, measured, ran_s))


def _fix(
    question: Question, rule: Rule, measured: Mapping[Resource, Measured], ran_s: float
) -> Fix | None:
    if rule.kind == "time":
        return longer(question.job, question.code, question.said, ran_s)
    resource = RESOURCES.get(rule.kind)
    known = measured.get(resource) if resource else None
    return compute(question.job, resource, known, question.said) if resource and known else None
