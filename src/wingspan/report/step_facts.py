"""What a page says of one step, from the plan, its last event, its attempts and its use."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wingspan.runner.events import StepEvent

if TYPE_CHECKING:
    from wingspan.eventlog.attempt import Attempt
    from wingspan.planning.plan import PlannedStep
    from wingspan.runner.usage import Usage


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

    @property
    def memory_mb(self) -> float:
        """The most memory that was measured of it, by itself or by its machine; 0 if nothing was."""
        used = [one.used or 0.0 for one in self.usage if one.resource == "memory"]
        most = max([self.event.peak_memory_mb, *used])
        return most if most >= 1 else 0.0


def step_facts(
    step: "PlannedStep",
    event: StepEvent,
    names: Mapping[str, str],
    attempts: "Iterable[Attempt]",
    usage: "Iterable[Usage]",
) -> StepFacts:
    """Return the facts of a step; `names` are those of the steps by key."""
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
