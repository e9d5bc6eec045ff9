"""Read the held jobs that a command asks about: from event logs, or from the queue."""

import os
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wingspan.cli.logs import clock_lines, report_copies
from wingspan.cli.lstm_options import import_from_here
from wingspan.errors import NotFoundError, SettingError, near

if TYPE_CHECKING:
    from wingspan.advisor.answers.advice import Advice, Incident
    from wingspan.advisor.models.saved import Advisor
    from wingspan.eventlog.events import Events

_HELD = "JobStatus == 5"
_ATTRIBUTES = (
    "ClusterId", "ProcId", "HoldReasonCode", "HoldReasonSubCode", "HoldReason", "EnteredCurrentStatus",
    "UserLog", "DAGManNodesLog", "Iwd", "RequestMemory", "MemoryUsage", "ResidentSetSize",
    "RequestDisk", "DiskUsage", "NumJobStarts", "NumHolds", "Owner", "LastRemoteHost",
)  # fmt: skip

Logs = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[LOG]...", help="Job event logs, of any kind, or folders of them."),
]
Schedd = Annotated[
    bool, typer.Option("--schedd", help="Read the queue, and the logs of the jobs held there.")
]
Model = Annotated[
    Path | None, typer.Option(help="Folder of a trained advisor, used in place of the rates.")
]
Trusted = Annotated[
    str | None,
    typer.Option(
        "--network", help="Your network class in the model, as module:Class; it is trusted."
    ),
]
OfUser = Annotated[str | None, typer.Option(help="Only the jobs of this user.")]
NoUser = Annotated[
    list[str] | None, typer.Option("--exclude-user", help="Leave out the jobs of this user.")
]
NoCluster = Annotated[
    list[int] | None,
    typer.Option("--exclude-cluster", min=0, help="Leave out the jobs of this cluster."),
]


@dataclass(frozen=True, slots=True)
class Source:
    """Where held jobs are read from, and which of them.

    Parameters
    ----------
    every
        Every hold in the logs, not only the jobs that are held at their end.
    no_user, no_cluster
        Their jobs are as if they were not in the logs: no rate counts them.
    """

    logs: Sequence[Path]
    schedd: bool = False
    every: bool = False
    user: str | None = None
    no_user: Sequence[str] = ()
    no_cluster: Sequence[int] = ()

    def __post_init__(self) -> None:
        if self.schedd == bool(self.logs):
            fix = "name event logs, or add --schedd to read the access point's queue"
            raise SettingError("wingspan holds", "expected logs or --schedd, one of the two", fix)

    def incidents(
        self, advisor: "Advisor | None", events: "Events | None" = None
    ) -> "tuple[Incident, ...]":
        """Advise on the held jobs; `events` are those of the logs, if they were read already."""
        from wingspan.advisor.answers.advise import advise
        from wingspan.advisor.holds.timeline import make_timeline

        if self.schedd:
            return self._chosen(self._of_queue(advisor))
        timeline = make_timeline(self._events(events), lean=advisor is None)
        return self._chosen(advise(timeline, every=self.every, advisor=advisor))

    def _events(self, events: "Events | None") -> "Events":
        from wingspan.eventlog.logs import read_logs

        found = events
        if found is None:
            found = read_logs(self.logs)
            report_copies(found)
            for line in clock_lines(found):
                print(line, file=sys.stderr)
        return without(found, self.no_user, self.no_cluster)

    def queued(self) -> frozenset[tuple[str, int]]:
        """Return the held jobs of the queue, and since when they are."""
        ads = self._held_ads()
        return frozenset((job, int(ad["EnteredCurrentStatus"])) for job, ad in ads.items())

    def _held_ads(self) -> dict[str, dict[str, Any]]:
        from wingspan.accesspoint.jobs import query
        from wingspan.pool.personal import use_pool

        use_pool()
        return {
            f"{ad['ClusterId']}.{ad['ProcId']}": ad
            for ad in query(_HELD, _ATTRIBUTES)
            if ad.get("Owner") not in self.no_user and ad["ClusterId"] not in self.no_cluster
        }

    def _of_queue(self, advisor: "Advisor | None") -> "tuple[Incident, ...]":
        """Advise on the held jobs of the queue, by their own logs, else by their ads."""
        from wingspan.advisor.answers.advice import group
        from wingspan.advisor.answers.advise import advise, advise_ads
        from wingspan.advisor.holds.timeline import make_timeline
        from wingspan.eventlog.copies import without_copies
        from wingspan.eventlog.owners import leave_out
        from wingspan.eventlog.read import read_events

        ads = self._held_ads()
        found, numbers = [], []
        events = read_events(without_copies(sorted(_logs_of(ads.values()))))
        kept, _ = leave_out(events, self.no_user, self.no_cluster)
        timeline = make_timeline(kept, lean=advisor is None)
        for number, incident in enumerate(advise(timeline, advisor=advisor)):
            for job in incident.jobs:
                if job.job in ads and ads[job.job].get("HoldReasonCode") == job.code:
                    ad = ads.pop(job.job)
                    found.append(replace(job, owner=job.owner or str(ad.get("Owner") or "")))
                    numbers.append(number)
        return (*group(found, numbers), *advise_ads(list(ads.values()), time.time()))

    def _chosen(self, incidents: "Sequence[Incident]") -> "tuple[Incident, ...]":
        """Return the incidents with the user's jobs only.

        Raises
        ------
        NotFoundError
            None of the held jobs belongs to the user, or their owners are unknown.
        """
        from wingspan.advisor.answers.overview import select

        if self.user is None:
            return tuple(incidents)
        kept = select(incidents, self._is_users)
        if not kept and incidents:
            known = {job.owner for each in incidents for job in each.jobs if job.owner}
            problem = "no held job is this user's"
            fix = near(self.user, known)
            if not known:
                problem = "the logs do not name the owners of jobs"
                fix = f"ask the queue: wingspan holds advise --schedd --user {self.user}"
            raise NotFoundError(f"--user {self.user}", problem, fix)
        return kept

    def _is_users(self, job: "Advice") -> bool:
        return job.owner == self.user


def without(events: "Events", users: Sequence[str], clusters: Sequence[int]) -> "Events":
    """Return the events without the jobs of users and clusters; report unknown ones on stderr."""
    from wingspan.eventlog.owners import leave_out

    kept, missing = leave_out(events, users, clusters)
    for name in missing:
        option = "--exclude-cluster" if name.isdecimal() else "--exclude-user"
        print(f"{option} {name}: no job in these logs is known to be of it", file=sys.stderr)
    return kept


def load(model: Path | None, network: str | None) -> "Advisor | None":
    """Return the advisor in a folder; None without one."""
    if model is None:
        return None
    from wingspan.advisor.models.saved import load_advisor

    if network:
        import_from_here()
    return load_advisor(model, [network] if network else [])


def _logs_of(ads: Iterable[dict[str, Any]]) -> set[Path]:
    named = {
        Path(str(ad.get("Iwd", "/"))) / str(ad[name])
        for ad in ads
        for name in ("UserLog", "DAGManNodesLog")
        if ad.get(name)
    }
    return {path for path in named if _is_readable(path)}


def _is_readable(path: Path) -> bool:
    """Return whether a log can be read; those of other users often lie in closed folders."""
    return os.access(path, os.R_OK) and path.is_file()
