"""What steps come to, from what happened to their jobs: a table, without a pool, a file or a clock."""

import time

import pytest

from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.job_state import CHANGE_OF, Change
from wingspan.planning.plan import Plan, PlannedStep
from wingspan.runner.events import StepEvent
from wingspan.runner.htcondor.follow.conclusion import conclude
from wingspan.runner.htcondor.follow.dag_logs import DAGMAN, DagmanSays, NodeChange
from wingspan.runner.htcondor.follow.state import Following, Left, advance, members_of

T0 = time.mktime((2026, 11, 21, 10, 0, 0, 0, 0, -1))
SILENT = DagmanSays("", {})


def step(name, key, *needs, done=False):
    empty = {name: {} for name in ("inputs", "action", "arguments", "resources", "components")}
    lists = dict.fromkeys(("outputs", "files", "preload", "modules"), ())
    return PlannedStep(
        name=name, key=key, done=done, reason="", needs=needs, retries=0, **empty, **lists
    )


PLAN = Plan("p", (step("load", "K1"), step("fit", "K2", "K1"), step("score", "K3", "K2")), ())
MEMBERS = members_of(PLAN, {"load": ["K1"], "fit": ["K2"], "score": ["K3"]})


def change(event, at=0, node="load", **facts):
    return NodeChange(node, CHANGE_OF[event], T0 + at, event, "7.0", **facts)


def result(key, state, **facts):
    return {key: StepEvent(0.0, "of another name", key, state, **facts)}


