"""Read all that a report says of a run, as frozen values.

It reads records and the store; it runs nothing and changes nothing.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Final

from wingspan.errors import CorruptError, FormatError, NotFoundError
from wingspan.report.result_facts import (
    MOST,
    chosen,
    evaluations,
    importances,
    last,
    numbers,
    results,
)
from wingspan.report.step_facts import StepFacts, step_facts
from wingspan.report.stretches import Stretch, of_attempts, of_record
from wingspan.runner.alike import alike
from wingspan.runner.events import DONE, FAILED, RUNNING, StepEvent
from wingspan.runner.record import read_all_events
from wingspan.runner.started import command_of
from wingspan.runner.written import last_attempts
from wingspan.store.store import Store

if TYPE_CHECKING:
    from wingspan.eventlog.attempt import Attempt
    from wingspan.runner.run import Run
    from wingspan.sweep.study import Study
    from wingspan.tabular.evaluate import Evaluation
    from wingspan.tabular.importance import Importance

_REPORTS: Final = 3  # kinds of failures of which all is shown
_LOGGED: Final = 2_000  # steps up to which their metrics and earlier runs are looked for
Curves = Mapping[str, Sequence[tuple[float, float]]]  # by step


@dataclass(frozen=True, slots=True)
class FailureFacts:
    """Steps that failed in the same way; `text` is all that is known of the first of them."""

    steps: tuple[str, ...]
    problem: str
    fix: str
    host: str
    text: str
    trace: str
    alone: str


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A run.

    Parameters
    ----------
    command
        What started it; empty for Python.
    now
        When this was read.
    stretches
        What its jobs did when.
    results
        Steps that no other step reads, and in short what they gave.
    numbers
        Results that are numbers by name, by step.
    cached_s
        Time that the results took whose computation was spared.
    notes
        What the plan said.
    curves
        What steps logged: by metric and step, the points.
    parents
        Earlier runs whose results were used again, and how many.
    """

    run_id: str
    pipeline: str
    state: str
    on: str
    created: float
    now: float
    command: str
    parameters: tuple[tuple[str, str], ...]
    steps: tuple[StepFacts, ...]
    stretches: tuple[Stretch, ...]
    failures: tuple[FailureFacts, ...]
    results: tuple[tuple[str, str], ...]
    numbers: Mapping[str, Mapping[str, float]]
    cached_s: float
    studies: "Mapping[str, Study]" = field(default_factory=dict)
    evaluations: "Mapping[str, Evaluation]" = field(default_factory=dict)
    chosen: tuple[str, tuple[str, ...]] = ("", ())
    notes: tuple[str, ...] = ()
    importances: "Mapping[str, Importance]" = field(default_factory=dict)
    curves: Mapping[str, Curves] = field(default_factory=dict, repr=False)
    parents: tuple[tuple[str, int], ...] = ()

    @property
    def queued(self) -> bool:
        """Whether its jobs were in a queue."""
        return any(step.attempts for step in self.steps)

    def count(self, state: str) -> int:
        """Return how many steps are in a state."""
        return sum(step.event.state == state for step in self.steps)


def read_run(run: "Run") -> RunFacts:
    """Return what the records say of a run at this moment."""
    now = time.time()
    look = run.look()
    attempts = {name: of for name, of in run.attempts.items() if name in run.steps}
    usage = look.usage(run.steps, attempts)
    names = {step.key: step.name for step in run.steps.values()}
    steps = tuple(
        step_facts(step, look.events[name], names, attempts.get(name, ()), usage.get(name, ()))
        for name, step in run.steps.items()
    )
    goes_on = now if look.state == RUNNING else None
    failed = [name for name, event in look.events.items() if event.state == FAILED]
    stretches = (
        of_attempts(attempts, failed, goes_on)
        if attempts
        else of_record(read_all_events(run.folder), goes_on)
    )
    header = run.folder.header
    store = Store(run.home.store)
    done = [step for step in steps if step.event.state == DONE]
    spared = [step.key for step in done if not step.event.wall_s and not step.sweep]
    return RunFacts(
        run.run_id,
        run.pipeline,
        look.state,
        run.folder.on,
        float(header.get("created", 0.0)),
        now,
        command_of(run.origin),
        tuple((k, str(v)) for k, v in run.origin.get("parameters", {}).items()),
        steps,
        tuple(stretches),
        tuple(_failures(run, look.events, attempts)),
        tuple(results(store, last(steps, done))),
        dict(numbers(store, done[:MOST])),
        sum(store.wall_time(key) or 0.0 for key in dict.fromkeys(spared)),
        dict(_studies(run)),
        evaluations(store, done),
        chosen(store, done),
        tuple(header.get("notes", ())),
        importances(store, done),
        _curves(run) if len(steps) <= _LOGGED else {},
        _parents(run, spared),
    )


def _failures(
    run: "Run", events: Mapping[str, StepEvent], attempts: "Mapping[str, list[Attempt]]"
) -> Iterable[FailureFacts]:
    groups = alike(event for event in events.values() if event.state == FAILED)
    for number, group in enumerate(groups):
        event = group[0]
        text = run.report(event.step) if number < _REPORTS else ""
        body, mark, alone = text.partition("\n\nrun it alone: ")
        head, begin, rest = body.partition("\n\nTraceback ")
        trace = f"Traceback {rest.partition(chr(10) * 2)[0]}" if begin else ""
        tried = attempts.get(event.step, ())
        yield FailureFacts(
            tuple(one.step for one in group),
            event.problem,
            event.fix,
            tried[-1].host if tried else "",
            body.partition("\n\n")[2] if head else body,
            trace,
            alone if mark else "",
        )


def _curves(run: "Run") -> Mapping[str, Curves]:
    """Return what the steps have logged, by metric."""
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for step, metrics in run.metrics.items():
        for name, metric in metrics.items():
            points = [(float(x), y) for x, y in metric.curve if isfinite(y)]
            if len(points) > 1:
                found.setdefault(name, {})[step] = points
    return found


def _parents(run: "Run", spared: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """Return the runs that computed the results that were used again."""
    keys = list(dict.fromkeys(spared))[:_LOGGED]
    tried = last_attempts(run.home, run.folder, keys)
    runs = Counter(found[-1].parents[2].name for found in tried.values() if found)
    return tuple(runs.most_common())


def _studies(run: "Run") -> "Iterable[tuple[str, Study]]":
    studies = run.studies
    for name in studies:
        try:
            yield name, studies[name]
        except (NotFoundError, FormatError, CorruptError):  # it has not begun, or is not readable
            continue
