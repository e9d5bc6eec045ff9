"""Judge a stored advisor, and count how often the same holds were used for judging.

Nothing is refused, since operators judge daily. But figures on holds that were used again and again to choose a model are
too good, so the count is reported.
"""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from wingspan.advisor.answers.audit import append_line
from wingspan.advisor.judging.contest import (
    ADVISING,
    ALWAYS,
    CONSTANT,
    PER_CODE,
    Contest,
    Contestant,
)
from wingspan.advisor.models.baselines import Always, Model, Rates
from wingspan.advisor.models.saved import Advisor
from wingspan.advisor.samples.samples import Rows, Samples
from wingspan.advisor.samples.split import Sealed, Split


def contest_of(advisor: Advisor) -> Contest:
    """Return an advisor as the winner of a contest with its stored rates."""
    models: dict[str, Model] = {
        ALWAYS: Always(),
        CONSTANT: Rates(advisor.rates.counts, 0),
        PER_CODE: Rates(advisor.rates.counts, 1),
        ADVISING: advisor.rates,
        advisor.name: advisor.model,
    }
    none = np.empty(0)
    entered = (Contestant(name, model, none, none, none, np.nan) for name, model in models.items())
    return Contest(tuple(entered), advisor.name, advisor.rates, advisor.strength, stored=advisor)


def unseen(samples: Samples, advisor: Advisor) -> Split:
    """Return all holds that the advisor did not learn from, as a test without other slices.

    These are all holds at access points that it does not know. At the others, they are holds after its training and
    calibrating slices, of clusters and incidents that were not held before.
    """
    until = float(advisor.card.get("slices_start", [0.0, 0.0])[1])
    names = samples.timeline.events.access_points
    known = set(advisor.card.get("access_points", names))
    there = np.array([name in known for name in names], bool)[samples.episodes.access_point]
    old = there & (samples.moments.clock < until)
    for group in (samples.episodes.cluster, samples.incidents.number):
        old |= np.isin(group, group[old])
    rows = np.flatnonzero(~old & (samples.episodes.excluded == 0))
    none = np.empty(0, np.int64)
    return Split(none, none, Sealed(rows), 0, (until, until))


def count_openings(samples: Samples, rows: Rows, journal: Path) -> int:
    """Return how often holds of these access points and time were judged on; record this time."""
    if not len(rows):
        return 0
    names = samples.timeline.events.access_points
    clock = samples.moments.clock[rows]
    mine = {
        "access_points": sorted(
            names[place] for place in np.unique(samples.episodes.access_point[rows])
        ),
        "begins": float(clock.min()),
        "ends": float(clock.max()),
    }
    lines = journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []
    count = sum(_overlap(mine, json.loads(line)) for line in lines)
    append_line(journal, {**mine, "holds": len(rows), "time": time.time()})
    return count


def _overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    points = set(one["access_points"]) & set(other["access_points"])
    return bool(points) and one["begins"] <= other["ends"] and other["begins"] <= one["ends"]