BY_HAND = "via condor_rm (by user alice)"
REMOVED = "DAG Removed: User removed scheduler job from queue."
POLICY = "The job attribute PeriodicRemove expression '...' evaluated to TRUE"
LACKS = "used 300 MB of memory, it asked for 200 MB"
TABLE = {
    "submitted": ([(Event.SUBMIT,)], {}, []),
    "begun": ([(Event.SUBMIT,), (Event.EXECUTE, 5)], {}, [("running", "")]),
    "ended well": (
        [(Event.EXECUTE,), (Event.JOB_TERMINATED, 9, {"exit": "exit 0"})],
        {"results": result("K1", "done", wall_s=3.0)},
        [("running", ""), ("done", "")],
    ),
    "failed": (
        [(Event.JOB_TERMINATED, 9, {"exit": "exit 1"})],
        {"results": result("K1", "failed", problem="ValueError: no")},
        [("failed", "ValueError: no")],
    ),
    "sent nothing": (
        [(Event.JOB_TERMINATED, 9, {"exit": "exit 3"})],
        {},
        [("failed", "its job ended with exit 3 and sent no result")],
    ),
    "ended by a signal": (
        [(Event.JOB_TERMINATED, 9, {"exit": "signal 9"})],
        {},
        [("failed", "its job ended with signal 9 and sent no result")],
    ),
    "evicted": (
        [(Event.EXECUTE,), (Event.JOB_EVICTED, 9, {"code": 1022, "reason": "Job vacated"})],
        {},
        [("running", ""), ("waiting", "was evicted, and waits to go on: Job vacated")],
    ),
    "evicted, and runs again": (
        [(Event.EXECUTE,), (Event.JOB_EVICTED, 9), (Event.EXECUTE, 20)],
        {},
        [("running", ""), ("waiting", "was evicted, and waits to go on"), ("running", "")],
    ),
    "shadow exception": (
        [(Event.EXECUTE,), (Event.SHADOW_EXCEPTION, 9, {"reason": "Error from slot1@a"})],
        {},
        [
            ("running", ""),
            (
                "waiting",
                "lost its machine (shadow exception), and waits to go on: Error from slot1@a",
            ),
        ],
    ),
    "requeued for its memory": (
        [(Event.EXECUTE,), (Event.JOB_EVICTED, 9, {"exit": "exit 4"})],
        {"results": result("K1", "failed", problem=LACKS, cause="memory")},
        [("running", ""), ("waiting", f"{LACKS}; waits for more memory")],
    ),
    "requeued after a checkpoint": (
        [(Event.EXECUTE,), (Event.JOB_EVICTED, 9, {"exit": "exit 85"})],
        {},
        [("running", ""), ("waiting", "ended with exit 85, and waits to go on")],
    ),
    "held, then released": (
        [
            (Event.EXECUTE,),
            (Event.JOB_EVICTED, 9, {"code": 13, "subcode": 28, "reason": "no space"}),
            (Event.JOB_HELD, 9, {"code": 13, "subcode": 28, "reason": "no space"}),
            (Event.JOB_RELEASED, 70),
            (Event.EXECUTE, 80),
        ],
        {},
        [("running", ""), ("held", "no space"), ("waiting", ""), ("running", "")],
    ),
    "held, then removed by policy": (
        [
            (Event.JOB_HELD, 9, {"code": 13, "subcode": 28, "reason": "no space"}),
            (Event.JOB_ABORTED, 99, {"reason": POLICY}),
        ],
        {},
        [("held", "no space"), ("failed", "was held: no space")],
    ),
    "lost again and again, then removed by policy": (
        [
            (Event.JOB_EVICTED, 9, {"code": 1024, "reason": "Failed to create scratch dir"}),
            (Event.JOB_ABORTED, 99, {"reason": POLICY}),
        ],
        {},
        [
            ("waiting", "was evicted, and waits to go on: Failed to create scratch dir"),
            (
                "failed",
                "its job was started several times and lost each time: Failed to create scratch dir",
            ),
        ],
    ),
    "removed by hand while it runs": (
        [
            (Event.EXECUTE,),
            (Event.JOB_EVICTED, 9, {"code": 1009, "reason": "Claim deactivated"}),
            (Event.JOB_ABORTED, 10, {"reason": BY_HAND}),
        ],
        {},
        [
            ("running", ""),
            ("failed", "its job was removed by the user: condor_rm (by user alice)"),
        ],
    ),
    "removed by hand, with a reason": (
        [(Event.JOB_ABORTED, 10, {"reason": "not wanted (by user alice)"})],
        {},
        [("failed", "its job was removed by the user: not wanted (by user alice)")],
    ),
    "held by hand while it runs": (
        [
            (Event.EXECUTE,),
            (Event.JOB_EVICTED, 9, {"code": 1009, "reason": "Claim deactivated"}),
            (Event.JOB_HELD, 9, {"code": 1, "reason": "via condor_hold (by user alice)"}),
        ],
        {},
        [("running", ""), ("held", "held by the user: condor_hold (by user alice)")],
    ),
    "held by hand, with a reason": (
        [(Event.JOB_HELD, 9, {"code": 1, "reason": "I want to look at it"})],
        {},
        [("held", "held by the user: I want to look at it")],
    ),
    "held by hand, then removed by policy": (
        [(Event.JOB_HELD, 9, {"code": 1}), (Event.JOB_ABORTED, 99, {"reason": POLICY})],
        {},
        [("held", "held by the user"), ("failed", "was held by the user")],
    ),
    "removed with the workflow": (
        [
            (Event.EXECUTE,),
            (Event.JOB_EVICTED, 9, {"code": 1023, "reason": REMOVED}),
            (Event.JOB_ABORTED, 9, {"reason": REMOVED}),
        ],
        {},
        [("running", ""), ("stopped", "the workflow was removed")],
    ),
    "disconnected": (
        [
            (Event.EXECUTE,),
            (Event.JOB_DISCONNECTED, 600, {"host": "slot1@a", "reason": "Socket closed"}),
        ],
        {"lease_s": 2400.0},
        [
            ("running", ""),
            (
                "disconnected",
                "disconnected since 10:10, may come back until 10:50: slot1@a: Socket closed",
            ),
        ],
    ),
    "disconnected, for how long is not known": (
        [(Event.EXECUTE,), (Event.JOB_DISCONNECTED, 600, {"reason": "Socket closed"})],
        {},
        [("running", ""), ("disconnected", "disconnected since 10:10: Socket closed")],
    ),
    "reconnected": (
        [
            (Event.EXECUTE,),
            (Event.JOB_DISCONNECTED, 9, {"reason": "x"}),
            (Event.JOB_RECONNECTED, 20),
        ],
        {},
        [("running", ""), ("disconnected", "disconnected since 10:00: x"), ("running", "")],
    ),
    "reconnection failed": (
        [
            (Event.EXECUTE,),
            (Event.JOB_DISCONNECTED, 9, {"reason": "x"}),
            (Event.JOB_RECONNECT_FAILED, 20, {"reason": "Job not found"}),
            (Event.JOB_EVICTED, 20, {"code": 1008, "reason": "Job not found"}),
        ],
        {},
        [
            ("running", ""),
            ("disconnected", "disconnected since 10:00: x"),
            ("waiting", "its machine did not come back, and waits to go on: Job not found"),
        ],
    ),
    "what comes late from another log says nothing": (
        [
            (Event.EXECUTE,),
            (Event.JOB_TERMINATED, 9),
            (Event.JOB_DISCONNECTED, 8),
            (Event.JOB_RECONNECTED, 9),
        ],
        {"results": result("K1", "done")},
        [("running", ""), ("done", "")],
    ),
    "suspended and continued": (
        [(Event.EXECUTE,), (Event.JOB_SUSPENDED, 60), (Event.JOB_UNSUSPENDED, 90)],
        {},
        [("running", ""), ("running", "suspended by its machine since 10:01"), ("running", "")],
    ),
}


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("at_once", [True, False])
def test_what_a_step_comes_to(name, at_once):
    """State and problem after each event, whether they are read together or one by one."""
    events, left, expected = TABLE[name]
    changes = [
        change(code, *rest[:1], **(rest[1] if len(rest) > 1 else {})) for code, *rest in events
    ]
    now, told = Following(), []
    for batch in [changes] if at_once else [[each] for each in changes]:
        now, found = advance(now, batch, MEMBERS, {"load": Left(**left)})
        told += found
    assert [(event.state, event.problem) for event in told] == expected
    assert all((event.step, event.key) == ("load", "K1") for event in told)
    assert now.steps == ({"load": told[-1]} if told else {})


