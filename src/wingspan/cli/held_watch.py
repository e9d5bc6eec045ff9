"""``wingspan holds watch | hook``: advice as holds occur, and lines for DAGMan's holds."""

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wingspan.cli.held_json import watch_json
from wingspan.cli.held_source import (
    Logs,
    Model,
    NoCluster,
    NoUser,
    OfUser,
    Schedd,
    Source,
    Trusted,
    load,
)
from wingspan.cli.held_text import fit, job_lines
from wingspan.cli.json_output import print_json
from wingspan.cli.logs import clock_lines, files_of, gap_text, say_missing
from wingspan.cli.options import AsJson
from wingspan.cli.runs import check_file
from wingspan.errors import EventLogError, NotFoundError

if TYPE_CHECKING:
    from wingspan.advisor.answers.advice import Advice
    from wingspan.advisor.answers.watching import Hold, Seen, WatchedLogs
    from wingspan.advisor.models.saved import Advisor


def watch(
    logs: Logs = None,
    schedd: Schedd = False,
    model: Model = None,
    network: Trusted = None,
    user: OfUser = None,
    no_user: NoUser = None,
    no_cluster: NoCluster = None,
    state: Annotated[
        Path | None,
        typer.Option(
            help="File that keeps what was seen, so that a restart reports each hold once."
        ),
    ] = None,
    interval: Annotated[float, typer.Option(min=0.05, help="Seconds between looks.")] = 5.0,
    once: Annotated[bool, typer.Option("--once", help="Look once, then end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print advice as holds occur, until Ctrl-C; change nothing.

    A log may be missing at first. Its rotations are read with it.
    """
    from wingspan.advisor.answers.watching import Seen, WatchedLogs, load_seen, save_seen
    from wingspan.eventlog.logs import check_log

    source = Source(logs or [], schedd, no_user=no_user or (), no_cluster=no_cluster or ())
    watched = WatchedLogs(source.logs)
    watching = _Watching(source, watched, load(model, network), user, as_json)
    if state:
        check_file("--state", state)
    seen = load_seen(state) if state else Seen()
    for log in source.logs:
        if log.exists() and not (log.is_file() or log.is_dir()):
            fix = "name a log or a folder; `wingspan holds advise` reads a pipe once"
            raise EventLogError(str(log), "a pipe or device cannot be watched", fix)
        if not (files := files_of([log])) and once:
            raise NotFoundError(str(log), "there is no such log", "check the path")
        for file in files:
            check_log(file)
    say_missing(source.logs)
    with _stopping() as stopped:
        while True:
            after = watching.look(seen)
            if state and after != seen:
                save_seen(state, after)
            seen = after
            if once or stopped.wait(interval):
                return


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C and SIGTERM set.

    So a look is finished, and what it reported is kept. A second signal stops at once.
    """
    stopped = threading.Event()

    def stop(*_: object) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        stopped.set()

    main = threading.current_thread() is threading.main_thread()
    signals = (signal.SIGINT, signal.SIGTERM) if main else ()
    before = {each: signal.signal(each, stop) for each in signals}
    try:
        yield stopped
    except KeyboardInterrupt:
        return
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@dataclass(slots=True)
class _Watching:
    """What is watched, and how it is printed.

    `queued` are the holds in the queue at the last look: job and time. `noted` are notes on clocks.
    """

    source: Source
    watched: "WatchedLogs"
    advisor: "Advisor | None"
    user: str | None
    as_json: bool
    queued: frozenset[tuple[str, int]] = frozenset()
    noted: set[str] = field(default_factory=set)

    def look(self, seen: "Seen") -> "Seen":
        """Report new holds; return what has been seen by then."""
        found = self.watched.look(seen.logs)
        for gap in found.gaps:
            print(gap_text(gap), file=sys.stderr)
        new = found.held
        if self.source.schedd:
            before, self.queued = self.queued, self.source.queued()
            new = not self.queued <= before
        return replace(seen, logs=found.logs, reported=self._report(seen) if new else seen.reported)

    def _report(self, seen: "Seen") -> "frozenset[Hold]":
        """Print the advice on holds that were not reported yet; return all holds that last."""
        from wingspan.advisor.answers.watching import hold_of, renamed

        events = None if self.source.schedd else self.watched.events()
        for line in clock_lines(events) if events is not None else ():
            if line not in self.noted:
                print(line, file=sys.stderr)
                self.noted.add(line)
        incidents = self.source.incidents(self.advisor, events)
        jobs = {hold_of(job): job for each in incidents for job in each.jobs}
        reported = seen.reported | renamed(seen, jobs)
        for hold, job in jobs.items():
            if hold not in reported and self.user in {None, job.owner}:
                self._print(job)
        return frozenset(jobs)

    def _print(self, job: "Advice") -> None:
        if self.as_json:
            print_json(watch_json(job), line=True)
        else:
            print("\n".join(map(fit, job_lines(job))), flush=True)


def hook(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to append a line to.")],
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[WORD]...", help="Such as $JOBID and $NODE.")
    ] = None,
) -> None:
    """Append a line to a file, as DAGMan's SCRIPT HOLD.

    Such a script must end at once and change nothing.
    """
    from wingspan.advisor.answers.audit import append_line

    append_line(file, {"time": time.time(), "held": words or []})


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(watch)
    app.command()(hook)
