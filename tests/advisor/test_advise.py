"""Advice: who decides, what it rests on, and that nothing after the hold counts."""

import math

import numpy as np
import pytest

from wingspan.advisor.answers.advice import canaries
from wingspan.advisor.answers.advise import advise, advise_ads, is_proof
from wingspan.advisor.answers.blame import (
    FAR,
    MATES,
    OTHERS,
    Blame,
    Seen,
    blame,
)
from wingspan.advisor.answers.evidence import LEVELS, Counts, Evidence
from wingspan.advisor.answers.evidence_text import ENOUGH
from wingspan.advisor.models.baselines import Rates
from wingspan.advisor.models.calibrate import IDENTITY, Curve
from wingspan.advisor.models.saved import Advisor, load_advisor, save_advisor
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.rules import explain as rules_explain

MEMORY = (34, "Error from slot1@e1: Job has gone over memory limit of 64 megabytes", 0)


def held(cluster, start, *reason, proc=0, host="host1"):
    """One job that is held after ten seconds of running."""
    return [
        (start, cluster, 0, proc),
        (start + 5, cluster, 1, proc, host),
        (start + 15, cluster, 12, proc, *reason),
    ]


def text(event, rows):
    """The log of (second, cluster, event number, proc, details..)."""
    return "".join(event(s, c, code, *more, proc=proc) for s, c, code, proc, *more in rows)


def one(incidents):
    ((job,),) = [each.jobs for each in incidents]
    return job


def past(count, paid, cluster=100):
    """Episodes of 12/28, each of its own cluster, released after 600 s; the first `paid` end with 0."""
    rows = []
    for number in range(count):
        start = number * 1000
        rows += held(cluster + number, start)
        rows.append((start + 615, cluster + number, 13, 0))
        rows.append((start + 700, cluster + number, 1, 0, "host1"))
        rows.append((start + 800, cluster + number, *((5, 0, 0) if number < paid else (12, 0))))
        if number >= paid:
            rows.append((start + 801, cluster + number, 9, 0))
    return rows


def test_first_day_the_rules_answer_and_say_so(write, event):
    """Without history the answer is the rule's, there is no probability, and the evidence says that nothing is known."""
    job = one(advise(write(text(event, held(1, 0, *MEMORY)))))
    assert (job.answer, job.decided_by) == ("fix first", "rules, with measured use")
    assert math.isnan(job.probability)
    assert "0 releases" in job.evidence[0]


@pytest.mark.parametrize(("paid", "answer"), [(30, "release later"), (0, "fix first")])
def test_data_decide_after_enough_releases(write, event, paid, answer):
    """After 30 episodes their rate decides: a release when they paid, none when they were all in vain."""
    job = one(advise(write(text(event, past(ENOUGH, paid) + held(1, 100_000)))))
    assert (job.answer, job.decided_by) == (answer, "data (template)")
    assert job.probability == pytest.approx((paid + 1) / (ENOUGH + 2))
    assert job.low < job.probability < job.high
    if paid:
        assert job.at - job.held_at == 600  # as long as those that paid had waited
    similar = [line for line in job.evidence if line.startswith("similar: ")]
    assert len(similar) == 3
    end = "it ended well" if paid else "it was held again with the same code"
    assert similar[0].endswith(f"released after 10 min: {end}")


def test_other_sub_codes_decide_only_what_no_rule_knows(write, event):
    """Releases of 12/28 that failed say nothing of 12/5, whose rule is known; of a sub-code without a rule they do."""
    outage = "Transfer output files failure at access point ap: writing to file /a: (errno 5) Input/output error"
    job = one(advise(write(text(event, past(ENOUGH, 0) + held(1, 100_000, 12, outage, 5)))))
    assert (job.answer, job.decided_by) == ("release later", "rules")
    rows = text(event, past(ENOUGH, 0)).replace("Code 12 S", "Code 21 S")
    rows += text(event, held(1, 100_000, 21, "blue moon", 5))
    assert one(advise(write(rows))).decided_by == "data (code)"


def test_too_few_releases_decide_nothing(write, event):
    """One episode fewer, and the rules answer."""
    job = one(advise(write(text(event, past(ENOUGH - 1, 0) + held(1, 100_000)))))
    assert job.decided_by == "rules"
    assert f"{ENOUGH - 1} releases" in job.evidence[0]


