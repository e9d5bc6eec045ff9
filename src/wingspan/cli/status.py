"""``wingspan status``: where the steps of a run are, where each of their jobs waited and ran, use against request."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wingspan.cli.progress import job_now
from wingspan.cli.runs import AsJson, HomeOption, RunId

if TYPE_CHECKING:
    from wingspan.runner.htcondor.attempts import Attempt
    from wingspan.runner.runner import StepEvent
    from wingspan.runner.usage import Usage
    from wingspan.workflow import Run

_HINTS = 10  # at most so many are printed


def status(
    run_id: RunId = "last",
    svg: Annotated[
        Path | None, typer.Option(help="Also write a picture of the steps to this file.")
    ] = None,
    home: HomeOption = None,
    as_json: AsJson = False,
) -> None:
    """Show the steps of a run: state, times, attempts, use."""
    from wingspan.files import write_atomically
    from wingspan.workflow import open_run

    run = open_run(run_id, home=home)
    if svg is not None:
        write_atomically(svg, run.picture())
    seen, attempts = run.look(), run.attempts
    events, state = seen
    usage = seen.usage(run.steps, attempts)
    if as_json:
        rows = {
            name: _facts(event, attempts.get(name, []), usage.get(name, []))
            for name, event in events.items()
        }
        print(json.dumps({"run": run.run_id, "state": state, "steps": rows}, indent=2))
        return
    print(f"run {run.run_id}: {state}")
    for line in _lines(events, attempts, usage):
        print(f"  {line}".rstrip())
    for line in _notes(run, events, usage):
        print(line)


def _facts(event: "StepEvent", attempts: "list[Attempt]", usage: "list[Usage]") -> dict[str, Any]:
    """Return all that is known of a step, for a program."""
    return {
        "state": event.state,
        "wall_s": event.wall_s,
        "memory_mb": event.peak_memory_mb,
        "cpu_s": event.cpu_s,
        "problem": event.problem,
        "fix": event.fix,
        "attempts": [asdict(one) for one in attempts],
        "usage": {one.resource: {"used": one.used, "asked": one.asked} for one in usage},
        "hints": [hint for one in usage if (hint := one.hint())],
    }


def _lines(
    events: "Mapping[str, StepEvent]",
    attempts: "Mapping[str, list[Attempt]]",
    usage: "Mapping[str, list[Usage]]",
) -> list[str]:
    """Return the table: a line a step; the columns of a pool only where there was one."""
    rows = []
    for name, event in events.items():
        cells = [name, event.state, f"{event.wall_s:.2f} s" if event.wall_s else ""]
        if attempts:
            cells += _pool_cells(attempts.get(name, []), usage.get(name, []))
        else:
            cells += [f"{event.peak_memory_mb:,.0f} MB" if event.wall_s else ""]
        last = attempts[name][-1] if name in attempts else None
        rows.append([*cells, event.problem or (job_now(last) if last else "")])
    if attempts:
        heads = ["step", "state", "time", "tries", "queued", "in", "job", "out", "memory", "disk"]
        rows.insert(0, [*heads, ""])
    return _columns(rows)


def _pool_cells(attempts: "list[Attempt]", usage: "list[Usage]") -> list[str]:
    """Return the number of attempts, times over all of them, and the use of the request in MB."""
    names = ("queued_s", "input_s", "run_s", "output_s")
    times = [sum(getattr(one, name) for one in attempts) for name in names]
    shown = [f"{seconds:,.0f} s" if attempts else "" for seconds in times]
    used = {
        one.resource: f"{one.used:,.0f}/{one.asked:,.0f} MB"
        for one in usage
        if one.used is not None
    }
    return [
        str(len(attempts) or ""), *shown, used.get("memory", ""), used.get("disk", ""),
    ]  # fmt: skip


def _columns(rows: list[list[str]]) -> list[str]:
    """Return lines with the columns below one another: words to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if place in {0, 1, len(row) - 1} else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            if width
        ]
        lines.append("  ".join(cells))
    return lines


def _notes(
    run: "Run", events: "Mapping[str, StepEvent]", usage: "Mapping[str, list[Usage]]"
) -> list[str]:
    """Return what to do: fixes of what went wrong, requests that do not fit, a disk that is nearly full."""
    fixes = {event.problem: event.fix for event in events.values() if event.problem and event.fix}
    lines = [f"  -> {fix}" for fix in dict.fromkeys(fixes.values())]
    hints = [f"{name}: {hint}" for name, of in usage.items() for one in of if (hint := one.hint())]
    if hints:
        lines += [
            "requests that do not fit (ws.Resources):",
            *(f"  {one}" for one in hints[:_HINTS]),
        ]
        lines += [f"  and {len(hints) - _HINTS} more: --json"] if len(hints) > _HINTS else []
    return [*lines, *_disk(run)]


def _disk(run: "Run") -> list[str]:
    """Say that the disk of the run's folder is full: events and results are then waited for in vain."""
    import shutil

    free = shutil.disk_usage(run.folder.root).free
    if free >= 1 << 20:
        return []
    return [f"the disk of {run.folder.root} is full: free some space, then `wingspan resume`"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(status)
