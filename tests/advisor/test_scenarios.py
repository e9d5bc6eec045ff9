"""Scenes from pools with a known fault: each small log gets the verdict and the answer that an expert would give."""

from dataclasses import dataclass, field

import pytest

from wingspan.advisor.answers.advise import advise
from wingspan.advisor.answers.blame import WIDE

OWN = {"job", "cluster", "job or cluster"}
RELEASE = {"release now", "release later"}
FIX = {"fix first"}
MANY = [f"e{number}.campus.edu" for number in range(12)]
INPUT = "Transfer input files failure at execution point slot1@{h} using protocol https. Details: "
OUTPUT = "Transfer output files failure at execution point slot1@{h} while sending files to access point ap. Details: "


@dataclass
class Pool:
    """An event log in the making."""

    events: list = field(default_factory=list)

    def add(self, second, job, code, *details):
        self.events.append((second, len(self.events), job, code, details))

    def good(self, second, job, host, took=900):
        self.add(second, job, 0)
        self.add(second + 20, job, 1, host)
        self.add(second + 20 + took, job, 5)

    def held(self, second, job, host, why, took=900, *, submitted=False):
        """A run that ends in a hold; without a host the job did not start."""
        text, code, subcode = why
        if not submitted:
            self.add(second, job, 0)
        if host:
            self.add(second + 20, job, 1, host)
        self.add(
            second + 20 + took, job, 12, code, text.replace("{h}", host or "e1.campus.edu"), subcode
        )

    def cluster(self, number, why, jobs=8, hosts=MANY, start=0, took=900):
        for proc in range(jobs):
            self.held(start + 5 * proc, (number, proc), hosts[proc % len(hosts)], why, took)

    def neighbours(self, start=-7200, span=7200, jobs=48, hosts=MANY):
        for number in range(jobs):
            second = start + span * number // jobs
            self.good(second, (900 + number // 4, number % 4), hosts[number * 5 % len(hosts)])

    def text(self, event):
        return "".join(
            event(second, cluster, code, *details, proc=proc)
            for second, _, (cluster, proc), code, details in sorted(self.events)
        )


def one_cluster(text, code, subcode, **more):
    def scene(pool):
        pool.cluster(1, (text, code, subcode), **more)

    return scene


def shared_folder(pool):
    """The file system of the access point hangs under seven users."""
    pool.neighbours()
    why = ("Cannot access initial working directory /home/u/run: Stale file handle", 14, 116)
    for cluster in range(1, 8):
        pool.cluster(cluster, why, 4, [""], cluster, 10)


def same_in_all_clusters(pool):
    """A user's own log: every cluster so far ended in this hold."""
    for cluster in range(1, 12):
        pool.cluster(cluster, ("Job failed validation stage 7", 3, 55), 3, start=1200 * cluster)


SCENES = {  # name: (log, verdicts, answers)
    "memory, a cluster alone": (
        one_cluster("Error from slot1@{h}: memory usage exceeded request_memory", 34, 102),
        OWN,
        FIX,
    ),
    "memory, in a policy's words": (
        one_cluster("Speicherlimit ueberschritten, bitte request_memory erhoehen", 26, 4),
        OWN,
        FIX,
    ),
    "a policy without words": (
        one_cluster("Job violates pool policy, see the wiki", 26, 0),
        {*OWN, ""},
        {"no evidence"},
    ),
    "no reason": (one_cluster("Reason unspecified", 0, 0), {*OWN, WIDE, ""}, {"no evidence"}),
    "held by its user": (
        one_cluster("via condor_hold (by user ada)", 1, 0),
        {""},
        {"no evidence"},
    ),
    "submitted on hold": (
        one_cluster("submitted on hold at user's request", 15, 0, hosts=[""]),
        {""},
        {"no evidence"},
    ),
    "a policy of the administrator's, not the administrator": (
        one_cluster("Job was evicted 6 times, held by the administrator's policy", 26, 9),
        {*OWN, ""},
        {*FIX, *RELEASE, "no evidence"},
    ),
    "missing input": (
        one_cluster(
            "Transfer input files failure at access point ap while sending files to execution point "
            "slot1@{h}. Details: reading from file /home/u/a.csv: (errno 2) No such file or directory",
            13,
            2,
        ),
        OWN,
        FIX,
    ),
    "shared folder": (shared_folder, {"access point"}, {"release later"}),
    "the same in all clusters": (
        same_in_all_clusters,
        {"user", WIDE, "access point", ""},
        {*FIX, "no evidence"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SCENES)
def test_scene(write, event, name):
    scene, verdicts, answers = SCENES[name]
    pool = Pool()
    scene(pool)
    held = [job for each in advise(write(pool.text(event))) for job in each.jobs]
    assert held
    for job in held:
        assert job.whose in verdicts, (job.job, job.whose, job.share, job.evidence)
        assert job.answer in answers, (job.job, job.answer, job.cause, job.evidence)
        assert job.share <= 0.95
        assert "person" not in job.cause or job.code in {1, 15, 16}
