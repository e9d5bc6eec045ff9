"""Small logs, written event by event."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from wingspan.advisor.holds.timeline import make_timeline
from wingspan.eventlog.read import read_events

START = datetime(2025, 11, 4, 10, tzinfo=UTC)
BODIES = {
    0: "Job submitted from host: <10.0.0.1:9618?alias={}>",
    1: 'Job executing on host: <10.0.0.2:9618>\n\tSlotName: slot1@{}\n\tGLIDEIN_Site = "Nord"',
    4: "Job was evicted. Code 1007 Subcode 0\n\t(0) CPU times\n"
    + "\t\tUsr 0 00:00:01, Sys 0 00:00:00  -  Run Remote Usage\n" * 2
    + "\t0  -  Run Bytes Sent By Job",
    5: "Job terminated.\n\t(1) Normal termination (return value {})\n"
    + "\t\tUsr 0 00:00:01, Sys 0 00:00:00  -  Run Remote Usage\n" * 4
    + "\t0  -  Run Bytes Sent By Job",
    6: "Image size of job updated: 5\n\t{}  -  MemoryUsage of job (MB)\n"
    "\t1024  -  ResidentSetSize of job (KB)",
    7: "Shadow exception!\n\tlost\n\t0  -  Run Bytes Sent By Job",
    9: "Job was aborted.\n\tvia condor_rm (by user ada)",
    12: "Job was held.\n\t{1}\n\tCode {0} Subcode {2}",
    13: "Job was released.\n\t{}",
    22: "Job disconnected, attempting to reconnect\n    Socket closed\n"
    "    Trying to reconnect to slot1@a <10.0.0.2:9618>",
    28: 'Job ad information event triggered.\nOwner = "{}"',
    33: 'Changing job attribute RequestMemory from "1" to "{}"',
    40: "Started transferring input files",
    46: "Job was skipped.",
    47: "Common files event: {}",
}
DEFAULTS = {
    0: ["ap"],
    1: ["host1"],
    5: [0],
    6: [100],
    12: [12, "no disk on 10.1.1.1", 28],
    13: ["via condor_release (by user ada)"],
    33: [2],
    47: ["x"],
}


def record(second, cluster, code, *details, proc=0):
    """One event; `second` counts from 2025-11-04 10:00 UTC."""
    stamp = (START + timedelta(seconds=second)).strftime("%Y-%m-%d %H:%M:%SZ")
    details = [*details, *DEFAULTS.get(code, [])[len(details) :]]
    return f"{code:03} ({cluster:03}.{proc:03}.000) {stamp} {BODIES[code].format(*details)}\n...\n"


@pytest.fixture(scope="session")
def event():
    """Return `record`: the text of one event."""
    return record


@pytest.fixture
def write(tmp_path):
    """Write logs, each a list of events (second, cluster, code, details..) or a text; return the timeline."""

    def write_logs(*logs, names=()):
        paths = []
        for number, log in enumerate(logs):
            text = log if isinstance(log, str) else "".join(record(*each) for each in log)
            paths.append(tmp_path / (names[number] if names else f"log{number}"))
            paths[-1].write_text(text)
        return make_timeline(read_events(paths))

    return write_logs


@pytest.fixture
def no_verdicts(monkeypatch):
    """Let the verdicts on faults move no probability."""
    monkeypatch.setattr(
        "wingspan.advisor.answers.counsel.own_shifts", lambda _, moments: np.zeros(len(moments))
    )


@pytest.fixture(scope="session")
def real_timeline():
    """Return the timeline of every real event log, where this checkout has them beside it."""
    root = os.environ.get("WINGSPAN_SHARED") or Path(__file__).parents[2] / "../shared"
    folder = Path(root) / "data/eventlogs"
    ends = {".dag", ".out", ".metrics", ".tsv", ".50-stridesproblem", ".rescue001", ".h5"}
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix not in ends)
    paths = sorted(found, key=lambda path: (path.stat().st_size, path))
    if not paths:
        pytest.skip("the real logs are not beside this checkout")
    return make_timeline(read_events(paths))
