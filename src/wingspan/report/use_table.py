"""The table of requests against use. Pure."""

from collections.abc import Sequence

from wingspan.report.amounts import megabytes
from wingspan.report.page import Block, Cell, Table
from wingspan.report.run_facts import RunFacts
from wingspan.runner.failure import request_mb
from wingspan.runner.layers import map_of
from wingspan.runner.usage import WASTE, Usage


def use_tables(facts: RunFacts) -> list[Block]:
    """Return request, use, and the request that would have fitted, by map and resource."""
    found: dict[tuple[str, str], list[Usage]] = {}
    for step in facts.steps:
        for one in step.usage:
            if (
                one.used is not None
                and (one.resource != "disk" or step.attempts)
                and not _unmeasured(one)
            ):
                found.setdefault((map_of(step.name), one.resource), []).append(one)
    rows = [_use_row(*key, of) for key, of in found.items()]
    if not rows:
        return []
    columns = [
        "step",
        "resource",
        "steps",
        "requested",
        "median used",
        "most used",
        "would have fitted",
        "fits",
    ]
    return [Table("requests", "By map", columns, rows, frozenset({2, 3, 4, 5, 6}))]


def _unmeasured(one: Usage) -> bool:
    """Return whether a process ended before its memory was looked at."""
    return one.resource == "memory" and (one.used or 0.0) < 1


def _use_row(name: str, resource: str, of: Sequence[Usage]) -> list[Cell]:
    used = sorted(one.used for one in of if one.used is not None)
    asked, median, most = max(one.asked for one in of), used[len(used) // 2], used[-1]
    cores = resource == "cpus"
    fitting = float(max(round(1.25 * most), 1) if cores else request_mb(most))
    over = any(one.over for one in of) or (most > asked and not cores)
    show = _cores if cores else megabytes
    stated = any(one.stated for one in of)
    return [
        name,
        resource,
        (f"{len(of):,}", len(of)),
        (show(asked) if stated else f"{show(asked)} (default)", asked),
        (show(median), median),
        (show(most), most),
        (show(fitting), fitting),
        "too small" if over else _fits(asked, most, fitting, stated=stated),
    ]


def _fits(asked: float, most: float, fitting: float, *, stated: bool) -> str:
    """Return by how much a request is above what would have fitted; ``yes`` if that is little.

    >>> _fits(2_000, 90, 128, stated=True), _fits(128, 20, 64, stated=True)
    ('16x too large', 'yes')
    """
    if asked <= max(WASTE * most, 2 * fitting):
        return "yes"
    ratio = f"{asked / fitting:,.0f}x"
    return f"{ratio} too large" if stated else f"not stated, {ratio}"


def _cores(value: float) -> str:
    return f"{value:,.2f}" if value < 10 and value != int(value) else f"{value:,.0f}"
