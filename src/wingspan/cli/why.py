"""``wingspan why``: why jobs wait or are held, and where others run."""

import re
import shlex
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wingspan.cli.json_output import print_json
from wingspan.cli.options import AsJson, HomeOption
from wingspan.errors import NotFoundError
from wingspan.shown import brief, counted, duration, one_line, shown_name

if TYPE_CHECKING:
    from wingspan.accesspoint.matching import Match
    from wingspan.runner.run import Run
    from wingspan.sweep.records import Trial

Ad = Mapping[str, Any]  # a ClassAd of the bindings
_JOB = re.compile(r"(\d+)(?:\.(\d+))?")
_STATES = {
    1: "idle", 2: "running", 3: "being removed", 4: "completed", 5: "held", 6: "sending its output",
    7: "suspended",
}  # fmt: skip
_IDLE, _RUNNING, _HELD = 1, 2, 5
_STEPS = 80  # characters of the names of a job's steps
_ROWS = 20  # jobs of a cluster in a log that are listed


def why(
    what: Annotated[
        str, typer.Argument(metavar="RUN|JOB", help="Run id, 'last', or a job such as 12 or 12.0.")
    ] = "last",
    step: Annotated[
        str | None,
        typer.Argument(
            metavar="[STEP|LOG]", help="Only the jobs of this step; or a job's event log."
        ),
    ] = None,
    home: HomeOption = None,
    as_json: AsJson = False,
) -> None:
    """Explain why jobs are idle or held, and suggest a fix.

    Running jobs are listed with their host.
    """
    job_id = _job_id(what, home)
    if job_id is not None and step is not None:
        from wingspan.cli.job_report import explain_job

        explain_job(what, [Path(step)], _ROWS, as_json)
        return
    run = _run(what, home) if job_id is None else None
    if run is not None and step is not None and step not in run.steps:
        _explain_trial(run, step, as_json=as_json)
        return
    ads = _ads(job_id, run, step)
    if not ads and run is None:
        fix = f"`wingspan why {what} LOG` explains a job from its log; condor_q lists the jobs of the queue"
        raise NotFoundError(f"job {what}", "it is not in the queue of this access point", fix)
    found = _explained(ads)
    if run is not None and found and run.studies:
        from wingspan.cli.job_text import trial_by_job

        lanes = trial_by_job(run, run.attempts)
        found = [facts | {"lane": lanes.get(facts["job"], "")} for facts in found]
    waiting = {} if run is None or ads else _steps(run, step)
    notice = "" if run is None else run.trail.notice()
    if as_json:
        print_json({"jobs": found, "steps": waiting, "notice": notice})
        return
    texts = [_text(facts) for facts in found] or [_steps_text(run, waiting)]
    print("\n\n".join([*texts, notice] if notice else texts))


def _explain_trial(run: "Run", name: str, *, as_json: bool) -> None:
    """Print in which lanes, jobs and attempts a trial ran, and why the job of its lane waits."""
    from wingspan.cli.job_text import history_lines

    trial = _trial(run, name)
    tried, found = run.attempts.get(name, []), list[dict[str, Any]]()
    if trial.state == "running" and tried:
        ads = run.trail.queued(run.steps[name.rpartition("[")[0]])
        found = _explained(ad for ad in ads if f"{ad['ClusterId']}.{ad['ProcId']}" == tried[-1].job)
    if as_json:
        attempts = [asdict(one) for one in tried]
        print_json({"trial": name, "state": trial.state, "attempts": attempts, "jobs": found})
        return
    lines = [*history_lines(run, name, trial, tried), *(_text(facts) for facts in found)]
    if trial.state == "failed":
        lines.append(f"  -> wingspan logs {_word(name)} --run {run.run_id}")
    print("\n".join(lines))


def _run(what: str, home: Path | None) -> "Run":
    from wingspan.runner.runs import open_run

    return open_run(what, home=home)


def _trial(run: "Run", name: str) -> "Trial":
    from wingspan.errors import near

    trial = run.studies.trial(name)
    if trial is None:
        raise NotFoundError(f"run {run.run_id}", f"it has no step {name!r}", near(name, run.steps))
    return trial


def _job_id(what: str, home: Path | None) -> re.Match[str] | None:
    """Return a job's id; None if the text names a run."""
    from wingspan.runner.run_folder import find_home

    found = _JOB.fullmatch(what)
    if found is None:
        return None
    runs = find_home(home).run_ids()
    return None if any(run == what or run.endswith(f"-{what}") for run in runs) else found


def _ads(job_id: re.Match[str] | None, run: "Run | None", step: str | None) -> list[Ad]:
    if run is not None:
        return run.trail.queued(None if step is None else run.steps[step])
    if job_id is None:
        return []
    from wingspan.accesspoint.idle import queued_ads
    from wingspan.pool.personal import use_pool

    use_pool()
    proc = f" && ProcId == {job_id[2]}" if job_id[2] else ""
    return queued_ads(f"ClusterId == {job_id[1]}{proc}")


def _explained(ads: Iterable[Ad]) -> list[dict[str, Any]]:
    """Return one answer per group of jobs that HTCondor treats alike."""
    from wingspan.accesspoint.idle import look_at_pool

    alike: dict[tuple[object, ...], list[Ad]] = {}
    for ad in ads:
        state = ad.get("JobStatus")
        job = (ad.get("ClusterId"), ad.get("ProcId"))
        kinds = {
            _IDLE: (ad.get("AutoClusterId", job),),
            _HELD: (ad.get("HoldReasonCode"), ad.get("HoldReasonSubCode"), ad.get("HoldReason")),
        }
        alike.setdefault((state, *kinds.get(int(state or 0), job)), []).append(ad)
    idle = any(key[0] == _IDLE for key in alike)
    pool = look_at_pool() if idle else None
    found = []
    for group in alike.values():
        facts = _facts(group[0], len(group))
        if facts["state"] == "idle" and pool is not None:
            # Of jobs that are alike, only the first one that the negotiator looked at has its reason.
            facts |= _idle(max(group, key=lambda ad: "LastRejMatchReason" in ad), pool)
        found.append(facts)
    return found


