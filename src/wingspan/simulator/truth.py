"""The latent truth of a simulated pool, as JSON lines in a file next to the log.

One object a line, distinguished by ``kind``: ``pool`` (first: parameters and seed), ``hold`` and ``job``
in the order in which they closed, ``outage`` (all of them), ``totals`` (last: what was written). Times are
seconds since 1970. docs/simulator.md lists the fields.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from wingspan.errors import FormatError
from wingspan.files import json_text
from wingspan.simulator.job import Hold, Job, Run, Slots, hopeless
from wingspan.simulator.parameters import Parameters
from wingspan.simulator.reasons import Wording
from wingspan.simulator.world import Broken, keyed

FORMAT = 1
DELAYS_S = (0, 600, 3600, 21600, 86400)  # "what if it were released so long after the hold?"


@dataclass(slots=True)
class Episode:
    """A hold of a job until what followed it; `record` becomes the line."""

    job: Job
    record: dict[str, Any]


class Truth:
    """Collects and writes the records."""

    def __init__(self, file: TextIO, parameters: Parameters, seed: int) -> None:
        self.file = file
        self.seed = seed
        self.holds = 0
        self.jobs = 0
        self._write(kind="pool", format=FORMAT, seed=seed, parameters=asdict(parameters))

    def hold(self, job: Job, run: Run, why: Hold, seen: Wording, slots: Slots) -> Episode:
        """Open the episode of a hold, with what would follow from releases without any fix.

        The job must stand as it does after the hold: its next release uses the same random numbers.
        """
        time, outage = run.end, why.outage
        pays = {
            str(delay): slots.run(
                job, time + delay, keyed(self.seed, job.number, job.holds)
            ).outcome
            == "ok"
            for delay in DELAYS_S
        }
        record = self._of(job) | {
            "hold": job.holds,
            "time": _cut(time),
            "code": seen.code,
            "subcode": seen.subcode,
            "cause": why.cause,
            "fault": why.kind,
            "outage": outage.number if outage else None,
            "cause_ends": _cut(outage.end) if outage else None,
            "release_pays": pays["0"],
            "release_pays_after_s": pays,
            "hopeless": hopeless(job, slots.fastest),
            "executes": run.executes,
            "since_start_s": _cut(time - run.start),
            "since_submit_s": _cut(time - job.submitted),
            "action": "none",
            "action_time": None,
            "outcome": "held at end",
            "outcome_time": None,
            "outcome_code": None,
        }
        self.holds += 1
        return Episode(job, record)

    def act(self, episode: Episode, action: str, time: float) -> None:
        """Record what was done about a hold: remove, release, edit, fix, or a policy's doing."""
        episode.record |= {
            "action": action,
            "action_time": _cut(time),
            "outcome": "open at end",
        }

    def close(
        self, episode: Episode, outcome: str, time: float | None, code: int | None = None
    ) -> None:
        """Record what followed, and write the episode."""
        episode.record["outcome_code"] = code
        if outcome:
            episode.record["outcome"] = outcome
            episode.record["outcome_time"] = None if time is None else _cut(time)
        self._write(kind="hold", **episode.record)

    def job(self, job: Job, end: str, time: float | None) -> None:
        """Write a job that has left, or is still there at the end."""
        self.jobs += 1
        self._write(
            kind="job",
            **self._of(job),
            submitted=_cut(job.submitted),
            flaw=job.flaw or ("memory" if job.need_mb > job.request_mb else ""),
            need_mb=round(job.need_mb, 1),
            request_mb=job.request_mb,
            exit_code=job.cluster.exit_code,
            holds=job.holds,
            starts=job.starts,
            end=end,
            time=None if time is None else _cut(time),
        )

    def finish(
        self, outages: list[Broken], events: dict[int, int], sizes: dict[int, int], days: float
    ) -> None:
        """Write outages and totals."""
        for one in outages:
            self._write(
                kind="outage",
                outage=one.number,
                cause=one.cause,
                where=one.where,
                fault=one.kind,
                starts=_cut(one.start),
                ends=_cut(one.end),
                severity=one.severity,
            )
        self._write(
            kind="totals", events=events, bytes=sizes, jobs=self.jobs, holds=self.holds, days=days
        )

    def _of(self, job: Job) -> dict[str, Any]:
        cluster = job.cluster
        return {
            "access_point": cluster.access_point.host,
            "cluster": job.cluster_id,
            "proc": job.proc,
            "batch": cluster.number,
            "user": cluster.user.name,
        }

    def _write(self, **record: Any) -> None:  # noqa: ANN401 - whatever JSON takes
        self.file.write(json_text(record) + "\n")


def read_truth(path: Path) -> Iterator[dict[str, Any]]:
    """Read the records of a truth file.

    Raises `FormatError` if it is not one, or of another format.
    """
    with path.open(encoding="utf-8") as lines:
        first = json.loads(next(lines, "{}") or "{}")
        if first.get("kind") != "pool" or first.get("format") != FORMAT:
            problem = f"expected a simulator's truth of format {FORMAT}, found {str(first)[:80]!r}"
            raise FormatError(str(path), problem, "make it again with `wingspan simulate`")
        yield first
        for line in lines:
            yield json.loads(line)


def _cut(time: float) -> float:
    """Cut to milliseconds, as a log's stamps are."""
    return int(time * 1000) / 1000
