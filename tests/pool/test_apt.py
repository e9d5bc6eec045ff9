"""Which packages are taken, and that apt works in its own folder only."""

import shutil
from pathlib import Path

import pytest

from wingspan.errors import PoolError
from wingspan.pool.apt import (
    apt_configuration,
    debian_mirror,
    library_closure,
    parse_packages,
    run_tool,
    unpack_debian,
)

SHOWN = """\
Package: condor
Version: 25.0-1
Section: science
Depends: libssl3t64 (>= 3.0), libmunge2 | libmunge3, perl:any, libc6 (>= 2.38)

Package: libssl3t64
Version: 3.5-1
Section: libs
Provides: libssl3 (= 3.5-1)
Depends: libc6 (>= 2.38)
Description: toolkit
 of several lines

Package: libmunge3
Version: 1-1
Section: contrib/libs
Pre-Depends: libssl3
Depends: systemd

Package: perl
Version: 5-1
Section: perl
Depends: libperl5

Package: libperl5
Version: 5-1
Section: libs

Package: libc6
Version: 2.43-1
Section: libs

Package: systemd
Version: 1-1
Section: admin
"""


def test_a_stanza_is_read_with_its_alternatives_and_provided_names():
    """Versions and architectures of a dependency are dropped, alternatives stay together."""
    condor, ssl, munge, *_ = parse_packages(SHOWN)
    assert condor.needs == (("libssl3t64",), ("libmunge2", "libmunge3"), ("perl",), ("libc6",))
    assert ssl.provides == ("libssl3",)
    assert munge.section == "libs"
    assert munge.needs == (("libssl3",), ("systemd",))


def test_only_c_libraries_are_followed():
    """Programs such as perl, and libraries that only they need, are the machine's own business."""
    kept = [package.name for package in library_closure(parse_packages(SHOWN), "condor")]
    assert sorted(kept) == ["condor", "libc6", "libmunge3", "libssl3t64"]


def test_apt_gets_no_folder_but_its_own(tmp_path):
    """Every folder and list that the configuration names lies in the scratch folder."""
    named = [
        line.split('"')[1] for line in apt_configuration(tmp_path).splitlines() if "Dir::" in line
    ]
    assert len(named) == 8
    assert all(Path(name).is_relative_to(tmp_path) for name in named if name != "-")


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="not a Debian machine")
def test_the_mirror_is_that_of_the_machine():
    """The archive is read from apt's configuration, whatever form that has."""
    assert debian_mirror() in run_tool(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"], ""
    )


def test_a_failing_tool_is_reported_with_its_last_words(tmp_path):
    """The message holds what the tool said and what to do."""
    with pytest.raises(
        PoolError, match=r"(?s)ls .*nothing.*ended with code 2.*No such file.*-> look"
    ):
        run_tool(["ls", tmp_path / "nothing"], "look")


def test_without_apt_the_tarball_is_named(tmp_path, monkeypatch):
    """On a machine without apt-get the message names what works there."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PoolError, match=r"(?s)expected apt-get on the PATH, found none.*--tarball"):
        unpack_debian("sid", "http://localhost/debian/", tmp_path / "state", tmp_path / "prefix")
