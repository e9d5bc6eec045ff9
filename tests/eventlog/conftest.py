"""Real logs, where this checkout has them beside it; and HTCondor's own reader."""

import os
import time
from pathlib import Path

import pytest


def real_logs() -> list[Path]:
    """Every real event log, biggest last; none where the data is absent."""
    root = os.environ.get("WINGSPAN_SHARED") or Path(__file__).parents[2] / "../shared"
    folder = Path(root) / "data/eventlogs"
    ends = {".dag", ".out", ".metrics", ".tsv", ".50-stridesproblem", ".rescue001", ".h5"}
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix not in ends)
    return sorted(found, key=lambda path: (path.stat().st_size, path))


@pytest.fixture(scope="session")
def logs():
    """Every real event log."""
    found = real_logs()
    if not found:
        pytest.skip("the real logs are not beside this checkout")
    return found


@pytest.fixture
def zone(monkeypatch):
    """Set this process's local time zone: `zone("America/Chicago")`."""

    def set_zone(name):
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield set_zone
    monkeypatch.undo()
    time.tzset()
