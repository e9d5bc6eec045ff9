"""Describe what jobs on a pool do, and the trials in them: lane, job, machine, attempt."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from wingspan.runner.trials.lanes import lane_of, lanes_now
from wingspan.shown import brief, shown

if TYPE_CHECKING:
    from wingspan.eventlog.attempt import Attempt
    from wingspan.runner.run import Run
    from wingspan.sweep.records import Trial

_MOST: Final = 20  # lanes that are listed
_REASON: Final = 200  # characters of why an attempt ended, or is held


def job_now(attempt: "Attempt") -> str:
    """Return what a job does now, where and for how long; if it has ended, where it ran."""
    if attempt.outcome and attempt.outcome != "held":
        return attempt.host
    on = f" on {attempt.host}" if attempt.host else ""
    why = (
        f": {brief(attempt.reason, _REASON)}"
        if attempt.outcome == "held" and attempt.reason
        else ""
    )
    return f"{attempt.phase}{on} for {max(time.time() - attempt.since, 0):,.0f} s{why}"


def lane_lines(run: "Run", attempts: "Mapping[str, Sequence[Attempt]]") -> Iterator[str]:
    """Yield a line for each lane that has a job in the queue."""
    for sweep in run.studies if attempts else ():
        lanes = lanes_now(sweep, attempts, _running(run, sweep))
        for one in lanes[:_MOST]:
            again = f", attempt {one.tries}" if one.tries > 1 else ""
            trial = f"{one.trial}{again}" if one.trial else "no trial"
            job = f"job {one.attempt.job} is {job_now(one.attempt)}"
            yield f"{sweep}, {lane_of(one.attempt)}: {trial}; {job}"
        if len(lanes) > _MOST:
            yield f"{sweep}: and {len(lanes) - _MOST} more lanes: wingspan why {run.run_id} {sweep}"


def trial_by_job(run: "Run", attempts: "Mapping[str, Sequence[Attempt]]") -> dict[str, str]:
    """Return what the jobs of lanes do now, by id, such as ``lane 1, fit[3], attempt 2``."""
    found = {}
    for sweep in run.studies:
        for one in lanes_now(sweep, attempts, _running(run, sweep)):
            again = f", attempt {one.tries}" if one.tries > 1 else ""
            trial = f", {one.trial}{again}" if one.trial else ""
            found[one.attempt.job] = f"{lane_of(one.attempt)}{trial}"
    return found


def _running(run: "Run", sweep: str) -> set[str]:
    """Return the names of all calls of the trials of a sweep that have not ended."""
    from wingspan.errors import NotFoundError

    try:
        study = run.studies[sweep]
    except NotFoundError:
        return set()
    trials = [trial for trial in study.trials if trial.state == "running"]
    calls = range(1, study.spec.repeats)
    names = {f"{sweep}[{trial.number}]" for trial in trials}
    return names | {f"{sweep}[{trial.number}.{call}]" for trial in trials for call in calls}


def history_lines(
    run: "Run", name: str, trial: "Trial", tried: "Sequence[Attempt]"
) -> Iterator[str]:
    """Yield how a trial has gone: its state, then each attempt with lane, job, machine and end."""
    if tried:
        yield f"trial {name}: {trial.state}"
    else:
        state = trial.state if trial.attempts or trial.state != "running" else "not begun"
        yield f"trial {name}: {state}; {_without_attempts(run)}"
    for one in tried:
        on = f" on {one.host}" if one.host else ""
        if one is tried[-1] and trial.state != "running":
            ended = trial.state
        elif one.outcome:
            reason = f": {brief(shown(one.reason), _REASON)}" if one.reason else ""
            ended = f"{one.outcome}{reason}"
        else:
            ended = job_now(one)
        yield f"  attempt {one.number}: {lane_of(one)}, job {one.job}{on}: {ended}"
    if trial.problem:
        last = trial.problem.strip().splitlines()[-1]
        yield f"  {brief(shown(last), _REASON)}"


def _without_attempts(run: "Run") -> str:
    """Return what it means that no attempt of a trial is known."""
    return "no job of this run ran it" if run.attempts else run.trail.without_jobs