def _facts(ad: Ad, count: int) -> dict[str, Any]:
    state = int(ad.get("JobStatus", 0))
    since = ad.get("EnteredCurrentStatus")
    facts = {
        "job": f"{ad.get('ClusterId')}.{ad.get('ProcId')}",
        "step": str(ad.get("WingspanStep") or ""),
        "jobs_alike": count,
        "state": _STATES.get(state, "unknown"),
        "since_s": None if since is None else max(0, round(time.time() - since)),
        "problem": "",
        "fix": "",
    }
    if state == _HELD:
        facts |= _held(ad)
    elif state != _IDLE:
        facts["problem"] = _where(ad)
    return facts


def _held(ad: Ad) -> dict[str, Any]:
    from wingspan.eventlog.codes import hold_name
    from wingspan.eventlog.rules import explain

    code, subcode = ad.get("HoldReasonCode"), ad.get("HoldReasonSubCode")
    reason = str(ad.get("HoldReason") or "")
    rule = explain(code, subcode, reason)
    named = f"{code}/{subcode} {hold_name(code)}: " if code is not None else ""
    job = f"{ad.get('ClusterId')}.{ad.get('ProcId')}"
    return {"problem": f"{named}{reason}\n{rule.cause}", "fix": rule.fix.replace("JOB", job)}


def _where(ad: Ad) -> str:
    host = ad.get("RemoteHost") or ad.get("LastRemoteHost")
    doing = ", its input is being transferred" if ad.get("TransferringInput") is True else ""
    starts = int(ad.get("NumJobStarts") or 0)
    again = f", start number {starts}" if starts > 1 else ""
    return f"on {host}{doing}{again}" if host else ""


def _idle(ad: Ad, pool: Any) -> dict[str, Any]:  # noqa: ANN401 - Pool, which is imported late
    from wingspan.accesspoint.idle import why_idle

    reason = why_idle(ad, pool)
    found = {"problem": reason.problem, "fix": reason.fix}
    return found if reason.match is None else {**found, **match_facts(reason.match)}


def match_facts(found: "Match") -> dict[str, Any]:
    """Return how a job fits all slots, as JSON's types."""
    return {
        "slots": found.total,
        "fit": found.fit,
        "free": found.free,
        "clauses": [clause._asdict() for clause in found.clauses],
    }


def _text(facts: Mapping[str, Any]) -> str:
    alike = f", and {facts['jobs_alike'] - 1} jobs alike" if facts["jobs_alike"] > 1 else ""
    step = brief(facts["step"] or "", _STEPS)
    named = [f"step {step}" if step else "", facts.get("lane", "")]
    step = f" ({', '.join(filter(None, named))})" if any(named) else ""
    since = "" if facts["since_s"] is None else f" for {duration(facts['since_s'])}"
    lines = [f"job {facts['job']}{step}{alike}: {facts['state']}{since}"]
    lines += [f"  {line}" for line in facts["problem"].splitlines()]
    lines += [f"  -> {line}" for line in facts["fix"].splitlines()]
    if "clauses" in facts:
        lines += clause_lines(facts)
    return "\n".join(lines)


def clause_lines(facts: Mapping[str, Any]) -> list[str]:
    """Return a table of the clauses that some slots do not meet, with the slots that do."""
    total = facts["slots"]
    rows = [(one["text"], one["slots"]) for one in facts["clauses"] if one["slots"] < total]
    lines = [f"  {slots:6} of {total} slots meet {text}" for text, slots in rows]
    return [*lines, f"  {facts['fit']:6} of {total} meet all, {facts['free']} with room now"]


def _steps(run: "Run", step: str | None) -> dict[str, str]:
    """Explain why steps have no job in the queue."""
    events = run.events
    names = {planned.key: name for name, planned in run.steps.items()}
    states = {}
    for name in [step] if step else list(events):
        event, needs = events[name], [names[key] for key in run.steps[name].needs]
        open_needs = [need for need in needs if events[need].state != "done"]
        waits = f", for {', '.join(open_needs)}" if event.state == "waiting" and open_needs else ""
        states[name] = f"{event.state}{waits}{': ' if event.problem else ''}{event.problem}"
    return states


def _steps_text(run: "Run | None", steps: Mapping[str, str]) -> str:
    if run is None:
        return ""
    from wingspan.runner.alike import pointers

    events = run.events
    same = pointers(events[name] for name in steps)
    lines = [f"run {run.run_id}: {run.state}; {run.trail.without_jobs}"]
    done = [name for name, state in steps.items() if state == "done"]
    if len(done) > 1:
        lines = [lines[0], f"  {counted(len(done), 'step')} done"]
        steps = {name: state for name, state in steps.items() if state != "done"}
    for name, state in steps.items():
        as_first = f"failed as {shown_name(same[name])}" if name in same else ""
        lines.append(f"  {shown_name(name)}: {as_first or one_line(state)}")
    failed = [name for name in steps if events[name].state == "failed" and name not in same]
    return "\n".join(
        [*lines, *(f"  -> wingspan logs {_word(name)} --run {run.run_id}" for name in failed)]
    )


def _word(name: str) -> str:
    """Return a name as a word of a shell."""
    return shlex.quote(shown_name(name))


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(why)
