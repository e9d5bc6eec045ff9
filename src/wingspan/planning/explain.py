"""Explain why one step of a plan runs again: every change, and the first causes.

The functions are pure.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

_BETWEEN = 10  # steps between a first cause and the step that are named


class ExplainedStep(Protocol):
    """What of a `PlannedStep` says why it runs."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def key(self) -> str: ...  # noqa: D102
    @property
    def done(self) -> bool: ...  # noqa: D102
    @property
    def reason(self) -> str: ...  # noqa: D102
    @property
    def needs(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def inputs(self) -> Mapping[str, tuple[str, str | None]]: ...  # noqa: D102
    @property
    def components(self) -> Mapping[str, str]: ...  # noqa: D102


class Explained(Protocol):
    """The part of a `Plan` that explains its steps.

    A plan explains itself, so this module cannot import it.
    """

    @property
    def steps(self) -> Sequence[ExplainedStep]: ...  # noqa: D102
    @property
    def previous(self) -> Mapping[str, Any]: ...  # noqa: D102
    def __getitem__(self, name: str) -> ExplainedStep: ...


def explain(plan: Explained, name: str) -> str:
    """Return why a step is to run, or that it is up to date.

    Raises
    ------
    NotFoundError
        There is no such step.
    """
    step = plan[name]
    if step.done:
        return f"step {name} is up to date: its result has the key {step.key}"
    lines = [f"step {name} is to run: {step.reason}"]
    before = plan.previous.get(name)
    if before is None:
        return "\n".join([*lines, "  no earlier plan of this pipeline has a step of this name"])
    own = [line for change in changes(step, before) for line in _shown(*change)]
    makers = {each.key: each for each in plan.steps}
    read = [
        line
        for place, (key, output) in step.inputs.items()
        for line in _input(plan, makers[key], output, (place, before["inputs"].get(place)))
    ]
    if not own and not read:
        read = [
            "  code, parameters and inputs are those of the last plan, but there is no result of them:",
            "  the step failed, was stopped or was forced, or its result was removed",
        ]
    return "\n".join([*lines, *own, *read, *_chains(plan, list(_causes(plan, name)))])


def changes(
    step: ExplainedStep, before: Mapping[str, Any]
) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield the parts of a step's key that changed: name, as it was, as it is."""
    old: Mapping[str, str] = before["components"]
    for name in {**old, **step.components}:
        was, now = old.get(name), step.components.get(name)
        if was != now:
            yield name, was, now


def _shown(name: str, was: str | None, now: str | None) -> list[str]:
    subject = name.removeprefix("distribution ")
    return [
        f"  {subject}:",
        f"    was {'not there' if was is None else was}",
        f"    is  {'not there' if now is None else now}",
    ]


def _changed(plan: Explained, maker: ExplainedStep) -> bool:
    """Return whether a step's key is not the one of the last plan."""
    return bool(plan.previous.get(maker.name, {}).get("key") != maker.key)


def _input(
    plan: Explained, maker: ExplainedStep, output: str | None, place: tuple[str, list[str] | None]
) -> Iterator[str]:
    """Yield what changed about one input, given its place and its earlier value."""
    name, was = place
    source = f"step {maker.name}{'' if output is None else f', output {output}'}"
    if was is not None and was != [maker.name, output]:
        yield f"  input {name}: is now the result of {source}; it was that of step {was[0]}"
    elif _changed(plan, maker):
        yield f"  input {name}: the result of {source}, which {'changed' if maker.done else 'runs again'}"


def _causes(plan: Explained, name: str) -> Iterator[tuple[str, ...]]:
    """Yield the ways from a step back to those that changed themselves, nearest first."""
    makers = {step.key: step for step in plan.steps}
    reader: dict[str, str] = {}  # of each step that was met, the one that reads it
    waiting = deque([name])
    while waiting:
        step = plan[waiting.popleft()]
        before = plan.previous.get(step.name)
        changed = [makers[key] for key in step.needs if _changed(plan, makers[key])]
        if step.name != name and (not changed or before is None or any(changes(step, before))):
            yield _way(step.name, name, reader)
        for maker in changed:
            if maker.name != name and maker.name not in reader:
                reader[maker.name] = step.name
                waiting.append(maker.name)


def _way(cause: str, name: str, reader: Mapping[str, str]) -> tuple[str, ...]:
    way = [cause]
    while way[-1] != name:
        way.append(reader[way[-1]])
    return tuple(way)


def _chains(plan: Explained, ways: list[tuple[str, ...]]) -> Iterator[str]:
    """Yield lines for each first cause."""
    if ways:
        yield "first causes:" if len(ways) > 1 else "first cause:"
    for cause, *between, _ in ways:
        yield f"  step {cause}: {plan[cause].reason}"
        if between:
            more = f" and {len(between) - _BETWEEN} more" if len(between) > _BETWEEN else ""
            yield f"    by way of {', '.join(between[:_BETWEEN])}{more}"
