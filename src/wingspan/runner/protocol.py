"""What a runner must offer: `Runner` carries out plans, `Trail` shows the progress of a run.

A runner is a place where steps run: this machine, or an HTCondor pool. A new one derives both classes in a package next
to ``local/`` and ``htcondor/``, and gets a line in ``runners.py``. ``tests/contracts`` has the rules for all runners.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self

from wingspan.planning.plan import Plan, PlannedStep
from wingspan.runner.events import Listener, Outcome, StepEvent
from wingspan.runner.run_folder import Home, RunFolder

if TYPE_CHECKING:
    from wingspan.eventlog.attempt import Attempt  # no job needs it
    from wingspan.runner.logged import Curves


class Runner(ABC):
    """Carries out plans; a context manager that ends what `begin` has started.

    Only `run` must be implemented. The other methods are called before there is a run folder, in the order of this
    class; by default they do nothing.

    Attributes
    ----------
    detached
        The jobs go on when the process that drives the run ends, so that an equal run joins them.
    """

    detached = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def require_usable(self) -> None:
        """Check the settings before any work.

        Raises
        ------
        WingspanError
            A setting cannot be used.
        """
        return

    def warnings(self, plan: Plan) -> list[str]:
        """Return notes for the user on a plan; they do not prevent the run."""
        del plan
        return []

    def grouped(self, plan: Plan, before: Mapping[str, Mapping[str, Any]], home: Home) -> Plan:
        """Return the plan with the steps that share a job; `before` is the last plan's, by step."""
        del before, home
        return plan

    def require(self, plan: Plan, home: Home) -> None:
        """Check that it can carry out a plan, before anything is written.

        Raises
        ------
        WingspanError
            It cannot carry it out, or cannot be reached.
        """
        del plan, home

    def begin(self, plan: Plan) -> None:
        """Start slow preparations while the run folder is being written."""
        del plan

    @abstractmethod
    def run(self, plan: Plan, folder: RunFolder, home: Home, listener: Listener) -> Outcome:
        """Run the open steps, publish each result to the store, and return when all have ended."""


class Trail(ABC):
    """A run as its jobs have left it, for any process; jobs may be ahead of the run's record.

    The process that drives a run records everything at once. So a trail is asked only where no process drives the run.
    """

    @abstractmethod
    def look(self) -> tuple[list[StepEvent], bool]:
        """Return the new events that the record lacks, and whether the run goes on; change nothing."""

    @abstractmethod
    def catch_up(self) -> bool:
        """Bring in and record the results of finished jobs; return whether the run goes on."""

    @abstractmethod
    def stop(self) -> None:
        """End the run's jobs, or the process that drives it; do not wait for that.

        Raises
        ------
        WingspanError
            They cannot be reached from here.
        """

    @property
    def under_way(self) -> bool:
        """Whether jobs may run, by their logs; `look` says so too, but costs more."""
        return False

    @property
    def moved(self) -> bool:
        """Whether jobs may still write to a place from which the run's folder was moved."""
        return False

    def last_attempts(self) -> "dict[str, Attempt]":
        """Return the last attempt of each step's job in a queue, by the step's key."""
        return {}

    def attempts(self) -> "dict[str, list[Attempt]]":
        """Return every attempt of each step's job in a queue, by the step's key.

        Trials of a sweep have theirs under the sweep's key and their call, such as ``KEY[3]``.
        """
        return {}

    def live_curves(self, keys: Iterable[str]) -> "dict[str, Curves]":
        """Return what running jobs have logged, by the step's key; their files may not be here yet."""
        del keys
        return {}

    def channel(self) -> str:
        """Return a sentence on how the trials of running sweeps reach the access point, or nothing."""
        return ""

    def notice(self) -> str:
        """Return what keeps the run from going on until a person acts, and what to do; or nothing."""
        return ""

    def sent(self, key: str) -> dict[str, Any] | None:
        """Return the result that a step's job has sent and that is not brought in yet, or None."""
        del key
        return None

    def queued(self, step: PlannedStep | None = None) -> list[Mapping[str, Any]]:
        """Return the ads of the jobs that are in a queue now: of one step, or of all."""
        del step
        return []

    @property
    def without_jobs(self) -> str:
        """What it means that no job is queued, in words that follow the run's state."""
        return "none of its jobs is in the queue"
