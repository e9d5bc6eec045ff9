"""Match a job's ad against the slots' ads.

A `Match` says which clause matches how many slots, and the smallest change that would match.

Every clause is tried on each slot as if it were empty, because what jobs hold today is free tomorrow. Clauses are:
the amounts asked for, what is asked of each GPU, the parts of the job's Requirements, the parts of the slots' START.
Values stand in the units of submit commands: MB for memory and disk.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from wingspan.accesspoint.expressions import clauses, readable

if TYPE_CHECKING:
    from classad2 import ClassAd

START = "start"
_AMOUNTS = (  # kind, attribute of the job, of the slot, unit, how many of the attribute's units one is
    ("cpus", "RequestCpus", "Cpus", "", 1),
    ("memory", "RequestMemory", "Memory", " MB", 1),
    ("disk", "RequestDisk", "Disk", " MB", 1024),
    ("gpus", "RequestGPUs", "GPUs", "", 1),
)
_AMOUNT = re.compile(r"\bRequest(?:Cpus|Memory|Disk|GPUs)\b|\bRequireGPUs\b", re.IGNORECASE)
_GPU_KINDS = {"Capability": "gpu_capability", "GlobalMemoryMb": "gpu_memory"}
_COMPARISON = re.compile(
    r"(?:TARGET\.)?([A-Za-z_]\w*)(?:\s*(==|>=|<=|>|<|!=|=\?=|(?<=\s)is(?=\s))\s*(\S.*))?",
    re.IGNORECASE,
)
_PLUG_IN = re.compile(
    r'stringListIMember\("([^"]+)",\s*TARGET\.HasFileTransferPluginMethods\)', re.IGNORECASE
)
_EASE = {"cpus": 0, "memory": 0, "disk": 0, "requirements": 1}  # what is given up first; then GPUs
_SHOWN = 4  # values of an attribute that are listed


class Clause(NamedTuple):
    """One thing asked; `slots` fulfil it, each alone by itself and empty."""

    kind: str
    text: str
    slots: int


@dataclass(frozen=True, slots=True)
class Match:
    """What came of trying a job on all slots.

    Parameters
    ----------
    total
        Slots of the pool; what was cut off a partitionable slot counts as part of it.
    clauses
        The ones of the job, then the START of slots; those that fewest slots fulfil first.
    fit
        Slots that fulfil all of them when they are empty; `free`, at this moment.
    change
        If none fits: the smallest change, one line for each clause; `changed` slots would fit then.
    """

    total: int
    clauses: tuple[Clause, ...]
    fit: int
    free: int
    change: tuple[str, ...] = ()
    changed: int = 0

    @property
    def failing(self) -> tuple[Clause, ...]:
        """The clauses that no slot fulfils."""
        return tuple(clause for clause in self.clauses if clause.slots == 0)


@dataclass(frozen=True, slots=True)
class Slot:
    """A static or partitionable slot, as it is now and as it is when empty."""

    now: "ClassAd"
    empty: "ClassAd"
    gpus: tuple["ClassAd", ...]
    start: tuple[str, ...]

    @property
    def unclaimed(self) -> bool:
        """Whether no job has it; a partitionable slot never is claimed."""
        return bool(self.now.get("State") == "Unclaimed")


@dataclass(frozen=True, slots=True)
class _Test:
    """How a clause is tried on slots.

    `advise` returns the change with which some of the given slots fit, and those slots.
    """

    kind: str
    text: str
    holds: Callable[[Slot], bool]
    advise: Callable[[list[Slot]], tuple[str, list[Slot]]]


def slots_of(ads: Iterable["ClassAd"]) -> tuple[Slot, ...]:
    """Return the slots of a pool from their ads; dynamic ones are parts of others and left out."""
    return tuple(_slot(ad) for ad in ads if ad.get("SlotType") != "Dynamic")


def _slot(ad: "ClassAd") -> Slot:
    import classad2

    gpus = {
        name: value
        for name, value in ad.items()
        if name.startswith("GPUs_") and isinstance(value, classad2.ClassAd)
    }
    empty = ad
    if ad.get("PartitionableSlot") is True:
        empty = classad2.ClassAd(str(ad))
        for _, _, name, _, _ in _AMOUNTS:
            total = ad.get(f"TotalSlot{name}")
            if isinstance(total, int | float):
                empty[name] = total
        empty["AvailableGPUs"] = classad2.ExprTree("{" + ", ".join(gpus) + "}")
    start = tuple(clauses(str(ad.lookup("Start")))) if "Start" in ad else ()
    return Slot(ad, empty, tuple(gpus.values()), start)


def match(job: "ClassAd", slots: Sequence[Slot]) -> Match:
    """Try a job's ad on slots."""
    tests = [*_amounts(job), *_gpu_tests(job), *_requirements(job), *_starts(job, slots)]
    whole = _Test("requirements", "all of these together", lambda _: False, _whole_advice)
    failing = [_failing(job, slot, tests, whole) for slot in slots]
    lost = Counter(test.text for tests_of in failing for test in tests_of)
    counted = [Clause(test.kind, test.text, len(slots) - lost[test.text]) for test in tests]
    if lost[whole.text]:
        counted.append(Clause(whole.kind, whole.text, len(slots) - lost[whole.text]))
    fit = sum(not tests_of for tests_of in failing)
    free = sum(slot.unclaimed and bool(job.symmetricMatch(slot.now)) for slot in slots)
    change, changed = ((), 0) if fit or not slots else _change(slots, failing)
    ordered = tuple(sorted(counted, key=lambda clause: (clause.kind == START, clause.slots)))
    return Match(len(slots), ordered, fit, min(fit, free), change, changed)