def test_the_request_that_would_have_fitted(write, event):
    """It is computed from the job's peak, or from a larger one of a mate that ended well; the line is ready."""
    rows = held(7, 0, *MEMORY)
    rows.insert(2, (9, 7, 6, 0, 60))
    job = one(advise(write(text(event, rows))))
    assert job.command == "condor_qedit 7.0 RequestMemory 128 && condor_release 7.0"
    assert any("measured peak 60 MB, in the reason 64 MB" in line for line in job.evidence)
    usage = "\tPartitionable Resources :    Usage  Request Allocated\n\t   Memory (MB)          :     2000     2048      2048\n"
    mate = text(event, [(0, 7, 0, 1), (5, 7, 1, 1), (11, 7, 5, 1)]).replace(
        "...\n", usage + "...\n"
    )
    mate = mate.replace(usage, "", 2)  # only the end has a table
    job = one(advise(write(mate + text(event, rows))))
    assert job.command.startswith("condor_qedit 7.0 RequestMemory 3072 ")


POLICY = (26, "the site rule 7 applies", 9)  # no rule knows what to change


def in_vain(releases, *reason, cluster=1, start=0, procs=1):
    """A cluster whose jobs are each released so often, and held in the same way each time."""
    rows = []
    for proc in range(procs):
        rows += held(cluster, start, *reason, proc=proc)
        for number in range(releases):
            for after, code, details in ((20, 13, ()), (30, 1, ()), (40, 12, reason)):
                rows.append((start + 100 * number + after, cluster, code, proc, *details))
    return sorted(rows, key=lambda row: row[0])


def last(incidents):
    return max((job for each in incidents for job in each.jobs), key=lambda job: job.held_at)


@pytest.mark.parametrize(("clusters", "answer"), [(ENOUGH, "remove"), (ENOUGH - 1, "no evidence")])
def test_a_removal_needs_proof_in_clusters(write, event, clusters, answer):
    """Releases in vain in 30 clusters are proof, in 29 none; and a release of the job itself must have been in vain."""
    rows = [
        row
        for number in range(clusters)
        for row in in_vain(1, *POLICY, cluster=number + 1, start=number * 1000)
    ]
    job = last(advise(write(text(event, rows))))
    assert job.answer == answer
    assert (job.decided_by == "proof") == (answer == "remove")
    fresh = last(advise(write(text(event, rows + held(500, 100_000, *POLICY)))))
    assert fresh.answer != "remove"


def test_many_jobs_of_one_cluster_are_no_proof(write, event):
    """Two hundred jobs of one cluster are one piece of evidence."""
    job = last(advise(write(text(event, in_vain(6, *POLICY, procs=40)))))
    assert job.answer != "remove"


@pytest.mark.parametrize(
    "reason",
    [
        (6, "Exec format error", 8),
        MEMORY,
        (
            12,
            "Transfer output files failure at access point ap: (errno 122) Disk quota exceeded",
            122,
        ),
        (13, "Transfer input files failure at access point ap: (errno 2) No such file", 2),
        (4, "The credential has expired", 0),
        (45, "container runtime test failed", 0),
    ],
)
def test_what_can_be_fixed_is_never_removed(write, event, reason):
    """Memory, quota, a missing file, a credential, a program, a broken host: however often a release was in vain."""
    rows = [
        row
        for number in range(ENOUGH + 5)
        for row in in_vain(6, *reason, cluster=number + 1, start=number * 1000)
    ]
    answers = {job.answer for each in advise(write(text(event, rows))) for job in each.jobs}
    assert "remove" not in answers


def test_a_rule_alone_removes_nothing(write, event):
    """Also where the manual says that such a job cannot run."""
    job = one(advise(write(text(event, held(1, 0, 2, "globus", 0)))))
    assert job.answer != "remove"


def test_a_persons_hold_is_left_alone(write, event):
    """What somebody held is theirs to release, whatever the rates say."""
    job = one(advise(write(text(event, held(1, 0, 1, "via condor_hold (by user ada)", 0)))))
    assert (job.answer, job.command) == ("no evidence", "")


