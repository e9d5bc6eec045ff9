"""``wingspan events``: read job event logs."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wingspan.cli.events_summary import print_summary, span, stamp
from wingspan.cli.json_output import print_json
from wingspan.cli.logs import gap_text, read
from wingspan.cli.options import AsJson
from wingspan.cli.paper import print_table, wrap
from wingspan.cli.runs import check_file
from wingspan.errors import SettingError
from wingspan.shown import counted

if TYPE_CHECKING:
    from wingspan.eventlog.events import Events
    from wingspan.eventlog.histories import JobHistories

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
Cpus = Annotated[int, typer.Option(min=1, help="Number of threads that read.")]
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
    """Summarize logs: jobs, holds, time, hosts.

    Shows holds by cause, good and bad wall time, requests against use, and slow transfers.
    """
    from wingspan.eventlog.summary import summarise

    if picture:
        check_file("--picture", picture)
    events = read(files, timezone, cpus)
    found = summarise(events)
    if picture:
        from wingspan.eventlog.pictures import states_svg
        from wingspan.files import write_atomically

        write_atomically(picture, states_svg(events))
    if as_json:
        print_json(asdict(found))
        return
    print_summary(found, rows)
    if picture:
        print(f"timeline: {picture}")


@app.command()
def jobs(
    files: Files,
    timezone: Zone = None,
    cpus: Cpus = 1,
    state: Annotated[str, typer.Option(help="Show only jobs that are in this state now.")] = "",
    rows: Annotated[int, typer.Option("--rows", min=1, help="Most jobs to print.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List jobs with their state, runs, holds and wall time."""
    from wingspan.eventlog.histories import group_by_job
    from wingspan.eventlog.job_state import State

    names = [each.name.lower() for each in State]
    if state and state.lower() not in names:
        raise SettingError(
            "--state", f"no state is called {state!r}", f"give one of {', '.join(names)}"
        )
    history = group_by_job(read(files, timezone, cpus))
    lines = [line for line in _job_lines(history) if state.lower() in {"", line["state"]}]
    if as_json:
        print_json(lines, line=True)
        return
    if not lines:
        print(
            f"no job is {state.lower()} now, of {len(history):,}"
            if state
            else "the logs name no job"
        )
    several = len({line["access point"] for line in lines}) > 1
    print_table("", [_job_cells(line, several) for line in lines[:rows]])
    if len(lines) > rows:
        print(f"{len(lines) - rows:,} more: --rows {len(lines)}")


@app.command()
def show(
    job: Annotated[str, typer.Argument(metavar="JOB", help="Job id: CLUSTER or CLUSTER.PROC.")],
    files: Files,
    timezone: Zone = None,
    cpus: Cpus = 1,
    as_json: AsJson = False,
) -> None:
    """Show every event of one job, with what its body says."""
    from wingspan.eventlog.bodies import read_bodies
    from wingspan.eventlog.codes import event_name
    from wingspan.eventlog.histories import group_by_job
    from wingspan.eventlog.job_state import State

    cluster, _, proc = job.partition(".")
    if not cluster.isdecimal() or not (proc or "0").isdecimal():
        raise SettingError(job, "this is not a job id", "give CLUSTER.PROC, for example 12.0")
    history = group_by_job(read(files, timezone, cpus))
    lines = []
    for number in history.find(int(cluster), int(proc or 0)):
        chosen = history.rows(number)
        for row, body in zip(chosen.tolist(), read_bodies(history.events, chosen), strict=True):
            lines.append(
                {
                    "time": stamp(history.events.time[row]),
                    "access point": history.events.access_points[history.events.access_point[row]],
                    "event": event_name(int(history.events.code[row])),
                    "state": State(int(history.state[row])).name.lower(),
                    "body": body,
                }
            )
    if as_json:
        print_json(lines, line=True)
        return
    for line in lines:
        text = f"{line['time']}  {line['event']:<20} {line['state']:<10} {line['access point']}"
        print(wrap(text))
        if line["body"]:
            print(wrap(f"    {_text(line['body'])}", "    "))


