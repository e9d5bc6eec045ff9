"""``wingspan holds advise | watch | hook``: what to do about jobs that are held now."""

import shlex
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wingspan.cli.held_text import SHOWN, detail_lines, fit, job_lines, overview_lines
from wingspan.cli.json_output import print_json
from wingspan.cli.logs import report_empty
from wingspan.cli.lstm_options import import_from_here
from wingspan.cli.options import AsJson
from wingspan.cli.paper import counted
from wingspan.errors import NotFoundError, SettingError, near

if TYPE_CHECKING:
    from wingspan.advisor.answers.actions import Bounds
    from wingspan.advisor.answers.advice import Incident
    from wingspan.advisor.answers.overview import Row
    from wingspan.advisor.models.saved import Advisor
    from wingspan.eventlog.events import Events

_HELD = "JobStatus == 5"
_ATTRIBUTES = (
    "ClusterId", "ProcId", "HoldReasonCode", "HoldReasonSubCode", "HoldReason", "EnteredCurrentStatus",
    "UserLog", "DAGManNodesLog", "Iwd", "RequestMemory", "MemoryUsage", "ResidentSetSize",
    "RequestDisk", "DiskUsage", "NumJobStarts", "NumHolds", "Owner", "LastRemoteHost",
)  # fmt: skip


class By(Enum):
    """The rows of the table."""

    cause = "cause"
    user = "user"
    host = "host"
    cluster = "cluster"
    incident = "incident"


class Deed(Enum):
    """The bounds of automatic actions."""

    release = "release"
    remove = "remove"


Logs = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[LOG]...", help="Job event logs, of any kind, or folders of them."),
]
Schedd = Annotated[
    bool, typer.Option("--schedd", help="Read the queue, and the logs of the jobs held there.")
]
Model = Annotated[
    Path | None, typer.Option(help="Folder of a trained advisor, used in place of the rates.")
]
Trusted = Annotated[
    str | None,
    typer.Option(
        "--network", help="Your network class in the model, as module:Class; it is trusted."
    ),
]
Every = Annotated[
    bool,
    typer.Option("--all", help="Advise on every hold of the logs, by what was known then."),
]
RowsAre = Annotated[By, typer.Option(help="Rows of the table.")]
Rows = Annotated[int, typer.Option(min=1, help="Most rows of the table.")]
Only = Annotated[
    int | None,
    typer.Option(min=1, metavar="ROW", help="Show the jobs of this row alone, in detail."),
]
OfUser = Annotated[str | None, typer.Option(help="Only the jobs of this user.")]
NoUser = Annotated[
    list[str] | None, typer.Option("--exclude-user", help="Leave out the jobs of this user.")
]
NoCluster = Annotated[
    list[int] | None, typer.Option("--exclude-cluster", help="Leave out the jobs of this cluster.")
]
AsCommands = Annotated[bool, typer.Option("--commands", help="Print only the commands to type.")]
Apply = Annotated[
    list[Deed] | None,
    typer.Option(help="Act: release jobs, canaries first; remove jobs only on proof."),
]
PerJob = Annotated[int, typer.Option(min=1, help="Most releases of one job in all.")]
PerHour = Annotated[int, typer.Option(min=1, help="Most jobs acted on in an hour.")]
CoolDown = Annotated[
    float, typer.Option(help="Seconds to leave an incident alone after a release that failed.")
]
Wait = Annotated[float, typer.Option(help="Most seconds to wait for canaries.")]
Settle = Annotated[
    float | None,
    typer.Option(help="Seconds that a canary must run [default: twice its time before the hold]."),
]
Early = Annotated[
    bool, typer.Option("--early", help="Also release jobs whose answer is a later release.")
]
Audit = Annotated[
    Path | None,
    typer.Option(
        help="File that records the actions [default: ~/.local/state/wingspan/holds.jsonl]."
    ),
]


