"""Compare a simulated pool with known figures of real logs, as a table.

The priors are shapes measured on the event logs of 35 public repositories (7,982 jobs, 436 holds in 114
incidents; people commit logs of trouble, so rates are biased upward): not the truth about any pool. An
incident is a batch's holds with one code, each within a minute of the one before.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wingspan.eventlog.codes import HoldCode
from wingspan.simulator.truth import read_truth

_MINUTE_S = 60.0
_AT_ONCE = frozenset({HoldCode.SubmittedOnHold, HoldCode.SpoolingInput})  # not in the measured logs


@dataclass(frozen=True, slots=True)
class Marginal:
    """One number: its known and simulated value, and the greatest difference for ``corpus``."""

    name: str
    prior: float
    low: float
    high: float
    simulated: float

    @property
    def fits(self) -> bool:
        """Return whether the simulated number is in its band."""
        return self.low <= self.simulated <= self.high


def marginals(truth: Path) -> tuple[Marginal, ...]:
    """Compare a simulation with the priors, from its truth file."""
    holds: list[dict[str, Any]] = []
    ends: Counter[str] = Counter()
    held_jobs = 0
    totals: dict[str, Any] = {"jobs": 0, "events": {}, "bytes": {}}
    for record in read_truth(truth):
        if record["kind"] == "hold":
            holds.append(record)
        elif record["kind"] == "job":
            ends[record["end"]] += 1
            held_jobs += record["holds"] > 0
        elif record["kind"] == "totals":
            totals = record
    holds.sort(key=lambda hold: hold["time"])
    incidents = _incidents(holds)
    return (
        _row("jobs held at least once", 0.052, 0.01, 0.10, _share(held_jobs, totals["jobs"])),
        _row(
            "terminations with exit code 0",
            0.77,
            0.6,
            0.9,
            _share(ends["ok"], ends["ok"] + ends["bad exit"]),
        ),
        *_fates(holds),
        *_codes(incidents),
        *_sizes(incidents),
        *_times(holds),
        *_events(totals),
    )


def _row(name: str, prior: float, low: float, high: float, simulated: float) -> Marginal:
    return Marginal(name, prior, low, high, simulated)


def _near(name: str, prior: float, factor: float, simulated: float) -> Marginal:
    return Marginal(name, prior, prior / factor, prior * factor, simulated)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _fates(holds: Sequence[dict[str, Any]]) -> Iterable[Marginal]:
    """Compare what was done about holds, and what followed a release."""
    actions = Counter(hold["action"] for hold in holds)
    removed = actions["remove"] + actions["policy remove"]
    released = [hold for hold in holds if hold["outcome_code"] is not None or _was_released(hold)]
    after = Counter(hold["outcome"] for hold in released)
    yield _row("holds removed without release", 0.81, 0.6, 0.92, _share(removed, len(holds)))
    yield _row("holds released", 0.11, 0.04, 0.3, _share(len(released), len(holds)))
    yield _row("holds left at the end", 0.08, 0.01, 0.16, _share(actions["none"], len(holds)))
    yield _row("released: exit 0 next", 0.20, 0.05, 0.45, _share(after["ok"], len(released)))
    yield _row("released: held again", 0.44, 0.2, 0.85, _share(after["held again"], len(released)))


def _was_released(hold: dict[str, Any]) -> bool:
    return hold["action"] in {"release", "policy release", "edit", "fix"}


def _incidents(holds: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Group holds, sorted by time, into incidents."""
    last: dict[tuple[int, int], list[dict[str, Any]]] = {}
    found = []
    for hold in holds:
        key = (hold["batch"], hold["code"])
        if key not in last or hold["time"] - last[key][-1]["time"] > _MINUTE_S:
            last[key] = []
            found.append(last[key])
        last[key].append(hold)
    return found


def _codes(incidents: Sequence[Sequence[dict[str, Any]]]) -> Iterable[Marginal]:
    priors = {13: 0.27, 3: 0.15, 12: 0.13, 26: 0.11, 6: 0.09, 21: 0.06, 47: 0.06, 34: 0.04, 1: 0.03}
    codes = Counter(incident[0]["code"] for incident in incidents)
    for code, prior in priors.items():
        share = _share(codes[code], len(incidents))
        yield _row(f"incidents with code {code}", prior, prior / 5, min(1.0, prior * 4), share)


