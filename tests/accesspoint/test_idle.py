"""Why jobs of real pools are idle."""

import classad2
import pytest

from wingspan.accesspoint import remove, submit
from wingspan.accesspoint.idle import Pool, look_at_pool, queued_ads, why_idle
from wingspan.accesspoint.matching import slots_of
from wingspan.pool.personal import start_pool

SMALL = {"executable": "/bin/sleep", "arguments": 600, "request_memory": 64, "request_disk": 1000}
BASE = {
    **SMALL,
    "should_transfer_files": "YES",
    "request_cpus": 1,
}


@pytest.fixture
def asked(wait_until):
    """Give a function that submits a job, waits until a condition on its ad holds, and says why it is idle."""
    clusters = []

    def ask(condition=lambda ad: ad.get("LastRejMatchReason"), **commands):
        cluster = submit({**BASE, **commands})
        clusters.append(str(cluster))
        ad = wait_until(
            lambda: (ads := queued_ads(f"ClusterId == {cluster}")) and condition(ads[0]) and ads[0]
        )
        return why_idle(ad, look_at_pool())

    yield ask
    remove(clusters, "end of test")


@pytest.mark.htcondor
@pytest.mark.parametrize(
    ("commands", "clause", "fix"),
    [
        ({"request_cpus": 99}, "request_cpus = 99", "request_cpus: ask for at most 8"),
        (
            {"request_memory": "900000MB"},
            "request_memory = 900000 MB",
            "request_memory: ask for at most 16384 MB",
        ),
        ({"request_disk": "900000GB"}, "request_disk = 921600000 MB", "request_disk: ask for at m"),
        ({"request_gpus": 1}, "request_gpus = 1", "none of these slots has a GPU; do without"),
        (
            {"requirements": 'OpSys == "LINUX" && OpSysAndVer == "Minix3"'},
            'OpSysAndVer == "Minix3"',
            'leave out or correct: OpSysAndVer == "Minix3"; OpSysAndVer is "',
        ),
    ],
)
def test_a_request_that_no_slot_meets_is_told_with_its_clause(pool, asked, commands, clause, fix):
    """Cpu, memory, disk, GPU and requirements: the clause that fails and the smallest change that matches."""
    reason = asked(**commands)
    assert reason.problem == f"none of the pool's slots (1) meets: {clause}"
    assert fix in reason.fix
    assert reason.fix.endswith("then 1 of 1 slots match")


@pytest.fixture
def gpu_pool(daemons, pool_parent, monkeypatch):
    """Give a pool with two simulated GPUs, a licence and a START of its own."""
    discovery = next(daemons.prefix.rglob("condor_gpu_discovery"))
    extra = {
        # two of capability 7.0 with 24220 MB
        "MACHINE_RESOURCE_INVENTORY_GPUs": f"{discovery} -properties -nested -simulate:2,2",
        "LICENSE_LIMIT": 1,
        "START": 'TARGET.Lab =?= "a"',
    }
    running = start_pool(pool_parent / "why", cpus=4, memory_mb=4096, daemons=daemons, extra=extra)
    for name, value in running.environment.items():
        monkeypatch.setenv(name, value)
    yield running
    running.stop()


@pytest.mark.long
@pytest.mark.htcondor
@pytest.mark.usefixtures("gpu_pool")
def test_gpus_and_limits(asked):
    """What is asked of each GPU is a clause of its own; a limit names the job that has it; a full pool says so."""
    ours = {"+Lab": '"a"'}
    weak = asked(request_gpus=1, gpus_minimum_capability=9.0, **ours)
    assert weak.problem.endswith("meets: each GPU: Capability >= 9")
    assert "GPUs' Capability: ask for at most 7" in weak.fix
    small = asked(request_gpus=1, gpus_minimum_memory=80000, **ours)
    assert small.problem.endswith("meets: each GPU: GlobalMemoryMb >= 80000")
    assert "ask for at most 24220" in small.fix
    many = asked(request_gpus=3, **ours)
    assert many.problem.endswith("meets: request_gpus = 3")
    assert "request_gpus: ask for at most 2" in many.fix
    strange = asked()
    assert strange.problem.endswith('meets: START of slots: TARGET.Lab is "a"')
    assert "set the submit command +Lab" in strange.fix
    license = {"concurrency_limits": "license", **ours}
    holder = asked(lambda ad: ad["JobStatus"] == 2, request_cpus=3, **license)
    limited = asked(lambda ad: "limit" in ad.get("LastRejMatchReason", ""), **license)
    assert "the concurrency limit license is reached, held by jobs " in limited.problem
    full = asked(request_cpus=2, **ours)
    assert full.problem == "1 slot can run it, and all are taken: your own jobs 1"
    assert (full.match.free, holder.match.fit) == (0, 1)


def view(job="[]", **more):
    """Give why a job without any wishes is idle on a pool of one slot, of which some things differ."""
    slot = classad2.ClassAd('[ State = "Unclaimed"; Requirements = true; Name = "s" ]')
    given = {
        "slots": slots_of([slot]),
        "claims": (),
        "priorities": {},
        "schedd": {},
        "negotiators": 1,
    }
    ad = classad2.ClassAd(job)
    ad["Requirements"] = True
    return why_idle(ad, Pool(**{**given, **more}))


def test_reasons_beside_the_request():
    """A pool without slots or negotiator, the access point's limit, a refusal in the negotiator's words, a new job."""
    assert "no slot at all" in view(slots=()).problem
    assert "no negotiator" in view(negotiators=0).problem
    busy = view(schedd={"TotalRunningJobs": 10, "MaxJobsRunning": 10})
    assert "MAX_JOBS_RUNNING = 10" in busy.problem
    refused = view('[ LastRejMatchReason = "submitter limit exceeded" ]')
    assert refused.problem == "the negotiator refused it: submitter limit exceeded"
    assert "has not come to it yet" in view().problem
    assert "access point itself" in view("[ JobUniverse = 12 ]").problem


def test_users_who_come_first_are_named():
    """Where others have all slots: how many each has, and whose priority is better."""
    slot = classad2.ClassAd('[ State = "Claimed"; Requirements = true; Name = "s" ]')
    claims = [{"RemoteUser": f"u{i % 6}", "JobId": f"{i}.0"} for i in range(11)]
    reason = view(
        '[ User = "me" ]',
        slots=slots_of([slot]),
        claims=(*claims, {"RemoteUser": "me"}, {}),
        priorities={"me": 600.0, "u1": 500.0, "u2": 900.0},
    )
    assert reason.problem == (
        "1 slot can run it, and all are taken: your own jobs 1, u0 2, u1 2, u2 2 and 3 more; "
        "users with a better priority than yours (600): u1 500"
    )
    assert "condor_userprio" in reason.fix


def test_what_no_slot_meets_together_is_told_so():
    """Each clause is met by some slot, all of them by none."""
    slots = [
        classad2.ClassAd(f"[ Requirements = true; A = {a}; B = {b} ]") for a, b in ((1, 0), (0, 1))
    ]
    job = classad2.ClassAd("[ Requirements = TARGET.A == 1 && TARGET.B == 1 ]")
    reason = why_idle(job, Pool(slots_of(slots), (), {}, {}, 1))
    assert reason.problem == "none of the pool's slots (2) meets all that is asked together"
    assert "leave out or correct: TARGET." in reason.fix
