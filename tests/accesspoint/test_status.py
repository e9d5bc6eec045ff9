"""The state of a pool."""

import pytest

from wingspan.accesspoint import Amount, pool_status, remove, submit

pytestmark = pytest.mark.htcondor


def test_status_tells_what_is_offered_used_and_queued(pool, job_folder, wait_until):
    """Cpus and memory are counted once, also when jobs have parts of the slot; jobs are counted by state."""
    commands = {
        "executable": "/bin/sleep", "arguments": 600, "log": job_folder / "log",
        "request_cpus": 3, "request_memory": 1024,
    }  # fmt: skip
    running, held = submit(commands), submit({**commands, "hold": True})
    mine = wait_until(lambda: [user for user in pool_status().users if user.running and user.held])
    left = (Amount(8, 5), Amount(16384, 16384 - 1024))
    status = wait_until(lambda: ((now := pool_status()).cpus, now.memory_mb) == left and now)
    assert status.version == pool.daemons.version
    assert status.machines == 1
    assert len(mine) == 1
    assert "8, 5 free" in str(status)
    assert mine[0].user in status._repr_html_()
    remove([str(running), str(held)], "done")
