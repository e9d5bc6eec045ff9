"""``wingspan status``: the steps of a run, where their jobs waited and ran, use and request."""

import shutil
import textwrap
import time
from collections.abc import Mapping
from dataclasses import asdict
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wingspan.cli.job_text import job_now, lane_lines
from wingspan.cli.json_output import print_json
from wingspan.cli.options import AsJson, HomeOption
from wingspan.cli.paper import label
from wingspan.cli.progress import metrics_now, values_json
from wingspan.cli.runs import RunId, check_file
from wingspan.runner.advice import hint_in_terms_of, states_requests
from wingspan.shown import brief, shown

if TYPE_CHECKING:
    from wingspan.eventlog.attempt import Attempt
    from wingspan.runner.events import StepEvent
    from wingspan.runner.run import Run
    from wingspan.runner.usage import Usage
    from wingspan.runner.watch import Look

_BRIEF = 30  # characters of a note for which columns give way, such as a host's name
_PROBLEM = 400  # characters shown of what went wrong
_HINTS = 10  # most hints that are printed


def status(
    run_id: RunId = "last",
    svg: Annotated[
        Path | None, typer.Option(help="SVG file to write a picture of the steps to.")
    ] = None,
    home: HomeOption = None,
    as_json: AsJson = False,
) -> None:
    """Show the steps of a run: state, times, attempts, use."""
    from wingspan.files import write_atomically
    from wingspan.runner.metrics import last_values
    from wingspan.runner.runs import open_run

    run = open_run(run_id, home=home).collect()
    if svg is not None:
        check_file("--svg", svg)
        write_atomically(svg, run.picture())
    seen, attempts = run.look(), run.attempts
    events, state = seen
    logged = last_values(events.values(), run.trail)
    usage = seen.usage(run.steps, attempts)
    if as_json:
        rows = {
            name: _facts(event, attempts.get(name, []), usage.get(name, []))
            | {"metrics": values_json(logged.get(name, {}))}
            for name, event in events.items()
        }
        trials = {
            name: [asdict(one) for one in of] for name, of in attempts.items() if name not in events
        }
        whole = {"run": run.run_id, "state": state, "steps": rows, "trials": trials}
        print_json(whole | {"notice": run.trail.notice()})
        return
    print(f"run {run.run_id}: {state}")
    width = shutil.get_terminal_size((80, 24)).columns
    said = {step: metrics_now(values) for step, values in logged.items()}
    for line in _lines(seen, attempts, usage, width - 2, said):
        print(f"  {line}")
    for line in lane_lines(run, attempts):
        print("\n".join(_wrapped(line, "  ", width)))
    for note in filter(None, [*_notes(run, events, usage), run.trail.channel()]):
        print("\n".join(_wrapped(note, "", width)))
    if notice := run.trail.notice():
        print(notice)


def _facts(event: "StepEvent", attempts: "list[Attempt]", usage: "list[Usage]") -> dict[str, Any]:
    """Return all facts of a step for a program."""
    return {
        "state": event.state,
        "wall_s": event.wall_s,
        "memory_mb": event.peak_memory_mb,
        "cpu_s": event.cpu_s,
        "problem": event.problem,
        "fix": event.fix,
        "note": event.note,
        "adopted": event.adopted,
        "attempts": [asdict(one) for one in attempts],
        "usage": {one.resource: {"used": one.used, "asked": one.asked} for one in usage},
        "hints": [hint for one in usage if (hint := one.hint())],
    }


def _lines(
    look: "Look",
    attempts: "Mapping[str, list[Attempt]]",
    usage: "Mapping[str, list[Usage]]",
    width: int,
    logged: Mapping[str, str] | None = None,
) -> list[str]:
    """Return the table with a line per step; a pool's columns only if the run used one.

    Parameters
    ----------
    logged
        The newest metrics of running steps.
    """
    from wingspan.runner.alike import pointers

    rows, notes = [], []
    now = time.time() if look.state == "running" else None
    same = pointers(look.events.values())
    for name, event in look.events.items():
        cells = [label(name), event.state, f"{event.wall_s:.2f} s" if event.wall_s else ""]
        tried = attempts.get(name, [])
        if attempts:
            cells += _pool_cells(tried, usage.get(name, []), now)
        else:
            cells += [f"{event.peak_memory_mb:,.0f} MB" if event.wall_s else ""]
        rows.append(cells)
        note = f"as {label(same[name])}" if name in same else _note(event, tried)
        notes.append(", ".join(filter(None, [note, (logged or {}).get(name, "")])))
    if attempts:
        heads = ["step", "state", "time", "memory", "tries", "queued", "job", "in", "out", "disk"]
        rows.insert(0, heads)
        notes.insert(0, "")
    return _columns(rows, notes, width)


