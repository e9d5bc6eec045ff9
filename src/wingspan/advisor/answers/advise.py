"""Give advice on held jobs: release now or later, fix first, remove, or no evidence.

Advice is given per incident, then per job.

On the first day the table of rules answers. From `ENOUGH` releases of such holds with a known outcome on, their rates
answer, or a trained advisor if one is given. Every advice names what decided it. A removal is advised on proof alone.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from math import isnan, nan
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from wingspan.advisor.answers.advice import (
    Advice,
    Chance,
    Incident,
    group,
    rate,
)
from wingspan.advisor.answers.counsel import Counsel, ask
from wingspan.advisor.answers.elsewhere import by_verdict, fix_text, outage_lasts_to
from wingspan.advisor.answers.evidence import Counts, Evidence, History
from wingspan.advisor.answers.evidence_text import (
    ENOUGH,
    enough,
    evidence_lines,
    moved_text,
    similar_lines,
)
from wingspan.advisor.answers.fix_first import Fix
from wingspan.advisor.answers.own_fault import VERDICT, lowered
from wingspan.advisor.answers.question import (
    Question,
    find_questions,
    question_of_ad,
)
from wingspan.advisor.answers.rule_of_hold import may_be_fixed
from wingspan.advisor.holds.episodes import Episodes, find_episodes
from wingspan.advisor.holds.incidents import find_incidents
from wingspan.advisor.holds.moments import Moments, at_holds
from wingspan.advisor.holds.timeline import Timeline
from wingspan.advisor.models.decision import LIKELY, worth_of
from wingspan.eventlog.job_state import State
from wingspan.eventlog.rules import DECISIONS, Answer, Rule
from wingspan.shown import counted

Job: TypeAlias = tuple[int, int, int]  # index of the access point, cluster, proc

if TYPE_CHECKING:
    from wingspan.advisor.models.saved import Advisor


def advise(
    timeline: Timeline, *, every: bool = False, advisor: "Advisor | None" = None
) -> tuple[Incident, ...]:
    """Advise on the jobs that are held at the end of the logs.

    Parameters
    ----------
    every
        Advise on every hold instead, each by what was known at its record.
    advisor
        A trained advisor, whose probabilities replace the rates.
    """
    episodes = find_episodes(timeline)
    moments = at_holds(episodes) if every else _open_holds(timeline, episodes)
    found = answer_each(timeline, episodes, moments, advisor)
    return group(found, find_incidents(episodes.take(moments.episode)).number.tolist())


def advise_jobs(timeline: Timeline, wanted: Collection[Job]) -> dict[Job, Advice]:
    """Advise on those of the wanted jobs that are held at the end of the logs."""
    episodes = find_episodes(timeline)
    moments = _open_holds(timeline, episodes)
    events, rows = timeline.events, moments.hold
    columns = (events.access_point[rows], events.cluster[rows], events.proc[rows])
    jobs = list(zip(*(column.tolist() for column in columns), strict=True))
    chosen = [place for place, job in enumerate(jobs) if job in wanted]
    found = answer_each(timeline, episodes, moments.take(np.array(chosen, np.int64)))
    return dict(zip((jobs[place] for place in chosen), found, strict=True))


def answer_each(
    timeline: Timeline, episodes: Episodes, moments: Moments, advisor: "Advisor | None" = None
) -> list[Advice]:
    """Return the advice at some moments, each by what was known then."""
    history = History(timeline, episodes)
    questions = find_questions(
        history, moments, [history.owner(each) for each in moments.episode.tolist()]
    )
    counsel = ask(history, moments, advisor, [each.rule for each in questions])
    return [
        _advise_one(history, int(moments.episode[number]), int(moments.upto[number]), *each)
        for number, each in enumerate(zip(questions, counsel, strict=True))
    ]


def _open_holds(timeline: Timeline, episodes: Episodes) -> Moments:
    """Ask at the end of the logs about the holds that last."""
    rows = np.flatnonzero(timeline.job >= 0)
    last = np.full(int(timeline.job.max(initial=-1)) + 1, -1)
    last[timeline.job[rows]] = rows
    newest = np.full(len(last), -1)
    newest[episodes.job] = np.arange(len(episodes))
    chosen = newest[(newest >= 0) & (timeline.state[last] == State.HELD)]
    chosen = np.sort(chosen)
    end = timeline.clock[-1] if len(timeline) else 0.0
    upto = np.full(len(chosen), len(timeline))
    return Moments(chosen, episodes.row[chosen], upto, np.full(len(chosen), end))


def _advise_one(
    history: History, episode: int, upto: int, question: Question, counsel: Counsel
) -> Advice:
    evidence = history.at(episode, upto, question.rule.place)
    more = [*similar_lines(history, evidence), *([counsel.note] if counsel.note else [])]
    return _decide(question, evidence, counsel.chance, more)


def advise_ads(ads: Sequence[Mapping[str, Any]], now: float) -> tuple[Incident, ...]:
    """Advise on held jobs from their ads in the queue alone, by rules and measured use."""
    found, keys = [], []
    same = Counter(map(_key, ads))
    for ad in ads:
        question = question_of_ad(ad, now)
        starts = counted(int(ad.get("NumJobStarts") or 0), "start")
        held = counted(int(ad.get("NumHolds") or 1), "hold")
        facts = (
            f"no log of its own is readable; {starts}, {held}",
            f"{counted(same[_key(ad)], 'job')} of its cluster held for this code",
        )
        found.append(_decide(question, None, None, facts))
        keys.append((*_key(ad), question.rule.cause))
    numbers: dict[tuple[Any, ...], int] = {}
    return group(found, [numbers.setdefault(key, len(numbers)) for key in keys])


def _key(ad: Mapping[str, Any]) -> tuple[Any, ...]:
    return ad["ClusterId"], ad.get("HoldReasonCode"), ad.get("HoldReasonSubCode")


def _decide(
    question: Question,
    evidence: Evidence | None,
    chance: Chance | None,
    more: Sequence[str],
) -> Advice:
    rule, fix = question.rule, question.fix
    person = question.code in DECISIONS
    counts, level = enough(evidence, ruled=rule.answer != "no evidence")
    if chance is None and counts is not None and not person:
        seen = rate(counts, level)
        chance = lowered(seen, rule, evidence.blame) if evidence else seen
        more = [*more, *filter(None, [moved_text(VERDICT, seen.p, chance.p)])]
    if evidence and chance is None and question.fix is None:
        rule = by_verdict(rule, evidence, question.host)
        question = replace(question, rule=rule)
    answer, decided, wait_s = _answer(question, evidence, chance, counts, person=person)
    at = question.held_at + wait_s
    if evidence and wait_s and (chance is None or chance.wait_s is None):
        at = max(at, outage_lasts_to(evidence) + wait_s)
    if answer == "release later" and at <= question.now:
        answer = "release now"
    lines = [*evidence_lines(evidence, question.code), *more]
    lines += [fix.evidence] if fix else []
    return Advice(
        job=question.job,
        access_point=question.access_point,
        code=question.code,
        subcode=question.subcode,
        reason=question.reason,
        held_at=question.held_at,
        answer=answer,
        at=at if answer == "release later" else nan,
        probability=chance.p if chance else nan,
        low=chance.low if chance else nan,
        high=chance.high if chance else nan,
        decided_by=decided,
        cause=rule.cause,
        fix=fix_text(rule, answer).replace("JOB", question.job),
        command=_command(answer, question.job, fix),
        evidence=tuple(lines),
        ran_s=evidence.ran_s if evidence else nan,
        host=question.host,
        owner=question.owner,
        whose=evidence.blame.whose if evidence else "",
        share=evidence.blame.share if evidence else 0.0,
        edit=(fix.attribute, fix.amount) if fix and answer == "fix first" else None,
    )


def _answer(
    question: Question,
    evidence: Evidence | None,
    chance: Chance | None,
    counts: Counts | None,
    *,
    person: bool,
) -> tuple[Answer, str, float]:
    """Return the answer, what decided it, and for "release later" the seconds from the hold."""
    rule = question.rule
    if person:
        return rule.answer, "rules", 0.0
    if question.fix and not _may_pass(question, chance):
        return "fix first", "rules, with measured use", 0.0
    if is_proof(rule, question.said, evidence):
        return "remove", "proof", 0.0
    if chance is None:
        return rule.first_answer, "rules", rule.wait_s
    if chance.wait_s is not None:
        return _counselled(question, chance, chance.wait_s)
    if chance.p >= worth_of(rule, counts.clusters if counts else ENOUGH):
        wait_s = counts.wait_s if counts and counts.paid else float(rule.wait_s)
        return ("release later" if wait_s else "release now"), chance.source, wait_s
    return ("fix first" if rule.fix else "no evidence"), chance.source, 0.0


def _may_pass(question: Question, chance: Chance | None) -> bool:
    """Return whether a trained advisor overrules a measured fix with a release.

    A faster machine may end a job in time. Any other limit may come from a broken machine, if most such releases pay.
    """
    if chance is None or chance.wait_s is None or isnan(chance.wait_s):
        return False
    return question.rule.kind == "time" or chance.p >= LIKELY


def _counselled(question: Question, chance: Chance, wait_s: float) -> tuple[Answer, str, float]:
    """Answer as a trained advisor does; where no release pays, fix first if a rule knows how."""
    if isnan(wait_s):
        return ("fix first" if question.rule.fix else "no evidence"), chance.source, 0.0
    answer: Answer = "release later" if wait_s else "release now"
    return answer, chance.source, question.now - question.held_at + wait_s


def is_proof(rule: Rule, said: str, evidence: Evidence | None) -> bool:
    """Return whether only a removal is left.

    That requires that no fix is known for the cause, that no release of such holds paid in `ENOUGH` clusters, and that a
    release of this job did not pay. A job that can be fixed is never removed, however many releases failed.
    """
    if evidence is None or rule.fixable or rule.nature == "transient":
        return False
    such, job = evidence.levels[0], evidence.job
    hopeless = bool(job.total) and not job.paid and not such.paid and such.clusters >= ENOUGH
    return hopeless and not may_be_fixed(rule, said)


def _command(answer: Answer, job: str, fix: Fix | None) -> str:
    if answer == "fix first":
        return f"{fix.command} && condor_release {job}" if fix else ""
    return {"release now": f"condor_release {job}", "remove": f"condor_rm {job}"}.get(answer, "")
