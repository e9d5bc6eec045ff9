"""What the processes that start jobs give them."""

from pathlib import Path

import pytest

from wingspan.runner.local.warm import start_template


@pytest.mark.parametrize("given", [None, "ACTIVE"])
def test_threads_sleep_while_they_wait_unless_the_user_says_otherwise(monkeypatch, given):
    """A fit with several threads does not spin on cores that others use."""
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if given:
        monkeypatch.setenv("OMP_WAIT_POLICY", given)
    process, connection = start_template("wingspan.runner.job.run:run_job", 2, [])
    with connection:
        place = Path(f"/proc/{process.pid}/environ")
        environment = next(filter(None, iter(place.read_bytes, None))).split(b"\0")
    process.wait()
    assert f"OMP_WAIT_POLICY={given or 'PASSIVE'}".encode() in environment
    assert b"OMP_NUM_THREADS=2" in environment
