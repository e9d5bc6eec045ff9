"""The record of acts, and their undoing: on a queue in memory, and on real daemons."""

import fcntl
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from wingspan.accesspoint import edit as edit_job
from wingspan.accesspoint import hold as hold_job
from wingspan.accesspoint import query as query_jobs
from wingspan.accesspoint import release as release_job
from wingspan.accesspoint import remove as remove_job
from wingspan.accesspoint import submit
from wingspan.accesspoint.jobs import Acted
from wingspan.advisor.answers import actions, undo
from wingspan.advisor.answers.actions import (
    Bounds,
    fix_measured,
    left_out,
    release_advised,
    remove_proven,
)
from wingspan.advisor.answers.advice import incident_of
from wingspan.advisor.answers.advise import advise_ads
from wingspan.advisor.answers.audit import Act, Audit, Rehearsal, append_line
from wingspan.advisor.answers.undo import find_acts
from wingspan.errors import ConflictError, FormatError, NotFoundError, PoolError, SpaceError
from wingspan.eventlog.rules import ANSWERS

IDLE, RUNNING, COMPLETED, HELD = 1, 2, 4, 5
NOW = 1_700_000_000.0


class Queue:
    """A schedd's queue in memory, which answers as the bindings do."""

    def __init__(self, monkeypatch, code=18, count=1):
        self.ads = {f"9.{proc}": self.ad(proc, code) for proc in range(count)}
        for module in (actions, undo):
            for name in ("query", "release", "hold", "edit", "remove"):
                if hasattr(module, name):
                    monkeypatch.setattr(module, name, getattr(self, name))

    @staticmethod
    def ad(proc, code, born=NOW - 100):
        return {
            "ClusterId": 9,
            "ProcId": proc,
            "GlobalJobId": f"ap#9.{proc}#{born:.0f}",
            "JobStatus": HELD,
            "HoldReasonCode": code,
            "HoldReasonSubCode": 0,
            "HoldReason": "state" if code == 18 else "memory usage exceeded request_memory",
            "EnteredCurrentStatus": NOW,
            "QDate": born,
            "NumHolds": 1,
            "RequestMemory": 1024,
            "MemoryUsage": 2000,
        }

    def query(self, constraint, attributes):
        return [dict(ad) for ad in self.ads.values()]

    def _set(self, jobs, status):
        for job in jobs:
            self.ads[job]["JobStatus"] = status
        return len(jobs)

    def release(self, jobs, reason):
        return self._set(jobs, IDLE)

    def hold(self, jobs, reason):
        return self._set(jobs, HELD)

    def remove(self, jobs, reason):
        return len([self.ads.pop(job) for job in jobs])

    def edit(self, jobs, attribute, expression):
        for job in jobs:
            self.ads[job][attribute] = expression
            if expression == "undefined":
                del self.ads[job][attribute]
        return len(jobs)

    def advice(self):
        return advise_ads(list(self.ads.values()), NOW)


@pytest.fixture
def audit(tmp_path):
    return Audit(tmp_path / "audit")


def acts(audit, *what):
    return [one for one in audit.read() if not what or one.act.what in what]


def undone(audit, name):
    return [act for one in find_acts(audit, name) for act in undo.undo(one, audit)]


def test_a_release_is_recorded_with_its_answer_and_undone(monkeypatch, audit):
    """The line has the global id; undoing holds the same job, and is recorded as an act of its own."""
    queue = Queue(monkeypatch)
    list(release_advised(queue.advice(), Bounds(), audit))
    (one,) = acts(audit, "release")
    assert one.act.global_ids == {"9.0": "ap#9.0#1699999900"}
    assert one.done == 1
    (act,) = undone(audit, one.act.id)
    assert (act.what, act.undoes, queue.ads["9.0"]["JobStatus"]) == ("hold", one.act.id, HELD)
    assert acts(audit, "release")[0].undone_by == act.id
    (again,) = undone(audit, act.id)
    assert (again.what, queue.ads["9.0"]["JobStatus"]) == ("release", IDLE)


def test_an_edit_has_its_old_value_and_is_put_back(monkeypatch, audit):
    """`--apply fix` edits the request and releases; undoing the command holds the job and restores the request."""
    queue = Queue(monkeypatch, code=34)
    done = [act.what for act in fix_measured(queue.advice(), Bounds(), audit)]
    assert done == ["edit", "release"]
    assert queue.ads["9.0"]["RequestMemory"] == "3072"
    call = acts(audit, "edit")[0].act.id.partition("-")[0]
    assert [act.what for act in undone(audit, call)] == ["hold", "edit"]
    assert (queue.ads["9.0"]["RequestMemory"], queue.ads["9.0"]["JobStatus"]) == ("1024", HELD)


