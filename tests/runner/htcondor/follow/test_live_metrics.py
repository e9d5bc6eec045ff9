"""What running jobs say of their metrics, from the text of a job event log as HTCondor writes it."""

import json
import math

import pytest

from wingspan.runner.htcondor.dag_folder import DagFolder
from wingspan.runner.htcondor.follow.live_metrics import LiveMetrics
from wingspan.runner.written import as_metrics, joined

KEY = "0123456789abcdef" + "0" * 48
SAID = "008 ({job}) 2026-11-21 10:00:{at:02} {text}\n...\n"
BEGAN = "001 ({job}) 2026-11-21 10:00:{at:02} Job executing on host: <127.0.0.1:9618>\n...\n"


@pytest.fixture
def log(tmp_path):
    """Give the DAG of a log, with functions that let its job start, and say something."""

    class Log:
        dag = DagFolder(tmp_path)

        def add(self, text, job="007.000.000", at=1):
            content = text if isinstance(text, bytes) else text.encode()
            with self.dag.jobs_log.open("ab") as file:
                file.write(SAID.format(job=job, at=at, text="@").encode().replace(b"@", content))

        def begin(self, job="007.000.000", at=1):
            with self.dag.jobs_log.open("a") as file:
                file.write(BEGAN.format(job=job, at=at))

        def say(self, start, number, points, **given):
            metrics = {"metrics": {KEY[:16]: points}}
            self.add(f"ws1 {start} {number} {json.dumps(metrics)}", **given)

    return Log()


def test_what_a_job_says_is_seen_as_it_grows(log):
    """Before there is a log, there is nothing; each look reads on; what is half written waits."""
    live = LiveMetrics(log.dag)
    live.advance()
    assert live.of(KEY) == {}
    log.begin()
    log.say(1, 1, {"loss": [[0, 1.0]], "rate": [[0, None]]})
    live.advance()
    assert live.of(KEY)["loss"] == {0: 1.0}
    assert math.isnan(live.of(KEY)["rate"][0])
    whole = log.dag.jobs_log.read_bytes()
    log.say(1, 2, {"loss": [[1, 0.5], [2, 0.25]]})
    after = log.dag.jobs_log.read_bytes()
    log.dag.jobs_log.write_bytes(after[: len(whole) + 30])
    live.advance()
    assert live.of(KEY)["loss"] == {0: 1.0}
    log.dag.jobs_log.write_bytes(after)
    live.advance()
    assert live.of(KEY)["loss"] == {0: 1.0, 1: 0.5, 2: 0.25}


def test_the_last_start_of_a_job_wins(log):
    """It repeats steps; a message that is there twice counts once; the value that was logged last is the metric."""
    log.begin()
    log.say(1, 1, {"loss": [[0, 9.0], [1, 8.0]]})
    log.say(1, 1, {"loss": [[0, 5.0]]})
    log.begin(at=2)
    log.say(2, 1, {"loss": [[0, 7.0]]}, at=2)
    log.say(1, 2, {"loss": [[2, 6.0]]}, at=3)
    live = LiveMetrics(log.dag)
    live.advance()
    metric = as_metrics(live.of(KEY))["loss"]
    assert metric.curve == ((1, 8.0), (0, 7.0))
    assert metric == 7.0


def test_what_others_write_is_passed_over(log):
    """Text of the user's own chirp, also cut in the middle of a character."""
    log.begin()
    for text in (
        b"loss 0.3",
        b"ws1 2 2 {",
        "größe".encode()[:3],
        b"\xff\xfe",
        b"%s {} \x1b[0m",
        b"ws1 1 1 {\xc3",
    ):
        log.add(text)
    log.say(1, 1, {"loss": [[0, 1.0], ["x", 2.0], [1, "y"], [True, 3.0], [2]]})
    log.say(1, 2, {"loss": 3})
    live = LiveMetrics(log.dag)
    live.advance()
    assert live.of(KEY) == {"loss": {0: 1.0}}


def test_files_and_messages_of_a_step_are_one_curve():
    """The newer value stands where both have one, and comes last."""
    assert joined({"a": {0: 1.0, 1: 2.0}}, {"a": {0: 3.0}, "b": {}}) == {
        "a": {1: 2.0, 0: 3.0},
        "b": {},
    }
    assert list(joined({"a": {0: 1.0, 1: 2.0}}, {"a": {0: 3.0}})["a"]) == [1, 0]
