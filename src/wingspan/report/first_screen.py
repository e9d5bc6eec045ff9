"""Say first what failed, why and what to do; else how far a run is, or its result. Pure."""

import re
import shlex
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from wingspan.eventlog.job_state import Phase
from wingspan.report.amounts import number, seconds
from wingspan.report.details import step_href
from wingspan.report.page import Block, Callout, Table
from wingspan.report.run_facts import FailureFacts, RunFacts
from wingspan.report.stretches import path_of, spent
from wingspan.runner.alike import names_of
from wingspan.runner.eta import time_left, usual_times
from wingspan.runner.events import DONE, FAILED, HELD, RUNNING, SKIPPED, STOPPED, UNDER_WAY, WAITING
from wingspan.runner.htcondor.hold_policy import MEANINGS
from wingspan.runner.layers import map_of
from wingspan.shown import brief, counted

if TYPE_CHECKING:
    from wingspan.tabular.evaluate import Evaluation

_GROUPS: Final = 3  # kinds of failures on the first screen
_CAUSE: Final = 600  # characters of a cause
_EACH: Final = 500  # steps of a group that are listed
_DIFFER: Final = 5  # of their inputs and parameters
_VALUE: Final = 80  # characters of each
_OPEN_LINES: Final = 14  # of a traceback that is open from the first
_RESULTS: Final = 8
_HELD: Final = 5
_TROUBLE: Final = (
    "held",
    "evicted",
    "lost",
    "shadow exception",
    "not executable",
    "lacked memory",
    "lacked disk",
    "left a bad machine",
)
_LONG_S: Final = 10.0
_TEST: Final = "test"  # the step of a table training that judges the best model on sealed rows
_BARE: Final = re.compile(r"(?:\w+: )?[A-Z]\w+(?:; .*)?")  # a class' name alone says nothing


def first_screen(facts: RunFacts, *, values: bool = True) -> list[Block]:
    """Return the blocks.

    Parameters
    ----------
    values
        Also values of parameters, and results that may hold some.
    """
    lead: list[Block] = [_failure(facts, one, values=values) for one in facts.failures[:_GROUPS]]
    if (more := len(facts.failures) - _GROUPS) > 0:
        text = f"{counted(more, 'more kind')} of failure"
        lead.append(Callout("bad", text, ["See the table of steps."]))
    lead += _held(facts)
    if facts.state == RUNNING:
        lead.append(_progress(facts, values=values))
    elif facts.state == STOPPED:
        lead.append(_stopped(facts))
    elif facts.state == DONE:
        lead.append(_result(facts, values=values))
    return lead


def _failure(facts: RunFacts, one: FailureFacts, *, values: bool) -> Callout:
    names = one.steps
    several = (
        f"{counted(len(names), 'step')} failed in the same way"
        if len(names) > 1
        else f"{names[0]} failed"
    )
    lines = [brief(one.problem, _CAUSE)]
    if one.host:
        lines.append(f"On {one.host}.")
    if len(names) > 1:
        events = {step.name: step.event for step in facts.steps}
        lines.append(f"Steps: {names_of([events[name] for name in names])}.")
    waiting = [step.event for step in facts.steps if step.event.state == SKIPPED]
    if waiting and one is facts.failures[0]:
        lines.append(f"Not run, as they need what failed: {names_of(waiting)}.")
    again = facts.command if one is facts.failures[0] else ""
    commands = [("Run it again; what is finished is kept:", again)]
    commands.append(("See all of its output:", _logs(facts, names[0])))
    commands.append(("Run this step alone:", one.alone))
    trace = one.trace
    more = []
    if trace:
        fits = len(trace.splitlines()) <= _OPEN_LINES and len(facts.failures) == 1
        more.append(("Traceback", trace, fits))
    if one.text and one.text != trace:
        more.append(("Inputs and last output", one.text.replace(trace, "").strip(), False))
    return Callout(
        "bad",
        several,
        lines,
        _sentence(one.fix),
        [(why, command) for why, command in commands if command],
        more,
        _each(facts, one, values=values) if len(names) > 1 else None,
    )