def test_a_burst_is_one_incident_with_a_plan(write, event):
    """A hundred jobs of a cluster held together: one advice, two canaries, then the rest."""
    rows = [row for proc in range(100) for row in held(1, 0, 18, "wrong state", 0, proc=proc)]
    (incident,) = advise(write(text(event, sorted(rows, key=lambda row: row[0]))))
    assert len(incident.jobs) == 100
    assert incident.answer == "release now"
    assert "release 2 of 100 (1.0 1.1)" in incident.plan
    assert canaries(1) == 1


def well(clusters, host="good"):
    """Jobs of other clusters that ended well."""
    return [row for c in clusters for row in [(c, c, 0, 0), (c, c, 1, 0, host), (c + 60, c, 5, 0)]]


def whose(incidents, job):
    """Return the line that says where the fault for a job's hold lies."""
    (line,) = [
        line
        for each in incidents
        for one in each.jobs
        if one.job == job
        for line in one.evidence
        if "fault" in line
    ]
    return line


def test_the_machine_is_named_where_others_are_held_on_it(write, event):
    """Jobs of others held on the host, and none elsewhere: it is the machine."""
    rows = [row for c in range(10, 16) for row in held(c, c, host="bad")] + well(range(20, 50))
    told = whose(advise(write(text(event, rows + held(1, 200, host="bad")))), "1.0")
    assert told.startswith("the fault most likely lies with the machine")
    assert "6 of 6 runs of others on the machine in a day" in told


@pytest.mark.parametrize("others", [0, 200])
@pytest.mark.parametrize("reason", [MEMORY, (47, "exceeded allowed_execute_duration", 0)])
def test_a_whole_cluster_held_is_the_cluster(write, event, others, reason):
    """A user's own log: every job held for memory or time on many machines; the case itself makes nothing usual."""
    rows = well(range(1000, 1000 + others))
    rows += [row for p in range(60) for row in held(1, 2000, *reason, proc=p, host=f"host{p}")]
    told = whose(advise(write(text(event, sorted(rows, key=lambda row: row[0])))), "1.7")
    assert told.startswith(
        tuple(f"the fault most likely lies with its cluster ({tens}" for tens in (8, 9))
    )
    assert "59 of 59 runs of cluster-mates elsewhere" in told
    assert "0 of 0" not in told


def test_nothing_else_in_the_log(write, event):
    """One hold alone: the code is all there is, and no odds are told."""
    told = whose(advise(write(text(event, held(1, 0, *MEMORY)))), "1.0")
    assert (
        told
        == "the fault most likely lies with this job or its cluster (87%): no other run to compare with"
    )
    unknown = whose(advise(write(text(event, held(1, 0, 19, "hook failed", 3)))), "1.0")
    assert unknown.startswith("it is unclear where the fault lies")


def test_nothing_is_certain():
    """However many runs: a share of at most 95 %; the shares sum to 1; a cell of one cluster counts as few runs."""
    here = (OTHERS, "host")
    counts = {here: Seen(10_000, 10_000, 5000), (OTHERS, "site"): Seen(0, 1000, 900)}
    told = blame("environment", counts, Seen(0, 10_000, 5000))
    assert (told.whose, told.share) == ("host", 0.95)
    assert sum(told.shares.values()) == pytest.approx(1)
    usual = Seen(10, 1000, 900)
    many, few = (blame("job", {here: Seen(300, 300, n)}, usual).shares["host"] for n in (100, 1))
    assert few < 0.6 < many


def test_what_is_not_known_is_not_blamed():
    """Without hosts in the log there is no share for hosts and sites."""
    told = blame("environment", {(MATES, FAR): Seen(0, 10, 1)}, Seen(), known=("access point",))
    assert set(told.shares) == {"job", "cluster", "user", "access point"}


def test_many_clusters_at_once_may_be_an_outage(write, event):
    """Three others with such a hold within the hour are told; two are not, nor those of other causes or of yesterday."""

    def lines(others):
        rows = [row for c in range(10, 10 + others) for row in held(c, 90_000 + 60 * c)]
        rows += held(5, 0) + held(6, 91_000, *MEMORY) + held(1, 92_000)
        found = advise(write(text(event, sorted(rows, key=lambda row: row[0]))))
        jobs = {job.job: job for each in found for job in each.jobs}
        return [line for line in jobs["1.0"].evidence if "outage" in line]

    assert lines(2) == []
    (line,) = lines(3)
    assert line.startswith("3 other clusters at its access point had such a hold in the hour")