def largest(job: "ClassAd", slots: Iterable[Slot]) -> dict[str, int]:
    """Return memory and disk, in MB, of the slots that fulfil the rest of a request.

    Of ``memory`` and ``disk`` each is that of the slot that has most of it and enough of the other.
    """
    tests = [*_amounts(job), *_gpu_tests(job), *_requirements(job)]
    rooms: dict[str, list[float]] = {"memory": [], "disk": []}
    for slot in slots:
        lacking = {test.kind for test in tests if not test.holds(slot)}
        for kind, _, name, _, size in _AMOUNTS:
            if kind in rooms and lacking <= {kind}:
                rooms[kind].append(_offered(slot, name, size))
    return {kind: int(max(offered)) for kind, offered in rooms.items() if offered}


def _failing(job: "ClassAd", slot: Slot, tests: Iterable[_Test], whole: _Test) -> tuple[_Test, ...]:
    failing = tuple(test for test in tests if not test.holds(slot))
    return failing if failing or job.symmetricMatch(slot.empty) else (whole,)


def _change(
    slots: Sequence[Slot], failing: Sequence[tuple[_Test, ...]]
) -> tuple[tuple[str, ...], int]:
    """Return the changes that suit the slots which lack least.

    Preferred are changes that a user can make, few clauses and many slots.
    """
    found: dict[tuple[str, ...], list[Slot]] = {}
    tests = {}
    for slot, lacking in zip(slots, failing, strict=True):
        texts = tuple(test.text for test in lacking)
        found.setdefault(texts, []).append(slot)
        tests[texts] = lacking
    least = min(found, key=lambda texts: (*_cost(tests[texts]), -len(found[texts])))
    near, lines = found[least], []
    for test in tests[least]:
        line, near = test.advise(near)
        lines.append(line)
    return tuple(lines), len(near)


def _cost(lacking: Iterable[_Test]) -> tuple[bool, int, int]:
    kinds = [test.kind for test in lacking]
    return START in kinds, len(kinds), max(_EASE.get(kind, len(_EASE)) for kind in kinds)


def _amounts(job: "ClassAd") -> list[_Test]:
    tests = []
    for kind, attribute, name, unit, size in _AMOUNTS:
        asked = job.eval(attribute) if attribute in job else None
        if not isinstance(asked, int | float) or isinstance(asked, bool) or asked <= 0:
            continue
        wanted = asked / size
        offered = partial(_offered, name=name, size=size)
        tests.append(
            _Test(
                kind,
                f"request_{kind} = {_number(wanted)}{unit}",
                partial(_enough, offered=offered, wanted=wanted),
                partial(_ask_less, what=f"request_{kind}", offered=offered, unit=unit),
            )
        )
    return tests


def _offered(slot: Slot, name: str, size: int) -> float:
    value = slot.empty.get(name)
    return value / size if isinstance(value, int | float) else 0.0


def _enough(slot: Slot, offered: Callable[[Slot], float], wanted: float) -> bool:
    return offered(slot) >= wanted


def _ask_less(
    slots: list[Slot], what: str, offered: Callable[[Slot], float], unit: str
) -> tuple[str, list[Slot]]:
    most = max(offered(slot) for slot in slots)
    if what == "request_gpus" and most == 0:
        return "request_gpus: none of these slots has a GPU; do without", slots
    kept = [slot for slot in slots if offered(slot) >= most]
    return f"{what}: ask for at most {_number(most, down=True)}{unit}", kept


def _gpu_tests(job: "ClassAd") -> list[_Test]:
    if "RequireGPUs" not in job:
        return []
    count = job.eval("RequestGPUs") if "RequestGPUs" in job else 1
    tests = []
    for clause in clauses(str(job.lookup("RequireGPUs"))):
        text = readable(_with_values(clause, job))
        found = _COMPARISON.fullmatch(text)
        name = found[1] if found else ""
        offered = partial(_gpu_offered, name=name, count=count)
        ask = partial(_ask_less, what=f"GPUs' {name}", offered=offered, unit="")
        advise = (
            ask
            if found and found[2] in {">", ">="}
            else partial(_leave_out, text=text, values=partial(_gpu_values, name=name))
        )
        tests.append(
            _Test(
                _GPU_KINDS.get(name, "gpu"),
                f"each GPU: {text}",
                partial(_gpus_hold, clause=clause, job=job, count=count),
                advise,
            )
        )
    return tests


