"""Lay out what is known of a run as its page. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from wingspan.draw.curves import Panel, curves_svg
from wingspan.draw.frame import Axis, ends
from wingspan.draw.graph import graph_svg
from wingspan.draw.trials import Line, lines_svg, thinned
from wingspan.eventlog.rules import explain
from wingspan.report.amounts import megabytes, number, seconds, stamp
from wingspan.report.details import step_href, step_id
from wingspan.report.first_screen import first_screen
from wingspan.report.graph import nodes_of
from wingspan.report.model_blocks import evaluation_blocks, importance_blocks
from wingspan.report.page import Block, Cell, Lines, Page, Pairs, Picture, Section, Table
from wingspan.report.redact import NOTE
from wingspan.report.run_facts import RunFacts
from wingspan.report.step_facts import StepFacts
from wingspan.report.study_blocks import study_blocks
from wingspan.report.time_blocks import time_blocks
from wingspan.report.use_table import use_tables
from wingspan.runner.events import DONE, FAILED, HELD, RUNNING, STOPPED
from wingspan.runner.layers import map_of
from wingspan.shown import counted

_METRICS: Final = 12  # pictures
_CURVES: Final = 30  # lines in one
_NAMED: Final = 5  # steps, or runs, that are named
_FIRST: Final = {FAILED: 0, HELD: 1, RUNNING: 2, STOPPED: 3}


def run_page(
    facts: RunFacts, details: Mapping[str, Mapping[str, Any]], *, redacted: bool = False
) -> Page:
    """Return the page of a run.

    Parameters
    ----------
    details
        What a click on a step shows, by its id.
    redacted
        The facts are: values of parameters that a sweep tried are left out too.
    """
    made = [
        Section("pipeline", "Pipeline", _pipeline(facts)),
        Section("steps", "Steps", [_steps(facts, details)]),
        Section("results", "Results", _numbers(facts)),
        Section("models", "Models", _models(facts)),
        Section("metrics", "Metrics logged", _metrics(facts)),
        *(
            Section(
                f"sweep-{place}",
                f"Sweep {name}",
                study_blocks(study, f"trials-{place}", values=not redacted),
            )
            for place, (name, study) in enumerate(facts.studies.items())
        ),
        Section("time", "Time", time_blocks(facts)),
        Section("use", "Request against use", use_tables(facts)),
        Section("holds", "Holds", _holds(facts)),
        Section("lineage", "Lineage", _lineage(facts)),
    ]
    text = [f"run {facts.run_id}", f"started {stamp(facts.created)}", f"on {facts.on}"]
    text += [f"{name}={value}" for name, value in facts.parameters]
    left_out = [NOTE] if redacted else []
    if details and len(details) < len(facts.steps):
        left = len(facts.steps) - len(details)
        left_out.append(
            f"Inputs, outputs and attempts of {counted(left, 'step')}: wingspan status, wingspan logs STEP."
        )
    return Page(
        facts.pipeline,
        facts.state,
        text,
        first_screen(facts, values=not redacted),
        [section for section in made if section.blocks],
        left_out,
        details,
    )


def _pipeline(facts: RunFacts) -> list[Block]:
    if not facts.steps:
        return []
    nodes, text = nodes_of(facts.steps)
    hint = text or "Click a step, or go to it with the Tab key, for its inputs, outputs and log."
    blocks: list[Block] = [Picture(graph_svg(nodes), hint, tall=True)]
    return blocks + ([Lines(facts.notes)] if facts.notes else [])


def _steps(facts: RunFacts, details: Mapping[str, object]) -> Table:
    places = {step.name: place for place, step in enumerate(facts.steps)}
    steps = sorted(
        facts.steps, key=lambda step: (_FIRST.get(step.event.state, 9), places[step.name])
    )
    pool = facts.queued
    columns = ["step", "state", "time", "memory", *(["tries", "machine"] if pool else []), "note"]
    return Table(
        "steps",
        "All steps",
        columns,
        [_step_row(step, pool=pool) for step in steps],
        frozenset({2, 3, 4} if pool else {2, 3}),
        [step_href(step.name) if step_id(step.name) in details else "" for step in steps],
        states=1,
    ).filled()


def _step_row(step: StepFacts, *, pool: bool) -> list[Cell]:
    event = step.event
    memory = step.memory_mb
    row: list[Cell] = [step.name, event.state]
    row.append((seconds(event.wall_s), event.wall_s) if event.wall_s else "")
    row.append((megabytes(memory), memory) if memory else "")
    if pool:
        tries = len(step.attempts)
        row += [(str(tries or ""), tries), step.attempts[-1].host if tries else ""]
    same = f"result of {event.adopted[:12]}" if event.adopted else ""
    row.append(event.problem or event.note or same or step.reason)
    return row


def _numbers(facts: RunFacts) -> list[Block]:
    """Return the results that are numbers by name side by side, a table for each map."""
    maps: dict[str, dict[str, Mapping[str, float]]] = {}
    for name, values in facts.numbers.items():
        maps.setdefault(map_of(name), {})[name] = values
    tables: list[Block] = []
    for place, (name, of) in enumerate(maps.items()):
        columns = list(dict.fromkeys(key for values in of.values() for key in values))[:12]
        rows: list[list[Cell]] = [
            [
                step,
                *(
                    (number(values[key]), float(values[key])) if key in values else ""
                    for key in columns
                ),
            ]
            for step, values in of.items()
        ]
        numeric = frozenset(range(1, len(columns) + 1))
        hrefs = list(map(step_href, of))
        tables.append(Table(f"results-{place}", name, ["step", *columns], rows, numeric, hrefs))
    return tables


def _models(facts: RunFacts) -> list[Block]:
    blocks = evaluation_blocks(facts.evaluations, facts.chosen)
    for place, found in enumerate(facts.importances.values()):
        blocks += importance_blocks(found, f"importance-{place}")
    return blocks


def _metrics(facts: RunFacts) -> list[Block]:
    """Return a picture for each metric, with a line for each step that logged it."""
    blocks: list[Block] = []
    for name, steps in list(facts.curves.items())[:_METRICS]:
        shown = dict(list(steps.items())[:_CURVES])
        more = f", the first {_CURVES}" if len(steps) > _CURVES else ""
        caption = f"{name} of {counted(len(steps), 'step')}{more}."
        if len(shown) <= _NAMED:
            panel = Panel(name, "step", name, {step: thinned(of) for step, of in shown.items()})
            blocks.append(Picture(curves_svg([[panel]], name), caption))
            continue
        points = [point for of in shown.values() for point in of]
        up = Axis(name, *ends([y for _, y in points]))
        across = Axis("step", *ends([x for x, _ in points]))
        lines = [Line(step, of) for step, of in shown.items()]
        blocks.append(Picture(lines_svg(across, up, lines, name), caption))
    return blocks


def _holds(facts: RunFacts) -> list[Block]:
    """Return the attempts that were held, with their cause and what to do.

    What to do is by HTCondor's reason, or the request that would have fitted.
    """
    rows: list[list[Cell]] = []
    hrefs = []
    for step in facts.steps:
        for one in step.attempts:
            if one.outcome == "held":
                hrefs.append(step_href(step.name))
                rule = explain(None, None, one.reason)
                fix = _since(step) or rule.fix.replace("JOB", one.job)
                held: Cell = (seconds(one.held_s), one.held_s) if one.held_s else "now"
                rows.append([step.name, one.host, held, rule.cause, fix, one.reason])
    if not rows:
        return []
    columns = ["step", "machine", "held for", "cause", "what to do", "reason"]
    return [Table("held", "Attempts that were held", columns, rows, frozenset({2}), hrefs)]


def _since(step: StepFacts) -> str:
    """Return what to do about a hold of a step that has succeeded since; empty for other steps."""
    if step.event.state != DONE:
        return ""
    requests = " and ".join(one.request() for one in step.usage if one.too_small)
    return (
        f"A later attempt ended well. Request {requests}."
        if requests
        else "A later attempt ended well."
    )


def _lineage(facts: RunFacts) -> list[Block]:
    """Return data, code and packages, each with its digest or version."""
    rows = dict.fromkeys(
        [("data", path, digest) for step in facts.steps for _, path, digest in step.files]
        + [("code", name, digest) for step in facts.steps for name, digest in step.code]
        + [("package", name, version) for step in facts.steps for name, version in step.packages]
    )
    spared = [step for step in facts.steps if step.event.state == DONE and not step.event.wall_s]
    text = [("started by", facts.command or "Python")]
    if spared:
        runs = ", ".join(f"{count} of {run}" for run, count in facts.parents[:_NAMED])
        used = f"{counted(len(spared), 'result')} of earlier runs"
        text.append(("taken from the store", f"{used}: {runs}" if runs else used))
    return [
        Pairs(text),
        Table(
            "lineage", "What made the results", ["kind", "name", "digest or version"], _cells(rows)
        ),
    ]


def _cells(rows: Iterable[Sequence[str]]) -> list[list[Cell]]:
    return [list(row) for row in rows]
