"""Find every hold of every job, what was done about it, and what came of it.

A log shows the outcome of the one action that was taken. A job that was removed while held says nothing about its
release, so its label is missing, not 0.
"""

from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.holds.prefix import mark, number_by_first
from wingspan.advisor.holds.timeline import Timeline
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.rules import DECISIONS

OUTCOMES: Final = (
    "censored",  # the log ends, or has too little
    "released_ok",  # exited with 0 before any other hold or removal
    "released_held_same",  # held again with the same code
    "released_held_other",  # held again with another code
    "released_failed",  # exited with another code, or by a signal
    "released_removed",  # removed, or held by a person, after the release
    "removed_without_release",  # the outcome of a release is unknown
    "edited_before_release",  # the job was edited first: this is another action
)
EXCLUSIONS: Final = ("", "held by a person", "submitted on hold", "spooling input")
_LABELS: Final = np.array([np.nan, 1, 0, 0, 0, np.nan, np.nan, np.nan])
_EXCLUDED_CODES: Final = {1: 1, 15: 2, 16: 3}
_ENDS: Final = (Event.JOB_TERMINATED, Event.JOB_ABORTED, Event.JOB_HELD)
_EDITS: Final = (Event.ATTRIBUTE_UPDATE, Event.CLUSTER_SUBMIT, Event.CLUSTER_REMOVE)


@dataclass(frozen=True, slots=True)
class Episodes:
    """One entry a hold, in the order of the timeline.

    Attributes
    ----------
    row
        The hold's row in the timeline; everything up to it, and nothing after it, was known. int64
    file, offset
        Where the hold's record begins. int32, int64
    time
        Its stamp, UTC seconds; `known` is the log's clock then. float64
    outcome
        Index into `OUTCOMES`. int8
    label
        1 if the release paid, 0 if it did not, nan if missing. float64
    excluded
        Index into `EXCLUSIONS`: why no advice is given; 0 for most. int8
    author
        Who ended the hold, index into `AUTHORS`. int8
    action
        Event number that ended the hold: a release (13), a removal (9); -1 none. int16
    outcome_row
        Row from which the outcome is known; -1 if it is censored. int64
    after_s
        Seconds from the hold to the action, nan for none. float64
    outcome_after_s
        Seconds from the hold to the outcome's row, or to the log's end if it is censored. float64
    """

    row: NDArray[np.int64]
    job: NDArray[np.int32]
    cluster: NDArray[np.int32]
    access_point: NDArray[np.int16]
    host: NDArray[np.int32]
    file: NDArray[np.int32]
    offset: NDArray[np.int64]
    time: NDArray[np.float64]
    known: NDArray[np.float64]
    code: NDArray[np.int64]
    subcode: NDArray[np.int64]
    template: NDArray[np.int32]
    outcome: NDArray[np.int8]
    label: NDArray[np.float64]
    excluded: NDArray[np.int8]
    author: NDArray[np.int8]
    action: NDArray[np.int16]
    outcome_row: NDArray[np.int64]
    after_s: NDArray[np.float64]
    outcome_after_s: NDArray[np.float64]

    def __post_init__(self) -> None:
        for each in fields(self):
            getattr(self, each.name).flags.writeable = False

    def __len__(self) -> int:
        return len(self.row)

    def take(self, chosen: NDArray[Any]) -> "Episodes":
        """Return the chosen episodes (indices or a mask)."""
        return Episodes(**{each.name: getattr(self, each.name)[chosen] for each in fields(self)})


