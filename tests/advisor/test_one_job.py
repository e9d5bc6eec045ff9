"""One job explained from its log alone: history, cost, why it waits, what to do."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from wingspan.advisor.answers.one_job import explain_jobs
from wingspan.cli.main import app
from wingspan.errors import NotFoundError
from wingspan.eventlog.job_state import State
from wingspan.eventlog.read import read_events

MEMORY = (34, "Error from slot1@host1: Job has gone over memory limit of 64 megabytes", 0)
CODES = (1, 4, 5, 6, 7, 9, 12, 13, 22, 33, 40, 46)


@pytest.fixture
def explain(tmp_path, event):
    """Explain a job of a log of events (second, cluster, code, details..)."""

    def read(rows, wanted="1.0"):
        text = rows if isinstance(rows, str) else "".join(event(*row) for row in rows)
        (tmp_path / "log").write_text(text)
        return explain_jobs(read_events([tmp_path / "log"], timezone="UTC"), wanted)

    return read


def one(reports):
    (report,) = reports
    return report


SUBMIT, START = (0, 1, 0), (60, 1, 1)


@pytest.mark.parametrize(
    ("rows", "state", "waits", "step"),
    [
        (
            [SUBMIT],
            State.IDLE,
            "no machine has started it since its submission",
            "wingspan why 1.0",
        ),
        ([SUBMIT, START], State.RUNNING, "it runs on host1", None),
        ([SUBMIT, START, (90, 1, 22)], State.RUNNING, "tries to reconnect to host1", None),
        ([SUBMIT, (30, 1, 40)], State.IDLE, "it receives its input on", "wingspan why 1.0"),
        ([SUBMIT, START, (90, 1, 4)], State.IDLE, "host1 evicted it", "wingspan why 1.0"),
        (
            [SUBMIT, START, (90, 1, 7)],
            State.IDLE,
            "its shadow failed while it ran on host1 (lost)",
            "why 1.0",
        ),
        ([SUBMIT, START, (90, 1, 5)], State.COMPLETED, "it ended well", None),
        ([SUBMIT, START, (90, 1, 5, 3)], State.COMPLETED, "ended with exit 3", "standard error"),
        ([SUBMIT, START, (90, 1, 5, 137)], State.COMPLETED, "exit 137: it was killed", "standard"),
        ([SUBMIT, START, (90, 1, 9)], State.REMOVED, "via condor_rm (by user ada)", "submit it"),
        ([SUBMIT, START, (90, 1, 12, *MEMORY)], State.HELD, "more memory than it", "condor_qedit"),
        (
            [SUBMIT, START, (90, 1, 12, *MEMORY), (99, 1, 13)],
            State.IDLE,
            "released from its hold",
            "why",
        ),
    ],
    ids=lambda value: value.replace(" ", "_") if isinstance(value, str) else "",
)
def test_every_state_has_a_reason_and_a_next_step(explain, rows, state, waits, step):
    """Idle, running, disconnected, evicted, lost, ended well and badly, removed, held, released."""
    report = one(explain(rows))
    assert report.state == state
    assert waits in report.waits
    assert (report.steps == ()) == (step is None), report.steps
    assert step is None or step in report.steps[0]


def test_what_it_cost(explain):
    """Slot time by how attempts ended; waiting in the queue and on hold; disconnects."""
    report = one(
        explain(
            [
                (0, 1, 0),
                (100, 1, 1, "a"),
                (1100, 1, 4),
                (1200, 1, 1, "b"),
                (1300, 1, 22),
                (1360, 1, 7),
                (1400, 1, 1, "c"),
                (1500, 1, 12),
                (3500, 1, 13),
                (3600, 1, 1, "d"),
                (3700, 1, 5),
            ]
        )
    )
    costs = {cost.what: (cost.times, cost.slot_s) for cost in report.costs}
    assert costs == {
        "evicted": (1, 1000),
        "shadow exception": (1, 160),
        "held": (1, 100),
        "ended well": (1, 100),
    }
    assert (report.slot_s, report.held_s) == (1360, 2000)
    assert report.queued_s == 100 + 100 + 40 + 100
    assert (report.disconnects, report.disconnected_s) == (1, 60)
    assert [one.host for one in report.attempts] == ["a", "b", "c", "d"]


def test_a_hold_right_after_an_eviction_is_one_end(explain):
    """HTCondor evicts a job to hold it, and may write the two a second apart."""
    report = one(explain([SUBMIT, START, (90, 1, 4), (91, 1, 12), (191, 1, 13)]))
    assert [attempt.outcome for attempt in report.attempts] == ["held", ""]
    assert [(cost.what, cost.slot_s) for cost in report.costs] == [("held", 30)]


def test_a_hold_that_lasts_counts_up_to_the_logs_end(explain):
    """Another job's later event is the log's end."""
    report = one(explain([SUBMIT, START, (90, 1, 12), (1090, 2, 0)]))
    assert (report.held_s, report.log_ends_at - report.since) == (1000, 1000)


def test_a_cluster_is_all_its_jobs(explain, event):
    """Without a proc; mates that started are counted for an idle one."""
    text = event(0, 1, 0) + event(0, 1, 0, proc=1) + event(5, 1, 1, proc=1) + event(9, 2, 0)
    reports = explain(text, "1")
    assert [report.job for report in reports] == ["1.0", "1.1"]
    assert "1 of 1 other job of its cluster started" in reports[0].waits


def test_a_node_is_all_its_submissions(explain, event):
    """DAGMan submits a node again: two clusters, in order."""
    note = "\n    DAG Node: fit"
    text = "".join(
        event(cluster, cluster, 0).replace("\n...", f"{note}\n...") for cluster in (1, 2)
    )
    text += event(9, 3, 0).replace("\n...", "\n    DAG Node: other\n...")
    reports = explain(text, "fit")
    assert [(report.job, report.node) for report in reports] == [("1.0", "fit"), ("2.0", "fit")]
    with pytest.raises(NotFoundError, match="did you mean fit"):
        explain(text, "fitt")


@pytest.mark.parametrize("wanted", ["7.0", "1.5", "9", "nobody"])
def test_a_job_that_is_not_there_says_what_is(explain, wanted):
    """The jobs of the log, so that a wrong number is seen at once."""
    with pytest.raises(NotFoundError, match=r"these logs have 1 job: 1\.0"):
        explain([SUBMIT], wanted)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 500), st.sampled_from(CODES)), max_size=12))
def test_any_order_of_events_is_explained(tmp_path_factory, event, rows):
    """No sum is negative, every job has a reason, and the state is that of the log's end."""
    log = tmp_path_factory.mktemp("any") / "log"
    at = 0
    text = event(0, 1, 0)
    for after, code in rows:
        at += after
        text += event(at, 1, code)
    log.write_text(text)
    report = one(explain_jobs(read_events([log], timezone="UTC"), "1.0"))
    assert report.waits
    assert min(report.queued_s, report.held_s, report.slot_s, report.disconnected_s) >= 0
    spent = report.queued_s + report.held_s + report.slot_s
    assert spent <= report.log_ends_at - report.submitted_at + 1e-6


