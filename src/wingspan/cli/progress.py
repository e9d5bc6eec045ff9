"""Show a run while it goes on: a live table on a terminal, a line per change elsewhere."""

import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self

from wingspan.runner.runner import DONE, FAILED, RUNNING, SKIPPED, WAITING, StepEvent

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

_STYLE = {DONE: "green", FAILED: "bold red", RUNNING: "cyan", SKIPPED: "yellow"}
_ROWS = 40  # a live table longer than this shows what moves


class Progress:
    """A listener of a run."""

    def __init__(self, names: Mapping[str, bool]) -> None:
        """`names`: step -> whether it is up to date already, in order."""
        self.states = {
            name: StepEvent(0.0, name, "", DONE if done else WAITING)
            for name, done in names.items()
        }
        self._skip = {name for name, done in names.items() if done}
        self._live: Live | None = None
        self._drawn = 0.0

    def __enter__(self) -> Self:
        if sys.stderr.isatty() and len(self._skip) < len(self.states):
            from rich.console import Console
            from rich.live import Live

            self._live = Live(
                self._table(), console=Console(stderr=True), auto_refresh=False, transient=False
            )
            self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.update(self._table(), refresh=True)
            self._live.__exit__(kind, error, trace)

    def __call__(self, event: StepEvent) -> None:
        """Take in one change."""
        self.states[event.step] = event
        if self._live is None:
            if event.state != RUNNING:
                print(_line(event), file=sys.stderr, flush=True)
        elif time.monotonic() - self._drawn > 0.1:
            self._drawn = time.monotonic()
            self._live.update(self._table(), refresh=True)

    def _table(self) -> "Table":
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False)
        for heading in ("step", "state", "time", "memory"):
            table.add_column(heading, justify="left" if heading in {"step", "state"} else "right")
        shown = [event for event in self.states.values() if event.step not in self._skip]
        if len(shown) > _ROWS:
            shown = [event for event in shown if event.state in {RUNNING, FAILED}][:_ROWS]
        for event in shown:
            took = f"{event.wall_s:.2f} s" if event.wall_s else ""
            memory = f"{event.peak_memory_mb:,.0f} MB" if event.peak_memory_mb else ""
            table.add_row(
                Text(event.step), Text(event.state, style=_STYLE.get(event.state, "")), took, memory
            )
        done = sum(event.state == DONE for event in self.states.values())
        table.caption = f"{done} of {len(self.states)} steps done"
        return table


def _line(event: StepEvent) -> str:
    took = f"  {event.wall_s:.2f} s  {event.peak_memory_mb:,.0f} MB" if event.wall_s else ""
    told = event.problem and not event.error  # what was given wrong is told once, at the end
    problem = f"  {event.problem}" if told else ""
    return f"{event.state:8} {event.step}{took}{problem}"
