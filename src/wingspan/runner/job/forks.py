"""End a job whose forked process waits for ever inside polars.

If polars was used before the fork, its threads are missing in the forked process. That process sleeps inside polars for
good, and so does the step that waits for it. A fork that does not use polars is harmless, so forks are allowed.
"""

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NamedTuple

_LOOK_S = 1.0
_STUCK_LOOKS = 5  # in a row: polars computes or returns, it does not sleep
_LIBRARY = "polars"
_JOB = str(Path(__file__).with_name("run.py"))  # its frames lead to the step's function
PROBLEM = (
    "a process that the step forked waits for ever inside polars: polars was used before the fork, which does "
    "not copy its threads"
)
FIX = (
    'start processes by "spawn" instead: multiprocessing.get_context("spawn").Pool(...), '
    'ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")), or joblib\'s own processes ("loky")'
)


class _Sleep(NamedTuple):
    """Where a thread sleeps; equal at two looks if it did nothing in between."""

    frame: int
    instruction: int
    ticks: str


def watch(end: Callable[[str], None]) -> None:
    """Watch the processes that this one forks; call `end` in one that waits for ever.

    `end` gets the process's Python stack.
    """
    os.register_at_fork(after_in_child=partial(_start, end))


def _start(end: Callable[[str], None]) -> None:
    if _LIBRARY in sys.modules:
        threading.Thread(target=_look, args=[end], daemon=True).start()


def _look(end: Callable[[str], None]) -> None:
    """Look at this process's threads every second, until one of them is stuck."""
    looks: dict[int, tuple[_Sleep, int]] = {}
    while True:
        time.sleep(_LOOK_S)
        frames = sys._current_frames()  # noqa: SLF001 - the documented way to see other threads
        now = {ident: _asleep_in_library(ident, frame) for ident, frame in frames.items()}
        looks = {
            ident: (asleep, looks[ident][1] + 1 if looks.get(ident, (None, 0))[0] == asleep else 1)
            for ident, asleep in now.items()
            if asleep is not None
        }
        for ident, (_, count) in looks.items():
            if count > _STUCK_LOOKS:
                end(_stack(frames[ident]))
                return


def _stack(frame: FrameType) -> str:
    """Return the Python stack from the step's function on."""
    stack = traceback.extract_stack(frame)
    begin = max((place for place, one in enumerate(stack, 1) if one.filename == _JOB), default=0)
    return "".join(traceback.format_list(stack[begin:]))


def _asleep_in_library(ident: int, frame: FrameType) -> _Sleep | None:
    """Return where a thread sleeps inside polars; None if it runs, or is elsewhere."""
    if f"/{_LIBRARY}/" not in frame.f_code.co_filename:
        return None
    main = ident == threading.main_thread().ident
    native = next((t.native_id for t in threading.enumerate() if t.ident == ident), None)
    try:
        stat = Path(f"/proc/self/task/{os.getpid() if main else native}/stat").read_text()
    except OSError:  # it has just ended
        return None
    fields = stat.rpartition(")")[2].split()
    return (
        _Sleep(id(frame), frame.f_lasti, f"{fields[11]} {fields[12]}") if fields[0] == "S" else None
    )
