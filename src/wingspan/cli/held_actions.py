"""``wingspan holds actions | undo``: list what was done about held jobs, and undo it."""

import shlex
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wingspan.cli.held_json import actions_json
from wingspan.cli.json_output import print_json
from wingspan.cli.moments import Since, Until, between
from wingspan.cli.options import AsJson
from wingspan.cli.paper import wrap
from wingspan.shown import counted, shown_name

if TYPE_CHECKING:
    from wingspan.advisor.answers.actions import Bounds
    from wingspan.advisor.answers.advice import Incident
    from wingspan.advisor.answers.audit import Act, Recorded

_IDS = 3  # job ids of an act that are listed
_LISTED = 400  # characters of the ids of an act that was just done


class Deed(Enum):
    """An answer that may be acted on."""

    release = "release"
    fix = "fix"
    remove = "remove"


AuditFile = Annotated[
    Path | None,
    typer.Option(help="File of recorded acts [default: ~/.local/state/wingspan/holds.jsonl]."),
]


DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Ask the queue, print what would be done, and change nothing."),
]


def act_on(
    incidents: "Sequence[Incident]",
    deeds: Iterable[Deed],
    bounds: "Bounds",
    file: Path | None,
    *,
    dry: bool,
) -> None:
    """Act on advice, and print each act; a dry run only prints what it would do."""
    from wingspan.advisor.answers.actions import (
        fix_measured,
        left_out,
        release_advised,
        remove_proven,
    )
    from wingspan.advisor.answers.audit import Audit, Rehearsal
    from wingspan.pool.personal import use_pool

    use_pool()
    audit = Rehearsal(file) if dry else Audit(file)
    works = {Deed.release: release_advised, Deed.fix: fix_measured, Deed.remove: remove_proven}
    acts = 0
    for deed in (each for each in Deed if each in set(deeds)):
        for act in works[deed](incidents, bounds, audit):
            print(_act_text(act, dry=dry), flush=True)
            acts += 1
        for why, jobs in left_out(incidents, deed.value, early=bounds.early).items():
            print(wrap(f"no {deed.value} of {counted(jobs, 'job')}: {why}", "  "))
    option = "" if file is None else f" --audit {shlex.quote(str(file))}"
    if dry:
        print("nothing was done (--dry-run)")
    elif acts:
        print(f"recorded in {audit.path}; list it with: wingspan holds actions{option}")
    else:
        print("nothing was done")


def _act_text(act: "Act", *, dry: bool) -> str:
    """Return an act on lines that fit, with the ids of all its jobs up to a limit."""
    from wingspan.advisor.answers.audit import CHANGES

    ids = " ".join(act.jobs)
    cut = ids if len(ids) <= _LISTED else f"{ids[:_LISTED].rpartition(' ')[0]} ..."
    many = f" ({counted(len(act.jobs), 'job')})" if cut != ids else ""
    would = "would " if dry and act.what in CHANGES else ""
    return wrap(f"{would}{act.what} {cut}{many}: {' '.join(act.why.split())}", "  ")


def actions(
    jobs: Annotated[
        list[str] | None, typer.Argument(metavar="[JOB]...", help="Only acts on these jobs.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also list what was not done, with the reason.")
    ] = False,
    since: Since = None,
    until: Until = None,
    rows: Annotated[int, typer.Option(min=1, help="Number of acts, the latest.")] = 20,
    audit: AuditFile = None,
    as_json: AsJson = False,
) -> None:
    """List what `holds advise --apply` did, the latest last."""
    from wingspan.advisor.answers.audit import CHANGES, Audit

    record = Audit(audit)
    first, last = between(since, until, time.time())
    found = [
        one
        for one in record.read()
        if (everything or one.act.what in CHANGES)
        and first <= one.time <= last
        and (not jobs or any(_is_of(job, jobs) for job in one.act.jobs))
    ]
    if lost := record.damaged():
        note = f"{record.path}: {counted(lost, 'damaged line')} left out"
        print(wrap(note, "  "), file=sys.stderr)
    if as_json:
        print_json(actions_json(str(record.path), found))
        return
    if not found:
        chosen = jobs or since or until
        print(f"no {'such ' if chosen else ''}act is recorded in {record.path}")
        return
    print(f"{counted(len(found), 'act')} in {record.path}\n")
    for one in found[-rows:]:
        print("\n".join(_lines(one)))
    if len(found) > rows:
        print(f"{counted(len(found) - rows, 'earlier act')}: --rows {len(found)}")
    if any(one.done is None and one.act.id for one in found[-rows:]):
        note = "? is an act whose answer is unknown: Wingspan was stopped before HTCondor answered, or HTCondor failed"
        print(wrap(note, "  "))
    option = "" if audit is None else f" --audit {shlex.quote(str(audit))}"
    print(f"  -> wingspan holds undo ID{option}")


def undo(
    ids: Annotated[
        list[str],
        typer.Argument(metavar="ID...", help="Ids of acts, or what comes before their dash."),
    ],
    dry: DryRun = False,
    audit: AuditFile = None,
    as_json: AsJson = False,
) -> None:
    """Undo recorded acts on held jobs.

    Released jobs are held, held ones released, and edited values put back. Only jobs that are still in the queue, with
    the same global id, are changed.
    """
    from wingspan.advisor.answers.audit import Audit, Rehearsal
    from wingspan.advisor.answers.undo import find_acts
    from wingspan.advisor.answers.undo import undo as undo_act
    from wingspan.pool.personal import use_pool

    record = Rehearsal(audit) if dry else Audit(audit)
    chosen = [one for name in ids for one in find_acts(record, name)]
    before = len(record.read())
    use_pool()
    for one in chosen:
        for act in undo_act(one, record):
            if not as_json:
                print(_act_text(act, dry=dry), flush=True)
    if dry and not as_json:
        print("nothing was done (--dry-run)")
    if as_json:
        print_json(actions_json(str(record.path), record.read()[before:]))


def _is_of(job: str, wanted: Sequence[str]) -> bool:
    return job in wanted or job.partition(".")[0] in wanted


def _lines(one: "Recorded") -> list[str]:
    """Return what was done to which jobs, when and by whom, and below it why."""
    act = one.act
    more = f" and {len(act.jobs) - _IDS:,} more" if len(act.jobs) > _IDS else ""
    done = "?" if one.done is None else f"{one.done:,}"
    count = f", {done} of {counted(len(act.jobs), 'job')} done" if act.id else ""
    undone = f" (undone by {one.undone_by})" if one.undone_by else ""
    when = f"{datetime.fromtimestamp(one.time, UTC):%Y-%m-%d %H:%M:%S}Z"
    jobs = " ".join(act.jobs[:_IDS]) + more
    head = f"{act.id or '-':<10} {when} by {shown_name(one.user) or '-'}: {act.what} {jobs}{count}{undone}"
    return [wrap(head, "  "), wrap(f"  {shown_name(' '.join(act.why.split()))}", "  ")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(actions)
    app.command()(undo)
