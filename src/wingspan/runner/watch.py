"""Look at a run while it goes on, from its files alone: what is new since the last look, and what its jobs do now."""

from pathlib import Path
from typing import TYPE_CHECKING

from wingspan.runner.driver import LOCAL, load_plan
from wingspan.runner.run_folder import Home, RunFolder
from wingspan.runner.runner import StepEvent, ignore, read_new_events

if TYPE_CHECKING:
    from wingspan.runner.htcondor.attempts import Attempt, Attempts
    from wingspan.runner.htcondor.follow import Follower


class Watch:
    """One run being looked at; several may look at once, and none of them disturbs it."""

    def __init__(self, folder: RunFolder, home: Home) -> None:
        self._folder = folder
        self._home = home
        self._plan = load_plan(folder)
        self._offset = 0
        self._place: Path | None = None
        self._follower: Follower | None = None
        self._jobs: Attempts | None = None
        self._keys: dict[str, list[str]] = {}
        self.over = False  # nobody drives the run any more, and it is in no pool

    def look(self) -> list[StepEvent]:
        """Return the events since the last call; all there were at the first."""
        alive = self._folder.driven()
        if self._folder.on != LOCAL:
            alive = self._look_at_pool(driven=alive) or alive
        events, self._offset = read_new_events(self._folder, self._offset)
        self.over = not alive
        return events

    def _look_at_pool(self, *, driven: bool) -> bool:
        """Take in what the logs of the last DAG tell; return whether it is in the pool. Who drives it, records it."""
        from wingspan.runner.htcondor.attempts import Attempts
        from wingspan.runner.htcondor.collect import nodes_in
        from wingspan.runner.htcondor.follow import Follower
        from wingspan.runner.htcondor.runner import newest

        place = newest(self._folder)
        if place is None:
            return False
        if place != self._place:
            self._place, self._jobs, self._keys = place, Attempts(place), nodes_in(place)
            self._follower = Follower(self._plan, place, self._folder, self._home, ignore)
        if self._jobs is not None:
            self._jobs.advance()
        if driven or self._follower is None or self._folder.complete.exists():
            return False
        self._follower.advance()
        return not self._follower.over

    def jobs(self) -> "dict[str, Attempt]":
        """Return the last attempt of each step's job in the pool, by the step's key."""
        if self._jobs is None:
            return {}
        return {
            key: tried[-1]
            for node, tried in self._jobs.by_node().items()
            for key in self._keys.get(node, ())
        }
