"""Show a run while it goes on: a live table on a terminal, a line per change elsewhere."""

import math
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from wingspan.cli.paper import label
from wingspan.cli.terminal import bare
from wingspan.runner.events import (
    DISCONNECTED,
    DONE,
    FAILED,
    HELD,
    RUNNING,
    SKIPPED,
    UNDER_WAY,
    WAITING,
    StepEvent,
)
from wingspan.runner.metrics import LastValue
from wingspan.shown import brief, shown, shown_name

if TYPE_CHECKING:
    from logging import Logger, StreamHandler

    from rich.live import Live
    from rich.table import Table

    from wingspan.runner.queue_attempt import Attempt

_NAME = 40  # characters of a metric's name
_STYLE = {
    DONE: "green",
    FAILED: "bold red",
    HELD: "bold red",
    RUNNING: "cyan",
    DISCONNECTED: "yellow",
    SKIPPED: "yellow",
}
_ROWS = 40  # a live table longer than this shows what moves
_PROBLEM = 400  # characters shown of what went wrong; the report has more
_METRICS_EACH_S = 10.0  # between two printed lines on the metrics of a step
_METRICS = 3  # shown of a step
_MAPS = 8  # at most so many maps are counted below it


class Progress:
    """A listener of a run."""

    def __init__(self, names: Mapping[str, bool], out: TextIO | None = None) -> None:
        """`names`: step -> whether it is up to date already, in order; `out`: by default standard error."""
        self.states = {
            name: StepEvent(0.0, name, "", DONE if done else WAITING)
            for name, done in names.items()
        }
        self._skip = {name for name, done in names.items() if done}
        self._out = out or sys.stderr
        self._jobs: Mapping[str, str] = {}
        self._metrics: Mapping[str, str] = {}
        self._printed: dict[str, float] = {}
        self._live: Live | None = None
        self._drawn = 0.0
        self._said: StreamHandler[TextIO] | None = None

    @property
    def live(self) -> bool:
        """Whether there is a terminal that shows a table."""
        return self._live is not None

    def __enter__(self) -> Self:
        if self._out.isatty() and len(self._skip) < len(self.states):
            from rich.console import Console
            from rich.live import Live

            self._live = Live(
                self._table(),
                console=Console(file=bare(self._out), markup=False, emoji=False),
                auto_refresh=False,
                transient=False,
            )
            self._live.__enter__()
        self._listen()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._said is not None:
            logging_of_runners().removeHandler(self._said)
        if self._live is not None:
            self._live.update(self._table(), refresh=True)
            self._live.__exit__(kind, error, trace)

    def _listen(self) -> None:
        """Print also what the runner says beside the steps' events; above the table, if there is one."""
        from logging import INFO, StreamHandler

        self._said = StreamHandler(self._out if self._live is None else sys.stderr)
        logging_of_runners().addHandler(self._said)
        logging_of_runners().setLevel(INFO)

    def __call__(self, event: StepEvent) -> None:
        """Take in one change."""
        self.states[event.step] = event
        if self._live is None:
            if event.state != RUNNING or not event.attempt:  # in a pool a start is worth a line
                print(_line(event), file=self._out, flush=True)
        elif time.monotonic() - self._drawn > 0.1:
            self._drawn = time.monotonic()
            self._live.update(self._table(), refresh=True)

    def draw(self, jobs: Mapping[str, str], metrics: Mapping[str, str]) -> None:
        """Draw the table again; where there is none, print now and then what is new of the metrics.

        Parameters
        ----------
        jobs
            What the job of each step does in a pool.
        metrics
            What each running step has logged last.
        """
        before, self._jobs, self._metrics = self._metrics, jobs, metrics
        if self._live is not None:
            self._live.update(self._table(), refresh=True)
            return
        now = time.monotonic()
        for step, text in metrics.items():
            rested = now - self._printed.get(step, float("-inf")) > _METRICS_EACH_S
            if rested and text != before.get(step):
                self._printed[step] = now
                print(f"{'logged':8} {label(step)}  {shown(text)}", file=self._out, flush=True)

    def _table(self) -> "Table":
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False)
        for heading in ("step", "state", "time", "memory", "job" if self._jobs else ""):
            table.add_column(heading, justify="right" if heading in {"time", "memory"} else "left")
        shown = [event for event in self.states.values() if event.step not in self._skip]
        if len(shown) > _ROWS:
            shown = [event for event in shown if event.state in {FAILED, *UNDER_WAY}][:_ROWS]
        for event in shown:
            took = f"{event.wall_s:.2f} s" if event.wall_s else ""
            memory = f"{event.peak_memory_mb:,.0f} MB" if event.peak_memory_mb else ""
            state = Text(event.state, style=_STYLE.get(event.state, ""))
            job = brief(event.problem, _PROBLEM) or self._doing(event)
            table.add_row(Text(label(event.step)), state, took, memory, Text(shown_name(job)))
        table.caption = Text(shown_name(summary(self.states.values(), self._jobs)))
        return table

    def _doing(self, event: StepEvent) -> str:
        """Return what a step's job does now, or for how long the step has been running here, and what it has logged."""
        if event.state in {WAITING, *UNDER_WAY} and event.step in self._jobs:
            doing = self._jobs[event.step]
        elif event.state != RUNNING or event.note:  # a sweep's, which says how far it is
            doing = event.note if event.state == RUNNING else ""
        else:
            doing = f"for {time.time() - event.time:,.0f} s"
        logged = self._metrics.get(event.step, "") if event.state == RUNNING else ""
        return ", ".join(filter(None, [doing, logged]))


