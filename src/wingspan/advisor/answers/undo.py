"""Undo recorded acts on jobs that are still in the queue: release and hold, and edits.

A job is touched only if its global id is the recorded one. What cannot be undone is reported with the reason.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from wingspan.accesspoint.jobs import edit, hold, release
from wingspan.advisor.answers.actions import GLOBAL_ID, HELD, carry_out, queued
from wingspan.advisor.answers.audit import Act, Audit, Recorded
from wingspan.errors import ConflictError, NotFoundError

_LEAVING: Final = frozenset({3, 4})  # removed and completed jobs
_UNDEFINED: Final = "undefined"


def find_acts(audit: Audit, name: str) -> list[Recorded]:
    """Return the act with an id, or all acts of a command, the last first.

    A command is named by the CALL in ``CALL-NUMBER``.

    Raises
    ------
    NotFoundError
        No act has this id.
    ConflictError
        A removal is among them, which cannot be undone.
    """
    chosen = [
        one for one in audit.read() if one.act.id and name in {one.act.id, _call_of(one.act.id)}
    ]
    if not chosen:
        fix = "`wingspan holds actions` lists the ids"
        raise NotFoundError(f"act {name}", f"no act in {audit.path} has this id", fix)
    for one in chosen:
        if one.act.what == "remove":
            jobs = " ".join(one.act.jobs)
            fix = f"submit the jobs again; `condor_history {jobs} -long` prints how they were submitted"
            raise ConflictError(f"act {one.act.id}", "a removed job cannot come back", fix)
    return chosen[::-1]


def _call_of(act_id: str) -> str:
    return act_id.partition("-")[0]


def undo(recorded: Recorded, audit: Audit) -> Iterator[Act]:
    """Undo one act; yield what was done, and for every other job why it was not."""
    with audit.alone():
        yield from _undo(recorded.act, audit)


def _undo(act: Act, audit: Audit) -> Iterator[Act]:
    ads = queued(act.jobs, [act.attribute] if act.attribute else [])
    good: list[str] = []
    for job in act.jobs:
        why = _why_not(act, job, ads.get(job))
        if why:
            yield audit.write(Act("skip", (job,), f"undo of {act.id}: {why}"))
        else:
            good.append(job)
    if act.what == "edit":
        yield from _put_back(act, good, audit)
    elif good:
        yield from _reverse(act, good, audit)


def _why_not(act: Act, job: str, ad: Mapping[str, Any] | None) -> str:
    """Return why a job is left as it is; empty if the act on it can be undone."""
    if ad is None:
        return "it has left the queue"
    if act.global_ids.get(job) != ad.get(GLOBAL_ID):
        return "the job with this number in the queue is another one"
    status = ad.get("JobStatus")
    if act.what == "release" and status == HELD:
        return "it is held"
    if act.what == "release" and status in _LEAVING:
        return "it has ended"
    if act.what == "hold" and status != HELD:
        return "it is not held"
    now = str(ad.get(act.attribute, _UNDEFINED))
    if act.what == "edit" and now != act.value:
        return f"{act.attribute} is {now} now, not {act.value}"
    return ""


def _reverse(act: Act, jobs: Sequence[str], audit: Audit) -> Iterator[Act]:
    made = Act(
        "hold" if act.what == "release" else "release",
        tuple(jobs),
        f"undo of {act.id}",
        global_ids=_global_ids(act, jobs),
        undoes=act.id,
    )
    yield from carry_out(made, audit, hold if made.what == "hold" else release)


def _put_back(act: Act, jobs: Sequence[str], audit: Audit) -> Iterator[Act]:
    """Set the old values again; jobs with one old value are edited together."""
    for value in dict.fromkeys(act.before.get(job, _UNDEFINED) for job in jobs):
        mine = tuple(job for job in jobs if act.before.get(job, _UNDEFINED) == value)
        made = Act(
            "edit",
            mine,
            f"undo of {act.id}: {act.attribute} = {value}",
            global_ids=_global_ids(act, mine),
            attribute=act.attribute,
            value=value,
            before=dict.fromkeys(mine, act.value),
            undoes=act.id,
        )
        yield from carry_out(made, audit, partial(_set, attribute=act.attribute, value=value))


def _set(jobs: Sequence[str], _: str, *, attribute: str, value: str) -> int:
    return edit(jobs, attribute, value)


def _global_ids(act: Act, jobs: Sequence[str]) -> dict[str, str]:
    return {job: act.global_ids[job] for job in jobs}
