"""``wingspan events``: what job event logs tell."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wingspan.errors import SettingError

if TYPE_CHECKING:
    from wingspan.eventlog.events import Events
    from wingspan.eventlog.histories import JobHistories
    from wingspan.eventlog.summary import Summary

app = typer.Typer(
    help="Job event logs: summary, jobs, one job, Parquet, follow.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Files = Annotated[
    list[Path],
    typer.Argument(metavar="FILES...", help="Logs (also .gz, .zst), folders of them, or .parquet."),
]
Zone = Annotated[
    str | None, typer.Option(help="Zone of stamps without one [default: this machine's].")
]
Cpus = Annotated[int, typer.Option(min=1, help="Threads that read.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Rows = Annotated[int, typer.Option("--rows", min=1, help="Lines of each table.")]


@app.command()
def summary(
    files: Files,
    timezone: Zone = None,
    cpus: Cpus = 1,
    rows: Rows = 10,
    picture: Annotated[Path | None, typer.Option(help="SVG file for a timeline.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what the logs tell as a whole: jobs, holds, time, hosts.

    Holds by cause, wall time good and bad, requests against use, slow transfers.
    """
    from wingspan.eventlog.summary import summarise

    events = _read(files, timezone, cpus)
    found = summarise(events)
    if picture:
        _draw(events, picture)
    if as_json:
        print(json.dumps(asdict(found)))
        return
    _print_head(found)
    _print_holds(found, rows)
    _print_rest(found, rows)
    if picture:
        print(f"timeline: {picture}")


