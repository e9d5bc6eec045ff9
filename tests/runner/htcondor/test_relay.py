"""What a job says while it runs, through a starter that a test stands for."""

import json
import socket
import threading

import pytest

from wingspan.runner.events import StepEvent
from wingspan.runner.htcondor.execution_point import sender as sending
from wingspan.runner.htcondor.execution_point.chirp import CONFIG, RefusedError, Starter
from wingspan.runner.htcondor.execution_point.relay import Relay
from wingspan.runner.htcondor.execution_point.sender import OFF, Sender
from wingspan.runner.htcondor.messages import Message, line_of, points_of, read_line
from wingspan.runner.run_folder import METRICS, RunFolder

STEPS = dict.fromkeys("abc", False)


@pytest.fixture
def starter(tmp_path, monkeypatch):
    """Give a starter that keeps the commands it got; it answers from `answers`, then 0; `files` can be fetched."""

    class Stub:
        def __init__(self):
            self.commands, self.answers, self.files = [], [], {}
            self.server = socket.create_server(("127.0.0.1", 0))
            threading.Thread(target=self.serve, daemon=True).start()

        def serve(self):
            while True:
                try:
                    connection, _ = self.server.accept()
                except OSError:
                    return
                with connection, connection.makefile("rwb") as file:
                    for line in file:
                        command = line.decode().rstrip("\n")
                        self.commands.append(command)
                        if self.answers and (answer := self.answers.pop(0)) is not None:
                            if answer == b"":
                                break
                            file.write(answer)
                        elif command.startswith("getfile"):
                            content = self.files.get(command.partition(" ")[2])
                            file.write(
                                b"-3\n" if content is None else b"%d\n%s" % (len(content), content)
                            )
                        else:
                            file.write(b"0\n")
                        file.flush()

        @property
        def said(self):
            """The messages, each with its number."""
            lines = [
                c.partition(" ")[2].replace("\\ ", " ").replace("\\\\", "\\")
                for c in self.commands
                if c[:4] == "ulog"
            ]
            return [(read_line(line).number, dict(read_line(line).content)) for line in lines]

    made = Stub()
    settings = tmp_path / "chirp.config"
    settings.write_text(f"127.0.0.1 {made.server.getsockname()[1]} secret\n")
    monkeypatch.setenv(CONFIG, str(settings))
    yield made
    made.server.close()


