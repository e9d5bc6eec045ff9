"""Answer by where runs fail, if the rule for the text looks for the fault in the job.

A text such as "no such file" mostly means a mistake of the user. If all jobs of several clusters end so on one machine,
and the same jobs run elsewhere, the machine is at fault: then a release helps, and the rule's fix does not.
"""

from dataclasses import replace
from math import inf
from typing import Final

from wingspan.advisor.answers.evidence import Evidence
from wingspan.advisor.answers.evidence_text import CROWD
from wingspan.eventlog.rules import Answer, Place, Rule

_OWN: Final[frozenset[Place]] = frozenset({"job", "configuration", "credential", "unknown"})
_RELEASES: Final[frozenset[Answer]] = frozenset({"release now", "release later"})
_SEVERAL: Final = 3
_EXCLUDE: Final = (
    "The jobs are not at fault: `condor_release JOB`; if the same {what} comes back, exclude it: "
    "`condor_qedit JOB Requirements '... && {which}'`."
)
_ANSWERS: Final[dict[str, tuple[Answer, int, str]]] = {
    "host": ("release now", 0, _EXCLUDE.format(what="host", which='Machine =!= "HOST"')),
    "site": ("release later", 1800, _EXCLUDE.format(what="site", which='GLIDEIN_Site =!= "SITE"')),
    "access point": (
        "release later",
        3600,
        "Many clusters at the access point have it, so wait until that is over; then `condor_release JOB`.",
    ),
}


def by_verdict(rule: Rule, evidence: Evidence, host: str) -> Rule:
    """Return the rule, with another answer if other jobs' runs blame a place.

    The rule stays if its text names that itself, or if releases of such holds in several
    clusters never paid.
    """
    whose, such = evidence.blame.whose, evidence.levels[0]
    never = such.clusters >= _SEVERAL and not such.paid
    if rule.place not in _OWN or whose not in _ANSWERS or never:
        return rule
    answer, wait_s, fix = _ANSWERS[whose]
    fix = fix.replace("HOST", host or "HOST")
    return replace(rule, answer=answer, wait_s=wait_s, nature="transient", fix=fix)


def outage_lasts_to(evidence: Evidence) -> float:
    """Return when the last such hold of an outage at the access point came; -inf without one."""
    if evidence.alike < CROWD or evidence.blame.whose != "access point":
        return -inf
    return evidence.last_alike


def fix_text(rule: Rule, answer: Answer) -> str:
    """Return what to do next; the rule's fix comes second if earlier releases decided."""
    if answer in _RELEASES and rule.answer not in _RELEASES and rule.fix:
        return f"A release is worth it: `condor_release JOB`. If the job is held again: {rule.fix}"
    if answer == "fix first" and rule.answer in _RELEASES:
        return (
            f"A release alone is not expected to pay: find what the reason names first. {rule.fix}"
        )
    return rule.fix