def test_an_attribute_that_was_not_there_is_undefined_again(monkeypatch, audit):
    """A job without the attribute has no old value in the record."""
    queue = Queue(monkeypatch)
    known = {"9.0": queue.ads["9.0"]["GlobalJobId"]}
    act = Act("edit", ("9.0",), "x", "", known, attribute="AllowedJobDuration", value="60")
    act = audit.write(act)
    queue.ads["9.0"]["AllowedJobDuration"] = "60"
    undone(audit, act.id)
    assert "AllowedJobDuration" not in queue.ads["9.0"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"GlobalJobId": "ap#9.0#1"}, "another one"),
        ({"JobStatus": HELD}, "it is held"),
        ({"JobStatus": COMPLETED}, "it has ended"),
        (None, "left the queue"),
    ],
)
def test_only_the_same_job_is_touched(monkeypatch, audit, change, why):
    """Another job with the number, one that is held again, one that ended: left as they are, with the reason."""
    queue = Queue(monkeypatch)
    list(release_advised(queue.advice(), Bounds(), audit))
    if change is None:
        queue.ads.clear()
    else:
        queue.ads["9.0"].update(change)
    before = json.dumps(queue.ads)
    (act,) = undone(audit, acts(audit, "release")[0].act.id)
    assert act.what == "skip"
    assert why in act.why
    assert json.dumps(queue.ads) == before


def test_a_later_edit_stays(monkeypatch, audit):
    """A value that a person has set since is not overwritten."""
    queue = Queue(monkeypatch, code=34)
    list(fix_measured(queue.advice(), Bounds(), audit))
    queue.ads["9.0"]["RequestMemory"] = "9000"
    (act,) = undone(audit, acts(audit, "edit")[0].act.id)
    assert act.what == "skip"
    assert "RequestMemory is 9000 now, not 3072" in act.why


def test_a_removal_cannot_be_undone(audit):
    """It is said with what to do, before anything else of the command is undone."""
    act = audit.write(Act("remove", ("9.0",), "proof", global_ids={"9.0": "ap#9.0#1"}))
    with pytest.raises(ConflictError, match="cannot come back"):
        find_acts(audit, act.id)
    with pytest.raises(NotFoundError, match="no act"):
        find_acts(audit, "zzz")


KILLED = """
import os, sys
sys.path.insert(0, {tests!r})
from pathlib import Path
import pytest
from test_audit import Queue
from wingspan.advisor.answers import actions
from wingspan.advisor.answers.audit import Audit
queue = Queue(pytest.MonkeyPatch(), code=34)
actions.{killed_at} = lambda *given: os._exit(9)
list(actions.fix_measured(queue.advice(), actions.Bounds(), Audit(Path({file!r}))))
"""


@pytest.mark.parametrize(
    ("killed_at", "known"), [("edit", ["edit"]), ("release", ["edit", "release"])]
)
def test_a_kill_between_record_and_act_leaves_the_record(monkeypatch, tmp_path, killed_at, known):
    """The record is there, its answer is not; undoing looks at the queue and changes nothing that was not done."""
    file = tmp_path / "audit"
    code = KILLED.format(tests=str(Path(__file__).parent), killed_at=killed_at, file=str(file))
    ended = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert ended.returncode == 9, ended.stderr
    audit = Audit(file)
    assert [one.act.what for one in acts(audit)] == known
    assert acts(audit)[-1].done is None
    queue = Queue(monkeypatch, code=34)
    before = json.dumps(queue.ads)
    for one in acts(audit):
        undone(audit, one.act.id)
    assert json.dumps(queue.ads) == before


def test_a_line_that_was_cut_off_harms_no_other(audit):
    """A crash in the middle of a line: the act was not done, and later lines are read."""
    act = audit.write(Act("release", ("9.0",), "x", global_ids={"9.0": "g"}))
    with audit.path.open("a") as file:
        file.write('{"what": "rele')
    audit.answer(act, 1)
    append_line(audit.path, {"what": "skip", "jobs": ["9.1"], "why": "y", "time": 1})
    assert [(one.act.what, one.done) for one in audit.read()] == [("release", 1), ("skip", None)]


def test_lines_of_older_versions_are_listed_and_cannot_be_undone(audit):
    """They have no id and no global ids."""
    append_line(
        audit.path, {"what": "release", "jobs": ["9.0"], "why": "x", "time": 1, "who": "ada"}
    )
    (one,) = audit.read()
    assert (one.act.id, one.act.global_ids, one.user) == ("", {}, "ada")
    with pytest.raises(NotFoundError):
        find_acts(audit, "9.0")