def find_episodes(timeline: Timeline) -> Episodes:
    """Find every hold, and follow it to its outcome."""
    events = timeline.events
    rows = timeline.where(Event.JOB_HELD)
    action, ending = _followed(timeline, rows)
    code = events.value[rows]
    outcome = _outcomes(timeline, rows, action, ending)
    excluded = np.zeros(len(rows), np.int8)
    for number, why in _EXCLUDED_CODES.items():
        excluded[code == number] = why
    censored = outcome == OUTCOMES.index("censored")
    seen = np.where(censored, -1, np.where(ending >= 0, ending, action))
    end = timeline.clock[-1] if len(timeline) else 0.0
    clock = timeline.clock[rows]
    return Episodes(
        row=rows,
        job=timeline.job[rows],
        cluster=timeline.cluster[rows],
        access_point=events.access_point[rows],
        host=timeline.host[rows],
        file=events.file[rows],
        offset=events.offset[rows],
        time=events.time[rows],
        known=clock,
        code=code,
        subcode=events.detail[rows].astype(np.int64),
        template=timeline.template[rows],
        outcome=outcome,
        label=_LABELS[outcome],
        excluded=excluded,
        author=np.where(action >= 0, timeline.author[action], 0).astype(np.int8),
        action=np.where(action >= 0, events.code[action], -1).astype(np.int16),
        outcome_row=seen,
        after_s=np.where(action >= 0, timeline.clock[action] - clock, np.nan),
        outcome_after_s=np.where(censored, end, timeline.clock[seen]) - clock,
    )


def _followed(
    timeline: Timeline, holds: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows that ended each hold, and of the end that followed a release.

    Missing rows are -1. A hold that is followed by another, or by an end, without a release between them has neither:
    the log is incomplete.
    """
    steps = timeline.where(*_ENDS, Event.JOB_RELEASED)
    steps = steps[np.argsort(timeline.job[steps], kind="stable")]
    job, code = timeline.job[steps], timeline.events.code[steps]
    count = len(steps)
    places = np.arange(count)
    ends = np.where(code != Event.JOB_RELEASED, places, count)
    next_end = np.append(np.minimum.accumulate(ends[::-1])[::-1], [count, count])
    mine = np.flatnonzero(code == Event.JOB_HELD)
    mine = mine[np.argsort(steps[mine])]

    def row_of(place: NDArray[np.int64], *wanted: int) -> NDArray[np.int64]:
        inside = np.minimum(place, max(count - 1, 0))
        good = (place < count) & (job[inside] == job[mine]) & np.isin(code[inside], wanted)
        return np.where(good, steps[inside], -1)

    action = row_of(mine + 1, Event.JOB_RELEASED, Event.JOB_ABORTED)
    released = (action >= 0) & (timeline.events.code[action] == Event.JOB_RELEASED)
    ending = np.where(released, row_of(next_end[mine + 1], *_ENDS), -1)
    return action.reshape(len(holds)), ending.reshape(len(holds))


def _outcomes(
    timeline: Timeline,
    holds: NDArray[np.int64],
    action: NDArray[np.int64],
    ending: NDArray[np.int64],
) -> NDArray[np.int8]:
    events = timeline.events
    if not len(holds):
        return np.empty(0, np.int8)
    acted = np.where(action >= 0, events.code[action], -1)
    ended = np.where(ending >= 0, events.code[ending], -1)
    fine = (events.value[ending] == 0) & (events.detail[ending] == 0)
    again, same = ended == Event.JOB_HELD, events.value[ending] == events.value[holds]
    person = again & np.isin(events.value[ending], list(DECISIONS))
    edited = (acted == Event.JOB_RELEASED) & _edited(timeline, holds, action)
    cases = {
        "edited_before_release": edited,
        "removed_without_release": acted == Event.JOB_ABORTED,
        "released_removed": (ended == Event.JOB_ABORTED) | person,
        "released_held_same": again & same,
        "released_held_other": again,
        "released_ok": (ended == Event.JOB_TERMINATED) & fine,
        "released_failed": ended == Event.JOB_TERMINATED,
    }
    numbers = [OUTCOMES.index(name) for name in cases]
    return np.select(list(cases.values()), numbers, 0).astype(np.int8)


def _edited(
    timeline: Timeline, holds: NDArray[np.int64], action: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return whether a job or its cluster was edited between its hold and the end of it."""
    events = timeline.events
    edits = np.flatnonzero(np.isin(events.code, _EDITS))
    asked = np.concatenate([edits, holds])
    by_cluster = np.full(len(timeline), -1, np.int32)
    by_cluster[asked] = number_by_first(events.access_point[asked], events.cluster[asked])
    found = np.zeros(len(holds), bool)
    for group, rows in ((timeline.job, edits), (by_cluster, edits[events.proc[edits] < 0])):
        marks = mark(rows, group[rows], len(timeline) + 1)
        of = group[holds]
        found |= marks.count(of, np.maximum(action, 0)) > marks.count(of, holds)
    return found