def test_the_advice_for_a_held_job_names_it_and_that_for_a_removed_one_does_not():
    """What is held can be released; what is gone cannot."""
    held = change(Event.JOB_HELD, code=13, subcode=28, reason="No space left on device")
    now, (event,) = advance(Following(), [held], MEMBERS, {})
    assert "condor_release 7.0" in event.fix
    gone = change(Event.JOB_ABORTED, 60, reason=POLICY)
    _, (event,) = advance(now, [gone], MEMBERS, {})
    assert "condor_" not in event.fix
    assert "run the command again" in event.fix


def test_a_job_removed_for_its_memory_is_told_what_to_ask_for():
    """The pool's largest slot, or four times the request that HTCondor had come to."""
    part = {"steps": [{"resources": {"memory": 1000}}], "most": {"memory": 2000}}
    over = change(Event.JOB_HELD, code=34, subcode=102, reason="memory usage exceeded")
    gone = change(Event.JOB_ABORTED, 60, reason=POLICY)
    _, told = advance(Following(), [over, gone], MEMBERS, {"load": Left(part=part)})
    assert told[-1].problem == "was held: memory usage exceeded"
    assert "has more memory than 2,000 MB" in told[-1].fix


def test_the_steps_of_a_job_that_sent_only_some_results():
    """One failed: what needs it is skipped, also two steps further; what does not need it has no result."""
    steps = (*PLAN.steps, step("other", "K4"))
    members = members_of(Plan("p", steps, ()), {"node": ["K1", "K2", "K3", "K4"]})
    left = {"node": Left(results=result("K1", "failed", problem="no"))}
    ended = change(Event.JOB_TERMINATED, 5, "node", exit="exit 1")
    _, told = advance(Following(), [ended], members, left)
    assert [(event.step, event.state, event.problem) for event in told] == [
        ("load", "failed", "no"),
        ("fit", "skipped", "needs load, which failed"),
        ("score", "skipped", "needs load, which failed"),
        ("other", "failed", "its job ended with exit 1 and sent no result"),
    ]


def test_steps_that_are_the_same_call_share_what_happens():
    """Each under its own name."""
    plan = Plan("p", (step("a", "K1"), step("b", "K1")), ())
    now, told = advance(
        Following(), [change(Event.EXECUTE)], members_of(plan, {"load": ["K1"]}), {}
    )
    assert [(event.step, event.state) for event in told] == [("a", "running"), ("b", "running")]
    assert now.steps.keys() == {"a", "b"}


def test_what_is_done_stays_done():
    """A job that is removed when its result is there already changes nothing."""
    done = {"load": StepEvent(T0, "load", "K1", "done")}
    now, told = advance(Following(done), [change(Event.JOB_ABORTED, reason="x")], MEMBERS, {})
    assert (told, now.steps) == ([], done)


def dagman(event, at=0, **facts):
    return change(event, at, DAGMAN, **facts)


def test_dagman_comes_and_goes():
    """Over when its job has left the queue; not over when it is submitted by hand again."""
    now, _ = advance(Following(), [dagman(Event.SUBMIT), dagman(Event.EXECUTE, 1)], MEMBERS, {})
    assert (now.begun, now.over) == (T0, False)
    now, _ = advance(now, [dagman(Event.JOB_ABORTED, 9)], MEMBERS, {})
    assert (now.ended, now.over) == (T0 + 9, True)
    now, _ = advance(now, [dagman(Event.SUBMIT, 20), dagman(Event.EXECUTE, 21)], MEMBERS, {})
    assert (now.begun, now.over) == (T0 + 20, False)


