"""Bring the results of a job that ended well to the store."""

import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from wingspan.errors import NotFoundError
from wingspan.files import json_text, read_file, write_file, writing
from wingspan.planning.plan import PlannedStep
from wingspan.runner.adoption import input_digests, note_content
from wingspan.runner.run_folder import (
    METRICS,
    OUTPUTS,
    RESULT,
    WORK,
    read_result,
)
from wingspan.runner.trials.value import metrics_record
from wingspan.runner.undeclared import holds, record, require_same_reads
from wingspan.runner.written import read_metrics
from wingspan.shown import shown_name
from wingspan.store.store import Store

READY: Final = "ready"  # what the store takes over


def finished(attempt: Path, step: PlannedStep) -> bool:
    """Return whether a job succeeded, its outputs are in its folder, and its inputs unchanged."""
    result = read_result(attempt)
    return (
        result is not None
        and result["status"] == "ok"
        and any((attempt / place / OUTPUTS).is_dir() for place in ("", READY))
        and holds(step, result)
    )


class Published(NamedTuple):
    """What happened to a finished job's result.

    Parameters
    ----------
    stale
        The place in the step's arguments where the job read a result that is not the stored one. Nothing was
        published.
    differs
        The outputs in which this result differs from the one that was stored first, which is kept.
    undeclared
        The note on undeclared reads; empty if it was printed before.
    """

    stale: str = ""
    differs: tuple[str, ...] = ()
    undeclared: str = ""


def publish(
    attempt: Path, step: PlannedStep, store: Store, observed: Mapping[str, float]
) -> Published:
    """Move a finished job's outputs into the store, with its result and its measured use."""
    ready = attempt / READY
    with writing(attempt):
        found = json.loads(read_file(attempt / RESULT).decode())
        result = with_metrics(found | observed, attempt)
        stale = _stale_input(step, result, store)
        if stale:
            return Published(stale=stale)
        undeclared = record(step, result, store)
        ready.mkdir(exist_ok=True)
        write_file(ready / RESULT, json_text(result))
        if (attempt / OUTPUTS).exists():
            (attempt / OUTPUTS).rename(ready / OUTPUTS)
        differs = store.publish(step.key, ready)
        if differs:
            require_same_reads(step, store.result(step.key))
        note_content(step, result.get("inputs", {}), store)
        return Published(differs=differs, undeclared=undeclared)


def with_metrics(result: Mapping[str, Any], attempt: Path) -> dict[str, Any]:
    """Return a job's result with the metrics of this attempt and of those before it."""
    places = (f"{attempt}/{METRICS}", f"{attempt}/{WORK}/wandb")
    if attempt.name == "1" and not any(os.path.exists(each) for each in places):  # noqa: PTH110 - quicker than Path's
        return dict(result)
    tried = [path for path in attempt.parent.iterdir() if path.name.isdecimal()]
    before = sorted((path for path in tried if _number(path) <= _number(attempt)), key=_number)
    logged = {name: metric.curve for name, metric in read_metrics(before).items()}
    return {**result, "metrics": metrics_record(logged)} if logged else dict(result)


def _number(attempt: Path) -> int:
    return int(attempt.name)


def _stale_input(step: PlannedStep, result: Mapping[str, Any], store: Store) -> str:
    """Return a place where the job read other bytes than the store has now, or nothing."""
    read = result.get("inputs", {})
    try:
        now = input_digests(step, store)
    except NotFoundError:
        now = {}
    return next((place for place in step.inputs if read.get(place) != now.get(place, "")), "")


def notes(name: str, made: Published) -> str:
    """Return the note on a step whose result was brought in, or nothing."""
    differs = not_deterministic(name, made.differs) if made.differs else ""
    return "; ".join(filter(None, [differs, made.undeclared]))


def not_deterministic(name: str, differs: Collection[str]) -> str:
    """Return the note on a step whose result differs from the one that another run stored first."""
    what = ", ".join(sorted(differs))
    return (
        f"step {shown_name(name)} is not deterministic: its {what} differs from the result that was stored first, which is "
        "used; seed the step, and keep times and object ids out of its result"
    )
