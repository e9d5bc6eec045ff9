"""What tests of recipes share: a log in which there is something to learn."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

USAGE = "\n\t\tUsr 0 00:00:01, Sys 0 00:00:00  -  Run Remote Usage" * 4


@pytest.fixture(scope="session")
def planted(tmp_path_factory):
    """Return the log of 240 jobs, each held once and released: it pays where the first start was the only one."""
    random = np.random.default_rng(2)
    events = []
    for number in range(240):
        lost = random.random() < 0.5
        steps = [(0, 0, "Job submitted from host: <10.0.0.1:9618?addrs=10.0.0.1-9618&alias=ap>")]
        start = (1, "Job executing on host: <10.0.0.2:9618?addrs=10.0.0.2-9618&alias=e1>")
        steps += [(minute, *start) for minute in ((5, 6, 7) if lost else (5,))]
        steps += [(10, 12, "Job was held.\n\tlost\n\tCode 12 Subcode 1")]
        steps += [(20, 13, "Job was released.\n\tvia condor_release (by user ada)")]
        ended = int(lost if random.random() < 0.9 else not lost)
        steps += [
            (30, 5, f"Job terminated.\n\t(1) Normal termination (return value {ended}){USAGE}")
        ]
        for minute, code, body in steps:
            stamp = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number, minutes=minute)
            head = f"{code:03} ({number:03}.000.000) {stamp:%Y-%m-%d %H:%M:%SZ}"
            events.append(f"{head} {body}\n...\n")
    log = tmp_path_factory.mktemp("planted") / "log"
    log.write_text("".join(events))
    return log