def test_advice_on_ads(event):
    """Of jobs whose log is not readable the rules tell, with what the ad measured."""
    ad = {
        "ClusterId": 5, "ProcId": 1, "HoldReasonCode": 34, "HoldReasonSubCode": 0,
        "HoldReason": MEMORY[1], "EnteredCurrentStatus": 10, "RequestMemory": 64, "MemoryUsage": 200,
    }  # fmt: skip
    job = one(advise_ads([ad], 100.0))
    assert job.command == "condor_qedit 5.1 RequestMemory 384 && condor_release 5.1"


def test_only_jobs_that_are_held_at_the_end_are_asked_about(write, event):
    """A hold that was ended asks no question any more, unless every hold is asked about."""
    timeline = write(text(event, past(3, 2)))
    assert advise(timeline) == ()
    assert sum(len(each.jobs) for each in advise(timeline, every=True)) == 4


def test_nothing_after_the_hold_counts(write, event):
    """The advice at each hold of a log is that of the log cut behind the hold's record."""
    rows = sorted(past(8, 4) + held(1, 2500) + held(2, 5500, *MEMORY), key=lambda row: row[0])
    whole = {
        (job.job, job.held_at): job
        for each in advise(write(text(event, rows)), every=True)
        for job in each.jobs
    }
    for number, row in enumerate(rows):
        if row[2] != Event.JOB_HELD:
            continue
        cut = advise(write(text(event, rows[: number + 1])), every=True)
        jobs = [job for each in cut for job in each.jobs]
        last = max(jobs, key=lambda job: job.held_at)
        assert str(whole[last.job, last.held_at]) == str(last)
    assert len(whole) == 14


def test_real_logs_give_no_probability_without_evidence(real_timeline):
    """Of the public logs, only holds with 30 released ones of their kind before them get a probability."""
    jobs = [job for each in advise(real_timeline, every=True) for job in each.jobs]
    assert len(jobs) > 100
    known = [job for job in jobs if not np.isnan(job.probability)]
    assert {job.access_point for job in known} <= {
        "vm"
    }  # a private pool's drills, hundreds of holds
    assert all(f" {ENOUGH} are enough" not in line for job in known for line in job.evidence)
    unknown = [job for job in jobs if np.isnan(job.probability)]
    assert not any(job.decided_by.startswith("data") for job in unknown)
    assert {"no evidence", "fix first"} <= {job.answer for job in unknown}


def test_a_trained_advisor_replaces_the_rates(write, event, tmp_path):
    """Its probability decides where it has seen such holds, and it is named; elsewhere it is not asked."""
    rates = Rates({"12/28": (90.0, 100.0, 100), "12": (90.0, 100.0, 100)}, 3)
    save_advisor(
        Advisor("rates", rates, Curve((0.0, 1.0), (0.0, 1.0)), rates, {}), tmp_path / "advisor"
    )
    timeline = write(text(event, held(1, 0) + held(2, 1000, 6, "Exec format error", 8)))
    incidents = advise(timeline, advisor=load_advisor(tmp_path / "advisor"))
    found = {job.job: job for each in incidents for job in each.jobs}
    assert found["1.0"].decided_by == "model rates"
    assert found["1.0"].answer.startswith("release")
    assert found["1.0"].low < found["1.0"].probability < found["1.0"].high
    assert found["2.0"].decided_by == "rules"


class Spy:
    """A model that keeps what it is asked, and prefers releases that come late."""

    def __init__(self):
        self.asked = []

    def predict(self, samples, rows, releases):
        """Return 0.3, of releases from 90,000 s after the hold on 0.6."""
        self.asked.append((samples.features.values.copy(), releases))
        return np.where(releases.after_s >= 90_000, 0.6, 0.3)


