"""``wingspan pool`` as a user types it."""

import json
import os
import subprocess
import sys

import pytest

from wingspan.cli.pool import megabytes
from wingspan.errors import SettingError


def wingspan(*words, **variables):
    """Run the command line in a process of its own."""
    environment = {**os.environ, **variables}
    command = [sys.executable, "-m", "wingspan", "pool", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("text", "expected"), [("8GB", 8192), ("512", 512), ("2 g", 2048), ("64M", 64)]
)
def test_memory_is_read_with_its_unit(text, expected):
    """Without a unit it is megabytes, as in HTCondor."""
    assert megabytes(text) == expected


@pytest.mark.parametrize("text", ["", "GB", "8TB", "-1", "1.5GB", "8 GB GB"])
def test_memory_that_is_no_size_is_refused(text):
    """Nothing is guessed."""
    with pytest.raises(SettingError, match="expected a size such as 8GB"):
        megabytes(text)


@pytest.mark.htcondor
def test_status_and_run_use_the_configured_pool(pool):
    """The pool that CONDOR_CONFIG names is shown; its tools are on the PATH of a command."""
    shown = json.loads(wingspan("status", "--json").stdout)
    assert shown["config"] == str(pool.config)
    assert shown["cpus"]["total"] == 8
    assert "8, " in wingspan("status").stdout
    found = wingspan("run", "--folder", str(pool.folder), "condor_config_val", "-v", "LOCAL_DIR")
    assert f"LOCAL_DIR = {pool.folder}" in found.stdout
    assert "Usage: condor_q" in wingspan("run", "condor_q", "--help").stdout


@pytest.mark.htcondor
def test_start_status_stop(daemons, pool_parent):
    """A pool of one's own, from the command line alone, in any folder."""
    folder = ["--folder", str(pool_parent / "cli")]
    variables = {"CONDOR_CONFIG": os.devnull, "XDG_STATE_HOME": str(pool_parent)}
    start = wingspan("start", "--cpus", "2", "--memory", "2GB", "--json", *folder, **variables)
    assert start.returncode == 0, start.stderr
    try:
        assert json.loads(start.stdout)["folder"] == folder[1]
        shown = json.loads(wingspan("status", "--json", *folder, **variables).stdout)
        assert (shown["cpus"]["total"], shown["memory_mb"]["total"]) == (2, 2048)
    finally:
        stop = wingspan("stop", *folder, **variables)
    assert stop.stdout == f"the pool in {folder[1]} is stopped\n"
    assert json.loads(wingspan("stop", "--json", *folder, **variables).stdout) == {"stopped": False}


def test_without_any_pool_the_next_step_is_named(tmp_path):
    """Exit code 2, and one message that says how to get a pool."""
    done = wingspan("status", CONDOR_CONFIG=os.devnull, XDG_STATE_HOME=str(tmp_path))
    assert done.returncode == 2
    assert "no pool is configured" in done.stderr
    assert "wingspan pool start" in done.stderr


@pytest.mark.htcondor
def test_run_says_what_it_cannot_run(pool):
    """A command is needed, and must exist."""
    assert "a command is missing" in wingspan("run").stderr
    assert "no such program" in wingspan("run", "condor_nonsense").stderr