def _sizes(incidents: Sequence[Sequence[dict[str, Any]]]) -> Iterable[Marginal]:
    sizes = [len(incident) for incident in incidents]
    groups = ((1, 1, 0.72), (2, 5, 0.18), (6, 12, 0.08))
    for low, high, prior in groups:
        share = _share(sum(low <= size <= high for size in sizes), len(sizes))
        yield _row(
            f"incidents of {low}-{high} holds", prior, prior / 2.5, min(1.0, prior * 2.5), share
        )
    mates = sum(size for size in sizes if size > 1)
    yield _row(
        "holds with a batch-mate's within a minute", 0.74, 0.5, 0.95, _share(mates, sum(sizes))
    )


def _times(holds: Sequence[dict[str, Any]]) -> Iterable[Marginal]:
    """Compare quantiles of waits, in seconds; first holds only for the wait from the submission."""
    first = sorted(
        hold["since_submit_s"]
        for hold in holds
        if hold["hold"] == 1 and hold["code"] not in _AT_ONCE
    )
    for part, prior in ((0.10, 4.0), (0.25, 9.0), (0.50, 18.0), (0.75, 239.0), (0.90, 30_392.0)):
        yield _near(f"submit to hold, quantile {part}", prior, 15, _quantile(first, part))
    released = _waits(holds, {"release", "policy release", "edit", "fix"})
    for part, prior in ((0.10, 342.0), (0.25, 3603.0), (0.50, 7499.0), (0.75, 86_097.0)):
        yield _near(f"hold to release, quantile {part}", prior, 20, _quantile(released, part))
    removed = _waits(holds, {"remove"})
    for part, prior in ((0.10, 79.0), (0.50, 823.0), (0.90, 7448.0)):
        yield _near(f"hold to removal, quantile {part}", prior, 4, _quantile(removed, part))
    for label, low, high, prior in (("0", 0, 0, 0.12), ("1", 1, 1, 0.84), ("more", 2, 10**9, 0.04)):
        share = _share(sum(low <= hold["executes"] <= high for hold in holds), len(holds))
        yield _row(
            f"executions before the hold: {label}", prior, prior / 5, min(1.0, prior * 5), share
        )


def _waits(holds: Sequence[dict[str, Any]], actions: set[str]) -> list[float]:
    return sorted(
        hold["action_time"] - hold["time"]
        for hold in holds
        if hold["action"] in actions and hold["code"] not in _AT_ONCE
    )


def _quantile(values: Sequence[float], part: float) -> float:
    """Return the value below which a part of the sorted values lies; 0 without values."""
    return values[min(len(values) - 1, int(part * len(values)))] if values else 0.0


def _events(totals: dict[str, Any]) -> Iterable[Marginal]:
    """Compare the mix of events and their sizes."""
    mix = {6: 0.738, 1: 0.072, 40: 0.063, 4: 0.040, 0: 0.032, 5: 0.028, 7: 0.017, 9: 0.0044, 12: 0.0019, 21: 0.0013, 13: 0.0002}  # fmt: skip
    sizes = {0: 452, 1: 154, 4: 485, 5: 938, 6: 151, 7: 210, 9: 111, 12: 247, 13: 124, 21: 236, 22: 427, 23: 770, 40: 132}  # fmt: skip
    events = {int(number): count for number, count in totals["events"].items()}
    whole = sum(events.values())
    for number, prior in mix.items():
        share = _share(events.get(number, 0), whole)
        yield _row(f"share of event {number:03d}", prior, prior / 8, min(1.0, prior * 8), share)
    for number, prior in sizes.items():
        size = _share(totals["bytes"].get(str(number), 0), events.get(number, 0))
        yield _near(f"bytes of event {number:03d}", float(prior), 2.5, size)
    yield _row(
        "disconnects that reconnect", 0.84, 0.6, 0.95, _share(events.get(23, 0), events.get(22, 0))
    )
