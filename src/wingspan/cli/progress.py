"""Show a run while it goes on: a live table on a terminal, a line per change elsewhere."""

import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from wingspan.cli.paper import label
from wingspan.cli.terminal import bare, redraws
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
from wingspan.runner.layers import Group, grouped, tally
from wingspan.runner.metrics import LastValue
from wingspan.shown import brief, duration, one_line, shown, shown_name

if TYPE_CHECKING:
    from logging import Logger, StreamHandler

    from rich.live import Live
    from rich.table import Table

    from wingspan.runner.run import Run

_NAME = 40  # characters of a metric's name
_STYLE = {
    DONE: "green",
    FAILED: "bold red",
    HELD: "bold red",
    RUNNING: "cyan",
    DISCONNECTED: "yellow",
    SKIPPED: "yellow",
}
_ROWS = 40  # a longer live table shows only steps that move
_PROBLEM = 400  # characters shown of an error; the report has more
_METRICS_EACH_S = 10.0  # between two printed lines of a step's metrics
_METRICS = 3  # shown of a step
_LEAST = 10  # steps below the lines of maps
_MAPS = 8  # most maps that are counted below the table
_DRAW_EACH_S = 0.1
_REST = 19  # pause, in times that drawing a table takes: at most a twentieth of a core
_ESTIMATE_EACH_S = 2.0
_SUMMARY_EACH_S = 60.0  # between two printed lines on the whole run


