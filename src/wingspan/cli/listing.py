"""``wingspan runs``: every run, with its parameters, its start, how long it took and how it ended."""

import json
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wingspan.cli.options import AsJson, HomeOption
from wingspan.cli.paper import counted, wrap
from wingspan.cli.why import duration
from wingspan.errors import NotFoundError, near
from wingspan.shown import shown_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wingspan.runner.run import Run

Only = Annotated[
    str | None, typer.Option("--pipeline", metavar="NAME", help="Only the runs of this pipeline.")
]


def runs(home: HomeOption = None, pipeline: Only = None, as_json: AsJson = False) -> None:
    """List the runs, newest first: state, time, start, parameters."""
    from wingspan.runner.runs import runs as all_runs

    found = all_runs(pipeline, home=home)
    if pipeline is not None and not found and not as_json:
        raise _no_pipeline(pipeline, (run.pipeline for run in all_runs(home=home)))
    rows = [_facts(run) for run in found]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    for line in _lines(rows):
        print(line)


def _no_pipeline(name: str, known: "Iterable[str]") -> NotFoundError:
    problem = "there is no run of this pipeline"
    return NotFoundError(f"--pipeline {name}", problem, near(name, dict.fromkeys(known)))


def _facts(run: "Run") -> dict[str, Any]:
    """Return what is told of a run, JSON-able."""
    look = run.look()
    times = [event.time for event in look.events.values() if event.time]
    header = run.folder.header
    ended = time.time() if look.state == "running" else max(times, default=None)
    took = None if ended is None else max(0.0, round(ended - header["created"], 3))
    return {
        "run": run.run_id,
        "pipeline": run.pipeline,
        "state": look.state,
        "done": sum(event.state == "done" for event in look.events.values()),
        "steps": len(look.events),
        "started": run.folder.started,
        "duration_s": took,
        "on": run.folder.on,
        "parameters": run.origin.get("parameters", {}),
        "failed": [name for name, event in look.events.items() if event.state == "failed"],
    }


def _lines(rows: list[dict[str, Any]]) -> list[str]:
    width = max((len(row["run"]) for row in rows), default=0)
    lines = []
    for row in rows:
        steps = f"{row['done']}/{counted(row['steps'], 'step')}"
        took = _took(row["duration_s"])
        head = f"{row['run']:{width}}  {row['state']:8}  {steps:10}  {took:>9}  {row['started']}"
        lines.append(head.rstrip())
        more = [f"{name}={shown_name(text)}" for name, text in row["parameters"].items()]
        if row["failed"]:
            more.append(f"failed: {', '.join(map(shown_name, row['failed'][:5]))}")
        if more:
            lines.append(wrap(f"    {'  '.join(more)}", "    "))
    return lines


def _took(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds:.1f} s" if seconds < 100 else duration(seconds)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(runs)