def ended(now=None, **facts):
    return Following(**(now or {}), begun=T0, ended=T0 + 100, **facts)


def states(events):
    return [(event.step, event.state, event.problem) for event in events]


def test_the_end_of_a_removed_workflow():
    """What had not ended is stopped; a second look says the same, at the same time."""
    running = {"load": StepEvent(T0, "load", "K1", "running")}
    now, told = conclude(ended({"steps": running}), PLAN, MEMBERS, {}, SILENT)
    why = "the workflow was removed"
    assert states(told) == [
        ("load", "stopped", why),
        ("fit", "stopped", why),
        ("score", "stopped", why),
    ]
    assert {event.time for event in told} == {T0 + 100}
    assert conclude(now, PLAN, MEMBERS, {}, SILENT) == (now, [])


def test_the_end_after_a_failure():
    """What needs the failed step is skipped, with its name."""
    failed = {"load": StepEvent(T0, "load", "K1", "failed", problem="no")}
    _, told = conclude(ended({"steps": failed}), PLAN, MEMBERS, {}, SILENT)
    assert states(told) == [
        ("fit", "skipped", "needs load, which failed"),
        ("score", "skipped", "needs load, which failed"),
    ]


@pytest.mark.parametrize(("removed", "cause"), [(False, "left"), (True, "")])
def test_what_did_not_need_the_failed_step_is_left_for_another_dag(removed, cause):
    """A node fails as a whole, and so do those that wait for it; not so where a person has removed the workflow."""
    plan = Plan("p", (step("a", "K1"), step("b", "K2"), step("c", "K3", "K1")), ())
    steps = {"b": StepEvent(T0, "b", "K2", "failed", problem="no")} | {
        "a": StepEvent(T0, "a", "K1", "done")
    }
    now = ended({"steps": steps, "removed": removed})
    _, told = conclude(now, plan, {}, {}, DagmanSays("a job failed", {}))
    assert [(event.step, event.state, event.cause) for event in told] == [("c", "stopped", cause)]


@pytest.mark.parametrize(
    ("code", "state", "cause"), [("exit 0", "waiting", ""), ("exit 1", "stopped", "left")]
)
def test_a_step_that_its_job_gave_back(code, state, cause):
    """Another node runs it; where another step of the job failed, another DAG does."""
    known = {"fit": Left(results=result("K1", "done"), given_back=frozenset({"K2"}))}
    members = members_of(PLAN, {"fit": ["K1", "K2"]})
    ending = change(Event.JOB_TERMINATED, 9, "fit", exit=code)
    _, told = advance(Following(), [ending], members, known)
    assert [event.state for event in told] == ["done", state]
    assert told[1].cause == cause
    assert told[1].problem.startswith("given back")


def test_results_whose_events_were_lost_count():
    """The log could not be written: what lies in the folder of results is taken, and what the store has."""
    results = result("K1", "done", wall_s=2.0) | result("K2", "failed", problem="no")
    _, told = conclude(ended(), PLAN, MEMBERS, results, SILENT)
    assert states(told) == [
        ("load", "done", ""),
        ("fit", "failed", "no"),
        ("score", "skipped", "needs fit, which failed"),
    ]


def test_dagman_whose_credentials_have_expired():
    """The fix of refused jobs, and of what never came to be submitted, is to get new ones."""
    refused = DagmanSays("", {"load": "AUTHENTICATE:1003:Failed to authenticate with any method"})
    lost = DagmanSays("SECMAN:2007:Failed to end classad message.", {})
    for says in (refused, lost):
        _, told = conclude(ended(), PLAN, MEMBERS, {}, says)
        assert all("condor_token_fetch" in event.fix for event in told if event.state != "skipped")
        assert told


def test_a_job_that_the_access_point_refused():
    """The reason and what to correct; the others are skipped."""
    says = DagmanSays("", {"load": "bad expression"})
    _, told = conclude(ended(), PLAN, MEMBERS, {}, says)
    assert states(told)[0] == (
        "load",
        "failed",
        "the access point refused its job: bad expression",
    )
    assert "ws.Resources(submit=...)" in told[0].fix
    assert [event.state for event in told[1:]] == ["skipped", "skipped"]


@pytest.mark.parametrize(
    ("says", "held", "problem"),
    [
        ("Line 23: bad", "", "Line 23: bad"),
        ("", "no space", "no space"),
        ("", "", "the workflow was removed"),
    ],
)
def test_why_dagman_ended(says, held, problem):
    """Its own last error, else why its job was held."""
    _, told = conclude(ended(held=held), PLAN, MEMBERS, {}, DagmanSays(says, {}))
    assert {event.problem for event in told} == {problem}


