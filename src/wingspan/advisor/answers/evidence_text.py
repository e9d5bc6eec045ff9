"""Describe the evidence for one hold in words."""

from datetime import UTC, datetime
from typing import Final

from wingspan.advisor.answers.blame import (
    FAR,
    MATES,
    OTHERS,
    THEIRS,
    Blame,
)
from wingspan.advisor.answers.evidence import (
    LEVELS,
    Counts,
    Evidence,
    History,
)
from wingspan.advisor.holds.episodes import OUTCOMES
from wingspan.shown import counted, duration

ENOUGH: Final = 30
_NOTED: Final = 0.05  # a smaller change of a probability is not mentioned
CROWD: Final = 3
_OUTCOMES: Final = {
    "released_ok": "it ended well",
    "released_held_same": "it was held again with the same code",
    "released_held_other": "it was held again with another code",
    "released_failed": "its program failed",
}
_WHOSE: Final = {
    "job": "this job",
    "cluster": "its cluster",
    "job or cluster": "this job or its cluster",
    "user": "its user, in several clusters",
    "job, cluster or user": "this job, its cluster or its user",
    "host": "the machine",
    "site": "the site",
    "access point": "the access point or a server that its jobs use",
}
_GROUPS: Final = {  # cells of tries that one line describes
    "runs of cluster-mates on this machine": [(MATES, "host")],
    "runs of cluster-mates elsewhere": [(MATES, near) for near in ("site", "access point", FAR)],
    "runs of its user's other clusters in a day": [(THEIRS, FAR)],
    "runs of others on the machine in a day": [(OTHERS, "host")],
    "runs of others elsewhere at the site in six hours": [(OTHERS, "site")],
    "runs of others elsewhere at the access point in an hour": [(OTHERS, "access point")],
}


def enough(evidence: Evidence | None, *, ruled: bool = False) -> tuple[Counts | None, str]:
    """Return the counts of the narrowest level that has enough, and its name.

    Where a rule knows the cause (`ruled`), those of the whole code do not count: its other sub-codes mean other faults.
    """
    levels = LEVELS[:-1] if ruled else LEVELS
    for counts, level in zip(evidence.levels if evidence else (), levels, strict=False):
        if counts.total >= ENOUGH:
            return counts, level
    return None, ""


def evidence_lines(evidence: Evidence | None, code: int) -> list[str]:
    """Describe the counted releases of such holds, of the job, its cluster and its machine."""
    if evidence is None:
        return []
    lines = []
    counts, level = enough(evidence)
    if counts is None:
        counts, level = next(
            ((c, n) for c, n in zip(evidence.levels, LEVELS, strict=True) if c.total),
            (Counts(), "code"),
        )
        few = "" if counts.total else ": the effect of a release is unknown"
        known = counted(counts.total, "release")
        lines.append(f"{known} of such holds with known outcome ({ENOUGH} are needed){few}")
    if counts.total:
        known = f"{counted(counts.total, 'release')} with the same {level}"
        lines.append(
            f"{known}, from {counted(counts.clusters, 'cluster')}: "
            f"{counts.paid:,} succeeded, {counts.again:,} held again, {counts.failed:,} failed"
        )
    for name, own in (("this job", evidence.job), ("its cluster-mates", evidence.mates)):
        if own.total:
            failed = own.again + own.failed
            lines.append(
                f"releases of {name} for code {code}: {own.paid:,} paid, {failed:,} did not"
            )
    if evidence.held_mates > 1:
        hosts = f" on {counted(evidence.held_hosts, 'host')}" if evidence.held_hosts else ""
        lines.append(
            f"{counted(evidence.held_mates, 'job')} of its cluster held for this code{hosts}"
        )
    if evidence.alike >= CROWD:
        lines.append(
            f"{evidence.alike:,} other clusters at its access point had such a hold in the hour "
            "before: it may be an outage"
        )
    return [*lines, *([_blame_line(evidence.blame)] if evidence.blame.shares else [])]


def moved_text(what: str, before: float, after: float) -> str:
    """Say that something moved a probability; "" if by less than `_NOTED`."""
    if abs(after - before) < _NOTED:
        return ""
    return f"{what} moved its probability from {before:.0%} to {after:.0%}"


def _blame_line(blame: Blame) -> str:
    verdict = (
        f"the fault most likely lies with {_WHOSE[blame.whose]} ({blame.share:.0%})"
        if blame.whose
        else "it is unclear where the fault lies"
    )
    parts = []
    for group, cells in _GROUPS.items():
        seen = [blame.seen[cell] for cell in cells if cell in blame.seen]
        tries = sum(one.tries for one in seen)
        if tries:
            parts.append(f"{sum(one.held for one in seen):,} of {tries:,} {group}")
    found = f"such holds ended {', '.join(parts)}" if parts else "no other run to compare with"
    return f"{verdict}: {found}"


def similar_lines(history: History, evidence: Evidence) -> list[str]:
    """Describe the last similar episodes."""
    known = history.similar_lines
    for other in evidence.similar:
        if other not in known:
            known[other] = _similar_line(history, other)
    return [known[other] for other in evidence.similar]


def _similar_line(history: History, episode: int) -> str:
    episodes, events = history.episodes, history.timeline.events
    row = int(episodes.row[episode])
    when = datetime.fromtimestamp(float(episodes.time[episode]), UTC)
    outcome = _OUTCOMES[OUTCOMES[episodes.outcome[episode]]]
    after = duration(float(episodes.after_s[episode]))
    return (
        f"similar: {events.cluster[row]}.{events.proc[row]} held {when:%Y-%m-%d %H:%M}Z, "
        f"released after {after}: {outcome}"
    )
