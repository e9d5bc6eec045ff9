"""Compare two runs: what differed, and what that did to results, states and times. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from wingspan.report.run_facts import RunFacts
from wingspan.report.step_facts import StepFacts
from wingspan.runner.layers import map_of

KINDS: Final = ("parameter", "data", "code", "package", "request", "step")
_ABSENT: Final = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same in both runs.

    Parameters
    ----------
    kind
        One of `KINDS`.
    before, after
        As text; empty where a run does not have it.
    steps
        The steps that it concerns; none for the run as a whole.
    """

    kind: str
    name: str
    before: str
    after: str
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Effect:
    """A number of both runs; None where a run does not have it.

    Parameters
    ----------
    kind
        ``metric``, ``time`` in seconds, or ``memory`` in MB.
    """

    kind: str
    step: str
    name: str
    before: float | None
    after: float | None

    @property
    def change(self) -> float | None:
        """After minus before."""
        if self.before is None or self.after is None:
            return None
        return self.after - self.before


def differences(one: RunFacts, other: RunFacts) -> list[Difference]:
    """Return what differed in parameters, data, code, packages, requests and steps."""
    found: list[Difference] = []
    before, after = dict(one.parameters), dict(other.parameters)
    found += [Difference("parameter", *each) for each in _changed(before, after)]
    steps = {step.name: step for step in one.steps}
    others = {step.name: step for step in other.steps}
    gathered: dict[tuple[str, str, str, str], list[str]] = {}
    for name in dict.fromkeys([*steps, *others]):
        a, b = steps.get(name), others.get(name)
        if a is None or b is None:
            state = (a or b).event.state  # type: ignore[union-attr]  # it is in one of them
            key = ("step", map_of(name), state if a else "", state if b else "")
            gathered.setdefault(key, []).append(name)
            continue
        for key in _of_step(a, b):
            gathered.setdefault(key, []).append(name)
    found += [Difference(*key, tuple(names)) for key, names in gathered.items()]
    return sorted(found, key=lambda each: KINDS.index(each.kind))


def _of_step(a: StepFacts, b: StepFacts) -> Iterator[tuple[str, str, str, str]]:
    """Yield what differs in one step, in the order of `KINDS`."""
    parts: tuple[tuple[str, Mapping[str, str], Mapping[str, str]], ...] = (
        ("parameter", dict(a.parameters), dict(b.parameters)),
        ("data", _files(a), _files(b)),
        ("code", dict(a.code), dict(b.code)),
        ("package", dict(a.packages), dict(b.packages)),
        ("request", dict(a.asked), dict(b.asked)),
    )
    for kind, before, after in parts:
        for name, was, now in _changed(before, after):
            yield kind, name, was, now


def _files(step: StepFacts) -> dict[str, str]:
    return {path or place: digest for place, path, digest in step.files}


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield name, value before and value after, where they differ."""
    for name in dict.fromkeys([*before, *after]):
        was, now = before.get(name, _ABSENT), after.get(name, _ABSENT)
        if was != now:
            yield name, was, now


def effects(one: RunFacts, other: RunFacts) -> list[Effect]:
    """Return the metrics that both or one of them has, then time and memory by map."""
    found = [
        Effect("metric", step, name, was, now)
        for step, name, was, now in _pairs(_metrics(one), _metrics(other))
        if was != now
    ]
    found += [
        Effect("time", step, "run time", was, now)
        for step, _, was, now in _pairs(_times(one), _times(other))
    ]
    found += [
        Effect("memory", step, "most memory", was, now)
        for step, _, was, now in _pairs(_memory(one), _memory(other))
    ]
    return found


Numbers = Mapping[tuple[str, str], float]


def _pairs(
    before: Numbers, after: Numbers
) -> Iterable[tuple[str, str, float | None, float | None]]:
    for step, name in dict.fromkeys([*before, *after]):
        yield step, name, before.get((step, name)), after.get((step, name))


def _metrics(facts: RunFacts) -> Numbers:
    found = {
        (step, name): float(value)
        for step, values in facts.numbers.items()
        for name, value in values.items()
    }
    for step, one in facts.evaluations.items():
        for name, metric in one.metrics.items():
            if metric.value is not None:
                found[step, name] = metric.value
    for step, study in facts.studies.items():
        if study.best is not None and study.best.value is not None:
            found[step, f"best {study.spec.metric}"] = study.best.value
    return found


def _times(facts: RunFacts) -> Numbers:
    """Return the run time of the steps that ran, by map."""
    found: dict[tuple[str, str], float] = {}
    for step in facts.steps:
        if step.event.wall_s:
            key = map_of(step.name), ""
            found[key] = found.get(key, 0.0) + step.event.wall_s
    return found


def _memory(facts: RunFacts) -> Numbers:
    found: dict[tuple[str, str], float] = {}
    for step in facts.steps:
        if step.event.peak_memory_mb:
            key = map_of(step.name), ""
            found[key] = max(found.get(key, 0.0), step.event.peak_memory_mb)
    return found
