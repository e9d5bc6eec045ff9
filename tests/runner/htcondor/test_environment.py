"""The environment that is sent: which packages, which of their files, and how a shell unpacks it."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import wingspan as ws
from wingspan.runner.htcondor.write import archive
from wingspan.runner.htcondor.write.archive import UNPACK, pack
from wingspan.runner.htcondor.write.environment import environment_of
from wingspan.runner.htcondor.write.packages import (
    distribution_packages,
    packages_of,
    without_tests,
)


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Give a function that installs a distribution of some files into a folder of ``sys.path``."""
    folder = tmp_path / "other-site" / "site-packages"
    folder.mkdir(parents=True)
    monkeypatch.syspath_prepend(str(folder))

    def install(name, files, requires=(), record=True):
        for file, text in files.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(text)
        info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        lines = [f"Requires-Dist: {line}" for line in requires]
        (info / "METADATA").write_text("\n".join([f"Name: {name}", "Version: 1.0", *lines]) + "\n")
        if record:
            listed = [*files, f"{info.name}/METADATA", f"{info.name}/RECORD", "../../../bin/tool"]
            (info / "RECORD").write_text("".join(f"{line},,\n" for line in listed))
        else:
            (info / "top_level.txt").write_text(next(iter(files)).partition("/")[0] + "\n")
        importlib.invalidate_caches()
        return folder

    return install


def test_packages_come_with_what_they_require_also_by_extras(site):
    """Wherever they are installed; what is required for an extra that none asks for stays here."""
    site("one-a", {"one_a/__init__.py": ""}, ["two.b[fast,big]>=1", 'three; extra == "dev"'])
    site("two-b", {"two_b.py": ""}, ['four; extra == "fast"', 'five; extra == "slow"'])
    for name in ("three", "four", "five"):
        site(name, {f"{name}.py": ""})
    found = packages_of(["one_a", "no_such_module", "json"])
    assert set(found) == {"one-a", "two-b", "four"}
    assert Path("one_a/__init__.py") in found["one-a"].files
    assert not any(".." in file.parts for package in found.values() for file in package.files)


def test_packages_that_list_no_files_are_found_by_their_modules(site):
    """As some installers leave them; a module without any distribution too."""
    folder = site("bare", {"bare/__init__.py": "", "bare/inner/data.txt": "x"}, record=False)
    (folder / "loose.py").write_text("")
    found = packages_of(["bare", "loose"])
    assert set(map(str, found["bare"].files)) == {"bare/__init__.py", "bare/inner/data.txt"}
    assert found["loose"].files == (Path("loose.py"),)


def test_folders_of_tests_stay_here_but_for_those_that_are_imported(site):
    files = {
        "big/__init__.py": "from .sub.tests.helper import x\n",
        "big/other.py": "  from big.far.tests import y\n",
        "big/sub/tests/helper.py": "x = 1\n",
        "big/far/tests/__init__.py": "y = 1\n",
        "big/near/tests/test_it.py": "",
        "big/lib.a": "",
    }
    site("big", files)
    (package,) = packages_of(["big"]).values()
    kept = {str(file) for file in without_tests(package) if file.parts[0] == "big"}
    assert kept == files.keys() - {"big/near/tests/test_it.py", "big/lib.a"}


def test_an_editable_installation_leaves_no_path_of_this_machine(tmp_path):
    """Wingspan's own here: its files are sent, the pointer to the checkout is not."""
    (package,) = (p for p in distribution_packages(["wingspan"]).values() if p.name == "wingspan")
    assert not any("__editable__" in file.name for file in package.files)
    assert environment_of([]).packages.keys() >= {"wingspan", "numpy", "cloudpickle"}


def test_what_codecs_import_is_sent_though_no_code_names_it(project, tmp_path):
    """skops with scikit-learn; and what the top of the file imports without using it."""
    pytest.importorskip("skops")
    project.write(
        fitting="""
        import sortedcontainers
        from sklearn.linear_model import LogisticRegression

        def fit(n: int) -> LogisticRegression:
            return LogisticRegression()
        """
    )
    p = ws.Pipeline("fitting")
    p.step(project.fresh("fitting").fit, 1)
    packages = environment_of(p.plan(tmp_path / "home").steps).packages
    assert packages.keys() >= {"scikit-learn", "skops", "sortedcontainers"}
    assert "torch" not in packages


@pytest.mark.parametrize("reader", [True, False])
def test_a_shell_unpacks_an_archive(tmp_path, monkeypatch, reader):
    """With Python's help only for what zstd made; links and times stay, owners do not travel."""
    if not reader:
        monkeypatch.setattr(archive, "has_reader", lambda: False)
    elif not archive.has_reader():
        pytest.skip("NO ZSTANDARD here, so archives of zstd are not tested")
    tool, file = tmp_path / "python3", tmp_path / "file.txt"
    tool.write_text(f'#!/bin/sh\nunset LD_LIBRARY_PATH\nexec {sys.executable} "$@"\n')
    tool.chmod(0o755)
    file.write_bytes(os.urandom(200_000))
    rest = [(file, Path("python/lib") / ("long" * 40) / f"{n}.txt") for n in range(3)]
    pack(
        [(tool, Path("python/bin/python3"))],
        rest,
        {"python/bin/python": "python3"},
        tmp_path / "e.tar",
    )
    out = tmp_path / "out"
    out.mkdir()
    words = ["/bin/sh", "-c", f'{UNPACK}\nunpack "$@"', "sh", tmp_path / "e.tar", out]
    subprocess.run(words, check=True)
    assert {(out / place).read_bytes() for _, place in rest} == {file.read_bytes()}
    assert (out / rest[0][1]).stat().st_mtime == int(file.stat().st_mtime)
    assert (out / "python/bin/python").readlink() == Path("python3")
    content = (tmp_path / "e.tar").read_bytes()
    (tmp_path / "e.tar").write_bytes(content[: len(content) // 2])
    assert subprocess.run(words, check=False, capture_output=True).returncode
