"""Compute the request or limit that would have fitted, and write its `condor_qedit` line."""

import re
from dataclasses import dataclass
from typing import Final

from wingspan.advisor.answers.measured import CPUS, MEMORY, Measured, Resource

_UNITS: Final = {"b": 1 / 1024, "k": 1, "m": 1 << 10, "g": 1 << 20, "t": 1 << 30}  # in KB
_THOUSANDS: Final = re.compile(
    r"(?<=\d)[,'\u00a0\u202f](?=\d{3}(?!\d))|(?<=\d)\.(?=\d{3},\d)|(?<=\b\d)[ ](?=\d{3} ?[kKmMgGtT]i?[bBoO]\b)"
)
_DECIMAL: Final = re.compile(r"(?<=\d),(?=\d)")
_ONE_UNIT: Final = re.compile(  # "12/8 GB": the unit of both
    r"\b(\d+(?:\.\d+)?)(?= ?(?:/|>|<|of|out of|von|vs\.?|sur|de|su) ?\d+(?:\.\d+)? ?([kKmMgGtT]i?[bBoO])\b)"
)
_AMOUNT: Final = re.compile(
    r"(\d+(?:\.\d+)?(?:[eE]\+?\d+)?) ?(?:([KMGT])\b|([kmgtKMGT])i?[bBoO]s?\b|([kKmMgGtT])(?:ilo|ega|iga|era)(?:bytes?|octets?)|([bB])(?:ytes?)?\b)"
)
_BARE: Final = re.compile(
    r"(?:mem|memory|disk|usage|requested|request_\w+|allocated|limit|rss|than|of|>|<)\D{0,12}?(\d{3,})\b(?!\.\d| ?[a-z%]*b\b)",
    re.IGNORECASE,
)
_CPUS_SAID: Final = re.compile(
    r"(\d+(?:\.\d+)?)[ -]?(?:cpus?|cores?|threads)\b"
    r"|(?:cpus?|cores|threads|cpu_?s?usage)\s*(?:=|:|>|of|used|is|was)?\s*(\d+(?:\.\d+)?)(?![\w%]| %)",
    re.IGNORECASE,
)
_CPU_PERCENT: Final = re.compile(r"(\d{3,}) ?% (?:of )?cpus?\b", re.IGNORECASE)
_DURATION: Final = re.compile(r"\b(?:(\d+)[+-])?(\d+):(\d\d)(?::(\d\d))?\b")
_SPAN: Final = re.compile(
    r"(?<![\d.])(\d+(?:\.\d+)?)[ -]?(?:(s|secs?|seconds?|sekunden|secondes|segundos|secondi)"
    r"|(m|mins?|minutes?|minuten|minutos|minuti)|(h|hrs?|hours?|stunden?|heures?|horas?|ore|uur)"
    r"|(d|days?|tagen?|jours?|d[i\u00ed]as?|giorn[io]|dagen)"
    r"|(w|weeks?|wochen?|semaines?|semanas?|settiman[ae]|weken))(?![a-z])",
    re.IGNORECASE,
)
_AND: Final = re.compile(r"[ ,]*(and |und |et |y )?")
_SECONDS: Final = (1, 60, 3600, 86400, 604800)
_IN_MB: Final = 1 << 18  # a bare amount of memory is MB below this (256 GB), else KB (256 MB)
_LIMITS: Final = {46: "AllowedJobDuration", 47: "AllowedExecuteDuration"}
_OVER_TIME: Final = 2.0


@dataclass(frozen=True, slots=True)
class Fix:
    """A request or limit that would have fitted, the command that sets it, and its derivation."""

    job: str
    attribute: str
    amount: int
    evidence: str

    @property
    def command(self) -> str:
        """Return the command that sets it."""
        return f"condor_qedit {self.job} {self.attribute} {self.amount}"


