"""Acts on another user's jobs, on a real pool: HTCondor refuses, that is recorded, and nothing is half done."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from wingspan.accesspoint import query, submit
from wingspan.pool.personal import start_pool, stop_pool

pytestmark = pytest.mark.htcondor
NOBODY = 65534
WORDS = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", sys.executable)
REASONS = {
    "release": "connection to the server timed out",
    "fix": "memory usage 200 MB exceeded the request",
}


def runs_as_nobody():
    """Return whether this interpreter can be run as another user."""
    if os.getuid() or not shutil.which("setpriv"):
        return False
    return subprocess.run([*WORDS, "-c", "import wingspan"], check=False).returncode == 0


@pytest.fixture
def shared_pool(daemons, pool_parent, monkeypatch):
    """A pool that every user of this machine may use."""
    permissions = {f"ALLOW_{name}": "*" for name in ("READ", "WRITE", "DAEMON")}
    extra = {**permissions, "QUEUE_SUPER_USERS": "root, condor"}
    folder = pool_parent / "shared"
    running = start_pool(folder, cpus=2, memory_mb=2048, daemons=daemons, extra=extra)
    for path in (*folder.parents[:1], folder, folder / "log"):
        path.chmod(0o755)
    (folder / "run").chmod(0o1777)  # where users prove who they are
    for path in (*(folder / "log").glob(".*_address*"), running.config):
        path.chmod(0o644)
    for name, value in running.environment.items():
        monkeypatch.setenv(name, value)
    yield running
    stop_pool(folder)


@pytest.fixture
def as_nobody(shared_pool, pool_parent):
    """Run `wingspan holds` as another user; return what it prints, and what it recorded."""
    home = pool_parent / "home"
    home.mkdir(exist_ok=True)
    os.chown(home, NOBODY, NOBODY)

    def run(*words):
        result = subprocess.run(
            [*WORDS, "-m", "wingspan", "holds", *map(str, words)],
            env={**os.environ, "HOME": str(home), "XDG_STATE_HOME": str(home)},
            cwd=home,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return " ".join(result.stdout.split())

    return run


@pytest.mark.parametrize("deed", REASONS)
def test_acts_on_jobs_of_another_user(as_nobody, shared_pool, wait_until, deed):
    """Each is refused by its reason; the jobs stay held, with their requests."""
    if not runs_as_nobody():
        pytest.skip("this needs root, setpriv and an interpreter that others may run")
    job = {"executable": "/bin/sleep", "arguments": 99, "request_memory": 100}
    policy = {"periodic_hold": "JobStatus == 2", "periodic_hold_reason": f'"{REASONS[deed]}"'}
    cluster = submit({**job, **policy, "log": Path(shared_pool.folder) / "jobs.log"}, count=3)
    mine, wanted = f"ClusterId == {cluster}", ["JobStatus", "RequestMemory", "HoldReason"]
    wait_until(lambda: [ad["JobStatus"] for ad in query(mine, wanted)] == [5, 5, 5])
    before = query(mine, wanted)
    text = as_nobody("advise", "--schedd", "--apply", deed, "--early", "--wait", 5)
    assert "of 1 job; 1 of another user" in text
    assert query(mine, wanted) == before
    recorded = json.loads(as_nobody("actions", "--all", "--json"))["acts"]
    act = next(act for act in recorded if act["what"] in {"release", "edit"})
    assert (act["user"], act["jobs_done"], act["undone_by"]) == ("nobody", 0, None)
    assert "nothing" not in as_nobody("undo", act["id"])
    assert query(mine, wanted) == before
