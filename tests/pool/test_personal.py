"""The personal pool, with real daemons."""

import subprocess

import pytest

pytestmark = pytest.mark.htcondor


def test_a_started_pool_offers_what_it_was_told_to(pool):
    """`cpus` and `memory_mb` are what the one slot offers."""
    command = ["condor_status", "-af", "TotalCpus", "TotalMemory"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["8.0", "16384"]
