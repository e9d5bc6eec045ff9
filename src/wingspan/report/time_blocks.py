"""Lay out when the jobs of a run did what, and what that cost. Pure."""

from collections.abc import Sequence
from typing import Final

from wingspan.draw.lanes import Bar, Lane, lanes_svg, packed
from wingspan.draw.timeline import timeline_svg
from wingspan.report.amounts import hours, seconds, stamp
from wingspan.report.details import step_href
from wingspan.report.page import Block, Cell, Pairs, Picture, Table
from wingspan.report.run_facts import RunFacts
from wingspan.report.stretches import OFF_SLOT, Link, Stretch, path_of, spent
from wingspan.runner.htcondor.hold_policy import MEANINGS
from wingspan.shown import counted

_LANES: Final = 48
_BARS: Final = 4_000
_SHORTEST_S: Final = 0.005  # that is shown
_COUNTED: Final = ("queued", "transfer", "running", "held")
_TIMES: Final = 240  # at which jobs are counted


def time_blocks(facts: RunFacts) -> list[Block]:
    """Return the lanes, the critical path, and what the time was spent on."""
    stretches = facts.stretches
    if not stretches:
        return [Pairs(_spent_rows(facts))] if facts.cached_s else []
    links = path_of({step.name: step.needs for step in facts.steps}, stretches)
    lanes, left = _lanes(facts, {link.step for link in links})
    start, end = min(one.start for one in stretches), max(one.end for one in stretches)
    blocks: list[Block] = [Pairs(_spent_rows(facts))]
    if any(one.kind in OFF_SLOT for one in stretches):
        counts = timeline_svg(
            *_counts(stretches, start, end), title="Jobs", width=960, left=150, elapsed=True
        )
        blocks.append(Picture(counts, f"Jobs by what they did. Time since {stamp(start)}."))
    title = "Slots, by machine" if facts.queued else "Jobs at once"
    caption = f"Framed: the critical path. Time since {stamp(start)}."
    more = f" Left out: {counted(left, 'lane')}." if left else ""
    blocks.append(Picture(lanes_svg(lanes, title, (start, end)), f"{caption}{more}"))
    blocks.append(_path_table(links))
    return blocks


def _lanes(facts: RunFacts, critical: set[str]) -> tuple[list[Lane], int]:
    """Return a lane for each slot, the busiest of many, and how many are left out."""
    names = {step.name for step in facts.steps}
    by_place: dict[str, list[Stretch]] = {}
    on_slot = (one for one in facts.stretches if one.kind not in OFF_SLOT)
    for one in sorted(on_slot, key=lambda each: each.start):
        by_place.setdefault(one.place, []).append(one)
    lanes: list[tuple[str, list[Stretch]]] = []
    for place, of in by_place.items():
        rows: dict[int, list[Stretch]] = {}
        for row, one in zip(packed((each.start, each.end) for each in of), of, strict=True):
            rows.setdefault(row, []).append(one)
        lanes += [(f"{place or 'job'} {row + 1}", bars) for row, bars in rows.items()]
    busy = sorted(lanes, key=lambda lane: -sum(one.length for one in lane[1]))[:_LANES]
    kept = {name for name, _ in busy}
    made = [
        Lane(name, [_bar(one, names, critical) for one in bars[: _BARS // max(len(kept), 1)]])
        for name, bars in lanes
        if name in kept
    ]
    return made, len(lanes) - len(made)


def _bar(one: Stretch, names: set[str], critical: set[str]) -> Bar:
    outcome = MEANINGS.get(one.outcome, one.outcome)
    others = [step for step in one.steps if step != one.step]
    shared = f", with {counted(len(others), 'other step')} in its job" if others else ""
    title = f"{one.step}: {one.kind} for {seconds(one.length)}{f', {outcome}' if outcome else ''}{shared}"
    href = step_href(one.step) if one.step in names else ""
    return Bar(one.start, one.end, one.kind, title, href, one.step in critical)


def _counts(
    stretches: Sequence[Stretch], start: float, end: float
) -> tuple[list[float], dict[str, list[int]]]:
    """Return times, and how many jobs were queued, held and so on at each of them."""
    last = _TIMES - 1
    times = [start + (end - start) * k / last for k in range(_TIMES)]
    step = max((end - start) / last, 1e-9)
    counts = {kind: [0] * (_TIMES + 1) for kind in _COUNTED}
    for one in stretches:
        column = counts["running" if one.kind in {"failed", "lost"} else one.kind]
        first = int(max(-(-(one.start - start) // step), 0))
        column[min(first, _TIMES)] += 1
        column[min(int((one.end - start) // step) + 1, _TIMES)] -= 1
    summed = {}
    for kind, changes in counts.items():
        total, column = 0, []
        for change in changes[:_TIMES]:
            total += change
            column.append(total)
        if any(column):
            summed[kind] = column
    return times, summed


def _spent_rows(facts: RunFacts) -> list[tuple[str, str]]:
    pruned = sum(study.saved_s for study in facts.studies.values())
    sums = spent(facts.stretches, facts.cached_s, pruned)
    total = sums.good_s + sums.failed_s + sums.lost_s
    rows = [
        ("slot time spent", total, hours),
        ("of it for results", sums.good_s, hours),
        ("wasted by failures", sums.failed_s, hours),
        ("wasted by evictions and lost jobs", sums.lost_s, hours),
        ("saved by the store", sums.cached_s, hours),
        ("saved by pruning (estimate)", sums.pruned_s, hours),
        ("in the queue", sums.queued_s, seconds),
        ("held", sums.held_s, seconds),
    ]
    return [(name, shown(value)) for name, value, shown in rows if value >= _SHORTEST_S]


def _path_table(links: Sequence[Link]) -> Table:
    waited, ran = sum(link.waited_s for link in links), sum(link.ran_s for link in links)
    rows: list[list[Cell]] = [
        [link.step, (seconds(link.waited_s), link.waited_s), (seconds(link.ran_s), link.ran_s)]
        for link in links
    ]
    caption = f"Critical path: {seconds(waited + ran)}, of which {seconds(waited)} waiting"
    hrefs = [step_href(link.step) for link in links]
    return Table("path", caption, ["step", "waited", "ran"], rows, frozenset({1, 2}), hrefs)
