"""Read from the store what a page says of results; no code of a project is imported."""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from wingspan.errors import CorruptError, FormatError, NotFoundError
from wingspan.report.step_facts import StepFacts
from wingspan.runner.job.brief import brief_result
from wingspan.store.annotation import VALUE
from wingspan.store.store import Store

if TYPE_CHECKING:
    from wingspan.tabular.evaluate import Evaluation
    from wingspan.tabular.importance import Importance

_EVALUATIONS: Final = 40
MOST: Final = 200  # steps whose short results are read


def last(steps: Iterable[StepFacts], done: Iterable[StepFacts]) -> list[StepFacts]:
    """Return the steps that are done and that no other step that is done reads."""
    names = {step.name for step in done}
    read = {need for step in steps if step.name in names for need in step.needs}
    return [step for step in done if step.name not in read][:MOST]


def results(store: Store, last: Iterable[StepFacts]) -> Iterable[tuple[str, str]]:
    """Yield in short what the steps gave."""
    for step in last:
        try:
            text = brief_result(store.result(step.key))
        except (NotFoundError, CorruptError):
            continue
        if text:
            yield step.name, text


def evaluations(store: Store, done: Iterable[StepFacts]) -> "Mapping[str, Evaluation]":
    """Return the evaluations of models among the results, by step."""
    from wingspan.tabular.evaluate import Evaluation

    found: dict[str, Evaluation] = {}
    for name, value in _of_class(store, done, "wingspan.tabular.evaluate:Evaluation"):
        if isinstance(value, Evaluation) and len(found) < _EVALUATIONS:
            found[name] = value
    return found


def chosen(store: Store, done: Iterable[StepFacts]) -> tuple[str, tuple[str, ...]]:
    """Return the label of the model that was chosen, and the metrics that decided."""
    from wingspan.tabular.select import Selection

    for _, value in _of_class(store, done, "wingspan.tabular.select:Selection"):
        if isinstance(value, Selection):
            return value.best, tuple(value.metrics)
    return "", ()


def _of_class(store: Store, done: Iterable[StepFacts], reference: str) -> Iterable[tuple[str, Any]]:
    """Yield the outputs of one of Wingspan's classes by step, or by step and name of the output.

    No code of a project is imported.
    """
    begin = f'{{"$":"dataclass","class":"{reference}"'.encode()
    for step, output, text in _texts(store, done, reference.partition(":")[2]):
        with suppress(NotFoundError, CorruptError, FormatError):
            if text.startswith(begin):
                name = step.name if output == VALUE else f"{step.name}.{output}"
                yield name, store.load(step.key, output)


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


def numbers(store: Store, done: Iterable[StepFacts]) -> Iterable[tuple[str, dict[str, float]]]:
    """Yield the results that are flat dicts of numbers, such as metrics, by step."""
    for step, output, text in _texts(store, done, "{", 10_000):
        with suppress(ValueError):
            found = json.loads(text)
            plain = isinstance(found, dict) and all(
                isinstance(value, int | float) and not isinstance(value, bool)
                for value in found.values()
            )
            if plain and output == VALUE:
                yield step.name, found


def importances(store: Store, done: Iterable[StepFacts]) -> "Mapping[str, Importance]":
    """Return the importances of columns among the results, by step."""
    from wingspan.tabular.importance import Importance

    found = _of_class(store, done, "wingspan.tabular.importance:Importance")
    return {name: value for name, value in found if isinstance(value, Importance)}