def _with_values(clause: str, job: "ClassAd") -> str:
    """Put the numbers that the job's ad gives names to in the names' places."""

    def value(found: re.Match[str]) -> str:
        number = job.get(found[0]) if found[0] in job else None
        numeric = isinstance(number, int | float) and not isinstance(number, bool)
        return _number(number) if numeric else found[0]

    return re.sub(r"\b[A-Za-z_]\w*\b", value, clause)


def _gpus_hold(slot: Slot, clause: str, job: "ClassAd", count: int) -> bool:
    import classad2

    expression = classad2.ExprTree(clause)
    return sum(expression.eval(gpu, job) is True for gpu in slot.gpus) >= count


def _gpu_values(slot: Slot, name: str) -> Iterable[Any]:
    return {str(gpu.get(name)) for gpu in slot.gpus if name in gpu}


def _gpu_offered(slot: Slot, name: str, count: int) -> float:
    """Return the value that as many GPUs as are wanted reach."""
    values = sorted(
        (float(gpu[name]) for gpu in slot.gpus if isinstance(gpu.get(name), int | float)),
        reverse=True,
    )
    return values[count - 1] if len(values) >= count else 0.0


def _requirements(job: "ClassAd") -> list[_Test]:
    parts = clauses(str(job.lookup("Requirements"))) if "Requirements" in job else []
    return [
        _Test(
            "requirements",
            readable(part),
            partial(_holds, clause=part, job=job),
            partial(_leave_out, text=readable(part), values=partial(_value, text=readable(part))),
        )
        for part in dict.fromkeys(parts)
        if not _AMOUNT.search(part)
    ]


def _holds(slot: Slot, clause: str, job: "ClassAd") -> bool:
    import classad2

    return classad2.ExprTree(clause).eval(job, slot.empty) is True


def _value(slot: Slot, text: str) -> Iterable[Any]:
    import classad2

    found = _COMPARISON.fullmatch(text)
    value = slot.empty.get(found[1]) if found else None
    if value is None or isinstance(value, classad2.Value):
        return ()
    return (f'"{value}"' if isinstance(value, str) else readable(str(value)),)


def _leave_out(
    slots: list[Slot], text: str, values: Callable[[Slot], Iterable[Any]]
) -> tuple[str, list[Slot]]:
    found = _COMPARISON.fullmatch(text)
    if plug_in := _PLUG_IN.fullmatch(text):
        methods = {str(slot.empty.get("HasFileTransferPluginMethods", "none")) for slot in slots}
        shown = "; ".join(sorted(methods)[:_SHOWN])
        return f"no transfer plug-in for {plug_in[1]}://; these slots have: {shown}", slots
    if not found:
        return f"leave out or correct: {text}", slots
    counts = Counter(value for slot in slots for value in values(slot))
    if counts:
        shown = ", ".join(f"{value} ({slots_text(n)})" for value, n in counts.most_common(_SHOWN))
        more = ", ..." if len(counts) > _SHOWN else ""
        return f"leave out or correct: {text}; {found[1]} is {shown}{more}", slots
    known = {name for slot in slots for name in slot.empty}
    close = get_close_matches(found[1], known, n=3)
    hint = f"; did you mean {' or '.join(close)}?" if close else ""
    return f"leave out or correct: {text}; these slots do not say {found[1]}{hint}", slots


def _starts(job: "ClassAd", slots: Iterable[Slot]) -> list[_Test]:
    parts = dict.fromkeys(part for slot in slots for part in slot.start)
    return [
        _Test(
            START,
            f"START of slots: {readable(part)}",
            partial(_starts_here, clause=part, job=job),
            partial(_start_advice, text=readable(part), missing=_missing(part, job)),
        )
        for part in parts
    ]


def _starts_here(slot: Slot, clause: str, job: "ClassAd") -> bool:
    import classad2

    return clause not in slot.start or classad2.ExprTree(clause).eval(slot.empty, job) is True


def _missing(clause: str, job: Mapping[str, object]) -> list[str]:
    """Return the job attributes that a slot's expression names and the job lacks."""
    names = re.findall(r"\bTARGET\.([A-Za-z_]\w*)", clause, re.IGNORECASE)
    return [name for name in dict.fromkeys(names) if name not in job]


def _start_advice(slots: list[Slot], text: str, missing: list[str]) -> tuple[str, list[Slot]]:
    if missing:
        wanted = ", ".join(f"+{name}" for name in missing)
        return f"these slots take only jobs with {text}; set the submit command {wanted}", slots
    return f"these slots take only jobs with {text}; ask the pool's administrator", slots


def _whole_advice(slots: list[Slot]) -> tuple[str, list[Slot]]:
    names = ", ".join(str(slot.now.get("Name")) for slot in slots[:_SHOWN])
    return (
        f"the Requirements of job and slot as a whole are not true; compare those of {names}",
        slots,
    )


def slots_text(count: int) -> str:
    """Return ``1 slot`` or ``2 slots``."""
    return f"{count} slot{'s' * (count != 1)}"


def _number(value: Any, *, down: bool = False) -> str:  # noqa: ANN401 - a number of an ad
    """Return a number with at most one decimal, rounded down where more would be too much."""
    if float(value).is_integer():
        return str(int(value))
    return str(int(value)) if down and value > 100 else f"{value:.1f}"
