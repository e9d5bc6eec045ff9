"""Write advice on held jobs, and acts on them, as JSON with a stable schema.

Every key is always present, and unknown values are null. Names end in their unit: ``_s`` is seconds, and ``_at_s`` a time
in seconds since 1970 (UTC). The page on held jobs documents all keys.
"""

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from wingspan.advisor.answers.advice import Advice, Incident
    from wingspan.advisor.answers.audit import Recorded
    from wingspan.advisor.answers.overview import Row

ADVISE: Final = "wingspan.holds.advise/1"
WATCH: Final = "wingspan.holds.watch/1"
ACTIONS: Final = "wingspan.holds.actions/1"


def advice_json(
    rows: "Iterable[tuple[int, Row]]", incidents: "Sequence[Incident]", by: str, at_s: float
) -> dict[str, Any]:
    """Return the whole advice: the table's numbered rows, and the jobs by incident."""
    return {
        "schema": ADVISE,
        "advised_at_s": at_s,
        "jobs": sum(len(each.jobs) for each in incidents),
        "by": by,
        "rows": [row_json(number, row) for number, row in rows],
        "incidents": [incident_json(each) for each in incidents],
    }


def row_json(number: int, row: "Row") -> dict[str, Any]:
    """Return one row of the table."""
    code, _, subcode = row.code.partition("/")
    return {
        "row": number,
        "key": row.key or None,
        "code": int(code),
        "subcode": int(subcode),
        "answer": row.answer,
        "cause": row.cause,
        "jobs": len(row.jobs),
        "jobs_with_another_answer": row.other,
        "clusters": row.clusters,
        "users": row.users or None,
        "hosts": row.hosts or None,
        "ran_s": row.ran_s,
    }


def incident_json(incident: "Incident") -> dict[str, Any]:
    """Return an incident with its jobs."""
    return {
        "code": incident.code,
        "subcode": incident.subcode,
        "name": incident.name,
        "answer": incident.answer,
        "plan": incident.plan or None,
        "jobs": [job_json(job) for job in incident.jobs],
    }


def watch_json(job: "Advice") -> dict[str, Any]:
    """Return the advice on a job that was just held."""
    return {"schema": WATCH, **job_json(job)}


def job_json(job: "Advice") -> dict[str, Any]:
    """Return the advice on one job."""
    attribute, value = job.edit or (None, None)
    return {
        "job": job.job,
        "access_point": job.access_point or None,
        "owner": job.owner or None,
        "host": job.host or None,
        "code": job.code,
        "subcode": job.subcode,
        "reason": job.reason,
        "held_at_s": job.held_at,
        "ran_s": _number(job.ran_s),
        "answer": job.answer,
        "release_at_s": _number(job.at),
        "probability": _number(job.probability),
        "probability_low": _number(job.low),
        "probability_high": _number(job.high),
        "decided_by": job.decided_by,
        "cause": job.cause,
        "fix": job.fix,
        "command": job.command or None,
        "edit_attribute": attribute,
        "edit_value": value,
        "fault": job.whose or None,
        "fault_probability": job.share if job.whose else None,
        "evidence": list(job.evidence),
    }


def actions_json(file: str, acts: "Iterable[Recorded]") -> dict[str, Any]:
    """Return recorded acts, the oldest first."""
    return {"schema": ACTIONS, "file": file, "acts": [act_json(one) for one in acts]}


def act_json(recorded: "Recorded") -> dict[str, Any]:
    """Return one recorded act."""
    act = recorded.act
    return {
        "id": act.id or None,
        "recorded_at_s": recorded.time,
        "user": recorded.user or None,
        "what": act.what,
        "jobs": list(act.jobs),
        "jobs_done": recorded.done,
        "global_ids": dict(act.global_ids),
        "attribute": act.attribute or None,
        "value": act.value or None,
        "before": dict(act.before),
        "why": act.why,
        "undoes": act.undoes or None,
        "undone_by": recorded.undone_by or None,
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
