"""Hold what is known of a trial's call from its draw to its end."""

from dataclasses import dataclass, field

from wingspan.planning.plan import PlannedStep
from wingspan.runner.trials.reports import Reports
from wingspan.sweep.records import Draw


@dataclass(slots=True)
class Under:
    """A call under way: its draw, its planned step, and what its attempts report.

    Parameters
    ----------
    again
        The study has its value already, and the call is made only for its files.
    begun
        The study has its key.
    twins
        Other draws that make the same call, such as a repeat with the seed of another trial.
    """

    draw: Draw
    step: PlannedStep
    again: bool = False
    begun: bool = False
    twins: list[Draw] = field(default_factory=list)
    reports: Reports | None = None
    curve: dict[float, float] = field(default_factory=dict)