@pytest.mark.parametrize(
    ("code", "problem"), [(1, "the workflow was removed"), (6, "no such folder")]
)
def test_a_hold_by_the_user_is_not_why_dagman_ended(code, problem):
    """One by HTCondor is; while it lasts, either is said."""
    happened = [
        NodeChange(DAGMAN, Change.SUBMITTED, T0),
        NodeChange(DAGMAN, Change.HELD, T0 + 1, reason="no such folder", code=code),
    ]
    now, _ = advance(Following(), happened, MEMBERS, {})
    assert now.stuck.endswith(": no such folder")
    now, _ = advance(now, [NodeChange(DAGMAN, Change.REMOVED, T0 + 2, 9)], MEMBERS, {})
    assert not now.stuck
    _, said = conclude(now, PLAN, MEMBERS, {}, SILENT)
    assert {event.problem for event in said} == {problem}


def test_a_step_that_read_another_result_is_not_brought_in_again():
    """It is stopped for that reason and runs again with the next DAG."""
    stale = {"load": StepEvent(T0, "load", "K1", "stopped", cause="stale")}
    results = result("K1", "done")
    _, told = conclude(ended({"steps": stale}), PLAN, MEMBERS, results, SILENT)
    assert "load" not in {event.step for event in told}


def test_steps_that_were_done_before_say_nothing():
    """They have no job."""
    plan = Plan("p", (step("load", "K1", done=True),), ())
    assert conclude(ended(), plan, {}, {}, SILENT)[1] == []


STEPS_OF_A_JOB = [  # what the job says -> state and words of each of its three steps
    ("", [("running", "in a job with 2 others"), ("waiting", "which is running"), ("waiting", "which is running")]),
    ("ws1 1 1 {\"steps\":\"1r2w\"}", [("running", "with 2 others"), ("waiting", "which is running"), ("waiting", "which is running")]),
    ("ws1 1 1 {\"steps\":\"1e1r1w\"}", [("waiting", "has ended"), ("running", "with 2 others"), ("waiting", "which is running")]),
    ("ws1 1 1 {\"steps\":\"2e1r\"}", [("waiting", "has ended"), ("waiting", "has ended"), ("running", "with 2 others")]),
    ("ws1 1 1 {\"steps\":\"9e\"}", [("running", "with 2 others"), ("waiting", "which is running"), ("waiting", "which is running")]),
    ("loss 0.3", [("running", "with 2 others"), ("waiting", "which is running"), ("waiting", "which is running")]),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), STEPS_OF_A_JOB)
def test_of_several_steps_in_a_job_the_one_that_runs_is_running(line, expected):
    """As the job says by a line in its log; until then the first is, and the others wait."""
    members = members_of(PLAN, {"node": ["K1", "K2", "K3"]})
    changes = [change(Event.EXECUTE, 0, "node")]
    changes += [change(Event.GENERIC, 5, "node", reason=line)] if line else []
    now, _ = advance(Following(), changes, members, {})
    for (state, words), event in zip(expected, now.steps.values(), strict=True):
        assert event.state == state
        assert words in event.problem
    away = [change(Event.JOB_DISCONNECTED, 9, "node"), change(Event.JOB_RECONNECTED, 12, "node")]
    back, events = advance(now, away, members, {})
    assert [event.state for event in events[:3]] == ["disconnected"] * 3
    assert [event.state for event in back.steps.values()] == [state for state, _ in expected]
    _, again = advance(back, [change(Event.JOB_EVICTED, 20, "node"), changes[0]], members, {})
    assert [event.state for event in again[3:]] == ["running", "waiting", "waiting"]


def test_a_line_that_changes_one_step_is_an_event_of_that_step():
    """And one of a job that has ended, or of a single step, is none."""
    members = members_of(PLAN, {"node": ["K1", "K2", "K3"], "one": ["K1"]})
    now, _ = advance(Following(), [change(Event.EXECUTE, 0, "node")], members, {})
    said = change(Event.GENERIC, 5, "node", reason='ws1 1 1 {"steps":"1e1r1w"}')
    now, events = advance(now, [said], members, {})
    assert [event.step for event in events] == ["load", "fit"]
    assert advance(now, [said], members, {})[1] == []
    late = [change(Event.JOB_EVICTED, 9, "node"), said]
    assert len(advance(now, late, members, {})[1]) == 3
    single = [change(Event.EXECUTE, 0, "one"), said._replace(node="one")]
    assert [event.state for event in advance(Following(), single, members, {})[1]] == ["running"]
