"""Advice on held jobs as text: a short table, then each job with its evidence."""

import math
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from wingspan.cli.paper import columns, wrap
from wingspan.shown import brief, counted, shown_name

if TYPE_CHECKING:
    from wingspan.advisor.answers.advice import Advice, Incident
    from wingspan.advisor.answers.overview import Row

SHOWN = 5  # jobs of an incident with their evidence; the others by their ids
ROWS = 20  # most rows of the table
_FEWEST = 3  # rows on the smallest screen
_ROW_LINES = 2  # lines of a row, at most
_AROUND = 9  # lines around the rows, with the next prompt
_INLINE = 40  # characters of a cause next to the figures, at least
_FEWEST_WORDS = 20  # characters of a cause on its own line, at least
_KEY = 60  # characters of a user, host or cluster
_IDS = 400  # characters of ids in a line
_WIDTHS = {"jobs": 8, "clusters": 9, "users": 6, "hosts": 6, "hours": 9}
_SPARE = ("users", "hosts", "clusters", "hours")  # columns that a narrow terminal does without
_FIXED = 28  # characters of row, code and answer


def overview_lines(
    rows: "Sequence[Row]", by: str, most: int, again: str, *, every: bool = False
) -> Iterator[str]:
    """Yield the table of all held jobs, or of every hold, the largest row first.

    Parameters
    ----------
    most
        Number of rows to print.
    again
        The user's command; options are added to it.
    """
    jobs = sum(len(row.jobs) for row in rows)
    hours = sum(row.ran_s for row in rows) / 3600
    what = "causes and answers" if by == "cause" else f"{by}s"
    noun = "hold" if every else "job"
    held = counted(jobs, noun) + ("" if every else " held")
    yield wrap(f"{held}, {hours:,.1f} hours run until then, by {what}:")
    yield ""
    names = _columns(rows, columns() - len(by))
    numbers = "".join(
        f"{name if name != 'jobs' else f'{noun}s':>{_WIDTHS[name]}}" for name in names
    )
    yield f"{'row':>4}{numbers}  {'code':<8}{'answer':<14}{by}"
    for number, row in enumerate(rows[:most], 1):
        yield from _row(number, row, by, names)
    if len(rows) > most:
        rest = rows[most:]
        left = counted(sum(len(row.jobs) for row in rest), noun)
        yield _next_to(
            f"{counted(len(rest), 'more row')} with {left}:", f"{again} --rows {len(rows)}"
        )
    yield ""
    yield _hint(f"  -> {again} --only ROW", "its jobs, and what the advice rests on")
    if not every and any(job.command for row in rows for job in row.jobs):
        yield _hint(f"  -> {again} --only ROW --commands", "what to type, a line for each job")


