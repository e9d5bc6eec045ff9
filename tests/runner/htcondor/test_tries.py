"""In which lane, job and attempt each trial of a sweep ran: from the text of a DAG's logs as HTCondor writes it."""

import json

import pytest

from wingspan.runner.htcondor.dag_folder import DagFolder
from wingspan.runner.htcondor.follow.tries import attempts_of
from wingspan.runner.htcondor.messages import Message, line_of
from wingspan.runner.trials.lanes import lane_of, lanes_now
from wingspan.simulator import write

HOST = "<127.0.0.1:9618?addrs=127.0.0.1-9618&alias=vm>"
LANES = ("fit-1_lane1", "fit-1_lane2")


class Log:
    """The logs of a DAG with one sweep of two lanes, and a step that is none."""

    def __init__(self, root):
        self.root, self.dag, self.minute = root, DagFolder(root), 0
        (root / "results").mkdir(parents=True)
        (root / "logs").mkdir()
        (root / "nodes.json").write_text(json.dumps({"load-0": ["L"], "fit-1": ["S"]}))
        node = {"key": "S", "step": "fit", "lanes": LANES, "study": str(root / "study")}
        sweeps = {"fit-1": {**node, "home": str(root), "run": "run-1"}}
        (root / "sweeps.json").write_text(json.dumps(sweeps))

    def add(self, event, cluster, *given, **facts):
        """Write an event, a minute after the one before."""
        self.minute += 1
        when = f"2026-11-21 10:{self.minute:02}:00"
        with (self.root / "jobs.log").open("a") as log:
            log.write(event(f"{cluster:03}.000.000", when, *given, **facts))

    def submit(self, cluster, node):
        self.add(write.submitted, cluster, HOST, notes=[f'[ DAGNodeName = "{node}"; ]'])

    def start(self, cluster, host):
        self.add(write.executing, cluster, HOST, f"slot1_1@{host}")

    def begin(self, cluster, call, number, start=1, reserve=None, repeat=0):
        said = {"call": call, "number": number, "repeat": repeat, "reserve": reserve}
        message = Message(start, self.minute, {"begin": said})
        self.add(write.generic, cluster, line_of(message))

    def home(self, lane, **line):
        """Bring home the line of an ended trial."""
        with (self.root / "results" / f"{lane}.trials.jsonl").open("a") as file:
            file.write(
                json.dumps({"number": 0, "repeat": 0, "reserve": None, "attempts": 1, **line})
            )
            file.write("\n")

    def found(self, key):
        return [
            (one.node, one.job, one.host, one.outcome)
            for one in attempts_of([self.dag]).get(key, ())
        ]


@pytest.fixture
def log(tmp_path):
    return Log(tmp_path / "dag" / "1")


def test_a_trial_that_was_evicted_has_each_attempt_of_its_lane(log):
    """Its lane says again which trial it begins; the next trial of the job has the last attempt alone."""
    log.submit(7, LANES[0])
    log.start(7, "a")
    log.begin(7, "fit-1_lane1.0", 3)
    log.add(write.evicted, 7, reason="the machine went away")
    log.start(7, "b")
    log.begin(7, "fit-1_lane1.0", 3, start=2)
    log.begin(7, "fit-1_lane1.1", 5, start=2)
    first, second = (LANES[0], "7.0", "a", "evicted"), (LANES[0], "7.0", "b", "")
    assert log.found("S[3]") == [first, second]
    assert log.found("S[5]") == [second]
    assert log.found("S") == [first, second]
    assert [one.number for one in attempts_of([log.dag])["S[3]"]] == [1, 2]
    assert attempts_of([log.dag])["S[3]"][0].reason == "the machine went away"


def test_a_lane_goes_on_in_another_job(log):
    """Attempts are numbered through the jobs of a lane, lane by lane, and through the DAGs of a run."""
    for cluster, lane, call in ((7, 0, 0), (8, 1, 0), (9, 0, 1)):
        log.submit(cluster, LANES[lane])
        log.start(cluster, "a")
        log.begin(cluster, f"{LANES[lane]}.{call}", cluster)
        log.add(write.terminated, cluster, return_value=6)
    tried = attempts_of([log.dag, log.dag])["S"]
    numbers = [(one.job, one.number) for one in tried]
    assert numbers[:3] == [("7.0", 1), ("9.0", 2), ("8.0", 1)]
    assert numbers[3:] == [("7.0", 3), ("9.0", 4), ("8.0", 2)]
    assert log.found("S[9]") == [(LANES[0], "9.0", "a", "exit 6")]


