"""Explain why jobs of a run have been idle for over a minute.

A pool is queried at most once a minute.
"""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from wingspan.errors import WingspanError

if TYPE_CHECKING:
    from wingspan.eventlog.attempt import Attempt
    from wingspan.runner.run import Run

IDLE_S: Final = 60.0
_IDLE_STATUS: Final = 1  # JobStatus


class Idle:
    """The known reasons of one run's idle jobs."""

    def __init__(self, run: "Run") -> None:
        self._run = run
        self._asked = float("-inf")
        self._text = ""

    def text(self, jobs: Iterable["Attempt"]) -> str:
        """Return why jobs are idle, or none comes; empty while none has been idle for a minute."""
        from wingspan.eventlog.job_state import Phase

        now = time.time()
        waiting = [
            job
            for job in jobs
            if job.phase == Phase.QUEUED and not job.outcome and now - job.since >= IDLE_S
        ]
        if notice := self._run.trail.notice():
            return " ".join(notice.split())
        if not waiting:
            return ""
        if time.monotonic() - self._asked >= IDLE_S:
            self._asked = time.monotonic()
            self._text = self._reason(len(waiting))
        return self._text

    def _reason(self, count: int) -> str:
        jobs = f"{count} job{'' if count == 1 else 's'} idle for over a minute"
        try:
            ads = [ad for ad in self._run.trail.queued() if ad.get("JobStatus") == _IDLE_STATUS]
            return f"{jobs}{_why(ads[0]) if ads else ''}"
        except WingspanError:  # the pool cannot be asked now; the run is watched nevertheless
            return jobs


def _why(ad: Any) -> str:  # noqa: ANN401 - a ClassAd of the bindings
    from wingspan.accesspoint.idle import look_at_pool, why_idle

    found = why_idle(ad, look_at_pool())
    text = f": {' '.join(found.problem.split())}"
    return f"{text} -> {' '.join(found.fix.split())}" if found.fix else text
