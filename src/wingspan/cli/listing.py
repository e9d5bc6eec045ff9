"""``wingspan runs``: list runs with parameters, times and ends, and compare two of them."""

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wingspan.cli.json_output import print_json
from wingspan.cli.options import AsJson, HomeOption
from wingspan.cli.paper import columns, wrap
from wingspan.errors import FormatError, NotFoundError, near
from wingspan.shown import counted, duration, shown_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wingspan.report.compare import Difference, Effect
    from wingspan.runner.run import Run

_EFFECTS = 40  # lines of each kind

Only = Annotated[
    str | None, typer.Option("--pipeline", metavar="NAME", help="Only the runs of this pipeline.")
]


app = typer.Typer(rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def runs(
    context: typer.Context,
    home: HomeOption = None,
    pipeline: Only = None,
    as_json: AsJson = False,
) -> None:
    """List the runs, newest first: state, time, start, parameters."""
    from wingspan.runner.run_folder import find_home
    from wingspan.runner.runs import runs as all_runs

    if context.invoked_subcommand is not None:
        return
    found = all_runs(pipeline, home=home)
    if pipeline is not None and not found and not as_json:
        raise _no_pipeline(pipeline, (run.pipeline for run in all_runs(home=home)))
    rows = [_readable_facts(run) for run in found]
    if as_json:
        print_json(rows)
        return
    for line in _lines(rows):
        print(line)
    if not rows:
        print(f"there is no run in {find_home(home).runs} yet; start one: wingspan run FILE.py")


def _no_pipeline(name: str, known: "Iterable[str]") -> NotFoundError:
    problem = "there is no run of this pipeline"
    return NotFoundError(f"--pipeline {name}", problem, near(name, dict.fromkeys(known)))


def _readable_facts(run: "Run") -> dict[str, Any]:
    """Return the facts of a run; of a run of a newer Wingspan those that this version can read."""
    try:
        return _facts(run)
    except FormatError as error:
        print(f"{error.where}: {error.problem}\n  -> {error.fix}", file=sys.stderr)
        folder = run.folder
        known = {
            "run": run.run_id,
            "pipeline": run.pipeline,
            "state": "unreadable",
            "on": folder.on,
        }
        counts = {"done": 0, "steps": 0, "started": folder.started, "duration_s": None}
        return {**known, **counts, "parameters": run.origin.get("parameters", {}), "failed": []}


def _facts(run: "Run") -> dict[str, Any]:
    """Return the facts of a run as JSON's types."""
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
    """Return a line for each run, and what does not fit into it on lines below."""
    width = max((len(row["run"]) for row in rows), default=0)
    heads = []
    for row in rows:
        steps = f"{row['done']}/{counted(row['steps'], 'step')}"
        took = _took(row["duration_s"])
        heads.append(f"{row['run']:{width}}  {row['state']:8}  {steps:10}  {took:>9}")
    wide = any(
        len(head) + 2 + len(row["started"]) > columns()
        for head, row in zip(heads, rows, strict=True)
    )
    lines = []
    for head, row in zip(heads, rows, strict=True):
        lines.append((head if wide else f"{head}  {row['started']}").rstrip())
        more = [f"started {row['started']}"] if wide and row["started"] else []
        more += [f"{name}={shown_name(text)}" for name, text in row["parameters"].items()]
        if row["failed"]:
            more.append(f"failed: {', '.join(map(shown_name, row['failed'][:5]))}")
        if more:
            lines.append(wrap(f"    {'  '.join(more)}", "    "))
    return lines


def _took(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds:.1f} s" if seconds < 100 else duration(seconds)


@app.command()
def diff(
    one: Annotated[str, typer.Argument(metavar="RUN", help="Id of a run, or its start or end.")],
    other: Annotated[str, typer.Argument(metavar="RUN", help="The run to compare it with.")],
    home: HomeOption = None,
    as_json: AsJson = False,
) -> None:
    """Compare two runs: code, parameters, data, versions, results, times.

    `wingspan report RUN RUN` writes the same as a page.
    """
    from dataclasses import asdict

    from wingspan.report.compare import differences, effects
    from wingspan.report.run_facts import read_run
    from wingspan.runner.runs import open_run

    facts = [read_run(open_run(run, home=home).collect()) for run in (one, other)]
    facts.sort(key=lambda each: each.created)
    found, did = differences(*facts), effects(*facts)
    if as_json:
        pairs = {"before": facts[0].run_id, "after": facts[1].run_id}
        changes = [asdict(each) | {"change": each.change} for each in did]
        print_json(pairs | {"differences": list(map(asdict, found)), "effects": changes})
        return
    print(
        f"before: {facts[0].run_id}  {facts[0].state}\nafter:  {facts[1].run_id}  {facts[1].state}"
    )
    for line in _diff_lines(found, did):
        print(line)


def _diff_lines(found: "Sequence[Difference]", did: "Sequence[Effect]") -> "Iterator[str]":
    from wingspan.report.compare_page import amount, line_of, signed

    yield "" if found else "\ncode, parameters, data and packages are equal"
    for each in found:
        yield wrap(shown_name(line_of(each)), "    ")
    for kind, title in (("metric", "results"), ("time", "run time"), ("memory", "most memory")):
        rows = [each for each in did if each.kind == kind]
        if rows:
            yield f"\n{title}:"
        for effect in rows[:_EFFECTS]:
            name = f"{effect.step} {effect.name}" if kind == "metric" else effect.step
            was, now = amount(kind, effect.before), amount(kind, effect.after)
            change = signed(kind, effect.change)
            yield wrap(f"  {shown_name(name)}: {was} → {now}  {change}".rstrip(), "    ")
        if len(rows) > _EFFECTS:
            yield f"  and {len(rows) - _EFFECTS} more: --json"
