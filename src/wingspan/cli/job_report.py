"""Print what a log says about one job, or about all jobs of a cluster or node."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wingspan.cli.held_json import job_json
from wingspan.cli.held_text import cut_lines, fit
from wingspan.cli.json_output import print_json
from wingspan.cli.paper import amount, columns
from wingspan.eventlog.job_state import Phase
from wingspan.shown import counted, duration, shown_name

if TYPE_CHECKING:
    from wingspan.advisor.answers.one_job import JobReport
    from wingspan.eventlog.attempt import Amounts, Attempt

SCHEMA: Final = "wingspan.holds.job/1"
_DETAILED: Final = 3  # jobs that are explained in full; of more, only a table is printed
_SHORTEST: Final = 20  # characters of why a job is in its state, at least
_ATTEMPTS: Final = 12  # the latest, that are printed


def explain_job(wanted: str, logs: Sequence[Path], rows: int, as_json: bool) -> None:
    """Print what logs say about a job, all jobs of a cluster, or a DAG node."""
    from wingspan.advisor.answers.one_job import explain_jobs
    from wingspan.cli.logs import read

    reports = explain_jobs(read(logs), wanted)
    if as_json:
        print_json(reports_json(wanted, reports))
    elif len(reports) <= _DETAILED:
        print("\n\n".join("\n".join(map(fit, _lines(report))) for report in reports))
    else:
        print("\n".join(map(fit, _table(wanted, reports, logs, rows))))


def reports_json(wanted: str, reports: "Sequence[JobReport]") -> dict[str, Any]:
    """Return reports as JSON; see `held_json` for its rules."""
    return {"schema": SCHEMA, "asked": wanted, "jobs": [_json(report) for report in reports]}


def _json(report: "JobReport") -> dict[str, Any]:
    return {
        "job": report.job,
        "access_point": report.access_point or None,
        "node": report.node or None,
        "state": report.state.name.lower(),
        "submitted_at_s": None if math.isnan(report.submitted_at) else report.submitted_at,
        "state_since_at_s": report.since,
        "log_ends_at_s": report.log_ends_at,
        "waits": report.waits,
        "next": list(report.steps),
        "slot_s": report.slot_s,
        "queued_s": report.queued_s,
        "held_s": report.held_s,
        "disconnects": report.disconnects,
        "disconnected_s": report.disconnected_s,
        "costs": [
            {"end": cost.what, "attempts": cost.times, "slot_s": cost.slot_s}
            for cost in report.costs
        ],
        "attempts": [_attempt_json(one) for one in report.attempts],
        "advice": None if report.advice is None else job_json(report.advice),
    }


def _attempt_json(one: "Attempt") -> dict[str, Any]:
    times = ("queued_s", "input_s", "run_s", "output_s", "held_s")
    return {
        "number": one.number,
        "began_at_s": one.began,
        "host": one.host or None,
        **{name: getattr(one, name) for name in times},
        "end": one.outcome or None,
        "reason": one.reason or None,
        "memory_used_mb": one.memory_mb.used,
        "memory_requested_mb": one.memory_mb.asked,
        "cpus_used": one.cpus.used,
        "cpus_requested": one.cpus.asked,
    }


def _lines(report: "JobReport") -> Iterator[str]:
    node = f", node {shown_name(report.node)}" if report.node else ""
    state = report.state.name.lower()
    since = f"{_time(report.since)}, {duration(report.log_ends_at - report.since)}"
    yield f"job {report.job}{node}: {state} since {since} before the log's end"
    if report.advice is None:
        yield f"  {report.waits}"
    else:
        yield f"  {' '.join(report.advice.reason.split()) or 'no reason in the log'}"
        yield f"  cause: {report.advice.cause}"
        yield f"  answer: {report.advice.answer} (decided by {report.advice.decided_by})"
    yield from (f"  -> {each}" for each in report.steps)
    yield ""
    yield from _history(report)
    yield ""
    yield from _cost(report)


def _history(report: "JobReport") -> Iterator[str]:
    if math.isnan(report.submitted_at):
        yield f"  the log begins after its submission; first event {_time(report.first_at)}"
    else:
        yield f"  submitted {_time(report.submitted_at)} at {report.access_point or '-'}"
    shown = report.attempts[-_ATTEMPTS:]
    if len(shown) < len(report.attempts):
        yield f"  {counted(len(report.attempts) - len(shown), 'earlier attempt')}: --json lists all"
    for one in shown:
        where = f" on {shown_name(one.host)}" if one.host else ""
        yield f"  {one.number}. {_time(one.began)}{where}: {', '.join(_phases(one))}"
        use = [
            each for each in (_use("memory", one.memory_mb, "MB"), _use("CPUs", one.cpus)) if each
        ]
        if use:
            yield f"     {', '.join(use)}"
        if one.reason:
            yield f"     {shown_name(' '.join(one.reason.split()))}"


def _phases(one: "Attempt") -> Iterator[str]:
    names = {"queued": one.queued_s, "input": one.input_s, "ran": one.run_s, "output": one.output_s}
    yield from (f"{name} {duration(spent)}" for name, spent in names.items() if spent)
    if one.outcome:
        yield f"held {duration(one.held_s)}" if one.outcome == "held" else one.outcome
    else:
        yield "waiting" if one.phase == Phase.QUEUED else "not ended"


def _use(name: str, amounts: "Amounts", unit: str = "") -> str:
    if amounts.used is None:
        return ""
    asked = "" if amounts.asked is None else f" of {amount(amounts.asked)} requested"
    return f"{name} {amount(amounts.used)}{f' {unit}' if unit else ''}{asked}"


def _cost(report: "JobReport") -> Iterator[str]:
    yield f"  slot time {duration(report.slot_s)} in {counted(_begun(report), 'attempt')}"
    for cost in report.costs:
        yield f"    {cost.what}: {duration(cost.slot_s)} in {counted(cost.times, 'attempt')}"
    if report.disconnects:
        yield f"    disconnected: {duration(report.disconnected_s)} in {counted(report.disconnects, 'disconnect')}"
    yield f"  waited {duration(report.queued_s)} in the queue and {duration(report.held_s)} on hold"


def _table(
    wanted: str, reports: "Sequence[JobReport]", logs: Sequence[Path], rows: int
) -> Iterator[str]:
    """Yield the states, ends and costs of many jobs, and a line for each of some."""
    states = Counter(report.state.name.lower() for report in reports)
    counts = ", ".join(f"{count:,} {state}" for state, count in states.most_common())
    yield f"{wanted}: {counted(len(reports), 'job')}, {counts}"
    slot_s: Counter[str] = Counter()
    for report in reports:
        for cost in report.costs:
            slot_s[cost.what] += round(cost.slot_s)
    for what, spent in slot_s.most_common():
        yield f"  slot time {duration(spent)}: {what}"
    yield ""
    order = sorted(reports, key=lambda report: report.state.name == "COMPLETED")
    width = max(len(report.job) for report in order[:rows])
    for report in order[:rows]:
        attempts = counted(_begun(report), "attempt")
        facts = f"  {report.job:<{width}} {report.state.name.lower():<10}{attempts:<12}"
        why = report.waits if report.advice is None else report.advice.cause
        yield f"{facts}{cut_lines(why, max(columns() - len(facts), _SHORTEST), 1)[0]}"
    if len(order) > rows:
        yield f"  {counted(len(order) - rows, 'more job')}: --rows {len(order)}"
    names = " ".join(map(str, logs))
    yield f"  -> wingspan holds explain {order[0].job} {names}   # one of them in full"


def _begun(report: "JobReport") -> int:
    """Count the attempts without one that only waits in the queue."""
    return sum(bool(one.outcome) or one.phase != Phase.QUEUED for one in report.attempts)


def _time(at: float) -> str:
    return "-" if math.isnan(at) else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}Z"