class Progress:
    """A listener of a run."""

    def __init__(
        self,
        names: Mapping[str, bool],
        out: TextIO | None = None,
        *,
        needs: Mapping[str, Sequence[str]] | None = None,
        earlier: Callable[[], Mapping[str, Sequence[float]]] = dict,
    ) -> None:
        """Show a run.

        Parameters
        ----------
        names
            By step, in order, whether it is up to date.
        out
            By default standard error.
        needs
            By step, the steps that it reads from.
        earlier
            Reads how long the steps of each map took in earlier runs.
        """
        self.states = {
            name: StepEvent(0.0, name, "", DONE if done else WAITING)
            for name, done in names.items()
        }
        self._skip = {name for name, done in names.items() if done}
        self._out = out or sys.stderr
        self._jobs: Mapping[str, str] = {}
        self._metrics: Mapping[str, str] = {}
        self._printed: dict[str, float] = {}
        self._noted: set[str] = set()  # notes of waiting steps
        self._live: Live | None = None
        self._drawn = 0.0
        self._said: StreamHandler[TextIO] | None = None
        self._needs = needs or {}
        self._groups: list[Group] | None = None
        self._earlier = cache(earlier)
        self._left = ""  # the time left, as last estimated
        self._estimated = self._summed = time.monotonic()
        self._rest_s = _DRAW_EACH_S
        self.idle = ""

    @classmethod
    def of(
        cls, run: "Run", out: TextIO | None = None, done: Mapping[str, bool] | None = None
    ) -> Self:
        """Return a listener for a run; `done` are by default the steps that were done when planned."""
        from wingspan.runner.past_times import read_lasted

        names = {step.key: name for name, step in run.steps.items()}
        needs = {
            name: [names[key] for key in step.needs if key in names]
            for name, step in run.steps.items()
        }
        known = done or {name: step.done for name, step in run.steps.items()}
        return cls(
            known, out, needs=needs, earlier=lambda: read_lasted(run.home, run.pipeline).ended
        )

    @property
    def live(self) -> bool:
        """Whether there is a terminal that shows a table."""
        return self._live is not None

    def __enter__(self) -> Self:
        if redraws(self._out) and len(self._skip) < len(self.states):
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
        """Also print the runner's own messages, above the table if there is one."""
        from logging import INFO, StreamHandler

        self._said = StreamHandler(self._out if self._live is None else sys.stderr)
        logging_of_runners().addHandler(self._said)
        logging_of_runners().setLevel(INFO)

    def __call__(self, event: StepEvent) -> None:
        """Take in one change."""
        self.states[event.step] = event
        if self._live is None:
            if self._worth_a_line(event):
                print(_line(event), file=self._out, flush=True)
        elif time.monotonic() - self._drawn > self._rest_s:
            begin = time.monotonic()
            self._live.update(self._table(), refresh=True)
            self._drawn = time.monotonic()
            self._rest_s = max(_DRAW_EACH_S, _REST * (self._drawn - begin))

    def _worth_a_line(self, event: StepEvent) -> bool:
        """Return whether an event is printed without a terminal.

        In a pool a start is worth a line. Many steps that wait in one job share their note: it is printed once.
        """
        if event.state == WAITING and event.note:
            new = event.note not in self._noted
            self._noted.add(event.note)
            return new
        return event.state != RUNNING or not event.attempt

    def draw(self, jobs: Mapping[str, str], metrics: Mapping[str, str] | None = None) -> None:
        """Redraw the table; without a terminal, print new metrics now and then.

        Parameters
        ----------
        jobs
            What the job of each step does in a pool.
        metrics
            What each running step has logged last.
        """
        before, self._jobs, self._metrics = self._metrics, jobs, metrics or {}
        if self._live is not None:
            self._live.update(self._table(), refresh=True)
            return
        now = time.monotonic()
        for step, text in self._metrics.items():
            rested = now - self._printed.get(step, float("-inf")) > _METRICS_EACH_S
            if rested and text != before.get(step):
                self._printed[step] = now
                print(f"{'logged':8} {label(step)}  {shown(text)}", file=self._out, flush=True)
        if now - self._summed > _SUMMARY_EACH_S:
            self._summed = now
            print(shown_name(self._summary()), file=self._out, flush=True)

    def _table(self) -> "Table":
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False)
        for heading in ("step", "state", "time", "memory", "job" if self._jobs else ""):
            table.add_column(heading, justify="right" if heading in {"time", "memory"} else "left")
        shown = [event for event in self.states.values() if event.step not in self._skip]
        if len(shown) > _ROWS:
            groups = self._group_rows()
            for name, worst, count in groups:
                table.add_row(
                    Text(label(name)), Text(worst, style=_STYLE.get(worst, "")), "", "", count
                )
            moving = [event for event in shown if event.state in {FAILED, *UNDER_WAY}]
            shown = sorted(moving, key=_urgent)[: max(_ROWS - len(groups), _LEAST)]
        for event in shown:
            took = f"{event.wall_s:.2f} s" if event.wall_s else ""
            memory = f"{event.peak_memory_mb:,.0f} MB" if event.peak_memory_mb else ""
            state = Text(event.state, style=_STYLE.get(event.state, ""))
            job = brief(event.problem, _PROBLEM) or self._doing(event)
            table.add_row(Text(label(event.step)), state, took, memory, Text(shown_name(job)))
        table.caption = Text(shown_name(self._summary()))
        return table

    def _group_rows(self) -> list[tuple[str, str, str]]:
        """Return a line for each map or layer of many steps: name, worst state, steps by state."""
        if self._groups is None:
            self._groups = grouped({name: self._needs.get(name, ()) for name in self.states}, _ROWS)
        return [
            (group.name, *tally([self.states[step].state for step in group.steps]))
            for group in self._groups
        ]

    def _summary(self) -> str:
        """Return counts, the time left if known, and why jobs are idle."""
        if time.monotonic() - self._estimated > _ESTIMATE_EACH_S:
            self._estimated = time.monotonic()
            self._left = left_text(self.states, self._needs, self._earlier())
        text = summary(self.states.values(), self._jobs)
        return "; ".join(filter(None, [text, self._left, self.idle]))

    def _doing(self, event: StepEvent) -> str:
        """Return what a step's job does now, or how long the step has run here, and its metrics."""
        if event.state in {WAITING, *UNDER_WAY} and event.step in self._jobs:
            doing = self._jobs[event.step]
        elif event.state != RUNNING or event.note:  # a sweep's note has its progress
            doing = event.note if event.state == RUNNING else ""
        else:
            doing = f"for {time.time() - event.time:,.0f} s"
        logged = self._metrics.get(event.step, "") if event.state == RUNNING else ""
        return ", ".join(filter(None, [doing, logged]))