def rows_that_fit() -> int:
    """Return the number of rows that leave the table on one screen; `ROWS` without a terminal."""
    if not sys.stdout.isatty():
        return ROWS
    lines = shutil.get_terminal_size((80, 24)).lines
    return min(max((lines - _AROUND) // _ROW_LINES, _FEWEST), ROWS)


def row_head(row: "Row") -> str:
    """Return the whole cause of a row, which its line in the table may cut."""
    return f"{counted(len(row.jobs), 'job')}, {row.answer}: {row.cause}"


def _hint(command: str, what: str) -> str:
    """Return a command to copy, with what it shows if there is room."""
    line = f"{command}   # {what}"
    return line if len(line) <= columns() else command


def _next_to(text: str, command: str) -> str:
    """Return a text with a command after it, or below it if there is no room."""
    line = f"{text} {command}"
    return line if len(line) <= columns() else f"{text}\n  {command}"


def _columns(rows: "Sequence[Row]", width: int) -> list[str]:
    """Return the columns of numbers that fit; those without any number go first."""
    empty = {
        "users": not any(row.users for row in rows),
        "hosts": not any(row.hosts for row in rows),
    }
    names = list(_WIDTHS)
    for name in sorted(_SPARE, key=lambda each: not empty.get(each)):
        if _FIXED + sum(_WIDTHS[each] for each in names) > width:
            names.remove(name)
    return names


def _row(number: int, row: "Row", by: str, names: Sequence[str]) -> Iterator[str]:
    """Yield a row on at most two lines; a long cause is cut."""
    known = [f"{count:,}" if count else "-" for count in (row.users, row.hosts)]
    values = {
        "jobs": f"{len(row.jobs):,}",
        "clusters": f"{row.clusters:,}",
        "users": known[0],
        "hosts": known[1],
        "hours": f"{row.ran_s / 3600:,.1f}",
    }
    facts = f"{number:>4}" + "".join(f"{values[name]:>{_WIDTHS[name]}}" for name in names)
    facts += f"  {row.code:<8}{row.answer:<14}"
    key, other = brief(shown_name(row.key or f"unknown {by}"), _KEY), ""
    if row.other:
        other = f" (another answer for {row.other:,})"
    name = f"{row.cause}{other}" if by == "cause" else f"{key}{other}: {row.cause}"
    room = columns() - len(facts)
    if room >= _INLINE:
        first, *rest = cut_lines(name, room, 2)
        yield f"{facts}{first}"
        yield from (f"{'':<{len(facts)}}{line}" for line in rest)
    else:
        yield facts.rstrip()
        yield from (
            f"        {line}" for line in cut_lines(name, max(columns() - 8, _FEWEST_WORDS), 1)
        )


def cut_lines(text: str, width: int, most: int) -> list[str]:
    """Return a text on a few lines; what does not fit is left out."""
    placeholder = " ..."
    return textwrap.wrap(
        text, width, max_lines=most, placeholder=placeholder, break_on_hyphens=False
    ) or [""]


def detail_lines(incidents: "Sequence[Incident]") -> Iterator[str]:
    """Yield incidents, and in each the jobs with the evidence for the advice."""
    for number, each in enumerate(incidents, 1):
        yield f"\nincident {number}: {each.name}, {counted(len(each.jobs), 'job')}"
        if each.plan:
            yield f"  plan: {each.plan}"
        for job in each.jobs[:SHOWN]:
            yield from (f"  {line}" for line in job_lines(job))
        for answer in dict.fromkeys(job.answer for job in each.jobs[SHOWN:]):
            names = [job.job for job in each.jobs[SHOWN:] if job.answer == answer]
            ids = " ".join(names)
            cut = ids if len(ids) <= _IDS else f"{ids[:_IDS].rpartition(' ')[0]} ..."
            yield f"  {len(names):,} more, {answer}: {cut}"


def job_lines(job: "Advice") -> Iterator[str]:
    """Yield the answer for one job, who decided it, and the evidence."""
    at = f" at {datetime.fromtimestamp(job.at, UTC):%Y-%m-%d %H:%M}Z" if job.at > 0 else ""
    whose = f" of {shown_name(job.owner)}" if job.owner else ""
    where = f" on {shown_name(job.host)}" if job.host else ""
    yield f"{job.job}{whose}: {job.answer}{at} (decided by {job.decided_by})"
    held = f"{datetime.fromtimestamp(job.held_at, UTC):%Y-%m-%d %H:%M}Z{where}"
    yield f"  held {held}: {shown_name(' '.join(job.reason.split())) or '-'}"
    if not math.isnan(job.probability):
        yield f"  a release pays with {job.probability:.0%} ({job.low:.0%} to {job.high:.0%})"
    yield f"  -> {job.command or job.fix}"
    for line in job.evidence:
        yield f"  - {line}"


def fit(line: str) -> str:
    """Return a line wrapped below its own start; a command stays on one line, to be copied.

    A fix in words begins with a capital letter, a command does not.
    """
    if line.lstrip().startswith("->") and not line.lstrip(" ->")[:1].isupper():
        return line
    bare = line.lstrip("\n")
    indent = " " * (len(bare) - len(bare.lstrip()) + 4)
    return "\n" * (len(line) - len(bare)) + wrap(bare, indent)
