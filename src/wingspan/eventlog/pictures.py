"""Draw jobs by state and holds by code over time, as SVG."""

from typing import TYPE_CHECKING, Final

import numpy as np

from wingspan.draw.timeline import timeline_svg
from wingspan.eventlog.codes import hold_name
from wingspan.eventlog.histories import STATE_EVENTS, group_by_job
from wingspan.eventlog.job_state import State
from wingspan.shown import counted

if TYPE_CHECKING:
    from wingspan.eventlog.events import Events
    from wingspan.eventlog.histories import JobHistories

_TIMES: Final = 400
_BINS: Final = 100
_NAME: Final = 40  # characters of a code's name
_CODES: Final = 4  # hold codes that have their own colour
_STATES: Final = (State.RUNNING, State.SUSPENDED, State.HELD, State.IDLE)


def states_svg(events: "Events") -> str:
    """Draw the number of running, idle and held jobs over time."""
    history = group_by_job(events.take(np.flatnonzero(np.isin(events.code, STATE_EVENTS))))
    seen = history.events.time
    times = np.linspace(seen.min(), seen.max(), _TIMES) if len(seen) else np.empty(0)
    counts = history.count_states(times) if len(seen) else np.empty((len(State), 0), int)
    chosen = {kind.name.lower(): counts[kind].tolist() for kind in _STATES if counts[kind].any()}
    return timeline_svg(times.tolist(), chosen, title=counted(len(history), "job"))


def holds_svg(history: "JobHistories") -> str:
    """Draw the number of holds of each code in a hundred intervals; return "" if there are none."""
    holds = history.holds()
    if not len(holds.row):
        return ""
    seen = history.events.time
    edges = np.linspace(float(seen.min()), max(float(seen.max()), float(seen.min()) + 1), _BINS + 1)
    codes, counts = np.unique(holds.code, return_counts=True)
    first = codes[np.argsort(-counts, kind="stable")][:_CODES].tolist()
    columns = {
        f"{code} {hold_name(code)}"[:_NAME]: np.histogram(holds.start[holds.code == code], edges)[0]
        for code in first
    }
    others = np.histogram(holds.start[~np.isin(holds.code, first)], edges)[0]
    if others.any():
        columns["other codes"] = others
    shown = {name: [*column.tolist(), 0] for name, column in columns.items()}
    each = (edges[1] - edges[0]) / 3600
    title = f"{counted(len(holds.row), 'hold')}, by code, in stretches of {each:,.1f} h"
    return timeline_svg(edges.tolist(), shown, title=title)
