"""Give each key one request, since steps that make the same call are one job.

Pure. The requests are merged field by field, by maximum; what has no maximum must be the same.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from wingspan.errors import DeclarationError
from wingspan.pipeline.resources import Resources
from wingspan.pipeline.step import Step

_MERGED = (
    "memory",
    "disk",
    "gpus",
    "gpu_capability",
    "gpu_memory",
    "runtime",
    "expected",
    "expected_memory",
)
_NAMED = 3  # steps named in a note


def merge_requests(
    names: Iterable[str], keys: Mapping[str, str], steps: Mapping[str, Step]
) -> tuple[dict[str, tuple[Resources, int]], dict[str, str]]:
    """Return, by key, request and retries of steps that share it, and a note if they differed.

    Raises
    ------
    DeclarationError
        Two steps of one key differ in a submit command.
    """
    requests: dict[str, tuple[Resources, int]] = {}
    notes: dict[str, str] = {}
    for key, same in _shared(names, keys, steps):
        first = same[0]
        for other in same[1:]:
            _check_submit(first, other)
        request = merged([step.resources for step in same])
        retries = max(step.retries for step in same)
        requests[key] = request, retries
        note = _note(same, request, retries)
        if note:
            notes[key] = note
    return requests, notes


def check_images(
    names: Iterable[str], imageless: Mapping[str, str], steps: Mapping[str, Step]
) -> None:
    """Refuse steps that differ only in their container image.

    `imageless` are the keys without the image.

    Raises
    ------
    DeclarationError
        Names both steps.
    """
    for _, same in _shared(names, imageless, steps):
        first = same[0]
        for other in same[1:]:
            images = [step.resources.image or "none" for step in (other, first)]
            if images[0] != images[1]:
                raise _refused(first, other, f"image {images[0]}, not {images[1]}")


def merged(requests: Sequence[Resources]) -> Resources:
    """Return the request that serves each of some requests with as many cores.

    A limit that one of them does not have, such as a runtime, the whole does not have either.
    """
    return replace(
        requests[0],
        memory=max(requests, key=lambda one: (one.memory_mb, one.memory is not None)).memory,
        disk=max(requests, key=lambda one: one.disk_mb).disk,
        gpus=max(one.gpus for one in requests),
        gpu_capability=max(requests, key=lambda one: one.gpu_capability or 0).gpu_capability,
        gpu_memory=max(requests, key=lambda one: one.gpu_memory_mb or 0).gpu_memory,
        runtime=max(requests, key=_runtime_s).runtime,
        expected=max(requests, key=lambda one: one.expected_s or 0).expected,
        expected_memory=max(requests, key=_expected_mb).expected_memory,
    )


def _expected_mb(request: Resources) -> int:
    return 0 if request.expected_memory is None else request.memory_mb


def _runtime_s(request: Resources) -> float:
    return math.inf if request.runtime_s is None else request.runtime_s


def _shared(
    names: Iterable[str], keys: Mapping[str, str], steps: Mapping[str, Step]
) -> Iterable[tuple[str, list[Step]]]:
    """Return the steps of each key that several steps have."""
    by_key: dict[str, list[Step]] = {}
    for name in names:
        by_key.setdefault(keys[name], []).append(steps[name])
    return [(key, same) for key, same in by_key.items() if len(same) > 1]


def _note(same: Sequence[Step], request: Resources, retries: int) -> str:
    """Return what to print of requests that were merged; empty where they were equal."""
    asked = [step.resources.to_json() for step in same]
    chosen = [
        f"{name} {_words(getattr(request, name))}"
        for name in _MERGED
        if len({each.get(name) for each in asked}) > 1
    ]
    if len({step.retries for step in same}) > 1:
        chosen.append(f"retries {retries}")
    if not chosen:
        return ""
    names = ", ".join(step.name for step in same[:_NAMED])
    more = f" and {len(same) - _NAMED} more" if len(same) > _NAMED else ""
    return f"{names}{more} make the same call: it runs once, with {', '.join(chosen)}"


def _words(value: object) -> str:
    return "not stated" if value is None else str(value)


def _check_submit(first: Step, other: Step) -> None:
    one, two = ({k.lower(): v for k, v in s.resources.submit.items()} for s in (first, other))
    differing = sorted(name for name in one.keys() | two.keys() if one.get(name) != two.get(name))
    if differing:
        name = differing[0]
        said = f"submit command {name} = {two.get(name, '(none)')}, not {one.get(name, '(none)')}"
        raise _refused(first, other, said)


def _refused(first: Step, other: Step, difference: str) -> DeclarationError:
    problem = f"it makes the same call as step {first.name} ({first.place}), with {difference}"
    fix = "give both steps the same, or declare the call once and use its result twice"
    return DeclarationError(f"{other.place}: step {other.name}", problem, fix)
