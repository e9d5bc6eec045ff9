"""Show what running steps log while their run goes on in this process.

Events alone would leave a long step without a word: how far a fit is, and how long it still takes, is logged.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from wingspan.cli.progress import Progress, metrics_now
from wingspan.errors import WingspanError

if TYPE_CHECKING:
    from wingspan.runner.run import Run

EACH_S = 2.0
_REST = 19  # times as long as a look takes: at most a twentieth of a core


@contextmanager
def ticking(progress: Progress, run: "Run") -> Iterator[None]:
    """Draw the progress of a run every two seconds, with what its steps have logged last."""
    from wingspan.runner.metrics import last_values
    from wingspan.runner.runners import trail_of

    trail, over = trail_of(run.folder, run.home), threading.Event()

    def look() -> None:
        rest = EACH_S
        while not over.wait(rest):
            begin = time.monotonic()
            with suppress(OSError, WingspanError):  # the run itself goes on
                logged = last_values(list(progress.states.values()), trail)
                progress.draw({}, {step: metrics_now(values) for step, values in logged.items()})
            rest = max(EACH_S, _REST * (time.monotonic() - begin))

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