@app.command()
def jobs(
    files: Files,
    timezone: Zone = None,
    cpus: Cpus = 1,
    state: Annotated[str, typer.Option(help="Only jobs that are in this state now.")] = "",
    rows: Annotated[int, typer.Option("--rows", min=1, help="At most so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List jobs with their state, runs, holds and wall time."""
    from wingspan.eventlog.histories import State, group_by_job

    names = [each.name.lower() for each in State]
    if state and state.lower() not in names:
        raise SettingError("--state", f"no state is called {state!r}", f"one of {', '.join(names)}")
    history = group_by_job(_read(files, timezone, cpus))
    lines = [line for line in _job_lines(history) if state.lower() in {"", line["state"]}]
    if as_json:
        print(json.dumps(lines))
        return
    _table("", lines[:rows])
    if len(lines) > rows:
        print(f"{len(lines) - rows:,} more: --rows {len(lines)}")


@app.command()
def show(
    job: Annotated[str, typer.Argument(help="CLUSTER or CLUSTER.PROC")],
    files: Files,
    timezone: Zone = None,
    cpus: Cpus = 1,
    as_json: AsJson = False,
) -> None:
    """Show every event of one job, with what its body says."""
    from wingspan.eventlog.bodies import read_bodies
    from wingspan.eventlog.codes import event_name
    from wingspan.eventlog.histories import State, group_by_job

    cluster, _, proc = job.partition(".")
    if not cluster.isdecimal() or not (proc or "0").isdecimal():
        raise SettingError(job, "this is no job id", "give CLUSTER.PROC, for example 12.0")
    history = group_by_job(_read(files, timezone, cpus))
    lines = []
    for number in history.find(int(cluster), int(proc or 0)):
        chosen = history.rows(number)
        for row, body in zip(chosen.tolist(), read_bodies(history.events, chosen), strict=True):
            lines.append(
                {
                    "time": _stamp(history.events.time[row]),
                    "access point": history.events.access_points[history.events.access_point[row]],
                    "event": event_name(int(history.events.code[row])),
                    "state": State(int(history.state[row])).name.lower(),
                    "body": body,
                }
            )
    if as_json:
        print(json.dumps(lines, default=str))
        return
    _table(job, [{**line, "body": _text(line["body"])} for line in lines])


@app.command()
def convert(
    files: Files,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write.")],
    to: Annotated[str, typer.Option(help="Format: parquet.")] = "parquet",
    timezone: Zone = None,
    cpus: Cpus = 1,
) -> None:
    """Write the events' columns to a file for other programs."""
    from wingspan.eventlog.parquet import write_parquet

    if to != "parquet":
        raise SettingError("--to", f"no format is called {to!r}", "the format is parquet")
    events = _read(files, timezone, cpus)
    write_parquet(events, out)
    print(f"{out}: {len(events):,} events of {len(events.files):,} files")


@app.command()
def follow(
    log: Annotated[Path, typer.Argument(help="A log; its rotations are found beside it.")],
    state: Annotated[
        Path | None, typer.Option(help="File that keeps the position over restarts.")
    ] = None,
    parquet: Annotated[
        Path | None, typer.Option(help="Folder to append the events to, as Parquet.")
    ] = None,
    timezone: Zone = None,
    every: Annotated[float, typer.Option(min=0.05, help="Seconds between looks.")] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Look once, then end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print what is added to a log, each event once.

    Also when it rotates; gaps are told.
    """
    from wingspan.eventlog.parquet import append_parquet
    from wingspan.eventlog.rotation import News, load_position, read_new, save_position
    from wingspan.eventlog.rotation import follow as follow_log

    def work(news: News) -> None:
        for gap in news.gaps:
            length = "an unknown number of" if gap.length is None else f"{gap.length:,}"
            print(f"gap: {length} bytes are missing before {gap.path}: {gap.why}")
        if parquet:
            append_parquet(news.events, parquet)
        _print_events(news.events, as_json)

    if once:
        news = read_new(
            log, load_position(state) if state and state.exists() else None, timezone=timezone
        )
        work(news)
        if state:
            save_position(state, news.position)
        return
    for news in follow_log(log, state, timezone=timezone, every_s=every):
        work(news)


def _read(files: Iterable[Path], timezone: str | None, cpus: int) -> "Events":
    from wingspan.eventlog.parquet import join, read_parquet
    from wingspan.eventlog.read import read_events

    given = list(files)
    tables = [path for path in given if path.suffix == ".parquet"]
    logs = [each for path in given if path.suffix != ".parquet" for each in _logs_in(path)]
    if not tables:
        return read_events(logs, timezone=timezone, cpus=cpus)
    parts = [read_parquet(path) for path in tables]
    return join([*parts, read_events(logs, timezone=timezone, cpus=cpus)] if logs else parts)


def _logs_in(path: Path) -> list[Path]:
    """Return the files to read: of a folder those whose names say that they are logs."""
    if not path.is_dir():
        return [path]
    found = [each for each in path.rglob("*") if each.is_file() and _is_log_name(each.name)]
    if not found:
        fix = (
            "give the files themselves; in a folder, *.log and EventLog* (also .gz, .zst) are read"
        )
        raise SettingError(str(path), "no log is in this folder", fix)
    return sorted(found)


def _is_log_name(name: str) -> bool:
    bare = name.removesuffix(".gz").removesuffix(".zst")
    return bare.endswith(".log") or bare.startswith("EventLog")


def _job_lines(history: "JobHistories") -> list[dict[str, Any]]:
    import numpy as np

    from wingspan.eventlog.histories import State

    count = len(history)
    runs, holds = history.runs(), history.holds()
    lengths = np.nan_to_num(runs.end - runs.start)
    columns = {
        "runs": np.bincount(runs.job, minlength=count),
        "holds": np.bincount(holds.job, minlength=count),
        "good_s": np.bincount(runs.job, lengths * runs.good, minlength=count),
        "bad_s": np.bincount(runs.job, lengths * ~runs.good, minlength=count),
    }
    events = history.events
    return [
        {
            "job": history.name(job),
            "access point": events.access_points[events.access_point[history.starts[job]]],
            "state": State(int(history.state[history.starts[job + 1] - 1])).name.lower(),
            "submitted": _stamp(events.time[history.starts[job]]),
            "events": int(history.starts[job + 1] - history.starts[job]),
            **{name: round(float(values[job]), 3) for name, values in columns.items()},
        }
        for job in range(count)
    ]


def _draw(events: "Events", path: Path) -> None:
    import numpy as np

    from wingspan.draw.timeline import timeline_svg
    from wingspan.eventlog.histories import STATE_EVENTS, State, group_by_job
    from wingspan.files import write_atomically

    history = group_by_job(events.take(np.flatnonzero(np.isin(events.code, STATE_EVENTS))))
    seen = history.events.time
    times = np.linspace(seen.min(), seen.max(), 400) if len(seen) else np.empty(0)
    counts = history.count_states(times) if len(seen) else np.empty((len(State), 0), int)
    kinds = (State.RUNNING, State.SUSPENDED, State.HELD, State.IDLE)
    chosen = {kind.name.lower(): counts[kind].tolist() for kind in kinds if counts[kind].any()}
    write_atomically(path, timeline_svg(times.tolist(), chosen, title=f"{len(history):,} jobs"))


def _print_head(found: "Summary") -> None:
    print(f"{found.events:,} events of {found.jobs:,} jobs in {found.files:,} files", end="")
    print(f" of {', '.join(found.access_points)}" if found.access_points else "")
    if found.first is not None and found.last is not None:
        print(f"from {_stamp(found.first)} to {_stamp(found.last)}")
    if found.damaged or found.torn_tails:
        print(f"{found.damaged:,} damaged stretches, {found.torn_tails:,} unfinished ends: skipped")
    states = ", ".join(f"{count:,} {name}" for name, count in found.by_state.items() if count)
    print(f"jobs now: {states or 'none'}")
    whole = (found.good_s + found.bad_s) or 1
    print(
        f"wall time: {found.good_s / 3600:,.1f} h good, {found.bad_s / 3600:,.1f} h bad "
        f"({found.bad_s / whole:.0%})"
    )
    from wingspan.eventlog.summary import SAMPLE

    if found.sampled:
        print(
            f"{', '.join(found.sampled)}: from {SAMPLE:,} events of each, spread evenly; "
            "counts are scaled (those of hold codes are exact)"
        )


def _print_holds(found: "Summary", rows: int) -> None:
    lines = [
        {
            "code": f"{group.code}/{group.subcode}",
            "holds": f"{group.holds:,}",
            "jobs": f"{group.jobs:,}",
            "bursts": f"{group.bursts:,}",
            "released": f"{group.released:.0%}",
            "removed": f"{group.removed:.0%}",
            "median": _span(group.median_s),
            "cause": f"{group.cause} ({group.origin})",
            "reason": group.template,
        }
        for group in found.holds[:rows]
    ]
    _table(f"holds: {sum(group.holds for group in found.holds):,}", lines)


def _print_rest(found: "Summary", rows: int) -> None:
    _table(
        "request against use",
        [
            {
                "resource": each.resource,
                "jobs": f"{each.jobs:,}",
                "requested (median)": f"{each.median_request:,.6g}",
                "used (median)": f"{each.median_use:,.6g}",
                "over request": f"{each.over:.0%}",
                "under half": f"{each.under_half:.0%}",
            }
            for each in found.requests
        ],
    )
    slow = [
        {"job": each.job, "direction": each.direction, "took": _span(each.seconds)}
        for each in found.transfers[:rows]
        if each.seconds
    ]
    _table("slowest transfers", slow)
    hosts = [
        {
            "host": each.host,
            "runs": f"{each.runs:,}",
            "good": f"{each.good_s / 3600:,.1f} h",
            "bad": f"{each.bad_s / 3600:,.1f} h",
            "held": f"{each.holds:,}",
        }
        for each in found.hosts[:rows]
    ]
    _table(f"hosts: {len(found.hosts):,}", hosts)


def _print_events(events: "Events", as_json: bool) -> None:
    from wingspan.eventlog.bodies import read_bodies
    from wingspan.eventlog.codes import event_name

    bodies = read_bodies(events, range(len(events)))
    for row, body in enumerate(bodies):
        job = f"{events.cluster[row]}.{events.proc[row]}"
        name, stamp = event_name(int(events.code[row])), _stamp(events.time[row])
        if as_json:
            line = {"time": float(events.time[row]), "job": job, "event": name, "body": body}
            print(json.dumps(line, default=str), flush=True)
        else:
            print(f"{stamp}  {job:<12} {name:<24} {_text(body)}", flush=True)


def _table(title: str, lines: list[dict[str, Any]]) -> None:
    if not lines:
        return
    import sys

    from rich.console import Console
    from rich.table import Table

    table = Table(*lines[0], title=title or None, title_justify="left")
    for line in lines:
        table.add_row(*(str(value) for value in line.values()))
    Console(width=None if sys.stdout.isatty() else 160, markup=False).print(table)


def _text(body: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in body.items())


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(float(seconds)).astimezone().isoformat(" ", "seconds")


def _span(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