@pytest.mark.parametrize(
    ("rows", "state", "waits", "attempts"),
    [
        ([START, (90, 1, 5)], State.COMPLETED, "it ended well", ["exit 0"]),
        ([(90, 1, 12, *MEMORY)], State.HELD, "more memory than it", ["held"]),
        ([(90, 1, 13)], State.IDLE, "released from its hold", ["held", ""]),
        ([(90, 1, 6)], State.UNKNOWN, "it runs on", [""]),
        ([(90, 1, 5, 3)], State.COMPLETED, "ended with exit 3", ["exit 3"]),
        ([(90, 1, 4), (95, 1, 1)], State.RUNNING, "it runs on host1", ["evicted", ""]),
        ([SUBMIT, (90, 1, 46)], State.COMPLETED, "skipped it", ["skipped"]),
    ],
)
def test_a_log_that_begins_later(explain, rows, state, waits, attempts):
    """What is there is explained, without an invented submission."""
    report = one(explain(rows))
    assert (report.state, [each.outcome for each in report.attempts]) == (state, attempts)
    assert waits in report.waits
    assert (report.submitted_at == report.submitted_at) == (rows[0] == SUBMIT)


def test_waiting_is_no_attempt(explain, tmp_path):
    """A job that never started took no slot in no attempt."""
    explain([SUBMIT])
    shown = CliRunner().invoke(app, ["holds", "explain", "1.0", str(tmp_path / "log")])
    assert "slot time 0 s in 0 attempts" in shown.output
    assert ": waiting" in shown.output


