"""Lay out what event logs say as a page. Pure."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wingspan.advisor.answers.overview import Row, commands, overview
from wingspan.report.amounts import hours, number, seconds, stamp
from wingspan.report.log_facts import LogFacts
from wingspan.report.page import Block, Callout, Cell, Lines, Page, Pairs, Picture, Section, Table
from wingspan.shown import brief, counted

if TYPE_CHECKING:
    from wingspan.advisor.answers.advice import Advice, Incident
    from wingspan.eventlog.toll import Toll

_ROWS: Final = 500  # of a table
_FIRST: Final = 3  # causes on the first screen
_COMMANDS: Final = 40  # lines of commands to copy
_JOBS: Final = 2_000
_REASON: Final = 300  # characters


def log_page(facts: LogFacts) -> Page:
    """Return the page of event logs."""
    summary = facts.summary
    made = [
        Section("time", "Over time", _time(facts)),
        Section("advice", "Advice by cause, user and host", _advice(facts)),
        Section("reasons", "Holds by reason", _reasons(facts)),
        Section("lost", "Lost time", _losses(facts)),
        Section("users", "Users", _tolls("user", summary.users)),
        Section("sites", "Sites", _tolls("site", summary.sites)),
        Section("hosts", "Hosts", _tolls("host", summary.hosts)),
        Section("use", "Request against use", _use(facts)),
        Section("transfers", "Slowest transfers", _transfers(facts)),
    ]
    names = [Path(name).name for name in facts.names]
    return Page(
        names[0] if len(names) == 1 else f"{len(names)} event logs",
        "",
        [
            f"{counted(summary.events, 'event')} of {counted(summary.jobs, 'job')}",
            f"{stamp(summary.first)} to {stamp(summary.last)}",
        ],
        _lead(facts),
        [section for section in made if section.blocks],
        _left_out(facts),
    )


def _lead(facts: LogFacts) -> list[Block]:
    """Return the largest causes of holds with what to do; else how the time was spent."""
    rows = () if facts.past else overview(facts.incidents)
    lead: list[Block] = [_cause(row) for row in rows[:_FIRST]]
    if len(rows) > _FIRST:
        jobs = sum(len(row.jobs) for row in rows[_FIRST:])
        lead.append(Lines([f"{counted(jobs, 'more job')} held for other causes: see Advice."]))
    if not rows:
        lead.append(Callout("good", "No job is held now"))
    lead.append(Pairs(_summary_rows(facts)))
    return lead


def _cause(row: Row) -> Callout:
    """Return the callout of held jobs that have one cause and one answer."""
    jobs = counted(len(row.jobs), "job")
    title = f"{jobs} held: {row.key}"
    first = row.jobs[0]
    known = ((row.clusters, "cluster"), (row.users, "user"), (row.hosts, "host"))
    spread = ", ".join(counted(count, word) for count, word in known if count)
    lines = [
        f"Advice: {row.answer}.",
        f"Code {row.code}, {spread}, {hours(row.ran_s)} run until then.",
    ]
    fix = first.fix
    if row.answer.startswith("release"):
        fix = f"Release them. If they are held again: {fix}"
    return Callout("held", title, lines, fix, *_commands(row))


def _commands(row: Row) -> tuple[list[tuple[str, str]], list[tuple[str, str, bool]]]:
    """Return the command for one job, and those for all."""
    typed = commands(row.jobs)
    having = [job for job in row.jobs if job.command]
    if not having:
        return [], []
    one = having[0]
    where = f", at {one.access_point}" if typed[0].startswith("#") else ""
    rest = len(typed) - _COMMANDS
    text = "\n".join([*typed[:_COMMANDS], *([f"# and {rest:,} more lines"] if rest > 0 else [])])
    every = (f"Commands for {counted(len(having), 'job')}", text, False)
    return [(f"For the first job{where}:", one.command)], [every]


def _summary_rows(facts: LogFacts) -> list[tuple[str, str]]:
    found = facts.summary
    whole = found.good_s + found.bad_s
    rows = [
        (
            "jobs now",
            ", ".join(f"{count:,} {name}" for name, count in found.by_state.items() if count),
        ),
        ("wall time of good runs", hours(found.good_s)),
        ("wall time of bad runs", f"{hours(found.bad_s)} ({found.bad_s / (whole or 1):.0%})"),
        ("holds", f"{sum(group.holds for group in found.holds):,}"),
        ("access points", ", ".join(found.access_points[:5]) or "not named"),
    ]
    if found.own_runs:
        rows.append(("on the access points (DAGMan), not in the above", hours(found.own_s)))
    if found.damaged or found.torn_tails:
        rows.append(("skipped", f"{found.damaged:,} damaged parts, {found.torn_tails:,} torn ends"))
    return rows


def _time(facts: LogFacts) -> list[Block]:
    pictures = (facts.states, "Jobs by state"), (facts.holds, "Holds by code")
    return [Picture(svg, caption) for svg, caption in pictures if svg]


def _advice(facts: LogFacts) -> list[Block]:
    if not facts.incidents:
        return []
    blocks: list[Block] = []
    if facts.past:
        blocks.append(Lines(["No job is held now. This is the advice at each hold of the past."]))
    columns = ["jobs", "answer", "code", "hours run", "clusters", "users", "hosts"]
    for by in ("cause", "user", "host"):
        rows = [_overview_row(row, by) for row in overview(facts.incidents, by)]
        if by == "cause" or len(rows) > 1:
            caption = f"By {by}"
            names = [by, *columns, *([] if by == "cause" else ["most common cause"])]
            numeric = frozenset({1, 4, 5, 6, 7})
            blocks.append(
                Table(f"advice-{by}", caption, names, rows[:_ROWS], numeric, total=_total(rows))
            )
    return [*blocks, _jobs(facts.incidents)]


def _overview_row(row: Row, by: str) -> list[Cell]:
    answer = f"{row.answer} (not for {row.other:,})" if row.other else row.answer
    cells: list[Cell] = [row.key, (f"{len(row.jobs):,}", len(row.jobs)), answer, row.code]
    cells.append((f"{row.ran_s / 3600:,.1f}", row.ran_s))
    cells += [(f"{each:,}", each) for each in (row.clusters, row.users, row.hosts)]
    return cells if by == "cause" else [*cells, row.cause]


def _jobs(incidents: "Sequence[Incident]") -> Table:
    """Return the jobs with the chance that a release pays, and what to type."""
    jobs = [job for incident in incidents for job in incident.jobs]
    rows = [_job(job) for job in jobs[:_JOBS]]
    columns = [
        "job",
        "user",
        "host",
        "held since",
        "answer",
        "a release pays",
        "reason",
        "what to do",
    ]
    table = Table("jobs", "Jobs", columns, rows, frozenset({5}), total=_total(jobs, _JOBS))
    return table.filled()


def _job(job: "Advice") -> list[Cell]:
    known = job.probability == job.probability
    chance = f"{job.probability:.0%} ({job.low:.0%} to {job.high:.0%})"
    return [
        job.job,
        job.owner,
        job.host,
        (stamp(job.held_at), job.held_at),
        job.answer,
        (chance, job.probability) if known else "",
        brief(" ".join(job.reason.split()), _REASON),
        job.command or job.fix,
    ]


def _reasons(facts: LogFacts) -> list[Block]:
    groups = facts.summary.holds
    rows: list[list[Cell]] = [
        [
            f"{one.code}/{one.subcode}",
            one.cause,
            (f"{one.holds:,}", one.holds),
            (f"{one.jobs:,}", one.jobs),
            (f"{one.bursts:,}", one.bursts),
            (f"{one.released:.0%}", one.released),
            (f"{one.removed:.0%}", one.removed),
            (seconds(one.median_s), one.median_s or 0.0),
            brief(one.template, _REASON),
        ]
        for one in groups[:_ROWS]
    ]
    columns = [
        "code",
        "cause",
        "holds",
        "jobs",
        "bursts",
        "released",
        "removed",
        "median",
        "reason",
    ]
    if not rows:
        return []
    return [
        Table(
            "reasons",
            "Most frequent first",
            columns,
            rows,
            frozenset(range(2, 8)),
            total=_total(groups),
        )
    ]


def _tolls(name: str, found: "Sequence[Toll]") -> list[Block]:
    """Return what became of the runs of each user, site or host, the worst first."""
    rows: list[list[Cell]] = [
        [
            one.name or "not named",
            *(
                (f"{count:,}", count)
                for count in (one.runs, one.holds, one.evictions, one.failures)
            ),
            (f"{one.bad:.1%}", one.bad),
            (hours(one.good_s), one.good_s),
            (hours(one.bad_s), one.bad_s),
        ]
        for one in found[:_ROWS]
    ]
    if not rows:
        return []
    columns = [name, "runs", "held", "evicted", "failed", "bad", "good time", "bad time"]
    numeric = frozenset(range(1, 8))
    return [Table(f"{name}-all", "The worst first", columns, rows, numeric, total=_total(found))]


def _losses(facts: LogFacts) -> list[Block]:
    rows: list[list[Cell]] = [
        [one.how, (f"{one.runs:,}", one.runs), (hours(one.seconds), one.seconds)]
        for one in facts.summary.losses
    ]
    columns = ["runs that", "runs", "lost"]
    title = "Wall time without success"
    return [Table("losses", title, columns, rows, frozenset({1, 2}))] if rows else []


def _use(facts: LogFacts) -> list[Block]:
    rows: list[list[Cell]] = [
        [
            one.resource,
            (f"{one.jobs:,}", one.jobs),
            (number(one.median_request), one.median_request),
            (number(one.median_use), one.median_use),
            (f"{one.over:.0%}", one.over),
            (f"{one.under_half:.0%}", one.under_half),
        ]
        for one in facts.summary.requests
    ]
    columns = [
        "resource",
        "jobs",
        "requested (median)",
        "used (median)",
        "over request",
        "under half",
    ]
    return (
        [
            Table(
                "requests",
                "Of jobs that ended; MB, KB and cores",
                columns,
                rows,
                frozenset(range(1, 6)),
            )
        ]
        if rows
        else []
    )


def _transfers(facts: LogFacts) -> list[Block]:
    rows: list[list[Cell]] = [
        [one.job, one.direction, (seconds(one.seconds), one.seconds)]
        for one in facts.summary.transfers
        if one.seconds
    ]
    return (
        [Table("transfers", "Ten slowest", ["job", "direction", "took"], rows, frozenset({2}))]
        if rows
        else []
    )


def _total(rows: Sequence[object], most: int = _ROWS) -> int:
    """Return how many rows there are, if that is more than the table has; else 0."""
    return len(rows) if len(rows) > most else 0


def _left_out(facts: LogFacts) -> list[str]:
    if not facts.summary.sampled:
        return []
    parts = ", ".join(facts.summary.sampled)
    return [f"Counts of {parts} are scaled from a sample of events; those of hold codes are exact."]