def left_text(
    states: Mapping[str, StepEvent],
    needs: Mapping[str, Sequence[str]],
    earlier: Mapping[str, Sequence[float]],
) -> str:
    """Return the estimated time left; empty if no time is known."""
    from wingspan.runner.eta import time_left, usual_times

    left = time_left(states, needs, usual_times(states.values(), earlier), time.time())
    if left is None:
        return ""
    more = f", and steps of unknown time: {left.unknown}" if left.unknown else ""
    return f"about {duration(left.seconds)} left{more}"


def _urgent(event: StepEvent) -> int:
    return {FAILED: 0, HELD: 1}.get(event.state, 2)


def logging_of_runners() -> "Logger":
    """Return the logger for the runners' messages to the user."""
    from logging import getLogger

    return getLogger("wingspan.runner")


def summary(events: Iterable[StepEvent], jobs: Mapping[str, str]) -> str:
    """Return how many steps are done, in all and by map, and what the jobs of the others do."""
    events = list(events)
    done = Counter(_map_of(event.step) for event in events if event.state == DONE)
    size = Counter(_map_of(event.step) for event in events)
    maps = [f"{name} {done[name]}/{count}" for name, count in size.items() if count > 1]
    unfinished = [event.step for event in events if event.state in {WAITING, *UNDER_WAY}]
    doing = Counter(
        jobs[step].partition(" for ")[0].partition(" on ")[0] for step in unfinished if step in jobs
    )
    parts = [f"{sum(done.values())} of {len(events)} steps done", *maps[:_MAPS]]
    return ", ".join(parts + [f"{count} {what}" for what, count in doing.items() if what])


def _map_of(step: str) -> str:
    return step.partition("[")[0]


def metrics_now(values: Mapping[str, LastValue], curves: Mapping[str, str] | None = None) -> str:
    """Return the last values of a step's metrics in a line, each with its curve if given.

    >>> metrics_now({"loss": LastValue(7, 0.25), "accuracy": LastValue(7, 0.9)})
    'loss 0.25, accuracy 0.9 at step 7'
    """
    shown = list(values.items())[-_METRICS:]
    newest = max((last.step for _, last in shown), default=0)
    drawn = {name: f" {curve}" for name, curve in (curves or {}).items() if curve}
    parts = [f"{brief(name, _NAME)} {last.value:.6g}{drawn.get(name, '')}" for name, last in shown]
    parts[-1:] = [f"{part} at step {newest}" for part in parts[-1:]]
    more = f" and {len(values) - len(shown)} more" if len(values) > len(shown) else ""
    return ", ".join(parts) + more


def values_json(values: Mapping[str, LastValue]) -> dict[str, dict[str, float | None]]:
    """Return the last values of a step's metrics for a program, with null for nan and inf."""
    return {
        name: {"step": last.step, "value": last.value if math.isfinite(last.value) else None}
        for name, last in values.items()
    }


def _line(event: StepEvent) -> str:
    took = f"  {event.wall_s:.2f} s  {event.peak_memory_mb:,.0f} MB" if event.wall_s else ""
    printed_now = event.problem and not event.error  # bad input is reported once, at the end
    problem = f"  {brief(one_line(event.problem), _PROBLEM)}" if printed_now else ""
    logged = event.attempt or not event.note  # a job's note is in the log
    note = "" if logged else f"  {shown(event.note)}"
    return f"{event.state:8} {label(event.step)}{took}{problem}{note}"
