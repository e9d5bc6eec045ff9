"""``wingspan holds advise``: what to do about jobs that are held now."""

import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wingspan.cli.held_actions import AuditFile, Deed, DryRun, act_on
from wingspan.cli.held_json import advice_json
from wingspan.cli.held_source import (
    Logs,
    Model,
    NoCluster,
    NoUser,
    OfUser,
    Schedd,
    Source,
    Trusted,
    load,
)
from wingspan.cli.held_text import (
    SHOWN,
    detail_lines,
    fit,
    overview_lines,
    row_head,
    rows_that_fit,
)
from wingspan.cli.json_output import print_json
from wingspan.cli.logs import report_empty
from wingspan.cli.options import AsJson
from wingspan.errors import SettingError
from wingspan.shown import counted

if TYPE_CHECKING:
    from wingspan.advisor.answers.advice import Incident
    from wingspan.advisor.answers.overview import Row


class By(Enum):
    """The rows of the table."""

    cause = "cause"
    user = "user"
    host = "host"
    cluster = "cluster"
    incident = "incident"


Every = Annotated[
    bool,
    typer.Option("--all", help="Advise on every hold of the logs, by what was known then."),
]
RowsAre = Annotated[By, typer.Option(help="Rows of the table.")]
Rows = Annotated[
    int | None,
    typer.Option(min=1, help="Most rows of the table [default: 20, fewer on a small screen]."),
]
Only = Annotated[
    int | None,
    typer.Option(min=1, metavar="ROW", help="Show the jobs of this row alone, in detail."),
]
AsCommands = Annotated[bool, typer.Option("--commands", help="Print only the commands to type.")]
Apply = Annotated[
    list[Deed] | None,
    typer.Option(
        help="Act, canaries first: release; fix measured requests and release; remove on proof."
    ),
]
PerJob = Annotated[int, typer.Option(min=1, help="Most releases of one job in all.")]
PerHour = Annotated[int, typer.Option(min=1, help="Most jobs acted on in an hour.")]
CoolDown = Annotated[
    float,
    typer.Option(min=0, help="Seconds to leave an incident alone after a release that failed."),
]
Wait = Annotated[float, typer.Option(min=0, help="Most seconds to wait for canaries.")]
Settle = Annotated[
    float | None,
    typer.Option(
        min=0, help="Seconds that a canary must run [default: twice its time before the hold]."
    ),
]
Early = Annotated[
    bool, typer.Option("--early", help="Also release jobs whose answer is a later release.")
]


def advise(
    logs: Logs = None,
    schedd: Schedd = False,
    every: Every = False,
    model: Model = None,
    network: Trusted = None,
    as_json: AsJson = False,
    by: RowsAre = By.cause,
    rows: Rows = None,
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
    dry: DryRun = False,
    audit: AuditFile = None,
) -> None:
    """Advise on held jobs, with the evidence.

    The first table has causes and answers; --only shows the jobs of one row. Only --apply acts.
    """
    _check_together(apply, dry=dry, every=every, as_json=as_json, as_commands=as_commands)
    from wingspan.advisor.answers.overview import overview

    source = Source(logs or [], schedd, every, user, no_user or (), no_cluster or ())
    at_s = time.time()
    incidents = source.incidents(load(model, network))
    report_empty(source.logs)
    table = overview(incidents, by.value)
    if only is not None:
        incidents = _of_row(incidents, table, only)
    if as_json:
        numbered = [(number, row) for number, row in enumerate(table, 1) if only in {None, number}]
        print_json(advice_json(numbered, incidents, by.value, at_s))
    elif as_commands:
        _print_commands(incidents)
    else:
        again = _again(source, model, network, by)
        overview_text = overview_lines(table, by.value, rows or rows_that_fit(), again, every=every)
        print("\n".join(_text(incidents, table, overview_text, only)))
    if apply:
        from wingspan.advisor.answers.actions import Bounds

        bounds = Bounds(per_job, per_hour, cool_down, wait, settle, early)
        act_on(incidents, apply, bounds, audit, dry=dry)


def _check_together(
    apply: Sequence[Deed] | None, *, dry: bool, every: bool, as_json: bool, as_commands: bool
) -> None:
    """Refuse options that exclude each other."""
    if apply and (every or as_json or as_commands):
        fix = "leave one of them out"
        raise SettingError("--apply", "does not go with --all, --json or --commands", fix)
    if every and as_commands:
        problem = "does not go with --all: many of these jobs are not held any more"
        raise SettingError("--commands", problem, "leave --all out")
    if dry and not apply:
        raise SettingError("--dry-run", "it needs --apply", "add --apply release, fix or remove")


def _print_commands(incidents: "Sequence[Incident]") -> None:
    from wingspan.advisor.answers.overview import commands

    lines = commands([job for each in incidents for job in each.jobs])
    if lines:
        print("\n".join(lines))
    else:
        print("none of these answers is a command", file=sys.stderr)


def _of_row(
    incidents: "Sequence[Incident]", table: "Sequence[Row]", only: int
) -> "tuple[Incident, ...]":
    from wingspan.advisor.answers.overview import select

    if only > len(table):
        there = counted(len(table), "row")
        problem = f"there is no row {only}: the table has {there}"
        raise SettingError("--only", problem, "look at the table without --only")
    named = {(job.access_point, job.job, job.held_at) for job in table[only - 1].jobs}
    return select(incidents, lambda job: (job.access_point, job.job, job.held_at) in named)


def _again(source: Source, model: Path | None, network: str | None, by: By) -> str:
    """Return the user's command without the options that choose what is shown."""
    flags = {"--schedd": source.schedd, "--all": source.every}
    options: dict[str, Sequence[object | None]] = {
        "--model": [model],
        "--network": [network],
        "--user": [source.user],
        "--exclude-user": source.no_user,
        "--exclude-cluster": source.no_cluster,
        "--by": [by.value if by is not By.cause else None],
    }
    words = [*map(str, source.logs), *(name for name, given in flags.items() if given)]
    pairs = [(name, value) for name, values in options.items() for value in values]
    words += [word for name, value in pairs if value is not None for word in (name, str(value))]
    return f"wingspan holds advise {shlex.join(words)}"


def _text(
    incidents: "Sequence[Incident]",
    table: "Sequence[Row]",
    overview_text: Iterator[str],
    only: int | None,
) -> Iterator[str]:
    if not incidents:
        yield "no job is held (--all advises on every hold in the logs)"
        return
    if only is None:
        yield from overview_text
    else:
        yield fit(f"row {only}: {row_head(table[only - 1])}")
    if only is not None or sum(len(each.jobs) for each in incidents) <= SHOWN:
        yield from map(fit, detail_lines(incidents))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(advise)
