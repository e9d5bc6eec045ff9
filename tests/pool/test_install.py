"""Installing is whole or not at all, once, and for several at a time."""

import shutil
import subprocess
import sys
import tarfile

import pytest

from wingspan.errors import PoolError
from wingspan.pool.install import default_prefix, find_daemons, install


@pytest.fixture(scope="module")
def tarball(daemons, tmp_path_factory):
    """Give a tarball laid out as HTCondor's own, of three programs (they name libraries that stay in place)."""
    top = tmp_path_factory.mktemp("tarball") / "condor-25.0.0-x86_64_Debian13-stripped"
    for name in ("bin/condor_version", "sbin/condor_master"):
        (top / name).parent.mkdir(parents=True)
        shutil.copy(daemons.release / name, top / name)
    path = top.with_name(f"{top.name}.tar.gz")
    with tarfile.open(path, "w:gz") as archive:
        archive.add(top, top.name)
    return path


@pytest.mark.htcondor
def test_the_programs_say_the_version_that_was_recorded(daemons):
    """What `install` returns is what the installed programs print."""
    printed = subprocess.check_output([daemons.release / "bin/condor_version"], text=True)
    assert f"$CondorVersion: {daemons.version} " in printed
    assert find_daemons(daemons.prefix) == daemons


@pytest.mark.htcondor
def test_a_tarball_is_installed_once(tarball, tmp_path, daemons):
    """A second call returns what is there and unpacks nothing."""
    first = install(tmp_path / "condor", tarball=tarball)
    assert first.version == daemons.version
    (tmp_path / "condor/usr/mark").touch()
    assert install(tmp_path / "condor", tarball=tmp_path / "gone.tar.gz") == first
    assert (tmp_path / "condor/usr/mark").exists()


@pytest.mark.htcondor
def test_half_an_installation_is_never_used(tarball, tmp_path):
    """A process that is killed leaves a folder that does not count, and the next install starts anew."""
    prefix = tmp_path / "condor"
    code = (
        "import os, sys; from pathlib import Path; import wingspan.pool.install as install;"
        "install._condor_version = lambda prefix: os.kill(os.getpid(), 9);"
        "install.install(Path(sys.argv[1]), tarball=Path(sys.argv[2]))"
    )
    killed = subprocess.run([sys.executable, "-c", code, prefix, tarball], check=False)
    assert killed.returncode == -9
    assert (prefix / "usr/sbin/condor_master").exists()
    assert find_daemons(prefix) is None
    (prefix / "usr/left_over").touch()
    install(prefix, tarball=tarball)
    assert find_daemons(prefix)
    assert not (prefix / "usr/left_over").exists()


@pytest.mark.htcondor
def test_a_moved_installation_does_not_count(tarball, tmp_path):
    """The programs name their libraries by absolute path, so a copy elsewhere is not taken for one."""
    install(tmp_path / "here", tarball=tarball)
    (tmp_path / "here").rename(tmp_path / "there")
    assert find_daemons(tmp_path / "there") is None


@pytest.mark.htcondor
def test_two_processes_may_install_at_once(tarball, tmp_path):
    """One does the work, the other waits and takes it."""
    code = (
        "import sys; from pathlib import Path; from wingspan.pool.install import install;"
        "print(install(Path(sys.argv[1]), tarball=Path(sys.argv[2]), report=print).version)"
    )
    command = [sys.executable, "-c", code, tmp_path / "condor", tarball]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = {process.communicate()[0] for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert len(outputs) == 1


def test_a_folder_with_other_content_is_left_alone(tmp_path):
    """Nothing that Wingspan did not put there is removed."""
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(PoolError, match="holds something else"):
        install(tmp_path)
    assert (tmp_path / "mine").read_text() == "precious"


@pytest.mark.parametrize("names", [[], ["a/file", "b/file"]])
def test_another_tarball_is_refused(tmp_path, names):
    """The message says what a tarball of HTCondor has, and nothing counts as installed."""
    path = tmp_path / "other.tar.gz"
    (tmp_path / "file").touch()
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            archive.add(tmp_path / "file", name)
    with pytest.raises(PoolError, match="expected one folder with sbin/condor_master"):
        install(tmp_path / "condor", tarball=path)
    assert find_daemons(tmp_path / "condor") is None


def test_a_broken_tarball_is_refused(tmp_path):
    """What tar says is in the message."""
    (tmp_path / "bad.tar.gz").write_bytes(b"not a tarball")
    with pytest.raises(PoolError, match="ended with code 2"):
        install(tmp_path / "condor", tarball=tmp_path / "bad.tar.gz")
    assert not (tmp_path / "condor").exists()


def test_daemons_go_to_the_users_cache(monkeypatch, tmp_path):
    """XDG_CACHE_HOME is respected."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_prefix("trixie") == tmp_path / "wingspan/htcondor/trixie"


@pytest.mark.long
@pytest.mark.htcondor
def test_a_fresh_install_takes_less_than_a_minute(daemons, tmp_path):
    """From packages, with all downloads; `daemons` says whether that can be had here."""
    fresh = install(tmp_path / "condor")
    assert fresh.version
    assert not (tmp_path / "condor/apt").exists()
