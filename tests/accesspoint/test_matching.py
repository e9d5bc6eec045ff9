"""Which clause of a job fails on which slots, and the smallest change."""

import classad2
import pytest

from wingspan.accesspoint.matching import largest, match, slots_of

GPU = '[ Id = "{id}"; Capability = {capability}; GlobalMemoryMb = {memory} ]'
_RESOURCES = """
    TARGET.RequestCpus <= MY.Cpus && TARGET.RequestMemory <= MY.Memory && TARGET.RequestDisk <= MY.Disk
    && (TARGET.RequestGPUs is undefined || MY.GPUs >= TARGET.RequestGPUs)
"""


def slot(name="a", cpus=8, memory=8000, disk_mb=1000, gpus=(), start="true", left=None, **more):
    """Give the ad of a partitionable slot; `left` are attributes that differ because of jobs in it."""
    ad = classad2.ClassAd(
        f"[ Requirements = Start && WithinResourceLimits; WithinResourceLimits = {_RESOURCES}; Start = {start} ]"
    )
    amounts = {"Cpus": cpus, "Memory": memory, "Disk": disk_mb * 1024, "GPUs": len(gpus)}
    ad.update({f"TotalSlot{key}": value for key, value in amounts.items()})
    ad.update({**amounts, "Name": name, "State": "Unclaimed", "SlotType": "Partitionable"})
    ad.update({"PartitionableSlot": True, "OpSysAndVer": "Debian12", "HasFileTransfer": True})
    for number, (capability, memory_mb) in enumerate(gpus):
        text = GPU.format(id=number, capability=capability, memory=memory_mb)
        ad[f"GPUs_{number}"] = classad2.ClassAd(text)
    ad["AvailableGPUs"] = classad2.ExprTree(
        "{" + ", ".join(f"GPUs_{i}" for i in range(len(gpus))) + "}"
    )
    ad.update(left or {})
    ad.update(more)
    return ad


def job(requirements="TARGET.HasFileTransfer", cpus=1, memory=100, disk_mb=10, gpus=0, **more):
    """Give the ad of a job as condor_submit makes it."""
    implied = "TARGET.Memory >= RequestMemory"
    if gpus:
        implied += " && countMatches(MY.RequireGPUs, TARGET.AvailableGPUs) >= RequestGPUs"
        more = {"RequestGPUs": gpus, **more}
    require = more.pop("RequireGPUs", None)
    ad = classad2.ClassAd(f"[ Requirements = ({requirements}) && {implied} ]")
    ad.update({"RequestCpus": cpus, "RequestMemory": memory, "RequestDisk": disk_mb * 1024})
    ad.update(more)
    if gpus:
        ad["RequireGPUs"] = classad2.ExprTree(require or "true")
    return ad


POOL = (
    slot("small", cpus=4, memory=4000, disk_mb=500),
    slot("big", cpus=16, memory=8000, disk_mb=2000),
    slot("gpu", cpus=8, memory=8000, gpus=((7.0, 16000), (8.0, 40000)), OpSysAndVer="Debian13"),
)


def tried(ad, pool=POOL):
    return match(ad, slots_of(pool))


def test_a_job_that_fits_is_counted():
    """All slots that can take it are counted, and no change is named."""
    found = tried(job())
    assert (found.total, found.fit, found.free) == (3, 3, 3)
    assert found.failing == found.change == ()
    texts = [clause.text for clause in found.clauses]
    assert texts == [
        "request_cpus = 1",
        "request_memory = 100 MB",
        "request_disk = 10 MB",
        "TARGET.HasFileTransfer",
    ]


@pytest.mark.parametrize(
    ("asked", "kind", "text", "change", "changed"),
    [
        ({"cpus": 64}, "cpus", "request_cpus = 64", "request_cpus: ask for at most 16", 1),
        (
            {"memory": 900000},
            "memory",
            "request_memory = 900000 MB",
            "request_memory: ask for at most 8000 MB",
            2,
        ),
        (
            {"disk_mb": 10**6},
            "disk",
            "request_disk = 1000000 MB",
            "request_disk: ask for at most 2000 MB",
            1,
        ),
        ({"gpus": 3}, "gpus", "request_gpus = 3", "request_gpus: ask for at most 2", 1),
        (
            {"gpus": 1, "RequireGPUs": "Capability >= MinCap", "MinCap": 9.0},
            "gpu_capability",
            "each GPU: Capability >= 9",
            "GPUs' Capability: ask for at most 8",
            1,
        ),
        (
            {"gpus": 2, "RequireGPUs": "Capability >= 6.0 && GlobalMemoryMb >= 20000"},
            "gpu_memory",
            "each GPU: GlobalMemoryMb >= 20000",
            "GPUs' GlobalMemoryMb: ask for at most 16000",
            1,
        ),
        (
            {"gpus": 1, "RequireGPUs": 'DeviceName == "H200"'},
            "gpu",
            'each GPU: DeviceName == "H200"',
            'leave out or correct: DeviceName == "H200"; these slots do not say DeviceName',
            1,
        ),
        (
            {"requirements": 'HasFileTransfer && OpSysAndVer == "Debian11"'},
            "requirements",
            'OpSysAndVer == "Debian11"',
            'leave out or correct: OpSysAndVer == "Debian11"; OpSysAndVer is "Debian12" (2 slots), "Debian13" (1 slot)',
            3,
        ),
        (
            {"requirements": "TARGET.HasFileTransfr"},
            "requirements",
            "TARGET.HasFileTransfr",
            "leave out or correct: TARGET.HasFileTransfr; these slots do not say HasFileTransfr; did you mean HasFileTransfer?",
            3,
        ),
        (
            {"requirements": "regexp(TARGET.Name, 5) == 3"},
            "requirements",
            "regexp(TARGET.Name,5) == 3",
            "leave out or correct: regexp(TARGET.Name,5) == 3",
            3,
        ),
    ],
)
def test_the_failing_clause_and_the_smallest_change_are_named(asked, kind, text, change, changed):
    """One clause fails on all slots; the change names the value with which slots match, and how many."""
    found = tried(job(**asked))
    assert (found.fit, found.free) == (0, 0)
    (failing,) = [clause for clause in found.failing if clause.kind == kind]
    assert failing.text == text
    assert found.change == (change,)
    assert found.changed == changed


