"""What every runner gives: `StepEvent` while it runs, `Outcome` at the end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

WAITING, RUNNING, DISCONNECTED, HELD, DONE, FAILED, SKIPPED, STOPPED = (
    "waiting",
    "running",
    "disconnected",
    "held",
    "done",
    "failed",
    "skipped",
    "stopped",
)
STALE, LEFT = "stale", "left"
FINAL = frozenset({DONE, FAILED, SKIPPED})
ENDED = FINAL | {STOPPED}
UNDER_WAY = frozenset({RUNNING, DISCONNECTED, HELD})  # of a job that exists


@dataclass(frozen=True, slots=True)
class StepEvent:
    """A step has come to a new state.

    Parameters
    ----------
    problem, fix
        Of a failed step: what went wrong and what to do next.
    error
        Class of the `WingspanError` of a step that failed for what it was given; else empty.
    cause
        ``memory`` or ``disk`` of a step that failed for lack of it; `STALE` of a step that is stopped because it read
        a result that was not the stored one, `LEFT` of one that the workflow has not come to because another step
        failed; else empty.
    note
        What a user should know of a step that is done.
    adopted
        Key of the earlier result that a step which is done took over instead of running; else empty.
    """

    time: float
    step: str
    key: str
    state: str
    attempt: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_memory_mb: float = 0.0
    problem: str = ""
    fix: str = ""
    error: str = ""
    cause: str = ""
    note: str = ""
    adopted: str = ""


Listener = Callable[[StepEvent], None]


def ignore(event: StepEvent) -> None:
    """Listen to nothing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The last event of each step that ran, by step name."""

    run_id: str
    steps: Mapping[str, StepEvent] = field(default_factory=dict)

    @property
    def failed(self) -> tuple[StepEvent, ...]:
        """The steps that failed themselves."""
        return tuple(event for event in self.steps.values() if event.state == FAILED)

    @property
    def ok(self) -> bool:
        """Whether every step is done."""
        return all(event.state == DONE for event in self.steps.values())
