"""What a hold means and what to do about it: (code, sub-code, reason) -> `Rule`, from a table of rules.

The table is `rules.toml`, beside this file; its head says how to read it. It is what a user is told
on the first day, before there are data: causes that are known, not rates that were counted.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, get_args

from wingspan.eventlog.codes import VacateCode

Origin = Literal["job", "environment", "user", "configuration"]
Nature = Literal["deterministic", "transient", "either"]
Answer = Literal["release now", "release later", "fix first", "remove", "no evidence"]

ORIGINS: tuple[Origin, ...] = get_args(Origin)
ANSWERS: tuple[Answer, ...] = get_args(Answer)
DECISIONS = frozenset({1, 15, 16})  # a person's decision: whatever the text says, not ours to undo


@dataclass(frozen=True, slots=True)
class Rule:
    """Cause of a hold and the first thing to do about it.

    Attributes
    ----------
    code, subcode
        Which holds it is for; None stands for any.
    text
        Regular expression that the reason must contain; empty for any.
    origin
        Whose matter the cause is: the job's, its environment's (site, network, access point), a
        person's decision, or the configuration of job or pool.
    fix
        What to do next; ``JOB`` stands for the job's id.
    answer
        What to answer when nothing but this rule is known.
    wait_s
        Seconds to wait before the release, with the answer "release later"; else 0.
    source
        Where the meaning is documented or was seen.
    """

    code: int | None
    subcode: int | None
    text: str
    cause: str
    origin: Origin
    nature: Nature
    fix: str
    answer: Answer
    wait_s: int
    source: str

    @property
    def fixable(self) -> bool:
        """Whether it is known what to change, or that the cause passes or is mended by others: no reason to remove."""
        return self.answer not in {"no evidence", "remove"}


UNKNOWN = Rule(
    code=None,
    subcode=None,
    text="",
    cause="No rule knows this hold.",
    origin="environment",
    nature="either",
    fix="Look at what stands before it in the log: `wingspan events show JOB`.",
    answer="no evidence",
    wait_s=0,
    source="",
)
EVICTION = Rule(
    code=None,
    subcode=None,
    text="",
    cause="Not a hold but an eviction: the job went back to the queue and runs again by itself.",
    origin="environment",
    nature="transient",
    fix="Nothing, unless it happens again and again: then save checkpoints or shorten the job.",
    answer="no evidence",
    wait_s=0,
    source="manual, Vacate Reason Codes",
)


@cache
def rules() -> tuple[Rule, ...]:
    """Return the table, read once, in its order."""
    text = files("wingspan.eventlog").joinpath("rules.toml").read_text(encoding="utf-8")
    return tuple(_rule(**entry) for entry in tomllib.loads(text)["rule"])


def explain(code: int | None, subcode: int | None = None, reason: str = "") -> Rule:
    """Return the most specific rule for a hold; `UNKNOWN` where none fits.

    Parameters
    ----------
    code, subcode
        Of the hold; None where only the reason is known.
    reason
        The text of the event, as it stands in the log.

    Examples
    --------
    >>> explain(34, 0, "Error from slot1@e1: Job has gone over memory limit of 64 megabytes").origin
    'job'
    """
    if code is not None and code >= VacateCode.JobPolicyVacate:
        return EVICTION
    found = [rule for rule in rules() if _fits(rule, code, subcode, reason)]
    return max(found, key=_specificity, default=UNKNOWN)


def _specificity(rule: Rule) -> tuple[bool, bool, bool]:
    return bool(rule.text), rule.subcode is not None, rule.code is not None


def _fits(rule: Rule, code: int | None, subcode: int | None, reason: str) -> bool:
    if code is None and not rule.text:
        return False
    if code is not None and rule.code not in {None, code}:
        return False
    if rule.subcode is not None and rule.subcode != subcode:
        return False
    if not rule.text:
        return True
    return (
        code not in DECISIONS
        and re.search(rule.text, reason, re.IGNORECASE | re.DOTALL) is not None
    )


def _rule(  # noqa: PLR0913 - the keys of an entry of rules.toml
    *,
    cause: str,
    origin: Origin,
    nature: Nature,
    fix: str,
    answer: Answer,
    source: str,
    code: str = "",
    text: str = "",
    wait_s: int = 0,
) -> Rule:
    first, _, second = code.partition("/")
    return Rule(
        code=int(first) if first else None,
        subcode=int(second) if second else None,
        text=text,
        cause=cause,
        origin=origin,
        nature=nature,
        fix=fix,
        answer=answer,
        wait_s=wait_s,
        source=source,
    )
