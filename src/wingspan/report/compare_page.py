"""Lay out the comparison of two runs as a page. Pure."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from wingspan.report.amounts import megabytes, number, seconds, stamp
from wingspan.report.compare import Difference, Effect, differences, effects
from wingspan.report.page import Block, Callout, Cell, Page, Section, Table
from wingspan.report.run_facts import RunFacts
from wingspan.shown import brief, counted

_LONGEST = 200  # characters of a value
_NAMED = 4  # steps that are named
_SHOW: Final[Mapping[str, Callable[[float], str]]] = {
    "metric": number,
    "time": seconds,
    "memory": megabytes,
}


def compare_page(one: RunFacts, other: RunFacts) -> Page:
    """Return the page of two runs, the first of which is the older."""
    found, did = differences(one, other), effects(one, other)
    made = [
        Section("differences", "What differed", _differences(found)),
        Section("metrics", "What it did to results", _effects("metric", did)),
        Section(
            "times",
            "What it did to time and memory",
            _effects("time", did) + _effects("memory", did),
        ),
        Section("states", "Steps", [_states(one, other)]),
    ]
    return Page(
        f"{one.run_id} and {other.run_id}",
        "",
        [f"{each.pipeline}: {each.state}, started {stamp(each.created)}" for each in (one, other)],
        [_lead(found, did)],
        [section for section in made if section.blocks],
    )


def _lead(found: Sequence[Difference], did: Sequence[Effect]) -> Callout:
    kinds = Counter(each.kind for each in found)
    if not found:
        return Callout(
            "note",
            "The runs are made of the same things",
            ["Code, parameters, data and packages are equal."],
        )
    title = ", ".join(counted(count, kind) for kind, count in kinds.items())
    lines = [line_of(each) for each in found[:5]]
    changed = [each for each in did if each.kind == "metric" and each.change is not None]
    changed.sort(key=lambda each: -abs((each.change or 0.0) / (each.before or 1.0)))
    lines += [
        f"{each.step}: {each.name} {amount('metric', each.before)} → {amount('metric', each.after)}"
        for each in changed[:5]
    ]
    return Callout("note", f"What differed: {title}", lines)


def line_of(each: Difference) -> str:
    """Return a difference as one line of text."""
    was, now = (brief(text, 60) or "absent" for text in (each.before, each.after))
    return f"{each.kind} {each.name}: {was} → {now}{_where(each.steps)}"


def _where(steps: Sequence[str]) -> str:
    if not steps:
        return ""
    named = ", ".join(steps[:_NAMED])
    more = len(steps) - _NAMED
    return f" ({named}{f' and {more} more' if more > 0 else ''})"


def _differences(found: Sequence[Difference]) -> list[Block]:
    rows: list[list[Cell]] = [
        [
            each.kind,
            each.name,
            brief(each.before, _LONGEST),
            brief(each.after, _LONGEST),
            _where(each.steps).strip(" ()") or "the run",
        ]
        for each in found
    ]
    columns = ["kind", "name", "before", "after", "steps"]
    return [Table("differences-all", "What is not the same in both", columns, rows)] if rows else []


def _effects(kind: str, did: Sequence[Effect]) -> list[Block]:
    chosen = [each for each in did if each.kind == kind]
    if not chosen:
        return []
    rows: list[list[Cell]] = [
        [
            each.step,
            each.name,
            _cell(amount(kind, each.before), each.before),
            _cell(amount(kind, each.after), each.after),
            _cell(signed(kind, each.change), each.change),
        ]
        for each in chosen
    ]
    caption = {"metric": "Metrics that differ", "time": "Time by map", "memory": "Memory by map"}
    columns = ["step", "what", "before", "after", "change"]
    return [Table(f"effects-{kind}", caption[kind], columns, rows, frozenset({2, 3, 4}))]


def _cell(text: str, value: float | None) -> Cell:
    return text if value is None else (text, value)


def signed(kind: str, change: float | None) -> str:
    """Return a change of a number of some kind, with its sign."""
    if change is None:
        return ""
    return f"{'-' if change < 0 else '+'}{_SHOW[kind](abs(change))}"


def amount(kind: str, value: float | None) -> str:
    """Return a number of some kind as text, also where a run does not have it."""
    if value is None:
        return "none" if kind == "metric" else "not run"
    return _SHOW[kind](value)


def _states(one: RunFacts, other: RunFacts) -> Table:
    before = {step.name: step.event.state for step in one.steps}
    after = {step.name: step.event.state for step in other.steps}
    names = dict.fromkeys([*before, *after])
    rows: list[list[Cell]] = [
        [name, before.get(name, "absent"), after.get(name, "absent")] for name in names
    ]
    rows.sort(key=lambda row: row[1] == row[2])
    return Table("states-all", "State before and after", ["step", "before", "after"], rows)