def test_a_trained_advisor_is_asked_what_it_was_trained_on(write, event):
    """Of a hold that has lasted, it sees what was known at the hold, and is told how late the release would come."""
    rates = Rates({"12/28": (90.0, 100.0, 100)}, 3)
    rows = held(1, 0) + held(2, 20) + [(20_000, 3, 0, 0)]
    early, late = Spy(), Spy()
    advise(
        write(text(event, rows[:-1])), every=True, advisor=Advisor("x", early, IDENTITY, rates, {})
    )
    found = advise(write(text(event, rows)), advisor=Advisor("x", late, IDENTITY, rates, {}))
    np.testing.assert_array_equal(early.asked[0][0], late.asked[0][0])
    since = np.array([20_000 - 15, 20_000 - 35.0])
    for (_, releases), delay_s in zip(late.asked, (0, 600, 3600, 21600, 86400), strict=True):
        np.testing.assert_array_equal(releases.after_s, since + delay_s)
        assert releases.blind.all()
    first = next(job for each in found for job in each.jobs if job.job == "1.0")
    assert (first.answer, first.decided_by, first.probability) == ("release later", "model x", 0.6)
    assert first.at - first.held_at == 20_000 - 15 + 86_400


def test_what_no_release_is_worth_is_not_released(write, event):
    """Where no release is worth it by the advisor, the rules' fix comes first; else the same hold is released."""
    rows = text(event, held(1, 0))
    for paid, answer in ((1.0, "fix first"), (30.0, "release now")):
        rates = Rates({"12/28": (paid, 100.0, 100)}, 3)
        advisor = Advisor("x", rates, IDENTITY, rates, {})
        job = one(advise(write(rows), advisor=advisor))
        assert (job.answer, job.decided_by) == (answer, "model x")


@pytest.mark.parametrize(("paid", "answer"), [(25.0, "release now"), (15.0, "fix first")])
def test_a_measured_fix_yields_to_a_release_that_likely_pays(write, event, paid, answer):
    """What looks like too much memory on a broken machine is released, where one such release in five pays."""
    reason = (34, "Job has gone over cgroup memory limit of 4096 megabytes.", 0)
    rows = text(event, held(1, 0, *reason))
    assert one(advise(write(rows))).answer == "fix first"
    rates = Rates({"34/0": (paid, 100.0, 100)}, 3)
    job = one(advise(write(rows), advisor=Advisor("x", rates, IDENTITY, rates, {})))
    assert job.answer == answer


@pytest.mark.parametrize(
    ("code", "subcode", "paid", "clusters", "answer"),
    [
        (46, 0, 7.0, 100, "release now"),
        (46, 0, 3.0, 100, "fix first"),
        (6, 8, 15.0, 100, "release now"),
        (6, 8, 15.0, 2, "fix first"),
        (6, 8, 25.0, 2, "release now"),
    ],
)
def test_a_release_is_worth_what_its_cause_lets_expect(
    write, event, code, subcode, paid, clusters, answer
):
    """A time limit may be met at the next try; a rule's fix yields to few clusters only if their releases pay often."""
    reason = {46: "The job exceeded allowed job duration of 2:00:00", 6: "Exec format error"}[code]
    rates = Rates({"": (paid, 100.0, 100), f"{code}/{subcode}": (paid, 100.0, clusters)}, 2)
    rows = text(event, held(1, 0, code, reason, subcode))
    job = one(advise(write(rows), advisor=Advisor("x", rates, IDENTITY, rates, {})))
    assert job.answer == answer


@pytest.mark.parametrize(
    "reason",
    [
        "Das Kontingent des Benutzers ist erschöpft", "user over storage allocation", "/home/x full", "ENOSPC",
        "EACCES", "Fichier introuvable", "Cannot access data foo.root", "Job has gone over the limit", "mot de passe",
        "Job held by admin, see ticket 4711", "Reason unspecified", "unknown", "42", "x 7", "http://a.b.example/c",
        "s3://bucket", "held at 95 %", "C:\\data", "el espacio está lleno", "Lizenz fehlt", "dépassement",
    ],
)  # fmt: skip
@pytest.mark.parametrize("code", [(26, 9), (3, 7), (21, 5), (0, 0), (50, 1)])
def test_unknown_texts_that_name_what_can_be_fixed_are_no_proof(reason, code):
    """Whatever releases did: a quota, file, right, credential, person or place, in any language, and no information."""
    such, own = Counts(0, ENOUGH * 9, 0, ENOUGH * 3), Counts(0, 3, 0, 1)
    levels = (such,) * len(LEVELS)
    proof = Evidence(levels, own, 3, such, 0, 0, 0, math.nan, Blame({"job": 1.0}, {}), (), 1.0)
    rule = rules_explain(*code, reason)
    assert not is_proof(rule, reason, proof)
    assert is_proof(rules_explain(26, 9, "site rule 7"), "site rule 7", proof)