def logging_of_runners() -> "Logger":
    """Return the logger to which runners say what is worth a line."""
    from logging import getLogger

    return getLogger("wingspan.runner")


def summary(events: Iterable[StepEvent], jobs: Mapping[str, str]) -> str:
    """Return how many steps are done, of each map too, and what the jobs of the others do."""
    told = list(events)
    done = Counter(_map_of(event.step) for event in told if event.state == DONE)
    size = Counter(_map_of(event.step) for event in told)
    maps = [f"{name} {done[name]}/{count}" for name, count in size.items() if count > 1]
    unfinished = [event.step for event in told if event.state in {WAITING, *UNDER_WAY}]
    doing = Counter(
        jobs[step].partition(" for ")[0].partition(" on ")[0] for step in unfinished if step in jobs
    )
    parts = [f"{sum(done.values())} of {len(told)} steps done", *maps[:_MAPS]]
    return ", ".join(parts + [f"{count} {what}" for what, count in doing.items() if what])


def _map_of(step: str) -> str:
    return step.partition("[")[0]


def job_now(attempt: "Attempt") -> str:
    """Return what a job does now, where, and for how long; where it ran, if it has ended."""
    if attempt.outcome and attempt.outcome != "held":
        return attempt.host
    on = f" on {attempt.host}" if attempt.host else ""
    return f"{attempt.phase}{on} for {max(time.time() - attempt.since, 0):,.0f} s"


def metrics_now(values: Mapping[str, LastValue]) -> str:
    """Return the last values of a step's metrics in a line.

    >>> metrics_now({"loss": LastValue(7, 0.25), "accuracy": LastValue(7, 0.9)})
    'loss 0.25, accuracy 0.9 at step 7'
    """
    shown = list(values.items())[-_METRICS:]
    newest = max((last.step for _, last in shown), default=0)
    parts = [f"{brief(name, _NAME)} {last.value:.6g}" for name, last in shown]
    parts[-1:] = [f"{part} at step {newest}" for part in parts[-1:]]
    more = f" and {len(values) - len(shown)} more" if len(values) > len(shown) else ""
    return ", ".join(parts) + more


def values_json(values: Mapping[str, LastValue]) -> dict[str, dict[str, float | None]]:
    """Return the last values of a step's metrics for a program; one that is not a finite number is null."""
    return {
        name: {"step": last.step, "value": last.value if math.isfinite(last.value) else None}
        for name, last in values.items()
    }


def _line(event: StepEvent) -> str:
    took = f"  {event.wall_s:.2f} s  {event.peak_memory_mb:,.0f} MB" if event.wall_s else ""
    told = event.problem and not event.error  # what was given wrong is told once, at the end
    problem = f"  {brief(shown(event.problem), _PROBLEM)}" if told else ""
    note = (
        "" if event.attempt or not event.note else f"  {shown(event.note)}"
    )  # of a job, it was logged
    return f"{event.state:8} {label(event.step)}{took}{problem}{note}"
