"""What every runner reports: `StepEvent` while it runs, `Outcome` at the end."""

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
    """A step has changed its state.

    Parameters
    ----------
    problem, fix
        What went wrong with a failed step, and what to do next.
    error
        Class of the `WingspanError` of a step that failed because of bad input; else empty.
    cause
        ``memory`` or ``disk`` if the step failed for lack of it. `STALE` if the step is stopped because it read a
        result that was not the stored one. `LEFT` if the workflow did not reach the step because another one failed.
        Else empty.
    note
        What a user should know about a finished step.
    adopted
        Key of the earlier result that a finished step adopted in place of running; else empty.
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
    """Ignore every event."""


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