@pytest.mark.htcondor
def test_undo_on_real_daemons(pool, job_folder, wait_until, audit):
    """A held job is edited and released, then held with its old request: the schedd's own words."""
    job = f"{submit({'executable': '/bin/sleep', 'arguments': 600, 'request_memory': 100, 'hold': 'true'})}.0"
    edit_job(job, "HoldReasonCode", "34")
    edit_job(job, "HoldReason", '"memory usage exceeded request_memory"')
    edit_job(job, "MemoryUsage", "2000")
    ads = lambda: query_jobs(f"ClusterId == {job[:-2]}", [])
    try:
        list(fix_measured(advise_ads(ads(), NOW), Bounds(), audit))
        assert [one.done for one in acts(audit, "edit", "release")] == [1, 1], (
            audit.path.read_text()
        )
        (ad,) = ads()
        assert (ad["RequestMemory"], ad["JobStatus"] != HELD) == (3072, True)
        undone(audit, acts(audit, "edit")[0].act.id.partition("-")[0])
        (ad,) = ads()
        assert (ad["RequestMemory"], ad["JobStatus"]) == (100, HELD)
        release_job(job, "test")
        hold_job(job, "test")
    finally:
        remove_job(job, "test is over")


@pytest.mark.parametrize(
    "line",
    [
        '{"what": 3}', "[1]", '{"what": "answer"}', '{"what": "release", "jobs": 5}', "\x00\xff",
        '{"what": "release", "jobs": ["1.0"], "time": "x", "id": 7}', '{"what": "edit", "before": 1}',
        '{"what": "answer", "id": ["x"], "done": "y"}', '{"id": "x"}', "null",
    ],
)  # fmt: skip
def test_a_damaged_line_in_the_middle_is_left_out(audit, line):
    """The acts before and after it are read, and counted by the bounds."""
    first = audit.write(Act("release", ("9.0",), "x", global_ids={"9.0": "g"}))
    with audit.path.open("a") as file:
        file.write(f"{line}\n")
    audit.answer(first, 1)
    assert [(one.act.what, one.done) for one in audit.read()] == [("release", 1)]
    assert audit.damaged() == (line != '{"what": "answer"}')


def test_an_audit_file_must_be_a_file(tmp_path):
    """A device would be read without end."""
    with pytest.raises(FormatError, match="name a file"):
        Audit(Path("/dev/full")).read()
    with pytest.raises(FormatError, match="name a file"):
        Audit(tmp_path).read()


def test_a_record_that_was_not_written_whole_stops_the_act(monkeypatch, audit):
    """The disk is full in the middle of a line: nothing is released."""
    queue = Queue(monkeypatch)
    monkeypatch.setattr("os.write", lambda handle, line: len(line) - 1)
    with pytest.raises(SpaceError):
        list(release_advised(queue.advice(), Bounds(), audit))
    assert queue.ads["9.0"]["JobStatus"] == HELD


def test_jobs_on_which_htcondor_did_not_act_are_reported(monkeypatch, audit):
    """The canary belongs to another user: it is not reported as released, and the others are left alone."""
    queue = Queue(monkeypatch, count=3)
    refused = Acted(0, {"of another user": 1, "in another state": 0})
    monkeypatch.setattr(actions, "release", lambda jobs, reason: refused)
    found = list(release_advised(queue.advice(), Bounds(wait_s=1), audit))
    assert [act.what for act in found] == ["stop", "stop"]
    assert found[0].why == "HTCondor did this release for 0 of 1 job; 1 of another user"
    assert found[1].jobs == ("9.1", "9.2")
    later = list(release_advised(queue.advice(), Bounds(wait_s=1), audit))
    assert "0 of 1 job" in later[0].why  # nothing was released, so nothing cools down
    assert [one.done for one in acts(audit, "release")] == [0, 0]


def test_a_dry_run_does_and_records_nothing(monkeypatch, audit):
    """It looks at the queue, and keeps to the bounds, which count what was done before and what would be."""
    queue = Queue(monkeypatch, code=34, count=6)
    before = {job: dict(ad) for job, ad in queue.ads.items()}
    audit.answer(audit.write(Act("release", ("1.0",), "earlier")), 1)
    written = audit.path.read_bytes()
    dry = Rehearsal(audit.path)
    found = list(fix_measured(queue.advice(), Bounds(per_hour=4), dry))
    changes = [(act.what, act.jobs) for act in found if act.what in {"edit", "release"}]
    first, rest = ("9.0",), ("9.1", "9.2")
    assert changes == [("edit", first), ("release", first), ("edit", rest), ("release", rest)]
    assert [act.jobs for act in found if act.what == "skip"] == [("9.3",), ("9.4",), ("9.5",)]
    assert queue.ads == before
    assert audit.path.read_bytes() == written
    assert not audit.path.with_name("audit.lock").exists()


