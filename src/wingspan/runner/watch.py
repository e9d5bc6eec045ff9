"""Look at a run from its files: `Watch` finds what is new, `Look` is a run at one moment.

Looking changes nothing. On a pool, events that no process has recorded yet are read from the DAG's logs.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from wingspan.eventlog.attempt import Attempt
from wingspan.pipeline.resources import Resources
from wingspan.planning.plan import PlannedStep
from wingspan.runner.events import DONE, FAILED, RUNNING, STOPPED, StepEvent
from wingspan.runner.metrics import LastValue, last_values
from wingspan.runner.protocol import Trail
from wingspan.runner.record import read_new_events
from wingspan.runner.run_folder import Home, RunFolder
from wingspan.runner.runners import trail_of
from wingspan.runner.usage import Usage, measure


class Watch:
    """One run being looked at; several processes may look at once without disturbing it.

    Attributes
    ----------
    latest
        The last event of each step that has one.
    over
        No process drives the run, and it is not in a pool.
    """

    def __init__(self, folder: RunFolder, home: Home, trail: Trail | None = None) -> None:
        self._folder = folder
        self._offset = 0
        self._seen: set[tuple[str, str, float]] = set()
        self._trail = trail or trail_of(folder, home)
        self.latest: dict[str, StepEvent] = {}
        self.over = False

    def look(self) -> list[StepEvent]:
        """Return the events since the last call; the first call returns all."""
        driven = self._folder.driven()
        recorded, self._offset = read_new_events(self._folder, self._offset)
        self.latest |= {event.step: event for event in recorded}
        news = self._unseen(recorded)
        alive = driven
        if not driven:
            read, alive = self._trail.look()
            for event in read:
                before = self.latest.get(event.step)
                if before is None or int(before.time) <= event.time:  # a log has whole seconds
                    self.latest[event.step] = event
            news += self._unseen(read)
        self.over = not alive
        return news

    def _unseen(self, events: Iterable[StepEvent]) -> list[StepEvent]:
        """Return the events that were not returned before; events of logs are recorded later."""
        found = []
        for event in events:
            known = (event.step, event.state, event.time)
            if known not in self._seen:
                self._seen.add(known)
                found.append(event)
        return found

    def metrics(self) -> dict[str, dict[str, LastValue]]:
        """Return the newest metrics of the running steps, by step and name."""
        return last_values(self.latest.values(), self._trail)

    def jobs(self) -> dict[str, Attempt]:
        """Return the last attempt of each step's job in the pool, by the step's key."""
        return self._trail.last_attempts()


class Look(NamedTuple):
    """A run at one moment; `state` is that of `Run.state`."""

    events: dict[str, StepEvent]
    state: str

    def usage(
        self, steps: Mapping[str, PlannedStep], attempts: Mapping[str, list[Attempt]]
    ) -> dict[str, list[Usage]]:
        """Return each step's usage, for steps that have run; trials of a sweep are not steps."""
        return {
            name: measure(event, Resources(**steps[name].resources), attempts.get(name, ()))
            for name, event in self.events.items()
            if (event.wall_s or name in attempts) and steps[name].sweep is None
        }


def state_of(events: Iterable[StepEvent], *, driven: bool) -> str:
    """Return the state of a run, from each step's last event and whether a process drives it."""
    states = {event.state for event in events}
    if states <= {DONE}:
        return DONE
    if driven:
        return RUNNING
    return FAILED if FAILED in states else STOPPED