def advise(
    logs: Logs = None,
    schedd: Schedd = False,
    every: Every = False,
    model: Model = None,
    network: Trusted = None,
    as_json: AsJson = False,
    by: RowsAre = By.cause,
    rows: Rows = 20,
    only: Only = None,
    user: OfUser = None,
    no_user: NoUser = None,
    no_cluster: NoCluster = None,
    as_commands: AsCommands = False,
    apply: Apply = None,
    per_job: PerJob = 3,
    per_hour: PerHour = 100,
    cool_down: CoolDown = 600.0,
    wait: Wait = 3600.0,
    settle: Settle = None,
    early: Early = False,
    audit: Audit = None,
) -> None:
    """Advise on held jobs, with the evidence.

    The first table has causes and answers; --only shows the jobs of one row. Only --apply acts.
    """
    if apply and (every or as_json):
        fix = "leave one of them out"
        raise SettingError("--apply", "does not go with --all or --json", fix)
    from wingspan.advisor.answers.overview import commands, overview

    incidents = _incidents(logs or [], schedd, every, _advisor(model, network))
    incidents = _chosen(incidents, user, no_user or (), no_cluster or ())
    report_empty(logs or [])
    table = overview(incidents, by.value)
    if only is not None:
        incidents = _of_row(incidents, table, only)
    if as_json:
        print_json([asdict(each) for each in incidents])
    elif as_commands:
        print("\n".join(commands([job for each in incidents for job in each.jobs])))
    else:
        given: dict[str, object | None] = {"--model": model, "--network": network, "--user": user}
        given["--by"] = by.value if by is not By.cause else None
        again = _again(logs or [], {"--schedd": schedd, "--all": every}, given)
        print("\n".join(_text(incidents, table, (by.value, rows, again), only)))
    if apply:
        from wingspan.advisor.answers.actions import Bounds

        bounds = Bounds(per_job, per_hour, cool_down, wait, settle, early)
        _act(incidents, {deed.value for deed in apply}, bounds, audit)


def _chosen(
    incidents: "Sequence[Incident]", user: str | None, users: Sequence[str], clusters: Sequence[int]
) -> "tuple[Incident, ...]":
    """Return the incidents with the requested jobs only.

    Raises
    ------
    NotFoundError
        None of the held jobs belongs to the user, or their owners are unknown.
    """
    from wingspan.advisor.answers.overview import cluster_of, select

    gone = {str(number) for number in clusters}
    kept = select(
        incidents,
        lambda job: (
            (user is None or job.owner == user)
            and job.owner not in users
            and cluster_of(job) not in gone
        ),
    )
    if user is not None and not kept and incidents:
        known = {job.owner for each in incidents for job in each.jobs if job.owner}
        problem = (
            "no held job is this user's" if known else "the logs do not name the owners of jobs"
        )
        fix = near(user, known) if known else "ask the queue: wingspan holds advise --schedd --user"
        raise NotFoundError(f"--user {user}", problem, fix)
    return kept


def _of_row(
    incidents: "Sequence[Incident]", table: "Sequence[Row]", only: int
) -> "tuple[Incident, ...]":
    from wingspan.advisor.answers.overview import select

    if only > len(table):
        there = counted(len(table), "row")
        raise SettingError("--only", f"row {only} of {there}", "look at the table without --only")
    named = {(job.access_point, job.job, job.held_at) for job in table[only - 1].jobs}
    return select(incidents, lambda job: (job.access_point, job.job, job.held_at) in named)


def _again(
    logs: Sequence[Path], flags: Mapping[str, bool], options: Mapping[str, object | None]
) -> str:
    """Return the user's command without the options that choose what is shown."""
    words = [*map(str, logs), *(name for name, given in flags.items() if given)]
    words += [word for name, value in options.items() if value for word in (name, str(value))]
    return f"wingspan holds advise {shlex.join(words)}"


def _text(
    incidents: "Sequence[Incident]",
    table: "Sequence[Row]",
    how: tuple[str, int, str],
    only: int | None,
) -> Iterator[str]:
    if not incidents:
        yield "no job is held (--all advises on every hold in the logs)"
        return
    if only is None:
        yield from overview_lines(table, *how)
    if only is not None or sum(len(each.jobs) for each in incidents) <= SHOWN:
        yield from map(fit, detail_lines(incidents))


def _act(
    incidents: "Sequence[Incident]", deeds: set[str], bounds: "Bounds", audit: Path | None
) -> None:
    from wingspan.advisor.answers.actions import audit_file, release_advised, remove_proven
    from wingspan.pool.personal import use_pool

    use_pool()
    file = audit or audit_file()
    for deed, work in (("release", release_advised), ("remove", remove_proven)):
        for act in work(incidents, bounds, file) if deed in deeds else ():
            print(f"{act.what} {' '.join(act.jobs)}: {act.why}", flush=True)
    print(f"recorded in {file}")


