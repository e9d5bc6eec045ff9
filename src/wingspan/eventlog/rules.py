"""Look up what a hold means and what to do about it, by code, sub-code and reason.

The table is `rules.toml`, next to this file; its head says how to read it. It is what a user gets on the first day,
before there is data: known causes, not counted rates.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final, Literal, TypeAlias, get_args

from wingspan.eventlog.codes import VacateCode
from wingspan.eventlog.spelling import quoted, spelt, written_out

Origin = Literal["job", "environment", "user", "configuration"]
Place = Literal[
    "job",
    "environment",
    "configuration",
    "access point",
    "server",
    "credential",
    "person",
    "unknown",
]
Nature = Literal["deterministic", "transient", "either"]
Answer = Literal["release now", "release later", "fix first", "remove", "no evidence"]
Kind = Literal[
    "memory", "disk", "cpu", "unused", "time", "starts", "idle", "stalled", "exit", "program", "input", "output", "access",
    "folder", "quota", "size", "url", "credential", "image", "container", "machine", "network", "server",
    "access point", "account", "expression", "setup", "hook", "cloud", "spool", "person", "unknown",
]  # fmt: skip

ORIGINS: tuple[Origin, ...] = get_args(Origin)
ANSWERS: tuple[Answer, ...] = get_args(Answer)
KINDS: tuple[Kind, ...] = get_args(Kind)
_RESOURCES: Final = frozenset({"memory", "disk", "cpu", "time", "credential"})
_POLICIES: Final = frozenset(
    {None, 0, 3, 21, 26, 34}
)  # a text may be an expression, or name a resource alone
DECISIONS = frozenset({1, 15, 16})  # decisions of a person: they stand, whatever the text says
Codes: TypeAlias = tuple[tuple[int, int | None], ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """Cause of a hold and the first thing to do about it.

    Attributes
    ----------
    codes
        Holds that it applies to, as pairs of code and sub-code (None: any); empty for any.
    text
        Regular expression that the reason must contain; empty for any.
    words, attributes
        Regular expressions that must all be in the reason, or in the policy's expression that was true.
    abroad
        The same as `words` in other languages, under the codes of policies.
    kind
        Class of the cause.
    origin
        Where the cause lies: in the job, its environment (site, network, access point), a person's decision,
        or the configuration of job or pool.
    fix
        What to do next; ``JOB`` stands for the job's id.
    answer
        What to answer when nothing but this rule is known.
    wait_s
        Seconds to wait before the release, with the answer "release later"; else 0.
    source
        Where the meaning is documented or was seen.
    """

    codes: Codes
    text: str
    words: tuple[str, ...]
    attributes: tuple[str, ...]
    abroad: tuple[str, ...]
    kind: Kind
    cause: str
    origin: Origin
    nature: Nature
    fix: str
    answer: Answer
    wait_s: int
    source: str

    @property
    def first_answer(self) -> Answer:
        """What is advised before there is data: a removal needs more than a rule."""
        return "fix first" if self.answer == "remove" else self.answer

    @property
    def place(self) -> Place:
        """Where the text says that the fault lies.

        It is the rule's origin, unless the text names the access point, a server or a credential. A policy of the user's own says
        nothing about a person's decision: it is about the job.
        """
        if self.kind in {"person", "spool"}:
            return "person"
        if self.kind == "credential" and self.origin == "configuration":
            return "credential"
        if self.kind == "unknown" and self.origin == "environment":
            return "unknown"
        if self.kind in {"quota", "access point"}:
            return "access point"
        if self.kind == "server" and (self.text or self.words):  # a code alone names none
            return "server"
        return "job" if self.origin == "user" else self.origin

    @property
    def fixable(self) -> bool:
        """Whether a fix is known, or the cause passes or is fixed by others: never a removal then."""
        return self.answer not in {"no evidence", "remove"}


UNKNOWN = Rule(
    codes=(),
    text="",
    words=(),
    attributes=(),
    abroad=(),
    kind="unknown",
    cause="No rule knows this hold.",
    origin="environment",
    nature="either",
    fix="Look at what stands before it in the log: `wingspan events show JOB`.",
    answer="no evidence",
    wait_s=0,
    source="",
)
EVICTION = replace(
    UNKNOWN,
    kind="machine",
    cause="Not a hold but an eviction: the job went back to the queue and runs again by itself.",
    nature="transient",
    fix="Nothing, unless it happens again and again: then save checkpoints or shorten the job.",
    source="manual, Vacate Reason Codes",
)
_MASK: Final = re.compile(
    r"""(?P<ADDRESS><[\da-fA-F.\[\]:-]+:\d+(?:\?[^>\s]*)?>)
    |(?P<URL>\b[a-zA-Z][\w+.-]*://[^\s'"|,;)]+)
    |(?P<NAME>\b[\w.+-]+(?:@[\w.-]*\w)+|\b(?:[\w-]+\.){2,}[a-zA-Z]{2,}\b)
    |(?P<PATH>(?<![\w<>.])~?/[^\s'"|:;,()<>]+|\b[A-Za-z]:\\[^\s'"|:;,()]+|(?<![\w-])(?=\S*[\d.])(?![A-Za-z]\w*(?:Usage|Size\w*)\ ?/)[\w.+=-]+/[\w./+=-]+)
    |(?<!errno\ )(?<!=)(?<!=\ )(?<!Starts>)(?<!Starts\ >\ )(?<!Count>)(?<!Count\ >\ )(?<![\w.])(?![45]\d\d\b|\d+\ ?(?:%|percent))(?P<NUMBER>\d+(?:\.\d+)*(?:m\d+(?:\.\d+)?)?)""",
    re.VERBOSE,
)
_NAMED: Final = re.compile(r"\{([a-z_]+)\}")
_SPAN: Final = re.compile(r"\b\d+ ?-?(h|hrs?|hours?|days?|minutes?)\b", re.IGNORECASE)
_GUARD: Final = re.compile(r"\b(NumJobStarts|JobRunCount|NumShadowStarts) *(> *0|>= *[01])\b")
_DECIDING: Final[
    tuple[frozenset[Kind], ...]
] = (  # of conditions joined by "and": the others only guard them
    frozenset({"stalled"}),
    frozenset({"unused"}),
    frozenset(KINDS) - {"stalled", "unused", "starts", "idle", "time"},
    frozenset({"starts"}),
    frozenset({"idle"}),
    frozenset({"time"}),
)
_EXPRESSION: Final = re.compile(
    r"(?:job attribute|system macro) (?P<attribute>\w+) expression '(?P<expression>.*)' evaluated to (?P<value>\w+)"
    r"|WANT_HOLD = (?P<wanted>.*)\)",
    re.DOTALL,
)


@cache
def rules() -> tuple[Rule, ...]:
    """Return the table in its order; it is read once."""
    return tuple(_rule(entry, _table()["words"]) for entry in _table()["rule"])


@cache
def _table() -> Mapping[str, Any]:
    text = files("wingspan.eventlog").joinpath("rules.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def _abroad() -> tuple[str, tuple[Rule, ...]]:
    """Return the pattern of texts in other languages, and their rules.

    Resources come last: texts about other causes name them too.
    """
    foreign = (rule for rule in rules() if rule.abroad)
    return _table()["words"]["abroad"], tuple(
        sorted(foreign, key=lambda rule: rule.kind in _RESOURCES)
    )


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
    >>> explain(26, 0, "Job 7 was stopped: its proxy has expired").kind
    'credential'
    """
    if code is not None and code >= VacateCode.JobPolicyVacate:
        return EVICTION
    return _explain(code, subcode, _marked(reason))


@lru_cache(maxsize=1 << 16)
def _marked(reason: str) -> str:
    """Return the reason with marks for what differs between jobs."""
    return _MASK.sub(_mark, written_out(reason))


@lru_cache(maxsize=1 << 16)
def _explain(code: int | None, subcode: int | None, reason: str) -> Rule:
    found = _EXPRESSION.search(reason) if code not in DECISIONS else None
    if found and (found["wanted"] or found["value"] == "TRUE"):
        rule = _by_attributes(code, found["wanted"] or found["expression"], found["attribute"])
    else:
        rule = _by_text(code, subcode, reason)
        if code in _POLICIES and not (rule.text or rule.words or (code, subcode) in rule.codes):
            rule = _by_topic(code, subcode, reason, _by_attributes(code, reason, None, rule))
    return _about(rule, found["attribute"]) if found and found["attribute"] else rule


def _from_abroad(reason: str) -> Rule | None:
    """Return the rule for a policy's text in another language."""
    language, foreign = _abroad()
    if not _compiled(language).search(reason):
        return None
    return next((rule for rule in foreign if _all_found(rule.abroad, reason)), None)


def _by_text(code: int | None, subcode: int | None, reason: str) -> Rule:
    """Return the rule for what a wrapper quotes, else for the whole text."""
    if code in _POLICIES and (foreign := _from_abroad(reason)):
        return foreign
    said = quoted(reason)
    if said != reason:
        for known in dict.fromkeys((code, 0)):  # a hook's own code says only that it failed
            rule = _first(known, subcode, said)
            if rule.text or rule.words:
                return rule
    return _first(code, subcode, reason)


def _about(rule: Rule, attribute: str) -> Rule:
    cause, fix = (text.replace("ATTRIBUTE", attribute) for text in (rule.cause, rule.fix))
    return replace(rule, cause=cause, fix=fix)


def _by_attributes(
    code: int | None, expression: str, name: str | None, other: Rule | None = None
) -> Rule:
    """Return the rule for a policy's expression, if all its attributes concern the same cause.

    `other` is the rule where they do not; without it, that of the code.
    """
    about: dict[Kind, Rule] = {}
    for alternative in expression.split("||"):
        about |= _compared(alternative)
    if len(about) == 1:  # a condition common to all alternatives may stand outside of them
        about = _compared(expression) or about
    if len(about) == 1:
        return next(iter(about.values()))
    if other is not None:
        return other
    return _first(code, None, name or "", in_words=False)


def _compared(condition: str) -> dict[Kind, Rule]:
    """Return the rules for what a condition compares, by kind, without guards."""
    for text in (_GUARD.sub("", condition), condition):
        found: dict[Kind, Rule] = {}
        for rule in rules():
            if rule.attributes and _all_found(rule.attributes, text):
                found.setdefault(rule.kind, rule)
        for kinds in _DECIDING:
            if about := {kind: rule for kind, rule in found.items() if kind in kinds}:
                return about
    return {}


def _by_topic(code: int | None, subcode: int | None, reason: str, other: Rule) -> Rule:
    """Return the rule for the only resource that a policy's text names, however it says so."""
    if other.text or other.words:
        return other
    reason = _SPAN.sub("", spelt(reason))  # a length of time alone may be anything
    about = {
        rule.kind: rule
        for rule in reversed(rules())
        if rule.kind in _RESOURCES
        and rule.attributes
        and _fits_code(rule, code, subcode)
        and _compiled(rule.words[0]).search(reason)
    }
    return next(iter(about.values())) if len(about) == 1 else other


def _all_found(patterns: Iterable[str], text: str) -> bool:
    return all(_compiled(pattern).search(text) for pattern in patterns)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)


def _mark(found: re.Match[str]) -> str:
    """Return the mark for a path or number; numbers of errors are kept."""
    return "7" if found.lastgroup == "NUMBER" else f"<{found.lastgroup}>"


def _first(code: int | None, subcode: int | None, reason: str, *, in_words: bool = True) -> Rule:
    """Return the most specific rule that fits."""
    words = spelt(reason)
    for rule in _candidates(code, subcode):
        if rule.text:
            fits = _all_found((rule.text,), reason) and _all_found(rule.words, words)
        else:
            fits = not rule.words or (in_words and _all_found(rule.words, words))
        if fits:
            return rule
    return UNKNOWN


@cache
def _candidates(code: int | None, subcode: int | None) -> tuple[Rule, ...]:
    """Return the rules for a code, the most specific first."""
    fitting = [
        rule
        for rule in rules()
        if _fits_code(rule, code, subcode)
        and (code not in DECISIONS if rule.text or rule.words else code is not None)
        and (rule.text or rule.words or not rule.attributes)
    ]
    return tuple(sorted(fitting, key=lambda rule: _specificity(rule, code, subcode), reverse=True))


def _specificity(rule: Rule, code: int | None, subcode: int | None) -> tuple[int, bool, bool]:
    exact = subcode is not None and (code, subcode) in rule.codes
    return 2 if rule.text else 1 if rule.words else 0, exact, bool(rule.codes)


def _fits_code(rule: Rule, code: int | None, subcode: int | None) -> bool:
    pairs = {(code, None), (code, subcode)}
    return code is None or not rule.codes or bool(pairs.intersection(rule.codes))


def _rule(entry: Mapping[str, Any], words: Mapping[str, str]) -> Rule:
    """Make a rule from its entry in the table."""

    def whole(pattern: str) -> str:
        return _NAMED.sub(lambda found: words[found[1]], pattern)

    pairs = [one.partition("/") for one in whole(entry.get("code", "")).split()]
    given = {name: value for name, value in entry.items() if name != "code"}
    given["codes"] = tuple(_pair(*pair) for pair in pairs)
    given["text"] = whole(entry.get("text", ""))
    given["words"] = tuple(map(whole, entry.get("words", ())))
    given["abroad"] = tuple(map(whole, entry.get("abroad", ())))
    given["attributes"] = tuple(entry.get("attributes", ()))
    return Rule(**{"wait_s": 0, **given})


def _pair(code: str, _: str, subcode: str) -> tuple[int, int | None]:
    return int(code), int(subcode) if subcode else None
