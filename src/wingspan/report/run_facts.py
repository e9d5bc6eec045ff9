"""Read all that a report says of a run, as frozen values.

It reads records and the store; it runs nothing and changes nothing.
"""

import json
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from wingspan.errors import CorruptError, FormatError, NotFoundError
from wingspan.report.stretches import Stretch, of_attempts, of_record
from wingspan.runner.alike import alike
from wingspan.runner.events import DONE, FAILED, RUNNING, StepEvent
from wingspan.runner.record import read_all_events
from wingspan.runner.run_folder import command_of
from wingspan.store.store import Store

if TYPE_CHECKING:
    from wingspan.planning.plan import PlannedStep
    from wingspan.runner.queue_attempt import Attempt
    from wingspan.runner.run import Run
    from wingspan.runner.usage import Usage
    from wingspan.sweep.study import Study
    from wingspan.tabular.evaluate import Evaluation

_REPORTS: Final = 3  # kinds of failures of which all is shown
_EVALUATIONS: Final = 40
_RESULTS: Final = 200  # steps whose short results are read


@dataclass(frozen=True, slots=True)
class StepFacts:
    """One step, as far as it is known without a look at its own files.

    Parameters
    ----------
    needs
        Names of the steps that it reads from.
    parameters
        Name and value, as text.
    files
        Place, path and digest of each input file.
    code
        Part of the code, and its digest.
    packages
        Package and version.
    asked
        Its request, as text.
    """

    name: str
    key: str
    event: StepEvent
    reason: str
    needs: tuple[str, ...]
    inputs: tuple[tuple[str, str], ...]
    parameters: tuple[tuple[str, str], ...]
    files: tuple[tuple[str, str, str], ...]
    code: tuple[tuple[str, str], ...]
    packages: tuple[tuple[str, str], ...]
    asked: tuple[tuple[str, str], ...]
    sweep: bool
    attempts: "tuple[Attempt, ...]" = ()
    usage: "tuple[Usage, ...]" = ()


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
    look, attempts = run.look(), run.attempts
    usage = look.usage(run.steps, attempts)
    names = {step.key: step.name for step in run.steps.values()}
    steps = tuple(
        _step(step, look.events[name], names, attempts.get(name, ()), usage.get(name, ()))
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
        tuple(_results(store, _last(steps, done))),
        dict(_numbers(store, done[:_RESULTS])),
        sum(store.wall_time(key) or 0.0 for key in dict.fromkeys(spared)),
        dict(_studies(run)),
        _evaluations(store, done),
        _chosen(store, done),
        tuple(header.get("notes", ())),
    )


def _step(
    step: "PlannedStep",
    event: StepEvent,
    names: Mapping[str, str],
    attempts: "Iterable[Attempt]",
    usage: "Iterable[Usage]",
) -> StepFacts:
    parts: dict[str, list[tuple[str, str]]] = {}
    for part, value in step.components.items():
        kind, _, name = part.partition(" ")
        parts.setdefault(kind, []).append((name, value))
    inputs = []
    for place, (key, output) in step.inputs.items():
        of = names.get(key, key)
        inputs.append((place, f"{of}, {output}" if output else of))
    files = [
        (str(one.get("name", "")), str(one.get("path", "")), str(one.get("digest", "")))
        for one in step.files
    ]
    code = [(kind, *pair) for kind in ("function", "class", "code") for pair in parts.get(kind, ())]
    return StepFacts(
        step.name,
        step.key,
        event,
        step.reason,
        tuple(dict.fromkeys(names[key] for key in step.needs if key in names)),
        tuple(inputs),
        tuple(parts.get("parameter", ())),
        tuple(files),
        tuple((f"{kind} {name}", digest) for kind, name, digest in code),
        tuple(parts.get("distribution", ())),
        tuple((name, str(value)) for name, value in step.resources.items()),
        step.sweep is not None,
        tuple(attempts),
        tuple(usage),
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


def _last(steps: Iterable[StepFacts], done: Iterable[StepFacts]) -> list[StepFacts]:
    """Return the steps that are done and that no other step that is done reads."""
    names = {step.name for step in done}
    read = {need for step in steps if step.name in names for need in step.needs}
    return [step for step in done if step.name not in read][:_RESULTS]


def _results(store: Store, last: Iterable[StepFacts]) -> Iterable[tuple[str, str]]:
    """Yield in short what the steps gave."""
    for step in last:
        try:
            made = store.result(step.key)
        except (NotFoundError, CorruptError):
            continue
        shown: Mapping[str, str] = made.get("shown") or {}
        text = [
            shown[output] if output == "value" else f"{output}: {shown[output]}"
            for output in made.get("fields", shown)
            if output in shown
        ]
        if text and text != ["None"]:
            yield step.name, "; ".join(text)


def _studies(run: "Run") -> "Iterable[tuple[str, Study]]":
    studies = run.studies
    for name in studies:
        try:
            yield name, studies[name]
        except (NotFoundError, FormatError, CorruptError):  # it has not begun, or is not readable
            continue


def _evaluations(store: Store, done: Iterable[StepFacts]) -> "Mapping[str, Evaluation]":
    """Return the evaluations of models among the results, by step."""
    from wingspan.tabular.evaluate import Evaluation

    found: dict[str, Evaluation] = {}
    for name, value in _of_class(store, done, "wingspan.tabular.evaluate:Evaluation"):
        if isinstance(value, Evaluation) and len(found) < _EVALUATIONS:
            found[name] = value
    return found


def _chosen(store: Store, done: Iterable[StepFacts]) -> tuple[str, tuple[str, ...]]:
    """Return the label of the model that was chosen, and the metrics that decided."""
    from wingspan.tabular.select import Selection

    for _, value in _of_class(store, done, "wingspan.tabular.select:Selection"):
        if isinstance(value, Selection):
            return value.best, tuple(value.metrics)
    return "", ()


def _of_class(store: Store, done: Iterable[StepFacts], reference: str) -> Iterable[tuple[str, Any]]:
    """Yield the outputs of one of Wingspan's classes by step; no code of a project is imported."""
    begin = f'{{"$":"dataclass","class":"{reference}"'.encode()
    for step, output, text in _texts(store, done, reference.partition(":")[2]):
        with suppress(NotFoundError, CorruptError, FormatError):
            if text.startswith(begin):
                yield step.name, store.load(step.key, output)


def _texts(
    store: Store, done: Iterable[StepFacts], shown: str, most: int = 1 << 20
) -> Iterable[tuple[StepFacts, str, bytes]]:
    """Yield the text of outputs that are JSON and whose short form begins with `shown`."""
    for step in done:
        try:
            made = store.result(step.key)
        except (NotFoundError, CorruptError):
            continue
        for output, text in (made.get("shown") or {}).items():
            record = made["outputs"].get(output, {})
            small = str(record.get("codec")).startswith("json/") and record["bytes"] <= most
            if small and str(text).startswith(shown):
                with suppress(OSError):
                    yield step, output, store.output_path(step.key, output).read_bytes()


def _numbers(store: Store, done: Iterable[StepFacts]) -> Iterable[tuple[str, dict[str, float]]]:
    """Yield the results that are flat dicts of numbers, such as metrics, by step."""
    for step, output, text in _texts(store, done, "{", 10_000):
        with suppress(ValueError):
            found = json.loads(text)
            plain = isinstance(found, dict) and all(
                isinstance(value, int | float) and not isinstance(value, bool)
                for value in found.values()
            )
            if plain and output == "value":
                yield step.name, found