@pytest.fixture
def clock(monkeypatch):
    """Give a clock that a test sets."""
    now = [100.0]
    monkeypatch.setattr(sending.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def run(tmp_path):
    """Give the folder of a job's run, with a function `log` that writes as a step does."""
    folder = RunFolder(tmp_path / "part")

    def log(key, attempt, *entries):
        place = folder.step(key) / str(attempt)
        place.mkdir(parents=True, exist_ok=True)
        with (place / METRICS).open("a") as file:
            file.writelines(
                json.dumps({"step": step, "metrics": numbers}) + "\n" for step, numbers in entries
            )

    return folder, log


@pytest.fixture
def relay_of(run):
    """Give a function that makes the relay of a job; all are closed at the end."""
    made = []

    def make(steps, **options):
        made.append(Relay(steps, run[0], Sender(), **options))
        return made[-1]

    yield make
    for relay in made:
        relay.close()


def event(key, state, attempt=0):
    return StepEvent(1.0, f"step {key}", key, state, attempt)


def test_a_job_says_which_of_its_steps_runs(starter, clock, run, relay_of):
    """At most one line a second; what changed meanwhile comes with the next look."""
    relay = relay_of({**STEPS, "a": True})
    relay(event("b", "running"))
    relay(event("b", "done"))
    relay(event("c", "running"))
    relay.look()
    assert starter.said == [(1, {"way": "updates", "steps": "1e1r1w"})]
    clock[0] += 1.5
    relay.look()
    relay.look()
    assert starter.said[1:] == [(2, {"steps": "2e1r"})]
    relay.close()


def test_a_job_that_logs_nothing_connects_to_nothing(starter, clock, run, relay_of):
    """Its execute event says that it runs."""
    relay = relay_of({"a": False})
    relay(event("a", "running", 1))
    relay.look()
    relay(event("a", "done", 1))
    relay.close()
    assert starter.commands == []


def test_metrics_are_sent_while_a_step_runs(starter, clock, run, relay_of):
    """Of many values of a second the last; without steps they are numbered; what is left goes at the end."""
    _, log = run
    relay = relay_of({"a": False})
    log("a", 1, (0, {"loss": 1.0}))
    relay(event("a", "running", 1))
    relay.look()
    log("a", 1, (1, {"loss": 0.5}), (2, {"loss": 0.25, "rate": float("nan")}))
    relay.look()
    clock[0] += 1.1
    relay.look()
    log("a", 1, (None, {"plain": 7}), (None, {"plain": 8}))
    relay(event("a", "done", 1))
    relay.close()
    assert starter.said == [
        (1, {"way": "updates", "metrics": {"a": {"loss": [[0, 1.0]]}}}),
        (2, {"metrics": {"a": {"loss": [[2, 0.25]], "rate": [[2, None]]}}}),
        (3, {"metrics": {"a": {"plain": [[1, 8.0]]}}}),
    ]


def test_of_a_chosen_metric_every_value_is_sent(starter, clock, run, relay_of):
    """Those of one second share lines; far too many are thinned, and the last stays."""
    _, log = run
    relay = relay_of({"a": False}, whole="loss")
    log("a", 1, *[(step, {"loss": step / 3, "other": step}) for step in range(50)])
    relay(event("a", "running", 1))
    while len(starter.said) < 3:
        clock[0] += 10
        relay.look()
        log("a", 1, *[(50 + len(starter.said), {"loss": 1.0})])
    relay.close()
    points = [
        p
        for c in starter.commands
        if c[:4] == "ulog"
        for p in points_of(read_line(c[5:].replace("\\ ", " ")))
    ]
    assert [p.place for p in points if p.metric == "loss"][:50] == list(range(50))
    assert [p.value for p in points if p.metric == "other"] == [49.0]


def test_a_restarted_step_goes_on_counting(starter, clock, run, relay_of):
    """What its earlier attempt logged was sent by that; values without steps are numbered from there."""
    _, log = run
    log("a", 1, (None, {"loss": 3.0}), (None, {"loss": 2.0}))
    log("a", 2, (None, {"loss": 1.0}))
    relay = relay_of({"a": False})
    relay(event("a", "running", 2))
    relay.look()
    assert starter.said == [(1, {"way": "updates", "metrics": {"a": {"loss": [[2, 1.0]]}}})]


def test_a_pool_that_refuses_is_asked_once(starter, clock, run, relay_of):
    """No error reaches the steps."""
    starter.answers = [None, b"-8\n"]
    sender = Sender()
    relay = Relay(STEPS, run[0], sender)
    relay(event("a", "running"))
    clock[0] += 100
    relay(event("a", "done"))
    relay.close()
    assert len(starter.commands) == 2
    assert sender.way == OFF


def test_what_could_not_be_sent_is_sent_later(starter, clock, run, relay_of):
    """The starter hangs up in the middle: the message has the same number when it is sent again."""
    _, log = run
    relay = relay_of({"a": False})
    relay(event("a", "running", 1))
    log("a", 1, (0, {"loss": 1.0}))
    relay.look()
    starter.answers = [b""]
    clock[0] += 2
    log("a", 1, (1, {"loss": 0.5}))
    relay.look()
    relay.look()
    clock[0] += 3
    relay.look()
    assert [number for number, _ in starter.said] == [1, 2, 2]
    assert starter.commands.count("cookie secret") == 2


def test_a_message_comes_after_what_was_logged_before_it(starter, clock, run, relay_of):
    """It does not wait for its turn."""
    _, log = run
    relay = relay_of({"a": False}, name_of=lambda key: f"fit-1.{key}")
    relay(event("a", "running", 1))
    relay.say({"begin": {"call": "fit-1.a"}})
    log("a", 1, (0, {"loss": 1.0}))
    relay.say({"end": {"call": "fit-1.a"}})
    assert [set(content) - {"way"} for _, content in starter.said] == [
        {"begin"},
        {"metrics"},
        {"end"},
    ]
    assert "fit-1.a" in starter.said[1][1]["metrics"]


@pytest.mark.parametrize("settings", [None, "/nowhere/chirp.config"])
def test_a_pool_without_chirp_is_no_error(monkeypatch, run, settings):
    """The variable is not set, or its file is not there: a container hides it."""
    monkeypatch.delenv(CONFIG, raising=False)
    if settings:
        monkeypatch.setenv(CONFIG, settings)
    sender = Sender()
    Relay(STEPS, run[0], sender)(event("a", "running"))
    assert sender.way == OFF


def test_a_network_that_is_cut_off_is_no_error(tmp_path, monkeypatch, run):
    """The file is there, and connecting is refused."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    (tmp_path / "config").write_text(f"127.0.0.1 {port} secret\n")
    monkeypatch.setenv(CONFIG, str(tmp_path / "config"))
    sender = Sender()
    Relay(STEPS, run[0], sender)(event("a", "running"))
    assert sender.way == OFF


def test_the_client_asks_one_thing_at_a_time(starter):
    """A newline would begin another command; a missing file is none, any other refusal an error."""
    starter.files["a\\ b"] = b"two\nlines"
    with Starter() as client:
        for line in ("two\nlines", "nul\0", "caf\u00e9", "tab\t", "\x1b[0m"):
            with pytest.raises(ValueError, match="one line of ASCII"):
                client.say(line)
        with pytest.raises(ValueError, match="at most"):
            client.say("x" * 6000)
        assert client.fetch("a b") == b"two\nlines"
        assert client.fetch("c") is None
        starter.answers = [b"-8\n"]
        with pytest.raises(RefusedError):
            client.fetch("a b")
        assert client.fetch("a b") == b"two\nlines"
    assert starter.commands == [
        "cookie secret",
        *["getfile a\\ b", "getfile c"],
        *["getfile a\\ b"] * 2,
    ]


def test_a_start_after_a_checkpoint_is_a_later_one(tmp_path, monkeypatch):
    """Its ad is the one of the start before, as the same machine goes on; a start elsewhere is later than both."""
    ad = tmp_path / "ad"
    monkeypatch.setenv("_CONDOR_JOB_AD", str(ad))
    assert sending.start_of_job() == 0
    now = [1_800_000_000.0]
    monkeypatch.setattr(sending.time, "time", lambda: now[0])
    seen = []
    for shadow, second in ((1, 0), (1, 5), (2, -3000)):
        ad.write_text(f"ClusterId = 7\nNumShadowStarts = {shadow}\n")
        now[0] += second
        seen.append(sending.start_of_job())
        line = line_of(Message(seen[-1], 1, {"ask": "fit-2_lane1.0"}))
        assert read_line(line).start == seen[-1]
    assert seen == sorted(set(seen))