def _note(event: "StepEvent", tried: "list[Attempt]") -> str:
    """Return a step's problem and its machine, else what its job does."""
    problem = brief(shown(event.problem), _PROBLEM)
    if problem and event.state == "failed" and tried and tried[-1].host:
        return f"{problem} (on {tried[-1].host})"
    return problem or event.note or (_doing(event, tried[-1]) if tried else "")


def _doing(event: "StepEvent", last: "Attempt") -> str:
    """Return what a step's job does now; for an ended step, where it ran.

    Other steps of the same job may still run.
    """
    from wingspan.runner.events import ENDED

    return last.host if event.state in ENDED else job_now(last)


def _pool_cells(attempts: "list[Attempt]", usage: "list[Usage]", now: float | None) -> list[str]:
    """Return the use of the request in MB, the number of attempts, and their times in all.

    Parameters
    ----------
    now
        The present time if the run goes on: its last attempt lasts until then.
    """
    from wingspan.eventlog.attempt import spent

    used = {
        one.resource: f"{one.used:,.0f}/{one.asked:,.0f} MB"
        for one in usage
        if one.used is not None
    }
    times = dict.fromkeys(("queued_s", "run_s", "input_s", "output_s"), 0.0)
    for one in attempts:
        for name, seconds in spent(one, now).items():
            times[name] += seconds
    shown = [f"{seconds:,.0f} s" if attempts else "" for seconds in times.values()]
    return [used.get("memory", ""), str(len(attempts) or ""), *shown, used.get("disk", "")]


def _columns(rows: list[list[str]], notes: list[str], width: int) -> list[str]:
    """Return lines with aligned columns, words to the left and numbers to the right.

    Columns that do not fit are left out from the end. A note that does not fit follows below its line.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)] if rows else []
    ends = list(accumulate(size + 2 for size in widths))
    kept = max((len(note) + 2 for note in notes if len(note) <= _BRIEF), default=2)
    shown = max(sum(end - 2 + kept <= width for end in ends), 4)
    lines = []
    for row, note in zip(rows, notes, strict=True):
        cells = [
            cell.ljust(size) if place < 2 else cell.rjust(size)
            for place, (cell, size) in enumerate(zip(row[:shown], widths, strict=False))
            if size
        ]
        line = "  ".join(cells)
        if len(line) + 2 + len(note) <= width:
            lines.append(f"{line}  {note}".rstrip())
        else:
            lines += [line.rstrip(), *_wrapped(note, "    ", width)]
    heads = zip(rows[0][shown:], widths[shown:], strict=True) if rows else ()
    left_out = ", ".join(head for head, size in heads if size)
    return lines + (_wrapped(f"columns left out: {left_out}", "", width) if left_out else [])


def _wrapped(text: str, indent: str, width: int) -> list[str]:
    """Return a text in lines of a width; a longer word stays whole."""
    begin = text[: len(text) - len(text.lstrip(" ->"))]
    return textwrap.wrap(
        text[len(begin) :],
        width,
        initial_indent=indent + begin,
        subsequent_indent=indent + " " * len(begin),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _notes(
    run: "Run", events: "Mapping[str, StepEvent]", usage: "Mapping[str, list[Usage]]"
) -> list[str]:
    """Return what to do: fixes of errors, requests that do not fit, a disk that is nearly full."""
    from wingspan.runner.alike import names_of

    steps: dict[str, list[StepEvent]] = {}
    for event in events.values():
        if event.problem and event.fix:
            steps.setdefault(event.fix, []).append(event)
    lines = [f"  -> {names_of(of)}: {fix}" for fix, of in steps.items()]
    command = str(run.origin.get("command", ""))
    hints = [
        f"{label(name)}: {hint_in_terms_of(command, hint)}"
        for name, of in usage.items()
        for one in of
        if (hint := one.hint())
    ]
    if hints:
        lines += [
            f"requests that do not fit{'' if states_requests(command) else ' (ws.Resources)'}:",
            *(f"  {one}" for one in hints[:_HINTS]),
        ]
        lines += [f"  and {len(hints) - _HINTS} more: --json"] if len(hints) > _HINTS else []
    return [*lines, *_disk(run)]


def _disk(run: "Run") -> list[str]:
    """Report a full disk of the run's folder: no event or result can arrive there."""
    free = shutil.disk_usage(run.folder.root).free
    if free >= 1 << 20:
        return []
    return [f"the disk of {run.folder.root} is full: free some space, then `wingspan resume`"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(status)