STAMP = "2025-11-04 10:{:02}:00Z"


def told(number, text):
    """The text of a job that was submitted, ran and then had an event."""
    bodies = (
        (0, 0, "Job submitted from host: <10.0.0.1:9618?alias=ap>"),
        (1, 5, "Job executing on host: <10.0.0.2:9618>\n\tSlotName: slot1@host1"),
        (number, 10, text),
    )
    return "".join(
        f"{code:03} (001.000.000) {STAMP.format(minute)} {body}\n...\n"
        for code, minute, body in bodies
    )


KINDS = [
    (2, "(0) Job file not executable.", State.IDLE, "host1 could not execute its program"),
    (3, "Job was checkpointed.\n\tx", State.RUNNING, "it runs on host1"),
    (7, "Shadow exception!\n\twords\n\t0  -  Run", State.IDLE, "its shadow failed while it ran on"),
    (
        10,
        "Job was suspended.\n\tNumber of processes actually suspended: 1",
        State.SUSPENDED,
        "is sus",
    ),
    (13, "Job was released.\n\tvia x", State.IDLE, "it was released from its hold"),
    (
        18,
        "Globus job submission failed!\n    Reason: 7 x",
        State.RUNNING,
        "submission to Globus failed",
    ),
    (20, "Detected Down Globus Resource\n    RM-Contact: x", State.RUNNING, "Globus is down"),
    (
        24,
        "Job reconnection failed\n    words\n    Can not reconnect to slot1@host1, rescheduling job",
        State.IDLE,
        "connection to host1 was lost",
    ),
    (25, "Grid Resource Back Up\n    GridResource: batch a", State.RUNNING, "batch a is up again"),
    (
        26,
        "Detected Down Grid Resource\n    GridResource: batch a",
        State.RUNNING,
        "batch a is down",
    ),
    (29, "The job's remote status is unknown", State.RUNNING, "at the grid resource is unknown"),
    (30, "The job's remote status is known again", State.RUNNING, "is known again"),
    (32, "Job is performing stage-out of output files", State.RUNNING, "are being fetched from"),
    (46, "Dataflow job was skipped.", State.COMPLETED, "HTCondor skipped it"),
    (57, "Words of a later version.", State.RUNNING, "it runs on host1"),
]


@pytest.mark.parametrize(("number", "text", "state", "waits"), KINDS)
def test_each_kind_of_event_is_reported_as_what_it_is(explain, number, text, state, waits):
    """Also obsolete ones, those of the grid universe, and numbers of later versions."""
    report = one(explain(told(number, text)))
    assert report.state == state
    assert waits in report.waits
    lost = [cost.what for cost in report.costs if cost.what == "connection lost"]
    assert lost == ["connection lost"] * (number == 24)


def test_a_grid_job_that_waits(explain):
    """The pool's slots do not matter to it."""
    text = told(27, "Job submitted to grid resource\n    GridResource: batch a\n    GridJobId: b")
    first, _, last = text.split("...\n", 2)
    report = one(explain(f"{first}...\n{last}"))
    assert report.waits == "it was submitted to batch a, and it has not started there"
    assert report.steps[0].startswith("condor_q -grid 1.0")
