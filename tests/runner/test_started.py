"""A run keeps the command that started it, and shows it as it can be given again."""

import sys
from pathlib import Path

import pytest

import wingspan as ws
from wingspan.cli.main import main
from wingspan.runner.started import COMMAND, command_of

FLOW = """
import wingspan as ws

def fit(rate: float) -> float:
    return 1 / rate

def pipeline(rate: float = 1.0) -> ws.Pipeline:
    p = ws.Pipeline("flow")
    p.step(fit, rate)
    return p
"""


def len_of(text: str) -> int:
    return len(text)


@pytest.fixture
def given(tmp_path, monkeypatch):
    """Give a function that runs the command line as a process would."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "kept_command.py").write_text(FLOW)

    def give(*words):
        before = COMMAND.get()
        monkeypatch.setattr(sys, "argv", ["wingspan", *words])
        try:
            main()
        except SystemExit as end:
            return end.code
        finally:
            COMMAND.set(before)
        return 0

    yield give
    sys.modules.pop("kept_command", None)


def test_the_command_is_kept_with_all_its_options(given):
    words = ["run", "kept_command.py", "--set", "rate=0", "--jobs", "1"]
    assert given(*words) == 1
    run = ws.open_run()
    assert command_of(run.origin) == "wingspan run kept_command.py --set rate=0 --jobs 1"
    assert given("report", "--out", "page.html") == 0
    assert "wingspan run kept_command.py --set rate=0 --jobs 1" in Path("page.html").read_text()


def test_a_command_that_takes_other_arguments_is_kept_too(given):
    assert given("exec", "--name", "two words", "--", sys.executable, "-c", "raise SystemExit(3)")
    command = command_of(ws.open_run().origin)
    assert command.startswith("wingspan exec --name 'two words' -- ")


def test_python_has_no_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    p = ws.Pipeline("flow")
    p.step(len_of, "abc")
    assert command_of(p.run().origin) == ""