def test_a_dry_undo(monkeypatch, audit):
    """It says what would be held, and holds nothing."""
    queue = Queue(monkeypatch)
    list(release_advised(queue.advice(), Bounds(), audit))
    one, dry = acts(audit, "release")[0], Rehearsal(audit.path)
    assert [act.what for act in undo.undo(one, dry)] == ["hold"]
    assert (queue.ads["9.0"]["JobStatus"], len(audit.read())) == (IDLE, 1)


def test_only_ones_own_jobs_are_edited_and_released(monkeypatch, audit):
    """HTCondor refuses an edit as a whole if one of the jobs is another user's."""
    queue = Queue(monkeypatch, code=34, count=4)
    for proc in range(4):
        queue.ads[f"9.{proc}"]["Owner"] = "bob" if proc == 2 else "ann"
    do = queue.edit

    def edit(jobs, attribute, expression):
        if {queue.ads[job]["Owner"] for job in jobs} != {"ann"}:
            return Acted(0, {"of another user": len(jobs)})
        return do(jobs, attribute, expression)

    monkeypatch.setattr(actions, "edit", edit)
    monkeypatch.setattr(actions, "_watch", lambda *given: "")
    found = list(fix_measured(queue.advice(), Bounds(), audit))
    assert [act.jobs for act in found if act.what == "release"] == [("9.0",), ("9.1", "9.3")]
    assert [act.jobs for act in found if act.what == "stop"] == [("9.2",)]
    assert (queue.ads["9.2"]["RequestMemory"], queue.ads["9.2"]["JobStatus"]) == (1024, HELD)


def test_an_edit_that_fails_releases_nothing(monkeypatch, audit):
    """A job has left the queue between the look and the edit, which HTCondor then refuses as a whole."""
    queue = Queue(monkeypatch, code=34, count=2)

    def refuse(jobs, attribute, expression):
        raise PoolError("editing", "the access point refuses", "look")

    monkeypatch.setattr(actions, "edit", refuse)
    with pytest.raises(PoolError):
        list(fix_measured(queue.advice(), Bounds(), audit))
    assert [one.act.what for one in acts(audit)] == ["edit", "stop"]
    assert {ad["JobStatus"] for ad in queue.ads.values()} == {HELD}


def test_two_commands_at_once_do_not_release_one_job_twice(monkeypatch, audit):
    """The second one looks at the queue when the first has acted."""
    queue = Queue(monkeypatch)
    other, advice = Audit(audit.path), queue.advice()
    first = release_advised(advice, Bounds(), audit)
    next(first)  # it has released the job, and still keeps others from acting
    with pytest.raises(BlockingIOError), other.path.with_name("audit.lock").open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert not list(first)
    (act,) = release_advised(advice, Bounds(cool_down_s=0), other)
    assert act.what == "skip"


def test_a_job_that_was_released_often_may_be_removed(monkeypatch, audit):
    """The bound on releases is for releases; the cause is proven to be without a fix."""
    queue = Queue(monkeypatch)
    for _ in range(5):
        audit.answer(audit.write(Act("release", ("9.0",), "x")), 1)
    ((job,),) = [each.jobs for each in queue.advice()]
    proven = incident_of((replace(job, answer="remove", decided_by="proof"),))
    assert [act.what for act in remove_proven([proven], Bounds(), audit)] == ["remove"]


@pytest.mark.parametrize("deed", ["release", "fix", "remove"])
@pytest.mark.parametrize("answer", ANSWERS)
def test_every_job_is_acted_on_or_has_a_reason(monkeypatch, audit, deed, answer):
    """Whatever the answer: no command passes over a job in silence."""
    queue = Queue(monkeypatch)
    ((job,),) = [each.jobs for each in queue.advice()]
    one = [incident_of((replace(job, answer=answer, decided_by="proof"),))]
    works = {"release": release_advised, "fix": fix_measured, "remove": remove_proven}
    did = list(works[deed](one, Bounds(), audit))
    assert bool(did) != bool(left_out(one, deed))
    assert ("remove" in {act.what for act in did}) == (deed == answer == "remove")


def test_an_undo_of_another_users_job_is_not_reported_as_done(monkeypatch, audit):
    """HTCondor holds none of the jobs."""
    queue = Queue(monkeypatch)
    list(release_advised(queue.advice(), Bounds(), audit))
    monkeypatch.setattr(undo, "hold", lambda jobs, reason: 0)
    assert [act.what for act in undone(audit, acts(audit, "release")[0].act.id)] == ["stop"]
