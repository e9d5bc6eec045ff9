"""Start the process that keeps a run's mirrors up to date, and wait for it at the end.

The run does not depend on it: a mirror that fails or is slow changes no result.
"""

import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from wingspan.runner.run_folder import Home, RunFolder

_LOG = logging.getLogger("wingspan.runner")
_PROGRAM = "wingspan.runner.mirrors.follow"  # not imported: it is in a layer above this one
_WAIT_S = 60.0


@contextmanager
def mirrored(folder: RunFolder, home: Home) -> Iterator[None]:
    """Follow a run that has mirrors in a process; wait for it after the run has ended."""
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