def test_two_clauses_that_no_slot_meets_together_are_both_named():
    """Each clause is met by some slot, but none meets both: the slot that lacks least decides."""
    found = tried(job(cpus=12, gpus=1))
    assert found.failing == ()
    assert found.fit == 0
    assert found.change == ("request_cpus: ask for at most 8",)
    found = tried(job(cpus=64, memory=9000, gpus=1))
    assert found.change == (
        "request_cpus: ask for at most 8",
        "request_memory: ask for at most 8000 MB",
    )
    assert found.changed == 1


def test_a_change_that_the_user_can_make_comes_before_one_of_the_pool():
    """START is the administrator's; a slot that refuses by it alone is not the first advice."""
    closed = slot("closed", cpus=64, start='TARGET.ProjectName =?= "x" && MY.Cpus > 1')
    found = tried(job(cpus=32), (*POOL, closed))
    assert found.change == ("request_cpus: ask for at most 16",)
    only = tried(job(cpus=32), (closed,))
    assert only.change == (
        'these slots take only jobs with TARGET.ProjectName is "x"; set the submit command +ProjectName',
    )
    assert [clause.kind for clause in only.failing] == ["start"]
    refusing = slot("refusing", start="MY.Cpus > 99")
    assert "administrator" in tried(job(), (refusing,)).change[0]
    assert tried(job(cpus=32, ProjectName="x"), (closed,)).fit == 1


def test_jobs_in_a_slot_change_what_is_free_and_not_what_fits():
    """A partitionable slot is tried as if it were empty; what is free counts what jobs have left."""
    busy = slot("busy", gpus=((8.0, 1),), left={"Cpus": 1, "GPUs": 0})
    part = slot("part", left={"SlotType": "Dynamic", "State": "Claimed"})
    busy["AvailableGPUs"] = classad2.ExprTree("{}")
    found = tried(job(cpus=4, gpus=1), (busy, part))
    assert (found.total, found.fit, found.free) == (1, 1, 0)
    claimed = slot("static", State="Claimed", SlotType="Static", PartitionableSlot=False)
    found = tried(job(), (claimed,))
    assert (found.fit, found.free) == (1, 0)


def test_what_only_the_whole_refuses_is_told():
    """Where every clause is met alone but job and slot do not match, that is said, not hidden."""
    odd = slot("odd")
    odd["Requirements"] = classad2.ExprTree("Start && TARGET.RequestCpus > 99")
    found = tried(job(), (odd,))
    assert found.fit == 0
    assert "as a whole" in found.change[0]
    assert found.failing[0].text == "all of these together"


def test_a_pool_without_slots_is_no_error():
    """No slots: nothing fits and nothing is advised."""
    assert tried(job(), ()).change == ()


def test_requests_that_are_expressions_are_worked_out():
    """DAGMan's nodes ask for memory with an expression; clauses twice in Requirements count once."""
    ad = job("HasX && HasX")
    ad["RequestMemory"] = classad2.ExprTree("int(max({ 9000 * 1, 3 }))")
    found = tried(ad)
    assert [c.text for c in found.failing] == ["request_memory = 9000 MB", "HasX"]


def test_the_largest_slots_are_those_that_meet_all_else():
    """Memory and disk each by itself; jobs in a slot count as gone; a slot that lacks anything else does not count."""
    busy = slot("busy", cpus=16, memory=9000, disk_mb=900, left={"Memory": 10, "Cpus": 0})
    pool = slots_of([*POOL, busy])
    assert largest(job(), pool) == {"memory": 9000, "disk": 2000}
    assert largest(job(memory=99999), pool) == {"memory": 9000}
    assert largest(job('TARGET.OpSysAndVer == "Debian13"'), pool) == {"memory": 8000, "disk": 1000}
    assert largest(job(gpus=2), pool) == {"memory": 8000, "disk": 1000}
    assert largest(job(cpus=99), pool) == {}
