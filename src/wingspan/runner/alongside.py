"""Start the process that brings a run's mirrors up to date while the run goes on, and wait for it at the end.

The run needs nothing of it: a mirror that fails or is slow changes no result.
"""

import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from wingspan.runner.run_folder import Home, RunFolder

_LOG = logging.getLogger("wingspan.runner")
_PROGRAM = "wingspan.runner.mirrors.follow"  # not imported: it is above what starts it
_WAIT_S = 60.0


@contextmanager
def mirrored(folder: RunFolder, home: Home) -> Iterator[None]:
    """Let a process follow a run that has mirrors; wait for it once the run has ended."""
    if not folder.mirrors.exists():
        yield
        return
    command = [sys.executable, "-P", "-m", _PROGRAM, str(folder.root), str(home.root)]
    with folder.mirror_log.open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    yield
    try:
        process.wait(_WAIT_S)
    except subprocess.TimeoutExpired:
        _LOG.warning("the mirrors of run %s are still being brought up to date", folder.run_id)
