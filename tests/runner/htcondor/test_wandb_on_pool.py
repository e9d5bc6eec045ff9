"""W&B's tutorial script, unchanged, swept on real daemons that reach no network: pruned, and mirrored to a server on loopback."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import wingspan as ws

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples/wandb_sweep"
sys.path.insert(0, str(ROOT / "tests/tracking"))
# Runs in a network namespace that has the loopback interface alone: pool, jobs, server and mirror.
INSIDE = """
import json, os, socket, subprocess, sys
from pathlib import Path
from wandb_server import KEY, Server
from wingspan.pool.install import find_daemons
from wingspan.pool.personal import start_pool

folder, prefix, project = map(Path, sys.argv[1:])
try:
    socket.create_connection(("1.1.1.1", 443), 5)
    reached = True
except OSError:
    reached = False
pool, server = start_pool(folder, cpus=2, memory_mb=4096, daemons=find_daemons(prefix)), Server()
try:
    where = {"WANDB_BASE_URL": server.url, "WANDB_API_KEY": KEY, "WANDB_PROJECT": "line"}
    environment = {**os.environ, **pool.environment, **where, "HOME": str(project.parent)}
    def wingspan(*words):
        command = [sys.executable, "-m", "wingspan", *words]
        done = subprocess.run(command, cwd=project, env=environment, text=True, capture_output=True)
        return [done.returncode, done.stdout + done.stderr]
    said = [wingspan("sweep", "sweep.yaml", "--parallel", "1", "--on", "htcondor", "--track", "wandb")]
    said.append(wingspan("track", "sync"))  # what was sent while the run went on is not sent again
    said.append(wingspan("track", "check"))
finally:
    pool.stop()
shown = {run["displayName"]: server.history(name) for name, run in server.runs.items()}
print(json.dumps({"reached": reached, "said": said, "shown": shown, "runs": server.runs}))
"""


def without_network(command):
    """Return a command that runs another one where there is nothing but the loopback interface."""
    up = f"ip link set lo up && exec {shlex.join(map(str, command))}"
    if not os.getuid():
        return ["unshare", "--net", "sh", "-c", up]
    own = f"--user --map-user={os.getuid()} --map-group={os.getgid()}"
    up = up.replace("exec ", f"exec unshare {own} ", 1)
    return ["unshare", "--user", "--map-root-user", "--net", "sh", "-c", up]


@pytest.mark.long
@pytest.mark.htcondor
@pytest.mark.timeout(300)
def test_a_tutorial_script_is_swept_on_a_pool_without_a_network(daemons, pool_parent):
    """Parameters arrive, points are read while the jobs run, the bad trial is stopped, all points are shown, no key leaks."""
    pytest.importorskip("wandb", reason="W&B's client is not installed: no script runs with it")
    if subprocess.run(without_network(["true"]), check=False, capture_output=True).returncode:
        pytest.skip("NO NETWORK NAMESPACES here, so a pool without a network is not tested")
    from wandb_server import KEY

    folder, project = pool_parent / "apart", pool_parent / "apart-project" / "line"
    project.parent.mkdir()
    shutil.copytree(EXAMPLE, project)
    words = [sys.executable, "-c", INSIDE, folder, daemons.prefix, project]
    environment = {n: v for n, v in os.environ.items() if not n.startswith(("WANDB_", "CONDOR"))}
    environment["PYTHONPATH"] = str(ROOT / "tests/tracking")
    done = subprocess.run(
        without_network(words), env=environment, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert not found["reached"]
    assert [code for code, _ in found["said"]] == [0, 0, 0], found["said"]

    run = ws.open_run(home=project / ".wingspan")
    first, second = run.study.trials
    assert (first.state, second.state) == ("complete", "pruned")
    losses = [value for _, value in first.curve]
    assert len(losses) == 60
    assert 2 <= len(second.curve) < 60
    assert run.study.best.parameters["lr"] == 0.1
    rows = found["shown"]["train[0]"]
    assert [row["_step"] for row in rows] == list(range(60))
    assert [row["val_loss"] for row in rows] == losses
    stopped = [row["val_loss"] for row in found["shown"]["train[1]"] if "val_loss" in row]
    assert stopped == [value for _, value in second.curve]
    config = {run["displayName"]: json.loads(run["config"]) for run in found["runs"].values()}
    assert config["train[1]"]["lr"]["value"] == 0.0001
    kept = subprocess.run(
        ["grep", "-rlaF", KEY, str(project.parent), str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert kept.stdout == ""  # neither ads, logs and environments of jobs, nor what was recorded