def test_a_trial_that_its_lane_drew_has_the_number_that_the_study_gave_it(log):
    """Known by its place in the lane's reserve; without a study it is no trial yet."""
    log.submit(8, LANES[1])
    log.start(8, "a")
    log.begin(8, "fit-1_lane2.0", None, reserve=2)
    assert set(attempts_of([log.dag])) == {"S"}
    (log.root / "study").mkdir()
    draws = [
        {"event": "study", "format": 1, "spec": {}},
        {"event": "draw", "number": 0, "parameters": {}},
        {"event": "draw", "number": 1, "parameters": {}, "origin": "fit-1_lane2 2"},
    ]
    (log.root / "study" / "journal.jsonl").write_text("".join(f"{json.dumps(d)}\n" for d in draws))
    assert log.found("S[1]") == [(LANES[1], "8.0", "a", "")]


def test_repeats_are_calls_of_their_own(log):
    """As their results are."""
    log.submit(7, LANES[0])
    log.start(7, "a")
    log.begin(7, "fit-1_lane1.0", 3)
    log.begin(7, "fit-1_lane1.1", 3, repeat=2)
    assert [key for key in attempts_of([log.dag]) if key != "S"] == ["S[3]", "S[3.2]"]


def test_where_chirp_is_closed_lines_and_standard_error_say_it(log):
    """Ended trials by job and start, the one under way by the last attempt."""
    log.submit(7, LANES[0])
    log.start(7, "a")
    log.add(write.evicted, 7)
    log.start(7, "b")
    log.home(LANES[0], call="fit-1_lane1.0", number=4, cluster=7, start=2, attempts=2)
    log.home(LANES[0], call="fit-1_lane1.1", number=6, cluster=7, start=2)
    log.home(LANES[0], call="fit-1_lane1.2", number=7)  # of an older version
    said = {"call": "fit-1_lane1.3", "number": 8, "repeat": 0, "reserve": 1}
    log.dag.errors(LANES[0]).write_text(f"{line_of(Message(1, 1, {'begin': said}))}\n")
    first, second = (LANES[0], "7.0", "a", "evicted"), (LANES[0], "7.0", "b", "")
    assert log.found("S[4]") == [first, second]
    assert log.found("S[6]") == log.found("S[8]") == [second]
    assert log.found("S[7]") == []


def test_what_the_lanes_do_now(log):
    """The trial that runs, and which of its attempts this is; a lane between two trials, and one that waits."""
    log.submit(7, LANES[0])
    log.start(7, "a")
    log.begin(7, "fit-1_lane1.0", 3)
    log.add(write.evicted, 7)
    log.start(7, "b")
    log.begin(7, "fit-1_lane1.0", 3, start=2)
    log.submit(8, LANES[1])
    attempts = {key.replace("S", "fit"): tried for key, tried in attempts_of([log.dag]).items()}
    now = lanes_now("fit", attempts, {"fit[3]"})
    assert [(lane_of(one.attempt), one.trial, one.tries) for one in now] == [
        ("lane 1", "fit[3]", 2),
        ("lane 2", "", 0),
    ]
    assert [one.trial for one in lanes_now("fit", attempts, ())] == ["", ""]
    log.add(write.terminated, 7)
    attempts = {key.replace("S", "fit"): tried for key, tried in attempts_of([log.dag]).items()}
    assert [one.attempt.job for one in lanes_now("fit", attempts, ())] == ["8.0"]


def test_messages_of_other_kinds_are_passed_over(log):
    """What no lane has said names no trial."""
    log.submit(7, LANES[0])
    log.start(7, "a")
    for text in ('ws1 1 1 {"begin": 3}', 'ws1 1 2 {"begin": {"call": 3}}', "ws1 begin", "..."):
        log.add(write.generic, 7, text)
    assert set(attempts_of([log.dag])) == {"S"}
