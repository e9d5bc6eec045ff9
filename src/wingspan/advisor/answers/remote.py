"""Say what a job's log reports about a queue elsewhere, of jobs of the grid universe."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from wingspan.eventlog.bodies import read_bodies
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.events import Events
from wingspan.eventlog.job_state import STATE_AFTER_EVENT

_NEWS: Final[Mapping[int, str]] = {
    Event.GLOBUS_SUBMIT: "it was submitted to {}",
    Event.GLOBUS_SUBMIT_FAILED: "its submission to {} failed",
    Event.GLOBUS_RESOURCE_UP: "{} is up again",
    Event.GLOBUS_RESOURCE_DOWN: "{} is down",
    Event.GRID_RESOURCE_UP: "{} is up again",
    Event.GRID_RESOURCE_DOWN: "{} is down",
    Event.GRID_SUBMIT: "it was submitted to {}",
    Event.JOB_STATUS_UNKNOWN: "its status at {} is unknown",
    Event.JOB_STATUS_KNOWN: "its status at {} is known again",
    Event.JOB_STAGE_IN: "its input files are being sent to {}",
    Event.JOB_STAGE_OUT: "its output files are being fetched from {}",
}
_GLOBUS: Final = range(Event.GLOBUS_SUBMIT, Event.GLOBUS_RESOURCE_DOWN + 1)


def remote_news(events: Events) -> str:
    """Return the last news of a job's remote queue since its state changed; empty without any."""
    state = np.flatnonzero(np.isin(events.code, tuple(STATE_AFTER_EVENT)))
    since = state[-1] if len(state) else -1
    rows = np.flatnonzero(np.isin(events.code, tuple(_NEWS)))
    if not len(rows) or rows[-1] < since:
        return ""
    bodies = read_bodies(events, rows)
    names = [str(body["GridResource"]) for body in bodies if body.get("GridResource")]
    code = int(events.code[rows[-1]])
    resource = names[-1] if names else "Globus" if code in _GLOBUS else "the grid resource"
    return _NEWS[code].format(resource)
