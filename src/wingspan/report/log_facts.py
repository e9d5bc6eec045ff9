"""Read all that a page says of job event logs, as frozen values."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wingspan.eventlog.histories import STATE_EVENTS, group_by_job
from wingspan.eventlog.logs import read_logs
from wingspan.eventlog.pictures import holds_svg, states_svg
from wingspan.eventlog.summary import Summary, summarise

if TYPE_CHECKING:
    from wingspan.advisor.answers.advice import Incident
    from wingspan.eventlog.events import Events

_PAST: Final = 5_000  # holds of the past up to which each is advised on


@dataclass(frozen=True, slots=True)
class LogFacts:
    """Logs.

    Parameters
    ----------
    incidents
        Advice on the jobs that are held at the end; if there are none, on every hold.
    past
        The advice is on holds that are over.
    """

    names: tuple[str, ...]
    summary: Summary
    incidents: "tuple[Incident, ...]"
    past: bool
    states: str = field(repr=False)
    holds: str = field(repr=False)


def read_log(paths: Sequence[Path]) -> LogFacts:
    """Return what event logs say; files that are not logs are refused."""
    events = read_logs(paths)
    summary = summarise(events)
    history = group_by_job(events, [*STATE_EVENTS])
    incidents, past = _advice(events, sum(group.holds for group in summary.holds))
    return LogFacts(
        tuple(str(path) for path in paths),
        summary,
        incidents,
        past,
        states_svg(events),
        holds_svg(history),
    )


def _advice(events: "Events", holds: int) -> "tuple[tuple[Incident, ...], bool]":
    from wingspan.advisor.answers.advise import advise
    from wingspan.advisor.holds.timeline import make_timeline

    timeline = make_timeline(events, lean=True)
    found = advise(timeline)
    if found or not 0 < holds <= _PAST:
        return found, False
    return advise(timeline, every=True), True
