"""The evidence for one hold, in words."""

from datetime import UTC, datetime
from typing import Final

from wingspan.advisor.answers.blame import (
    FAR,
    MATES,
    OTHERS,
    Blame,
)
from wingspan.advisor.answers.evidence import (
    LEVELS,
    Counts,
    Evidence,
    History,
)
from wingspan.advisor.holds.episodes import OUTCOMES

ENOUGH: Final = 30
_CROWD: Final = 3
_WHOSE: Final = {
    "job": "this job",
    "cluster": "its cluster",
    "job or cluster": "this job or its cluster",
    "user": "its user, in several clusters",
    "job, cluster or user": "this job, its cluster or its user",
    "host": "the machine",
    "site": "the site",
    "access point": "the access point, or of a server that its jobs use",
}
_GROUPS: Final = {  # tries of
    "runs of cluster-mates on this machine": [(MATES, "host")],
    "runs of cluster-mates elsewhere": [(MATES, near) for near in ("site", "access point", FAR)],
    "runs of others on the machine in a day": [(OTHERS, "host")],
    "runs of others elsewhere at the site in six hours": [(OTHERS, "site")],
    "runs of others elsewhere at the access point in an hour": [(OTHERS, "access point")],
}


def enough(evidence: Evidence | None) -> tuple[Counts | None, str]:
    """Return the counts of the narrowest level that has enough, and its name."""
    for counts, level in zip(evidence.levels if evidence else (), LEVELS, strict=False):
        if counts.total >= ENOUGH:
            return counts, level
    return None, ""


def evidence_lines(evidence: Evidence | None, code: int) -> list[str]:
    """Return what was counted of releases of such holds, of the job, its cluster and its machine."""
    if evidence is None:
        return []
    lines = []
    counts, level = enough(evidence)
    if counts is None:
        counts, level = next(
            ((c, n) for c, n in zip(evidence.levels, LEVELS, strict=True) if c.total),
            (Counts(), "code"),
        )
        few = "" if counts.total else ": what a release does is unknown"
        lines.append(
            f"{counts.total} releases of such holds with known outcome ({ENOUGH} are enough){few}"
        )
    if counts.total:
        lines.append(
            f"of {counts.total} releases with the same {level}, from {counts.clusters} clusters: "
            f"{counts.paid} succeeded, {counts.again} held again, {counts.failed} failed"
        )
    for name, known in (("this job", evidence.job), ("its cluster-mates", evidence.mates)):
        if known.total:
            vain = known.again + known.failed
            lines.append(f"releases of {name} for code {code}: {known.paid} paid, {vain} in vain")
    if evidence.held_mates > 1:
        hosts = f" on {evidence.held_hosts} hosts" if evidence.held_hosts else ""
        lines.append(f"{evidence.held_mates} jobs of its cluster held for this code{hosts}")
    if evidence.alike >= _CROWD:
        lines.append(
            f"{evidence.alike} other clusters at its access point had such a hold in the hour before: "
            "it may be an outage"
        )
    return [*lines, _blame_line(evidence.blame)]


def _blame_line(told: Blame) -> str:
    verdict = (
        f"most likely the matter of {_WHOSE[told.whose]} ({told.share:.0%})"
        if told.whose
        else "whose matter it is cannot be told"
    )
    counted = []
    for group, cells in _GROUPS.items():
        seen = [told.seen[cell] for cell in cells if cell in told.seen]
        tries = sum(one.tries for one in seen)
        if tries:
            counted.append(f"{sum(one.held for one in seen):,} of {tries:,} {group}")
    return f"{verdict}: " + (
        f"held so: {', '.join(counted)}" if counted else "no other job ran that tells"
    )


def similar_lines(history: History, evidence: Evidence) -> list[str]:
    """Tell of the last episodes like this one."""
    timeline, episodes = history.timeline, history.episodes
    lines = []
    for other in evidence.similar:
        row = int(episodes.row[other])
        events = timeline.events
        when = datetime.fromtimestamp(float(episodes.time[other]), UTC)
        outcome = OUTCOMES[episodes.outcome[other]].replace("_", " ")
        lines.append(
            f"similar: {events.cluster[row]}.{events.proc[row]} held {when:%Y-%m-%d %H:%M}Z, "
            f"after {episodes.after_s[other]:.0f} s {outcome}"
        )
    return lines
