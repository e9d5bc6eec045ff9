"""A key is computed by one run at a time; a claim ends with its holder."""

import subprocess
import sys
from pathlib import Path

import pytest

from wingspan.store.claims import Claims

KEY, OTHER = "ab" + "0" * 62, "cd" + "1" * 62
HOLDER = """
import sys, time
from pathlib import Path
from wingspan.store.claims import Claims
with Claims(Path(sys.argv[1])) as claims:
    print(claims.take(sys.argv[2]), flush=True)
    time.sleep(60)
"""


@pytest.fixture
def place(tmp_path):
    """Where a home has its lock file."""
    return tmp_path / "home" / "claims"


def test_a_key_is_claimed_once(place):
    """Two holders in one process exclude each other, key by key; a claim that is given back is free."""
    with Claims(place) as first, Claims(place) as second:
        assert first.take(KEY)
        assert not second.take(KEY)
        assert not second.free(KEY)
        assert second.take(OTHER)
        first.give_back(KEY)
        assert second.free(KEY)
        assert second.take(KEY)
        second.give_back(OTHER)
        assert first.take(OTHER)


def test_leaving_gives_all_back(place):
    """What was claimed is free after the holder has closed its file."""
    with Claims(place) as first:
        assert first.take(KEY)
    with Claims(place) as second:
        assert second.take(KEY)


def test_a_claim_dies_with_its_holder(place):
    """A process that is killed with SIGKILL holds nothing any more."""
    command = [sys.executable, "-c", HOLDER, str(place), KEY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "True\n"
        with Claims(place) as claims:
            assert not claims.take(KEY)
            holder.kill()
            holder.wait()
            assert claims.take(KEY)


@pytest.mark.parametrize("path", [None, Path("/proc/self/claims")])
def test_without_a_lock_file_all_is_granted(path):
    """Where no lock can be had, runs go on without."""
    with Claims(path) as first, Claims(path) as second:
        assert first.take(KEY)
        assert second.take(KEY)
        assert second.free(KEY)
        first.give_back(KEY)


def test_a_file_system_without_locks_grants_all(place, monkeypatch):
    """ENOLCK is no error: the first published result wins there."""
    import errno
    import fcntl

    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "fcntl", refuse)
    with Claims(place) as first, Claims(place) as second:
        assert first.take(KEY)
        assert second.take(KEY)