@app.command()
def convert(
    files: Files,
    out: Annotated[Path, typer.Option("--out", "-o", help="NAME.parquet, or a folder.")],
    to: Annotated[str, typer.Option(help="Format: parquet.")] = "parquet",
    timezone: Zone = None,
    cpus: Cpus = 1,
) -> None:
    """Write the events' columns to a Parquet file for other programs.

    To a folder (a name without a suffix) they are written as one more part.
    """
    from wingspan.eventlog.logs import PARQUET
    from wingspan.eventlog.parquet import write_parquet

    if to != "parquet":
        raise SettingError("--to", f"no format is called {to!r}", "the format is parquet")
    if out.suffix not in {PARQUET, ""}:
        problem = f"expected NAME{PARQUET}, or a folder for parts, found {out.name!r}"
        raise SettingError("--out", problem, f"--out {out.with_suffix(PARQUET)}")
    if out.suffix == PARQUET:
        check_file("--out", out)
    events = read(files, timezone, cpus)
    written = write_parquet(events, out)
    print(f"{written}: {counted(len(events), 'event')} of {counted(len(events.files), 'file')}")


@app.command()
def follow(
    log: Annotated[
        Path, typer.Argument(metavar="LOG", help="A log; its rotations are found next to it.")
    ],
    state: Annotated[
        Path | None, typer.Option(help="File that keeps the position across restarts.")
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

    Rotated logs are followed, and gaps are reported.
    """
    from wingspan.eventlog.logs import check_log
    from wingspan.eventlog.parquet import append_parquet
    from wingspan.eventlog.positions import load_position, save_position
    from wingspan.eventlog.read_new import News, read_new
    from wingspan.eventlog.read_new import follow as follow_log

    def work(news: News) -> None:
        for gap in news.gaps:
            print(gap_text(gap))
        if parquet:
            append_parquet(news.events, parquet)
        _print_events(news.events, as_json)

    if log.is_file():
        check_log(log)
    if once:
        position = load_position(state) if state and state.exists() else None
        news = read_new(log, position, timezone=timezone)
        work(news)
        if state:
            save_position(state, news.position)
        return
    for news in follow_log(log, state, timezone=timezone, every_s=every):
        work(news)


def _job_lines(history: "JobHistories") -> list[dict[str, Any]]:
    import numpy as np

    from wingspan.eventlog.job_state import State

    count = len(history)
    runs, holds = history.runs(), history.holds()
    lengths = np.maximum(np.nan_to_num(runs.end - runs.start), 0.0)
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
            "submitted": stamp(events.time[history.starts[job]]),
            "events": int(history.starts[job + 1] - history.starts[job]),
            **{name: round(values[job].item(), 3) for name, values in columns.items()},
        }
        for job in range(count)
    ]


def _job_cells(line: dict[str, Any], several: bool) -> dict[str, Any]:
    """Return a job's line of the table: the access point only where there are several."""
    place = {"access point": line["access point"]} if several else {}
    facts = {name: line[name] for name in ("state", "runs", "holds")}
    times = {"good": span(line["good_s"]), "bad": span(line["bad_s"])}
    return {"job": line["job"], **place, **facts, **times, "submitted": line["submitted"][:16]}


def _print_events(events: "Events", as_json: bool) -> None:
    from wingspan.eventlog.bodies import read_bodies
    from wingspan.eventlog.codes import event_name

    bodies = read_bodies(events, range(len(events)))
    for row, body in enumerate(bodies):
        job = f"{events.cluster[row]}.{events.proc[row]}"
        name, at = event_name(int(events.code[row])), stamp(events.time[row])
        if as_json:
            line = {"time": float(events.time[row]), "job": job, "event": name, "body": body}
            print_json(line, line=True)
        else:
            print(f"{at}  {job:<12} {name:<24} {_text(body)}", flush=True)


def _text(body: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in body.items())