def compute(job: str, resource: Resource, measured: Measured, reason: str) -> Fix | None:
    """Return the request that would have fitted; None if nothing was measured.

    Parameters
    ----------
    reason
        The hold's text. Its amounts are use or limit, and the job needed at least those.
    """
    said = max(amounts(reason, resource), default=0)
    least = max(measured.own, measured.request, said)
    if not max(measured.own, said, measured.request if resource is not CPUS else 0):
        return None
    need, why = least * resource.over_own, f"{resource.over_own} x {least} {resource.unit}"
    if measured.mates * resource.over_mates > need:
        need = measured.mates * resource.over_mates
        why = f"{resource.over_mates} x {measured.mates} {resource.unit}"
    amount = int(-(-need // resource.step) * resource.step)
    known = {
        "measured peak": measured.own,
        "request": measured.request,
        "in the reason": said,
        f"peak of {measured.mates_count} cluster-mates that ended well": measured.mates,
    }
    facts = ", ".join(
        f"{name} {number} {resource.unit}" for name, number in known.items() if number
    )
    evidence = f"{resource.attribute} {amount} {resource.unit} = {why}; {facts}"
    return Fix(job, resource.attribute, amount, evidence)


def longer(job: str, code: int, reason: str, ran_s: float) -> Fix | None:
    """Return twice the job's own time limit (codes 46, 47); None if its text has no limit."""
    limit = max(durations(reason), default=0.0)
    if code not in _LIMITS or not limit:
        return None
    amount = int(limit * _OVER_TIME)
    ran = f", it ran {ran_s:.0f} s" if ran_s == ran_s else ""  # noqa: PLR0124
    name = _LIMITS[code]
    evidence = f"{name} {amount} s = {_OVER_TIME} x {limit:.0f} s; in the reason{ran}"
    return Fix(job, name, amount, evidence)


def amounts(reason: str, resource: Resource) -> list[int]:
    """Return the amounts in a reason, in the resource's unit.

    >>> amounts("due to memory usage 3250000.", MEMORY), amounts("used 5 GB, 4096 MB allowed", MEMORY)
    ([3174], [5120, 4096])
    """
    reason = _DECIMAL.sub(".", _THOUSANDS.sub("", reason))
    if resource is CPUS:
        said = [float(first or last) for first, last in _CPUS_SAID.findall(reason)]
        said += [float(percent) / 100 for percent in _CPU_PERCENT.findall(reason)]
        return [-int(-number // 1) for number in said]
    reason = _ONE_UNIT.sub(r"\1 \2", reason)
    found = [
        float(number) * _UNITS["".join(unit).lower()] for number, *unit in _AMOUNT.findall(reason)
    ]
    if not found:
        found = [_bare(int(number), resource) for number in _BARE.findall(reason)]
    return [-int(-amount // resource.in_kb) for amount in found]


def durations(reason: str) -> list[float]:
    """Return the durations in a reason, in seconds.

    >>> durations("exceeded allowed execute duration of 3+00:00:00"), durations("within 72 hrs")
    ([259200.0], [259200.0])
    """
    found = [_clock(*parts) for parts in _DURATION.findall(reason)]
    return found or _spans(_THOUSANDS.sub("", reason))


def _spans(reason: str) -> list[float]:
    """Return the seconds of spans such as `3d 4h`, each of parts with falling units."""
    spans: list[float] = []
    end, last = -1, 0
    for found in _SPAN.finditer(reason):
        number, *units = found.groups()
        unit = next(place for place, name in enumerate(units) if name)
        seconds = float(number) * _SECONDS[unit]
        if spans and unit < last and _AND.fullmatch(reason, end, found.start()):
            spans[-1] += seconds
        else:
            spans.append(seconds)
        end, last = found.end(), unit
    return spans


def _clock(days: str, first: str, second: str, third: str) -> float:
    """Return the seconds of d+hh:mm:ss, h:mm:ss or m:ss, which are HTCondor's durations."""
    parts = [int(first), int(second), *([int(third)] if third else [])]
    total = 0
    for part in parts:
        total = 60 * total + part
    return float(86400 * int(days or 0) + total)


def _bare(number: int, resource: Resource) -> float:
    """Return KB of an amount without a unit.

    HTCondor counts disk and resident sets in KB, and requests of memory in MB.
    """
    return float(number << 10 if resource is MEMORY and number < _IN_MB else number)
