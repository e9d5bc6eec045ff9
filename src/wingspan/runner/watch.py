"""Look at a run from its files alone: what is new since the last look, and what its jobs do now.

Looking changes nothing. On a pool, what no process has recorded yet is read from the DAG's logs.
"""

from collections.abc import Iterable

from wingspan.runner.events import StepEvent
from wingspan.runner.metrics import LastValue, last_values
from wingspan.runner.protocol import Trail
from wingspan.runner.queue_attempt import Attempt
from wingspan.runner.record import read_new_events
from wingspan.runner.run_folder import Home, RunFolder
from wingspan.runner.runners import trail_of


class Watch:
    """One run being looked at; several may look at once, and none of them disturbs it.

    Attributes
    ----------
    latest
        The last event of each step that has one.
    over
        No process drives the run, and it is in no pool.
    """

    def __init__(self, folder: RunFolder, home: Home, trail: Trail | None = None) -> None:
        self._folder = folder
        self._offset = 0
        self._seen: set[tuple[str, str, float]] = set()
        self._trail = trail or trail_of(folder, home)
        self.latest: dict[str, StepEvent] = {}
        self.over = False

    def look(self) -> list[StepEvent]:
        """Return the events since the last call; all there were at the first."""
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
        """Return what was not returned before: what the logs say is recorded later by who brings results in."""
        found = []
        for event in events:
            known = (event.step, event.state, event.time)
            if known not in self._seen:
                self._seen.add(known)
                found.append(event)
        return found

    def metrics(self) -> dict[str, dict[str, LastValue]]:
        """Return what the running steps have logged last, by step and metric."""
        return last_values(self.latest.values(), self._trail)

    def jobs(self) -> dict[str, Attempt]:
        """Return the last attempt of each step's job in the pool, by the step's key."""
        return self._trail.last_attempts()
