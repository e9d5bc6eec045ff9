"""Follow a run: in a notebook as one display that is updated, elsewhere as lines."""

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from wingspan.runner.events import StepEvent
from wingspan.shown import shown_name

EACH_S: Final = 1.0  # between two updates of the display
_LOOK_S: Final = 0.1


class Followed(Protocol):
    """The part of a run that is shown."""

    @property
    def events(self) -> Mapping[str, StepEvent]:
        """The last event of each step."""

    def _repr_html_(self) -> str: ...


def follow(run: Followed, alive: Callable[[], bool]) -> None:
    """Show a run until it has ended, and then the run itself.

    Parameters
    ----------
    alive
        Brings in new results, and returns whether the run goes on.
    """
    display = _display()
    if display is None:
        _print(run, alive)
    else:
        _update(run, alive, display)


def _display() -> Callable[..., Any] | None:
    """Return the notebook's display function; None without a notebook."""
    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython
    from IPython.display import display

    shell = get_ipython()
    return display if getattr(shell, "kernel", None) is not None else None


def _update(run: Followed, alive: Callable[[], bool], display: Callable[..., Any]) -> None:
    """Update one display if something is new, at most once a second."""
    shown = run._repr_html_()
    handle = display(run, display_id=True)
    at = time.monotonic()
    while alive():
        time.sleep(_LOOK_S)
        if time.monotonic() - at >= EACH_S and (now := run._repr_html_()) != shown:
            handle.update(run)
            shown, at = now, time.monotonic()
    if run._repr_html_() != shown:
        time.sleep(max(EACH_S - (time.monotonic() - at), 0.0))
        handle.update(run)


def _print(run: Followed, alive: Callable[[], bool]) -> None:
    """Print a line for each change of a step."""
    before: dict[str, str] = {}
    goes_on = True
    while goes_on:
        goes_on = alive()
        for event in run.events.values():
            if event.state != before.get(event.step, "waiting"):
                before[event.step] = event.state
                sys.stdout.write(f"{event.state:8} {shown_name(event.step)}\n")
                sys.stdout.flush()
        if goes_on:
            time.sleep(_LOOK_S)