def watch(
    logs: Logs = None,
    schedd: Schedd = False,
    model: Model = None,
    network: Trusted = None,
    interval: Annotated[float, typer.Option(min=0.05, help="Seconds between looks.")] = 5.0,
    once: Annotated[bool, typer.Option("--once", help="Look once, then end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print advice as holds occur, until Ctrl-C; change nothing.

    A log may be missing at first. Its rotations are read with it.
    """
    seen: set[tuple[str, str, float]] = set()
    advisor = _advisor(model, network)
    try:
        for present in _looks(logs or [], interval, once):
            for incident in _incidents(present, schedd, False, advisor):
                for job in incident.jobs:
                    key = (job.access_point, job.job, job.held_at)
                    if key in seen:
                        continue
                    seen.add(key)
                    if as_json:
                        print_json(asdict(job), line=True)
                    else:
                        print("\n".join(job_lines(job)), flush=True)
    except KeyboardInterrupt:
        return


def hook(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to append a line to.")],
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[WORD]...", help="Such as $JOBID and $NODE.")
    ] = None,
) -> None:
    """Append a line to a file, as DAGMan's SCRIPT HOLD.

    Such a script must end at once and change nothing.
    """
    from wingspan.advisor.answers.actions import append_line

    append_line(file, {"time": time.time(), "held": words or []})


def _advisor(model: Path | None, network: str | None) -> "Advisor | None":
    if model is None:
        return None
    from wingspan.advisor.models.saved import load_advisor

    if network:
        import_from_here()
    return load_advisor(model, [network] if network else [])


def _incidents(
    logs: Sequence[Path], schedd: bool, every: bool, advisor: "Advisor | None"
) -> "tuple[Incident, ...]":
    from wingspan.eventlog.logs import read_logs

    if schedd == bool(logs):
        fix = "name event logs, or add --schedd to read the access point's queue"
        raise SettingError("wingspan holds", "expected logs or --schedd, one of the two", fix)
    return _of_queue(advisor) if schedd else _of_events(read_logs(logs), every, advisor)


def _of_events(events: "Events", every: bool, advisor: "Advisor | None") -> "tuple[Incident, ...]":
    from wingspan.advisor.answers.advise import advise as advise_on
    from wingspan.advisor.holds.timeline import make_timeline

    return advise_on(make_timeline(events, lean=advisor is None), every=every, advisor=advisor)


def _of_queue(advisor: "Advisor | None") -> "tuple[Incident, ...]":
    """Advise on the held jobs of the queue, by their own logs, else by their ads."""
    from wingspan.accesspoint.jobs import query
    from wingspan.advisor.answers.advice import group
    from wingspan.advisor.answers.advise import advise_ads
    from wingspan.eventlog.read import read_events
    from wingspan.pool.personal import use_pool

    use_pool()
    ads: dict[str, dict[str, Any]] = {
        f"{ad['ClusterId']}.{ad['ProcId']}": ad for ad in query(_HELD, _ATTRIBUTES)
    }
    found, numbers = [], []
    events = read_events(sorted(_logs_of(ads.values())))
    for number, incident in enumerate(_of_events(events, False, advisor)):
        for job in incident.jobs:
            if job.job in ads and ads[job.job].get("HoldReasonCode") == job.code:
                ad = ads.pop(job.job)
                found.append(replace(job, owner=job.owner or str(ad.get("Owner") or "")))
                numbers.append(number)
    return (*group(found, numbers), *advise_ads(list(ads.values()), time.time()))


def _logs_of(ads: Iterable[dict[str, Any]]) -> set[Path]:
    named = {
        Path(str(ad.get("Iwd", "/"))) / str(ad[name])
        for ad in ads
        for name in ("UserLog", "DAGManNodesLog")
        if ad.get(name)
    }
    return {path for path in named if path.is_file()}


def _looks(logs: Sequence[Path], interval: float, once: bool) -> Iterator[list[Path]]:
    """Yield the files to read whenever one is new or has grown.

    Without logs, yield once per interval.
    """
    from wingspan.cli.logs import files_of, say_missing

    before: object = None
    say_missing(() if once else logs)
    while True:
        files = files_of(logs)
        now = [(path, path.stat().st_ino, path.stat().st_size) for path in files]
        if once or not logs or (files and now != before):
            yield files or list(logs)
        if once:
            return
        before = now
        time.sleep(interval)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (advise, watch, hook):
        app.command()(command)
