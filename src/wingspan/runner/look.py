"""A run at one moment: the last event of each step, and the state of the whole."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from wingspan.pipeline.resources import Resources
from wingspan.planning.plan import PlannedStep
from wingspan.runner.events import DONE, FAILED, RUNNING, STOPPED, StepEvent
from wingspan.runner.queue_attempt import Attempt
from wingspan.runner.usage import Usage, measure


class Look(NamedTuple):
    """A run at one moment; `state` as `Run.state` says it."""

    events: dict[str, StepEvent]
    state: str

    def usage(
        self, steps: Mapping[str, PlannedStep], attempts: Mapping[str, list[Attempt]]
    ) -> dict[str, list[Usage]]:
        """Return, for each step that has run, what it used of what it requested; the trials of a sweep are not steps."""
        return {
            name: measure(event, Resources(**steps[name].resources), attempts.get(name, ()))
            for name, event in self.events.items()
            if (event.wall_s or name in attempts) and steps[name].sweep is None
        }


def state_of(events: Iterable[StepEvent], *, driven: bool) -> str:
    """Return the state of a run, given the last event of each step, and whether a process drives it."""
    states = {event.state for event in events}
    if states <= {DONE}:
        return DONE
    if driven:
        return RUNNING
    return FAILED if FAILED in states else STOPPED
