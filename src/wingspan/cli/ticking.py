"""Show what running steps log while their run goes on in this process.

Events alone would leave a long step without a word: how far a fit is, and how long it still takes, is logged.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wingspan.cli.progress import Progress, metrics_now

if TYPE_CHECKING:
    from wingspan.runner.run import Run

EACH_S = 2.0


@contextmanager
def ticking(progress: Progress, run: "Run") -> Iterator[None]:
    """Draw the progress of a run on this machine every two seconds.

    It shows what the steps have logged last.
    """
    from wingspan.runner.metrics import last_values
    from wingspan.runner.runners import trail_of

    trail, over = trail_of(run.folder, run.home), threading.Event()
    if not trail.without_jobs:
        yield
        return

    def look() -> None:
        while not over.wait(EACH_S):
            logged = last_values(list(progress.states.values()), trail)
            progress.draw({}, {step: metrics_now(values) for step, values in logged.items()})

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
