"""A project, or a home folder, on a disk that may only be read: looking works, and what must write says where and why."""

import errno
import os
import subprocess
import sys

import pytest

import wingspan as ws
from wingspan.cli.main import main
from wingspan.errors import ReadOnlyError
from wingspan.files import explained, locked, writing
from wingspan.pool.install import install
from wingspan.pool.personal import start_pool
from wingspan.runner.htcondor.check.check import _writable

PIPELINE = """
    from pathlib import Path
    import wingspan as ws

    def load(path: Path) -> int:
        print("loading")
        ws.log({"size": 3}, step=1)
        return len(path.read_text())

    def fails(x: int) -> int:
        raise ValueError("no good")

    def pipeline() -> ws.Pipeline:
        p = ws.Pipeline("closed")
        p.step(fails, p.step(load, Path(__file__).with_name("data.txt")))
        return p
"""


@pytest.fixture
def closed(project, small_disk, monkeypatch):
    """Give the project on a small disk, and a function that lets it only be read."""
    with small_disk(project.path, "16m") as disk:
        monkeypatch.chdir(disk)  # it is another folder now
        project.write(closed=PIPELINE)
        (disk / "data.txt").write_text("abc")

        def close():
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)

        yield close
        monkeypatch.chdir("/")


@pytest.fixture
def wingspan(capsys, monkeypatch):
    """Give a function that runs a command in this process; it returns the exit code, and what was printed."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["wingspan", *words])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        return code, "".join(capsys.readouterr())

    return run


@pytest.mark.parametrize("before", [False, True])
def test_what_must_write_says_where_and_why(closed, small_pool, wingspan, before):
    """Whether there was a home before or not: one message, and a way out that can be copied."""
    if before:
        ws.Pipeline("other").run()
    closed()
    assert wingspan("plan", "closed.py")[0] == 0
    for words in (
        "run closed.py",
        "run closed.py --on htcondor",
        "run closed.py --background",
        "exec -- true",
    ):
        code, said = wingspan(*words.split())
        assert code == 2
        assert "it cannot be written: Read-only file system" in said
        assert "--home FOLDER, or WINGSPAN_HOME" in said
        assert "Traceback" not in said


def test_looking_at_a_run_needs_no_writing(project, closed, small_pool, wingspan):
    """States, output, metrics and values are shown, of a run in a pool as well; what cannot be brought in is said."""
    project.fresh("closed").pipeline().run("htcondor", check=False, fuse=False)
    closed()
    run = ws.open_run()
    assert (run.state, run["load"], run.logs("load")) == ("failed", 3, "loading\n")
    for words, told in {
        "status": "ValueError: no good", "logs fails": "raise ValueError", "logs load": "loading",
        "logs --metrics": "size 3", "runs": "failed: fails", "watch": "ValueError: no good",
        "why": "none of its jobs is in the queue", "store check": "no damage", "plan closed.py": "1 of 2 steps",
        "show load": "3", "store gc": "removed 0 results",
    }.items():  # fmt: skip
        code, said = wingspan(*words.split())
        assert told in said, words
        assert code == (1 if words == "watch" else 0)
    code, said = wingspan("resume")
    assert (code, "it cannot be written: Read-only file system" in said) == (2, True)


def test_a_pool_cannot_be_kept_in_a_closed_home(tmp_path, small_disk, daemons):
    """The message names the option that takes another folder."""
    with small_disk(tmp_path / "home", "1m"):
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path / "home")], check=True)
        with pytest.raises(ReadOnlyError, match="wingspan pool start --folder FOLDER"):
            start_pool(tmp_path / "home" / "pool", daemons=daemons)
        with pytest.raises(ReadOnlyError, match="wingspan pool install --prefix FOLDER"):
            install(tmp_path / "home" / "condor")


def test_a_disk_that_is_nearly_full_is_a_problem(tmp_path, small_disk):
    """`check` counts what a run needs for its results and logs."""
    with small_disk(tmp_path / "disk", "16m") as disk:
        found = _writable(disk / ".wingspan")
    assert not found.ok
    assert found.found == f"{disk}: 16 MB free; results and logs need at least 32 MB"
    assert "wingspan store gc" in found.fix
    assert _writable(tmp_path).ok


def test_only_errors_of_the_path_itself_are_explained(tmp_path):
    """A file elsewhere that may not be read stays the error that it is; what is given to a command line has a message."""
    other = PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/elsewhere/x.csv")
    with pytest.raises(PermissionError), writing(tmp_path / "home" / "run"):
        raise other
    above = OSError(errno.EROFS, os.strerror(errno.EROFS), str(tmp_path))
    with pytest.raises(ReadOnlyError), writing(tmp_path / "home" / "run"):
        raise above
    told = explained(other)
    assert (
        str(told)
        == "/elsewhere/x.csv: it cannot be opened: Permission denied\n  -> look who may: ls -ld /elsewhere/x.csv"
    )
    assert explained(OSError("something else")) is None
    with locked(tmp_path / "lock"):
        assert (tmp_path / "lock").exists()
