"""Record what jobs have read undeclared, when their results are brought in."""

import os
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from wingspan.errors import ConflictError
from wingspan.planning.plan import PlannedStep
from wingspan.planning.reads import VARIABLES, Present, differences, names_of, next_key
from wingspan.shown import listed, shown_name
from wingspan.store.reads_index import ReadsIndex
from wingspan.store.store import Store

READS = "reads"
ELSEWHERE = "elsewhere"  # variables read on an execution point, whose values do not count here
_SHOWN = 3


def record(step: PlannedStep, result: Mapping[str, Any], store: Store) -> str:
    """Record the reads of a result's job before it is published; return a note the first time."""
    reads: dict[str, Any] = dict(result.get(READS, {}))
    names = [*names_of(reads), *(f"${name}" for name in reads.get(ELSEWHERE, ()))]
    if not names:
        return ""
    said = _said(store.reads)
    of = step.name.partition("[")[0], tuple(names)
    first = of not in said
    said.add(of)
    compared = {kind: held for kind, held in reads.items() if kind != ELSEWHERE and held}
    if compared:
        store.reads.add(step.key, step.name, compared)
    return _note(step.name, reads, names) if first else ""


@cache
def _said(index: ReadsIndex) -> set[tuple[str, tuple[str, ...]]]:
    """Return the names that notes have asked the user to declare, by step or map."""
    entries = index.entries()
    return {(entry.step.partition("[")[0], tuple(names_of(entry.reads))) for entry in entries}


def _note(name: str, reads: Mapping[str, Any], names: list[str]) -> str:
    """Return the note on what to declare."""
    name, shown = shown_name(name), listed(names, _SHOWN)
    if reads.get(ELSEWHERE) and len(names) == len(reads[ELSEWHERE]):
        return (
            f"step {name} reads {shown} on the execution point, where a change is not noticed: pass variables as "
            "parameters"
        )
    return (
        f"step {name} reads {shown} undeclared; a change runs it again. To declare them, pass files as "
        "Path arguments and variables as parameters"
    )


def on_execution_point(result: dict[str, Any]) -> dict[str, Any]:
    """Return a result as it is sent home: with the names of variables but without their digests.

    The variables had the values of the execution point.
    """
    reads = dict(result.get(READS, {}))
    variables = reads.pop(VARIABLES, {})
    if variables:
        reads[ELSEWHERE] = sorted(variables)
    rest = {name: value for name, value in result.items() if name != READS}
    return {**rest, READS: reads} if any(reads.values()) else rest


def holds(step: PlannedStep, result: Mapping[str, Any]) -> bool:
    """Return whether an earlier result read the same content as there is now."""
    return not _changed(step, result)


def require_same_reads(step: PlannedStep, stored: Mapping[str, Any]) -> None:
    """Refuse a result of another run that read other content than there is now.

    Raises
    ------
    ConflictError
        The content differs; the next plan gives the step its own key.
    """
    changed = _changed(step, stored)
    if changed:
        problem = f"another run stored its result with other content: {', '.join(changed[:_SHOWN])}"
        raise ConflictError(f"step {step.name}", problem, "run the command again to replan")


def as_read_now(step: PlannedStep, store: Store) -> PlannedStep:
    """Return a step with the key of its result, which depends on what earlier results read."""
    while store.done([step.key]):
        reads = compared_reads(store.result(step.key))
        now = Present(os.environ)(reads, str(step.action.get("project", "")))
        if not differences(reads, now):
            break
        step = replace(step, key=next_key(step.key, now))
    return step


def compared_reads(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return a job's undeclared reads that can be compared with the present content."""
    return {kind: held for kind, held in result.get(READS, {}).items() if kind != ELSEWHERE}


def _changed(step: PlannedStep, result: Mapping[str, Any]) -> tuple[str, ...]:
    reads = compared_reads(result)
    if not reads:
        return ()
    return differences(reads, Present(os.environ)(reads, str(step.action.get("project", ""))))
