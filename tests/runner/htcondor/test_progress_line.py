"""What a job of several steps says while it runs: through a starter that a test stands for."""

import socket
import threading

import pytest

from wingspan.runner.events import StepEvent
from wingspan.runner.htcondor import progress_line
from wingspan.runner.htcondor.progress_line import ProgressLine, line_of, states_of

STEPS = dict.fromkeys("abc", False)


@pytest.fixture
def starter(tmp_path, monkeypatch):
    """Give the commands that a starter got; its answers are those of `answer`."""

    class Starter:
        answer = b"0\n"

        def __init__(self):
            self.commands = []
            self.server = socket.create_server(("127.0.0.1", 0))
            self.thread = threading.Thread(target=self.serve, daemon=True)
            self.thread.start()

        def serve(self):
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as file:
                for line in file:
                    self.commands.append(line.decode().rstrip("\n"))
                    file.write(self.answer)
                    file.flush()

    made = Starter()
    settings = tmp_path / "chirp.config"
    settings.write_text(f"127.0.0.1 {made.server.getsockname()[1]} secret\n")
    monkeypatch.setenv("_CONDOR_CHIRP_CONFIG", str(settings))
    yield made
    made.server.close()


def event(key, state):
    return StepEvent(1.0, f"step {key}", key, state)


@pytest.fixture
def clock(monkeypatch):
    """Give a clock that a test sets."""
    now = [100.0]
    monkeypatch.setattr(progress_line.time, "monotonic", lambda: now[0])
    return now


def test_a_line_says_which_step_runs(starter, clock):
    """At most one a second; what changed meanwhile comes with the next look."""
    line = ProgressLine({**STEPS, "a": True})
    line(event("b", "running"))
    line(event("b", "done"))
    line(event("c", "running"))
    assert starter.commands == ["cookie secret", r"ulog wingspan\ steps\ 1e1r1w"]
    line.flush()
    clock[0] += 1.5
    line.flush()
    line.flush()
    assert starter.commands[2:] == [r"ulog wingspan\ steps\ 2e1r"]
    line.close()


def test_a_job_of_one_step_says_nothing(starter, clock):
    """Its execute event says it."""
    ProgressLine({"a": False})(event("a", "running"))
    assert starter.commands == []


def test_a_pool_that_refuses_is_asked_once(starter, clock):
    """No error reaches the steps."""
    starter.answer = b"-1\n"
    line = ProgressLine(STEPS)
    line(event("a", "running"))
    clock[0] += 10
    line(event("a", "done"))
    assert starter.commands == ["cookie secret"]


@pytest.mark.parametrize("settings", [None, "/nowhere/chirp.config"])
def test_a_pool_without_it_is_no_error(monkeypatch, settings):
    """The variable is not set, or its file is not there."""
    monkeypatch.delenv("_CONDOR_CHIRP_CONFIG", raising=False)
    if settings:
        monkeypatch.setenv("_CONDOR_CHIRP_CONFIG", settings)
    ProgressLine(STEPS)(event("a", "running"))


def test_lines_of_other_programs_are_not_ours():
    """Whatever a user's own condor_chirp writes."""
    for text in (
        "",
        "...",
        "loss 0.3",
        "wingspan steps ",
        "wingspan steps 3x",
        "wingspan steps 3e 1",
        "wingspan steps 999999e",
    ):
        assert states_of(text, 3) == ""
    assert states_of(line_of("eerrww"), 6) == "eerrww"