def _each(facts: RunFacts, one: FailureFacts, *, values: bool) -> Table:
    """Return the steps that failed in the same way, with what differs among them."""
    by_name = {step.name: step for step in facts.steps}
    steps = [by_name[name] for name in one.steps]
    given = [dict(step.inputs) | (dict(step.parameters) if values else {}) for step in steps]
    differ = [
        place
        for place in dict.fromkeys(place for each in given for place in each)
        if len({each.get(place) for each in given}) > 1
    ][:_DIFFER]
    columns = {place: [brief(each.get(place, ""), _VALUE) for each in given] for place in differ}
    columns["problem"] = [brief(step.event.problem, _CAUSE) for step in steps]
    columns["machine"] = [step.attempts[-1].host if step.attempts else "" for step in steps]
    shown = {name: of for name, of in columns.items() if any(of)}
    rows = [list(row) for row in zip(one.steps, *shown.values(), strict=True)]
    return Table(
        f"failed-{facts.failures.index(one)}",
        f"The {counted(len(rows), 'step')}, with what differs; a click shows each one's traceback",
        ["step", *shown],
        rows[:_EACH],
        links=[step_href(name) for name in one.steps[:_EACH]],
        total=len(rows) if len(rows) > _EACH else 0,
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _logs(facts: RunFacts, step: str) -> str:
    return f"wingspan logs {shlex.quote(step)} --run {facts.run_id}"


def _held(facts: RunFacts) -> list[Callout]:
    """Return the jobs that are held now, by reason."""
    reasons: dict[str, list[str]] = {}
    for step in facts.steps:
        last = step.attempts[-1] if step.attempts else None
        held = step.event.state == HELD or (last is not None and last.phase == Phase.HELD)
        if held and step.event.state in UNDER_WAY:
            reason = last.reason if last is not None else ""
            text = reason or step.event.problem or "no reason is known"
            reasons.setdefault(text, []).append(step.name)
    found = []
    for reason, names in list(reasons.items())[:_HELD]:
        title = f"{names[0]} is held" if len(names) == 1 else f"{len(names)} jobs are held"
        command = f"wingspan why {facts.run_id}"
        explain = ("Explain the hold, with what to do:", command)
        found.append(Callout("bad", title, [brief(reason, _CAUSE)], "", [explain]))
    return found


def _progress(facts: RunFacts, *, values: bool) -> Callout:
    counts = [
        f"{facts.count(state):,} {state}"
        for state in (DONE, RUNNING, HELD, WAITING, FAILED)
        if facts.count(state)
    ]
    lines = [
        f"{facts.count(DONE):,} of {counted(len(facts.steps), 'step')} done: {', '.join(counts)}."
    ]
    events = {step.name: step.event for step in facts.steps}
    needs = {step.name: step.needs for step in facts.steps}
    left = time_left(events, needs, usual_times(events.values(), {}), facts.now)
    more = f", and about {seconds(left.seconds)} are left" if left is not None else ""
    lines.append(f"It has been going on for {seconds(facts.now - facts.created)}{more}.")
    if values:
        lines += [f"{name}: {study.summary()}" for name, study in facts.studies.items()]
    running = [step.event for step in facts.steps if step.event.state == RUNNING][:_RESULTS]
    for event in running:
        note = f", {event.note}" if event.note else ""
        lines.append(f"{event.step}: running for {seconds(facts.now - event.time)}{note}")
    return Callout(
        "busy", "The run goes on", lines, "", [("Follow it:", f"wingspan watch {facts.run_id}")]
    )


def _stopped(facts: RunFacts) -> Callout:
    left = len(facts.steps) - facts.count(DONE)
    lines = [f"Steps done: {facts.count(DONE):,}, left: {left:,}. What is finished is kept."]
    problems = dict.fromkeys(
        step.event.problem
        for step in facts.steps
        if step.event.state == STOPPED and step.event.problem
    )
    lines += [brief(one, _CAUSE) for one in list(problems)[:2]]
    return Callout(
        "note", "The run was stopped", lines, "", [("Go on:", f"wingspan resume {facts.run_id}")]
    )


def _result(facts: RunFacts, *, values: bool) -> Callout:
    """Return the result of a run: its best model, best trials, last results."""
    label, metrics = facts.chosen
    sealed = facts.evaluations.get(_TEST) if label else None
    kind = "row" if sealed is None else "validation row"
    lines = [
        f"Best model: {label}, {_judged(one, metrics)}, on {counted(one.rows, kind)}."
        for name, one in facts.evaluations.items()
        if label and name.endswith(f"[{label}]")
    ]
    if sealed is not None:
        lines.append(f"On {counted(sealed.rows, 'sealed test row')}: {_judged(sealed, metrics)}.")
    if values:
        lines += [f"{name}: {study.summary()}" for name, study in facts.studies.items()]
    lines += [f"{name}: {text}" for name, text in facts.results if not _BARE.fullmatch(text)][
        :_RESULTS
    ]
    title = f"Done: {counted(len(facts.steps), 'step')} in {seconds(_took(facts))}"
    return Callout("good", title, [*lines, *_slowest(facts), *_trouble(facts)])


def _judged(one: "Evaluation", metrics: Sequence[str]) -> str:
    """Return the metrics that decided, with their intervals."""
    known = {name: one.metrics[name] for name in metrics if name in one.metrics}
    return ", ".join(
        f"{name} {_rounded(of.value)} ({_rounded(of.low)} to {_rounded(of.high)})"
        for name, of in known.items()
    )


def _rounded(value: float | None) -> str:
    return number(value if value is None or abs(value) >= 1000 else float(f"{value:.3g}"))


def _slowest(facts: RunFacts) -> list[str]:
    """Return what the time of a longer run went into."""
    if _took(facts) < _LONG_S:
        return []
    links = path_of({step.name: step.needs for step in facts.steps}, facts.stretches)
    ran, waited = sum(link.ran_s for link in links), sum(link.waited_s for link in links)
    longest = max(links, key=lambda link: link.ran_s)
    path = f"The critical path ran for {seconds(ran)} and waited for {seconds(waited)}."
    return [f"{path} Its longest step: {longest.step}, {seconds(longest.ran_s)}."]


def _trouble(facts: RunFacts) -> list[str]:
    """Return what went wrong on the way to a good end, and what to request the next time."""
    jobs = {(one.job, one.number): one.outcome for step in facts.steps for one in step.attempts}
    outcomes = Counter(MEANINGS.get(outcome, outcome) for outcome in jobs.values())
    lost = {outcome: outcomes[outcome] for outcome in _TROUBLE if outcomes[outcome]}
    lines = []
    if lost:
        sums = spent(facts.stretches, 0.0, 0.0)
        what = " and ".join(
            f"{counted(count, 'attempt')} {outcome}" for outcome, count in lost.items()
        )
        lines = [f"On the way: {what}, {seconds(sums.failed_s + sums.lost_s)} of slot time lost."]
    hints: dict[str, str] = {}
    for step in facts.steps:
        for one in step.usage:
            if one.too_small and not one.over and one.stated:
                name = map_of(step.name)
                hints[f"{name} {one.resource}"] = f"Requests of {name} do not fit: it {one.hint()}"
    return [*lines, *list(hints.values())[:_HELD]]


def _took(facts: RunFacts) -> float:
    return max((one.end for one in facts.stretches), default=facts.created) - facts.created
