"""Print what ``wingspan events summary`` finds, and the times of the other commands on logs."""

from datetime import datetime
from typing import TYPE_CHECKING

from wingspan.cli.paper import amount, print_table, wrap
from wingspan.shown import counted, listed

if TYPE_CHECKING:
    from wingspan.eventlog.summary import Summary
    from wingspan.eventlog.toll import Toll

_UNITS = {"Memory": "memory, MB", "Disk": "disk, KB", "Cpus": "CPUs"}


def print_summary(found: "Summary", rows: int) -> None:
    """Print a summary of logs, with `rows` lines of each table."""
    _print_head(found, rows)
    _print_holds(found, rows)
    _print_rest(found, rows)


def _print_head(found: "Summary", rows: int) -> None:
    from wingspan.eventlog.summary import SAMPLE

    counts = counted(found.events, "event"), counted(found.jobs, "job")
    print(f"{counts[0]} of {counts[1]} in {counted(found.files, 'file')}")
    if found.repeated:
        print(f"{counted(found.repeated, 'event')} of several of these logs counted once")
    names = [*found.access_points[:rows]]
    more = len(found.access_points) - len(names)
    names += [f"{more:,} more"] if more else []
    names += [f"{found.unnamed:,} that no submit event names"] if found.unnamed else []
    print(wrap(f"access points: {', '.join(names) or 'none'}", "  "))
    if found.first is not None and found.last is not None:
        print(f"from {stamp(found.first)} to {stamp(found.last)}")
    if found.yearless:
        print(
            wrap(
                f"years are guessed: the stamps of {counted(found.yearless, 'file')} have none",
                "  ",
            )
        )
    if found.damaged or found.torn_tails:
        parts = counted(found.damaged, "damaged part"), counted(found.torn_tails, "unfinished end")
        print(f"{', '.join(parts)}: skipped")
    for one in found.damage:
        length = counted(one.length, "byte")
        print(wrap(f"  {one.path}, byte {one.offset:,}, {length}: {one.why}", "    "))
    if found.unknown:
        numbers = listed(f"{number:03}" for number in found.unknown)
        print(
            wrap(f"events that this version does not know, and does not interpret: {numbers}", "  ")
        )
    states = ", ".join(f"{count:,} {name}" for name, count in found.by_state.items() if count)
    print(wrap(f"jobs now: {states or 'none'}", "  "))
    total_s = found.good_s + found.bad_s
    share = f" ({found.bad_s / total_s:.0%})" if total_s else ""
    print(f"wall time: {_hours(found.good_s)} good, {_hours(found.bad_s)} bad{share}")
    if found.own_runs:
        own = f"{_hours(found.own_s)} in {counted(found.own_runs, 'run')}"
        print(wrap(f"on the access points themselves (DAGMan), not counted above: {own}", "  "))
    if found.sampled:
        sampled = f"{', '.join(found.sampled)}: from {SAMPLE:,} events of each, spread evenly"
        print(wrap(f"{sampled}; counts are scaled (those of hold codes are exact)", "  "))


def _print_holds(found: "Summary", rows: int) -> None:
    if not found.holds:
        return
    print(f"\nholds: {sum(group.holds for group in found.holds):,}")
    form = "{:<10}{:>8}{:>8}{:>8}{:>10}{:>9}{:>10}"
    print(form.format("code", "holds", "jobs", "bursts", "released", "removed", "median"))
    for group in found.holds[:rows]:
        counts = [f"{each:,}" for each in (group.holds, group.jobs, group.bursts)]
        shares = [f"{each:.0%}" for each in (group.released, group.removed)]
        code = f"{group.code}/{group.subcode}"
        print(form.format(code, *counts, *shares, span(group.median_s)))
        print(wrap(f"  {group.cause} ({group.origin})", "  "))
        print(wrap(f"  reason: {group.template or '-'}", "    "))


def _print_rest(found: "Summary", rows: int) -> None:
    print_table(
        "request against use",
        [
            {
                "resource": _UNITS.get(each.resource, each.resource),
                "jobs": f"{each.jobs:,}",
                "requested (median)": amount(each.median_request),
                "used (median)": amount(each.median_use),
                "over request": f"{each.over:.0%}",
                "under half": f"{each.under_half:.0%}",
            }
            for each in found.requests
        ],
    )
    slow = [
        {"job": each.job, "direction": each.direction, "took": span(each.seconds)}
        for each in found.transfers[:rows]
        if each.seconds
    ]
    print_table("slowest transfers", slow)
    lost = [
        {"runs that": each.how, "runs": f"{each.runs:,}", "lost": _hours(each.seconds)}
        for each in found.losses
    ]
    print_table("wall time without success", lost)
    if found.disconnects:
        print(f"disconnects: {found.disconnects:,}")
    parts = {"hosts": found.hosts, "sites": found.sites, "users": found.users}
    for name, each in parts.items():
        if each:
            title = f"{name}, the worst of {len(each):,} first"
            print_table(title, [_toll_cells(name, one) for one in each[:rows]])


def _toll_cells(name: str, toll: "Toll") -> dict[str, str]:
    return {
        name.removesuffix("s"): toll.name,
        "runs": f"{toll.runs:,}",
        "bad": f"{toll.bad:.1%}",
        "held": f"{toll.holds:,}",
        "evicted": f"{toll.evictions:,}",
        "failed": f"{toll.failures:,}",
        "good time": _hours(toll.good_s),
        "bad time": _hours(toll.bad_s),
    }


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:,.1f} h"


def stamp(seconds: float) -> str:
    """Return a time of the log as a stamp in the local zone."""
    return datetime.fromtimestamp(float(seconds)).astimezone().isoformat(" ", "seconds")


def span(seconds: float | None) -> str:
    """Return a length of time in its unit; a dash if it is unknown."""
    if seconds is None:
        return "-"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
